"""A carrier that refuses: registers as a far end over UDP and answers every INVITE with the status it is told.

baresip can only say 486; what a number that does not exist, a full trunk or a dead line looks like comes from here.
SIP as RFC 3261 has it, as little as a refusal takes: no dialog, no audio.
"""

import asyncio
import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import TracebackType
from typing import Self

from compliance.errors import BadInput
from heedline.demo.baresip import Account, PhoneFailed

_SECONDS = 5.0
_MESSAGE = re.compile(r"(?P<first>[^\r\n]{1,1000})\r\n(?P<headers>(?:[^\r\n]+\r\n)+)\r\n", re.ASCII)
_CHALLENGE = re.compile(r'(realm|nonce|opaque)="([^"]*)"')
_ECHOED = ("via", "from", "to", "call-id", "cseq")


class Refusal(Enum):
    """What it answers, as SIP says it."""

    BUSY = "486 Busy Here"
    DECLINED = "603 Decline"
    NO_SUCH_NUMBER = "404 Not Found"
    FULL = "503 Service Unavailable"
    BROKEN = "500 Server Internal Error"
    UNAVAILABLE = "480 Temporarily Unavailable"
    MOVED = "302 Moved Temporarily"  # call somebody else instead
    RINGS = "180 Ringing"  # until the caller gives up
    SILENT = ""  # nothing at all


@dataclass(frozen=True)
class _Message:
    first: str
    headers: tuple[tuple[str, str], ...]

    @classmethod
    def parse(cls, data: bytes) -> "_Message | None":
        match = _MESSAGE.match(data.decode("utf-8", errors="replace"))
        if match is None:
            return None
        lines = (line.partition(":") for line in match["headers"].splitlines())
        return cls(match["first"], tuple((name.strip().lower(), value.strip()) for name, _, value in lines))

    def get(self, name: str) -> str:
        return next((value for header, value in self.headers if header == name), "")


@dataclass
class Carrier(asyncio.DatagramProtocol):
    """Registered for as long as the `async with` lasts. `answer` may be changed at any time."""

    name: str
    password: str = field(repr=False)
    registrar: str  # host:port, UDP
    answer: Refusal = Refusal.DECLINED
    invites: list[str] = field(default_factory=list)  # Call-IDs, one a call
    cancelled: list[str] = field(default_factory=list)
    _transport: asyncio.DatagramTransport | None = None
    _reply: "asyncio.Future[_Message] | None" = None
    _ringing: dict[str, _Message] = field(default_factory=dict)

    async def __aenter__(self) -> Self:
        """Raises PhoneFailed: the PBX does not answer, or refuses it; BadInput."""
        host, _, port = self.registrar.rpartition(":")
        if not port.isascii() or not port.isdigit():
            raise BadInput(f"carrier {self.name}: the registrar must be a host and a port")
        Account(self.name, self.password, host, int(port))  # checks what goes into messages
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, remote_addr=(host, int(port)))
        try:
            challenge = await self._register(1, "")
            if challenge.first.split()[1:2] == ["401"]:
                reply = await self._register(
                    2, self._proof(dict(_CHALLENGE.findall(challenge.get("www-authenticate"))))
                )
                if reply.first.split()[1:2] != ["200"]:
                    raise PhoneFailed(f"carrier {self.name}: the PBX refused to register it ({reply.first[8:60]})")
        except BaseException:
            self._transport.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._transport is not None:
            self._transport.close()

    def datagram_received(self, data: bytes, address: object) -> None:
        message = _Message.parse(data)
        if message is None:
            return  # a keep-alive, or nothing we know
        method = message.first.split()[0]
        if method.startswith("SIP/"):
            if self._reply is not None and not self._reply.done():
                self._reply.set_result(message)
        elif method == "INVITE":
            self._invited(message)
        elif method == "CANCEL":
            self._respond(message, "200 OK")
            invite = self._ringing.pop(message.get("call-id"), None)
            if invite is not None:
                self.cancelled.append(invite.get("call-id"))
                self._respond(invite, "487 Request Terminated")
        elif method == "OPTIONS":
            self._respond(message, "200 OK")

    def _invited(self, invite: _Message) -> None:
        call = invite.get("call-id")
        if call not in self.invites:  # else sent again: the same answer again
            self.invites.append(call)
        if self.answer is Refusal.RINGS:
            self._ringing[call] = invite
        if self.answer is not Refusal.SILENT:
            self._respond(invite, self.answer.value)

    def _respond(self, request: _Message, status: str) -> None:
        tag = hashlib.sha256(request.get("call-id").encode()).hexdigest()[:16]
        lines = [f"SIP/2.0 {status}"]
        for name, value in request.headers:
            if name in _ECHOED:
                lines.append(f"{name}: {value}" + (f";tag={tag}" if name == "to" and ";tag=" not in value else ""))
        self._send([*lines, f"contact: {self._contact}"])

    async def _register(self, sequence: int, proof: str) -> _Message:
        self._reply = asyncio.get_running_loop().create_future()
        self._send(
            [
                f"REGISTER sip:{self.registrar} SIP/2.0",
                f"Via: SIP/2.0/UDP {self._local};rport;branch=z9hG4bK{secrets.token_hex(8)}",
                f"From: <sip:{self.name}@{self.registrar}>;tag={secrets.token_hex(8)}",
                f"To: <sip:{self.name}@{self.registrar}>",
                f"Call-ID: {self.name}-{id(self)}",
                f"CSeq: {sequence} REGISTER",
                f"Contact: {self._contact}",
                "Expires: 3600",
                "Max-Forwards: 70",
                *([proof] if proof else []),
            ]
        )
        try:
            async with asyncio.timeout(_SECONDS):
                return await self._reply
        except TimeoutError:
            raise PhoneFailed(f"carrier {self.name}: the PBX does not answer") from None

    def _proof(self, challenge: Mapping[str, str]) -> str:
        """RFC 2617 digest with qop=auth; MD5 is what SIP's RFC 3261 asks for."""
        realm, nonce, opaque = (challenge.get(key, "") for key in ("realm", "nonce", "opaque"))
        uri, count, own = f"sip:{self.registrar}", "00000001", secrets.token_hex(8)
        who, what = _md5(f"{self.name}:{realm}:{self.password}"), _md5(f"REGISTER:{uri}")
        response = _md5(f"{who}:{nonce}:{count}:{own}:auth:{what}")
        return (
            f'Authorization: Digest username="{self.name}",realm="{realm}",nonce="{nonce}",uri="{uri}",'
            f'response="{response}",algorithm=MD5,cnonce="{own}",opaque="{opaque}",qop=auth,nc={count}'
        )

    @property
    def _local(self) -> str:
        assert self._transport is not None
        host, port = self._transport.get_extra_info("sockname")[:2]
        return f"{host}:{port}"

    @property
    def _contact(self) -> str:
        return f"<sip:{self.name}@{self._local}>"

    def _send(self, lines: list[str]) -> None:
        assert self._transport is not None
        self._transport.sendto("\r\n".join([*lines, "Content-Length: 0", "", ""]).encode())


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
