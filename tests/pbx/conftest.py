"""One PBX for the whole session, with an agent's phone and a callee's: `world`, `agent`, `callee`."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ari_app.prompts import Prompts
from ari_app.wording import languages
from heedline.demo.phone import Phone
from heedline.pbx import Instance, phone_secret
from heedline.secrets import read_password
from heedline.settings import Phone as PhoneSetting
from heedline.settings import Settings
from tests.pbx.switch import new_instance, settings_for

AGENT_HZ = 440.0
CALLEE_HZ = 1000.0
PHONES = (
    PhoneSetting(name="agent"),
    PhoneSetting(name="callee", role="far_end"),
    PhoneSetting(name="plain", role="far_end", transport="udp"),
)


@dataclass(frozen=True)
class World:
    """A running PBX, its phones' passwords, rendered prompts, and room for files."""

    instance: Instance
    prompts: Prompts
    folder: Path

    @property
    def settings(self) -> Settings:
        return self.instance.settings

    def phone(self, name: str, **how: Any) -> Phone:
        """A phone of PHONES, not started; keywords as Phone's. Each gets a folder of its own."""
        setting = next(phone for phone in PHONES if phone.name == name)
        pbx = self.settings.pbx
        tls = setting.transport == "tls"
        how = {
            "password": read_password(self.instance.home, phone_secret(name)),
            "registrar": f"{pbx.sip_address}:{pbx.sip_tls_port if tls else pbx.sip_udp_port}",
            "folder": self.folder / f"phone-{name}",
            "ca": self.instance.home.tls / "ca.pem" if tls else None,
            "says": AGENT_HZ if name == "agent" else CALLEE_HZ,
            **how,
        }
        return Phone(name, **how)


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Up once, down at the end of the session."""
    folder = tmp_path_factory.mktemp("world")
    instance = asyncio.run(new_instance(folder / "home", settings_for("world", PHONES)))
    prompts = Prompts(instance.home.prompts)
    for language in languages():
        prompts.render(language)
    asyncio.run(instance.up())
    try:
        yield World(instance, prompts, folder)
    finally:
        asyncio.run(instance.down())


@pytest.fixture
async def agent(world: World) -> AsyncIterator[Phone]:
    """A registered phone that accepts and says AGENT_HZ."""
    async with world.phone("agent") as phone:
        yield phone


@pytest.fixture
async def callee(world: World) -> AsyncIterator[Phone]:
    """A registered phone that accepts and says CALLEE_HZ."""
    async with world.phone("callee") as phone:
        yield phone


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    """For tests that start phones of their own making."""
    async with AsyncExitStack() as opened:
        yield opened
