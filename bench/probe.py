"""A far end of our own that looks at every packet: it knows when it answered, when which tone came, when it pressed.

One UDP port for SIP, one for the sound of each call. It answers 50 ms after the INVITE, sends a tone from then on,
and presses a key or hangs up when told. Times are seconds of the wall clock, as in the story of a call.
"""

import asyncio
import itertools
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from bench.sipp import HOST
from bench.sound import CONFIRMATION_HZ, FRAME, NOTICE_HZ, RATE, key_press, rtp, tone

RINGS_S = 0.05
_HEADER = re.compile(r"^(via|from|to|call-id|cseq|contact)\s*:\s*(.*?)\s*$", re.IGNORECASE | re.MULTILINE)
_AUDIO = re.compile(r"^m=audio (\d+) ", re.MULTILINE)
_AT = re.compile(r"^c=IN IP4 (\S+)", re.MULTILINE)
_SAID = tone(880, 50)


def hertz(payload: bytes) -> float:
    """The tone of a µ-law frame, by its changes of sign."""
    changes = sum((a ^ b) & 0x80 != 0 for a, b in itertools.pairwise(payload))
    return changes * RATE / (2 * max(1, len(payload)))


class ProbeCall(asyncio.DatagramProtocol):
    """One call; `heard` gives the first instant of each tone."""

    def __init__(self, invite: dict[str, str], number: str, target: tuple[str, int]) -> None:
        self.number = number
        self.invite = invite
        self.answered = 0.0
        self.pressed = 0.0
        self.heard: dict[float, float] = {}
        self.prompt, self.confirmation = asyncio.Event(), asyncio.Event()
        self.over = asyncio.Event()
        self._target = target
        self._transport: asyncio.DatagramTransport | None = None
        self._packets = 0
        self._speaking: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)  # asyncio's own is no subclass of it

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        now = time.time()
        if len(data) < 12 + FRAME or data[1] & 0x7F:
            return
        found = hertz(data[12 : 12 + FRAME])
        for wanted, event in ((NOTICE_HZ, self.prompt), (CONFIRMATION_HZ, self.confirmation)):
            if abs(found - wanted) < 60 and not event.is_set():
                self.heard[wanted] = now
                event.set()

    def speak(self) -> None:
        self._speaking = asyncio.create_task(self._speak())

    async def _speak(self) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        while not self.over.is_set():
            self._send(rtp(0, False, self._packets, self._packets * FRAME, _SAID[self._packets % 50]))
            await asyncio.sleep(max(0.0, began + self._packets * FRAME / RATE - loop.time()))

    def _send(self, packet: bytes) -> None:
        if self._transport is not None:
            self._transport.sendto(packet, self._target)
            self._packets += 1

    async def press(self, key: str) -> None:
        """Held for 60 ms; `pressed` is when it was let go: Asterisk reports a key at its end."""
        packets = key_press(key, self._packets, self._packets * FRAME)
        for packet in packets[:3]:
            self._send(packet)
            await asyncio.sleep(0.02)
        packets = key_press(key, self._packets, (self._packets - 3) * FRAME)
        self.pressed = time.time()
        for packet in packets[3:]:
            self._send(packet)

    def close(self) -> None:
        self.over.set()
        if self._speaking is not None:
            self._speaking.cancel()
        if self._transport is not None:
            self._transport.close()


