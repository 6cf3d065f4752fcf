"""Statements that go to SQLite's driver as compiled mean what SQLAlchemy means by them, and fail as its own do."""

import gc
from typing import Any

import pytest
from sqlalchemy import bindparam, func, insert, literal, select, update

from storage import prepared
from storage.database import Database
from storage.errors import LedgerConflict, StorageError
from storage.schema import campaigns, parties

ADD = insert(parties)
FIND = select(parties).where(parties.c.id == bindparam("of"))
ROW: dict[str, Any] = {"id": "A", "lookup_hash": b"\0hash", "number_sealed": b"s", "created_us": 1}
BOOLEANS = select(
    (parties.c.created_us > bindparam("limit_us")).label("late"), func.count(), literal(None), parties.c.id
).group_by(parties.c.id)
CAMPAIGN = {
    "name": "c",
    "version": 1,
    "seller": "s",
    "purpose": "telemarketing",
    "caller_id": "+12125550100",
    "language": "en",
    "placement": "before_agent",
    "recording": "explicit",
    "recording_required": True,
    "on_refusal": "continue",
    "ring_seconds": 30,
    "created_us": 1,
}


@pytest.fixture
def straight(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The SQL of every statement that goes to the driver directly."""
    seen: list[str] = []
    bound = prepared.Prepared.bound

    def noted(self: prepared.Prepared, values: Any) -> list[Any]:
        seen.append(self.sql)
        return bound(self, values)

    monkeypatch.setattr(prepared.Prepared, "bound", noted)
    return seen


async def test_rows_are_those_of_sqlalchemy(db: Database, straight: list[str]) -> None:
    async with db.begin() as tx:
        assert await tx.run(ADD, ROW) == 1
        await tx.run_each(ADD, [{**ROW, "id": "B", "lookup_hash": b"b", "number_sealed": None}])
    assert len(straight) == 2
    async with db.read() as tx:
        direct = [await tx.first(FIND, {"of": name}) for name in ("A", "B", "C")]
        assert len(straight) == 5
        through = [await tx.first(select(parties).where(parties.c.id == name)) for name in ("A", "B", "C")]
        assert len(straight) == 5
        assert direct[2] is None
        assert through[2] is None
        for ours, theirs in zip(direct[:2], through[:2], strict=True):
            assert ours is not None
            assert theirs is not None
            assert tuple(ours) == tuple(theirs)
            assert (ours.id, ours.lookup_hash, ours.created_us) == (theirs.id, theirs.lookup_hash, theirs.created_us)
        assert [row.id for row in await tx.all(select(parties).order_by(parties.c.id), {})] == ["A", "B"]
        assert await tx.scalar(select(func.count()).select_from(parties), {}) == 2
        assert await tx.scalar(FIND, {"of": "C"}) is None


async def test_values_are_converted_both_ways(db: Database, straight: list[str]) -> None:
    async with db.begin() as tx:
        await tx.run(insert(campaigns), CAMPAIGN)
        await tx.run(ADD, ROW)
        row = await tx.first(select(campaigns), {})
        assert row is not None
        assert row.recording_required is True
        change = update(parties).values(number_sealed=bindparam("seal"))
        assert await tx.run(change, {"seal": b"other"}) == 1
        assert await tx.scalar(select(parties.c.number_sealed), {}) == b"other"
        late = await tx.first(BOOLEANS, {"limit_us": 0})
        assert late is not None
        assert tuple(late) == (True, 1, None, "A")
        assert late.late is True
    assert len(straight) == 6


async def test_what_has_to_be_put_together_when_it_runs_is_left_to_sqlalchemy(
    db: Database, straight: list[str]
) -> None:
    some = select(parties.c.id).where(parties.c.id.in_(bindparam("those", expanding=True)))
    added = insert(parties).returning(parties.c.id)
    async with db.begin() as tx:
        assert await tx.scalar(added, ROW) == "A"
        assert [row.id for row in await tx.all(some, {"those": ["A", "X"]})] == ["A"]
    assert straight == []


async def test_a_refused_fact_is_the_same_error_and_names_no_value(db: Database) -> None:
    async def twice(statement: Any, values: dict[str, Any] | None) -> None:
        async with db.begin() as tx:
            await tx.run(ADD, {**ROW, "id": "other"})
            await tx.run(statement, values)

    with pytest.raises(LedgerConflict) as direct:
        await twice(ADD, ROW)
    with pytest.raises(LedgerConflict) as through:
        await twice(insert(parties).values(**ROW), None)
    assert str(direct.value) == str(through.value)
    assert "hash'" not in str(direct.value)
    async with db.begin() as tx:  # and the unit was undone
        assert await tx.scalar(select(func.count()).select_from(parties), {}) == 0
    with pytest.raises(LedgerConflict):
        async with db.begin() as tx:
            await tx.run_each(ADD, [ROW, ROW])


async def test_a_reader_can_not_write(db: Database) -> None:
    async with db.read() as tx:
        with pytest.raises(StorageError):
            await tx.run(ADD, ROW)


async def test_a_missing_value_is_a_defect_that_shows(db: Database) -> None:
    async with db.read() as tx:
        with pytest.raises(KeyError):
            await tx.all(FIND, {})


async def test_a_statement_nobody_holds_any_more_is_forgotten(db: Database) -> None:
    gc.collect()
    before = len(prepared._made)
    async with db.read() as tx:
        for _ in range(20):
            await tx.all(select(parties), {})
    gc.collect()
    assert len(prepared._made) == before
