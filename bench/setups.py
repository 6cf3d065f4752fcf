"""Calls set up a second: orders as fast as they are taken, against the dialplan; and twenty a second, none failing.

In a burst the clock runs from the first order until the last callee hears the prompt, and until the last agent hears
the callee: then every call has been allowed, committed, dialled, answered, prompted, agreed to by key, recorded and
bridged. Each callee presses the key 0.3 s after the answer, on both sides.
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
BURST_TALK_S = 7.0
END_S = 30.0


@dataclass(frozen=True)
class Burst:
    """Calls a second until the prompt sounds, and until the parties talk."""

    side: str
    calls: int
    prompted: float
    talking: float


@dataclass(frozen=True)
class Steady:
    """`calls` at `rate` a second; `whole`: prompt, key, both parties talking, recorded and over in good order."""

    side: str
    calls: int
    rate: float
    whole: int


async def burst(side: Side, ground: Ground, folder: Path, calls: int) -> Burst:
    """Raises TimeoutError: not all got to talk; HeedlineError: an order was refused."""
    ports = ground.bench_ports
    hold = KEY_AFTER_S + BURST_TALK_S
    callees = FarEnd("callee", ports.callee, ports.callee_media, hold + 1, {KEY_AFTER_S: "1"}, hold)
    agents = FarEnd("agent", ports.agent, ports.agent_media, hold + 3)
    async with far_end(callees, calls, folder) as heard, far_end(agents, calls, folder) as agents_heard:
        await side.place(calls, calls)  # the warm-up: SIPp's first call is heard by nobody
        await asyncio.sleep(2.0)
        turn = asyncio.Semaphore(AT_ONCE)

        async def order(n: int) -> None:
            async with turn:
                await side.place(n, n)

        began = time.monotonic()
        await asyncio.gather(*(order(n) for n in range(calls)))
        await agents_heard.count(calls, BURST_S)
        prompted, talking = (calls / (max(ears.heard) - began) for ears in (heard, agents_heard))
        await until_over(side, END_S)
    return Burst(side.name, calls, prompted, talking)


async def steady(side: Side, ground: Ground, folder: Path, calls: int, rate: float) -> Steady:
    """Whole calls at a rate; agents and numbers are taken in turn, so there must be enough for those under way."""
    ports = ground.bench_ports
    life = KEY_AFTER_S + TALK_S
    callees = FarEnd("callee", ports.callee, ports.callee_media, life + 1, {KEY_AFTER_S: "1"}, life)
    agents = FarEnd("agent", ports.agent, ports.agent_media, life + 3)
    agents_in_turn, numbers_in_turn = len(ground.names), len(ground.numbers)
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
