"""One recording's life in the recorder: what is done to its session, in which order, and what may go wrong.

    growing ──► ended ──► manifest ──► committed ──► spool file destroyed
       └──────► failed: said at once; what is sealed is kept, the rest is thrown away until somebody closes it

Blocking work goes to threads, one job at a time under `lock`. What the ledger refuses is tried again: the audio
waits in the spool, or is sealed and waits for its commit.
"""

import asyncio
import contextlib
import errno
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from storage.errors import StorageError
from storage.instant import to_us
from storage.vault import manifest as paper
from storage.vault.blobs import FolderBlobs, manifest_name
from storage.vault.books import Books, Clock
from storage.vault.errors import BlobExists, NoKek, RecorderError
from storage.vault.format import CHUNK, FRAME
from storage.vault.session import Failure, Session, SpoolChanged
from storage.vault.watchers import Watchers

T = TypeVar("T")
log = logging.getLogger("heedline.recorder")

WRITER_GRACE = 3.0  # seconds for Asterisk to let go of a spool file after StopMixMonitor or a hang-up
FIRST_BLOCK = 3.0  # seconds; MixMonitor opens the file at once and writes its first block after one second
RETRY = 1.0  # seconds between attempts to commit what the ledger refused


class Work(Protocol):
    def __call__(self, job: Callable[[], T], /) -> Awaitable[T]:
        """Run a blocking job in a worker thread."""


@dataclass(frozen=True)
class Bench:
    """What every follower works with."""

    books: Books
    blobs: FolderBlobs
    watchers: Watchers
    work: Work
    clock: Clock
    segment_minutes: float