class Probe(asyncio.DatagramProtocol):
    """The SIP side. `call(number)` waits for that number's next call."""

    def __init__(self, port: int, media: int) -> None:
        self._port = port
        self._media = itertools.cycle(range(media, media + 400, 2))
        self._transport: asyncio.DatagramTransport | None = None
        self._calls: dict[str, ProbeCall] = {}
        self._expected: dict[str, asyncio.Future[ProbeCall]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)  # asyncio's own is no subclass of it

    def expect(self, number: str) -> "asyncio.Future[ProbeCall]":
        """The next call to that number (E.164), as soon as it is answered."""
        self._expected[number] = asyncio.get_running_loop().create_future()
        return self._expected[number]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        text = data.decode("utf-8", "replace")
        line = text.partition("\r\n")[0]
        headers = {name.lower(): value for name, value in reversed(_HEADER.findall(text))}
        method = line.split(" ", 1)[0]
        call_id = headers.get("call-id", "")
        if method == "INVITE" and call_id not in self._calls:
            task = asyncio.create_task(self._answer(line, text, headers, addr))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif method in ("BYE", "CANCEL"):
            self._reply(headers, addr, "200 OK")
            self._end(call_id)

    async def _answer(self, line: str, text: str, headers: dict[str, str], addr: tuple[str, int]) -> None:
        number = line.split(" ")[1].removeprefix("sip:").partition("@")[0]
        audio, host = _AUDIO.search(text), _AT.search(text)
        if audio is None or host is None or number not in self._expected:
            self._reply(headers, addr, "404 Not Found")
            return
        call = ProbeCall(headers, number, (host[1], int(audio[1])))
        self._calls[headers["call-id"]] = call
        self._reply(headers, addr, "180 Ringing")
        port = next(self._media)
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: call, local_addr=(HOST, port))
        await asyncio.sleep(RINGS_S)
        call.answered = time.time()
        self._reply(headers, addr, "200 OK", _sdp(port))
        call.speak()
        self._expected.pop(number).set_result(call)

    def hang_up(self, call: ProbeCall) -> None:
        invite = call.invite
        contact = invite.get("contact", "").partition("<")[2].partition(">")[0]
        host, _, port = contact.removeprefix("sip:").rpartition("@")[2].partition(";")[0].partition(":")
        self._send(
            f"BYE {contact} SIP/2.0",
            {
                "Via": f"SIP/2.0/UDP 127.0.0.1:{self._port};branch=z9hG4bK{time.monotonic_ns()}",
                "From": _tagged(invite["to"]),
                "To": invite["from"],
                "Call-ID": invite["call-id"],
                "CSeq": "2 BYE",
                "Max-Forwards": "70",
            },
            "",
            (host, int(port or 5060)),
        )
        self._end(invite["call-id"])

    def _end(self, call_id: str) -> None:
        call = self._calls.get(call_id)
        if call is not None:
            call.close()

    def _reply(self, headers: dict[str, str], addr: tuple[str, int], status: str, body: str = "") -> None:
        names = {"via": "Via", "from": "From", "to": "To", "call-id": "Call-ID", "cseq": "CSeq"}
        fields = {name: headers.get(key, "") for key, name in names.items()}
        fields["To"] = _tagged(fields["To"])
        fields["Contact"] = f"<sip:127.0.0.1:{self._port}>"
        if body:
            fields["Content-Type"] = "application/sdp"
        self._send(f"SIP/2.0 {status}", fields, body, addr)

    def _send(self, first: str, fields: dict[str, str], body: str, addr: tuple[str, int]) -> None:
        lines = [first, *(f"{name}: {value}" for name, value in fields.items()), f"Content-Length: {len(body)}"]
        if self._transport is not None:
            self._transport.sendto(("\r\n".join(lines) + "\r\n\r\n" + body).encode(), addr)

    def close(self) -> None:
        for call in self._calls.values():
            call.close()
        if self._transport is not None:
            self._transport.close()


def _tagged(to: str) -> str:
    return to if ";tag=" in to else f"{to};tag=probe"


def _sdp(port: int) -> str:
    lines = (
        *("v=0", f"o=- 1 1 IN IP4 {HOST}", "s=-", f"c=IN IP4 {HOST}", "t=0 0", f"m=audio {port} RTP/AVP 0 101"),
        *("a=rtpmap:0 PCMU/8000", "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-16", "a=sendrecv"),
    )
    return "\r\n".join(lines) + "\r\n"


@asynccontextmanager
async def probing(port: int, media: int) -> AsyncIterator[Probe]:
    probe = Probe(port, media)
    await asyncio.get_running_loop().create_datagram_endpoint(lambda: probe, local_addr=("127.0.0.1", port))
    try:
        yield probe
    finally:
        probe.close()
