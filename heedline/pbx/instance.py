"""One Asterisk instance: up, down, status. Several live side by side, told apart by name, ports and folders."""

import asyncio
import contextlib
import datetime
import fcntl
import os
import signal
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from heedline.home import Home
from heedline.pbx import process
from heedline.pbx.asterisk import Asterisk, find_asterisk
from heedline.pbx.errors import PbxUnhealthy, PortTaken
from heedline.pbx.health import Health, probe
from heedline.pbx.layout import Layout
from heedline.pbx.render import render
from heedline.pbx.spool import ensure_ram_spool, is_ram, release_ram_spool, spool_folder
from heedline.secrets import ensure_folder, read_password
from heedline.settings import Settings
from heedline.tls import read_certificate

BOOT_SECONDS = 30.0
STOP_SECONDS = 8.0
_LOG_TAIL = 15
_RETRY = 0.05  # s between two looks at a PBX that is starting: it gives no earlier sign


@dataclass(frozen=True)
class Status:
    """What `heedline pbx status` says."""

    instance: str
    running: bool
    pid: int | None
    uptime_seconds: float | None
    version: str | None
    ari_url: str
    ari: bool
    ami_port: int
    ami: bool
    sip_tls_port: int
    sip_udp_port: int
    spool: str
    spool_in_ram: bool
    configuration_current: bool
    problem: str

    @property
    def healthy(self) -> bool:
        return self.running and self.ari and self.ami


