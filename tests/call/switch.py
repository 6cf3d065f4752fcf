"""A tiny switch in memory: phones, bridge, prompts, recorder and ledger behind the call's commands and events.

It runs what `decide` commands, keeps the world those commands change, and answers with the events a real one would
send. Time passes only when a story says so. Everything can be made to fail, and everybody can hang up.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from ari_app.call import Call, Phase, Placement, Plan, decide, flow, fold
from ari_app.call import commands as c
from ari_app.call import events as e
from ari_app.call.call import note
from ari_app.call.events import Answer, Event, Failure, Leg, Presence, Prompt, Timer
from compliance.verdict import RecordingMode

from .promises import Promises

SETTLED = next(row for row in flow.TABLE if e.Settled in row.events)
START = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
PROMPT_OVERDUE_S = 60.0  # the conductor sets this itself: it alone knows how long a prompt is
OTHER = {Leg.CALLEE: Leg.AGENT, Leg.AGENT: Leg.CALLEE}


def plan(
    placement: Placement = Placement.BEFORE_AGENT,
    *,
    required: bool = False,
    ends_on_refusal: bool = False,
    agent_called_us: bool = False,
) -> Plan:
    return Plan(placement, required, ends_on_refusal, 30, 20, agent_called_us)


@dataclass
class Ledger:
    """What is durable. `writable` False: every write is refused."""

    writable: bool = True
    committed: bool = False
    cancelled: bool = False
    consents: list[Answer] = field(default_factory=list)
    opted_out: list[str] = field(default_factory=list)
    ended: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class Tape:
    running: bool = False  # the PBX writes into the spool
    open: bool = False  # the recorder has it open, whatever the PBX does
    callee_muted: bool = False
    paused: bool = False
    opened: int = 0
    sealed: bool = False
    crashed: bool = False
    heard: list[str] = field(default_factory=list)


class Died(Exception):
    """The conductor was killed at this point."""


class Switch:
    """One call on one switch, with the promises of the flow checked at every step."""

    def __init__(
        self,
        of: Plan | None = None,
        mode: RecordingMode = RecordingMode.NOTICE,
        *,
        announce: bool = False,
        denied: str = "",
        identify: bool = False,
        offer_opt_out: bool = False,
        beep_seconds: int = 0,
    ) -> None:
        self.plan = of or plan()
        self.gate: list[Event] = []
        self.verdict: Event = (
            e.GateDenied(denied) if denied else e.GateAllowed(mode, announce, identify, offer_opt_out, beep_seconds)
        )
        self.call = Call.planned(self.plan)
        self.now = START
        self.ledger = Ledger()
        self.tape = Tape()
        self.presence = {Leg.CALLEE: Presence.ABSENT, Leg.AGENT: Presence.ABSENT}
        if self.plan.agent_called_us:
            self.presence[Leg.AGENT] = Presence.UP
        self.bridge: set[Leg] = set()
        self.playing: tuple[Prompt, Leg | None] | None = None
        self.heard: dict[Leg, list[str]] = {Leg.CALLEE: [], Leg.AGENT: []}
        self.keys_heard: dict[Leg, str] = {Leg.CALLEE: "", Leg.AGENT: ""}
        self.log: list[tuple[Event, datetime]] = []
        self.commands: list[c.Command] = []
        self.rows: list[flow.Row] = []
        self.timers: dict[Timer, datetime] = {}
        self.missing: set[Prompt] = set()
        self.recorder_down = False
        self.bridge_broken = False
        self.linked = True
        self.slow: set[type[c.Command]] = set()  # these keep their answer until `let_go`
        self.deaf: set[type[c.Command]] = set()  # these never answer
        self.die_at: type[c.Command] | None = None
        self._held: deque[Event] = deque()
        self._queue: deque[Event] = deque()
        self._promises = Promises()

    # ── what stories say ────────────────────────────────────────────────────────────────────────────────────────

    def start(self) -> "Switch":
        return self.happens(e.Started())

    def happens(self, *events: Event) -> "Switch":
        self._queue.extend(events)
        self._pump()
        return self

    def ring(self, leg: Leg) -> "Switch":
        assert self.presence[leg] is Presence.RINGING, f"the {leg}'s phone does not ring"
        return self

    def answer(self, leg: Leg) -> "Switch":
        self.ring(leg)
        self.presence[leg] = Presence.UP
        return self._reports(e.LegAnswered(leg))

    def fail(self, leg: Leg, failure: Failure) -> "Switch":
        self.ring(leg)
        self.presence[leg] = Presence.ABSENT
        return self._reports(e.LegFailed(leg, failure))

    def hang_up(self, leg: Leg, *, prompt_first: bool = False) -> "Switch":
        """`prompt_first`: Asterisk's own order, the cut prompt reported before the leg that took it along."""
        assert self.presence[leg] is not Presence.ABSENT, f"the {leg} is not there"
        cut = self._cut_off(leg)
        return self._reports(*(cut if prompt_first else reversed(cut)))

    def prompt_ends(self) -> "Switch":
        assert self.playing, "nothing plays"
        prompt, to = self.playing
        for leg in [to] if to else sorted(self.bridge):
            self.heard[leg].append(prompt)
        if self.tape.running and not self.tape.paused and to is not Leg.AGENT:
            self.tape.heard.append(prompt)
        self.playing = None
        self.timers.pop(Timer.PROMPT, None)
        return self._reports(e.PromptFinished(prompt, True))

    def press(self, leg: Leg, keys: str) -> "Switch":
        for key in keys:
            self._reports(e.Digit(leg, key))
        return self

    def say(self, leg: Leg, words: str) -> "Switch":
        """Words reach the other side through the bridge, and the tape if it runs on the callee's channel."""
        together = self.bridge == set(Leg)
        if together:
            self.heard[OTHER[leg]].append(words)
        muted = self.tape.callee_muted and leg is Leg.CALLEE
        if self.tape.running and not self.tape.paused and not muted and (together or leg is Leg.CALLEE):
            self.tape.heard.append(words)
        return self

    def wait(self, seconds: float) -> "Switch":
        until = self.now + timedelta(seconds=seconds)
        while due := sorted((at, timer) for timer, at in self.timers.items() if at <= until):
            self.now, timer = due[0]
            del self.timers[timer]
            self.happens(e.TimerFired(timer))
        self.now = until
        return self

    def let_go(self) -> "Switch":
        """The slow answers arrive."""
        held, self._held, self.slow = self._held, deque(), set()
        return self.happens(*held)

    def lose_link(self) -> "Switch":
        self.linked = False
        return self

    def kill(self) -> "Switch":
        """`kill -9` of the conductor: its timers and what it waited for are lost, phones and recorder go on."""
        self.linked = False
        self.timers.clear()
        self._held.clear()
        self._queue.clear()
        self.slow.clear()
        return self

    def kill_at(self, command: type[c.Command]) -> "Switch":
        """The conductor dies just before it runs its next such command."""
        self.die_at = command
        return self

    def restore_link(self) -> "Switch":
        """The link is back, or a new conductor has read the call's log. What played is stopped without a report."""
        self.linked, self.die_at, self.playing = True, None, None
        self.timers.pop(Timer.PROMPT, None)
        self.call = fold(Call.planned(self.plan), self.log)
        return self.happens(e.LinkRestored(self.presence[Leg.CALLEE], self.presence[Leg.AGENT], self.tape.open))

    def pbx_dies(self) -> "Switch":
        self.linked = False
        self.presence = dict.fromkeys(Leg, Presence.ABSENT)
        self.bridge.clear()
        self.playing, self.tape.running = None, False
        return self

    # ── what stories ask ────────────────────────────────────────────────────────────────────────────────────────

    @property
    def disposition(self) -> str:
        """How the call ended; every ended call has both phones on the hook and nothing left running."""
        assert self.call.phase is Phase.ENDED, f"the call is {self.call.phase}"
        assert len(self.ledger.ended) == 1, self.ledger.ended
        return self.ledger.ended[0][0]

    def dialled(self, leg: Leg) -> int:
        return self.commands.count(c.DialLeg(leg))

    def told(self, leg: Leg, prompt: Prompt) -> bool:
        return prompt in self.heard[leg]

    @property
    def quiet(self) -> bool:
        """Nothing is left at the switch."""
        return not self.bridge and not self.tape.running and set(self.presence.values()) == {Presence.ABSENT}

    # ── the machine ─────────────────────────────────────────────────────────────────────────────────────────────

    def _reports(self, *events: Event) -> "Switch":
        """What the PBX reports while the link is down is lost: Asterisk does not queue it."""
        return self.happens(*events) if self.linked else self

    def _cut_off(self, leg: Leg) -> list[Event]:
        self.presence[leg] = Presence.ABSENT
        self.bridge.discard(leg)
        events: list[Event] = []
        if self.playing and (self.playing[1] is leg or (self.playing[1] is None and not self.bridge)):
            events.append(e.PromptFinished(self.playing[0], False))
            self.playing = None
        if leg is Leg.CALLEE:
            self.tape.running = False
        return [*events, e.LegGone(leg)]

    def _pump(self) -> None:
        for _ in range(500):
            if not self._queue:
                return
            try:
                self._feed(self._queue.popleft())
            except Died:
                self.kill()
                return
        raise AssertionError("the call runs in circles")

    def _feed(self, event: Event) -> None:
        self.log.append((event, self.now))
        row = flow.fitting(note(self.call, event), event)
        before, (self.call, commands) = self.call, decide(self.call, event, self.now)
        self.rows += [row] if row else []
        self.rows += [SETTLED] if self.call.phase is Phase.ENDED and before.phase is not Phase.ENDED else []
        self._promises.step(before, event, self.call, commands)
        for command in commands:
            if self.die_at is type(command):
                raise Died
            self.commands.append(command)
            answers = self._run(command)
            if type(command) in self.slow:
                self._held.extend(answers)
            elif type(command) not in self.deaf:
                self._queue.extend(answers)

    def _run(self, command: c.Command) -> list[Event]:
        handler: Callable[..., list[Event] | None] = getattr(self, f"_{type(command).__name__.lower()}")
        if not self.linked and type(command) in _NEEDS_LINK:
            return [e.LegFailed(command.leg, Failure.INTERRUPTED)] if isinstance(command, c.DialLeg) else []
        return handler(command) or []

    def _checkgate(self, _: c.CheckGate) -> list[Event]:
        return [self.gate.pop(0) if self.gate else self.verdict]

    def _commitattempt(self, _: c.CommitAttempt) -> list[Event]:
        if self.ledger.cancelled or not self.ledger.writable:
            return [e.AttemptRefused("cancelled" if self.ledger.cancelled else "locked")]
        self.ledger.committed = True
        return [e.AttemptCommitted()]

    def _dialleg(self, command: c.DialLeg) -> list[Event]:
        assert self.presence[command.leg] is Presence.ABSENT, f"the {command.leg}'s channel exists already"
        self.presence[command.leg] = Presence.RINGING
        return [e.LegRinging(command.leg)]

    def _playprompt(self, command: c.PlayPrompt) -> list[Event]:
        assert self.playing is None, f"{command.prompt} would queue behind {self.playing}"
        audience = self.bridge if command.to is None else {command.to}
        if command.prompt in self.missing or not any(self.presence[leg] is Presence.UP for leg in audience):
            return [e.PromptStarted(command.prompt), e.PromptFinished(command.prompt, False)]
        self.playing = (command.prompt, command.to)
        self.timers[Timer.PROMPT] = self.now + timedelta(seconds=PROMPT_OVERDUE_S)
        return [e.PromptStarted(command.prompt)]

    def _stopprompt(self, _: c.StopPrompt) -> list[Event]:
        if self.playing is None:
            return []
        prompt, self.playing = self.playing[0], None
        self.timers.pop(Timer.PROMPT, None)
        return [e.PromptFinished(prompt, False)]

    def _bridge(self, command: c.Bridge) -> list[Event]:
        if self.bridge_broken or self.presence[command.leg] is not Presence.UP:
            return [e.BridgeFailed("no such channel")]
        self.bridge.add(command.leg)
        return []

    def _unbridge(self, command: c.Unbridge) -> None:
        self.bridge.discard(command.leg)

    def _writeconsent(self, command: c.WriteConsent) -> list[Event]:
        if not self.ledger.writable:
            return [e.ConsentNotWritten("locked")]
        self.ledger.consents.append(command.answer)
        return [e.ConsentWritten(command.answer)]

    def _writeoptout(self, command: c.WriteOptOut) -> list[Event]:
        if not self.ledger.writable:
            return [e.OptOutNotWritten("locked")]
        created = not self.ledger.opted_out
        if created:
            self.ledger.opted_out.append(command.source)
        return [e.OptOutWritten(created, 0)]

    def _startrecording(self, command: c.StartRecording) -> list[Event]:
        if self.recorder_down:
            return [e.RecordingFailed("AMI is down")]
        if not self.tape.running:
            self.tape.opened += 1
        self.tape.running, self.tape.open, self.tape.callee_muted = True, True, command.callee_muted
        return [e.RecordingStarted("R1")]

    def _unmutecallee(self, _: c.UnmuteCallee) -> list[Event]:
        self.tape.callee_muted = False
        return [e.RecordingFailed("AMI is down")] if self.recorder_down else []

    def _beep(self, _: c.Beep) -> None:
        for leg in self.bridge:
            self.heard[leg].append("beep")

    def _pauserecording(self, _: c.PauseRecording) -> list[Event]:
        if self.recorder_down:
            return [e.RecordingFailed("AMI is down")]
        self.tape.paused = True
        return [e.RecordingPaused()]

    def _resumerecording(self, _: c.ResumeRecording) -> list[Event]:
        self.tape.paused = self.tape.callee_muted = False
        return [e.RecordingResumed()]

    def _stoprecording(self, command: c.StopRecording) -> list[Event]:
        self.tape.running = self.tape.open = False
        self.tape.sealed = not self.recorder_down
        self.tape.crashed |= command.crashed
        return [e.RecordingFailed("AMI is down") if self.recorder_down else e.RecordingSealed(12500)]

    def _tellagent(self, command: c.TellAgent) -> None:
        if self.presence[Leg.AGENT] is Presence.UP:
            self.heard[Leg.AGENT].append(command.prompt)

    def _senddigits(self, command: c.SendDigits) -> None:
        self.keys_heard[command.leg] += command.digits

    def _hangup(self, command: c.HangUp) -> list[Event]:
        return self._cut_off(command.leg) if self.presence[command.leg] is not Presence.ABSENT else []

    def _settimer(self, command: c.SetTimer) -> None:
        self.timers[command.timer] = self.now + timedelta(seconds=command.seconds)

    def _canceltimer(self, command: c.CancelTimer) -> None:
        self.timers.pop(command.timer, None)

    def _endattempt(self, command: c.EndAttempt) -> None:
        self.ledger.ended.append((command.disposition, command.detail))
        self.timers.clear()


_NEEDS_LINK = (c.DialLeg, c.PlayPrompt, c.StopPrompt, c.Bridge, c.Unbridge, c.SendDigits, c.HangUp, c.TellAgent, c.Beep)
