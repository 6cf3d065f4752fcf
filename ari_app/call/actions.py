"""The actions of the transition table: each gives the call's new state and the commands, in order."""

from dataclasses import replace

from ari_app.call import moves as move
from ari_app.call.call import Call, Status, Step, Tape
from ari_app.call.commands import (
    Beep,
    Bridge,
    CancelTimer,
    CheckGate,
    Command,
    CommitAttempt,
    DialLeg,
    PauseRecording,
    ResumeRecording,
    SendDigits,
    SetTimer,
    StartRecording,
    TellAgent,
    UnmuteCallee,
    WriteConsent,
    WriteOptOut,
)
from ari_app.call.endings import why_denied
from ari_app.call.events import (
    Answer,
    Digit,
    Event,
    Leg,
    OptOutRequested,
    Prompt,
    Timer,
    TimerFired,
)

RING_MARGIN_S = 5.0  # Asterisk's own dial timeout comes first; ours catches a PBX that never says so
CONSENT_WAIT_S = 5.0
STAR_WAIT_S = 3.0
GRACE_S = 10.0  # after a prompt that offered 9, the bare 9 still counts this long
OPTOUT_RETRY_S = 1.0
OPTOUT_PATIENCE_S = 10.0
LONGEST_SOURCE = 64  # the ledger's; a longer one would be refused, for ever

_STAR_TIMER = {Leg.CALLEE: Timer.STAR_CALLEE, Leg.AGENT: Timer.STAR_AGENT}
_OTHER = {Leg.CALLEE: Leg.AGENT, Leg.AGENT: Leg.CALLEE}


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
    call, tape = move.tape_again(call, event)
    return call, [*tape, SetTimer(Timer.AGENT_RING, call.plan.agent_ring_seconds + RING_MARGIN_S)]


def tell_agent_denied(call: Call, event: Event) -> Step:
    return move.play(replace(call, disposition="denied", detail=why_denied(event)), Prompt.CALL_DENIED, Leg.AGENT)


# ── who calls ───────────────────────────────────────────────────────────────────────────────────────────────────


def greet(call: Call, event: Event) -> Step:
    call, play = move.play(call, call.greeting or Prompt.GREETING, _audience(call))
    return call, [*_join_callee(call), *play]


# ── notice ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _join_callee(call: Call) -> list[Command]:
    """With the agent on the line already, the callee is in the bridge from the first instant."""
    return [Bridge(Leg.CALLEE)] if call.agent is Status.UP else []


def _audience(call: Call) -> Leg | None:
    return None if call.agent is Status.UP else Leg.CALLEE


def record_outbound(call: Call, event: Event) -> Step:
    return replace(call, tape=Tape.STARTING), [StartRecording(callee_muted=True)]


def play_notice(call: Call, event: Event) -> Step:
    call, play = move.play(call, Prompt.NOTICE, _audience(call))
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


def talk_unrecorded(call: Call, event: Event) -> Step:
    call, stop = move.drop_tape(call)
    silence = move.silence(call)
    call, commands = connect(call, event)
    return call, [*silence, *stop, *commands]


def dial_agent_unrecorded(call: Call, event: Event) -> Step:
    call, stop = move.drop_tape(call)
    silence = move.silence(call)
    call, commands = dial_agent(call, event)
    return call, [*silence, *stop, *commands]


# ── consent ─────────────────────────────────────────────────────────────────────────────────────────────────────


def ask_consent(call: Call, event: Event) -> Step:
    call, play = move.play(replace(call, asked=1, answer=None), Prompt.CONSENT_ASK, _audience(call))
    return call, [*_join_callee(call), *play]


def ask_again(call: Call, event: Event) -> Step:
    return move.play(replace(call, asked=call.asked + 1), Prompt.REPROMPT, _audience(call))


def await_key(call: Call, event: Event) -> Step:
    return call, [SetTimer(Timer.CONSENT, CONSENT_WAIT_S)]


