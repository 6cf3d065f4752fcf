"""A live call: a bounded queue of its events, the pure flow deciding, and its line, tape and books doing.

Commands that are quick run in order before the next event is looked at; those that wait for a disk or a
recorder run beside, and report with an event.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime

from ari_app.books import Books, evidence_of
from ari_app.call import Call, Phase, decide
from ari_app.call.commands import (
    Beep,
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
    TellAgent,
    Unbridge,
    UnmuteCallee,
    WriteConsent,
    WriteOptOut,
)
from ari_app.call.events import (
    Digit,
    Event,
    HangupRequested,
    Leg,
    OptOutRequested,
    OptOutWritten,
    RecordingFailed,
    Started,
    Timer,
    TimerFired,
)
from ari_app.errors import OptOutNotDone
from ari_app.line import Line, Where
from ari_app.order import KIND, Order
from ari_app.story import Line as StoryLine
from ari_app.story import Story
from ari_app.tape import Tape
from compliance.errors import HeedlineError
from compliance.verdict import RecordingMode, Verdict
from storage.errors import DatabaseBusy, DatabaseFailed

log = logging.getLogger(__name__)

SAID = "Said"  # a line of the story: what a prompt said, as evidence
END_RETRY_S = 1.0
OPT_OUT_PATIENCE_S = 12.0  # the ledger may be locked for ten
INBOX = 1000  # events; a call that falls behind so far is a defect, and is ended


@dataclass
class Instruments:
    """What the conductor gives a call to work with."""

    line: Line
    tape: Tape
    books: Books


class LiveCall:
    """`post` an event from anywhere; `run` is the call's one worker."""

    def __init__(
        self,
        order: Order,
        story: Story,
        where: Callable[[Leg], Where],
        on_end: Callable[["LiveCall"], None],
        seq: int = 0,
        call: Call | None = None,
    ) -> None:
        self.order = order
        self.call = call or Call.planned(order.plan)
        self.ended = asyncio.Event()
        self._story = story
        self._where = where
        self._on_end = on_end
        self._seq = seq
        self._inbox: asyncio.Queue[Event] = asyncio.Queue(INBOX)
        self._timers: dict[Timer, asyncio.TimerHandle] = {}
        self._errands: set[asyncio.Task[None]] = set()
        self._said: dict[str, object] = {}  # the last prompt, as evidence
        self._key = ""
        self._overflowed = False
        self._opted_out = asyncio.Event()  # it is durable
        self._worker: asyncio.Task[None] | None = None
        self._tools: Instruments | None = None

    @property
    def id(self) -> str:
        return self.order.attempt

    @property
    def tools(self) -> Instruments:
        if self._tools is None:
            raise RuntimeError("the call was not equipped")
        return self._tools

    def equip(self, tools: Instruments) -> None:
        self._tools = tools

    # ── events in ───────────────────────────────────────────────────────────────────────────────────────────────

    def post(self, event: Event) -> None:
        try:
            self._inbox.put_nowait(event)
        except asyncio.QueueFull:
            # Once: a second cancellation would cut off the end that the first one brought about.
            if not self._overflowed and self._worker is not None:
                self._worker.cancel()
            self._overflowed = True

    async def opt_out(self, by: str) -> None:
        """Ask for an opt-out and wait until it is durable.

        Raises OptOutNotDone: the call ended before, or the ledger is away; nothing may be promised.
        """
        self.post(OptOutRequested(by))
        waiting = [asyncio.ensure_future(event.wait()) for event in (self._opted_out, self.ended)]
        try:
            await asyncio.wait(waiting, timeout=OPT_OUT_PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waiter in waiting:
                waiter.cancel()
        if not self._opted_out.is_set():
            raise OptOutNotDone(f"call {self.id}: the opt-out is not in the ledger; use `heedline dnc add`")

    def remember(self, said: dict[str, object], verdict: Verdict | None) -> None:
        """From before a restart: what was said last, and why the call was allowed. Both are evidence."""
        self._said = said
        self.tools.books.take_over(verdict)

    def begin(self) -> None:
        """A new call."""
        self._tell(KIND, self.order.to_json())
        self.post(Started())
        self.resume()

    def resume(self, learnt: Event | None = None) -> None:
        """A call that was going on before; what comes first is how it stands at the PBX.

        learnt: what the ledger knew beyond the call's story; the state takes it into account already.
        """
        if learnt is not None:
            self._tell(learnt.kind, learnt.to_json())
        self._worker = asyncio.create_task(self._run(), name=f"call {self.id}")

    async def _run(self) -> None:
        try:
            while self.call.phase is not Phase.ENDED:
                await self._take(await self._inbox.get())
        except asyncio.CancelledError:
            if not self._overflowed:
                raise
            log.critical("%s: %d events wait; the call is ended", self.id, INBOX)
            await self._fail()
        except Exception:
            log.exception("%s: the call's worker failed; its legs are hung up", self.id)
            await self._fail()
        finally:
            self._close()

    async def _fail(self) -> None:
        """What we can't follow any more must not go on: no talk out of control."""
        if self.call.phase is Phase.OPTING_OUT:
            await self.tools.books.write_opt_out(self.call.detail)  # asked for, and nobody is left to try again
        for leg in Leg:
            await self.tools.line.hang_up(leg)
        await self.tools.tape.stop(crashed=False)
        await self._end("failed", "a defect; see the conductor's log")

    async def _take(self, event: Event) -> None:
        now = datetime.now(UTC)
        before = self.call.phase
        self.call, commands = decide(self.call, event, now)
        self._key = event.digit if isinstance(event, Digit) else ""  # evidence of what this event alone brings about
        if isinstance(event, OptOutWritten):
            self._opted_out.set()
        if not any(isinstance(command, SendDigits) for command in commands):
            # Keys passed on may be a card number: they leave no trace.
            self._tell(event.kind, event.to_json(), now)
        if self.call.phase is not before:
            log.debug("%s: %s → %s", self.id, before, self.call.phase)
        for command in commands:
            await self._do(command)

    def _tell(self, kind: str, data: dict[str, object], at: datetime | None = None) -> None:
        self._story.tell(StoryLine(self.id, self._seq, at or datetime.now(UTC), kind, data))
        self._seq += 1

    # ── commands out ────────────────────────────────────────────────────────────────────────────────────────────

    async def _do(self, command: Command) -> None:
        line, tape, books = self.tools.line, self.tools.tape, self.tools.books
        match command:
            case CheckGate():
                self._errand(books.check_gate())
            case CommitAttempt():
                self._errand(books.commit_attempt())
            case DialLeg(leg=Leg.CALLEE):
                self._errand(line.dial(Leg.CALLEE, self._where(Leg.CALLEE), books.may_dial))
            case DialLeg(leg=leg):
                self._errand(line.dial(leg, self._where(leg)))
            case PlayPrompt(prompt=prompt, to=to):
                audio = await line.play(prompt, to)
                if audio is not None:
                    self._said = evidence_of(audio, datetime.now(UTC))
                    self._tell(SAID, self._said)
            case StopPrompt():
                await line.stop_prompt()
            case Bridge(leg=leg):
                await line.bridge(leg)
            case Unbridge(leg=leg):
                await line.unbridge(leg)
            case Beep():
                await line.beep()
            case TellAgent(prompt=prompt):
                await line.tell(Leg.AGENT, prompt)
            case SendDigits(leg=leg, digits=digits):
                await line.send_digits(leg, digits)
            case HangUp(leg=leg):
                await line.hang_up(leg)
            case WriteConsent(answer=answer):
                self._errand(books.write_consent(answer, self._said, self._key))
            case WriteOptOut(source=source):
                self._errand(books.write_opt_out(source))
            case StartRecording(callee_muted=muted):
                self._start_recording(callee_muted=muted)
            case UnmuteCallee():
                self._errand(tape.unmute_callee(self._notice_on_file))
            case PauseRecording():
                self._errand(tape.pause())
            case ResumeRecording():
                self._errand(tape.resume())
            case StopRecording(crashed=crashed):
                self._errand(tape.stop(crashed))
            case SetTimer(timer=timer, seconds=seconds):
                self.arm(timer, seconds)
            case CancelTimer(timer=timer):
                self.disarm(timer)
            case EndAttempt(disposition=disposition, detail=detail):
                await self._end(disposition, detail)

    def _start_recording(self, *, callee_muted: bool) -> None:
        name = self.tools.line.names.get(Leg.CALLEE)
        if name is None:
            self.post(RecordingFailed("the callee's channel has no name yet"))
            return
        notice = self.call.mode is RecordingMode.NOTICE and not callee_muted
        self._errand(self.tools.tape.start(name, callee_muted, self._notice_on_file if notice else None))

    async def _notice_on_file(self) -> None:
        await self.tools.books.write_notice(self._said)

    async def _end(self, disposition: str, detail: str) -> None:
        """The disposition is written however long the ledger is away: until then the party counts as being called."""
        await self.tools.line.call_off()
        await self.tools.line.take_down()
        await self._story.caught_up()  # an attempt that has ended has its whole story
        while True:
            try:
                await self.tools.books.end_attempt(disposition, detail)
            except (DatabaseBusy, DatabaseFailed) as error:
                log.warning("%s: the end (%s) is not written yet: %s", self.id, disposition, error)
                await asyncio.sleep(END_RETRY_S)
                continue
            except HeedlineError as error:
                log.error("%s: the end (%s) is not written: %s", self.id, disposition, error)
            return

    def _errand(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work, name=f"errand {self.id}")
        self._errands.add(task)
        task.add_done_callback(self._errand_done)

    def _errand_done(self, task: asyncio.Task[None]) -> None:
        self._errands.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("%s: an errand failed; the call is ended", self.id, exc_info=task.exception())
            self.post(HangupRequested("a defect; see the log"))

    # ── timers ──────────────────────────────────────────────────────────────────────────────────────────────────

    def arm(self, timer: Timer, seconds: float) -> None:
        self.disarm(timer)
        loop = asyncio.get_running_loop()
        self._timers[timer] = loop.call_later(seconds, self.post, TimerFired(timer))

    def disarm(self, timer: Timer) -> None:
        handle = self._timers.pop(timer, None)
        if handle is not None:
            handle.cancel()

    def _close(self) -> None:
        for timer in list(self._timers):
            self.disarm(timer)
        self.ended.set()
        self._on_end(self)

    async def abandon(self) -> None:
        """The conductor stops; the call goes on at the PBX and is taken up again at the next start."""
        if self._worker is not None:
            self._worker.cancel()
        for task in (*self._errands, *([self._worker] if self._worker else [])):
            await asyncio.gather(task, return_exceptions=True)
        if self.call.phase is Phase.OPTING_OUT and not self._opted_out.is_set():
            # Between two tries: the key may not be in the story either, so this is the last one.
            await self.tools.books.write_opt_out(self.call.detail)
