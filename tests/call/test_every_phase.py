"""What may happen at any time, at every time it may happen."""

import pytest

from ari_app.call import Phase
from ari_app.call import events as e
from ari_app.call.events import Failure, Leg, Presence, Timer

from .openings import on_tape
from .switch import Switch
from .test_lost_link import PLACES

CALLEE, AGENT = Leg.CALLEE, Leg.AGENT
PROMPTING = [Phase.GREETING, Phase.ARMING, Phase.NOTICE, Phase.ASKING, Phase.CONSENTING]
ANSWERED = [*PROMPTING, Phase.AGENT_WAIT, Phase.STARTING, Phase.TALKING, Phase.FAREWELL]
UNDECIDED = [Phase.GATING, Phase.AGENT_FIRST, Phase.COMMITTING, Phase.DIALLING, *ANSWERED[:-1]]
BOTH_THERE = [
    Phase.GREETING,
    Phase.ARMING,
    Phase.CONSENTING,
]  # of PROMPTING, those PLACES reaches with the agent on the line


def in_phase(phase: Phase) -> Switch:
    call = PLACES[phase]()
    assert call.call.phase is phase
    return call


@pytest.mark.parametrize("phase", ANSWERED)
def test_star_nine_by_the_callee_at_any_time_after_the_answer(phase: Phase) -> None:
    call = in_phase(phase).press(CALLEE, "*9")
    assert len(call.ledger.opted_out) == 1


@pytest.mark.parametrize("phase", ANSWERED)
def test_star_nine_by_the_agent_at_any_time_after_the_answer(phase: Phase) -> None:
    call = in_phase(phase).happens(e.Digit(AGENT, "*"), e.Digit(AGENT, "9"))
    assert call.ledger.opted_out == ["agent_star_9"]


@pytest.mark.parametrize("phase", ANSWERED)
def test_a_star_is_forgotten_after_a_while_at_any_time(phase: Phase) -> None:
    call = in_phase(phase).happens(e.Digit(AGENT, "*"), e.TimerFired(Timer.STAR_AGENT))
    assert call.happens(e.Digit(AGENT, "9")).ledger.opted_out == []


@pytest.mark.parametrize("phase", [*UNDECIDED, Phase.FAREWELL, Phase.REFUSING, Phase.ENDING])
def test_a_request_by_the_screen_at_any_time(phase: Phase) -> None:
    call = in_phase(phase).happens(e.OptOutRequested("api"))
    assert call.ledger.opted_out == ["request_by_api"]


@pytest.mark.parametrize("phase", [Phase.PLANNED, *UNDECIDED])
def test_a_supervisor_hangs_up_at_any_time(phase: Phase) -> None:
    call = in_phase(phase).happens(e.HangupRequested("supervisor")).let_go()
    assert call.disposition == "cancelled"
    assert call.quiet


@pytest.mark.parametrize("phase", UNDECIDED)
def test_a_bridge_fails_at_any_time(phase: Phase) -> None:
    call = in_phase(phase).happens(e.BridgeFailed("gone")).let_go()
    assert call.disposition == "bridge_failed"
    assert call.quiet


@pytest.mark.parametrize("phase", PROMPTING)
def test_the_callee_hangs_up_at_any_time_of_the_prompt(phase: Phase) -> None:
    assert in_phase(phase).hang_up(CALLEE).let_go().disposition == "hung_up_in_prompt"
    call = in_phase(phase).lose_link().hang_up(CALLEE).restore_link().let_go()
    assert call.disposition == "hung_up_in_prompt"


@pytest.mark.parametrize("phase", BOTH_THERE)
def test_the_agent_leaves_at_any_time_of_the_prompt(phase: Phase) -> None:
    assert in_phase(phase).hang_up(AGENT).call.phase is Phase.FAREWELL
    assert in_phase(phase).lose_link().hang_up(AGENT).restore_link().call.phase is Phase.FAREWELL


@pytest.mark.parametrize("phase", [Phase.ARMING, Phase.NOTICE])
def test_a_restart_before_the_notice_has_ended_plays_it_from_its_start(phase: Phase) -> None:
    call = in_phase(phase).kill().restore_link()
    assert call.call.phase is Phase.NOTICE
    assert call.tape.opened == (1 if phase is Phase.ARMING else 0)
    assert call.tape.callee_muted == (phase is Phase.ARMING)


@pytest.mark.parametrize("phase", [Phase.GATING, Phase.AGENT_FIRST, Phase.COMMITTING])
def test_an_agent_who_is_gone_before_the_dial(phase: Phase) -> None:
    call = in_phase(phase)
    call.presence[AGENT] = Presence.ABSENT
    assert call.happens(e.LegGone(AGENT)).disposition == "agent_gone"


@pytest.mark.parametrize("leg", list(Leg))
@pytest.mark.parametrize("phase", [Phase.STARTING, Phase.TALKING])
def test_a_leg_lost_in_the_talk_completes_it(phase: Phase, leg: Leg) -> None:
    call = in_phase(phase)
    call.presence[leg] = Presence.ABSENT
    assert call.happens(e.LegFailed(leg, Failure.UNREACHABLE)).let_go().disposition == "completed"


def test_a_tape_that_fails_while_a_callee_waits_is_stopped_there_and_then() -> None:
    call = on_tape().prompt_ends().happens(e.RecordingFailed("disk_full"))
    assert call.call.phase is Phase.AGENT_WAIT
    assert not call.tape.running


WAITED_FOR = {
    Phase.AGENT_FIRST: {Timer.AGENT_RING},
    Phase.DIALLING: {Timer.RING},
    Phase.GREETING: {Timer.PROMPT},
    Phase.NOTICE: {Timer.PROMPT},
    Phase.ASKING: {Timer.PROMPT},
    Phase.AGENT_WAIT: {Timer.AGENT_RING},
    Phase.OPTING_OUT: {Timer.OPTOUT_PATIENCE, Timer.OPTOUT_RETRY},
    Phase.CONFIRMING: {Timer.PROMPT},
    Phase.FAREWELL: {Timer.PROMPT},
    Phase.REFUSING: {Timer.PROMPT},
    Phase.ENDING: {Timer.END},
}


@pytest.mark.parametrize("phase", list(PLACES))
def test_a_timer_left_over_from_before_changes_nothing(phase: Phase) -> None:
    for timer in set(Timer) - WAITED_FOR.get(phase, set()):
        call = in_phase(phase)
        done = len(call.commands)
        call.happens(e.TimerFired(timer))
        assert call.call.phase is phase, timer
        assert len(call.commands) == done, timer
