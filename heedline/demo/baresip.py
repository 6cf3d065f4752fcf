"""The baresip process: its files, its remote control (ctrl_tcp: JSON in netstrings), its death with ours.

Written for baresip 1.0.0. Everything it opens is named relative to its folder, so no path can break its config.
"""

import asyncio
import contextlib
import itertools
import json
import os
import re
import shutil
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from compliance.errors import BadInput, HeedlineError
from heedline.secrets import ensure_folder, write_private

Message = Mapping[str, object]
T = TypeVar("T")

_MODULES = Path("/usr/lib/baresip/modules")
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,30}")
_PASSWORD = re.compile(r"[A-Za-z0-9._~+/=-]{1,128}")
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}|\[[0-9a-fA-F:]{2,39}\]")
_MESSAGE_AT_MOST = 64 * 1024
_COMMAND_SECONDS = 5.0
_START_SECONDS = 10.0
_STOP_SECONDS = 3.0
_RETRY = 0.02  # s between two tries to reach a control port that is about to open: it gives no earlier sign
_CONFIG = """\
poll_method epoll
sip_listen {listen}:0
{trust}call_local_timeout 3600
call_max_calls 4
audio_path .
audio_source aufile,says.wav
audio_player aufile,nothing.wav
audio_alert aufile,nothing.wav
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
rtp_ports {rtp[0]}-{rtp[1]}
jitter_buffer_delay 1-5
module_path {modules}
module g711.so
module aufile.so
module srtp.so
module sndfile.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
snd_path .
ctrl_tcp_listen 127.0.0.1:{control}
"""


class PhoneFailed(HeedlineError):
    """The phone could not be started, did not do as told, or is gone."""


@dataclass(frozen=True)
class Account:
    """How a phone registers. `ca`: given, it uses TLS and SRTP, else UDP and RTP.

    baresip 1.0.0 loads the CA but does not refuse a certificate it did not sign: what the PBX shows is tested apart.
    """

    name: str
    password: str
    host: str
    port: int
    ca: Path | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise BadInput(f"phone {self.name[:40]!r}: a name is 1 to 31 of a-z 0-9 _ - and begins with a letter")
        if not _PASSWORD.fullmatch(self.password):
            raise BadInput(f"phone {self.name}: its password holds characters that can't stand in baresip's accounts")
        if not _HOST.fullmatch(self.host) or not 1 <= self.port <= 65535:
            raise BadInput(f"phone {self.name}: the registrar must be a host and a port")

    def __repr__(self) -> str:
        return f"Account({self.name!r})"

    @property
    def listen(self) -> str:
        """Where the phone itself listens: nowhere but here when the registrar is here."""
        return "127.0.0.1" if self.host in ("127.0.0.1", "localhost") else "0.0.0.0"  # noqa: S104

    @property
    def line(self) -> str:
        """Its line in baresip's `accounts`; holds the password."""
        way = "tls" if self.ca else "udp"
        secure = "mediaenc=srtp;" if self.ca else ""
        return (
            f"<sip:{self.name}@{self.host}:{self.port};transport={way}>;auth_user={self.name};auth_pass={self.password};"
            f"{secure}answermode=manual;audio_codecs=PCMU;regint=60\n"
        )


