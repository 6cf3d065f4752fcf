"""The actions of the transition table: each gives the call's new state and the commands, in order."""

from dataclasses import replace

from ari_app.call.call import Call, Phase, Status, Step, Tape
from ari_app.call.commands import (
    Bridge,
    CancelTimer,
    CheckGate,
    Command,
    CommitAttempt,
    DialLeg,
    EndAttempt,
    HangUp,
    PauseRecording,
    PlayPrompt,
    ResumeRecording,
    SendDigits,
    SetTimer,
    StartRecording,
    StopPrompt,
    StopRecording,
    Unbridge,
    UnmuteCallee,
    WriteConsent,
    WriteOptOut,
)
from ari_app.call.events import (
    Answer,
    AttemptRefused,
    BridgeFailed,
    Digit,
    Event,
    GateDenied,
    HangupRequested,
    Leg,
    LegFailed,
    LegGone,
    LinkRestored,
    OptOutRequested,
    Prompt,
    RecordingFailed,
    Timer,
    TimerFired,
)

RING_MARGIN_S = 5.0  # Asterisk's own dial timeout comes first; ours catches a PBX that never says so
CONSENT_WAIT_S = 5.0
STAR_WAIT_S = 3.0
GRACE_S = 10.0  # after a prompt that offered 9, the bare 9 still counts this long
OPTOUT_RETRY_S = 1.0
OPTOUT_PATIENCE_S = 10.0
END_PATIENCE_S = 30.0

_STAR_TIMER = {Leg.CALLEE: Timer.STAR_CALLEE, Leg.AGENT: Timer.STAR_AGENT}
_OTHER = {Leg.CALLEE: Leg.AGENT, Leg.AGENT: Leg.CALLEE}


def enter(call: Call, phase: Phase) -> Call:
    return replace(call, phase=phase)


def nothing(call: Call, event: Event) -> Step:
    return call, []


def _play(call: Call, prompt: Prompt, to: Leg | None) -> Step:
    return replace(call, playing=prompt), [PlayPrompt(prompt, to)]


def _silence(call: Call) -> list[Command]:
    return [StopPrompt()] if call.playing else []


# ── may we call? ────────────────────────────────────────────────────────────────────────────────────────────────


def check_gate(call: Call, event: Event) -> Step:
    return call, [CheckGate()]


def bridge_agent_and_check_gate(call: Call, event: Event) -> Step:
    """The agent took seconds to answer; the verdict must be of the instant of dialling."""
    return replace(call, bridged=True), [Bridge(Leg.AGENT), CheckGate()]


def commit_attempt(call: Call, event: Event) -> Step:
    return call, [CommitAttempt()]


def dial_callee(call: Call, event: Event) -> Step:
    return call.with_leg(Leg.CALLEE, Status.DIALLED), [
        DialLeg(Leg.CALLEE),
        SetTimer(Timer.RING, call.plan.ring_seconds + RING_MARGIN_S),
    ]


def await_answer(call: Call, event: Event) -> Step:
    return call, [SetTimer(Timer.RING, call.plan.ring_seconds + RING_MARGIN_S)]


def dial_agent(call: Call, event: Event) -> Step:
    return call.with_leg(Leg.AGENT, Status.DIALLED), [
        DialLeg(Leg.AGENT),
        SetTimer(Timer.AGENT_RING, call.plan.agent_ring_seconds + RING_MARGIN_S),
    ]


def await_agent(call: Call, event: Event) -> Step:
    call, tape = _tape_again(call, event)
    return call, [*tape, SetTimer(Timer.AGENT_RING, call.plan.agent_ring_seconds + RING_MARGIN_S)]


def _why_denied(event: Event) -> str:
    return event.reason if isinstance(event, GateDenied) else "recording is required, and may not be done"


def tell_agent_denied(call: Call, event: Event) -> Step:
    return _play(replace(call, disposition="denied", detail=_why_denied(event)), Prompt.CALL_DENIED, Leg.AGENT)


# ── notice ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _join_callee(call: Call) -> list[Command]:
    """With the agent on the line already, the callee is in the bridge from the first instant."""
    return [Bridge(Leg.CALLEE)] if call.agent is Status.UP else []


def _audience(call: Call) -> Leg | None:
    return None if call.agent is Status.UP else Leg.CALLEE


def record_outbound(call: Call, event: Event) -> Step:
    return replace(call, tape=Tape.STARTING), [StartRecording(callee_muted=True)]


