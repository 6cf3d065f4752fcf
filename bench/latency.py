"""How long a callee waits: answer → first prompt frame, key 9 → ledger commit, commit → first confirmation frame.

Measured from outside, at the callee's end of the line (`bench.probe`), while so many calls are talking and recorded:

* answer: the 200 OK is sent; first prompt frame: the first RTP packet of the prompt's tone has come in;
* key 9: the first RFC 4733 packet with the end bit is sent (Asterisk reports a key at its end);
* ledger commit: the call takes note that the opt-out is committed (the story's `OptOutWritten`), so the commit itself
  was before;
* confirmation: the first RTP packet of the confirmation's tone has come in.
"""

import asyncio
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.ground import CAMPAIGN, Ground
from bench.probe import Probe, ProbeCall, probing
from bench.sides import Dialplan, Heedline, Side, until_over
from bench.sipp import FarEnd, far_end
from bench.sound import CONFIRMATION_HZ, NOTICE_HZ
from compliance import Number

AT_ONCE = 4  # probing calls under way, of the calls said to be concurrent
RATE = 10.0  # a second, of the talking calls' orders
LISTEN_S = 0.4  # from the prompt's first frame until the key
PATIENCE_S = 10.0
SECONDS_A_TURN = 4.0  # of one probing call: bounds how long the talking calls must last


@dataclass(frozen=True)
class Spread:
    """Seconds."""

    median: float
    p99: float
    samples: int

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        ordered = sorted(values)
        return cls(statistics.median(ordered), ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)], len(ordered))


@dataclass(frozen=True)
class Waits:
    side: str
    calls: int
    prompt: Spread
    commit: Spread | None
    confirmation: Spread | None


@dataclass
class _Seen:
    prompt: list[float]
    commit: list[float]
    confirmation: list[float]


async def measure(side: Side, ground: Ground, folder: Path, calls: int, samples: int) -> Waits:
    """`calls` in all: SIPp's, which talk, and four at a time of ours. Raises TimeoutError."""
    ports, talking = ground.bench_ports, calls - AT_ONCE
    hold = talking / RATE + 6 + samples / AT_ONCE * SECONDS_A_TURN
    callees = FarEnd("callee", ports.callee, ports.callee_media, hold, {1.0: "1"}, hold)
    agents = FarEnd("agent", ports.agent, ports.agent_media, hold)
    seen = _Seen([], [], [])
    async with far_end(callees, talking, folder), far_end(agents, talking, folder) as ears:
        for n in range(talking):
            await side.place(n, n)
            await asyncio.sleep(1 / RATE)
        await ears.count(talking - 1, PATIENCE_S)
        async with probing(ports.probe, ports.probe_media) as probe:
            turns = [samples // AT_ONCE] * AT_ONCE
            await asyncio.gather(*(_turns(side, ground, probe, n, talking, turns[n], seen) for n in range(AT_ONCE)))
    await _hang_up(side, ground)
    optional = (Spread.of(seen.commit), Spread.of(seen.confirmation)) if seen.commit else (None, None)
    return Waits(side.name, calls, Spread.of(seen.prompt), *optional)


async def _turns(side: Side, ground: Ground, probe: Probe, n: int, talking: int, turns: int, seen: _Seen) -> None:
    agent = ground.names[talking + n]
    for turn in range(turns):
        number = await _number(side, ground, turn * AT_ONCE + n)
        answered = probe.expect(number.e164)
        if isinstance(side, Heedline):
            attempt = await ground.conductor.place(number.e164, CAMPAIGN.name, agent, "bench")
        elif isinstance(side, Dialplan):
            attempt = ""
            await side.originate(f"PJSIP/{number.e164}@probe", agent)
        async with asyncio.timeout(PATIENCE_S):
            call = await answered
            await call.prompt.wait()
        seen.prompt.append(call.heard[NOTICE_HZ] - call.answered)
        await asyncio.sleep(LISTEN_S)
        if attempt:
            await _opt_out(ground, call, attempt, seen)
        probe.hang_up(call)
        if attempt:
            await ground.ended(attempt, PATIENCE_S)


async def _number(side: Side, ground: Ground, count: int) -> Number:
    """A number nobody has opted out with; at an hour with few numbers, one that is taken off the list again."""
    number = ground.probes[count % len(ground.probes)]
    if isinstance(side, Heedline) and count >= len(ground.probes):
        async with ground.database.begin() as tx:
            if await tx.dnc.check(number) is not None:
                await tx.dnc.revoke(number, "the bench calls again", "bench", datetime.now(UTC))
    return number


async def _opt_out(ground: Ground, call: ProbeCall, attempt: str, seen: _Seen) -> None:
    await call.press("9")
    async with asyncio.timeout(PATIENCE_S):
        await call.confirmation.wait()
    written = await ground.until(attempt, "OptOutWritten", PATIENCE_S)
    seen.commit.append(written.at.timestamp() - call.pressed)
    seen.confirmation.append(call.heard[CONFIRMATION_HZ] - written.at.timestamp())


async def _hang_up(side: Side, ground: Ground) -> None:
    """The far ends are gone; the calls are ended rather than waited for."""
    if isinstance(side, Heedline):
        await ground.conductor.drain("bench")
    elif isinstance(side, Dialplan):
        await side.hang_up_all()
    await until_over(side, PATIENCE_S)
