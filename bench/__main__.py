"""`python -m bench`: every figure of docs/performance.md, each with its bare alternative in the same run.

Needs root (SIPp presses keys through a raw socket), SIPp, and an Asterisk that `heedline pbx` would use. Works in a
folder of its own, stops what it started and removes the folder.
"""

import asyncio
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bench import cost as costs
from bench import gate as gates
from bench import latency as waits
from bench import recorder as sealing
from bench import registry as registries
from bench import setups as rates
from bench import verdicts as rules
from bench.ground import BenchPorts, Ground
from bench.report import Figure, as_json, at_least, at_most, machine, show
from bench.sides import Side, dialplan, heedline
from compliance.errors import HeedlineError

PARTS = ("cost", "setups", "latency", "recorder", "verdicts", "gate", "registry")
HELD, MISSED, BROKEN = 0, 1, 2


@dataclass(frozen=True)
class Size:
    """How much is measured; `minutes` bounds each part."""

    cost_calls: tuple[int, ...]
    cost_window: float
    cost_rounds: int
    burst_calls: int
    burst_rounds: int
    steady_calls: int
    latency_calls: int
    latency_samples: int
    minutes: float
    facts: int = 40_000
    facts_runs: int = 3
    ledger_rows: int = 1_000_000
    lists: registries.Sizes = registries.FULL


FULL = Size((20, 50, 100), 15.0, 3, 100, 3, 400, 50, 200, 20.0)
QUICK = Size((20, 50), 8.0, 1, 50, 2, 100, 50, 40, 5.0, lists=registries.QUICK)
TINY = Size((3,), 1.0, 1, 4, 1, 4, 6, 4, 2.0, facts=500, facts_runs=1, ledger_rows=2_000, lists=registries.TINY)
SIZES = {"full": FULL, "quick": QUICK, "tiny": TINY}
LONG_S = 180.0
RATE = 20.0  # orders a second in the cost rounds
STEADY_RATE = 20.0
Maker = Callable[[Ground], AbstractAsyncContextManager[Side]]