class Baresip:
    """One baresip and its control connection. `on_event` gets each event in order."""

    def __init__(
        self, account: Account, folder: Path, rtp: tuple[int, int], on_event: Callable[[Message], None]
    ) -> None:
        self.account = account
        self.folder = folder
        self.rtp = rtp
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._on_event = on_event
        self._process: asyncio.subprocess.Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._tokens = itertools.count(1)
        self._replies: dict[str, asyncio.Future[Message]] = {}

    @property
    def log(self) -> Path:
        """What it printed, its SIP messages among them."""
        return self.folder / "log"

    async def start(self, says: Path) -> None:
        """Write its files and start it. `says`: the WAV it speaks. Raises PhoneFailed, BadInput."""
        program = shutil.which("baresip")
        control = _free_port()
        if program is None:
            raise PhoneFailed("baresip: not there; install the package baresip-core")
        log = self._prepare(says, control)
        try:
            # setpriv: the kernel ends the phone when we die, however we die; then it becomes baresip.
            self._process = await asyncio.create_subprocess_exec(
                *("setpriv", "--pdeathsig", "KILL", "--", program, "-s", "-f", "."),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env={"PATH": "/usr/bin:/bin", "HOME": str(self.folder), "LANG": "C.UTF-8"},
                start_new_session=True,  # Ctrl-C is ours to handle
                umask=0o077,
            )
        finally:
            os.close(log)
        try:
            async with asyncio.timeout(_START_SECONDS):
                reader, self._writer = await self._connect(control)
        except TimeoutError:
            await self.stop()
            raise PhoneFailed(f"phone {self.account.name}: its control port did not open; see {self.log}") from None
        except BaseException:
            await self.stop()
            raise
        self._reading = asyncio.create_task(self._read(reader))

    async def command(self, command: str, params: str = "") -> str:
        """Run a command of its menu; its answer as text. Raises PhoneFailed."""
        if self._writer is None or self.gone.done():
            raise PhoneFailed(f"phone {self.account.name}: is gone; see {self.log}")
        token = str(next(self._tokens))
        reply: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._replies[token] = reply
        body = json.dumps({"command": command, "params": params, "token": token}).encode()
        self._writer.write(b"%d:%s," % (len(body), body))
        try:
            answer = await self.until(reply, _COMMAND_SECONDS, f"to answer `{command}`")
        finally:
            self._replies.pop(token, None)
        if answer.get("ok") is not True:
            raise PhoneFailed(f"phone {self.account.name}: `{command}` refused; see {self.log}")
        return str(answer.get("data", ""))

    async def until(self, wanted: asyncio.Future[T], seconds: float, what: str) -> T:
        """Wait, but not longer than the phone lives. Raises PhoneFailed."""
        either: set[asyncio.Future[Any]] = {wanted, self.gone}
        await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if wanted.done():
            return wanted.result()
        why = f"is gone; see {self.log}" if self.gone.done() else f"waited {seconds:g} s for it {what}"
        raise PhoneFailed(f"phone {self.account.name}: {why}")

    def kill(self) -> None:
        """As a phone that loses power: no BYE, no unregistering."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    async def stop(self) -> None:
        """Hang up, unregister, end; by force after some seconds."""
        process = self._process
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            try:
                async with asyncio.timeout(_STOP_SECONDS):
                    await process.wait()
            except TimeoutError:
                self.kill()
                await process.wait()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])
        if self._writer is not None:
            self._writer.close()
        if not self.gone.done():
            self.gone.set_result(None)

    def _prepare(self, says: Path, control: int) -> int:
        """Write what it reads; an open descriptor of its log."""
        if not _MODULES.is_dir():
            raise PhoneFailed(f"baresip: {_MODULES} is not there; install the package baresip-core")
        ensure_folder(self.folder)
        account = self.account
        files = {
            "config": _CONFIG.format(
                rtp=self.rtp,
                modules=_MODULES,
                control=control,
                listen=account.listen,
                trust="sip_cafile ca.pem\n" if account.ca else "",
            ).encode(),
            "accounts": account.line.encode(),
            "contacts": b"",
            "ca.pem": account.ca.read_bytes() if account.ca else b"",
        }
        for name, content in files.items():
            write_private(self.folder / name, content, replace=True)
        link = self.folder / "says.wav"
        link.unlink(missing_ok=True)
        link.symlink_to(says.resolve())
        return os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)

    async def _connect(self, control: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        process = self._process
        while process is not None and process.returncode is None:
            try:
                return await asyncio.open_connection("127.0.0.1", control, limit=_MESSAGE_AT_MOST)
            except ConnectionRefusedError:
                await asyncio.sleep(_RETRY)
        raise PhoneFailed(f"phone {self.account.name}: baresip ended at once; see {self.log}")

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                head = await reader.readuntil(b":")
                length = int(head[:-1])
                if not 0 < length <= _MESSAGE_AT_MOST:
                    raise ValueError("length")
                message = json.loads(await reader.readexactly(length))
                await reader.readexactly(1)
                if message.get("event"):
                    self._on_event(message)
                elif (reply := self._replies.get(str(message.get("token")))) and not reply.done():
                    reply.set_result(message)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, ValueError):
            pass  # ended, or speaks something else: gone either way, and who waits is told so
        finally:
            if not self.gone.done():
                self.gone.set_result(None)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
