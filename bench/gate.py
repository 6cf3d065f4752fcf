"""What the gate adds to a call at the dial: all facts gathered from a ledger of a million rows, the whole law asked.

The ledger holds what years of calling leave: people, their calls with stories and outcomes, consents, opt-outs and
purchases. Measured is what a call waits for because there is a gate: the facts, the verdict, and the look at what came
in between that the commit takes (not the commit itself, which makes the attempt durable with or without a gate).
"""

import asyncio
import os
import random
import sqlite3
import statistics
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from compliance import DIALLING_RULES, Gate, Number, load_packs
from storage.database import Database, sqlite_url, upgrade
from storage.dossier import Dossier, Places
from storage.ids import new_id
from storage.ledger.campaigns import CallKindName, Campaign
from storage.numbers import KEY_BYTES, NumberKeys
from storage.registry import Registries

DAY_US = 86_400_000_000
SELLERS = ("Acme Water", "Acme Wine", "Acme Wood")
CALLS, EVENTS, OTHERS = 3, 2, 1  # of a person: calls; events of a call; consents, opt-outs, purchases each
ROWS = 1 + CALLS * (1 + EVENTS + 1) + OTHERS * 3  # of a person, all tables
MEASURED = 2000
WARM = 100


@dataclass
class Waits:
    """Seconds a call waits for the gate; `rows` of the ledger, `allowed` of the verdicts."""

    rows: int = 0
    facts: list[float] = field(default_factory=list)
    verdict: list[float] = field(default_factory=list)
    again: list[float] = field(default_factory=list)
    allowed: int = 0

    @property
    def whole(self) -> list[float]:
        return [sum(parts) for parts in zip(self.facts, self.verdict, self.again, strict=True)]


async def measure(folder: Path, rows: int) -> Waits:
    """Fill a ledger with about that many rows, then ask for one person after another."""
    folder.mkdir()
    keys = NumberKeys(os.urandom(KEY_BYTES), os.urandom(KEY_BYTES))
    file = folder / "ledger.sqlite3"
    await upgrade(sqlite_url(file))
    people = [Number(f"+1212{2_000_000 + n}") for n in range(max(1, rows // ROWS))]
    database = await Database.open(sqlite_url(file), keys)
    try:
        async with database.begin() as tx:
            campaigns = [await tx.campaigns.add(_campaign(n, seller)) for n, seller in enumerate(SELLERS)]
        filled = await asyncio.to_thread(_fill, file, keys, people)
        packs = load_packs()
        lists = Registries.open(folder / "registry", os.urandom(KEY_BYTES))
        dossier = Dossier(database, lists, Places("US-NY", "US-NY", "US-NY"), packs)
        found = await _ask(database, dossier, Gate(DIALLING_RULES, packs), campaigns, people)
    finally:
        await database.close()
    found.rows = filled
    return found


def _campaign(n: int, seller: str) -> Campaign:
    kind: CallKindName = "autodialed_live" if n else "live"
    return Campaign(name=f"c{n}", seller=seller, purpose="telemarketing", caller_id="+12125550100", call_kind=kind)


async def _ask(
    database: Database, dossier: Dossier, gate: Gate, campaigns: list[Campaign], people: list[Number]
) -> Waits:
    waits, rng = Waits(), random.Random(3)
    for n in range(WARM + MEASURED):
        number, campaign = rng.choice(people), rng.choice(campaigns)
        start = time.perf_counter()
        gathered = await dossier.gather(
            number, campaign, datetime.now(UTC), attempt="", ring_seconds=25, prompts={"en": True}
        )
        known = time.perf_counter()
        verdict = gate.check(gathered.facts)
        decided = time.perf_counter()
        async with database.begin() as tx:
            began = time.perf_counter()
            assert await dossier.holds(tx, number, gathered)
            looked = time.perf_counter()
        if n >= WARM:
            waits.facts.append(known - start)
            waits.verdict.append(decided - known)
            waits.again.append(looked - began)
            waits.allowed += verdict.allowed
    return waits


def p99(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=100)[98]


# ── a ledger of some years ──────────────────────────────────────────────────────────────────────────────────────────


def _fill(file: Path, keys: NumberKeys, people: list[Number]) -> int:
    """Written straight into the file: through the repositories it would take a quarter of an hour."""
    rng, now = random.Random(1), int(time.time()) * 1_000_000
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA synchronous=OFF")
    parties = [(new_id(), keys.lookup_hash(number), None, now) for number in people]
    calls = sorted(
        (now - rng.randrange(60, 700 * 86_400) * 1_000_000, party[0]) for party in parties for _ in range(CALLS)
    )
    attempts = [(new_id(), party, f"c{rng.randrange(len(SELLERS))}", at) for at, party in calls]
    rows = 0
    for table, made in (
        ("parties", parties),
        ("attempts", (_attempt(*attempt) for attempt in attempts)),
        ("call_events", (event for attempt in attempts for event in _story(attempt[0], attempt[3]))),
        ("call_outcomes", _outcomes(attempts, rng)),
        ("consents", (_consent(party[0], rng, now) for party in parties)),
        ("dnc_entries", (_opt_out(keys, number, rng, now) for number in people)),
        ("relationships", (_purchase(party[0], rng, now) for party in parties)),
    ):
        rows += _insert(connection, table, made)
    connection.execute("ANALYZE")
    connection.commit()
    connection.close()
    return rows


def _insert(connection: sqlite3.Connection, table: str, rows: Iterable[tuple[object, ...]]) -> int:
    columns = len(connection.execute(f"PRAGMA table_info({table})").fetchall())
    before = connection.total_changes
    connection.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * columns)})", rows)
    return connection.total_changes - before


