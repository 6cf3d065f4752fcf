"""`record_start` and `record_stop`: the recorder opens, the law's condition is on file, then MixMonitor writes.

They run on the channel that is to be recorded: the callee's, in the routine that Dial's option U runs there. The left
of the stereo file is then what the callee says, the right what is said to the callee.
"""

import asyncio
import contextlib
import logging
from datetime import datetime

from agi.arguments import attempt_id, channel_of, exactly
from agi.desk import Answer, Desk, now, on_channel, tell_story
from agi.errors import AgiError, BadAgi
from agi.server import AgiRequest
from agi.variables import Variables, plain
from agi.wishes import recording_act
from compliance.errors import HeedlineError
from compliance.verdict import RecordingDuty, RecordingMode
from storage.audit import without_numbers
from storage.ids import new_id
from storage.ledger.attempts import AttemptState
from storage.ledger.dialplan import is_dialplans
from storage.ledger.events import CallEvent
from storage.ledger.recordings import Recording, RecordingState

log = logging.getLogger(__name__)

RATE = 8000
ANNOUNCEMENT, NOTICE, KEY = "announcement", "notice", "key"
SEALED = "RecordingSealed"
MIX_MONITOR = "D"  # stereo, of .raw files


class MayNotRecord(AgiError):
    """The verdict does not allow it, or not yet."""


async def start(desk: Desk, request: AgiRequest) -> Answer:
    """attempt, what has happened, words, key.

    `notice`: it was played to its end. `key`: the callee pressed it to agree. `announcement`: about to be played, and
    to be on the recording itself; the callee is sealed as silence until `notice` or `key` follows.
    """
    attempt, what, words, pressed = exactly(request.arguments, "attempt", "what", "words", "key", optional=1)
    channel, at = channel_of(request.headers), now()
    if what not in (ANNOUNCEMENT, NOTICE, KEY) or (what == KEY) != bool(pressed):
        raise BadAgi("AGI: what has happened is announcement, notice or key, the last with the key that was pressed")
    duty, going = await _looked_up(desk, attempt)
    _check(duty, what, going)
    if what != ANNOUNCEMENT:
        async with desk.database.begin() as tx:
            answer = "granted" if what == KEY else "stayed_after_notice"
            await recording_act(tx, attempt, "grant", answer, words, pressed)
    if going is not None:
        await desk.recorder.admit(recording=going.id, at=at)
        return _started(going.id)
    return await _open(desk, request, attempt, channel, barred=what == ANNOUNCEMENT)


async def _open(desk: Desk, request: AgiRequest, attempt: str, channel: str, *, barred: bool) -> Answer:
    recording, at = new_id(), now()
    spool = f"{recording}.raw"
    try:
        await desk.recorder.open(recording=recording, attempt=attempt, spool=spool, rate=RATE, at=at, barred=barred)
        async with desk.database.begin() as tx:  # before it sounds: late, it would run while the dialplan is told no
            await tell_story(tx, attempt, now(), on_channel(channel), ("RecordingStarted", {"recording": recording}))
        heard = await request.command("EXEC", "MixMonitor", f"{desk.spool / spool},{MIX_MONITOR}")
        if heard.result != "0":
            raise MayNotRecord("AGI: the PBX did not start MixMonitor")
    except HeedlineError as error:
        await _stop_listening(request)
        await _close(desk, recording, at, crashed=True, reason="did not start")
        await _tell_failed(desk, attempt, str(error))
        raise
    except asyncio.CancelledError:  # too late: the dialplan is told that nothing runs, so nothing may be kept
        await _close(desk, recording, at, crashed=True, reason="started too late", cut=True)
        raise
    return _started(recording)


def _started(recording: str) -> Answer:
    return Answer({"HEEDLINE_RECORDING_ID": recording, "HEEDLINE_RECORD": "started"})


def start_failed(reason: str) -> Variables:
    return {"HEEDLINE_REASON": plain(reason), "HEEDLINE_RECORDING_ID": "", "HEEDLINE_RECORD": "failed"}