class Instance:
    """The PBX `settings.pbx` describes, with all it keeps under home/pbx/<instance>."""

    def __init__(self, home: Home, settings: Settings, asterisk: Asterisk | None = None) -> None:
        self.home = home
        self.settings = settings
        self.name = settings.pbx.instance
        self.layout = Layout(home.pbx(self.name))
        self._asterisk = asterisk

    @property
    def asterisk(self) -> Asterisk:
        """The Asterisk it runs on. Raises AsteriskMissing."""
        if self._asterisk is None:
            self._asterisk = find_asterisk()
        return self._asterisk

    @property
    def ari_url(self) -> str:
        """Base of the REST interface, `http://127.0.0.1:<port>/ari`; the password is secrets/ari.password."""
        return f"http://127.0.0.1:{self.settings.pbx.ari_port}/ari"

    @property
    def ami_port(self) -> int:
        return self.settings.pbx.ami_port

    @property
    def ari_password(self) -> str:
        return read_password(self.home, "ari.password")

    @property
    def ami_password(self) -> str:
        return read_password(self.home, "ami.password")

    @property
    def spool(self) -> Path:
        """The RAM spool: MixMonitor writes here."""
        return spool_folder(self.home, self.settings)

    @property
    def running(self) -> process.Running | None:
        return process.find(self.layout)

    async def up(self) -> bool:
        """Start and wait until calls can be made; False when it was up already.

        Raises PbxUnhealthy with the end of its log, PortTaken, SpoolNotRam, AsteriskMissing, CertificateBad, BadInput.
        """
        ensure_folder(self.layout.folder)
        async with self._lock():
            running = process.find(self.layout)
            if running:
                await self._healthy(running)
                return False
            read_certificate(self.home).check(datetime.datetime.now(datetime.UTC))
            self.layout.make()
            rendered = render(self.home, self.settings, self.asterisk, self.layout)
            self._check_ports()
            ensure_ram_spool(self.home, self.settings)
            process.forget(self.layout)
            rendered.write(self.layout.etc)
            for log in (self.layout.messages, self.layout.console):
                if log.exists():
                    log.replace(log.with_name(f"{log.name}.1"))
            running = process.start(self.asterisk, self.layout, rendered.digest)
            try:
                await self._healthy(running)
            except BaseException:
                await process.stop(running, 1.0)
                process.forget(self.layout)
                release_ram_spool(self.home, self.settings)
                raise
            return True

    async def down(self) -> bool:
        """Stop it: calls are hung up, then the process ends, by force after some seconds. False when it was down."""
        ensure_folder(self.layout.folder)
        async with self._lock():
            running = process.find(self.layout)
            if running:
                await process.stop(running, STOP_SECONDS)
            process.forget(self.layout)
            release_ram_spool(self.home, self.settings)
            return running is not None

    def kill(self) -> bool:
        """SIGKILL, as a crash would end it; nothing is tidied. False when it was down."""
        running = process.find(self.layout)
        return running is not None and process.send(running, signal.SIGKILL)

    async def ended(self, seconds: float) -> bool:
        """Wait until the process is gone, at most that long."""
        running = process.find(self.layout)
        return running is None or await process.ended(running, seconds)

    async def health(self, seconds: float = 3.0) -> Health:
        """AMI FullyBooted and ARI answering, with the passwords in secrets/."""
        pbx = self.settings.pbx
        return await probe(pbx.ari_port, pbx.ami_port, self.ari_password, self.ami_password, seconds)

    async def status(self) -> Status:
        """All of it at once; never raises for a PBX that is merely down."""
        running = process.find(self.layout)
        health = await self.health() if running else Health(False, False, "not running; `heedline pbx up` starts it")
        pbx = self.settings.pbx
        return Status(
            instance=self.name,
            running=running is not None,
            pid=running.pid if running else None,
            uptime_seconds=round(running.uptime(), 1) if running else None,
            version=running.version if running else None,
            ari_url=self.ari_url,
            ari=health.ari,
            ami_port=pbx.ami_port,
            ami=health.ami,
            sip_tls_port=pbx.sip_tls_port,
            sip_udp_port=pbx.sip_udp_port,
            spool=str(self.spool),
            spool_in_ram=is_ram(self.spool),
            configuration_current=running is None or running.digest == self._digest(),
            problem=health.problem,
        )

    def log_tail(self, lines: int = _LOG_TAIL) -> tuple[str, ...]:
        """The end of what it said: console first (why it could not start), then warnings and errors."""
        said: list[str] = []
        for file in (self.layout.console, self.layout.messages):
            with contextlib.suppress(FileNotFoundError):
                said += file.read_text(errors="replace").splitlines()[-lines:]
        return tuple(said[-lines:])

    def _digest(self) -> str:
        return render(self.home, self.settings, self.asterisk, self.layout).digest

    async def _healthy(self, running: process.Running) -> None:
        ended = asyncio.create_task(process.ended(running, BOOT_SECONDS))
        problem = ""
        try:
            async with asyncio.timeout(BOOT_SECONDS):
                while not ended.done():
                    health = await self.health(seconds=BOOT_SECONDS)
                    if health.ok:
                        return
                    problem = health.problem
                    if health.refused:
                        break
                    await asyncio.wait([ended], timeout=_RETRY)
        except TimeoutError:
            problem = f"not ready after {BOOT_SECONDS:g} s: {problem}"
        finally:
            ended.cancel()
        if not running.alive():
            problem = "Asterisk ended while starting"
        raise PbxUnhealthy(f"PBX {self.name!r}: {problem}; see {self.layout.log}", self.log_tail())

    def _check_ports(self) -> None:
        pbx = self.settings.pbx
        family = socket.AF_INET6 if ":" in pbx.sip_address else socket.AF_INET
        wanted = [
            ("ari_port", pbx.ari_port, "127.0.0.1", socket.AF_INET, socket.SOCK_STREAM),
            ("ami_port", pbx.ami_port, "127.0.0.1", socket.AF_INET, socket.SOCK_STREAM),
            ("sip_tls_port", pbx.sip_tls_port, pbx.sip_address, family, socket.SOCK_STREAM),
        ]
        if pbx.sip_udp_port:
            wanted.append(("sip_udp_port", pbx.sip_udp_port, pbx.sip_address, family, socket.SOCK_DGRAM))
        for key, port, address, kind, way in wanted:
            with socket.socket(kind, way) as test:
                if way == socket.SOCK_STREAM:
                    test.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # TIME_WAIT does not count
                try:
                    test.bind((address, port))
                except OSError as error:
                    raise PortTaken(
                        f"pbx.{key}: {address} port {port} cannot be had ({os.strerror(error.errno or 0)}); "
                        f"stop what listens there or choose another in {self.home.settings_file}"
                    ) from None

    @contextlib.asynccontextmanager
    async def _lock(self) -> AsyncIterator[None]:
        """Of two `up` or `down` at once, one waits for the other."""
        descriptor = os.open(self.layout.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            await asyncio.to_thread(fcntl.flock, descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)
