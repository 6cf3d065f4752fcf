"""The state of one call: a value, folded from its events."""

from dataclasses import dataclass, replace
from enum import StrEnum

from ari_app.call.commands import Command
from ari_app.call.events import (
    Answer,
    BridgeFailed,
    Digit,
    Event,
    GateAllowed,
    Leg,
    LegAnswered,
    LegFailed,
    LegGone,
    LinkRestored,
    Presence,
    Prompt,
    PromptFinished,
    PromptStarted,
    RecordingFailed,
    RecordingPaused,
    RecordingResumed,
    RecordingSealed,
    RecordingStarted,
    Timer,
    TimerFired,
)
from compliance.verdict import RecordingMode


class Phase(StrEnum):
    PLANNED = "planned"
    GATING = "gating"  # the compliance gate is asked
    AGENT_FIRST = "agent_first"  # in_bridge: the agent must be on the line before the callee is dialled
    COMMITTING = "committing"  # the attempt is being made durable
    DIALLING = "dialling"
    GREETING = "greeting"  # the law wants the callee told who calls
    ARMING = "arming"  # the law wants the announcement itself recorded: outbound recording starts first
    NOTICE = "notice"
    ASKING = "asking"
    CONSENTING = "consenting"  # the answer is being made durable
    AGENT_WAIT = "agent_wait"  # before_agent: the callee waits while the agent's phone rings
    STARTING = "starting"  # recording must run before the first word is said
    TALKING = "talking"
    OPTING_OUT = "opting_out"  # the opt-out is being made durable
    CONFIRMING = "confirming"  # "you have been removed"
    FAREWELL = "farewell"  # a last prompt to the callee, then hang-up
    REFUSING = "refusing"  # the agent hears why the call is not made
    ENDING = "ending"
    ENDED = "ended"


class Placement(StrEnum):
    BEFORE_AGENT = "before_agent"
    IN_BRIDGE = "in_bridge"


class Status(StrEnum):
    """Of a leg."""

    IDLE = "idle"
    DIALLED = "dialled"
    UP = "up"
    GONE = "gone"


class Tape(StrEnum):
    """Of the recording."""

    OFF = "off"
    STARTING = "starting"
    ON = "on"
    PAUSED = "paused"
    BROKEN = "broken"  # it failed, or runs though nobody wants it: still to be stopped
    STOPPING = "stopping"
    SEALED = "sealed"
    FAILED = "failed"  # and stopped, as far as we could


@dataclass(frozen=True)
class Plan:
    """What is fixed when the call is asked for."""

    placement: Placement
    recording_required: bool
    ends_on_refusal: bool
    ring_seconds: int
    agent_ring_seconds: int
    agent_called_us: bool = False  # the agent dialled from the phone: that leg is up already


@dataclass(frozen=True)
class Call:
    plan: Plan
    phase: Phase = Phase.PLANNED
    mode: RecordingMode = RecordingMode.NONE
    record_announcement: bool = False
    greeting: Prompt | None = None  # what the callee hears first of all
    beep_seconds: int = 0
    callee: Status = Status.IDLE
    agent: Status = Status.IDLE
    bridged: bool = False
    tape: Tape = Tape.OFF
    may_record: bool = False  # the notice was heard to its end, or consent is in the ledger
    playing: Prompt | None = None  # from the command to play it until it is reported to have ended
    asked: int = 0
    answer: Answer | None = None  # the consent being written
    hold: bool = False  # the agent wants silence on tape (card data), whether or not the recorder has done it yet
    grace: bool = False  # a prompt has offered 9: the bare 9 still counts, until a while into the talk
    starred: frozenset[Leg] = frozenset()  # legs whose last key was `*`
    disposition: str = ""
    detail: str = ""

    @classmethod
    def planned(cls, plan: Plan) -> "Call":
        return cls(plan, agent=Status.UP if plan.agent_called_us else Status.IDLE)

    def leg(self, leg: Leg) -> Status:
        return self.callee if leg is Leg.CALLEE else self.agent

    def with_leg(self, leg: Leg, status: Status) -> "Call":
        return replace(self, callee=status) if leg is Leg.CALLEE else replace(self, agent=status)

    @property
    def in_bridge(self) -> bool:
        return self.plan.placement is Placement.IN_BRIDGE or self.plan.agent_called_us

    @property
    def taping(self) -> bool:
        """Audio may be going to the spool."""
        return self.tape in (Tape.STARTING, Tape.ON, Tape.PAUSED)


