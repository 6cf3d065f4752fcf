"""The small moves that actions and endings are made of: prompt, tape, legs."""

from dataclasses import replace

from ari_app.call.call import Call, Phase, Status, Step, Tape
from ari_app.call.commands import (
    Command,
    HangUp,
    PauseRecording,
    PlayPrompt,
    ResumeRecording,
    StopPrompt,
    StopRecording,
    Unbridge,
    UnmuteCallee,
)
from ari_app.call.events import (
    Event,
    Leg,
    Prompt,
)


def enter(call: Call, phase: Phase) -> Call:
    return replace(call, phase=phase)


def play(call: Call, prompt: Prompt, to: Leg | None) -> Step:
    return replace(call, playing=prompt), [PlayPrompt(prompt, to)]


def silence(call: Call) -> list[Command]:
    return [StopPrompt()] if call.playing else []


def stop_tape(call: Call, *, crashed: bool = False) -> Step:
    """A broken tape is stopped too, but its seal is not waited for."""
    if call.tape is Tape.BROKEN:
        return replace(call, tape=Tape.FAILED), [StopRecording(crashed)]
    if call.taping:
        return replace(call, tape=Tape.STOPPING), [StopRecording(crashed)]
    return call, []


def drop_tape(call: Call) -> Step:
    return stop_tape(replace(call, may_record=False))


def tape_again(call: Call, event: Event) -> Step:
    """After a lost link no command counts as done: what the tape should be is commanded once more."""
    if call.tape is Tape.STOPPING:
        return call, [StopRecording(crashed=True)]
    if not (call.taping and call.may_record):
        return stop_tape(call, crashed=True)
    if call.hold:  # a resume later opens both sides: nothing is unmuted before
        return call, [PauseRecording()]
    if call.tape is Tape.PAUSED:
        return call, [ResumeRecording()]
    return call, [UnmuteCallee()] if call.record_announcement else []


def say_alone(call: Call, prompt: Prompt) -> Step:
    """To the callee only: out of the bridge first, then the agent is let go."""
    unbridge: list[Command] = [Unbridge(Leg.CALLEE)] if call.bridged or call.agent is Status.UP else []
    agent: list[Command] = [HangUp(Leg.AGENT)] if call.agent in (Status.DIALLED, Status.UP) else []
    call, playing = play(replace(call, bridged=False), prompt, Leg.CALLEE)
    return call, [*unbridge, *playing, *agent]


def hang_up(call: Call) -> list[Command]:
    return [HangUp(leg) for leg in Leg if call.leg(leg) in (Status.DIALLED, Status.UP)]
