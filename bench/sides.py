"""The two sides of a comparison: plain dialplan, and Heedline. Both do prompt, key, recording and bridge.

The dialplan's calls are placed over ARI (`originate` into its context, no application connected), Heedline's over
the conductor's socket: either way it is one local HTTP request a call, and its sender is not counted.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Protocol

from ari_app.ari import AriClient
from ari_app.ari.errors import NotFound
from bench.ground import CAMPAIGN, CONTEXT, Ground, cpu_seconds
from heedline.pbx import Instance

LOOK_S = 0.1


class Side(Protocol):
    name: str

    async def place(self, number: int, agent: int) -> None:
        """Call the n-th made-up number for the n-th agent. Raises HeedlineError: not taken."""

    async def live(self) -> int:
        """Calls going on."""

    async def recorded(self) -> int:
        """Recordings with sound in them so far: spool files of the dialplan, sealed ones of Heedline."""

    def cpu(self) -> dict[str, float]:
        """CPU seconds of each of its processes so far."""


class Dialplan:
    name = "dialplan"

    def __init__(self, ground: Ground, instance: Instance, ari: AriClient) -> None:
        self._ground, self._instance, self._ari = ground, instance, ari
        self._pids = ground.pids(serving=False)

    async def place(self, number: int, agent: int) -> None:
        await self.originate(f"PJSIP/{self._ground.numbers[number].e164}@sipp", self._ground.names[agent])

    async def originate(self, endpoint: str, agent: str) -> None:
        await self._ari.channels.originate(
            endpoint=endpoint,
            context=CONTEXT,
            extension="call",
            priority=1,
            timeout=CAMPAIGN.ring_seconds,
            callerId=CAMPAIGN.caller_id,
            variables={"AGENT": agent},
        )

    async def hang_up_all(self) -> None:
        for channel in await self._ari.channels.list():
            with contextlib.suppress(NotFound):
                await self._ari.channels.hangup(channelId=channel.id)

    async def live(self) -> int:
        return len(await self._ari.channels.list())

    async def recorded(self) -> int:
        return sum(file.stat().st_size > 0 for file in self._instance.spool.glob("*.raw"))

    def cpu(self) -> dict[str, float]:
        return {name: cpu_seconds(pid) for name, pid in self._pids.items()}


class Heedline:
    name = "heedline"

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._pids = ground.pids(serving=True)

    async def place(self, number: int, agent: int) -> None:
        ground = self._ground
        await ground.conductor.place(ground.numbers[number].e164, CAMPAIGN.name, ground.names[agent], "bench")

    async def live(self) -> int:
        return len(await self._ground.conductor.calls())

    async def recorded(self) -> int:
        async with self._ground.database.read() as tx:
            return sum(recording.sealed is not None for recording in await tx.recordings.list(limit=100_000))

    def cpu(self) -> dict[str, float]:
        return {name: cpu_seconds(pid) for name, pid in self._pids.items()}


@contextlib.asynccontextmanager
async def dialplan(ground: Ground) -> AsyncIterator[Dialplan]:
    async with (
        ground.bare() as instance,
        AriClient(f"http://127.0.0.1:{ground.ports.ari}", "heedline", instance.ari_password) as ari,
    ):
        yield Dialplan(ground, instance, ari)


@contextlib.asynccontextmanager
async def heedline(ground: Ground) -> AsyncIterator[Heedline]:
    async with ground.served():
        yield Heedline(ground)


async def until_over(side: Side, seconds: float) -> None:
    """Until no call goes on. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while await side.live():
            await asyncio.sleep(LOOK_S)