def play_notice(call: Call, event: Event) -> Step:
    call, play = _play(call, Prompt.NOTICE, _audience(call))
    return call, [*_join_callee(call), *play]


def play_notice_again(call: Call, event: Event) -> Step:
    return play_notice(replace(call, may_record=False), event)


def record_outbound_again(call: Call, event: Event) -> Step:
    return record_outbound(replace(call, may_record=False), event)


def start_recording(call: Call, event: Event) -> Step:
    return replace(call, tape=Tape.STARTING, may_record=True), [StartRecording(callee_muted=False)]


def unmute_callee(call: Call, event: Event) -> Step:
    call, commands = connect(replace(call, may_record=True), event)
    return call, [UnmuteCallee(), *commands]


def unmute_callee_and_dial_agent(call: Call, event: Event) -> Step:
    call, commands = dial_agent(replace(call, may_record=True), event)
    return call, [UnmuteCallee(), *commands]


def may_record_and_dial_agent(call: Call, event: Event) -> Step:
    return dial_agent(replace(call, may_record=True), event)


def _stop_tape(call: Call, *, crashed: bool = False) -> Step:
    """A broken tape is stopped too, but its seal is not waited for."""
    if call.tape is Tape.BROKEN:
        return replace(call, tape=Tape.FAILED), [StopRecording(crashed)]
    if call.taping:
        return replace(call, tape=Tape.STOPPING), [StopRecording(crashed)]
    return call, []


def _drop_tape(call: Call) -> Step:
    return _stop_tape(replace(call, may_record=False))


def _tape_again(call: Call, event: Event) -> Step:
    """After a lost link no command counts as done: what the tape should be is commanded once more."""
    if call.tape is Tape.STOPPING:
        return call, [StopRecording(crashed=True)]
    if not (call.taping and call.may_record):
        return _stop_tape(call, crashed=True)
    unmute: list[Command] = [UnmuteCallee()] if call.record_announcement else []
    if call.hold:
        return call, [*unmute, PauseRecording()]
    return call, [*unmute, ResumeRecording()] if call.tape is Tape.PAUSED else unmute


def talk_unrecorded(call: Call, event: Event) -> Step:
    call, stop = _drop_tape(call)
    silence = _silence(call)
    call, commands = connect(call, event)
    return call, [*silence, *stop, *commands]


def dial_agent_unrecorded(call: Call, event: Event) -> Step:
    call, stop = _drop_tape(call)
    silence = _silence(call)
    call, commands = dial_agent(call, event)
    return call, [*silence, *stop, *commands]


# ── consent ─────────────────────────────────────────────────────────────────────────────────────────────────────


def ask_consent(call: Call, event: Event) -> Step:
    call, play = _play(replace(call, asked=1, answer=None), Prompt.CONSENT_ASK, _audience(call))
    return call, [*_join_callee(call), *play]


def ask_again(call: Call, event: Event) -> Step:
    return _play(replace(call, asked=call.asked + 1), Prompt.REPROMPT, _audience(call))


def await_key(call: Call, event: Event) -> Step:
    return call, [SetTimer(Timer.CONSENT, CONSENT_WAIT_S)]


def _write_consent(call: Call, answer: Answer) -> Step:
    return replace(call, answer=answer), [CancelTimer(Timer.CONSENT), *_silence(call), WriteConsent(answer)]


def write_granted(call: Call, event: Event) -> Step:
    return _write_consent(call, Answer.GRANTED)


def write_refused(call: Call, event: Event) -> Step:
    return _write_consent(call, Answer.REFUSED)


def write_silence(call: Call, event: Event) -> Step:
    return _write_consent(call, Answer.SILENCE)


def write_not_asked(call: Call, event: Event) -> Step:
    return _write_consent(call, Answer.NOT_ASKED)


# ── opt-out ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _opt_out(call: Call, source: str) -> Step:
    """Durable first: the write goes before everything else that is asked for."""
    call = replace(call, starred=frozenset(), disposition="opted_out", detail=source)
    call, stop = _drop_tape(call)
    return call, [WriteOptOut(source), SetTimer(Timer.OPTOUT_PATIENCE, OPTOUT_PATIENCE_S), *_silence(call), *stop]


def opt_out_by_key(call: Call, event: Event) -> Step:
    return _opt_out(call, "callee_key_9")


