"""How a call ends: the actions of the table that say a last word, let everybody go, and write the disposition."""

from dataclasses import replace

from ari_app.call import moves as move
from ari_app.call.call import Call, Step, Tape
from ari_app.call.commands import (
    EndAttempt,
    SetTimer,
)
from ari_app.call.events import (
    AttemptRefused,
    BridgeFailed,
    Event,
    GateDenied,
    HangupRequested,
    LegFailed,
    LegGone,
    LinkRestored,
    Prompt,
    RecordingFailed,
    Timer,
)

END_PATIENCE_S = 30.0


def why_denied(event: Event) -> str:
    return event.reason if isinstance(event, GateDenied) else "recording is required, and may not be done"


# ── a last word ─────────────────────────────────────────────────────────────────────────────────────────────────


def _farewell(call: Call, prompt: Prompt, disposition: str, detail: str = "") -> Step:
    silence = move.silence(call)
    call, stop = move.drop_tape(replace(call, disposition=disposition, detail=detail))
    call, say = move.say_alone(call, prompt)
    return call, [*silence, *stop, *say]


def farewell_refused(call: Call, event: Event) -> Step:
    return _farewell(call, Prompt.CONSENT_REFUSED, "recording_refused")


def farewell_agent_unavailable(call: Call, event: Event) -> Step:
    """47 CFR 64.1200(a)(7): nobody there within two seconds, so at least say who called."""
    return _farewell(call, Prompt.AGENT_UNAVAILABLE, "abandoned", "the agent was not there")


# ── the end ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _end(call: Call, event: Event, disposition: str, detail: str = "") -> Step:
    again = isinstance(event, LinkRestored)
    if again and call.tape is Tape.STOPPING:
        call, stop = move.tape_again(call, event)
    else:
        call, stop = move.stop_tape(call, crashed=again)
    commands = [*move.silence(call), *move.hang_up(call), *stop, SetTimer(Timer.END, END_PATIENCE_S)]
    return replace(call, disposition=disposition, detail=detail), commands


def as_decided(call: Call, event: Event) -> Step:
    return _end(call, event, call.disposition, call.detail)


def denied(call: Call, event: Event) -> Step:
    return _end(call, event, "denied", why_denied(event))


def refused_by_ledger(call: Call, event: Event) -> Step:
    return _end(call, event, "not_dialled", event.reason if isinstance(event, AttemptRefused) else "")


def agent_unavailable(call: Call, event: Event) -> Step:
    return _end(call, event, "agent_unavailable", "the callee was not dialled")


def agent_gone(call: Call, event: Event) -> Step:
    return _end(call, event, "agent_gone", "before the callee answered")


def not_reached(call: Call, event: Event) -> Step:
    return _end(call, event, event.failure.value if isinstance(event, LegFailed) else "unreachable")


def no_answer(call: Call, event: Event) -> Step:
    return _end(call, event, "no_answer")


def hung_up_in_prompt(call: Call, event: Event) -> Step:
    return _end(call, event, "hung_up_in_prompt")


def hung_up_waiting(call: Call, event: Event) -> Step:
    return _end(call, event, "hung_up_waiting")


def greeting_cut(call: Call, event: Event) -> Step:
    return _end(call, event, "prompt_failed", "the callee was not told who calls, and the law wants it said")


def notice_cut(call: Call, event: Event) -> Step:
    return _end(call, event, "prompt_failed", "the notice was not played to its end, and recording is required")


def recording_failed(call: Call, event: Event) -> Step:
    match event:
        case RecordingFailed(reason=reason):
            detail = reason
        case LinkRestored():
            detail = "the recording was not as it should be after the link was lost"
        case _:
            detail = "the recorder sealed it unasked"
    return _end(call, event, "recording_failed", detail)


def bridge_failed(call: Call, event: Event) -> Step:
    return _end(call, event, "bridge_failed", event.reason if isinstance(event, BridgeFailed) else "")


def opted_out(call: Call, event: Event) -> Step:
    return _end(call, event, "opted_out", call.detail)


def completed(call: Call, event: Event) -> Step:
    if isinstance(event, LegGone | LegFailed):
        return _end(call, event, "completed", f"{event.leg} hung up")
    return _end(call, event, "completed", "ended while the link to the PBX was lost")


def cancelled(call: Call, event: Event) -> Step:
    return _end(call, event, "cancelled", event.by if isinstance(event, HangupRequested) else "")


def interrupted(call: Call, event: Event) -> Step:
    return _end(call, event, "interrupted", "the link to the PBX was lost; not dialled again")


def hang_up_again(call: Call, event: Event) -> Step:
    return call, move.hang_up(call)


def write(call: Call, event: Event) -> Step:
    late = "" if call.tape is not Tape.STOPPING else "the recording was not sealed yet"
    end = EndAttempt(call.disposition, "; ".join(part for part in (call.detail, late) if part))
    return call, [*move.hang_up(call), end]  # who is still on the line by now: nobody will follow them any more
