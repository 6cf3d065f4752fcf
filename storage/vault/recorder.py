"""The recorder: follows what Asterisk writes into the RAM spool and seals it as it grows.

It holds public KEKs and its node's signing key: what it has sealed, it can't open again. One `Follower` a
recording; a pump looks at every spool file each TICK and hands growth to worker threads, so that a slow disk
holds up neither the socket nor the other recordings.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TypeVar

from storage.errors import LedgerConflict, StorageError
from storage.ledger.recordings import RecordingState
from storage.vault import manifest as paper
from storage.vault.blobs import FolderBlobs
from storage.vault.books import Books, Clock
from storage.vault.errors import BlobExists, NoKek, RecorderError
from storage.vault.fields import Json
from storage.vault.follower import Bench, Follower, failure_of
from storage.vault.session import Session
from storage.vault.spool import SpoolFolder
from storage.vault.watchers import Watcher, Watchers, failed_message
from storage.vault.wire import Request

T = TypeVar("T")
log = logging.getLogger("heedline.recorder")

TICK = 0.2  # seconds; MixMonitor writes a block of 32 KiB a second, and a fstat of each file costs 1 µs
ABANDONED_AFTER = 30.0  # seconds without growth and without a writer: nobody will close it any more
MOST_OPEN = 2_000
_WORKERS = 8
_ROOM_FLOOR = 512 * 1024
_ROOM_EACH = 64 * 1024  # two of MixMonitor's blocks a recording


def utc_now() -> datetime:
    return datetime.now(UTC)


class Recorder:
    def __init__(
        self,
        books: Books,
        blobs: FolderBlobs,
        spool: SpoolFolder,
        *,
        segment_minutes: float = 15,
        abandoned_after: float = ABANDONED_AFTER,
        clock: Clock = utc_now,
    ) -> None:
        self._books, self._blobs, self._spool, self._clock = books, blobs, spool, clock
        self._abandoned_after = abandoned_after
        self._followers: dict[str, Follower] = {}
        self._opening: dict[str, asyncio.Task[None]] = {}
        self._workers = ThreadPoolExecutor(_WORKERS, thread_name_prefix="seal")
        self._tasks: set[asyncio.Task[None]] = set()
        self._some = asyncio.Event()
        self._room_low = False
        self._watchers = Watchers()
        self.bench = Bench(books, blobs, self._watchers, self.work, clock, segment_minutes)

    # --- what a request asks for --------------------------------------------------------------------------

    async def open(self, request: Request) -> None:
        """Begin a recording: committed, its segment and its empty spool file there. Asking again is harmless.

        Raises RecorderError: no_kek, spool_full, disk_full, disk_error, exists, too_many, database.
        """
        follower = self._followers.get(request.recording)
        if follower is not None:
            if follower.session.recording.attempt_id != request.attempt:
                raise RecorderError("exists", "that recording belongs to another attempt")
            if not request.barred:
                await follower.admit(follower.session.recording.started)
            return
        # A second request for the same recording waits for the first.
        task = self._opening.get(request.recording)
        if task is None:
            task = asyncio.create_task(self._begin(request))
            self._opening[request.recording] = task
            task.add_done_callback(lambda _: self._opening.pop(request.recording, None))
        await asyncio.shield(task)

    async def _begin(self, request: Request) -> None:
        if len(self._followers) + len(self._opening) > MOST_OPEN:
            raise RecorderError("too_many", f"{MOST_OPEN} recordings are open")
        if self._low_on_room():
            raise RecorderError("spool_full", f"{self._spool.path} has no room; see what fills it")
        started = request.at or self._clock()
        recording = self._books.recording(request.recording, request.attempt, request.rate, started)
        try:
            dek = await self._books.begin(recording)
        except NoKek as error:
            raise RecorderError("no_kek", str(error)) from None
        except LedgerConflict as error:
            raise RecorderError("exists", str(error)) from None
        except StorageError as error:
            raise RecorderError("database", str(error)) from None
        try:
            session = await self.work(lambda: Session.begin(recording, self._blobs, self._spool, dek, request.barred))
        except (OSError, BlobExists) as error:
            failure = failure_of(error)
            log.error("recording %s could not begin: %s", recording.id, failure.value)
            with contextlib.suppress(StorageError):
                await self._books.never_began(recording.id, failure.value)
            raise RecorderError(failure.value, "the recording could not begin; see disk and spool") from None
        self.adopt(Follower(session, self.bench, asyncio.get_running_loop().time()))

    def adopt(self, follower: Follower) -> None:
        """Follow a recording from now on."""
        self._followers[follower.id] = follower
        self._some.set()

    async def pause(self, request: Request, *, lasting: bool) -> None:
        """Note the beginning or end of a pause, durably. Raises RecorderError: unknown, database."""
        await self._open_one(request).pause(request.at or self._clock(), lasting=lasting)

    async def admit(self, request: Request) -> None:
        """From here on what comes from the callee may be sealed. Raises RecorderError: unknown."""
        await self._open_one(request).admit(self._clock())

    def _open_one(self, request: Request) -> Follower:
        follower = self._followers.get(request.recording)
        if follower is None:
            raise RecorderError("unknown", f"no recording {request.recording} is open here")
        return follower

    async def close(self, request: Request) -> paper.Manifest:
        """Seal a recording to its last byte. Asking again for one that is closed gives its manifest again.

        Raises RecorderError: unknown; database (it goes on trying by itself; ask again).
        """
        follower = self._followers.get(request.recording)
        if follower is not None:
            manifest = await follower.close(crashed=request.crashed, reason=request.reason, cut=request.cut)
            if follower.done:
                self._followers.pop(request.recording, None)
            if manifest is not None:
                return manifest
        try:
            found = await self._books.find(request.recording)
        except StorageError as error:
            raise RecorderError("database", str(error)) from None
        if found is None or found.state is RecordingState.OPEN or found.manifest is None:
            raise RecorderError("unknown", f"no recording {request.recording} is open here")
        return paper.parse(found.manifest, request.recording)

    def status(self) -> dict[str, Json]:
        """Figures for a `ping`; room in bytes."""
        failed = sum(follower.session.failure is not None for follower in self._followers.values())
        return {"open": len(self._followers), "failed": failed, "spool_free": self._spool.room().free}

    def watch(self) -> Watcher:
        """A new listener; what has failed and is not closed yet, it hears at once."""
        watcher = self._watchers.add()
        for follower in self._followers.values():
            if follower.session.failure is not None:
                watcher.put(failed_message(follower.id, follower.session.failure.value))
            elif self._room_low:
                watcher.put(failed_message(follower.id, paper.GapKind.SPOOL_FULL.value))
        return watcher

    def unwatch(self, watcher: Watcher) -> None:
        self._watchers.remove(watcher)

    # --- following ----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Follow all recordings until cancelled."""
        loop = asyncio.get_running_loop()
        housekeeping = 0.0
        while True:
            if not self._followers:
                self._some.clear()
                await self._some.wait()
            now = loop.time()
            for follower in list(self._followers.values()):
                if follower.has_work(now):
                    self._spawn(self._step(follower))
            if now - housekeeping >= 1.0:
                housekeeping = now
                self._watch_room()
                for follower in list(self._followers.values()):
                    if follower.unheard(now):
                        self._spawn(follower.fail_if_unwritten())
                    if now - follower.grew_at > self._abandoned_after and not follower.lock.locked():
                        self._spawn(self._close_if_abandoned(follower, now))
            await asyncio.sleep(TICK)

    async def _step(self, follower: Follower) -> None:
        await follower.step()
        if follower.done:
            self._followers.pop(follower.id, None)

    async def _close_if_abandoned(self, follower: Follower, now: float) -> None:
        follower.grew_at = now  # ask again after as long as this
        spool = follower.session.spool_file
        async with follower.lock:  # being_written reopens the file: nobody else may use it meanwhile
            if spool is not None and await self.work(spool.being_written):
                return
        log.warning("recording %s: nobody writes and nobody closes it; sealed", follower.id)
        with contextlib.suppress(RecorderError):
            await follower.close(crashed=True, reason="abandoned")
        if follower.done:
            self._followers.pop(follower.id, None)

    def _low_on_room(self) -> bool:
        room = self._spool.room()
        return room.free < min(_ROOM_FLOOR, room.total // 8) + _ROOM_EACH * len(self._followers)

    def _watch_room(self) -> None:
        """Asterisk drops what the spool has no room for, silently: say it before it happens."""
        low = self._low_on_room()
        if low and not self._room_low:
            log.error("the spool %s is nearly full", self._spool.path)
            for follower in self._followers.values():
                follower.room_low()
        elif self._room_low and not low:
            for follower in self._followers.values():
                follower.room_again()
        self._room_low = low

    # --- threads and tasks --------------------------------------------------------------------------------

    async def work(self, job: Callable[[], T]) -> T:
        """Run a blocking job in a worker thread, to its end."""
        return await asyncio.get_running_loop().run_in_executor(self._workers, job)

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Future[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.critical("the recorder has a defect", exc_info=task.exception())

    async def stop(self) -> None:
        """A planned stop: end every segment with all there is, wait for the workers."""
        for follower in list(self._followers.values()):
            await follower.end_for_restart()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)
        self._workers.shutdown(wait=True)
