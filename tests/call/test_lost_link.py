"""The link to the PBX is lost, or the conductor killed, at every phase; and found again with every presence."""

from collections.abc import Callable
from itertools import product

import pytest

from ari_app.call import Phase, Placement, Status
from ari_app.call import commands as c
from ari_app.call import events as e
from ari_app.call.events import Leg, Presence, Prompt
from compliance.verdict import RecordingMode

from .openings import (
    asked_in_bridge,
    denied_manual,
    dialling,
    dialling_in_bridge,
    greeted_in_bridge,
    noticed,
    noticed_in_bridge,
    on_tape,
    on_tape_in_bridge,
    questioned,
    talking,
    talking_in_bridge,
    talking_unrecorded,
    waiting,
)
from .switch import Switch, plan

CALLEE, AGENT = Leg.CALLEE, Leg.AGENT


def stuck_in(command: type[c.Command], **of: object) -> Switch:
    """The conductor has commanded this and hears no answer."""
    call = Switch(plan(Placement.IN_BRIDGE, **of))  # type: ignore[arg-type]
    call.deaf.add(command)
    return call.start()


def consenting() -> Switch:
    call = asked_in_bridge()
    call.slow.add(c.WriteConsent)
    return call.press(CALLEE, "1")


def starting() -> Switch:
    call = noticed_in_bridge()
    call.slow.add(c.StartRecording)
    return call.prompt_ends()


def arming() -> Switch:
    call = dialling_in_bridge(announce=True)
    call.slow.add(c.StartRecording)
    return call.answer(CALLEE)


def opting_out() -> Switch:
    call = talking()
    call.slow.add(c.WriteOptOut)
    return call.press(CALLEE, "*9")


def ending() -> Switch:
    call = talking()
    call.slow.add(c.StopRecording)
    return call.hang_up(CALLEE)


def confirming() -> Switch:
    return talking().press(CALLEE, "*9")


def farewell() -> Switch:
    return noticed_in_bridge().hang_up(AGENT)


PLACES: dict[Phase, Callable[[], Switch]] = {
    Phase.PLANNED: Switch,
    Phase.GATING: lambda: stuck_in(c.CheckGate),
    Phase.AGENT_FIRST: lambda: Switch(plan(Placement.IN_BRIDGE)).start(),
    Phase.COMMITTING: lambda: stuck_in(c.CommitAttempt).answer(AGENT),
    Phase.DIALLING: dialling,
    Phase.GREETING: greeted_in_bridge,
    Phase.ARMING: arming,
    Phase.NOTICE: noticed,
    Phase.ASKING: questioned,
    Phase.CONSENTING: consenting,
    Phase.AGENT_WAIT: waiting,
    Phase.STARTING: starting,
    Phase.TALKING: talking,
    Phase.OPTING_OUT: opting_out,
    Phase.CONFIRMING: confirming,
    Phase.FAREWELL: farewell,
    Phase.REFUSING: denied_manual,
    Phase.ENDING: ending,
}


@pytest.mark.parametrize("phase", list(PLACES))
def test_every_phase_can_be_reached_to_be_interrupted(phase: Phase) -> None:
    assert PLACES[phase]().call.phase is phase


@pytest.mark.parametrize("killed", [False, True])
@pytest.mark.parametrize("callee", list(Presence))
@pytest.mark.parametrize("agent", list(Presence))
@pytest.mark.parametrize("phase", list(PLACES))
def test_whatever_is_found_again_the_call_comes_to_its_end(
    phase: Phase, agent: Presence, callee: Presence, killed: bool
) -> None:
    call = PLACES[phase]()
    call = call.kill() if killed else call.lose_link()
    found = {CALLEE: callee, AGENT: agent}
    call.presence = {leg: found[leg] if call.call.leg(leg) is not Status.IDLE else Presence.ABSENT for leg in Leg}
    call.bridge = {leg for leg in call.bridge if call.presence[leg] is Presence.UP}
    call.deaf.clear()
    call.restore_link().let_go().wait(300)
    for leg, _ in product(Leg, range(2)):
        if call.call.phase is not Phase.ENDED and call.presence[leg] is not Presence.ABSENT:
            call.hang_up(leg)
    assert call.wait(300).call.phase is Phase.ENDED
    assert len(call.ledger.ended) == 1
    assert call.quiet
    assert call.dialled(CALLEE) <= 1


@pytest.mark.parametrize("phase", list(PLACES))
def test_the_pbx_is_killed_and_comes_back_empty(phase: Phase) -> None:
    call = PLACES[phase]()
    call.pbx_dies()
    was_on_tape = call.tape.open
    call.restore_link().let_go().wait(300)
    assert call.call.phase is Phase.ENDED
    assert call.tape.crashed == was_on_tape
    assert not call.tape.open


def test_a_notice_interrupted_is_played_again_from_its_start_before_anything_is_recorded() -> None:
    for begin in (noticed_in_bridge, on_tape_in_bridge):
        call = begin().kill().restore_link()
        assert call.playing == (Prompt.NOTICE, None)
        call.say(CALLEE, "hello?").prompt_ends().say(CALLEE, "yes")
        assert [words for words in call.tape.heard if words != Prompt.NOTICE] == ["yes"]
    assert on_tape().lose_link().restore_link().prompt_ends().call.phase is Phase.AGENT_WAIT