class Bench:
    def __init__(self, folder: Path, ports: BenchPorts, size: Size, say: Callable[[str], None]) -> None:
        self.size, self.say = size, say
        self.folder, self.ports = folder, ports
        self.figures: list[Figure] = []

    def ground(self, name: str, agents: int, probes: int = 0, ports: BenchPorts | None = None) -> Ground:
        folder = self.folder / name
        folder.mkdir()
        return Ground(folder, ports or self.ports, agents, probes)

    async def cost(self) -> None:
        """Both sides at the same time, so that whatever the machine does hits both."""
        for calls in self.size.cost_calls:
            steady, whole, long, shares = [], [], [], []
            grounds = self.ground(f"c{calls}", calls), self.ground(f"d{calls}", calls, ports=self.ports.beside())
            life, asterisk = 0.0, []
            for turn in range(self.size.cost_rounds):
                bare, ours = await self._cost(grounds, calls, turn)
                asterisk.append(ours.by["asterisk"] / bare.by["asterisk"])
                steady.append(ours.steady / bare.steady)
                whole.append(ours.whole / bare.whole)
                long.append(ours.of_life(LONG_S) / bare.of_life(LONG_S))
                life = ours.life
                shares.append((bare.per_call * 100, ours.per_call * 100))
            basis = f"{statistics.median(o for _, o in shares):.2f} % of a core a call against "
            basis += f"{statistics.median(b for b, _ in shares):.2f} %; each round: {_list(steady)}"
            self.figures += [
                at_most(f"CPU a recorded call, {calls} talking", statistics.median(steady), 1.35, "×", basis),
                Figure(f"of it Asterisk alone, {calls}", statistics.median(asterisk), "×", _list(asterisk)),
                Figure(f"whole life, calls of {life:.0f} s, {calls}", statistics.median(whole), "×", _list(whole)),
                Figure(
                    f"whole life, calls of {LONG_S:.0f} s, {calls}", statistics.median(long), "×", "from the two above"
                ),
            ]

    async def _cost(self, grounds: tuple[Ground, Ground], calls: int, turn: int) -> tuple[costs.Cost, costs.Cost]:
        """Of the dialplan, of Heedline."""
        self.say(f"  {calls} recorded calls of each side at once, round {turn + 1} of {self.size.cost_rounds}")
        async with dialplan(grounds[0]) as bare, heedline(grounds[1]) as ours:
            both, window = asyncio.Barrier(2), self.size.cost_window
            sides: tuple[tuple[Side, Ground], ...] = ((bare, grounds[0]), (ours, grounds[1]))
            talks = [
                asyncio.ensure_future(costs.measure(side, ground, ground.folder, calls, RATE, window, both))
                for side, ground in sides
            ]
            try:
                found = await asyncio.gather(*talks)
            finally:
                for talk in talks:
                    talk.cancel()
                await asyncio.gather(*talks, return_exceptions=True)
        for side in found:
            parts = ", ".join(f"{name} {share * 100:.1f} %" for name, share in side.by.items())
            whole = ", ".join(f"{name} {seconds / calls * 1000:.0f} ms" for name, seconds in side.whole_by.items())
            self.say(f"    {side.side}: talking, of one core: {parts}; a whole call: {whole}")
        return found[0], found[1]

    async def setups(self) -> None:
        calls, rate = self.size.burst_calls, STEADY_RATE
        ground = self.ground("s", calls + 1)
        bursts: dict[str, list[rates.Burst]] = {}
        whole = 0
        for maker in (dialplan, heedline):
            async with maker(ground) as side:
                for turn in range(self.size.burst_rounds + 1):
                    found = await rates.burst(side, ground, ground.folder, calls)
                    self.say(
                        f"  {side.name}, {calls} at once: {found.prompted:.0f}/s prompted, {found.talking:.0f}/s talk"
                    )
                    if turn:  # the first warms up
                        bursts.setdefault(side.name, []).append(found)
                if side.name == "heedline":
                    steady = await rates.steady(side, ground, ground.folder, self.size.steady_calls, rate)
                    whole = steady.whole
                    self.say(f"  {side.name}: {steady.calls} calls at {rate:g} a second: {whole} whole")
        medians = {
            name: (statistics.median(b.prompted for b in found), statistics.median(b.talking for b in found))
            for name, found in bursts.items()
        }
        bare, ours = medians["dialplan"], medians["heedline"]
        failed = self.size.steady_calls - whole
        self.figures += [
            at_least(
                "calls set up a second, ordered → talking",
                ours[1] / bare[1],
                0.7,
                "×",
                f"{ours[1]:.0f}/s against {bare[1]:.0f}/s",
            ),
            Figure(
                "calls a second, ordered → prompt sounding",
                ours[0] / bare[0],
                "×",
                f"{ours[0]:.0f}/s against {bare[0]:.0f}/s",
            ),
            at_most(
                f"failed of {self.size.steady_calls} at {rate:g} a second",
                failed,
                0,
                "calls",
                "prompt, key, recorded, talked, ended",
            ),
        ]

    async def latency(self) -> None:
        calls, samples = self.size.latency_calls, self.size.latency_samples
        ground = self.ground("l", calls, samples)
        found: dict[str, waits.Waits] = {}
        for maker in (dialplan, heedline):
            async with maker(ground) as side:
                self.say(f"  {side.name}: {samples} probing calls beside {calls - waits.AT_ONCE} that talk")
                found[side.name] = await waits.measure(side, ground, ground.folder, calls, samples)
        bare, ours = found["dialplan"], found["heedline"]
        bare_basis = f"dialplan {bare.prompt.median * 1000:.1f} / {bare.prompt.p99 * 1000:.1f} ms (median / p99)"
        self._spread("answer → first prompt frame", ours.prompt, 60, bare_basis)
        if ours.commit is None or ours.confirmation is None:
            raise HeedlineError("no opt-out was measured")
        self._spread("key 9 → ledger commit", ours.commit, 20, "")
        self._spread("commit → confirmation frame", ours.confirmation, 60, "")

    async def recorder(self) -> None:
        sealed = await asyncio.to_thread(sealing.seal, self.folder / "seal")
        sought = await asyncio.to_thread(sealing.seek, self.folder / "seek")
        ours, bare = sealed["Cobblestone-256, MB/s"], sealed["AES-256-GCM, MB/s"]
        near, whole = sought["last 5 s of an hour, ms"], sought["whole hour opened, ms"]
        rates_of = f"{ours:.0f} MB/s against {bare:.0f} MB/s, one thread"
        self.figures += [
            at_least("sealing, against AES-256-GCM", ours / bare, 0.6, "×", rates_of),
            Figure("whole file opened / last 5 s of an hour", whole / near, "×", f"{whole:.1f} ms / {near:.2f} ms"),
        ]

    async def verdicts(self) -> None:
        found = await asyncio.to_thread(rules.measure, self.folder / "verdicts", self.size.facts, self.size.facts_runs)
        basis = f"{found.lines} lines of all keys, {found.allowed:.0%} allowed; CPU of the process"
        self.figures += [
            at_least("full verdicts a second a core, --facts", found.ours, 20_000, "/s", basis),
            Figure("against reading and writing JSON alone", found.bare / found.ours, "×", f"{found.bare:.0f}/s"),
        ]

    async def gate(self) -> None:
        found = await gates.measure(self.folder / "gate", self.size.ledger_rows)
        parts = (("facts", found.facts), ("verdict", found.verdict), ("in the commit", found.again))
        medians = ", ".join(f"{name} {statistics.median(seconds) * 1000:.2f} ms" for name, seconds in parts)
        basis = f"{found.rows:,} rows, {len(found.whole)} calls; medians: {medians}"
        self.figures += [
            Figure("the gate at the dial, median", statistics.median(found.whole) * 1000, "ms", ""),
            at_most("the gate at the dial, p99", gates.p99(found.whole) * 1000, 5, "ms", basis),
        ]

    async def registry(self) -> None:
        self.figures += await registries.measure(self.folder / "registry", self.size.lists, self.say)

    def _spread(self, what: str, spread: waits.Spread, limit: float, basis: str) -> None:
        about = f"{spread.samples} calls at {self.size.latency_calls} concurrent"
        basis = f"{about}; {basis}" if basis else about
        self.figures += [
            at_most(f"{what}, median", spread.median * 1000, limit, "ms", basis),
            at_most(f"{what}, p99", spread.p99 * 1000, limit, "ms", basis),
        ]


