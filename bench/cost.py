"""CPU per concurrent recorded call: Asterisk + conductor + recorder against Asterisk doing it from plain dialplan.

Both sides talk at the same time, each on an Asterisk of its own. One after the other, the same Asterisk with the same
calls takes between one and two times its CPU, as the clock and the neighbours of the machine have it.
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from bench.ground import Ground
from bench.sides import Side, until_over
from bench.sipp import FarEnd, far_end

KEY_AFTER_S = 1.0
MARGIN_S = 8.0  # from the last call's order until its parties talk, on both sides
END_S = 20.0


@dataclass(frozen=True)
class Cost:
    """CPU of one side at so many calls, in seconds; `by` process, steady and whole."""

    side: str
    calls: int
    steady: float  # a second, all calls
    whole: float  # over the life of all calls
    by: dict[str, float]
    whole_by: dict[str, float]
    life: float  # of a call, from answer to hang-up

    @property
    def per_call(self) -> float:
        """Share of a core a talking call takes."""
        return self.steady / self.calls

    def of_life(self, seconds: float) -> float:
        """CPU seconds of a call that lasts so long: what it takes to set up and end, and the talk."""
        return self.whole / self.calls + self.per_call * (seconds - self.life)


async def measure(
    side: Side, ground: Ground, folder: Path, calls: int, rate: float, window: float, both: asyncio.Barrier
) -> Cost:
    """So many calls, `rate` orders a second, all talking for `window` seconds while the other side's do.

    Raises TimeoutError: some never talked; BrokenBarrierError: the other side's never did.
    """
    hold = calls / rate + MARGIN_S + window + 1
    ports = ground.bench_ports
    callees = FarEnd("callee", ports.callee, ports.callee_media, hold + 2, {KEY_AFTER_S: "1"}, hold)
    agents = FarEnd("agent", ports.agent, ports.agent_media, hold + 4)
    recorded = await side.recorded()
    async with far_end(callees, calls, folder), far_end(agents, calls, folder) as agent_ears:
        start = side.cpu()
        loop = asyncio.get_running_loop()
        began = loop.time()
        orders = []
        for n in range(calls):
            await asyncio.sleep(max(0.0, began + n / rate - loop.time()))
            orders.append(asyncio.ensure_future(side.place(n, n)))
        await asyncio.gather(*orders)
        await agent_ears.count(calls - 1, MARGIN_S)
        await both.wait()
        before, at = side.cpu(), loop.time()
        await asyncio.sleep(window)
        after, seconds = side.cpu(), loop.time() - at
        await both.wait()  # nobody hangs up while the other still measures
        await asyncio.sleep(MARGIN_S)
        await until_over(side, END_S + hold)
        async with asyncio.timeout(END_S):
            while await side.recorded() - recorded < calls:
                await asyncio.sleep(0.1)
        end = side.cpu()
    by = {name: (after[name] - before[name]) / seconds for name in after}
    whole = {name: end[name] - start[name] for name in end}
    return Cost(side.name, calls, sum(by.values()), sum(whole.values()), by, whole, hold)
