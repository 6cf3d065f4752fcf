"""Who calls is said first of all, where the law sets a time for it; and what is owed while the call is recorded."""

import pytest

from ari_app.call import Phase, Placement
from ari_app.call import events as e
from ari_app.call.events import Leg, Prompt, Timer
from compliance.verdict import RecordingMode

from .openings import greeted, greeted_in_bridge
from .switch import Switch, plan

CALLEE, AGENT = Leg.CALLEE, Leg.AGENT
NOTICE, EXPLICIT, NONE = RecordingMode.NOTICE, RecordingMode.EXPLICIT, RecordingMode.NONE


@pytest.mark.parametrize(
    ("mode", "announce", "after"),
    [
        (NOTICE, False, Phase.NOTICE),
        (NOTICE, True, Phase.NOTICE),  # by way of arming
        (EXPLICIT, False, Phase.ASKING),
        (NONE, False, Phase.AGENT_WAIT),
    ],
)
def test_the_greeting_comes_first_whatever_follows(mode: RecordingMode, announce: bool, after: Phase) -> None:
    call = greeted(mode=mode, announce=announce)
    assert call.call.phase is Phase.GREETING
    assert call.playing == (Prompt.GREETING, CALLEE)
    assert not call.tape.running
    assert call.prompt_ends().call.phase is after
    assert call.tape.running == announce


def test_agent_and_callee_hear_it_together_when_the_agent_is_on_the_line() -> None:
    call = greeted_in_bridge(NONE)
    assert call.playing == (Prompt.GREETING, None)
    assert call.prompt_ends().call.phase is Phase.TALKING
    assert call.told(CALLEE, Prompt.GREETING)
    assert call.told(AGENT, Prompt.GREETING)


@pytest.mark.parametrize("mode", list(RecordingMode))
def test_the_opt_out_is_offered_in_the_first_words(mode: RecordingMode) -> None:
    """The notice offers it in its first seconds; a question offers it last, and silence never."""
    call = Switch(plan(), mode, offer_opt_out=True).start().answer(CALLEE)
    assert call.playing == (Prompt.GREETING if mode is NOTICE else Prompt.GREETING_OPT_OUT, CALLEE)


def test_nine_still_counts_after_a_greeting_that_offered_it() -> None:
    call = Switch(plan(), NONE, offer_opt_out=True).start().answer(CALLEE).prompt_ends().answer(AGENT)
    assert call.press(CALLEE, "9").ledger.opted_out == ["callee_key_9"]


def test_nine_during_the_greeting() -> None:
    assert greeted().press(CALLEE, "9").ledger.opted_out == ["callee_key_9"]


@pytest.mark.parametrize("placement", list(Placement))
@pytest.mark.parametrize("mode", list(RecordingMode))
def test_a_greeting_that_cannot_be_heard_ends_the_call(placement: Placement, mode: RecordingMode) -> None:
    call = Switch(plan(placement), mode, identify=True)
    call.missing.add(Prompt.GREETING)
    call.start()
    if placement is Placement.IN_BRIDGE:
        call.answer(AGENT)
    assert call.answer(CALLEE).disposition == "prompt_failed"
    assert call.quiet
    assert call.tape.opened == 0


def test_a_greeting_whose_end_is_never_reported_ends_the_call() -> None:
    assert greeted().happens(e.TimerFired(Timer.PROMPT)).disposition == "prompt_failed"


def test_a_greeting_interrupted_is_said_again() -> None:
    for call in (greeted().kill().restore_link(), greeted().lose_link().restore_link()):
        assert call.playing == (Prompt.GREETING, CALLEE)
        assert call.prompt_ends().call.phase is Phase.NOTICE


def test_a_callee_found_answered_after_a_restart_is_greeted() -> None:
    call = Switch(plan(), identify=True).start().lose_link().answer(CALLEE).restore_link()
    assert call.playing == (Prompt.GREETING, CALLEE)


def test_a_recording_found_running_during_the_greeting_is_stopped() -> None:
    call = greeted().lose_link()
    call.tape.open = True
    assert call.restore_link().let_go().disposition == "recording_failed"


def beeping(*, announce: bool = False) -> Switch:
    """On tape, with a beep every fifteen seconds."""
    call = Switch(plan(Placement.IN_BRIDGE), NOTICE, announce=announce, beep_seconds=15).start().answer(AGENT)
    return call.answer(CALLEE).prompt_ends()


@pytest.mark.parametrize("announce", [False, True])
def test_a_beep_tells_that_the_recording_runs_where_the_law_wants_one(announce: bool) -> None:
    call = beeping(announce=announce).wait(31)
    assert [leg_heard.count("beep") for leg_heard in call.heard.values()] == [2, 2]
    call.press(AGENT, "*1").wait(30)
    assert call.heard[CALLEE].count("beep") == 2  # paused: a beep would say that it runs
    assert call.press(AGENT, "*2").wait(15).heard[CALLEE].count("beep") == 3


def test_beeps_go_on_after_a_restart() -> None:
    assert beeping().kill().restore_link().wait(16).heard[CALLEE].count("beep") == 1


def test_no_beep_without_a_recording_or_a_law_that_wants_one() -> None:
    refused = Switch(plan(Placement.IN_BRIDGE), EXPLICIT, beep_seconds=15).start().answer(AGENT).answer(CALLEE)
    assert "beep" not in refused.press(CALLEE, "2").wait(60).heard[CALLEE]
    assert "beep" not in greeted_in_bridge().prompt_ends().prompt_ends().wait(60).heard[CALLEE]


def test_what_an_older_version_wrote_about_the_gate_is_still_read() -> None:
    written = {"mode": "notice", "record_announcement": True}
    assert e.Event.from_json("GateAllowed", written) == e.GateAllowed(NOTICE, True)
    with pytest.raises(ValueError, match="no event GateAllowed"):
        e.Event.from_json("GateAllowed", {"mode": "notice"})
    with pytest.raises(ValueError, match="no event GateAllowed"):
        e.Event.from_json("GateAllowed", {**written, "whisper": 1})
