"""The promises under random histories: hostile ones, event by event, and plausible ones, on the switch."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ari_app.call import Call, Phase, Placement, Plan, decide, fold
from ari_app.call import commands as c
from ari_app.call import events as e
from ari_app.call.events import Answer, Event, Failure, Leg, Presence, Prompt, Timer
from compliance.verdict import RecordingMode

from .promises import Promises
from .switch import Switch

NOW = datetime(2026, 3, 2, tzinfo=UTC)
CALLEE, AGENT = Leg.CALLEE, Leg.AGENT

plans = st.builds(
    Plan, st.sampled_from(Placement), st.booleans(), st.booleans(), st.just(30), st.just(20), st.booleans()
)
legs, prompts, texts = st.sampled_from(Leg), st.sampled_from(Prompt), st.text(max_size=8)
events: st.SearchStrategy[Event] = st.one_of(
    st.just(e.Started()),
    st.builds(e.GateAllowed, st.sampled_from(RecordingMode), st.booleans(), st.booleans(), st.booleans()),
    st.builds(e.GateDenied, texts),
    st.just(e.AttemptCommitted()),
    st.builds(e.AttemptRefused, texts),
    st.builds(e.LegRinging, legs),
    st.builds(e.LegAnswered, legs),
    st.builds(e.LegFailed, legs, st.sampled_from(Failure)),
    st.builds(e.LegGone, legs),
    st.builds(e.PromptStarted, prompts),
    st.builds(e.PromptFinished, prompts, st.booleans()),
    st.builds(e.Digit, legs, st.sampled_from("0129*#") | texts),
    st.builds(e.ConsentWritten, st.sampled_from(Answer)),
    st.builds(e.ConsentNotWritten, texts),
    st.builds(e.OptOutRequested, texts),
    st.builds(e.OptOutWritten, st.booleans(), st.integers(0, 9)),
    st.builds(e.OptOutNotWritten, texts),
    st.builds(e.RecordingStarted, texts),
    st.builds(e.RecordingFailed, texts),
    st.just(e.PauseRequested()),
    st.just(e.ResumeRequested()),
    st.just(e.RecordingPaused()),
    st.just(e.RecordingResumed()),
    st.builds(e.RecordingSealed, st.integers(0, 10**9)),
    st.builds(e.BridgeFailed, texts),
    st.builds(e.TimerFired, st.sampled_from(Timer)),
    st.builds(e.HangupRequested, texts),
    st.builds(e.LinkRestored, st.sampled_from(Presence), st.sampled_from(Presence), st.booleans()),
    st.just(e.Settled()),
)
# A history that gets somewhere: the way to the callee's phone, then anything.
openings = st.builds(
    lambda allowed: [e.Started(), allowed, e.LegAnswered(AGENT), allowed, e.AttemptCommitted(), e.LegAnswered(CALLEE)],
    st.builds(e.GateAllowed, st.sampled_from(RecordingMode), st.booleans(), st.booleans(), st.booleans()),
)
histories = st.builds(lambda way, rest: [*way, *rest], openings | st.just([]), st.lists(events, max_size=40))


def test_the_histories_know_every_event() -> None:
    seen = {type(event) for event in (e.Settled(), e.Started())} | set(Event.kinds.values())
    assert len(seen) == 29


@given(plans, histories)
@settings(max_examples=1500, deadline=None)
def test_no_history_breaks_a_promise_and_every_history_folds(of: Plan, history: list[Event]) -> None:
    call, promises = Call.planned(of), Promises()
    for event in history:
        before = call
        call, commands = decide(before, event, NOW)
        assert (call, commands) == decide(before, event, NOW)
        promises.step(before, event, call, commands)
    assert fold(Call.planned(of), [(event, NOW) for event in history]) == call


@given(plans, histories)
@settings(max_examples=800, deadline=None)
def test_when_everybody_is_gone_and_the_tape_is_sealed_the_call_has_ended_once(of: Plan, history: list[Event]) -> None:
    """But for a call not begun, and one that still owes the callee an entry in the ledger."""
    call, ends = Call.planned(of), 0
    last: list[Event] = [e.Started(), e.LegGone(CALLEE), e.LegGone(AGENT), e.LegGone(CALLEE), e.RecordingSealed(1)]
    for event in [*history, *last]:
        owed = call.phase is Phase.OPTING_OUT
        call, commands = decide(call, event, NOW)
        ends += sum(isinstance(command, c.EndAttempt) for command in commands)
    if owed or call.phase is Phase.OPTING_OUT:
        call, commands = decide(call, e.OptOutWritten(True, 0), NOW)
        ends += sum(isinstance(command, c.EndAttempt) for command in commands)
    assert call.phase is Phase.ENDED
    assert ends == 1


@given(events)
def test_every_event_goes_to_the_log_and_comes_back(event: Event) -> None:
    assert Event.from_json(event.kind, json.loads(json.dumps(event.to_json()))) == event


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("Rumour", {}),
        ("LegGone", {}),
        ("LegGone", {"leg": "callee", "cause": 16}),
        ("LegGone", {"leg": "supervisor"}),
        ("PromptFinished", {"prompt": "notice", "complete": "yes"}),
        ("PromptFinished", {"prompt": "notice", "complete": 1}),
        ("RecordingSealed", {"milliseconds": True}),
        ("GateDenied", {"reason": None}),
    ],
)
def test_what_is_no_event_is_not_read_as_one(kind: str, data: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"no event|expected|not a valid"):
        Event.from_json(kind, data)


class Life:
    """What may happen next on a switch, as numbers choose."""

    def __init__(self, call: Switch) -> None:
        self.call = call

    def choices(self) -> list[tuple[str, Leg | None]]:
        here = self.call.presence
        found: list[tuple[str, Leg | None]] = [("wait", None), ("link", None), ("kill", None), ("stop", None)]
        for leg in Leg:
            found += [("answer", leg), ("fail", leg)] if here[leg] is Presence.RINGING else []
            found += [("hang_up", leg)] if here[leg] is not Presence.ABSENT else []
            found += [(f"key {key}", leg) for key in "129*"] if here[leg] is Presence.UP else []
        return found + ([("prompt", None)] * 3 if self.call.playing else [])

    def step(self, number: int) -> None:
        choices = self.choices()
        what, leg = choices[number % len(choices)]
        call = self.call
        match what, leg:
            case "answer", Leg():
                call.answer(leg)
            case "fail", Leg():
                call.fail(leg, Failure.BUSY)
            case "hang_up", Leg():
                call.hang_up(leg, prompt_first=number % 2 == 0)
            case "prompt", _:
                call.prompt_ends()
            case "wait", _:
                call.wait(number % 40)
            case "link", _:
                call.restore_link() if not call.linked else call.lose_link()
            case "kill", _:
                call.kill().restore_link()
            case "stop", _:
                call.ledger.writable = not call.ledger.writable
                call.recorder_down = not call.recorder_down and number % 3 == 0
            case key, Leg():
                if call.linked:
                    call.press(leg, key[-1])
            case _:
                raise AssertionError(what)


@given(plans, st.sampled_from(RecordingMode), st.booleans(), st.lists(st.integers(0, 10**6), max_size=25))
@settings(max_examples=800, deadline=None)
def test_a_plausible_life_keeps_the_promises_and_comes_to_its_end(
    of: Plan, mode: RecordingMode, announce: bool, numbers: list[int]
) -> None:
    call = Switch(of, mode, announce=announce).start()
    life = Life(call)
    for number in numbers:
        if call.call.phase is Phase.ENDED:
            break
        life.step(number)
    call.ledger.writable, call.recorder_down = True, False
    if call.call.phase is not Phase.ENDED:
        call.restore_link().wait(120)
    for leg in (CALLEE, AGENT):
        if call.call.phase is not Phase.ENDED and call.presence[leg] is not Presence.ABSENT:
            call.hang_up(leg)
    assert call.wait(120).call.phase is Phase.ENDED
    assert len(call.ledger.ended) == 1
    assert len(call.ledger.opted_out) <= 1
    assert ("opted_out" in call.ledger.ended[0]) == bool(call.ledger.opted_out)
    assert fold(Call.planned(of), call.log) == call.call
