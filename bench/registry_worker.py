"""What is measured in a process of its own, so that its memory is its own: `python -m bench.registry_worker VERB …`.

Prints one JSON object.
"""

import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from compliance.number import Number
from storage.registry import Order, Registries, importing
from storage.registry.flat import FlatLines
from storage.registry.reading import CHUNK

LIST = "us.ftc.ndnc"
ROUNDS = 3


def memory() -> dict[str, float]:
    """MB: what is this process's alone, what is mapped from files and shared, and the most there ever was of both."""
    found = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    fields = {"anonymous": "RssAnon", "shared": "RssFile", "peak": "VmHWM"}
    return {name: int(found[field].split()[0]) * 1024 / 1e6 for name, field in fields.items()}


def take(folder: Path, file: Path) -> dict[str, float]:
    """Import, from the first byte read to the swap."""
    order = Order(list=LIST, files=(file,), who="bench", at=datetime.now(UTC), version_date=datetime.now(UTC).date())
    began = time.perf_counter()
    with importing(folder, key(folder), order) as prepared:
        prepared.swap()
    seconds = time.perf_counter() - began
    size = sum(index.stat().st_size for index in folder.glob("*.idx"))
    return {"seconds": seconds, "lines": prepared.version.lines, "bytes": size, **memory()}


def look(folder: Path, asked: Path) -> dict[str, float]:
    """`Registries.check`, one number after the other. The first round touches every page; of the others the median."""
    numbers = np.load(asked)
    before = memory()["anonymous"]
    registries = Registries.open(folder, key(folder))
    times, rounds, listed = np.zeros(len(numbers)), [], 0
    for _ in range(1 + ROUNDS):
        listed = 0
        for place in range(len(numbers)):
            number = Number(f"+1{numbers[place]}")
            began = time.perf_counter_ns()
            found = registries.check(number)
            times[place] = time.perf_counter_ns() - began
            listed += found[LIST].listed
        rounds.append((float(np.median(times)) / 1000, float(np.quantile(times, 0.99)) / 1000))
    median, p99 = (float(np.median(values)) for values in zip(*rounds[1:], strict=True))
    return {"median": median, "p99": p99, "listed": listed / len(numbers), "before": before, **memory()}


def bulk(folder: Path, text: Path) -> dict[str, float]:
    """A file of numbers, ten digits a line, read and looked up; of the rounds the median."""
    registries = Registries.open(folder, key(folder))
    rounds = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        with text.open("rb") as stream:
            numbers = np.concatenate(list(FlatLines(text.name, "1").numbers(iter(lambda: stream.read(CHUNK), b""))))
        reading = time.perf_counter() - began
        swept = registries.sweep(numbers)[LIST]
        rounds.append((time.perf_counter() - began, reading))
        if not swept.covered.all():
            raise SystemExit("some numbers are not covered")
    whole, read = sorted(rounds)[ROUNDS // 2]
    return {"read": read, "looked_up": whole - read, "count": len(numbers), "listed": float(swept.listed.mean())}


def key(folder: Path) -> bytes:
    return (folder / "bench.key").read_bytes()


VERBS = {"import": take, "look": look, "bulk": bulk}

if __name__ == "__main__":
    print(json.dumps(VERBS[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))))
