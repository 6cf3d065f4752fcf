"""The same questions put to what people use without Heedline: SQLite, PostgreSQL, grep and comm."""

import asyncio
import os
import shutil
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path

import asyncpg
import numpy as np

from bench.registry_list import Numbers, listed

Found = dict[str, float]
ROUNDS = 3
_SORTED = {**os.environ, "LC_ALL": "C"}


def sqlite(folder: Path, total: int, one_by_one: Numbers, bulk: Numbers) -> Found:
    """A table whose primary key is the number, loaded in order without a journal: the fastest SQLite has."""
    with closing(sqlite3.connect(folder / "list.sqlite3", isolation_level=None)) as db:
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-262144", "mmap_size=8000000000"):
            db.execute(f"PRAGMA {pragma}")
        db.execute("CREATE TABLE listed (number INTEGER PRIMARY KEY)")
        began = time.perf_counter()
        db.execute("BEGIN")
        for code, last in listed(total):
            db.executemany("INSERT INTO listed VALUES (?)", ((n,) for n in (code * 10**7 + last).tolist()))
        db.execute("COMMIT")
        loaded = time.perf_counter() - began
        asked = one_by_one.tolist()
        rounds: list[list[int]] = []
        for _ in range(1 + ROUNDS):
            rounds.append([])
            for number in asked:
                start = time.perf_counter_ns()
                db.execute("SELECT 1 FROM listed WHERE number = ?", (number,)).fetchone()
                rounds[-1].append(time.perf_counter_ns() - start)
        db.execute("CREATE TEMP TABLE asked (number INTEGER PRIMARY KEY) WITHOUT ROWID")
        start_bulk = time.perf_counter()
        rows = ((n,) for n in np.unique(bulk).tolist())
        db.execute("BEGIN")
        db.executemany("INSERT INTO asked VALUES (?)", rows)
        db.execute("COMMIT")
        db.execute("SELECT count(*) FROM asked JOIN listed USING (number)").fetchone()
        joined = time.perf_counter() - start_bulk
    size = (folder / "list.sqlite3").stat().st_size
    return {**_times(rounds), "lines_s": total / loaded, "bytes": size, "bulk_s": len(bulk) / joined}


async def postgresql(total: int, one_by_one: Numbers, bulk: Numbers) -> Found:
    """COPY into a table, then its index; asked over a socket by a prepared statement."""
    async with _server() as connection:
        await connection.execute("CREATE UNLOGGED TABLE listed (number bigint NOT NULL)")
        began = time.perf_counter()
        for code, last in listed(total):
            rows = ((n,) for n in (code * 10**7 + last).tolist())
            await connection.copy_records_to_table("listed", records=rows)
        await connection.execute("ALTER TABLE listed ADD PRIMARY KEY (number)")
        loaded = time.perf_counter() - began
        await connection.execute("VACUUM ANALYZE listed")
        size = await connection.fetchval("SELECT pg_total_relation_size('listed')")
        one = await connection.prepare("SELECT 1 FROM listed WHERE number = $1")
        rounds: list[list[int]] = []
        for _ in range(1 + ROUNDS):
            rounds.append([])
            for number in one_by_one.tolist():
                start = time.perf_counter_ns()
                await one.fetchval(number)
                rounds[-1].append(time.perf_counter_ns() - start)
        await connection.execute("CREATE TEMP TABLE asked (number bigint NOT NULL)")
        start_bulk = time.perf_counter()
        await connection.copy_records_to_table("asked", records=((n,) for n in bulk.tolist()))
        await connection.fetchval("SELECT count(*) FROM asked JOIN listed USING (number)")
        joined = time.perf_counter() - start_bulk
    return {**_times(rounds), "lines_s": total / loaded, "bytes": float(size), "bulk_s": len(bulk) / joined}


def grep(patterns: Path, asked: Path, count: int) -> Found:
    """`grep -Fxf LIST ASKED`: the whole list is its pattern, kept in memory; `memory` in bytes."""
    began = time.perf_counter()
    grep = subprocess.Popen(["grep", "-cFxf", patterns, asked], stdout=subprocess.DEVNULL, env=_SORTED)
    _, status, usage = os.wait4(grep.pid, 0)
    grep.returncode = os.waitstatus_to_exitcode(status)
    return {"bulk_s": count / (time.perf_counter() - began), "memory": usage.ru_maxrss * 1024.0}


def comm(sorted_list: Path, asked: Path, count: int) -> Found:
    """`sort ASKED | comm -12 LIST -`: the list is sorted as it is downloaded."""
    began = time.perf_counter()
    with subprocess.Popen(["sort", asked], stdout=subprocess.PIPE, env=_SORTED) as sort:
        subprocess.run(
            ["comm", "-12", sorted_list, "-"], stdin=sort.stdout, stdout=subprocess.DEVNULL, env=_SORTED, check=True
        )
    return {"bulk_s": count / (time.perf_counter() - began)}


def server_programs() -> Path | None:
    """Where PostgreSQL's server is; None: not on this machine."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


@asynccontextmanager
async def _server() -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A server of our own; it refuses to run as root, so it runs as its package's user."""
    programs = server_programs()
    if programs is None:
        raise FileNotFoundError("no PostgreSQL server")
    user = "postgres" if os.geteuid() == 0 else None
    with _folder(user) as folder:
        data = folder / "data"
        subprocess.run(
            [programs / "initdb", "-D", data, "-U", "bench", "-A", "trust", "--no-sync", "--no-instructions"],
            check=True,
            stdout=subprocess.DEVNULL,
            user=user,
        )
        settings = (
            "listen_addresses=",
            "shared_buffers=2GB",
            "fsync=off",
            "maintenance_work_mem=1GB",
            "max_wal_size=8GB",
        )
        server = subprocess.Popen(
            [programs / "postgres", "-D", data, "-k", folder, *(part for one in settings for part in ("-c", one))],
            stderr=subprocess.DEVNULL,
            user=user,
        )
        try:
            connection = await _connected(folder)
            yield connection
            await connection.close()
        finally:
            server.terminate()
            server.wait(60)


async def _connected(folder: Path) -> "asyncpg.Connection[asyncpg.Record]":
    async with asyncio.timeout(30):
        while True:
            try:
                return await asyncpg.connect(host=str(folder), user="bench", database="postgres")
            except (OSError, asyncpg.PostgresError):
                await asyncio.sleep(0.1)


@contextmanager
def _folder(user: str | None) -> Iterator[Path]:
    # Not in a folder of ours: another user can't reach into it.
    path = Path(tempfile.mkdtemp(prefix="heedline-bench-pg-", dir="/tmp" if user else None))
    try:
        if user:
            shutil.chown(path, user)
        yield path
    finally:
        shutil.rmtree(path)


def _times(rounds: list[list[int]]) -> Found:
    """Of all rounds but the first, which warms up, the median, as ours are measured."""
    micro = [np.array(spent) / 1000 for spent in rounds[1:]]
    return {
        "median": float(np.median([np.median(spent) for spent in micro])),
        "p99": float(np.median([np.quantile(spent, 0.99) for spent in micro])),
    }
