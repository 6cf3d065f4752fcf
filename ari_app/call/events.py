"""What can happen to a call. Facts in the past tense; each knows how to become JSON for the call's log and back."""

from dataclasses import MISSING, dataclass, fields
from enum import Enum, StrEnum
from typing import Any, ClassVar, cast

from compliance.verdict import RecordingMode


class Leg(StrEnum):
    CALLEE = "callee"
    AGENT = "agent"


class Prompt(StrEnum):
    """What may be said; texts stand in `asterisk_conf/prompts/`."""

    GREETING = "greeting"  # who calls, where the law sets a time for it
    GREETING_OPT_OUT = "greeting_opt_out"  # the same, and how to be taken off the list
    NOTICE = "notice"
    CONSENT_ASK = "consent_ask"
    REPROMPT = "reprompt"
    CONSENT_REFUSED = "consent_refused"
    OPTOUT_DONE = "optout_done"
    CALL_DENIED = "call_denied"
    AGENT_UNAVAILABLE = "agent_unavailable"
    RECORDING_PAUSED = "recording_paused"  # these two to the agent alone, once it is so
    RECORDING_RESUMED = "recording_resumed"


class Failure(StrEnum):
    """Why a leg that was dialled did not answer."""

    NO_ANSWER = "no_answer"
    BUSY = "busy"
    CONGESTION = "congestion"
    REJECTED = "rejected"
    UNREACHABLE = "unreachable"
    INTERRUPTED = "interrupted"  # the link to the PBX broke before we knew


class Timer(StrEnum):
    RING = "ring"
    AGENT_RING = "agent_ring"
    PROMPT = "prompt"
    CONSENT = "consent"
    STAR_CALLEE = "star_callee"
    STAR_AGENT = "star_agent"
    GRACE = "grace"
    BEEP = "beep"
    OPTOUT_RETRY = "optout_retry"
    OPTOUT_PATIENCE = "optout_patience"
    END = "end"


class Presence(StrEnum):
    """How a leg stands at the PBX when we look again after a lost link."""

    ABSENT = "absent"
    CREATED = "created"  # the channel exists, nothing was dialled
    RINGING = "ringing"
    UP = "up"


class Answer(StrEnum):
    """What the callee answered to the question whether the call may be recorded."""

    GRANTED = "granted"
    REFUSED = "refused"
    SILENCE = "silence"
    NOT_ASKED = "not_asked"  # the question could not be played to its end


@dataclass(frozen=True)
class Event:
    """Base. The log's `kind` is the class name."""

    kinds: ClassVar[dict[str, type["Event"]]] = {}

    def __init_subclass__(cls) -> None:
        Event.kinds[cls.__name__] = cls

    @property
    def kind(self) -> str:
        return type(self).__name__

    def to_json(self) -> dict[str, object]:
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: value.value if isinstance(value, Enum) else value for name, value in values.items()}

    @staticmethod
    def from_json(kind: str, data: dict[str, object]) -> "Event":
        """Read an event back from the log. Raises ValueError: a kind or field this version does not know.

        A field that has a default may be missing: it was not known when the event was written.
        """
        cls = Event.kinds.get(kind)
        known = {} if cls is None else {f.name: f for f in fields(cls)}
        asked = {name for name, f in known.items() if f.default is MISSING}
        if cls is None or not asked <= set(data) <= set(known):
            raise ValueError(f"no event {kind} with fields {sorted(data)}")
        values: dict[str, Any] = {name: _read(kind, name, cast(Any, known[name].type), data[name]) for name in data}
        return cls(**values)


def _read(kind: str, name: str, wanted: Any, value: object) -> object:
    """Strictly of the field's type: a `complete` that is no bool must not pass for a notice heard to its end."""
    if wanted in _ENUMS:
        return cast(object, wanted(value))
    if type(value) is not wanted:
        raise ValueError(f"{kind}.{name} is {type(value).__name__}, expected {wanted.__name__}")
    return value


_ENUMS: frozenset[Any] = frozenset({Leg, Prompt, Failure, Timer, Presence, Answer, RecordingMode})


@dataclass(frozen=True)
class Started(Event):
    """Somebody asked for the call."""


@dataclass(frozen=True)
class GateAllowed(Event):
    """How the call may be recorded, and what it owes: to say who calls and how to opt out, a beep while recorded."""

    mode: RecordingMode
    record_announcement: bool
    identify: bool = False
    offer_opt_out: bool = False
    beep_seconds: int = 0  # 0: no beep


@dataclass(frozen=True)
class GateDenied(Event):
    reason: str


@dataclass(frozen=True)
class AttemptCommitted(Event):
    """The attempt is durable; only now may the callee be dialled."""


@dataclass(frozen=True)
class AttemptRefused(Event):
    """The ledger would not take the attempt: cancelled meanwhile, or not writable."""

    reason: str


@dataclass(frozen=True)
class LegRinging(Event):
    leg: Leg


@dataclass(frozen=True)
class LegAnswered(Event):
    leg: Leg


@dataclass(frozen=True)
class LegFailed(Event):
    leg: Leg
    failure: Failure


@dataclass(frozen=True)
class LegGone(Event):
    """The leg's channel is gone, whoever ended it."""

    leg: Leg


@dataclass(frozen=True)
class PromptStarted(Event):
    prompt: Prompt


@dataclass(frozen=True)
class PromptFinished(Event):
    """`complete`: played to its very end."""

    prompt: Prompt
    complete: bool


@dataclass(frozen=True)
class Digit(Event):
    leg: Leg
    digit: str


@dataclass(frozen=True)
class ConsentWritten(Event):
    answer: Answer


@dataclass(frozen=True)
class ConsentNotWritten(Event):
    """The ledger would not take the consent: then there is none."""

    reason: str


@dataclass(frozen=True)
class OptOutRequested(Event):
    """By the API: a supervisor or the agent's screen."""

    by: str


@dataclass(frozen=True)
class OptOutWritten(Event):
    """The do-not-call entry is durable; only now may the confirmation sound."""

    created: bool
    cancelled: int


@dataclass(frozen=True)
class OptOutNotWritten(Event):
    reason: str


@dataclass(frozen=True)
class RecordingStarted(Event):
    recording: str


@dataclass(frozen=True)
class RecordingFailed(Event):
    reason: str


@dataclass(frozen=True)
class PauseRequested(Event):
    """By the API; `*1` on the agent's phone does the same."""


@dataclass(frozen=True)
class ResumeRequested(Event):
    """By the API; `*2` on the agent's phone does the same."""


@dataclass(frozen=True)
class RecordingPaused(Event):
    pass


@dataclass(frozen=True)
class RecordingResumed(Event):
    pass


@dataclass(frozen=True)
class RecordingSealed(Event):
    milliseconds: int


@dataclass(frozen=True)
class BridgeFailed(Event):
    reason: str


@dataclass(frozen=True)
class TimerFired(Event):
    timer: Timer


@dataclass(frozen=True)
class HangupRequested(Event):
    by: str


@dataclass(frozen=True)
class LinkRestored(Event):
    """We look at the PBX again after a lost link or a restart; this is how the call stands there.

    What was playing has been stopped, and its end is not reported any more. `recording`: the recorder has it open.
    """

    callee: Presence
    agent: Presence
    recording: bool


@dataclass(frozen=True)
class Settled(Event):
    """Not from outside: nothing is left to wait for (see `flow.decide`)."""
