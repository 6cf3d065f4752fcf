"""A real Asterisk for the tests of ARI, AMI and FastAGI: one for all of them, on ports of its own."""

import asyncio
import datetime
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ari_app.ami import AmiClient
from ari_app.ari import AriClient, AriSession
from ari_app.ari.events import StasisStart
from ari_app.ari.models import Channel
from heedline.home import Home
from heedline.pbx import AMI_USER, ARI_USER, Instance, find_asterisk
from heedline.pbx.errors import AsteriskMissing
from heedline.secrets import ensure_folder
from heedline.settings import Pbx, Phone, Settings
from heedline.tls import ensure_certificate

FAR_ENDS = """
[far]
exten => answer,1,Answer()
 same => n,Wait(600)
exten => ring,1,Ringing()
 same => n,Wait(600)
exten => busy,1,Busy(1)
exten => talk,1,Answer()
 same => n,Milliwatt()
exten => nine,1,Answer()
 same => n,Wait(0.3)
 same => n,SendDTMF(9)
 same => n,Wait(600)
exten => agi,1,Answer()
 same => n,AGI(${AGI_URL},"one, two")
 same => n,Wait(600)
"""


def free_ports(count: int) -> list[int]:
    """TCP ports nobody listens on at this moment."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [int(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return ports


async def dialled(session: AriSession, ari: AriClient, far: str, channel_id: str, app_args: str = "") -> Channel:
    """A channel of the session's application whose far end is ``far``, just dialled.

    ``dial`` before StasisStart is a race that Asterisk answers with 409: ``create`` returns a moment before the
    channel has entered the application. The items up to StasisStart are taken from the session.
    """
    channel = await ari.channels.create(
        endpoint=f"Local/{far}@far/n", app=session.app, appArgs=app_args, channelId=channel_id, formats="ulaw"
    )
    async with asyncio.timeout(5):
        async for item in session:
            if isinstance(item, StasisStart) and item.channel.id == channel_id:
                break
    await ari.channels.dial(channelId=channel_id, timeout=20)
    return channel


@dataclass(frozen=True)
class RealPbx:
    instance: Instance

    def ari(self, **options: float) -> AriClient:
        return AriClient(self.instance.ari_url, ARI_USER, self.instance.ari_password, **options)  # type: ignore[arg-type]

    def ami(self, secret: str | None = None) -> AmiClient:
        return AmiClient("127.0.0.1", self.instance.ami_port, AMI_USER, secret or self.instance.ami_password)


@pytest.fixture(scope="session")
def pbx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealPbx]:
    try:
        asterisk = find_asterisk()
    except AsteriskMissing as error:
        pytest.skip(str(error))
    ari, ami, sip = free_ports(3)
    home = Home(tmp_path_factory.mktemp("p"))
    settings = Settings(
        pbx=Pbx(instance="peer", ari_port=ari, ami_port=ami, sip_tls_port=sip), phones=(Phone(name="alice"),)
    )
    for folder in (home.path, home.secrets, home.tls):
        ensure_folder(folder)
    ensure_certificate(home, settings.pbx.sip_address, datetime.datetime.now(datetime.UTC))
    instance = Instance(home, settings, asterisk)
    _add_far_ends(instance.layout.local)
    asyncio.run(instance.up())
    yield RealPbx(instance)
    asyncio.run(instance.down())


@pytest.fixture
async def ari(pbx: RealPbx) -> AsyncIterator[AriClient]:
    async with pbx.ari() as client:
        yield client


@pytest.fixture
async def ami(pbx: RealPbx) -> AsyncIterator[AmiClient]:
    client = pbx.ami()
    await client.connect()
    yield client
    await client.close()


def _add_far_ends(folder: Path) -> None:
    for each in (folder.parent.parent, folder.parent, folder):
        ensure_folder(each)
    (folder / "extensions.conf").write_text(FAR_ENDS)
    (folder / "modules.conf").write_text("load = app_senddtmf.so\nload = app_milliwatt.so\n")