Step = tuple[Call, list[Command]]

_PRESENT = {
    Presence.ABSENT: Status.GONE,
    Presence.CREATED: Status.DIALLED,
    Presence.RINGING: Status.DIALLED,
    Presence.UP: Status.UP,
}
OFFERING_NINE = (Prompt.GREETING_OPT_OUT, Prompt.NOTICE, Prompt.CONSENT_ASK, Prompt.REPROMPT)


def note(call: Call, event: Event) -> Call:
    """Take down what the event says about legs, prompt and recording; the table then decides what to do about it."""
    match event:
        case GateAllowed(mode=mode, record_announcement=announce, beep_seconds=beep) if call.phase is Phase.GATING:
            greeting = _greeting(event)
            return replace(call, mode=mode, record_announcement=announce, greeting=greeting, beep_seconds=beep)
        case LegAnswered(leg=leg) if call.leg(leg) is not Status.GONE:
            return call.with_leg(leg, Status.UP)
        case LegFailed(leg=leg) | LegGone(leg=leg):
            return call.with_leg(leg, Status.GONE)
        case PromptStarted(prompt=prompt) if prompt in OFFERING_NINE:
            return replace(call, grace=True)
        case PromptFinished(prompt=prompt) if prompt is call.playing:
            return replace(call, playing=None)
        case TimerFired(timer=Timer.GRACE):
            return replace(call, grace=False)
        case RecordingStarted() if call.tape is Tape.STARTING:
            return replace(call, tape=Tape.ON)
        case RecordingResumed() if call.tape is Tape.PAUSED:
            return replace(call, tape=Tape.ON)
        case RecordingPaused() if call.tape is Tape.ON:
            return replace(call, tape=Tape.PAUSED)
        case RecordingSealed() if call.taping or call.tape is Tape.STOPPING:
            return replace(call, tape=Tape.SEALED)
        case RecordingFailed() if call.taping:
            return replace(call, tape=Tape.BROKEN)
        case RecordingFailed() if call.tape is Tape.STOPPING:
            return replace(call, tape=Tape.FAILED)
        case BridgeFailed():
            return replace(call, bridged=False)
        case LinkRestored(callee=callee, agent=agent, recording=recording):
            call = replace(call, playing=None, starred=frozenset())  # keys pressed meanwhile are lost
            call = _look_again(_look_again(call, Leg.CALLEE, callee), Leg.AGENT, agent)
            return _look_for_tape(call, recording)
    return call


def _greeting(allowed: GateAllowed) -> Prompt | None:
    """The notice offers 9 in its first seconds; where it does not follow, the greeting must."""
    if allowed.offer_opt_out and allowed.mode is not RecordingMode.NOTICE:
        return Prompt.GREETING_OPT_OUT
    return Prompt.GREETING if allowed.identify or allowed.offer_opt_out else None


def _look_again(call: Call, leg: Leg, presence: Presence) -> Call:
    """A leg never dialled stays idle, and one that has answered has answered, whatever state its channel is in."""
    if call.leg(leg) is Status.IDLE and presence is Presence.ABSENT:
        return call
    if call.leg(leg) is Status.UP and presence is not Presence.ABSENT:
        return call
    return call.with_leg(leg, _PRESENT[presence])


def _look_for_tape(call: Call, recording: bool) -> Call:
    """One we were starting is on; one we believed in and is not there has failed; one that should not be must go."""
    if recording and call.tape is Tape.STARTING:
        return replace(call, tape=Tape.ON)
    if recording and call.tape in (Tape.OFF, Tape.SEALED, Tape.FAILED):
        return replace(call, tape=Tape.BROKEN)
    if not recording and call.tape in (Tape.ON, Tape.PAUSED):
        return replace(call, tape=Tape.BROKEN)
    if not recording and call.tape is Tape.STOPPING:
        return replace(call, tape=Tape.SEALED)
    return call


def is_star(call: Call, event: Digit) -> bool:
    return event.digit == "*" and event.leg not in call.starred
