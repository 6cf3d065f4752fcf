"""Far ends in bulk: SIPp answers every call, says a tone, presses a key, and hangs up when its time has come.

SIPp sends its capture through a raw socket, which takes root. Nobody listens at the ports it names, so the bench
binds them itself (`Ears`): without that Asterisk would be charged for the kernel's ICMP answers to every packet.
The first call's port is bound by SIPp and heard by nobody: that call is the warm-up.
"""

import asyncio
import contextlib
import shutil
import signal
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from bench.sound import speech, write_capture
from compliance.errors import HeedlineError

HOST = "127.0.0.2"  # media of the far ends: another loopback address, so that no port is taken by a PBX
STEP = 4  # between two calls' ports: SIPp's [auto_media_port]

_HEAD = """<?xml version="1.0" encoding="ISO-8859-1"?>
<scenario name="{name}">
<recv request="INVITE" crlf="true"><action>
<ereg regexp=".*" search_in="hdr" header="From:" assign_to="caller"/>
<ereg regexp=".*" search_in="hdr" header="To:" assign_to="callee"/>
<ereg regexp="sip:[^&gt;]*" search_in="hdr" header="Contact:" assign_to="contact"/>
</action></recv>
<Reference variables="caller,callee,contact"/>
<send><![CDATA[
SIP/2.0 180 Ringing
[last_Via:]
[last_From:]
[last_To:];tag=[pid]{name}[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port];transport=[transport]>
Content-Length: 0

]]></send>
<send retrans="500"><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:];tag=[pid]{name}[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port];transport=[transport]>
Content-Type: application/sdp
Content-Length: [len]

v=0
o=sipp 53655765 2353687637 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [auto_media_port] RTP/AVP 0 101
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=sendrecv

]]></send>
<recv request="ACK" crlf="true"/>
<nop><action><exec play_pcap_audio="{capture}"/></action></nop>
"""
_HANGS_UP = """<pause milliseconds="{milliseconds}"/>
<send retrans="500"><![CDATA[
BYE [$contact] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From:[$callee];tag=[pid]{name}[call_number]
To:[$caller]
[last_Call-ID:]
CSeq: 2 BYE
Max-Forwards: 70
Content-Length: 0

]]></send>
<recv response="200"/>
</scenario>
"""
_IS_HUNG_UP = """<recv request="BYE"/>
<send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
</scenario>
"""


class SippFailed(HeedlineError):
    """SIPp is missing, or ended by itself."""


@dataclass(frozen=True)
class FarEnd:
    """One kind of far end. `hang_up_after`: seconds after the answer; None waits to be hung up."""

    name: str
    port: int
    media: int  # first RTP port
    seconds: float  # of sound
    keys: dict[float, str] = field(default_factory=dict)  # second after the answer → key
    hang_up_after: float | None = None

    def write(self, folder: Path) -> Path:
        capture = folder / f"{self.name}.pcap"
        write_capture(capture, speech(self.seconds, self.keys))
        head = _HEAD.format(name=self.name, capture=capture)
        tail = (
            _IS_HUNG_UP
            if self.hang_up_after is None
            else _HANGS_UP.format(name=self.name, milliseconds=round(self.hang_up_after * 1000))
        )
        scenario = folder / f"{self.name}.xml"
        scenario.write_text(head + tail)
        return scenario


class Ears:
    """Sockets at the ports of so many calls after the first; each tells when its first packet came, and no more."""

    def __init__(self, first: int, calls: int) -> None:
        self.heard: list[float] = []  # time.monotonic() of each call's first packet
        self._sockets: list[socket.socket] = []
        self._first, self._calls = first, calls
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

    def open(self) -> None:
        loop = asyncio.get_running_loop()
        for n in range(1, self._calls + 1):
            ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            ear.setblocking(False)
            ear.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)  # full at once: what follows is dropped cheaply
            self._sockets.append(ear)
            port = self._first + n * STEP
            try:
                ear.bind((HOST, port))
            except OSError as error:
                raise SippFailed(
                    f"{HOST} port {port} cannot be had ({error.strerror}); is another bench running?"
                ) from None
            loop.add_reader(ear, self._hear, ear)

    def _hear(self, ear: socket.socket) -> None:
        asyncio.get_running_loop().remove_reader(ear)
        self.heard.append(time.monotonic())
        for count, future in self._waiting:
            if len(self.heard) >= count and not future.done():
                future.set_result(None)

    async def count(self, calls: int, seconds: float) -> None:
        """Until so many calls have been heard. Raises TimeoutError."""
        if len(self.heard) >= calls:
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((calls, future))
        async with asyncio.timeout(seconds):
            await future

    def close(self) -> None:
        for ear in self._sockets:
            asyncio.get_running_loop().remove_reader(ear)
            ear.close()
        self._sockets.clear()


@contextlib.asynccontextmanager
async def far_end(kind: FarEnd, calls: int, folder: Path) -> AsyncIterator[Ears]:
    """SIPp as this far end, for at most so many calls after a first one. Raises SippFailed."""
    program = shutil.which("sipp")
    if program is None:
        raise SippFailed("sipp: not there; install the package sip-tester")
    ears = Ears(kind.media, calls)
    command = [program, "-sf", str(kind.write(folder)), "-i", "127.0.0.1", "-p", str(kind.port), "-mi", HOST]
    command += ["-mp", str(kind.media), "-nostdin", "-trace_err", "-error_file", str(folder / f"{kind.name}.err")]
    with (folder / f"{kind.name}.out").open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=out, stderr=out, cwd=folder, start_new_session=True
        )
    try:
        ears.open()
        await _listening(kind, process)
        yield ears
        if process.returncode is not None:
            raise SippFailed(f"SIPp ({kind.name}) ended with status {process.returncode}; see {folder}")
    finally:
        ears.close()
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.wait()


async def _listening(kind: FarEnd, process: asyncio.subprocess.Process) -> None:
    """SIPp says nothing when it is ready; its port in the kernel's table does."""
    needle = f"0100007F:{kind.port:04X} "
    for _ in range(100):
        if process.returncode is not None:
            break
        if needle in Path("/proc/net/udp").read_text():
            return
        await asyncio.sleep(0.05)
    raise SippFailed(f"SIPp ({kind.name}) does not listen on port {kind.port}")
