"""A whole call centre on one machine: home, PBX, recorder, conductor, an agent's phone and a callee's.

The demo and the tests on the real PBX both run in one. Nothing in it is simulated: the processes are those of
`heedline serve`, the phones are baresip over TLS and SRTP.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from compliance.errors import BadInput, HeedlineError
from compliance.terms import Purpose
from heedline.bootstrap import open_database
from heedline.conductor_client import ConductorClient
from heedline.demo.numbers import purpose_at
from heedline.demo.phone import Phone
from heedline.demo.seed import seed
from heedline.home import Home
from heedline.initialise import DEFAULT_SETTINGS, initialise
from heedline.pbx import Instance
from heedline.processes.lifetime import only_one
from heedline.secrets import read_password, write_private
from heedline.settings import Settings
from storage.database import Database
from storage.errors import AlreadyThere
from storage.ledger.attempts import Attempt, AttemptState
from storage.ledger.campaigns import Campaign
from storage.ledger.events import CallEvent

AGENT_HZ = 440.0
CALLEE_HZ = 880.0
READY_S = 45.0
STOP_S = 40.0
MADE_BY_THE_DEMO = "# Made by the demo"
_LOOK_S = 0.05  # between two looks into the ledger: another process writes it, and SQLite gives no sign


@dataclass(frozen=True)
class Ports:
    """Where this world's PBX listens; RTP takes `rtp` to `rtp + 199` for it, and as many again for the phones."""

    ari: int = 8088
    ami: int = 5038
    sip: int = 5061
    rtp: int = 20000


