"""Call stories, as the issue names them: what is heard, recorded, written and how it ends."""

import pytest

from ari_app.call import Phase, Placement, Plan
from ari_app.call import commands as c
from ari_app.call import events as e
from ari_app.call.events import Answer, Failure, Leg, Prompt, Timer
from compliance.verdict import RecordingMode

from .openings import (
    Begin,
    asked_in_bridge,
    denied_manual,
    dialling,
    dialling_in_bridge,
    manual,
    noticed,
    noticed_in_bridge,
    on_tape,
    on_tape_in_bridge,
    prompted,
    questioned,
    talking,
    talking_in_bridge,
    talking_unrecorded,
    waiting,
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


# ── not reached ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("failure", list(Failure))
def test_a_callee_who_is_not_reached_is_the_disposition(failure: Failure) -> None:
    call = dialling().fail(CALLEE, failure)
    assert call.disposition == failure.value
    assert call.tape.opened == 0


def test_ringing_is_given_up_by_ourselves_when_the_pbx_does_not() -> None:
    call = dialling().wait(34.9)
    assert call.call.phase is Phase.DIALLING
    assert call.wait(0.2).disposition == "no_answer"
    assert call.quiet


def test_a_channel_that_vanishes_while_it_rings_is_no_answer() -> None:
    assert dialling().hang_up(CALLEE).disposition == "no_answer"


def test_a_leg_that_answers_while_it_is_being_hung_up_is_hung_up_again() -> None:
    call = dialling()
    call.deaf.add(c.HangUp)
    call.happens(e.HangupRequested("supervisor"))
    before = call.commands.count(c.HangUp(CALLEE))
    call.happens(e.LegAnswered(CALLEE))
    assert call.commands.count(c.HangUp(CALLEE)) == before + 1
    assert call.happens(e.LegGone(CALLEE)).disposition == "cancelled"


def test_a_switch_that_never_reports_the_end_is_not_waited_for_for_ever() -> None:
    call = dialling()
    call.deaf.add(c.HangUp)
    call.happens(e.HangupRequested("supervisor")).wait(29)
    assert call.call.phase is Phase.ENDING
    assert call.wait(2).disposition == "cancelled"


def test_a_recorder_that_never_seals_is_said_so_in_the_end() -> None:
    call = talking()
    call.deaf.add(c.StopRecording)
    call.hang_up(CALLEE).wait(31)
    assert call.ledger.ended == [("completed", "callee hung up; the recording was not sealed yet")]


# ── denied ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_denied_call_is_not_dialled() -> None:
    call = Switch(denied="us.internal_dnc").start()
    assert call.ledger.ended == [("denied", "us.internal_dnc")]
    assert call.disposition == "denied"
    assert call.dialled(CALLEE) == 0


def test_an_attempt_cancelled_meanwhile_is_not_dialled() -> None:
    call = Switch()
    call.ledger.cancelled = True
    assert call.start().disposition == "not_dialled"
    assert call.dialled(CALLEE) == 0


def test_manual_call_goes_through_the_same_gate_and_notice() -> None:
    call = manual().answer(CALLEE)
    assert call.playing == (Prompt.NOTICE, None)
    assert call.prompt_ends().say(CALLEE, "yes").hang_up(AGENT).disposition == "completed"
    assert call.dialled(AGENT) == 0
    assert call.tape.heard == ["yes"]


def test_denied_manual_call_tells_the_agent_why() -> None:
    call = denied_manual()
    assert call.playing == (Prompt.CALL_DENIED, AGENT)
    assert call.prompt_ends().ledger.ended == [("denied", "calling_hours")]
    assert call.disposition == "denied"
    assert call.dialled(CALLEE) == 0


def test_denied_manual_call_ends_though_the_prompt_never_does() -> None:
    assert denied_manual().wait(61).disposition == "denied"


def test_denied_manual_call_may_be_cancelled_or_the_agent_hang_up() -> None:
    assert denied_manual().happens(e.HangupRequested("supervisor")).call.phase is Phase.ENDED
    assert denied_manual().hang_up(AGENT).call.phase is Phase.ENDED


# ── the agent is not there ──────────────────────────────────────────────────────────────────────────────────────


def test_agent_who_does_not_answer_first_means_nobody_is_called() -> None:
    call = Switch(plan(Placement.IN_BRIDGE)).start().fail(AGENT, Failure.BUSY)
    assert call.disposition == "agent_unavailable"
    assert call.dialled(CALLEE) == 0
    assert Switch(plan(Placement.IN_BRIDGE)).start().wait(26).disposition == "agent_unavailable"


@pytest.mark.parametrize("slow", [c.CheckGate, c.CommitAttempt])
def test_agent_gone_before_the_dial_means_nobody_is_called(slow: type[c.Command]) -> None:
    call = Switch(plan(agent_called_us=True))
    call.slow.add(slow)
    call.start().hang_up(AGENT)
    assert call.disposition == "agent_gone"
    assert call.let_go().dialled(CALLEE) == 0


def test_agent_gone_while_the_callee_rings_ends_the_call() -> None:
    call = dialling_in_bridge().hang_up(AGENT)
    assert call.disposition == "agent_gone"
    assert call.quiet


@pytest.mark.parametrize("begin", [noticed_in_bridge, asked_in_bridge, on_tape_in_bridge])
def test_agent_gone_during_the_prompt_is_an_abandoned_call_and_the_callee_is_told(begin: Begin) -> None:
    call = begin().hang_up(AGENT)
    assert call.playing == (Prompt.AGENT_UNAVAILABLE, CALLEE)
    assert not call.tape.running
    assert call.prompt_ends().disposition == "abandoned"


def test_agent_who_does_not_answer_a_waiting_callee_is_an_abandoned_call() -> None:
    assert waiting().fail(AGENT, Failure.NO_ANSWER).prompt_ends().disposition == "abandoned"
    assert waiting().hang_up(AGENT).prompt_ends().disposition == "abandoned"
    call = waiting().wait(26)
    assert call.presence[AGENT] is not call.presence[CALLEE]
    assert call.prompt_ends().disposition == "abandoned"


def test_farewell_ends_though_it_cannot_be_heard() -> None:
    call = waiting()
    call.missing.add(Prompt.AGENT_UNAVAILABLE)
    assert call.fail(AGENT, Failure.BUSY).disposition == "abandoned"
    assert waiting().fail(AGENT, Failure.BUSY).wait(61).disposition == "abandoned"
    assert waiting().fail(AGENT, Failure.BUSY).hang_up(CALLEE).disposition == "abandoned"


# ── hang-ups ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("begin", [noticed, noticed_in_bridge, questioned, asked_in_bridge, on_tape, on_tape_in_bridge])
def test_callee_gone_during_the_prompt(begin: Begin) -> None:
    call = begin().hang_up(CALLEE)
    assert call.disposition == "hung_up_in_prompt"
    assert call.quiet
    assert not [words for words in call.tape.heard if words != Prompt.NOTICE]


@pytest.mark.parametrize("begin", [noticed, noticed_in_bridge, questioned, asked_in_bridge, on_tape, on_tape_in_bridge])
def test_callee_gone_during_the_prompt_when_the_prompts_end_is_reported_first(begin: Begin) -> None:
    call = begin().hang_up(CALLEE, prompt_first=True)
    assert call.call.phase is Phase.ENDED
    assert call.quiet
    assert not [words for words in call.tape.heard if words != Prompt.NOTICE]


def test_callee_gone_while_waiting_for_the_agent() -> None:
    call = waiting().hang_up(CALLEE)
    assert call.disposition == "hung_up_waiting"
    assert call.quiet


@pytest.mark.parametrize("leg", GONE)
def test_whoever_hangs_up_in_the_talk_ends_it(leg: Leg) -> None:
    for begin in (talking, talking_in_bridge):
        call = begin().hang_up(leg)
        assert call.ledger.ended == [("completed", f"{leg} hung up")]
        assert call.quiet


@pytest.mark.parametrize("leg", GONE)
def test_hang_up_while_the_recorder_starts(leg: Leg) -> None:
    call = noticed_in_bridge()
    call.slow.add(c.StartRecording)
    call.prompt_ends()
    assert call.call.phase is Phase.STARTING
    call.hang_up(leg).let_go()
    assert call.call.phase is Phase.ENDED
    assert not call.tape.running


@pytest.mark.parametrize("begin", [dialling, dialling_in_bridge, noticed, questioned, waiting, talking])
def test_a_supervisor_ends_the_call_at_any_time(begin: Begin) -> None:
    call = begin().happens(e.HangupRequested("supervisor"))
    assert call.ledger.ended == [("cancelled", "supervisor")]
    assert call.quiet


@pytest.mark.parametrize("begin", [noticed_in_bridge, waiting])
def test_a_bridge_that_fails_ends_the_call(begin: Begin) -> None:
    call = begin()
    call.bridge_broken = True
    call = call.prompt_ends() if call.playing else call.answer(AGENT)
    assert call.disposition == "bridge_failed"
    assert call.quiet


# ── the recorder cannot ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("begin", [noticed, noticed_in_bridge, questioned, asked_in_bridge])
@pytest.mark.parametrize("required", [False, True])
def test_ami_down_is_talk_unrecorded_or_no_talk_where_recording_is_required(begin: Begin, required: bool) -> None:
    call = begin(required=required)
    call.recorder_down = True
    call = call.press(CALLEE, "1") if call.call.phase is Phase.ASKING else call.prompt_ends()
    if call.call.phase is Phase.AGENT_WAIT:
        call.answer(AGENT)
    if required:
        assert call.disposition == "recording_failed"
        assert call.bridge == set()
    else:
        assert call.call.phase is Phase.TALKING
        assert call.hang_up(AGENT).disposition == "completed"


@pytest.mark.parametrize("in_bridge", [False, True])
@pytest.mark.parametrize("required", [False, True])
def test_announcement_that_cannot_be_taped(in_bridge: bool, required: bool) -> None:
    call = Switch(plan(Placement.IN_BRIDGE if in_bridge else Placement.BEFORE_AGENT, required=required), announce=True)
    call.recorder_down = True
    call.start()
    if in_bridge:
        call.answer(AGENT)
    call.answer(CALLEE)
    if required:
        assert call.disposition == "recording_failed"
    else:
        assert call.call.phase is (Phase.TALKING if in_bridge else Phase.AGENT_WAIT)


@pytest.mark.parametrize("begin", [on_tape, on_tape_in_bridge])
def test_tape_that_fails_during_a_required_announcement_ends_the_call(begin: Begin) -> None:
    call = begin(required=True).happens(e.RecordingFailed("disk_full"))
    assert call.ledger.ended == [("recording_failed", "disk_full")]


def test_tape_that_fails_while_a_callee_waits() -> None:
    call = on_tape(required=True).prompt_ends().happens(e.RecordingFailed("disk_full"))
    assert call.disposition == "recording_failed"


def test_tape_that_fails_in_the_talk() -> None:
    assert talking(required=True).happens(e.RecordingFailed("disk_full")).disposition == "recording_failed"
    call = talking().happens(e.RecordingFailed("disk_full"))
    assert not call.tape.running
    assert call.say(CALLEE, "yes").hang_up(CALLEE).disposition == "completed"
    assert call.tape.heard == []


# ── pause, keys passed on ───────────────────────────────────────────────────────────────────────────────────────


def test_pause_and_resume_by_the_agents_phone_leave_a_silence() -> None:
    call = talking().say(CALLEE, "before").press(AGENT, "*1").say(CALLEE, "4111").press(AGENT, "*2").say(CALLEE, "then")
    assert call.tape.heard == ["before", "then"]
    assert call.keys_heard == {CALLEE: "", AGENT: ""}


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
