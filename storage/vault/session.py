"""One recording while it is being recorded: spool on one side, segments on the other. Synchronous.

Every method may block on a disk and runs in a worker thread, never two at a time for one session (its `Follower`
sees to that). Offsets are bytes of plaintext since the recording began.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from storage.instant import to_us
from storage.ledger.recordings import Pause, Recording
from storage.vault import manifest as paper
from storage.vault.blobs import FolderBlobs, segment_name
from storage.vault.format import CHUNK, FRAME, Codec, Layout, SegmentHeader
from storage.vault.segment import SegmentWriter
from storage.vault.spool import Bar, SpoolFile, SpoolFolder

_AT_ONCE = 64 * CHUNK  # 1 MiB: bounds memory and how long one recording keeps a worker
_HELD_BACK = 64 * 1024  # bytes heard and not yet in the spool, at most: a block of 32 KiB fills up, another is written


class Failure(Enum):
    """Why a recording could not go on, as programs are told; each is a `GapKind` of the manifest too."""

    DISK_FULL = "disk_full"
    DISK_ERROR = "disk_error"
    NO_KEK = "no_kek"
    SPOOL_LOST = "spool_lost"
    SPOOL_CHANGED = "spool_changed"
    NO_AUDIO = "no_audio"


class SpoolChanged(Exception):
    """The spool file shrank or was unlinked while it was being recorded."""


@dataclass
class Closing:
    """A recording on its way to being closed: its manifest is written once, whatever has to be tried again."""

    manifest: paper.Manifest
    body: bytes
    signature: bytes


@dataclass
class Session:
    recording: Recording
    spool_file: SpoolFile | None  # None: it is gone
    writer: SegmentWriter | None
    entries: list[paper.SegmentEntry] = field(default_factory=list)
    unrecorded: list[paper.SegmentEntry] = field(default_factory=list)  # closed, not yet in the ledger
    next_segment: int = 1
    gaps: list[paper.Gap] = field(default_factory=list)
    failure: Failure | None = None
    closing: Closing | None = None
    admitted: int | None = 0  # the callee's side is sealed as silence up to this offset; None: all of it
    _lifting: bool = False  # until all before `admitted` is sealed, the file says that some is not

    @classmethod
    def begin(
        cls, recording: Recording, blobs: FolderBlobs, spool: SpoolFolder, dek: bytes, barred: bool = False
    ) -> "Session":
        """Create segment 0, then the empty spool file. Raises BlobExists, OSError."""
        session = cls(recording, None, None)
        session.begin_segment(blobs, 0, to_us(recording.started), dek)
        try:
            session.take_spool(spool.create(recording.id, barred=barred), recording.started)
        except OSError:
            session.abandon_segment()
            blobs.delete(segment_name(recording.id, 0))
            raise
        return session

    def take_spool(self, file: SpoolFile | None, at: datetime) -> None:
        """Record from that file; whether the callee is barred, it says itself: after a restart nobody else could.

        Up to where it was being lifted is not known any more: up to `at`, then.
        """
        self.spool_file = file
        bar = Bar.DOWN if file is None else file.bar()
        self.admitted = 0 if bar is Bar.DOWN else None
        if bar is Bar.LIFTING:
            self.admit(at)

    def admit(self, at: datetime) -> None:
        """What is said from `at` on may hold the callee's voice; asking again changes nothing.

        Asterisk still holds back what was said in the last second, and of that it may mute nothing. Its time line
        begins after the recording did, so what was said by `at` lies before the bytes of the time since then. A clock
        that was set meanwhile is not believed past what Asterisk can hold back.
        """
        if self.admitted is None:
            recording, written = self.recording, self.spool.size()
            said = int((at - recording.started).total_seconds() * recording.rate) * FRAME
            self.admitted = min(max(written, said), written + _HELD_BACK)
            self.spool.set_bar(Bar.LIFTING)
            self._lifting = True

    def _permitted(self, start: int, plaintext: bytes) -> bytes:
        """MixMonitor is told to mute the callee until then; this holds also when it was not, or a frame came before.

        Left, two bytes of each frame's four, is what comes from the callee's channel (`Layout.IN_OUT`).
        """
        end = len(plaintext) if self.admitted is None else min(max(self.admitted - start, 0), len(plaintext))
        if not end:
            return plaintext
        silent = bytearray(plaintext)
        for byte in (0, 1):
            left = range((byte - start) % FRAME, end, FRAME)
            silent[left.start : end : FRAME] = bytes(len(left))
        return bytes(silent)

    def begin_segment(self, blobs: FolderBlobs, number: int, started_us: int, dek: bytes) -> None:
        """Raises BlobExists, OSError."""
        self.writer = SegmentWriter(blobs, self.header(number, started_us), dek)

    @property
    def spool(self) -> SpoolFile:
        if self.spool_file is None:
            raise SpoolChanged
        return self.spool_file

    @property
    def id(self) -> str:
        return self.recording.id

    @property
    def sealed(self) -> int:
        """Bytes that no crash can take any more."""
        done = sum(entry.plaintext for entry in self.entries)
        return done + (self.writer.durable if self.writer else 0)

    def header(self, number: int, started_us: int) -> SegmentHeader:
        recording = self.recording
        return SegmentHeader(
            tenant=recording.tenant,
            recording=recording.id,
            segment=number,
            codec=Codec.S16LE,
            layout=Layout(recording.layout),
            rate=recording.rate,
            started_us=started_us,
            node=recording.node,
        )

    def waiting(self) -> int:
        """Bytes in the spool that are not sealed. Raises SpoolChanged."""
        size, sealed = self.spool.size(), self.sealed
        if size < sealed or self.spool.lost():
            raise SpoolChanged
        return size - sealed

    def advance(self) -> int:
        """Seal the whole chunks that wait, 1 MiB at most. Returns how many bytes. Raises SpoolChanged, OSError."""
        if self.writer is None:
            return 0
        ready = min(self.waiting(), _AT_ONCE) // CHUNK * CHUNK
        if ready == 0:
            return 0
        start = self.sealed
        plaintext = self.spool.read(start, ready)
        if len(plaintext) != ready:
            raise SpoolChanged
        self.writer.seal(self._permitted(start, plaintext))
        self.spool.take_back(start + ready)
        if self._lifting and self.admitted is not None and self.sealed >= self.admitted:
            self.spool.set_bar(Bar.DOWN)
            self._lifting = False
        return ready

    def end_segment(self, *, with_tail: bool) -> None:
        """Seal what is left (less than a chunk, when `with_tail`) and end the segment. Raises as `advance`."""
        if self.writer is None:
            return
        while self.advance():
            pass
        tail = self.spool.read(self.sealed, min(self.waiting(), CHUNK - 1)) if with_tail else b""
        tail = self._permitted(self.sealed, tail)
        # The tail stays in the spool until the ledger knows that the segment has ended: killed before that, the
        # recorder can't tell a last short chunk from a torn one, cuts it, and seals this tail once more.
        self._closed(self.writer.finish(tail))

    def abandon_segment(self) -> None:
        """End the segment where it is durable, without a last short chunk."""
        if self.writer is not None:
            self._closed(self.writer.abandon())

    def _closed(self, entry: paper.SegmentEntry) -> None:
        if self.writer is not None:
            self.writer.close()
        self.writer = None
        self.entries.append(entry)
        self.unrecorded.append(entry)

    def write_manifest(
        self,
        sealed: datetime,
        pauses: list[Pause],
        *,
        crashed: bool,
        reason: str,
        sign: Callable[[bytes], bytes],
    ) -> Closing:
        """The manifest over what is there; made once, kept for whoever has to try again."""
        if self.closing is None:
            recording = self.recording
            written = paper.Manifest(
                tenant=recording.tenant,
                recording=recording.id,
                attempt=recording.attempt_id,
                node=recording.node,
                codec=Codec.S16LE,
                layout=Layout(recording.layout),
                rate=recording.rate,
                started_us=to_us(recording.started),
                sealed_us=to_us(sealed),
                crashed=crashed,
                failed=self.failure is not None,
                reason=reason,
                segments=tuple(self.entries),
                pauses=tuple(paper.Span(to_us(p.since), None if p.until is None else to_us(p.until)) for p in pauses),
                gaps=tuple(self.gaps),
            )
            body = written.encode()
            self.closing = Closing(written, body, sign(body))
        return self.closing
