"""Calls set up a second: orders as fast as they are taken, against the dialplan; and twenty a second, none failing.

A call counts as set up when its callee hears the prompt: ordered, allowed, committed, dialled, answered, sounding.
The clock runs from the first order to the last callee's first packet; keys come only after that.
"""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

from bench.ground import Ground
from bench.sides import Side, until_over
from bench.sipp import FarEnd, far_end
from compliance.errors import HeedlineError

AT_ONCE = 16  # orders under way: enough that neither side waits for its next one
BURST_S = 30.0
KEY_AFTER_S = 0.3
TALK_S = 1.5
END_S = 30.0


@dataclass(frozen=True)
class Burst:
    side: str
    calls: int
    a_second: float


@dataclass(frozen=True)
class Steady:
    """`calls` at `rate` a second; `whole`: prompt, key, both parties talking, recorded and over in good order."""

    side: str
    calls: int
    rate: float
    whole: int


async def burst(side: Side, ground: Ground, folder: Path, calls: int) -> Burst:
    """Raises TimeoutError: not all were answered; HeedlineError: an order was refused."""
    ports = ground.bench_ports
    callees = FarEnd("callee", ports.callee, ports.callee_media, 5.0, hang_up_after=8.0)
    async with far_end(callees, calls, folder) as ears:
        await side.place(calls, 0)  # the warm-up: SIPp's first call is heard by nobody
        await asyncio.sleep(1.0)
        turn = asyncio.Semaphore(AT_ONCE)

        async def order(n: int) -> None:
            async with turn:
                await side.place(n, n + 1)

        began = time.monotonic()
        await asyncio.gather(*(order(n) for n in range(calls)))
        await ears.count(calls, BURST_S)
        seconds = max(ears.heard) - began
        await until_over(side, END_S)
    return Burst(side.name, calls, calls / seconds)


async def steady(side: Side, ground: Ground, folder: Path, calls: int, rate: float) -> Steady:
    """Whole calls at a rate; agents and numbers are taken in turn, so there must be enough for those under way."""
    ports = ground.bench_ports
    life = KEY_AFTER_S + TALK_S
    callees = FarEnd("callee", ports.callee, ports.callee_media, life + 1, {KEY_AFTER_S: "1"}, life)
    agents = FarEnd("agent", ports.agent, ports.agent_media, life + 3)
    agents_in_turn, numbers_in_turn = len(ground.names), min(len(ground.numbers), 100)
    recorded = await side.recorded()
    refused = 0
    async with far_end(callees, calls, folder), far_end(agents, calls, folder) as agent_ears:
        loop = asyncio.get_running_loop()
        began = loop.time()

        async def order(n: int) -> None:
            nonlocal refused
            try:
                await side.place(n % numbers_in_turn, n % agents_in_turn)
            except HeedlineError:
                refused += 1

        orders = []
        for n in range(calls):
            await asyncio.sleep(max(0.0, began + n / rate - loop.time()))
            orders.append(asyncio.ensure_future(order(n)))
        await asyncio.gather(*orders)
        try:
            await agent_ears.count(calls - 1, life + END_S)
        except TimeoutError:
            pass  # who was not heard is missing from `whole`
        await until_over(side, END_S)
        await asyncio.sleep(0.5)
        heard = len(agent_ears.heard) + 1
    return Steady(side.name, calls, rate, min(heard, await side.recorded() - recorded, calls - refused))
