"""What the recorder does when it starts: go on with what was open when it last stopped, however it stopped.

The vault says how far each recording is durable: the plaintext of its segments, added up, is an offset in the
spool file. From there a new segment goes on (the old one's key is gone with the old process). What a torn
segment has beyond its last whole chunk was never counted; the spool still holds that audio.
Nothing is lost, nothing is sealed twice.
"""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from datetime import timedelta

from storage.ledger.recordings import Recording, RecordingState, Segment
from storage.vault import manifest as paper
from storage.vault.blobs import FolderBlobs, manifest_name, opened
from storage.vault.books import Books
from storage.vault.errors import BadManifest, BadSegment, BlobExists, BlobMissing, RecorderError
from storage.vault.follower import Follower, failure_of
from storage.vault.recorder import Recorder
from storage.vault.segment import take_stock
from storage.vault.session import Failure, Session, SpoolChanged
from storage.vault.signing import Trusted
from storage.vault.spool import SpoolFolder

log = logging.getLogger("heedline.recorder")

# Killed between the commit and the spool file, the recorder had not answered yet: whoever asked is asking again.
BEGINNING = timedelta(seconds=10)


async def resume(recorder: Recorder, books: Books, blobs: FolderBlobs, spool: SpoolFolder) -> int:
    """Take up every open recording of this node; returns how many go on. Raises the ledger's errors."""
    kept: set[str] = set()
    going_on = 0
    for recording, segments in await books.unfinished():
        kept.add(recording.id)
        follower = await _take_up(recorder, books, recording, segments, blobs, spool)
        if not follower.done:
            going_on += 1
            recorder.adopt(follower)
    await recorder.work(lambda: _destroy_orphans(spool, kept))
    return going_on


async def _take_up(
    recorder: Recorder,
    books: Books,
    recording: Recording,
    segments: Sequence[Segment],
    blobs: FolderBlobs,
    spool: SpoolFolder,
) -> Follower:
    session = Session(recording, None, None)
    session.next_segment = max((segment.number for segment in segments), default=-1) + 1
    follower = Follower(session, recorder.bench, asyncio.get_running_loop().time())
    async with follower.lock:
        try:
            await recorder.work(lambda: _measure(session, segments, blobs, books.own))
            session.take_spool(await recorder.work(lambda: spool.open(recording.id)), recorder.bench.clock())
            if (
                session.spool_file is None
                and not session.sealed
                and recorder.bench.clock() - recording.started < BEGINNING
            ):
                # Whether the callee was to be barred is not known: the request, when it is repeated, says so.
                created = await recorder.work(lambda: spool.create(recording.id, barred=True))
                session.take_spool(created, recording.started)
            if session.spool_file is not None:
                await recorder.work(lambda: _skip(session))
                await follower.next_segment(resumed=True)
        except (BadSegment, BlobMissing) as error:
            log.error("recording %s: %s", recording.id, error)
            await follower.fail(Failure.DISK_ERROR)
        except (OSError, BlobExists, SpoolChanged) as error:
            await follower.fail(failure_of(error))
    if session.spool_file is None:
        # The machine restarted: what was in RAM is gone, what was sealed is all there is.
        follower.gap(paper.GapKind.SPOOL_LOST)
        with contextlib.suppress(RecorderError):
            await follower.close(crashed=True, reason=paper.GapKind.SPOOL_LOST.value)
    log.info("recording %s: taken up at byte %d", recording.id, session.sealed)
    return follower


def _measure(session: Session, segments: Sequence[Segment], blobs: FolderBlobs, own: Trusted) -> None:
    ended = _ended_before(session.id, blobs, own)
    for segment in segments:
        if segment.state is RecordingState.FAILED:
            continue
        uncommitted = segment.state is RecordingState.OPEN
        torn = uncommitted and segment.number not in ended
        try:
            stock = take_stock(blobs, session.id, segment.number, torn=torn)
        except BlobMissing:
            if uncommitted:  # and never created
                continue
            raise
        if stock is None:
            continue
        session.entries.append(stock.entry)
        if uncommitted:
            session.unrecorded.append(stock.entry)
        elif (stock.entry.size, stock.entry.sha256) != (segment.size, segment.sha256):
            raise BadSegment(f"{segment.blob}: is not as it was when it was sealed")


def _ended_before(recording: str, blobs: FolderBlobs, own: Trusted) -> set[int]:
    """Segments that a manifest of ours, not committed any more before the crash, says are complete."""
    name = manifest_name(recording)
    try:
        with opened(blobs, name) as blob:
            written = paper.from_file(blob.read_at(0, paper.LONGEST + 1), own, name)
        return {entry.number for entry in written.segments if entry.complete}
    except (BlobMissing, BadManifest):
        return set()


def _skip(session: Session) -> None:
    if session.waiting() >= 0:
        session.spool.skip_to(session.sealed)


def _destroy_orphans(spool: SpoolFolder, kept: set[str]) -> None:
    """Files of recordings that are closed: the recorder died between the last commit and the unlinking."""
    for recording in spool.recordings():
        if recording in kept:
            continue
        try:
            file = spool.open(recording)
            if file is not None:
                file.destroy()
        except OSError as error:
            log.error("spool file of recording %s can't be destroyed: %s", recording, error.strerror)