def test_a_question_interrupted_is_put_again() -> None:
    call = consenting().kill().restore_link()
    assert call.playing == (Prompt.CONSENT_ASK, None)
    assert call.press(CALLEE, "2").call.phase is Phase.TALKING
    assert call.tape.opened == 0


def test_a_callee_found_answered_is_told_and_asked_as_any_other() -> None:
    for mode, announce, prompt in (
        (RecordingMode.NOTICE, False, Prompt.NOTICE),
        (RecordingMode.NOTICE, True, Prompt.NOTICE),
        (RecordingMode.EXPLICIT, False, Prompt.CONSENT_ASK),
    ):
        call = dialling_in_bridge(mode, announce=announce).lose_link().answer(CALLEE).restore_link()
        assert call.playing == (prompt, None)
    call = dialling_in_bridge(RecordingMode.NONE).lose_link().answer(CALLEE).restore_link()
    assert call.bridge == set(Leg)
    call = dialling(RecordingMode.NONE).lose_link().answer(CALLEE).restore_link()
    assert call.call.phase is Phase.AGENT_WAIT


def test_a_callee_still_ringing_rings_on_and_no_longer_than_before() -> None:
    call = dialling().kill().restore_link()
    assert call.call.phase is Phase.DIALLING
    assert call.wait(35.1).disposition == "no_answer"


def test_a_callee_created_but_never_dialled_is_not_dialled_now() -> None:
    call = dialling().kill()
    call.presence[CALLEE] = Presence.CREATED
    assert call.restore_link().disposition == "interrupted"
    assert call.quiet


def test_a_conductor_killed_between_commit_and_dial_never_dials() -> None:
    call = Switch().kill_at(c.DialLeg).start()
    assert call.restore_link().disposition == "interrupted"
    assert call.dialled(CALLEE) == 0


@pytest.mark.parametrize("begin", [talking, talking_in_bridge, talking_unrecorded])
def test_a_talk_goes_on_when_the_conductor_comes_back(begin: Callable[[], Switch]) -> None:
    call = begin().kill().say(CALLEE, "still there?").restore_link().say(AGENT, "yes").hang_up(AGENT)
    assert call.disposition == "completed"
    assert call.heard[AGENT][-1] == "still there?"
    assert call.tape.opened == (0 if begin is talking_unrecorded else 1)


def test_a_waiting_callee_gets_the_agent_who_answered_meanwhile() -> None:
    call = waiting().kill().answer(AGENT).restore_link()
    assert call.call.phase is Phase.TALKING
    assert call.say(CALLEE, "yes").tape.heard == ["yes"]
    call = dialling(RecordingMode.NONE).answer(CALLEE).kill().answer(AGENT).restore_link()
    assert call.bridge == set(Leg)
    call = waiting().kill().restore_link()
    assert call.answer(AGENT).call.phase is Phase.TALKING
    assert waiting().kill().restore_link().wait(26).prompt_ends().disposition == "abandoned"
    call = waiting().lose_link().hang_up(AGENT).restore_link()
    assert call.prompt_ends().disposition == "abandoned"


def test_a_tape_that_should_hear_the_callee_hears_the_callee_after_a_restart() -> None:
    call = on_tape_in_bridge().kill_at(c.UnmuteCallee).prompt_ends().restore_link().say(CALLEE, "yes")
    assert call.tape.heard[-1] == "yes"
    call = on_tape().kill_at(c.UnmuteCallee).prompt_ends().restore_link()
    assert call.prompt_ends().call.phase is Phase.ENDED  # the agent was never dialled: the callee is told


def test_a_pause_asked_for_is_a_pause_after_a_restart_and_so_is_a_resume() -> None:
    call = talking().kill_at(c.PauseRecording).press(AGENT, "*1").restore_link().say(CALLEE, "4111")
    assert call.tape.heard == []
    call.kill_at(c.ResumeRecording).press(AGENT, "*2").restore_link().say(CALLEE, "yes")
    assert call.tape.heard == ["yes"]


def test_a_restart_during_a_pause_opens_no_side_of_the_tape() -> None:
    call = on_tape_in_bridge().prompt_ends().press(AGENT, "*1")
    before = call.commands.count(c.UnmuteCallee())
    call.kill().restore_link().say(CALLEE, "4111").press(AGENT, "*2").say(CALLEE, "yes")
    assert call.tape.heard == [Prompt.NOTICE, "yes"]
    assert call.commands.count(c.UnmuteCallee()) == before


@pytest.mark.parametrize("required", [False, True])
@pytest.mark.parametrize("begin", [talking, talking_in_bridge])
def test_a_tape_lost_with_the_link(begin: Callable[..., Switch], required: bool) -> None:
    call = begin(required=required).lose_link()
    call.tape.running = call.tape.open = False
    call.restore_link()
    if required:
        assert call.disposition == "recording_failed"
    else:
        assert call.call.phase is Phase.TALKING
        assert call.hang_up(CALLEE).disposition == "completed"