def _write_consent(call: Call, answer: Answer) -> Step:
    return replace(call, answer=answer), [CancelTimer(Timer.CONSENT), *move.silence(call), WriteConsent(answer)]


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
    call, stop = move.drop_tape(call)
    return call, [WriteOptOut(source), SetTimer(Timer.OPTOUT_PATIENCE, OPTOUT_PATIENCE_S), *move.silence(call), *stop]


def opt_out_by_key(call: Call, event: Event) -> Step:
    return _opt_out(call, "callee_key_9")


def opt_out_by_star_nine(call: Call, event: Event) -> Step:
    leg = event.leg if isinstance(event, Digit) else Leg.CALLEE
    return _opt_out(call, f"{leg}_star_9")


def opt_out_by_request(call: Call, event: Event) -> Step:
    return _opt_out(
        call, f"request_by_{event.by}"[:LONGEST_SOURCE] if isinstance(event, OptOutRequested) else "request"
    )


def confirm_opt_out(call: Call, event: Event) -> Step:
    return move.say_alone(call, Prompt.OPTOUT_DONE)


def retry_opt_out_soon(call: Call, event: Event) -> Step:
    return call, [SetTimer(Timer.OPTOUT_RETRY, OPTOUT_RETRY_S)]


def write_opt_out_again(call: Call, event: Event) -> Step:
    return call, [WriteOptOut(call.detail)]


def opt_out_again(call: Call, event: Event) -> Step:
    """After a restart the patience starts anew, and the tape, if it was not stopped, is."""
    call, tape = move.tape_again(call, event)
    return call, [WriteOptOut(call.detail), SetTimer(Timer.OPTOUT_PATIENCE, OPTOUT_PATIENCE_S), *tape]


def confirm_opt_out_again(call: Call, event: Event) -> Step:
    call, tape = move.tape_again(call, event)
    call, commands = move.say_alone(call, Prompt.OPTOUT_DONE)
    return call, [*tape, *commands]


def hang_up_unconfirmed(call: Call, event: Event) -> Step:
    """No promise is spoken that is not kept yet; the write goes on without the callee."""
    return call, move.hang_up(call)


# ── talk ────────────────────────────────────────────────────────────────────────────────────────────────────────


def connect(call: Call, event: Event) -> Step:
    grace: list[Command] = [SetTimer(Timer.GRACE, GRACE_S)] if call.grace else []
    return replace(call, bridged=True), [Bridge(Leg.CALLEE), Bridge(Leg.AGENT), *grace, *_beep_later(call)]


def _beep_later(call: Call) -> list[Command]:
    return [SetTimer(Timer.BEEP, call.beep_seconds)] if call.beep_seconds and call.taping else []


def beep(call: Call, event: Event) -> Step:
    """Not while it is paused: a beep would say that it runs."""
    sound: list[Command] = [Beep()] if call.tape is Tape.ON else []
    return call, [*sound, *_beep_later(call)]


def connect_again(call: Call, event: Event) -> Step:
    call, tape = move.tape_again(call, event)
    call, commands = connect(call, event)
    return call, [*tape, *commands]


def pause(call: Call, event: Event) -> Step:
    call, stars = _clear_star(call, event)
    return replace(call, hold=True), [*stars, PauseRecording()] if call.taping else stars


def resume(call: Call, event: Event) -> Step:
    """Asked for before the pause was reported, it still undoes it: the recorder keeps the order."""
    call, stars = _clear_star(call, event)
    return replace(call, hold=False), [*stars, ResumeRecording()] if call.taping and call.hold else stars


def tell_paused(call: Call, event: Event) -> Step:
    """A card number is asked for only after this has been heard."""
    return call, [TellAgent(Prompt.RECORDING_PAUSED)]


def tell_resumed(call: Call, event: Event) -> Step:
    return call, [TellAgent(Prompt.RECORDING_RESUMED)]


def stop_failed_tape(call: Call, event: Event) -> Step:
    return move.drop_tape(call)


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
