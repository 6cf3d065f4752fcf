"""Asterisk's side of the AGI door without an Asterisk: a real ledger, a real recorder, a dialplan that does as told."""

import asyncio
import re
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from agi import AgiServer, Desk, Door
from agi.desk import Offer
from agi.door import OFFERS
from compliance import Gate, load_packs
from compliance.errors import HeedlineError
from compliance.facts import Reassigned, Registry
from compliance.number import Number
from compliance.rules.attempt_in_flight import NoAttemptInFlight
from compliance.rules.internal_dnc import InternalDnc
from storage.audit import CheckpointSigner, origin_of
from storage.database import Database, sqlite_url, upgrade
from storage.dossier import Dossier, Places
from storage.ledger.attempts import Attempt
from storage.ledger.journal import OptOutJournal
from storage.numbers import NumberKeys
from storage.registry import ListVersion
from storage.vault.client import RecorderClient
from tests.storage.builders import campaign
from tests.storage.vault.world import SETTINGS, MixMonitor, World, audio, now, ram_folder, remove

SETTING = re.compile(r'SET VARIABLE "(?:__)?(\w+)" "((?:[^"\\]|\\.)*)"\n')
SAID = 3 * 32_768
PLACES = Places("US-NY", "US-NY", "US-NY")
UNIQUE = "1763765000.17"


class NoLists:
    """The national list, on which one number stands."""

    def check(self, number: Number) -> dict[str, Registry]:
        return {"us.ftc.ndnc": Registry(number.e164.endswith("0199"), now().date())}

    def reassigned(self, number: Number) -> Reassigned | None:
        return None

    def lists(self) -> tuple[ListVersion, ...]:
        return ()


@dataclass
class Dialplan:
    """One AGI() after the other on one channel. `variables`: what they have set, `order`: in this order."""

    port: int
    unique: str = UNIQUE
    variables: dict[str, str] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    monitor: MixMonitor | None = None
    said: bytes = b""
    hangs_up_at: str = ""  # a command's beginning: the channel goes away instead of answering
    refuses: str = ""
    hears: Callable[[str], object] = lambda line: None  # every command, before it is obeyed

    async def agi(self, path: str, *arguments: str, raw: bytes | None = None) -> dict[str, str]:
        """Until the connection is closed; what this one has set."""
        lines = [f"agi_network_script: {path}", f"agi_uniqueid: {self.unique}", "agi_channel: PJSIP/a-1"]
        lines += [f"agi_arg_{place}: {text}" for place, text in enumerate(arguments, 1)]
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(raw if raw is not None else ("\n".join(lines) + "\n\n").encode())
        found: dict[str, str] = {}
        try:
            async with asyncio.timeout(15):
                while line := (await reader.readline()).decode():
                    if self.hangs_up_at and line.startswith(self.hangs_up_at):
                        break
                    if setting := SETTING.fullmatch(line):
                        found[setting[1]] = setting[2]
                        self.order.append(setting[1])
                    writer.write(self._obey(line))
        except ConnectionError:
            pass
        finally:
            writer.close()
        self.variables |= found
        return found

    def hang_up(self) -> None:
        """MixMonitor ends with its channel."""
        if self.monitor is not None:
            self.monitor.stop()
            self.monitor = None

    def _obey(self, line: str) -> bytes:
        self.hears(line)
        if self.refuses and line.startswith(self.refuses):
            return b"200 result=-2\n"
        if line.startswith('EXEC "MixMonitor"'):
            file = line.split('"')[3].partition(",")[0]
            self.monitor = MixMonitor(Path(file))
            self.said = audio(SAID)
            self.monitor.write(self.said)
        if line.startswith('EXEC "StopMixMonitor"'):
            self.hang_up()
        return b"200 result=0\n" if line.startswith("EXEC") else b"200 result=1\n"


@dataclass
class Shop:
    """A door with all behind it. `there`: the channels of the PBX; None: it can't be asked."""

    world: World
    desk: Desk
    port: int
    there: set[str] | None = field(default_factory=lambda: {UNIQUE})

    def dialplan(self, **options: Any) -> Dialplan:
        return Dialplan(self.port, **options)

    async def allowed(self, number: str = "+12125550123", name: str = "spring", **options: Any) -> Dialplan:
        """A dialplan whose call the gate has allowed."""
        found = self.dialplan(**options)
        await found.agi("gate", number, name)
        assert found.variables["HEEDLINE_DECISION"] == "allow", found.variables
        return found

    async def attempts(self) -> list[Attempt]:
        async with self.desk.database.read() as tx:
            return list(await tx.attempts.list(100))

    async def attempt(self, attempt: str) -> Attempt:
        async with self.desk.database.read() as tx:
            return await tx.attempts.get(attempt)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Another program holds the ledger's write lock."""
        other = sqlite3.connect(self.world.ledger, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            other.execute("ROLLBACK")
            other.close()


@pytest.fixture(scope="session")
def blank_ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("agi-ledger") / "ledger.sqlite3"
    asyncio.run(upgrade(sqlite_url(file)))
    return file


@asynccontextmanager
async def open_shop(folder: Path, blank: Path, offers: dict[str, Offer] | None = None) -> AsyncIterator[Shop]:
    file = Path(shutil.copy(blank, folder / "ledger.sqlite3"))
    signer = CheckpointSigner(origin_of("main"), b"n" * 32)
    database = await Database.open(sqlite_url(file), NumberKeys(b"l" * 32, b"s" * 32), signer)
    spool = await asyncio.to_thread(ram_folder)
    world = World(folder, database, file, spool)
    shop: Shop

    async def channels() -> frozenset[str]:
        if shop.there is None:
            raise HeedlineError("the PBX can't be asked")
        return frozenset(shop.there)

    try:
        await world.keyring().publish_ahead(now(), SETTINGS.retention_days)
        async with database.begin() as tx:
            for made in (
                campaign(),
                campaign("strict", recording="explicit"),
                campaign("never", recording="none"),
                campaign("must", recording="none", recording_required=True),
            ):
                await tx.campaigns.add(made)
        async with (
            world.serving() as recorder,
            AgiServer("127.0.0.1", 0, header_seconds=0.5, command_seconds=2) as server,
        ):
            desk = _desk(database, world, recorder, channels, folder)
            Door(desk, offers).open(server)
            shop = Shop(world, desk, server.port)
            yield shop
    finally:
        await database.close()
        await asyncio.to_thread(remove, spool)


def _desk(database: Database, world: World, recorder: RecorderClient, channels: Any, folder: Path) -> Desk:
    packs, lists = load_packs(), NoLists()
    return Desk(
        database,
        Dossier(database, lists, PLACES, packs),
        lists,
        Gate((InternalDnc(), NoAttemptInFlight()), packs),
        packs,
        recorder,
        OptOutJournal(folder / "optouts.journal"),
        world.spool,
        channels,
        "US",
    )


@pytest_asyncio.fixture
async def shop(tmp_path: Path, blank_ledger: Path) -> AsyncIterator[Shop]:
    async with open_shop(tmp_path, blank_ledger) as opened:
        yield opened


def hurried(**seconds: float) -> dict[str, Offer]:
    """The offers with less time."""
    return OFFERS | {path: replace(OFFERS[path], seconds=time) for path, time in seconds.items()}