def _attempt(attempt: str, party: str, campaign: str, at: int) -> tuple[object, ...]:
    return (
        attempt,
        party,
        campaign,
        1,
        "alice",
        "ended",
        at,
        "bench",
        at,
        at,
        at + 90_000_000,
        "{}",
        "0" * 64,
        "completed",
        "",
    )


def _story(attempt: str, at: int) -> Iterator[tuple[object, ...]]:
    for seq, leg in enumerate(("callee", "agent")):
        yield attempt, seq, at + seq * 1_000_000, "LegAnswered", f'{{"leg":"{leg}"}}'


def _outcomes(attempts: list[tuple[str, str, str, int]], rng: random.Random) -> Iterator[tuple[object, ...]]:
    sums: dict[str, tuple[int, int]] = {}
    for attempt, _, campaign, at in attempts:
        answered, abandoned = sums.get(campaign, (0, 0))
        given_up = rng.random() < 0.01
        sums[campaign] = (answered + 1, abandoned + given_up)
        waited = None if given_up else 1_000_000
        yield attempt, campaign, answered, at + 90_000_000, at, waited, given_up, *sums[campaign]


def _consent(party: str, rng: random.Random, now: int) -> tuple[object, ...]:
    at = now - rng.randrange(1, 700) * DAY_US
    who = (party, 0, "express_written", "telemarketing", "grant", "{}", None, at, "bench", rng.choice(SELLERS))
    return (new_id(), *who, "web form", "US-NY", None, None, None, False, None, None)


def _opt_out(keys: NumberKeys, number: Number, rng: random.Random, now: int) -> tuple[object, ...]:
    """Of somebody else for most, so that most may be called: the list is as long either way."""
    listed = number if rng.random() < 0.1 else Number(f"+1646{number.e164[5:]}")
    at = now - rng.randrange(1, 700) * DAY_US
    scope = (keys.lookup_hash(listed), "", "", 0)
    return (new_id(), *scope, "add", None, "callee", "dtmf", "9", None, "bench", at, None, None)


def _purchase(party: str, rng: random.Random, now: int) -> tuple[object, ...]:
    return party, 0, rng.choice(SELLERS), "purchase", now - rng.randrange(1, 700) * DAY_US, now, "bench", None
