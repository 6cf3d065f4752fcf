"""A SIP phone and the person who holds it: baresip, told what to do.

    async with Phone("alice", password, "127.0.0.1:5061", folder, ca=ca) as alice:
        call = await alice.called()
        await call.answered()
        await alice.press("*9")
        await call.ended()
        print(call.heard)

What a call heard and said is kept as WAV. baresip writes what it heard as it comes in: spans in which the PBX sent
nothing (a leg that waits in no bridge, with no prompt) have no length in `heard.wav`.
"""

import asyncio
import logging
import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from compliance.errors import BadInput
from heedline.demo.baresip import Account, Baresip, Message, PhoneFailed
from heedline.demo.sound import write_tone

T = TypeVar("T")
_log = logging.getLogger(__name__)

KEY_SECONDS = 0.3  # from one key to the next; baresip holds a key for 180 ms
TONE_SECONDS = 300.0  # longer than any call of a demo; a phone whose sound file ends falls silent
_REGISTER_SECONDS = 10.0
_KEYS = re.compile(r"[0-9*#A-D]{1,32}")
_NUMBER = re.compile(r"\+?[0-9*#]{1,20}")


class Answer(StrEnum):
    """What the person does when it rings."""

    ACCEPT = "accept"  # after `delay` seconds
    BUSY = "busy"  # 486
    IGNORE = "ignore"  # rings until the caller gives up; `accept()` and `hang_up()` still work


class RegistrationRefused(PhoneFailed):
    """The PBX does not take the phone: wrong password or unknown name."""


@dataclass(eq=False)
class PhoneCall:
    """One call as the phone saw it."""

    phone: "Phone"
    number: int  # 1, 2, … in the order this phone had them
    outgoing: bool
    id: str = ""
    reason: str = ""  # why it ended, in baresip's words
    keys: str = ""  # key presses the far side's RTP brought
    _key: asyncio.Future[None] | None = None  # done at the next key
    _answered: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    _ended: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    @property
    def heard(self) -> Path:
        """What came in, once the call has ended."""
        return self.phone.folder / f"call-{self.number}-heard.wav"

    @property
    def said(self) -> Path:
        """What went out, once the call has ended."""
        return self.phone.folder / f"call-{self.number}-said.wav"

    @property
    def is_answered(self) -> bool:
        return self._answered.done()

    @property
    def is_ended(self) -> bool:
        return self._ended.done()

    async def answered(self, seconds: float = 15.0) -> None:
        """Wait until both can talk. Raises PhoneFailed: too long, ended before, or the phone is gone."""
        either = asyncio.ensure_future(asyncio.wait({self._answered, self._ended}, return_when="FIRST_COMPLETED"))
        try:
            await self.phone.until(either, seconds, "to be answered")
        finally:
            either.cancel()
        if not self._answered.done():
            raise PhoneFailed(f"phone {self.phone.name}: the call ended before it was answered: {self.reason}")

    async def ended(self, seconds: float = 30.0) -> str:
        """Wait until it is over; why. Its sound files are whole then. Raises PhoneFailed."""
        await self.phone.until(self._ended, seconds, "to end")
        return self.reason

    async def keyed(self, keys: str, seconds: float = 10.0) -> None:
        """Wait until the far side's RTP brought exactly these keys. Raises PhoneFailed."""
        while self.keys != keys:
            self._key = asyncio.get_running_loop().create_future()
            await self.phone.until(self._key, seconds, "to receive keys")

    def _pressed(self, key: str) -> None:
        self.keys += key
        if self._key is not None:
            self._mark(self._key)

    def _mark(self, step: asyncio.Future[None]) -> None:
        if not step.done():
            step.set_result(None)


