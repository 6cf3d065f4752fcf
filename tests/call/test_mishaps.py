"""What goes wrong in the wrong order: late answers, stale timers, failures where nobody expects them."""

import pytest

from ari_app.call import Phase, Placement, Tape
from ari_app.call import commands as c
from ari_app.call import events as e
from ari_app.call.events import Answer, Leg, Presence, Prompt, Timer
from compliance.verdict import RecordingMode

from .openings import (
    Begin,
    asked_in_bridge,
    denied_manual,
    dialling_in_bridge,
    noticed_in_bridge,
    on_tape,
    on_tape_in_bridge,
    questioned,
    talking,
    talking_in_bridge,
    waiting,
)
from .switch import Switch, plan

CALLEE, AGENT = Leg.CALLEE, Leg.AGENT


# ── prompts ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_nine_before_the_prompt_is_reported_to_have_started_stops_it_all_the_same() -> None:
    call = Switch()
    call.slow.add(c.PlayPrompt)
    call.start().answer(CALLEE).press(CALLEE, "9")
    assert c.StopPrompt() in call.commands
    assert call.playing == (Prompt.OPTOUT_DONE, CALLEE)


def test_a_bare_nine_is_no_opt_out_for_ever_when_the_end_of_the_question_is_reported_late() -> None:
    call = asked_in_bridge()
    call.slow.add(c.StopPrompt)
    call.press(CALLEE, "1")
    assert call.call.phase is Phase.TALKING
    call.let_go().wait(10.1).press(CALLEE, "9")
    assert call.call.phase is Phase.TALKING
    assert call.keys_heard[AGENT] == "9"


def test_a_bare_nine_counts_after_a_notice_whose_end_was_never_reported() -> None:
    call = noticed_in_bridge().wait(61).press(CALLEE, "9")
    assert call.ledger.opted_out == ["callee_key_9"]


def test_a_stale_prompt_timer_does_not_cut_the_wait_for_a_key() -> None:
    call = questioned().prompt_ends().happens(e.TimerFired(Timer.PROMPT))
    assert call.call.phase is Phase.ASKING
    assert call.press(CALLEE, "1").ledger.consents == [Answer.GRANTED]


def test_a_stale_silence_timer_does_not_talk_into_the_question_put_again() -> None:
    call = questioned().prompt_ends().lose_link().restore_link().wait(5.1)
    assert call.playing == (Prompt.CONSENT_ASK, CALLEE)
    assert call.call.asked == 1


# ── the tape ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_recorder_that_starts_after_it_was_given_up_is_not_on() -> None:
    call = noticed_in_bridge()
    call.slow.add(c.StartRecording)
    call.prompt_ends().happens(e.RecordingFailed("AMI timed out"))
    assert call.call.phase is Phase.TALKING
    assert call.let_go().call.tape is Tape.FAILED
    assert not call.tape.running


def test_a_failed_tape_is_stopped_once_however_often_the_recorder_complains() -> None:
    call = talking()
    call.recorder_down = True
    call.happens(e.RecordingFailed("disk_full"), e.RecordingFailed("disk_full"))
    assert [command for command in call.commands if isinstance(command, c.StopRecording)] == [c.StopRecording(False)]


@pytest.mark.parametrize("begin", [on_tape, on_tape_in_bridge])
def test_where_the_announcement_must_be_on_tape_losing_it_means_no_tape_at_all(begin: Begin) -> None:
    call = begin().happens(e.RecordingFailed("disk_full"))
    assert not call.tape.running
    call.prompt_ends()
    if call.call.phase is Phase.AGENT_WAIT:
        call.answer(AGENT)
    assert call.say(CALLEE, "yes").hang_up(CALLEE).disposition == "completed"
    assert call.tape.opened == 1
    assert call.tape.heard == []


def test_a_tape_lost_while_the_callee_waits_is_not_followed_by_a_second_one() -> None:
    call = on_tape().prompt_ends().happens(e.RecordingFailed("disk_full")).answer(AGENT)
    assert call.call.phase is Phase.TALKING
    assert call.tape.opened == 1


@pytest.mark.parametrize("begin", [talking, talking_in_bridge])
def test_a_recorder_that_seals_unasked_ends_a_call_that_must_be_recorded(begin: Begin) -> None:
    call = begin(required=True).happens(e.RecordingSealed(1000))
    assert call.ledger.ended == [("recording_failed", "the recorder sealed it unasked")]
    assert begin().happens(e.RecordingSealed(1000)).call.phase is Phase.TALKING


def test_a_failure_of_the_recorder_before_there_is_a_tape_changes_nothing() -> None:
    call = noticed_in_bridge().happens(e.RecordingFailed("stray")).prompt_ends().say(CALLEE, "yes")
    assert call.tape.heard == ["yes"]