def opt_out_by_star_nine(call: Call, event: Event) -> Step:
    leg = event.leg if isinstance(event, Digit) else Leg.CALLEE
    return _opt_out(call, f"{leg}_star_9")


def opt_out_by_request(call: Call, event: Event) -> Step:
    return _opt_out(call, f"request_by_{event.by}" if isinstance(event, OptOutRequested) else "request")


def confirm_opt_out(call: Call, event: Event) -> Step:
    return _say_alone(call, Prompt.OPTOUT_DONE)


def retry_opt_out_soon(call: Call, event: Event) -> Step:
    return call, [SetTimer(Timer.OPTOUT_RETRY, OPTOUT_RETRY_S)]


def write_opt_out_again(call: Call, event: Event) -> Step:
    return call, [WriteOptOut(call.detail)]


def opt_out_again(call: Call, event: Event) -> Step:
    """After a restart the patience starts anew, and the tape, if it was not stopped, is."""
    call, tape = _tape_again(call, event)
    return call, [WriteOptOut(call.detail), SetTimer(Timer.OPTOUT_PATIENCE, OPTOUT_PATIENCE_S), *tape]


def confirm_opt_out_again(call: Call, event: Event) -> Step:
    call, tape = _tape_again(call, event)
    call, commands = _say_alone(call, Prompt.OPTOUT_DONE)
    return call, [*tape, *commands]


def hang_up_unconfirmed(call: Call, event: Event) -> Step:
    """No promise is spoken that is not kept yet; the write goes on without the callee."""
    return call, _hang_up(call)


# ── talk ────────────────────────────────────────────────────────────────────────────────────────────────────────


def connect(call: Call, event: Event) -> Step:
    grace: list[Command] = [SetTimer(Timer.GRACE, GRACE_S)] if call.grace else []
    return replace(call, bridged=True), [Bridge(Leg.CALLEE), Bridge(Leg.AGENT), *grace]


def connect_again(call: Call, event: Event) -> Step:
    call, tape = _tape_again(call, event)
    call, commands = connect(call, event)
    return call, [*tape, *commands]


def pause(call: Call, event: Event) -> Step:
    call, stars = _clear_star(call, event)
    return replace(call, hold=True), [*stars, PauseRecording()] if call.taping else stars


def resume(call: Call, event: Event) -> Step:
    """Asked for before the pause was reported, it still undoes it: the recorder keeps the order."""
    call, stars = _clear_star(call, event)
    return replace(call, hold=False), [*stars, ResumeRecording()] if call.taping and call.hold else stars


def stop_failed_tape(call: Call, event: Event) -> Step:
    return _drop_tape(call)


def await_feature(call: Call, event: Event) -> Step:
    if not isinstance(event, Digit):
        return call, []
    return replace(call, starred=call.starred | {event.leg}), [SetTimer(_STAR_TIMER[event.leg], STAR_WAIT_S)]


def _clear_star(call: Call, event: Event) -> tuple[Call, list[Command]]:
    if not isinstance(event, Digit) or event.leg not in call.starred:
        return call, []
    return replace(call, starred=call.starred - {event.leg}), [CancelTimer(_STAR_TIMER[event.leg])]


def pass_on(call: Call, event: Event) -> Step:
    if not isinstance(event, Digit):
        return call, []
    held = "*" if event.leg in call.starred else ""
    call, stars = _clear_star(call, event)
    return call, [*stars, SendDigits(_OTHER[event.leg], held + event.digit)]


def pass_on_star(call: Call, event: Event) -> Step:
    call, _ = forget_star(call, event)
    return call, [SendDigits(_OTHER[_starred_by(event)], "*")]


def forget_star(call: Call, event: Event) -> Step:
    return replace(call, starred=call.starred - {_starred_by(event)}), []


def _starred_by(event: Event) -> Leg:
    from_callee = isinstance(event, TimerFired) and event.timer is Timer.STAR_CALLEE
    return Leg.CALLEE if from_callee else Leg.AGENT


# ── a last word ─────────────────────────────────────────────────────────────────────────────────────────────────


def _say_alone(call: Call, prompt: Prompt) -> Step:
    """To the callee only: out of the bridge first, then the agent is let go."""
    unbridge: list[Command] = [Unbridge(Leg.CALLEE)] if call.bridged or call.agent is Status.UP else []
    agent: list[Command] = [HangUp(Leg.AGENT)] if call.agent in (Status.DIALLED, Status.UP) else []
    call, play = _play(replace(call, bridged=False), prompt, Leg.CALLEE)
    return call, [*unbridge, *play, *agent]