class Phone:
    """A registered phone for as long as the `async with` lasts."""

    def __init__(
        self,
        name: str,
        password: str,
        registrar: str,
        folder: Path,
        *,
        ca: Path | None = None,
        says: Path | float = 440.0,
        answer: Answer = Answer.ACCEPT,
        delay: float = 0.0,
        rtp: tuple[int, int] = (21000, 21999),
    ) -> None:
        """registrar: "host:port". ca: the CA file; given, the phone uses TLS and SRTP, else UDP. says: a WAV file
        (8 kHz, mono, 16 bit) or a tone in Hz. answer, delay (s): may be changed at any time. rtp: its UDP ports."""
        host, colon, port = registrar.rpartition(":")
        if not colon or not port.isascii() or not port.isdigit():
            raise BadInput(f"phone {name[:40]!r}: the registrar must be a host and a port")
        self.account = Account(name, password, host, int(port), ca)
        self.folder = folder
        self.answer = answer
        self.delay = delay
        self.calls: list[PhoneCall] = []
        self.on_event: Callable[[str, PhoneCall | None], None] = lambda kind, call: None  # to tell the story as it goes
        self._says = says
        self._rtp = rtp
        self._baresip: Baresip | None = None
        self._registered: asyncio.Future[str] | None = None
        self._arrived: asyncio.Queue[PhoneCall] = asyncio.Queue()
        self._hands: set[asyncio.Task[None]] = set()

    @property
    def name(self) -> str:
        return self.account.name

    @property
    def invites(self) -> int:
        """How many calls were ever offered to it: distinct Call-IDs of INVITEs received, from its SIP trace."""
        text = self.folder.joinpath("log").read_text("utf-8", errors="replace") if self._baresip else ""
        return len(set(_received_invites(text, f"{self.account.host}:{self.account.port}")))

    async def __aenter__(self) -> Self:
        """Start and register. Raises RegistrationRefused, PhoneFailed, BadInput."""
        self._registered = asyncio.get_running_loop().create_future()
        self._baresip = Baresip(self.account, self.folder, self._rtp, self._take)
        self.folder.mkdir(parents=True, exist_ok=True)
        for old in (*self.folder.glob("dump-*.wav"), *self.folder.glob("call-*.wav")):
            old.unlink()
        if isinstance(self._says, Path):
            says = self._says
        else:
            says = self.folder / "tone.wav"
            write_tone(says, self._says, TONE_SECONDS)
        await self._baresip.start(says)
        try:
            problem = await self._register()
            if problem:
                raise RegistrationRefused(f"phone {self.name}: the PBX refused to register it ({problem})")
        except BaseException:
            await self._baresip.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for hand in tuple(self._hands):
            hand.cancel()
        await asyncio.gather(*self._hands, return_exceptions=True)
        await self._ready.stop()

    async def called(self, seconds: float = 15.0) -> PhoneCall:
        """The next call that comes in, also one that came since the last time we asked. Raises PhoneFailed."""
        waiting = asyncio.ensure_future(self._arrived.get())
        try:
            return await self.until(waiting, seconds, "to ring")
        finally:
            waiting.cancel()

    def forget(self) -> None:
        """Calls that came and were not asked for with `called` are nobody's any more."""
        while not self._arrived.empty():
            self._arrived.get_nowait()

    async def dial(self, number: str) -> PhoneCall:
        """Call a number or feature code. The call may still fail: wait for `answered` or `ended`."""
        if not _NUMBER.fullmatch(number):
            raise BadInput(f"phone {self.name}: that is nothing to dial; digits, * and # only")
        call = self._new(outgoing=True)
        await self._ready.command("dial", number)
        return call

    async def press(self, keys: str, seconds: float = KEY_SECONDS) -> None:
        """Press keys in the present call (RFC 4733), `seconds` apart; returns when the last is pressed."""
        if not _KEYS.fullmatch(keys):
            raise BadInput(f"phone {self.name}: keys are 0-9 * # A-D")
        for place, key in enumerate(keys):
            if place:
                await asyncio.sleep(seconds)
            await self._ready.command("sndcode", key)

    async def accept(self) -> None:
        """Take the call that rings."""
        await self._ready.command("accept")

    async def hang_up(self) -> None:
        """End the present call, or refuse the one that rings (486)."""
        await self._ready.command("hangup")

    def kill(self) -> None:
        """Lose power."""
        self._ready.kill()

    async def until(self, wanted: asyncio.Future[T], seconds: float, what: str) -> T:
        """Wait, but not longer than the phone lives. Raises PhoneFailed."""
        return await self._ready.until(wanted, seconds, what)

    async def _register(self) -> str:
        """Why it could not; empty when it could. It may have happened before we listened: then its state says so."""
        if self._registered is None:
            raise PhoneFailed(f"phone {self.name}: not started; use it in `async with`")
        state = await self._ready.command("reginfo")
        if "OK " in state:
            return ""
        if "ERR" in state and not self._registered.done():
            return "see its log"
        return await self.until(self._registered, _REGISTER_SECONDS, "to register")

    @property
    def _ready(self) -> Baresip:
        if self._baresip is None:
            raise PhoneFailed(f"phone {self.name}: not started; use it in `async with`")
        return self._baresip

    def _new(self, *, outgoing: bool) -> PhoneCall:
        call = PhoneCall(self, len(self.calls) + 1, outgoing)
        self.calls.append(call)
        return call

    def _take(self, message: Message) -> None:
        kind = str(message.get("type"))
        detail = str(message.get("param", ""))
        if kind.startswith("REGISTER_") and self._registered is not None and not self._registered.done():
            self._registered.set_result("" if kind == "REGISTER_OK" else detail or "no answer")
        call = self._call_of(message) if kind.startswith("CALL_") else None
        if call is not None:
            self._follow(kind, call, detail)
        self.on_event(kind, call)

    def _call_of(self, message: Message) -> PhoneCall | None:
        identity = str(message.get("id", ""))
        if not identity:
            return None
        known = next((call for call in self.calls if call.id == identity), None)
        if known is None:
            outgoing = message.get("direction") == "outgoing"
            unnamed = (call for call in self.calls if call.outgoing and not call.id and not call.is_ended)
            known = (next(unnamed, None) if outgoing else None) or self._new(outgoing=outgoing)
            known.id = identity
        return known

    def _follow(self, kind: str, call: PhoneCall, detail: str) -> None:
        if kind == "CALL_INCOMING":
            self._arrived.put_nowait(call)
            self._act(self._respond(call))
        elif kind == "CALL_ESTABLISHED":
            call._mark(call._answered)
        elif kind == "CALL_DTMF_START":
            call._pressed(detail)
        elif kind == "CALL_CLOSED":
            call.reason = detail
            self._act(self._close(call))

    def _act(self, doing: Coroutine[None, None, None]) -> None:
        hand = asyncio.create_task(doing)
        self._hands.add(hand)
        hand.add_done_callback(self._acted)

    def _acted(self, hand: asyncio.Task[None]) -> None:
        self._hands.discard(hand)
        if not hand.cancelled() and (error := hand.exception()) is not None:
            _log.warning("phone %s: %s", self.name, error)  # who waits for the call's next step is told by `until`

    async def _respond(self, call: PhoneCall) -> None:
        if self.answer is Answer.BUSY:
            await self.hang_up()
        elif self.answer is Answer.ACCEPT:
            await asyncio.sleep(self.delay)
            if not call.is_ended:
                await self.accept()

    async def _close(self, call: PhoneCall) -> None:
        # The event comes before baresip closes the files; it answers commands only after.
        await self._ready.command("reginfo")
        for ending, target in (("dec", call.heard), ("enc", call.said)):
            newest = sorted(self.folder.glob(f"dump-*-{ending}.wav"))[-1:]
            for file in newest:
                file.rename(target)
        call._mark(call._ended)


def _received_invites(trace: str, registrar: str) -> list[str]:
    """Call-IDs of the INVITEs in a SIP trace of baresip that came from the registrar."""
    found = re.finditer(
        rf"^(?:TLS|UDP|TCP) {re.escape(registrar)} -> \S+\r?\nINVITE (?:.+\r?\n)+?Call-ID: *(\S+)", trace, re.MULTILINE
    )
    return [match[1] for match in found]
