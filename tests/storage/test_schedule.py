"""The round of planned calls: what can't be started holds up nobody, and nothing waits for ever."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

from sqlalchemy import update

from ari_app.manual import PHONE
from ari_app.order import Order
from ari_app.schedule import STALE, start_due
from storage import schema
from storage.database import Database
from storage.ledger.attempts import AttemptState
from storage.ledger.campaigns import Campaign
from tests.storage.builders import CALLEE, OTHER, campaign, planned

if TYPE_CHECKING:
    from ari_app.conductor import Conductor


@dataclass
class Setup:
    agents: dict[str, str] = field(default_factory=lambda: {"alice": "PJSIP/alice"})
    agent_ring_seconds: int = 20


@dataclass
class Board:
    calls: dict[str, object] = field(default_factory=dict)


@dataclass
class Room:
    """A conductor, as far as the schedule sees one."""

    database: Database
    trouble: str = ""
    setup: Setup = field(default_factory=Setup)
    board: Board = field(default_factory=Board)
    started: list[str] = field(default_factory=list)
    busy: bool = False

    def is_free(self, agent: str) -> bool:
        return not self.busy

    @contextlib.contextmanager
    def reservation(self, agent: str) -> Iterator[None]:
        yield

    async def voice(self, campaign: Campaign) -> None:
        """Rendered."""

    def start(self, order: Order, seq: int) -> None:
        self.started.append(order.attempt)


async def round_of(room: Room) -> list[str]:
    await start_due(cast("Conductor", room))
    return room.started


async def test_an_attempt_whose_party_was_erased_does_not_hold_up_the_others(db: Database) -> None:
    now = datetime.now(UTC)
    await planned(db, now - timedelta(minutes=2))
    second = await planned(db, now, OTHER)
    async with db.begin() as tx:
        hashed = tx.parties.lookup_hash(CALLEE)
        erase = update(schema.parties).where(schema.parties.c.lookup_hash == hashed)
        await tx.run(erase.values(number_sealed=b"damaged"))
    assert await round_of(Room(db)) == [second]


async def test_an_attempt_of_an_agent_who_has_left_expires(db: Database) -> None:
    attempt = await planned(db, datetime.now(UTC) - STALE - timedelta(minutes=1))
    assert await round_of(Room(db, setup=Setup({}))) == []
    async with db.read() as tx:
        ended = await tx.attempts.get(attempt)
    assert (ended.state, ended.disposition) == (AttemptState.ENDED, "expired")


async def test_what_was_dialled_on_a_phone_is_not_dialled_again_for_it(db: Database) -> None:
    """The conductor died before the call was one; the agent has long hung up, and would not be there."""
    now = datetime.now(UTC)
    async with db.begin() as tx:
        await tx.campaigns.add(campaign("spring"))
        attempt = await tx.attempts.plan(await tx.parties.ensure(CALLEE), "spring", "alice", now, f"{PHONE}alice")
    room = Room(db, busy=True)  # being planned this moment
    assert await round_of(room) == []
    async with db.read() as tx:
        assert (await tx.attempts.get(attempt)).state is AttemptState.PENDING
    room.busy = False
    assert await round_of(room) == []
    async with db.read() as tx:
        assert (await tx.attempts.get(attempt)).disposition == "interrupted"


async def test_nothing_is_started_while_there_is_trouble(db: Database) -> None:
    await planned(db, datetime.now(UTC))
    assert await round_of(Room(db, trouble="Heedline is being stopped")) == []
