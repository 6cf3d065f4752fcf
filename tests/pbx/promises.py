"""What must hold once a call is over, whatever struck it; and what was heard and kept of it."""

from datetime import datetime
from itertools import pairwise

from heedline.demo.sound import Sound, load, tone_seconds, tone_spans
from heedline.demo.world import AGENT_HZ, CALLEE_HZ
from storage.ledger.attempts import AttemptState
from storage.ledger.events import CallEvent
from storage.ledger.recordings import Recording, RecordingState
from tests.pbx.centre import Lane
from tests.pbx.moments import Moment

GAP_S = 0.1  # what a jitter buffer may do on a busy machine
LENGTH_S = 0.3
SPEECH_S = 0.6  # no vowel is as long
BLOCK_S = 32768 / 4 / 8000  # Asterisk writes 32 KiB at a time


async def promises_hold(lane: Lane) -> list[Recording]:
    """Of the lane's last call, once it is over; returns its recordings."""
    centre, world = lane.centre, lane.centre.world
    attempts = await centre.attempts_of(lane.number)
    assert lane.invites <= 1, f"the callee was called {lane.invites} times"
    if not attempts:
        assert not lane.attempt, "an attempt that was promised is not in the ledger"
        assert lane.invites == 0, "called without an attempt in the ledger"
        return []
    assert len(attempts) == 1, "asked for once, planned twice"
    attempt = attempts[0]
    assert attempt.state is AttemptState.ENDED
    assert attempt.disposition
    story = await world.story(attempt.id)
    confirmed = any(line.kind == "Said" and line.data["prompt"] == "optout_done" for line in story)
    async with world.database.read() as tx:
        listed = await tx.dnc.check(lane.number)
        added = len(await tx.dnc.history(lane.number))
        given = await tx.consents.of(attempt.party_id)  # at some hours only those who agreed to be called may be
        consents = [act for act in given if (act.kind, act.act) == ("recording", "grant")]
    assert listed or not confirmed, "an opt-out was confirmed and is not in the list"
    assert added <= 1, f"listed {added} times"
    assert listed or attempt.disposition != "opted_out"
    assert attempt.disposition == "opted_out" or lane.ended_by != "*9", f"*9 in the talk: {attempt.disposition}"
    recordings = await centre.recordings_of(attempt.id)
    for recording in recordings:
        centre.seal_holds(recording)
        assert any(act.at <= recording.started for act in consents), "recorded before notice or consent was on file"
    for act in consents:
        assert act.evidence.get("text_hash"), f"a consent without what was said: {act.evidence}"
        assert act.evidence.get("jurisdictions"), f"a consent without the law it rests on: {act.evidence}"
    return recordings


async def all_promises_hold(pairs: list[tuple[Lane, Moment]]) -> dict[str, list[Recording]]:
    """Of every call that was hit, each told apart by its moment when one is broken."""
    found, broken = {}, []
    for lane, moment in pairs:
        try:
            found[lane.attempt] = await promises_hold(lane)
        except AssertionError as error:
            broken.append(f"{moment.name} ({lane.attempt}): {error}")
    assert not broken, "; ".join(broken)
    return found


# ── what was heard and kept ─────────────────────────────────────────────────────────────────────────────────────


def gaps(sound: Sound, hz: float) -> list[str]:
    """Where a tone that should sound without a break does not; speech before and after it may resemble it shortly."""
    spans = tone_spans(sound, hz, gap=GAP_S)
    while spans and spans[0].seconds < SPEECH_S:
        spans = spans[1:]
    while spans and spans[-1].seconds < SPEECH_S:
        spans = spans[:-1]
    return [f"{before.end:.2f}–{after.start:.2f} s" for before, after in pairwise(spans)]


async def talked_about(lane: Lane) -> float:
    """Seconds from the start of the recording to the end of the talk, by the story."""
    story = await lane.centre.world.story(lane.attempt)
    start = next(line.at for line in story if line.kind == "RecordingStarted")
    end = next(line.at for line in story if line.at > start and _ends_talk(line))
    return (end - start).total_seconds()


def _ends_talk(line: CallEvent) -> bool:
    return line.kind == "LegGone" or (line.kind == "Digit" and line.data["digit"] == "9")


async def talk_was_kept_whole(lane: Lane, recordings: list[Recording]) -> None:
    """Nobody noticed: each heard the other without a break, and the recording is whole and as long as the talk."""
    for phone, hz in ((lane.agent, CALLEE_HZ), (lane.callee, AGENT_HZ)):
        heard = load(phone.calls[-1].heard)
        assert tone_seconds(heard, hz) > 1.0, f"{phone.name} did not hear the other"
        if not (phone is lane.callee and lane.ended_by == "*9"):  # a key takes its own audio away for its length
            assert not gaps(heard, hz), f"{phone.name} heard a break at {gaps(heard, hz)}"
    assert len(recordings) == 1
    callee, _ = await lane.centre.audio(recordings[0])
    assert not gaps(callee, CALLEE_HZ), f"the recording has a hole at {gaps(callee, CALLEE_HZ)}"
    assert abs(callee.seconds - tone_seconds(callee, CALLEE_HZ)) < LENGTH_S, "the callee is not on all of it"
    talk = await talked_about(lane)
    assert abs(callee.seconds - talk) < LENGTH_S, f"{callee.seconds:.2f} s recorded of {talk:.2f} s"


async def lost_at_most_the_unflushed_second(lane: Lane, recordings: list[Recording], struck: datetime) -> None:
    """Asterisk was killed at `struck`: all but the block it had not written yet is sealed, and marked."""
    assert len(recordings) == 1
    recording = recordings[0]
    assert lane.centre.seal_holds(recording).crashed or recording.state is RecordingState.FAILED, "no mark of the crash"
    story = await lane.centre.world.story(lane.attempt)
    start = next(line.at for line in story if line.kind == "RecordingStarted")
    talk = (struck - start).total_seconds()
    callee, _ = await lane.centre.audio(recording)
    assert talk - BLOCK_S - LENGTH_S < callee.seconds < talk + LENGTH_S, f"{callee.seconds:.2f} s kept of {talk:.2f} s"
    assert not gaps(callee, CALLEE_HZ)
