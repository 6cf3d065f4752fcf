"""The custodian: the only one who opens what was recorded, for whom the rules allow it.

Order: manifest proven → access decided and its audit entry COMMITTED → wrapped keys proven and opened → audio.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from datetime import datetime
from types import TracebackType

from storage.audit import AuditTag
from storage.database import Database
from storage.governance.access import Action
from storage.governance.authorise import authorise
from storage.ledger.recordings import Kek, Recording, RecordingState, Wrap
from storage.vault import keys
from storage.vault.blobs import Blobs, opened, segment_name
from storage.vault.errors import BadManifest, BadSegment, KekDestroyed
from storage.vault.format import FRAME
from storage.vault.keyring import private_half
from storage.vault.manifest import Manifest, SegmentEntry, from_ledger
from storage.vault.providers import KeyProvider
from storage.vault.random_access import ChunkReader
from storage.vault.signing import Trusted

_BLOCK = 64 * 1024

_TAGS = {
    Action.PLAY_RECORDING: AuditTag.RECORDING_PLAYED,
    Action.EXPORT_RECORDING: AuditTag.RECORDING_EXPORTED,
}


class OpenRecording(AbstractContextManager["OpenRecording"]):
    """A recording whose audio can be read, at any place. Close it (`with`): it holds files open."""

    def __init__(self, manifest: Manifest, blobs: Blobs, dek: Callable[[int], bytes]) -> None:
        """Raises BadSegment, BlobMissing, and what `dek` raises."""
        self.manifest = manifest
        self._files = ExitStack()
        self._parts: list[tuple[int, ChunkReader]] = []  # where in the audio each segment begins
        start = 0
        try:
            for entry in manifest.segments:
                name = segment_name(manifest.recording, entry.number)
                blob = self._files.enter_context(opened(blobs, name))
                if blob.size != entry.size:
                    raise BadSegment(f"{name}: {blob.size} bytes, {entry.size} when it was sealed")
                reader = ChunkReader(dek(entry.number), blob.read_at, blob.size, name, torn=not entry.complete)
                _same(reader, manifest, entry, name)
                self._parts.append((start, reader))
                start += entry.plaintext
        except BaseException:
            self._files.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.close()

    @property
    def frames(self) -> int:
        """Stereo samples."""
        return self.manifest.plaintext // FRAME

    def read(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes of audio from byte `offset`; only the chunks they lie in are opened.

        Raises BadSegment: a chunk was changed.
        """
        found = []
        for start, reader in self._parts:
            end = start + reader.shape.plaintext
            if offset < end and length > 0 and offset >= start:
                part = reader.read(offset - start, min(length, end - offset))
                found.append(part)
                offset += len(part)
                length -= len(part)
        return b"".join(found)

    def stretch(self, first: int, last: int) -> Iterator[bytes]:
        """The audio from frame `first` up to frame `last`, in blocks of at most 64 KiB. Raises as `read`."""
        offset, end = first * FRAME, min(last, self.frames) * FRAME
        while offset < end:
            block = self.read(offset, min(_BLOCK, end - offset))
            if not block:
                return
            yield block
            offset += len(block)


def _same(reader: ChunkReader, manifest: Manifest, entry: SegmentEntry, name: str) -> None:
    header = reader.header
    found = (header.recording, header.segment, header.rate, reader.shape.chunks, reader.shape.plaintext)
    if found != (manifest.recording, entry.number, manifest.rate, entry.chunks, entry.plaintext):
        raise BadSegment(f"{name}: is not the segment that the manifest names")


class Custodian:
    """Holds the key provider. Nothing is opened but through `open`."""

    def __init__(self, db: Database, blobs: Blobs, provider: KeyProvider, trusted: Trusted) -> None:
        self._db, self._blobs, self._provider, self._trusted = db, blobs, provider, trusted

    async def open(
        self, recording_id: str, action: Action, *, principal: str, reason: str, at: datetime
    ) -> OpenRecording:
        """Open a recording to play or to export it.

        Raises NoSuchRecording, AccessDenied, NoSuchPrincipal, BadManifest, BadSegment, BadWrap, KekDestroyed,
        BlobMissing.
        """
        async with self._db.read() as tx:
            recording = await tx.recordings.get(recording_id)
        manifest = proven_manifest(recording, self._trusted)
        await authorise(
            self._db,
            principal,
            action,
            tag=_TAGS[action],
            reason=reason,
            at=at,
            data={"recording": recording.id},
        )
        async with self._db.read() as tx:
            wraps = await tx.wraps.of(recording.id)
            keks = {wrap.kek_id: await tx.keks.get(wrap.kek_id) for wrap in wraps}
        return OpenRecording(manifest, self._blobs, lambda segment: self._dek(recording.id, segment, wraps, keks))

    def _dek(self, recording: str, segment: int, wraps: list[Wrap], keks: dict[str, Kek]) -> bytes:
        mine = [wrap for wrap in wraps if wrap.segment == segment]
        living = [wrap for wrap in mine if keks[wrap.kek_id].sealed_private is not None]
        if not living:
            raise KekDestroyed(f"recording {recording}, segment {segment}: its key was destroyed; it is erased")
        wrap = living[-1]
        place = keys.Place(recording, segment, wrap.kek_id)
        algorithm = keys.algorithm_named(wrap.algorithm)
        keys.check(wrap.wrapped, algorithm, place, self._trusted)
        return keys.unwrap(wrap.wrapped, private_half(keks[wrap.kek_id], self._provider), algorithm, place)


def proven_manifest(recording: Recording, trusted: Trusted) -> Manifest:
    """The manifest of a closed recording, its signature checked. Raises BadManifest: open still, none, or changed."""
    where = f"recording {recording.id}"
    if recording.state is RecordingState.OPEN:
        raise BadManifest(f"{where}: is being recorded; wait for its end")
    if recording.manifest is None or recording.manifest_signature is None:
        raise BadManifest(f"{where}: has no manifest ({recording.reason or 'nothing was sealed'})")
    manifest = from_ledger(recording.manifest, recording.manifest_signature, trusted, where)
    if manifest.recording != recording.id:
        raise BadManifest(f"{where}: its manifest is that of recording {manifest.recording}")
    return manifest
