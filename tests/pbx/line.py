"""A thin conductor for tests of phones and prompts: ARI by hand, events awaited."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from ari_app.ari import AriClient, AriSession, LinkDown, LinkUp
from ari_app.ari.events import ChannelDestroyed, ChannelDtmfReceived, ChannelStateChange, PlaybackFinished, StasisStart
from heedline.pbx import ARI_USER, Instance

E = TypeVar("E")
APP = "line-test"


class Line:
    """Everything the PBX said, and ways to wait for it."""

    def __init__(self, client: AriClient) -> None:
        self.client = client
        self.seen: list[object] = []
        self._more = asyncio.Condition()

    async def take(self, session: AriSession) -> None:
        async for item in session:
            async with self._more:
                self.seen.append(item)
                self._more.notify_all()

    async def wait(self, kind: type[E], test: Callable[[E], bool] = lambda item: True, seconds: float = 10.0) -> E:
        """The first such event ever seen, or still to come."""
        async with asyncio.timeout(seconds), self._more:
            while True:
                for item in self.seen:
                    if isinstance(item, kind) and test(item):
                        return item
                await self._more.wait()

    async def call(self, channel: str, phone: str, *, timeout: int = 20) -> None:
        """Dial a phone; returns once Asterisk has the INVITE to send."""
        await self.client.channels.create(endpoint=f"PJSIP/{phone}", app=APP, channelId=channel, formats="ulaw")
        await self.wait(StasisStart, lambda event: event.channel.id == channel)
        await self.client.channels.dial(channelId=channel, timeout=timeout)

    async def up(self, channel: str) -> None:
        await self.wait(ChannelStateChange, lambda event: event.channel.id == channel and event.channel.state == "Up")

    async def destroyed(self, channel: str, seconds: float = 10.0) -> ChannelDestroyed:
        return await self.wait(ChannelDestroyed, lambda event: event.channel.id == channel, seconds)

    async def played(self, playback: str, seconds: float = 20.0) -> PlaybackFinished:
        return await self.wait(PlaybackFinished, lambda event: event.playback.id == playback, seconds)

    def digits(self, channel: str) -> str:
        keys = (item for item in self.seen if isinstance(item, ChannelDtmfReceived))
        return "".join(key.digit for key in keys if key.channel.id == channel)

    async def digits_become(self, channel: str, wanted: str, seconds: float = 5.0) -> None:
        await self.wait(ChannelDtmfReceived, lambda event: self.digits(channel) == wanted, seconds)

    async def bridge(self, name: str, *channels: str) -> None:
        await self.client.bridges.createWithId(bridgeId=name, type="mixing")
        for channel in channels:
            await self.client.bridges.addChannel(bridgeId=name, channel=channel, absorbDTMF=True)

    async def hang_up(self, channel: str) -> None:
        await self.client.channels.hangup(channelId=channel)


@asynccontextmanager
async def open_line(instance: Instance) -> AsyncIterator[Line]:
    """Our application connected; every channel left over is hung up in the end."""
    url = instance.ari_url.removesuffix("/ari")
    async with AriClient(url, ARI_USER, instance.ari_password) as client, AriSession(client, APP) as session:
        line = Line(client)
        taking = asyncio.create_task(line.take(session))
        try:
            await line.wait(LinkUp)
            yield line
            assert not any(isinstance(item, LinkDown) for item in line.seen)
        finally:
            left = await client.channels.list()
            for channel in left:
                await client.channels.hangup(channelId=channel.id)
            for channel in left:
                await line.destroyed(channel.id)
            for bridge in await client.bridges.list():
                await client.bridges.destroy(bridgeId=bridge.id)
            taking.cancel()
            await asyncio.gather(taking, return_exceptions=True)