def test_resume_asked_for_before_the_pause_was_reported_undoes_it() -> None:
    call = talking()
    call.slow.add(c.PauseRecording)
    call.press(AGENT, "*1*2").let_go().say(CALLEE, "yes")
    assert call.tape.heard == ["yes"]


# ── legs, bridge, ends ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("leg", list(Leg))
@pytest.mark.parametrize("begin", [noticed_in_bridge, asked_in_bridge, talking, talking_in_bridge, waiting])
def test_an_answered_leg_reported_as_failed_is_gone(begin: Begin, leg: Leg) -> None:
    call = begin()
    call.hang_up(leg)
    usual = call.call
    other = begin()
    other.presence[leg] = Presence.ABSENT
    other.bridge.discard(leg)
    other.playing = other.playing if other.playing and leg is AGENT else None
    if leg is CALLEE:
        other.tape.running = False
    other.happens(e.LegFailed(leg, e.Failure.UNREACHABLE))
    assert (other.call.phase, other.call.disposition) == (usual.phase, usual.disposition)


def test_a_callee_who_fails_late_during_confirmation_or_farewell_ends_it() -> None:
    failed = e.LegFailed(CALLEE, e.Failure.UNREACHABLE)
    call = talking().press(CALLEE, "*9")
    assert call.happens(failed).disposition == "opted_out"
    call = noticed_in_bridge().hang_up(AGENT)
    assert call.happens(failed).disposition == "abandoned"


def test_an_agent_who_fails_late_while_the_callee_rings_ends_the_call() -> None:
    call = dialling_in_bridge().happens(e.LegFailed(AGENT, e.Failure.UNREACHABLE))
    assert call.disposition == "agent_gone"


def test_an_agent_who_hangs_up_before_anything_has_begun_is_not_called_back() -> None:
    call = Switch(plan(agent_called_us=True)).hang_up(AGENT).happens(e.Started())
    assert call.disposition == "agent_gone"
    assert call.dialled(AGENT) == 0


def test_a_call_cancelled_before_it_began() -> None:
    assert Switch().happens(e.HangupRequested("supervisor")).disposition == "cancelled"


def test_what_was_decided_stays_decided_whoever_hangs_up_in_the_last_word() -> None:
    hang_up = e.HangupRequested("supervisor")
    assert denied_manual().hang_up(AGENT).disposition == "denied"
    assert denied_manual().happens(e.LegGone(AGENT)).disposition == "denied"
    assert denied_manual().happens(hang_up).disposition == "denied"
    assert noticed_in_bridge().hang_up(AGENT).happens(hang_up).disposition == "abandoned"
    assert noticed_in_bridge().hang_up(AGENT).happens(e.BridgeFailed("late")).call.phase is Phase.FAREWELL


def test_answered_during_the_lost_link_with_the_agent_gone_is_an_abandoned_call() -> None:
    call = dialling_in_bridge().lose_link().answer(CALLEE).hang_up(AGENT).restore_link()
    assert call.playing == (Prompt.AGENT_UNAVAILABLE, CALLEE)
    assert call.prompt_ends().disposition == "abandoned"
    call = dialling_in_bridge().lose_link().hang_up(AGENT).restore_link()
    assert call.disposition == "agent_gone"


# ── recording required where none may be ────────────────────────────────────────────────────────────────────────


def test_no_call_where_recording_is_required_and_may_not_be() -> None:
    call = Switch(plan(required=True), RecordingMode.NONE).start()
    assert call.ledger.ended == [("denied", "recording is required, and may not be done")]
    assert call.dialled(CALLEE) == 0
    call = Switch(plan(Placement.IN_BRIDGE, required=True, agent_called_us=True), RecordingMode.NONE).start()
    assert call.playing == (Prompt.CALL_DENIED, AGENT)
    assert call.prompt_ends().disposition == "denied"


# ── keys and consent ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_slow_write_of_consent_since_taken_back_is_no_consent() -> None:
    call = asked_in_bridge()
    call.slow.add(c.WriteConsent)
    call.press(CALLEE, "1").lose_link().restore_link()
    call.press(CALLEE, "2")
    call.happens(e.ConsentWritten(Answer.GRANTED))
    assert call.call.phase is Phase.TALKING
    assert call.tape.opened == 0


def test_a_star_before_a_restart_does_not_make_a_later_nine_an_opt_out() -> None:
    call = talking().press(AGENT, "*").kill().restore_link().press(AGENT, "9")
    assert call.ledger.opted_out == []
    assert call.keys_heard[CALLEE] == "9"


def test_a_stale_star_timer_passes_nothing_on() -> None:
    call = talking().press(AGENT, "*5").happens(e.TimerFired(Timer.STAR_AGENT), e.TimerFired(Timer.STAR_CALLEE))
    assert call.keys_heard == {CALLEE: "*5", AGENT: ""}
