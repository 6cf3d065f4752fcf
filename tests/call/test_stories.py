"""Call stories, as the issue names them: what is heard, recorded, written and how it ends."""

import pytest

from ari_app.call import Phase, Placement, Plan
from ari_app.call import commands as c
from ari_app.call import events as e
from ari_app.call.events import Answer, Leg, Prompt, Timer
from compliance.verdict import RecordingMode

from .openings import (
    asked_in_bridge,
    dialling_in_bridge,
    noticed,
    noticed_in_bridge,
    on_tape,
    on_tape_in_bridge,
    prompted,
    questioned,
    talking,
    talking_unrecorded,
)
from .switch import Switch, plan

CALLEE, AGENT = Leg.CALLEE, Leg.AGENT
GONE = (AGENT, CALLEE)


# ── notice ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_notice_is_heard_then_agent_and_callee_talk_on_tape() -> None:
    call = noticed().say(CALLEE, "hello?").prompt_ends().answer(AGENT)
    assert call.call.phase is Phase.TALKING
    call.say(CALLEE, "yes").say(AGENT, "good day").hang_up(CALLEE)
    assert call.disposition == "completed"
    assert call.ledger.ended == [("completed", "callee hung up")]
    assert call.told(CALLEE, Prompt.NOTICE)
    assert call.tape.heard == ["yes", "good day"]
    assert call.tape.sealed
    assert call.quiet


def test_notice_in_the_bridge_is_heard_by_both_and_recording_starts_after_it() -> None:
    call = noticed_in_bridge().say(CALLEE, "hello?").say(AGENT, "one moment").prompt_ends()
    assert call.call.phase is Phase.TALKING
    call.say(AGENT, "good day").hang_up(AGENT)
    assert call.disposition == "completed"
    assert call.told(CALLEE, Prompt.NOTICE)
    assert call.told(AGENT, Prompt.NOTICE)
    assert "one moment" in call.heard[CALLEE]
    assert call.tape.heard == ["good day"]


def test_in_the_bridge_the_agent_is_on_the_line_before_the_gate_is_asked_again_and_the_callee_dialled() -> None:
    call = Switch(plan(Placement.IN_BRIDGE)).start()
    assert call.dialled(CALLEE) == 0
    call.answer(AGENT)
    assert call.commands.count(c.CheckGate()) == 2
    assert call.bridge == {AGENT}
    call.ring(CALLEE)


def test_announcement_on_tape_from_its_first_word_the_callee_only_after_its_last() -> None:
    call = on_tape().say(CALLEE, "hello?").prompt_ends().answer(AGENT).say(CALLEE, "yes").hang_up(CALLEE)
    assert call.tape.heard == [Prompt.NOTICE, "yes"]
    assert call.disposition == "completed"
    assert call.tape.sealed


def test_announcement_on_tape_in_the_bridge() -> None:
    call = on_tape_in_bridge().say(CALLEE, "hello?").prompt_ends().say(CALLEE, "yes").hang_up(CALLEE)
    assert call.tape.heard == [Prompt.NOTICE, "yes"]
    assert call.disposition == "completed"


def test_notice_cut_short_before_the_agent_is_talk_without_tape() -> None:
    call = noticed().happens(e.PromptFinished(Prompt.NOTICE, False)).answer(AGENT).say(CALLEE, "yes").hang_up(AGENT)
    assert call.tape.opened == 0
    assert call.disposition == "completed"


def test_notice_cut_short_in_the_bridge_is_talk_without_tape() -> None:
    call = noticed_in_bridge().happens(e.PromptFinished(Prompt.NOTICE, False))
    assert call.call.phase is Phase.TALKING
    assert call.tape.opened == 0


def test_announcement_cut_short_takes_the_tape_off() -> None:
    call = on_tape().happens(e.PromptFinished(Prompt.NOTICE, False))
    assert not call.tape.running
    assert call.answer(AGENT).hang_up(AGENT).disposition == "completed"


