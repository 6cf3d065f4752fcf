"""What goes wrong in the wrong order: late answers, stale timers, failures where nobody expects them."""

import pytest

from ari_app.call import Phase, Tape
from ari_app.call import commands as c
from ari_app.call import events as e
from ari_app.call.events import Answer, Leg, Prompt, Timer

from .openings import (
    Begin,
    asked_in_bridge,
    noticed_in_bridge,
    on_tape,
    on_tape_in_bridge,
    questioned,
    talking,
    talking_in_bridge,
)
from .switch import Switch

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