async def _looked_up(desk: Desk, attempt: str) -> tuple[RecordingDuty, Recording | None]:
    """What the verdict of a call that is going on asks, and its open recording. Raises MayNotRecord, HeedlineError."""
    async with desk.database.read() as tx:
        found = await tx.attempts.get(attempt_id(attempt))
        recordings = await tx.recordings.of_attempt(attempt)
    if found.state is not AttemptState.DIALLING or found.verdict is None or not is_dialplans(found):
        raise MayNotRecord("AGI: that attempt is not a call of a dialplan that is going on")
    return found.verdict.recording, next((one for one in recordings if one.state is RecordingState.OPEN), None)


def _check(duty: RecordingDuty, what: str, going: Recording | None) -> None:
    """Raises MayNotRecord."""
    if duty.mode is RecordingMode.NONE:
        raise MayNotRecord("AGI: this call may not be recorded")
    if duty.mode is RecordingMode.EXPLICIT and what == NOTICE:
        raise MayNotRecord("AGI: this call may be recorded only once the callee has pressed a key to agree")
    if what == ANNOUNCEMENT and going is not None:
        raise MayNotRecord("AGI: this call is being recorded already")
    if what != ANNOUNCEMENT and going is None and duty.record_announcement:
        raise MayNotRecord("AGI: the announcement must be on the recording; begin with announcement before it plays")


async def stop(desk: Desk, request: AgiRequest) -> Answer:
    """attempt → its recordings are sealed, with all that was heard by now."""
    (attempt,) = exactly(request.arguments, "attempt")
    attempt_id(attempt)
    await _stop_listening(request)
    seconds = await close_all(desk, attempt, "ended")
    return Answer({"HEEDLINE_RECORD": "sealed" if seconds is not None else "none"})


def stop_failed(reason: str) -> Variables:
    return {"HEEDLINE_REASON": plain(reason), "HEEDLINE_RECORD": "failed"}


async def close_all(desk: Desk, attempt: str, reason: str, *, crashed: bool = False) -> float | None:
    """Seal what is open of the call; the seconds of audio, None where nothing was open. Raises HeedlineError."""
    async with desk.database.read() as tx:
        going = [one for one in await tx.recordings.of_attempt(attempt) if one.state is RecordingState.OPEN]
    total = None
    for recording in going:
        at = now()
        seconds = await desk.recorder.close_recording(recording=recording.id, at=at, crashed=crashed, reason=reason)
        async with desk.database.begin() as tx:
            if not any(_seals(line, recording.id) for line in await tx.events.of(attempt)):  # both ends may tell it
                said: dict[str, object] = {"recording": recording.id, "milliseconds": round(seconds * 1000)}
                await tell_story(tx, attempt, now(), (SEALED, said))
        total = (total or 0.0) + seconds
    return total


def _seals(line: CallEvent, recording: str) -> bool:
    return line.kind == SEALED and line.data.get("recording") == recording


async def _stop_listening(request: AgiRequest) -> None:
    with contextlib.suppress(AgiError):  # on a channel that has hung up, MixMonitor is over by itself
        await request.command("EXEC", "StopMixMonitor")


async def _close(desk: Desk, recording: str, at: datetime, *, crashed: bool, reason: str, cut: bool = False) -> None:
    try:
        await desk.recorder.close_recording(recording=recording, at=at, crashed=crashed, reason=reason, cut=cut)
    except HeedlineError as error:
        log.error("recording %s not sealed yet: %s", recording, error)


async def _tell_failed(desk: Desk, attempt: str, reason: str) -> None:
    try:
        async with desk.database.begin() as tx:
            await tell_story(tx, attempt, now(), ("RecordingFailed", {"reason": without_numbers(reason)}))
    except HeedlineError as error:
        log.error("%s: that its recording failed is not in its story: %s", attempt, error)