@pytest.mark.parametrize("required", [False, True])
def test_missing_notice_file_is_no_recording_and_no_call_where_recording_is_required(required: bool) -> None:
    call = Switch(plan(required=required))
    call.missing.add(Prompt.NOTICE)
    call.start().answer(CALLEE)
    if required:
        assert call.disposition == "prompt_failed"
    else:
        assert call.answer(AGENT).hang_up(AGENT).disposition == "completed"
    assert call.tape.opened == 0


@pytest.mark.parametrize(
    ("of", "phase"),
    [
        (plan(required=True), Phase.ENDED),
        (plan(), Phase.AGENT_WAIT),
        (plan(Placement.IN_BRIDGE), Phase.TALKING),
    ],
)
def test_notice_whose_end_is_never_reported_counts_as_cut(of: Plan, phase: Phase) -> None:
    call = prompted(of).wait(61)
    assert call.call.phase is phase
    assert call.playing is None
    assert call.tape.opened == 0


# ── explicit ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_one_is_consent_and_the_talk_is_recorded() -> None:
    call = questioned().press(CALLEE, "1").answer(AGENT).say(CALLEE, "yes").hang_up(CALLEE)
    assert call.ledger.consents == [Answer.GRANTED]
    assert call.tape.heard == ["yes"]
    assert call.disposition == "completed"


def test_one_in_the_bridge_starts_the_tape_at_once() -> None:
    call = asked_in_bridge().press(CALLEE, "1").say(AGENT, "good day")
    assert call.call.phase is Phase.TALKING
    assert call.tape.heard == ["good day"]


@pytest.mark.parametrize("key", ["2", "5", "*", "#"])
def test_any_other_key_is_no_consent_and_they_talk_unrecorded(key: str) -> None:
    call = questioned().press(CALLEE, key).answer(AGENT).say(CALLEE, "yes").hang_up(CALLEE)
    assert call.ledger.consents == [Answer.REFUSED]
    assert call.tape.opened == 0
    assert call.disposition == "completed"


def test_any_other_key_in_the_bridge_is_talk_unrecorded() -> None:
    call = asked_in_bridge().press(CALLEE, "2")
    assert call.call.phase is Phase.TALKING
    assert call.tape.opened == 0


def test_an_agent_cannot_consent_for_the_callee() -> None:
    assert asked_in_bridge().press(AGENT, "1").call.phase is Phase.ASKING


def test_silence_is_asked_once_more_and_then_is_no_consent() -> None:
    call = questioned().prompt_ends().wait(5.1)
    assert call.playing == (Prompt.REPROMPT, CALLEE)
    call.prompt_ends().wait(5.1)
    assert call.ledger.consents == [Answer.SILENCE]
    assert call.answer(AGENT).say(CALLEE, "yes").hang_up(CALLEE).disposition == "completed"
    assert call.tape.opened == 0


@pytest.mark.parametrize("of", [plan(ends_on_refusal=True), plan(required=True)])
def test_a_campaign_may_end_the_call_on_refusal(of: Plan) -> None:
    call = questioned(of).press(CALLEE, "2")
    assert call.playing == (Prompt.CONSENT_REFUSED, CALLEE)
    assert call.prompt_ends().disposition == "recording_refused"
    assert call.dialled(AGENT) == 0


def test_a_question_that_cannot_be_played_is_no_consent() -> None:
    call = Switch(mode=RecordingMode.EXPLICIT)
    call.missing.add(Prompt.CONSENT_ASK)
    call.start().answer(CALLEE)
    assert call.ledger.consents == [Answer.NOT_ASKED]
    assert call.call.phase is Phase.AGENT_WAIT


def test_a_question_whose_end_is_never_reported_is_stopped_and_is_no_consent() -> None:
    call = questioned().wait(61)
    assert call.ledger.consents == [Answer.NOT_ASKED]
    assert call.playing is None


@pytest.mark.parametrize(
    ("of", "phase"),
    [
        (plan(), Phase.AGENT_WAIT),
        (plan(Placement.IN_BRIDGE), Phase.TALKING),
        (plan(ends_on_refusal=True), Phase.FAREWELL),
    ],
)
def test_consent_the_ledger_does_not_take_is_no_consent(of: Plan, phase: Phase) -> None:
    call = questioned(of)
    call.ledger.writable = False
    call.press(CALLEE, "1")
    assert call.call.phase is phase
    assert call.tape.opened == 0


