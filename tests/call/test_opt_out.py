"""Nine, `*9` and a request by the screen: durable first, audible second, and never called again."""

import pytest

from ari_app.call import Phase
from ari_app.call import commands as c
from ari_app.call import events as e
from ari_app.call.events import Leg, Prompt
from compliance.verdict import RecordingMode

from .openings import (
    Begin,
    asked_in_bridge,
    denied_manual,
    dialling,
    dialling_in_bridge,
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
PROMPTS = [noticed, noticed_in_bridge, questioned, asked_in_bridge, on_tape, on_tape_in_bridge]


@pytest.mark.parametrize("begin", PROMPTS)
def test_callee_presses_nine_during_the_prompt_and_is_never_called_again(begin: Begin) -> None:
    call = begin().press(CALLEE, "9")
    assert call.ledger.opted_out == ["callee_key_9"]
    assert call.playing == (Prompt.OPTOUT_DONE, CALLEE)
    assert not call.tape.running
    assert call.bridge <= {AGENT}
    call.say(CALLEE, "thanks")
    assert call.prompt_ends().ledger.ended == [("opted_out", "callee_key_9")]
    assert call.told(CALLEE, Prompt.OPTOUT_DONE)
    assert "thanks" not in call.tape.heard
    assert call.quiet


def test_nine_while_waiting_for_the_agent() -> None:
    call = waiting().press(CALLEE, "9")
    assert call.ledger.opted_out == ["callee_key_9"]
    assert call.prompt_ends().disposition == "opted_out"


@pytest.mark.parametrize("begin", [noticed, noticed_in_bridge, questioned])
def test_nine_that_arrives_as_the_call_is_being_ended_is_not_lost(begin: Begin) -> None:
    call = begin()
    call.slow.add(c.HangUp)
    call.happens(e.HangupRequested("cli")).press(CALLEE, "9").let_go()
    assert call.ledger.opted_out == ["callee_key_9"]
    assert call.disposition == "opted_out"


@pytest.mark.parametrize("leg", list(Leg))
def test_star_nine_begun_in_the_talk_and_finished_as_it_ends_is_not_lost(leg: Leg) -> None:
    call = talking()
    call.slow.add(c.HangUp)
    call.press(leg, "*").happens(e.HangupRequested("cli")).press(leg, "9").let_go()
    assert call.ledger.opted_out == [f"{leg}_star_9"]
    assert call.disposition == "opted_out"


def test_a_request_with_a_long_name_fits_the_ledger() -> None:
    call = talking().happens(e.OptOutRequested("x" * 64))
    assert [len(source) for source in call.ledger.opted_out] == [64]


def test_nine_while_the_answer_is_being_written_or_the_recorder_starts() -> None:
    call = asked_in_bridge()
    call.slow.add(c.WriteConsent)
    assert call.press(CALLEE, "19").let_go().ledger.opted_out == ["callee_key_9"]
    call = noticed_in_bridge()
    call.slow.add(c.StartRecording)
    call.prompt_ends().press(CALLEE, "9")
    assert call.ledger.opted_out == ["callee_key_9"]
    assert not call.let_go().tape.running


def test_nine_while_the_recorder_for_the_announcement_starts() -> None:
    call = dialling(announce=True)
    call.slow.add(c.StartRecording)
    call.answer(CALLEE).press(CALLEE, "9").let_go()
    assert call.ledger.opted_out == ["callee_key_9"]
    assert not call.tape.running


def test_nine_during_the_farewell() -> None:
    call = noticed_in_bridge().hang_up(AGENT).press(CALLEE, "9")
    assert call.ledger.opted_out == ["callee_key_9"]
    assert call.prompt_ends().disposition == "opted_out"


def test_the_bare_nine_counts_for_a_while_after_the_prompt_and_then_is_passed_on() -> None:
    call = noticed_in_bridge().prompt_ends().wait(9.9).press(CALLEE, "9")
    assert call.ledger.opted_out == ["callee_key_9"]
    call = noticed_in_bridge().prompt_ends().wait(10.1).press(CALLEE, "9")
    assert call.ledger.opted_out == []
    assert call.keys_heard[AGENT] == "9"


@pytest.mark.parametrize("begin", [talking, talking_in_bridge, talking_unrecorded])
@pytest.mark.parametrize("leg", list(Leg))
def test_star_nine_by_either_phone_in_the_talk(begin: Begin, leg: Leg) -> None:
    call = begin().press(leg, "*9")
    assert call.ledger.opted_out == [f"{leg}_star_9"]
    assert call.keys_heard == {CALLEE: "", AGENT: ""}
    assert call.presence[AGENT] is not call.presence[CALLEE]
    assert call.prompt_ends().ledger.ended == [("opted_out", f"{leg}_star_9")]


@pytest.mark.parametrize("begin", [noticed_in_bridge, asked_in_bridge])
def test_star_nine_by_the_agent_during_the_prompt(begin: Begin) -> None:
    assert begin().press(AGENT, "*9").ledger.opted_out == ["agent_star_9"]
    assert begin().press(AGENT, "9").ledger.opted_out == []


def test_nine_by_the_agent_long_after_a_star_is_nothing() -> None:
    call = noticed_in_bridge().press(AGENT, "*").wait(3.1).press(AGENT, "9")
    assert call.ledger.opted_out == []


@pytest.mark.parametrize("begin", [talking, noticed, waiting])
def test_a_second_nine_changes_nothing(begin: Begin) -> None:
    call = begin()
    call.slow.add(c.WriteOptOut)
    call.press(CALLEE, "*9*9").press(AGENT, "*9") if begin is talking else call.press(CALLEE, "99")
    call.let_go().press(CALLEE, "9*9")
    assert len(call.ledger.opted_out) == 1
    assert call.commands.count(c.PlayPrompt(Prompt.OPTOUT_DONE, CALLEE)) == 1
    assert call.prompt_ends().disposition == "opted_out"


@pytest.mark.parametrize("begin", [noticed, noticed_in_bridge, talking])
def test_hang_up_between_key_and_commit_is_an_opt_out_all_the_same(begin: Begin) -> None:
    call = begin()
    call.slow.add(c.WriteOptOut)
    call.press(CALLEE, "*9").hang_up(CALLEE)
    assert call.call.phase is Phase.OPTING_OUT
    assert call.let_go().disposition == "opted_out"
    assert Prompt.OPTOUT_DONE not in call.heard[CALLEE]
    assert call.quiet


def test_hang_up_during_the_confirmation() -> None:
    assert talking().press(CALLEE, "*9").hang_up(CALLEE).disposition == "opted_out"


def test_a_confirmation_that_cannot_be_played_or_never_ends() -> None:
    call = talking()
    call.missing.add(Prompt.OPTOUT_DONE)
    assert call.press(CALLEE, "*9").disposition == "opted_out"
    assert talking().press(CALLEE, "*9").wait(61).disposition == "opted_out"


def test_a_ledger_locked_for_some_seconds_is_tried_again_and_the_removal_confirmed() -> None:
    call = talking()
    call.ledger.writable = False
    call.press(CALLEE, "*9").wait(5)
    assert call.playing is None
    assert not call.tape.running
    call.ledger.writable = True
    assert call.wait(1.1).playing == (Prompt.OPTOUT_DONE, CALLEE)
    assert len(call.ledger.opted_out) == 1


def test_a_ledger_locked_for_longer_ends_the_call_without_a_promise_and_still_keeps_it() -> None:
    call = talking()
    call.ledger.writable = False
    call.press(CALLEE, "*9").wait(10.1)
    assert call.quiet
    assert call.ledger.ended == []
    call.ledger.writable = True
    assert call.wait(1.1).disposition == "opted_out"
    assert call.heard[CALLEE] == [Prompt.NOTICE]
    assert len(call.ledger.opted_out) == 1


@pytest.mark.parametrize("begin", [dialling, dialling_in_bridge, noticed, waiting, talking, denied_manual])
def test_a_request_by_the_screen_counts_at_any_time(begin: Begin) -> None:
    call = begin().happens(e.OptOutRequested("api"))
    assert call.ledger.opted_out == ["request_by_api"]
    if call.call.phase is not Phase.ENDED:
        call.prompt_ends()
    assert call.disposition == "opted_out"
    assert call.quiet


def test_a_request_by_the_screen_before_the_dial_means_nobody_is_called() -> None:
    call = Switch()
    call.slow.add(c.CommitAttempt)
    call.start().happens(e.OptOutRequested("api")).let_go()
    assert call.disposition == "opted_out"
    assert call.dialled(CALLEE) == 0


def test_a_request_by_the_screen_just_after_the_callee_hung_up_counts() -> None:
    call = talking()
    call.slow.add(c.StopRecording)
    call.hang_up(CALLEE).happens(e.OptOutRequested("api"))
    assert call.ledger.opted_out == ["request_by_api"]
    assert call.let_go().disposition == "opted_out"


def test_a_supervisor_may_hang_up_while_the_opt_out_is_written_or_confirmed() -> None:
    call = talking()
    call.ledger.writable = False
    call.press(CALLEE, "*9").happens(e.HangupRequested("supervisor"))
    assert call.quiet
    call.ledger.writable = True
    assert call.wait(1.1).disposition == "opted_out"
    assert talking().press(CALLEE, "*9").happens(e.HangupRequested("supervisor")).disposition == "opted_out"


def test_opt_out_in_a_required_and_in_an_explicit_call() -> None:
    assert talking(required=True).press(CALLEE, "*9").prompt_ends().disposition == "opted_out"
    call = Switch(plan(required=True), RecordingMode.EXPLICIT).start().answer(CALLEE).press(CALLEE, "9")
    assert call.ledger.consents == []
    assert call.prompt_ends().disposition == "opted_out"