class Follower:
    """`done` once the recording is closed and nothing of it is left in the spool."""

    def __init__(self, session: Session, bench: Bench, now: float) -> None:
        self.session, self._bench = session, bench
        self.lock = asyncio.Lock()
        self.done = False
        self.grew_at = now  # seconds of the loop's clock
        self._began = now
        self._seen_size = 0
        self._wanted: tuple[bool, str] | None = None  # (crashed, reason): somebody asked to close it
        self._cut = False  # what is not sealed yet must not be
        self._settled = False  # a failure is committed
        self._not_before = 0.0

    @property
    def id(self) -> str:
        return self.session.id

    # --- looking ------------------------------------------------------------------------------------------

    def has_work(self, now: float) -> bool:
        """Whether `step` should run. Looks at the spool file only: a fstat on tmpfs, which never blocks."""
        if self.lock.locked() or self.done or self._not_before > now:
            return False
        try:
            waiting = self.session.waiting()
        except SpoolChanged:
            return True
        if self.session.sealed + waiting != self._seen_size:
            self._seen_size, self.grew_at = self.session.sealed + waiting, now
        return waiting >= CHUNK or self.session.writer is None

    def unheard(self, now: float) -> bool:
        """Whether the first block should be there by now and is not: `fail_if_unwritten` finds out why."""
        return self._seen_size == 0 and now - self._began > FIRST_BLOCK and not self.lock.locked()

    async def fail_if_unwritten(self) -> None:
        """AMI's MixMonitor answers Success even when Asterisk could not open the file. Then nobody has it open.

        Who has it open and writes nothing waits for a phone that sends no audio: that is no failure.
        """
        async with self.lock:
            spool = self.session.spool_file
            if self.done or self._wanted or self.session.failure or spool is None or spool.size():
                return
            if not await self._bench.work(spool.being_written):
                await self.fail(Failure.NO_AUDIO)

    async def step(self) -> None:
        """Seal what has grown, or go on with what has to be tried again."""
        async with self.lock:
            if self.done:
                return
            if self._wanted is not None:
                with contextlib.suppress(RecorderError):
                    await self._finish()
            elif self.session.failure is not None:
                await self._discard()
                if not self._settled:
                    await self._settle_failure()
            else:
                await self._guarded(self._seal)

    async def _seal(self) -> None:
        session = self.session
        if session.writer is None and not await self.next_segment():
            return
        while await self._bench.work(session.advance):
            pass
        if session.writer is not None and session.writer.durable >= self._segment_bytes():
            await self._bench.work(lambda: session.end_segment(with_tail=False))
            await self.next_segment()

    def _segment_bytes(self) -> int:
        wanted = int(self._bench.segment_minutes * 60 * self.session.recording.rate * FRAME)
        return max(CHUNK, wanted // CHUNK * CHUNK)

    async def next_segment(self, *, resumed: bool = False) -> bool:
        """Begin the next segment. False: the ledger is busy or there is no key. Raises OSError, BlobExists."""
        at, session = self._bench.clock(), self.session
        try:
            number, dek = await self._bench.books.next_segment(session, at, resumed=resumed)
        except NoKek as error:
            log.error("recording %s: %s", self.id, error)
            await self.fail(Failure.NO_KEK)
            return False
        except StorageError as error:
            self._retry_later(error)
            return False
        await self._bench.work(lambda: session.begin_segment(self._bench.blobs, number, to_us(at), dek))
        return True

    # --- pausing and closing ------------------------------------------------------------------------------

    async def pause(self, at: datetime, *, lasting: bool) -> None:
        """Note the beginning or end of a pause, durably. Raises RecorderError `database`."""
        async with self.lock:
            try:
                await self._bench.books.pause(self.session, at, lasting=lasting)
            except StorageError as error:
                raise RecorderError("database", str(error)) from None

    async def admit(self, at: datetime) -> None:
        """What is said from `at` on may hold the callee's voice. Raises RecorderError `unknown`: it can't go on."""
        async with self.lock:
            try:
                await self._bench.work(lambda: self.session.admit(at))
            except (SpoolChanged, OSError) as error:
                raise RecorderError("unknown", f"its spool file is gone ({type(error).__name__})") from None

    async def close(self, *, crashed: bool, reason: str, cut: bool = False) -> paper.Manifest | None:
        """Seal to the last byte, commit, destroy the spool file. None: done already.

        cut: what is not sealed yet is thrown away; for audio that should not have been written at all.

        Raises RecorderError `database`: the recorder goes on trying by itself; ask again.
        """
        async with self.lock:
            if self.done:
                return None
            self._wanted = self._wanted or (crashed, reason)
            if cut and not self._cut:
                self._cut = True
                await self._bench.work(self.session.abandon_segment)
                await self._discard()
            return await self._finish()

    async def end_for_restart(self) -> None:
        """End the segment with all there is, so that nothing but whole segments wait for the next start."""
        async with self.lock:
            if self.done or self.session.failure or self.session.closing:
                return
            await self._guarded(lambda: self._bench.work(lambda: self.session.end_segment(with_tail=True)))
            try:
                await self._bench.books.note_ended(self.session)
            except StorageError as error:
                # Left open in the ledger, the segment is measured again at the next start.
                log.warning("recording %s: %s", self.id, error)

    async def _finish(self) -> paper.Manifest:
        session = self.session
        if session.closing is None and session.failure is None and not self._cut:
            await self._guarded(self._drain)
        return await self._commit_end()

    async def _drain(self) -> None:
        session = self.session
        if session.spool_file is None:
            return
        await self._let_writer_go()
        if session.writer is None and session.waiting() and not await self.next_segment():
            if session.failure is not None:
                return
            raise RecorderError("database", "the ledger is busy; the audio is kept in the spool, ask again")
        await self._bench.work(lambda: session.end_segment(with_tail=True))

    async def _let_writer_go(self) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + WRITER_GRACE
        while await self._bench.work(self.session.spool.being_written):
            if loop.time() > deadline:
                self.gap(paper.GapKind.STILL_WRITING)
                log.warning("recording %s: Asterisk still writes; sealed as far as it is", self.id)
                return
            await asyncio.sleep(0.02)

    async def _commit_end(self) -> paper.Manifest:
        session, bench = self.session, self._bench
        failure = session.failure.value if session.failure else ""
        crashed, reason = self._wanted or (False, failure)
        try:
            closing = await bench.books.write_manifest(session, bench.clock(), crashed=crashed, reason=reason)
            await self._put_manifest(closing.body, closing.signature)
            await bench.books.close(session, closing)
        except StorageError as error:
            self._retry_later(error)
            raise RecorderError("database", f"sealed, but not committed yet: {error}") from None
        if self._wanted is not None:
            if session.spool_file is not None:
                await bench.work(session.spool_file.destroy)
            self.done = True
            bench.watchers.tell_sealed(closing.manifest)
        return closing.manifest

    async def _put_manifest(self, body: bytes, signature: bytes) -> None:
        name, blobs = manifest_name(self.id), self._bench.blobs
        data = paper.to_file(body, self._bench.books.key_id, signature)

        def put() -> None:
            try:
                blobs.put(name, data)
            except BlobExists:
                # From before a crash, and never committed: the ledger has the recording open.
                blobs.delete(name)
                blobs.put(name, data)

        try:
            await self._bench.work(put)
        except (OSError, BlobExists) as error:
            # The ledger holds the manifest and its signature too: what is sealed is not lost for that.
            log.error("recording %s: no manifest beside its segments: %s", self.id, error)

    # --- when it can't go on ------------------------------------------------------------------------------

    async def _guarded(self, act: Callable[[], Awaitable[None]]) -> None:
        try:
            await act()
        except (SpoolChanged, OSError, BlobExists) as error:
            await self.fail(failure_of(error))

    async def fail(self, failure: Failure) -> None:
        """Under the lock: say it at once, keep what is sealed; the rest will be thrown away."""
        if self.session.failure is not None:
            return
        log.error("recording %s failed: %s", self.id, failure.value)
        self.session.failure = failure
        self._bench.watchers.tell_failed(self.id, failure.value)
        self.gap(paper.GapKind(failure.value))
        await self._bench.work(self.session.abandon_segment)
        if self._wanted is None:
            await self._settle_failure()

    async def _settle_failure(self) -> None:
        with contextlib.suppress(RecorderError):
            await self._commit_end()
            self._settled = True

    async def _discard(self) -> None:
        # Nobody will seal it, and the room is needed by the other recordings.
        if self.session.spool_file is not None:
            await self._bench.work(self.session.spool_file.discard)

    def room_low(self) -> None:
        """The spool is nearly full: from here on Asterisk may drop audio, silently."""
        self.gap(paper.GapKind.SPOOL_FULL)
        self._bench.watchers.tell_failed(self.id, paper.GapKind.SPOOL_FULL.value)

    def room_again(self) -> None:
        now = to_us(self._bench.clock())
        self.session.gaps = [_ended(gap, now) for gap in self.session.gaps]

    def gap(self, kind: paper.GapKind) -> None:
        self.session.gaps.append(paper.Gap(kind, to_us(self._bench.clock()), None))

    def _retry_later(self, error: Exception) -> None:
        log.warning("recording %s waits for the ledger: %s", self.id, error)
        self._not_before = asyncio.get_running_loop().time() + RETRY


def _ended(gap: paper.Gap, now_us: int) -> paper.Gap:
    if gap.kind is paper.GapKind.SPOOL_FULL and gap.to_us is None:
        return paper.Gap(gap.kind, gap.from_us, max(now_us, gap.from_us))
    return gap


def failure_of(error: Exception) -> Failure:
    """What a blocking job's error means for the recording."""
    if isinstance(error, SpoolChanged):
        return Failure.SPOOL_CHANGED
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return Failure.DISK_FULL
    return Failure.DISK_ERROR