def _farewell(call: Call, prompt: Prompt, disposition: str, detail: str = "") -> Step:
    silence = _silence(call)
    call, stop = _drop_tape(replace(call, disposition=disposition, detail=detail))
    call, say = _say_alone(call, prompt)
    return call, [*silence, *stop, *say]


def farewell_refused(call: Call, event: Event) -> Step:
    return _farewell(call, Prompt.CONSENT_REFUSED, "recording_refused")


def farewell_agent_unavailable(call: Call, event: Event) -> Step:
    """47 CFR 64.1200(a)(7): nobody there within two seconds, so at least say who called."""
    return _farewell(call, Prompt.AGENT_UNAVAILABLE, "abandoned", "the agent was not there")


# ── the end ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _hang_up(call: Call) -> list[Command]:
    return [HangUp(leg) for leg in Leg if call.leg(leg) in (Status.DIALLED, Status.UP)]


def _end(call: Call, event: Event, disposition: str, detail: str = "") -> Step:
    again = isinstance(event, LinkRestored)
    if again and call.tape is Tape.STOPPING:
        call, stop = _tape_again(call, event)
    else:
        call, stop = _stop_tape(call, crashed=again)
    commands = [*_silence(call), *_hang_up(call), *stop, SetTimer(Timer.END, END_PATIENCE_S)]
    return replace(call, disposition=disposition, detail=detail, starred=frozenset()), commands


def end_as_decided(call: Call, event: Event) -> Step:
    return _end(call, event, call.disposition, call.detail)


def end_denied(call: Call, event: Event) -> Step:
    return _end(call, event, "denied", _why_denied(event))


def end_refused_by_ledger(call: Call, event: Event) -> Step:
    return _end(call, event, "not_dialled", event.reason if isinstance(event, AttemptRefused) else "")


def end_agent_unavailable(call: Call, event: Event) -> Step:
    return _end(call, event, "agent_unavailable", "the callee was not dialled")


def end_agent_gone(call: Call, event: Event) -> Step:
    return _end(call, event, "agent_gone", "before the callee answered")


def end_not_reached(call: Call, event: Event) -> Step:
    return _end(call, event, event.failure.value if isinstance(event, LegFailed) else "unreachable")


def end_no_answer(call: Call, event: Event) -> Step:
    return _end(call, event, "no_answer")


def end_hung_up_in_prompt(call: Call, event: Event) -> Step:
    return _end(call, event, "hung_up_in_prompt")


def end_hung_up_waiting(call: Call, event: Event) -> Step:
    return _end(call, event, "hung_up_waiting")


def end_notice_cut(call: Call, event: Event) -> Step:
    return _end(call, event, "prompt_failed", "the notice was not played to its end, and recording is required")


def end_recording_failed(call: Call, event: Event) -> Step:
    match event:
        case RecordingFailed(reason=reason):
            detail = reason
        case LinkRestored():
            detail = "the recording was not as it should be after the link was lost"
        case _:
            detail = "the recorder sealed it unasked"
    return _end(call, event, "recording_failed", detail)


def end_bridge_failed(call: Call, event: Event) -> Step:
    return _end(call, event, "bridge_failed", event.reason if isinstance(event, BridgeFailed) else "")


def end_opted_out(call: Call, event: Event) -> Step:
    return _end(call, event, "opted_out", call.detail)


def end_completed(call: Call, event: Event) -> Step:
    if isinstance(event, LegGone | LegFailed):
        return _end(call, event, "completed", f"{event.leg} hung up")
    return _end(call, event, "completed", "ended while the link to the PBX was lost")


def end_cancelled(call: Call, event: Event) -> Step:
    return _end(call, event, "cancelled", event.by if isinstance(event, HangupRequested) else "")


def end_interrupted(call: Call, event: Event) -> Step:
    return _end(call, event, "interrupted", "the link to the PBX was lost; not dialled again")


def end_again(call: Call, event: Event) -> Step:
    return _end(call, event, call.disposition, call.detail)


def hang_up_all_again(call: Call, event: Event) -> Step:
    return call, _hang_up(call)


def write_end(call: Call, event: Event) -> Step:
    late = "" if call.tape is not Tape.STOPPING else "the recording was not sealed yet"
    return call, [EndAttempt(call.disposition, "; ".join(part for part in (call.detail, late) if part))]