def _list(ratios: list[float]) -> str:
    return ", ".join(f"{ratio:.2f}" for ratio in ratios)


async def run(parts: tuple[str, ...], size: Size, ports: BenchPorts, say: Callable[[str], None]) -> list[Figure]:
    """Raises HeedlineError, TimeoutError: something could not be measured at all."""
    folder = Path(tempfile.mkdtemp(prefix="heedline-bench-"))
    bench = Bench(folder, ports, size, say)
    try:
        for part in parts:
            began = time.monotonic()
            say(f"{part}:")
            async with asyncio.timeout(size.minutes * 60):
                await getattr(bench, part)()
            say(f"  ({time.monotonic() - began:.0f} s)")
    except BaseException:
        say(f"what it ran in is left in {folder}")
        raise
    shutil.rmtree(folder)
    return bench.figures


def main(
    only: Annotated[list[str] | None, typer.Option("--only", help=f"Of {', '.join(PARTS)}; may be repeated.")] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Fewer calls, one round: minutes instead of a quarter hour.")
    ] = False,
    tiny: Annotated[
        bool, typer.Option("--tiny", help="Only to see that everything runs; the figures mean nothing.")
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
    base: Annotated[int, typer.Option("--port", help="First of 33 ports for SIP, ARI and AMI.")] = 9400,
    rtp: Annotated[int, typer.Option("--rtp", help="First of 2400 ports for Asterisk's RTP.")] = 24000,
) -> None:
    """Measure, print the figures with their targets. Exit status 0: every target held; 1: one was missed; 2: broken."""
    console = Console(stderr=True, soft_wrap=True)
    parts = tuple(only or PARTS)
    if unknown := [part for part in parts if part not in PARTS]:
        console.print(f"--only {unknown[0]}: there are {', '.join(PARTS)}", markup=False)
        sys.exit(BROKEN)
    if os.geteuid() != 0:
        console.print("the bench needs root: SIPp presses keys through a raw socket", markup=False)
        sys.exit(BROKEN)
    where = machine()
    console.print(f"machine: {where}", markup=False)
    try:
        figures = asyncio.run(
            run(
                parts,
                TINY if tiny else QUICK if quick else FULL,
                BenchPorts(base, rtp),
                lambda line: console.print(line, markup=False),
            )
        )
    except (HeedlineError, TimeoutError) as error:
        console.print(f"bench: {error or 'not done in time'}", markup=False)
        sys.exit(BROKEN)
    if json_:
        print(json.dumps(as_json(where, figures), indent=2))
    else:
        show(Console(), figures)
    sys.exit(MISSED if any(figure.held is False for figure in figures) else HELD)


if __name__ == "__main__":
    typer.run(main)