@dataclass
class World:
    folder: Path
    ports: Ports = Ports()
    instance: str = "demo"
    agents: tuple[str, ...] = ("agent",)
    callees: tuple[str, ...] = ("callee",)
    extra: str = ""  # more TOML
    phones: dict[str, Phone] = field(default_factory=dict)
    server: asyncio.subprocess.Process | None = None

    def __post_init__(self) -> None:
        self.home = Home(self.folder.resolve())
        self.purpose = purpose_at(datetime.now(UTC))
        self.conductor = ConductorClient(self.home.conductor_socket)
        self._stack = AsyncExitStack()
        self._database: Database | None = None

    @property
    def settings(self) -> Settings:
        return Settings.load(self.home.settings_file)

    @property
    def pbx(self) -> Instance:
        return Instance(self.home, self.settings)

    @property
    def database(self) -> Database:
        if self._database is None:
            raise RuntimeError("the world is not open")
        return self._database

    # ── coming and going ────────────────────────────────────────────────────────────────────────────────────────

    async def prepare(self) -> None:
        """The home: settings for these phones, secrets, certificate, ledger. Adds only what is missing."""
        self.home.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._refuse_a_home_in_use()
        write_private(self.home.settings_file, self._toml().encode(), replace=True)
        await initialise(self.home)

    def _refuse_a_home_in_use(self) -> None:
        """Settings that a person wrote are not ours to replace. Raises BadInput."""
        file = self.home.settings_file
        if not file.exists():
            return
        written = file.read_text(errors="replace")
        if not written.startswith(MADE_BY_THE_DEMO) and written != DEFAULT_SETTINGS:
            raise BadInput(f"{file}: somebody's own settings; give the demo a folder of its own with --home")

    async def __aenter__(self) -> Self:
        await self.prepare()
        try:
            self._database = await open_database(self.home, self.settings)
            self._stack.push_async_callback(self._database.close)
            await seed(self.home, self._database, datetime.now(UTC))
            self._stack.push_async_callback(self.stop)  # before: what is interrupted while it starts is stopped too
            await self.serve()
            for index, name in enumerate((*self.agents, *self.callees)):
                await self._plug_in(name, index)
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def serve(self) -> None:
        """`heedline serve`, and wait until calls can be placed and recorded. Raises AlreadyRunning."""
        with only_one(self.home, "supervisor"):
            pass  # nobody else serves this home: what answers from here on is ours
        self.home.log.mkdir(mode=0o700, exist_ok=True)
        with (self.home.log / "serve.log").open("ab") as out:
            self.server = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "heedline",
                "serve",
                "--home",
                str(self.home.path),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        await self.ready()

    async def ready(self, seconds: float = READY_S) -> None:
        """Raises HeedlineError: the server ended, or can't place calls after that time."""
        if self.server is None:
            raise RuntimeError("the world is not open")
        ended = asyncio.ensure_future(self.server.wait())
        ready = asyncio.ensure_future(self.conductor.wait_ready())
        try:
            await asyncio.wait({ended, ready}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if not ready.done():
                raise HeedlineError(f"heedline serve did not get ready: {self.last_words()}")
        finally:
            for task in (ended, ready):
                task.cancel()
            await asyncio.gather(ended, ready, return_exceptions=True)

    def last_words(self) -> str:
        lines = (self.home.log / "serve.log").read_text(errors="replace").splitlines()
        return " | ".join(line.strip() for line in lines[-3:])

    async def stop(self) -> None:
        """SIGTERM, as systemd would; by force after a while."""
        server, self.server = self.server, None
        if server is None or server.returncode is not None:
            return
        server.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_S):
                await server.wait()
        except TimeoutError:
            server.kill()
            await server.wait()

    async def _plug_in(self, name: str, index: int) -> None:
        first = self.ports.rtp + 200 + index * 20
        phone = Phone(
            name,
            read_password(self.home, f"phone-{name}.password"),
            f"127.0.0.1:{self.ports.sip}",
            self.home.path / "phones" / name,
            ca=self.home.tls / "ca.pem",
            says=AGENT_HZ if name in self.agents else CALLEE_HZ,
            rtp=(first, first + 19),
        )
        self.phones[name] = await self._stack.enter_async_context(phone)

    def _toml(self) -> str:
        ports = self.ports
        head = f"""\
{MADE_BY_THE_DEMO}: one PBX, phones of agents and callees on loopback, every number rings the first callee's phone.
[pbx]
instance = "{self.instance}"
ari_port = {ports.ari}
ami_port = {ports.ami}
sip_tls_port = {ports.sip}
rtp_start = {ports.rtp}
rtp_end = {ports.rtp + 199}
"""
        phones = "".join(f'[[phones]]\nname = "{name}"\n' for name in self.agents)
        phones += "".join(f'[[phones]]\nname = "{name}"\nrole = "far_end"\n' for name in self.callees)
        return f'{head}{self.extra}\n{phones}[[routes]]\nprefix = "+"\nendpoint = "PJSIP/{self.callees[0]}"\n'

    # ── what a test or a demo asks of it ────────────────────────────────────────────────────────────────────────

    @property
    def agent(self) -> Phone:
        return self.phones[self.agents[0]]

    @property
    def callee(self) -> Phone:
        return self.phones[self.callees[0]]

    async def campaign(self, campaign: Campaign) -> None:
        """Add it, or leave the one of that name as it is asked for now. Sales only while anybody may be sold to."""
        if campaign.purpose == Purpose.TELEMARKETING.value:
            campaign = replace(campaign, purpose=self.purpose.value)
        async with self.database.begin() as tx:
            try:
                await tx.campaigns.add(campaign, by="demo")
            except AlreadyThere:
                await tx.campaigns.change(campaign, by="demo")

    async def place(self, number: str, campaign: str, agent: str | None = None) -> str:
        return await self.conductor.place(number, campaign, agent or self.agents[0], "demo")

    async def attempt(self, attempt: str) -> Attempt:
        async with self.database.read() as tx:
            return await tx.attempts.get(attempt)

    async def ended(self, attempt: str, seconds: float = 60.0) -> Attempt:
        """Wait for the attempt's disposition. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            async for _ in self.told(attempt):
                pass
        return await self.attempt(attempt)

    async def story(self, attempt: str) -> tuple[CallEvent, ...]:
        async with self.database.read() as tx:
            return await tx.events.of(attempt)

    async def told(self, attempt: str) -> AsyncIterator[CallEvent]:
        """The story as it is told, until the attempt has ended."""
        seen = 0
        while True:
            over = (await self.attempt(attempt)).state is AttemptState.ENDED
            lines = await self.story(attempt)
            for line in lines[seen:]:
                yield line
            seen = len(lines)
            if over:
                return
            await asyncio.sleep(_LOOK_S)

    async def until(self, attempt: str, kind: str, seconds: float = 30.0, **data: object) -> CallEvent:
        """Wait for a line of the story, of that kind and with these data. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while True:
                for line in await self.story(attempt):
                    if line.kind == kind and data.items() <= line.data.items():
                        return line
                await asyncio.sleep(_LOOK_S)

    def pid(self, name: str) -> int:
        """Of the `conductor` or the `recorder`."""
        return int((self.home.run / f"{name}.lock").read_text())

    def kill(self, name: str) -> None:
        """kill -9 the `conductor`, the `recorder` or the `pbx`."""
        if name == "pbx":
            self.pbx.kill()
        else:
            os.kill(self.pid(name), signal.SIGKILL)
