"""Calls that do not go well: not reached, denied, left alone, hung up on, not recordable; each with its end."""

import pytest

from ari_app.call import Phase, Placement
from ari_app.call import commands as c
from ari_app.call import events as e
from ari_app.call.events import Failure, Leg, Prompt

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
    questioned,
    talking,
    talking_in_bridge,
    waiting,
)
from .switch import Switch, plan

CALLEE, AGENT = Leg.CALLEE, Leg.AGENT
GONE = (AGENT, CALLEE)


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


def test_a_leg_that_never_reports_its_end_is_hung_up_once_more_before_the_call_is_let_go() -> None:
    call = talking()
    call.deaf.add(c.HangUp)
    call.happens(e.HangupRequested("cli")).wait(31)
    assert call.call.phase is Phase.ENDED
    assert call.commands.count(c.HangUp(CALLEE)) == 2
    assert isinstance(call.commands[-1], c.EndAttempt)