def test_a_tape_lost_while_the_callee_waits() -> None:
    call = on_tape(required=True).prompt_ends().lose_link()
    call.tape.running = call.tape.open = False
    assert call.restore_link().disposition == "recording_failed"


def test_a_tape_lost_while_the_callee_waited_and_the_agent_answered() -> None:
    call = on_tape(required=True).prompt_ends().lose_link().answer(AGENT)
    call.tape.running = call.tape.open = False
    assert call.restore_link().disposition == "recording_failed"
    assert call.bridge == set()


def test_a_conductor_killed_before_the_recorder_started_tapes_the_announcement_all_the_same() -> None:
    call = dialling_in_bridge(announce=True).kill_at(c.StartRecording).answer(CALLEE).restore_link()
    assert call.prompt_ends().tape.heard == [Prompt.NOTICE]


@pytest.mark.parametrize("begin", [dialling, questioned, consenting])
def test_a_tape_found_running_where_none_may_run_ends_the_call(begin: Callable[[], Switch]) -> None:
    call = begin().lose_link()
    call.tape.running = call.tape.open = True
    assert call.restore_link().disposition == "recording_failed"
    assert call.quiet


def test_a_tape_taken_off_stays_off_after_a_restart() -> None:
    call = on_tape_in_bridge().kill_at(c.StopRecording).happens(e.PromptFinished(Prompt.NOTICE, False))
    assert call.tape.running
    call.restore_link()
    assert call.call.phase is Phase.TALKING
    assert not call.tape.running


def test_a_callee_found_answered_hears_an_announcement_that_is_on_tape() -> None:
    call = dialling(announce=True).lose_link().answer(CALLEE).restore_link()
    assert call.tape.callee_muted
    assert call.say(CALLEE, "hello?").prompt_ends().tape.heard == [Prompt.NOTICE]


def test_an_announcement_whose_tape_was_lost_is_taped_anew() -> None:
    call = on_tape_in_bridge().lose_link()
    call.tape.running = call.tape.open = False
    call.restore_link().prompt_ends().say(CALLEE, "yes")
    assert call.tape.heard == [Prompt.NOTICE, "yes"]


@pytest.mark.parametrize("begin", [noticed_in_bridge, asked_in_bridge, on_tape_in_bridge])
def test_an_agent_lost_with_the_link_during_the_prompt_is_an_abandoned_call(begin: Callable[[], Switch]) -> None:
    call = begin().lose_link().hang_up(AGENT).restore_link()
    assert call.playing == (Prompt.AGENT_UNAVAILABLE, CALLEE)
    assert call.prompt_ends().disposition == "abandoned"


def test_a_callee_lost_with_the_link_while_waiting() -> None:
    assert waiting().lose_link().hang_up(CALLEE).restore_link().disposition == "hung_up_waiting"


def test_a_conductor_killed_while_the_recorder_started_starts_it_again_before_the_talk() -> None:
    call = starting().kill().restore_link().say(CALLEE, "yes")
    assert call.call.phase is Phase.TALKING
    assert call.tape.heard == ["yes"]


# ── the opt-out ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("point", [c.WriteOptOut, c.StopRecording, c.PlayPrompt])
@pytest.mark.parametrize("begin", [talking, talking_in_bridge])
def test_opt_out_survives_a_conductor_killed_at_any_point(begin: Callable[[], Switch], point: type[c.Command]) -> None:
    call = begin().kill_at(point).press(CALLEE, "*9").restore_link()
    assert len(call.ledger.opted_out) == 1
    assert not call.tape.running
    assert call.prompt_ends().disposition == "opted_out"
    assert call.told(CALLEE, Prompt.OPTOUT_DONE)


def test_opt_out_with_the_ledger_locked_over_a_restart_is_patient_anew() -> None:
    call = talking()
    call.ledger.writable = False
    call.press(CALLEE, "*9").kill().restore_link().wait(10.1)
    assert call.quiet
    assert call.call.phase is Phase.OPTING_OUT
    call.ledger.writable = True
    assert call.wait(1.1).disposition == "opted_out"


def test_confirmation_interrupted_is_played_again_or_the_callee_is_gone() -> None:
    call = confirming().kill().restore_link()
    assert call.playing == (Prompt.OPTOUT_DONE, CALLEE)
    assert call.prompt_ends().disposition == "opted_out"
    assert confirming().kill().hang_up(CALLEE).restore_link().disposition == "opted_out"


# ── the end ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("point", [c.HangUp, c.StopRecording, c.SetTimer])
def test_the_end_interrupted_is_the_end_still(point: type[c.Command]) -> None:
    call = talking().kill_at(point).hang_up(CALLEE).restore_link()
    assert call.disposition == "completed"
    assert call.tape.sealed
    assert call.quiet


def test_the_end_interrupted_has_its_patience_anew() -> None:
    call = talking().kill_at(c.HangUp).hang_up(CALLEE)
    call.deaf.add(c.StopRecording)
    assert call.restore_link().wait(31).call.phase is Phase.ENDED
