"""The registry's figures: import, size, memory, look-ups one by one and in bulk, beside what people use without it."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench import registry_rivals as rivals
from bench.registry_list import asked, lines, listed, write_list
from bench.report import Figure, at_least, at_most
from compliance.errors import HeedlineError

Say = Callable[[str], None]
Found = dict[str, float]


@dataclass(frozen=True)
class Sizes:
    """`numbers` on the list; `beside`: on the list of SQLite and PostgreSQL; `patterns`: on grep's."""

    numbers: int
    beside: int
    patterns: int
    bulk: int
    looks: int


FULL = Sizes(258_500_000, 25_000_000, 5_000_000, 10_000_000, 200_000)
QUICK = Sizes(20_000_000, 2_000_000, 500_000, 2_000_000, 50_000)
TINY = Sizes(200_000, 20_000, 1_000, 20_000, 2_000)


async def measure(folder: Path, sizes: Sizes, say: Say) -> list[Figure]:
    """Raises HeedlineError: something could not be measured. Takes 6 GB of disk at full size, given back."""
    folder.mkdir()
    made = await asyncio.to_thread(_files, folder, sizes)
    say(f"  a list of {made:,} numbers is made")
    taken = await _worker("import", folder / "registry", folder / "list.txt")
    say(f"  imported in {taken['seconds']:.0f} s")
    looked = await _worker("look", folder / "registry", folder / "asked.npy")
    swept = await _worker("bulk", folder / "registry", folder / "asked.txt")
    rate = sizes.bulk / (swept["read"] + swept["looked_up"]) / 1e6
    own = looked["anonymous"] - looked["before"]
    figures = [
        at_least("list imported, lines a second", taken["lines"] / taken["seconds"] / 1e6, 3, "M/s", _basis(taken)),
        at_most("index on disk", taken["bytes"] / 1e9, 1.3, "GB", f"{taken['lines']:,.0f} numbers"),
        at_most("memory of a process that looks up, not shared", looked["anonymous"], 50, "MB", _memory(looked, own)),
        at_most("look-up, p99", looked["p99"], 5, "µs", f"median {looked['median']:.2f} µs, {sizes.looks:,} numbers"),
        at_least("looked up in bulk, read from text", rate, 5, "M/s", _bulk(sizes, swept)),
    ]
    try:
        return figures + await _beside(folder, sizes, say, looked, rate)
    except (OSError, subprocess.CalledProcessError) as error:
        raise HeedlineError(f"registry: what it is compared with does not run: {error}") from error


def _basis(taken: Found) -> str:
    return (
        f"{taken['lines']:,.0f} lines in {taken['seconds']:.1f} s, sealed and durable; {taken['peak']:.0f} MB at most"
    )


def _memory(looked: Found, own: float) -> str:
    return f"Python and numpy included, {own:.1f} MB came with the list; {looked['shared']:.0f} MB are shared pages"


def _bulk(sizes: Sizes, swept: Found) -> str:
    alone = sizes.bulk / swept["looked_up"] / 1e6
    return f"{sizes.bulk:,} numbers in any order; look-up alone {alone:.1f} M/s; {swept['listed']:.0%} listed"


def _files(folder: Path, sizes: Sizes) -> int:
    (folder / "registry").mkdir(mode=0o700)
    (folder / "registry" / "bench.key").write_bytes(os.urandom(32))
    made = write_list(folder / "list.txt", sizes.numbers)
    numbers = asked(sizes.numbers, sizes.bulk)
    np.save(folder / "asked.npy", numbers[: sizes.looks])
    code, last = np.divmod(numbers, 10**7)
    text = np.frombuffer(lines(100, last), np.uint8).reshape(-1, 12).copy()
    for column, power in enumerate((100, 10, 1)):
        text[:, column] = code // power % 10 + 48
    (folder / "asked.csv").write_bytes(text.tobytes())
    (folder / "asked.txt").write_bytes(np.delete(text, 3, axis=1).tobytes())
    with (folder / "patterns.txt").open("wb") as stream:
        left = sizes.patterns
        for area, listed_last in listed(sizes.patterns):
            stream.write(lines(area, listed_last[:left]))
            left -= min(left, len(listed_last))
    return made


async def _beside(folder: Path, sizes: Sizes, say: Say, looked: Found, rate: float) -> list[Figure]:
    bulk = await asyncio.to_thread(asked, sizes.beside, max(1000, sizes.beside // 25))
    one_by_one = bulk[:20_000]
    comm = await asyncio.to_thread(rivals.comm, folder / "list.txt", folder / "asked.csv", sizes.bulk)
    say("  comm is done")
    grep = await asyncio.to_thread(rivals.grep, folder / "patterns.txt", folder / "asked.csv", sizes.bulk)
    held = f", for which it takes {grep['memory'] / sizes.patterns:.0f} bytes of memory a number"
    say("  grep is done")
    sqlite = await asyncio.to_thread(rivals.sqlite, folder, sizes.beside, one_by_one, bulk)
    say("  SQLite is done")
    figures = [*_rival("SQLite", sqlite, sizes, looked, rate)]
    if rivals.server_programs() is not None:
        figures += _rival("PostgreSQL", await rivals.postgresql(sizes.beside, one_by_one, bulk), sizes, looked, rate)
        say("  PostgreSQL is done")
    figures += [
        Figure("bulk, against sort and comm", rate * 1e6 / comm["bulk_s"], "×", _of(comm, sizes.numbers)),
        Figure("bulk, against grep -Fxf", rate * 1e6 / grep["bulk_s"], "×", _of(grep, sizes.patterns) + held),
    ]
    return figures


def _of(found: Found, numbers: int) -> str:
    return f"{found['bulk_s'] / 1e6:.2f} M/s, a list of {numbers:,}"


def _rival(name: str, found: Found, sizes: Sizes, looked: Found, rate: float) -> list[Figure]:
    loaded = f"a list of {sizes.beside:,}, loaded at {found['lines_s'] / 1e6:.2f} M/s, "
    loaded += f"{found['bytes'] / sizes.beside:.1f} bytes a number"
    times = f"{found['median']:.1f} / {found['p99']:.1f} µs (median / p99), {loaded}"
    return [
        Figure(f"look-up p99, {name} against ours", found["p99"] / looked["p99"], "×", times),
        Figure(f"bulk, against {name}", rate * 1e6 / found["bulk_s"], "×", f"{found['bulk_s'] / 1e6:.2f} M/s"),
    ]


async def _worker(verb: str, folder: Path, file: Path) -> Found:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.registry_worker", verb, folder, file, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    if process.returncode:
        raise HeedlineError(f"registry {verb}: could not be measured")
    found: Found = json.loads(said)
    return found
