"""What the call asks of the world. The conductor runs them in order and feeds the results back as events."""

from dataclasses import dataclass

from ari_app.call.events import Answer, Leg, Prompt, Timer


@dataclass(frozen=True)
class Command:
    """Base of all commands."""


@dataclass(frozen=True)
class CheckGate(Command):
    """→ GateAllowed | GateDenied"""


@dataclass(frozen=True)
class CommitAttempt(Command):
    """Durable. → AttemptCommitted | AttemptRefused"""


@dataclass(frozen=True)
class DialLeg(Command):
    """→ LegRinging, LegAnswered | LegFailed"""

    leg: Leg


@dataclass(frozen=True)
class PlayPrompt(Command):
    """To one leg, or to both through the bridge (`to` None). → PromptStarted, PromptFinished"""

    prompt: Prompt
    to: Leg | None


@dataclass(frozen=True)
class StopPrompt(Command):
    """Whatever is playing falls silent; → PromptFinished(complete=False)"""


@dataclass(frozen=True)
class Bridge(Command):
    """Put the leg into the call's bridge. → nothing | BridgeFailed"""

    leg: Leg


@dataclass(frozen=True)
class Unbridge(Command):
    leg: Leg


@dataclass(frozen=True)
class WriteConsent(Command):
    """Durable. → ConsentWritten | ConsentNotWritten"""

    answer: Answer


@dataclass(frozen=True)
class WriteOptOut(Command):
    """Durable, idempotent. → OptOutWritten | OptOutNotWritten"""

    source: str


@dataclass(frozen=True)
class StartRecording(Command):
    """→ RecordingStarted | RecordingFailed

    `callee_muted`: record the outbound direction only, until UnmuteCallee. Asked for while one runs, it starts anew.
    """

    callee_muted: bool


@dataclass(frozen=True)
class Beep(Command):
    """One beep to both: it tells that the recording runs. Nothing waits for its end."""


@dataclass(frozen=True)
class UnmuteCallee(Command):
    """→ nothing | RecordingFailed"""


@dataclass(frozen=True)
class PauseRecording(Command):
    """→ RecordingPaused | RecordingFailed"""


@dataclass(frozen=True)
class ResumeRecording(Command):
    """Both sides are heard again. → RecordingResumed | RecordingFailed"""


@dataclass(frozen=True)
class StopRecording(Command):
    """`crashed`: the link to the PBX was lost while it recorded. → RecordingSealed | RecordingFailed

    Answered even when there is nothing to stop.
    """

    crashed: bool


@dataclass(frozen=True)
class TellAgent(Command):
    """A word to the agent in the middle of the talk, not heard by the callee nor recorded. → nothing"""

    prompt: Prompt


@dataclass(frozen=True)
class SendDigits(Command):
    """Pass on keys that were no feature; both legs' keys are absorbed by the bridge."""

    leg: Leg
    digits: str


@dataclass(frozen=True)
class HangUp(Command):
    """→ LegGone"""

    leg: Leg


@dataclass(frozen=True)
class SetTimer(Command):
    """→ TimerFired after `seconds`; setting again restarts it."""

    timer: Timer
    seconds: float


@dataclass(frozen=True)
class CancelTimer(Command):
    timer: Timer


@dataclass(frozen=True)
class EndAttempt(Command):
    """Durable, the last one."""

    disposition: str
    detail: str
