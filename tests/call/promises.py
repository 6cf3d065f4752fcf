"""The promises of the call flow, held at every step of every story and of every random history."""

from ari_app.call import Call, Phase
from ari_app.call import commands as c
from ari_app.call import events as e
from ari_app.call.events import Answer, Event, Leg, Prompt

TAPED = (Phase.ARMING, Phase.NOTICE, Phase.AGENT_WAIT, Phase.STARTING, Phase.TALKING)

_LATER = (c.StartRecording, c.WriteConsent)  # nothing of the sort comes before a greeting that is owed
_LATER_PROMPTS = (Prompt.NOTICE, Prompt.CONSENT_ASK)


class Promises:
    """Watches one call; `step` raises AssertionError at the first broken promise."""

    def __init__(self) -> None:
        self.allowed = False
        self.owes_greeting = False
        self.greeted = False
        self.commit_asked = False
        self.committed = False
        self.dialled = 0
        self.opting_out = False
        self.opted_out = False
        self.earned = False
        self.asked_to_write: Answer | None = None
        self.ended = 0

    def step(self, before: Call, event: Event, after: Call, commands: list[c.Command]) -> None:
        self._take_down(before, event)
        for command in commands:
            self._check(command, after)
        self._check_state(after)

    def _take_down(self, before: Call, event: Event) -> None:
        match event:
            case e.GateAllowed() if before.phase is Phase.GATING:
                self.allowed = True
                self.owes_greeting = event.identify or event.offer_opt_out
            case e.PromptFinished(prompt=Prompt.GREETING | Prompt.GREETING_OPT_OUT, complete=True):
                self.greeted = True
            case e.GateDenied() if before.phase is Phase.GATING:
                self.allowed = False
            case e.AttemptCommitted() if self.commit_asked:
                self.committed = True
            case e.OptOutWritten() if self.opting_out:
                self.opted_out = True
            case e.PromptFinished(prompt=Prompt.NOTICE, complete=True) if before.phase is Phase.NOTICE:
                self.earned = True
            case e.ConsentWritten(answer=Answer.GRANTED) if self.asked_to_write is Answer.GRANTED:
                self.earned = True
            case e.LinkRestored() if before.phase in (Phase.ARMING, Phase.NOTICE, Phase.ASKING, Phase.CONSENTING):
                self.earned = False
                self.asked_to_write = None
            case _:
                pass

    def _check(self, command: c.Command, after: Call) -> None:
        assert not self.ended, f"{command} after the end"
        if isinstance(command, _LATER) or (isinstance(command, c.PlayPrompt) and command.prompt in _LATER_PROMPTS):
            assert self.greeted or not self.owes_greeting, f"{command} before the callee was told who calls"
        match command:
            case c.CommitAttempt():
                assert self.allowed, "an attempt committed that the gate did not allow"
                self.commit_asked = True
            case c.DialLeg(leg=leg):
                assert not self.opting_out, f"{leg} dialled after the callee opted out"
                if leg is Leg.CALLEE:
                    assert self.committed, "dialled before the attempt was durable"
                    self.dialled += 1
                    assert self.dialled == 1, "the callee was dialled twice"
            case c.WriteOptOut():
                self.opting_out = True
            case c.PlayPrompt(prompt=Prompt.OPTOUT_DONE):
                assert self.opted_out, "a removal confirmed that is not in the ledger"
            case c.WriteConsent(answer=answer):
                self.asked_to_write = answer
            case c.StartRecording(callee_muted=False) | c.UnmuteCallee():
                assert self.earned, "the callee recorded without notice or consent"
                assert not self.opting_out, "recorded after the opt-out"
            case c.StartRecording():
                assert after.record_announcement, "recorded before the notice where no law asks for it"
                assert not self.opting_out, "recorded after the opt-out"
            case c.EndAttempt():
                self.ended += 1
            case _:
                pass

    def _check_state(self, call: Call) -> None:
        if call.plan.recording_required and call.phase is Phase.TALKING:
            assert call.taping, f"recording is required, the tape is {call.tape}, and they talk"
        if call.taping:
            assert call.phase in TAPED, f"on tape while {call.phase}"
        assert (call.phase is Phase.ENDED) == bool(self.ended), "ended without one EndAttempt"