# ── none ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_mode_none_is_talk_without_prompt_and_without_tape() -> None:
    call = talking_unrecorded().say(CALLEE, "yes").hang_up(CALLEE)
    assert call.disposition == "completed"
    assert call.tape.opened == 0
    assert call.heard[CALLEE] == []


def test_mode_none_in_the_bridge_connects_at_the_answer() -> None:
    call = dialling_in_bridge(mode=RecordingMode.NONE).answer(CALLEE).say(AGENT, "good day")
    assert call.heard[CALLEE] == ["good day"]
    assert call.tape.opened == 0


# ── pause, keys passed on ───────────────────────────────────────────────────────────────────────────────────────


def test_pause_and_resume_by_the_agents_phone_leave_a_silence() -> None:
    call = talking().say(CALLEE, "before").press(AGENT, "*1").say(CALLEE, "4111").press(AGENT, "*2").say(CALLEE, "then")
    assert call.tape.heard == ["before", "then"]
    assert call.keys_heard == {CALLEE: "", AGENT: ""}


def test_the_agent_alone_is_told_of_a_pause_and_only_once_it_is_one() -> None:
    call = talking()
    call.slow.add(c.PauseRecording)
    call.press(AGENT, "*1")
    assert not call.told(AGENT, Prompt.RECORDING_PAUSED)
    call.let_go()
    assert call.told(AGENT, Prompt.RECORDING_PAUSED)
    call.slow.add(c.ResumeRecording)
    call.press(AGENT, "*2")
    assert not call.told(AGENT, Prompt.RECORDING_RESUMED)
    call.let_go()
    assert call.told(AGENT, Prompt.RECORDING_RESUMED)
    assert not {Prompt.RECORDING_PAUSED, Prompt.RECORDING_RESUMED} & {*call.heard[CALLEE], *call.tape.heard}


def test_a_pause_that_fails_or_was_taken_back_is_not_announced() -> None:
    call = talking()
    call.recorder_down = True
    assert not call.press(AGENT, "*1").told(AGENT, Prompt.RECORDING_PAUSED)
    call = talking()
    call.slow.add(c.PauseRecording)
    assert not call.press(AGENT, "*1*2").let_go().told(AGENT, Prompt.RECORDING_PAUSED)


def test_pause_and_resume_by_the_api() -> None:
    call = talking().happens(e.PauseRequested()).say(CALLEE, "4111").happens(e.ResumeRequested()).say(CALLEE, "then")
    assert call.tape.heard == ["then"]


def test_pause_without_a_tape_is_nothing() -> None:
    call = talking_unrecorded().happens(e.PauseRequested(), e.ResumeRequested()).press(AGENT, "*1*2")
    assert not [command for command in call.commands if isinstance(command, c.PauseRecording | c.ResumeRecording)]
    assert call.keys_heard == {CALLEE: "", AGENT: ""}


def test_the_callee_can_not_pause_the_tape() -> None:
    call = talking().press(CALLEE, "*1").say(CALLEE, "yes")
    assert call.tape.heard == ["yes"]
    assert call.keys_heard[AGENT] == "*1"


def test_keys_that_are_no_feature_reach_the_other_side() -> None:
    call = talking_unrecorded().press(CALLEE, "59#").press(AGENT, "0*7**")
    assert call.keys_heard == {AGENT: "59#", CALLEE: "0*7**"}


def test_a_star_alone_is_passed_on_after_a_while() -> None:
    call = talking_unrecorded().press(CALLEE, "*").press(AGENT, "*").wait(2.9)
    assert call.keys_heard == {AGENT: "", CALLEE: ""}
    call.wait(0.2)
    assert call.keys_heard == {AGENT: "*", CALLEE: "*"}
    assert call.press(AGENT, "9").call.phase is Phase.TALKING
    assert call.keys_heard[CALLEE] == "*9"


def test_no_timer_outlives_the_call() -> None:
    assert Timer.END not in talking().hang_up(CALLEE).timers
