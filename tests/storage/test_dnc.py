"""The do-not-call ledger and the opt-out, as stories."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import insert

from compliance.errors import BadInput
from compliance.number import Number
from storage.audit import AuditTag
from storage.database import Database
from storage.errors import AttemptNotPending, LedgerConflict, NotListed
from storage.ids import new_id
from storage.ledger.attempts import AttemptState
from storage.ledger.optout import OptOutDone, opt_out, take_off
from storage.schema import dnc_entries
from tests.storage.builders import CALLEE, OTHER, planned, verdict


async def press_nine(db: Database, now: datetime, attempt: str | None, number: Number = CALLEE) -> OptOutDone:
    async with db.begin() as tx:
        return await opt_out(
            tx, number, source="callee", channel="dtmf", reason="key 9", who="conductor", at=now, attempt_id=attempt
        )


async def tags(db: Database) -> list[str]:
    async with db.read() as tx:
        return [entry.tag async for entry in tx.audit.entries()]


async def test_callee_presses_nine_and_every_pending_attempt_in_any_campaign_is_cancelled(
    db: Database, now: datetime
) -> None:
    running = await planned(db, now)
    waiting = [await planned(db, now), await planned(db, now + timedelta(days=9), name="summer")]
    bystander = await planned(db, now, OTHER)
    async with db.begin() as tx:
        await tx.attempts.commit(running, verdict(), "0" * 64, now)

    done = await press_nine(db, now, running)

    assert (done.created, done.cancelled, done.entry.attempt_id) == (True, 2, running)
    async with db.read() as tx:
        assert (await tx.dnc.check(CALLEE)) == done.entry
        assert await tx.dnc.check(OTHER) is None
        for attempt_id in waiting:
            attempt = await tx.attempts.get(attempt_id)
            assert (attempt.state, attempt.disposition) == (AttemptState.ENDED, "cancelled")
        assert (await tx.attempts.get(running)).state is AttemptState.DIALLING
        assert (await tx.attempts.get(bystander)).state is AttemptState.PENDING
    with pytest.raises(AttemptNotPending):
        async with db.begin() as tx:
            await tx.attempts.commit(waiting[0], verdict(), "0" * 64, now)
    assert (await tags(db))[-1] == AuditTag.DNC_ADDED.value


async def test_a_second_nine_changes_nothing(db: Database, now: datetime) -> None:
    attempt = await planned(db, now)
    first = await press_nine(db, now, attempt)
    before = await tags(db)
    again = await press_nine(db, now + timedelta(seconds=1), attempt)
    assert (again.created, again.cancelled, again.entry) == (False, 0, first.entry)
    assert await tags(db) == before
    async with db.read() as tx:
        assert len(await tx.dnc.history(CALLEE)) == 1


async def test_a_conductor_killed_after_the_commit_tells_the_opt_out_again_though_it_was_revoked_meanwhile(
    db: Database, now: datetime
) -> None:
    attempt = await planned(db, now)
    first = await press_nine(db, now, attempt)
    async with db.begin() as tx:
        await take_off(tx, CALLEE, reason="asked to be called", who="office", at=now)
    later = await planned(db, now)
    again = await press_nine(db, now, attempt)
    assert (again.created, again.cancelled, again.entry) == (False, 0, first.entry)
    async with db.read() as tx:
        assert await tx.dnc.check(CALLEE) is None
        assert (await tx.attempts.get(later)).state is AttemptState.PENDING


async def test_a_number_taken_off_can_be_listed_and_taken_off_again(db: Database, now: datetime) -> None:
    for _ in range(3):
        assert (await press_nine(db, now, None)).created
        async with db.begin() as tx:
            await take_off(tx, CALLEE, reason="asked to be called", who="office", at=now)
    async with db.read() as tx:
        assert await tx.dnc.check(CALLEE) is None
        assert [entry.generation for entry in await tx.dnc.history(CALLEE)] == [0, 0, 1, 1, 2, 2]


async def test_an_attempt_planned_after_the_listing_is_cancelled_by_the_next_request(
    db: Database, now: datetime
) -> None:
    await press_nine(db, now, None)
    await planned(db, now)
    again = await press_nine(db, now, None)
    assert (again.created, again.cancelled) == (False, 1)
    assert (await tags(db))[-1] == AuditTag.ATTEMPTS_CANCELLED.value


async def test_a_failing_opt_out_writes_nothing_at_all(db: Database, now: datetime) -> None:
    attempt = await planned(db, now)
    before = await tags(db)

    async def failing() -> None:
        async with db.begin() as tx:
            await opt_out(tx, CALLEE, source="callee", channel="dtmf", reason="9", who="c", at=now, attempt_id=attempt)
            raise ConnectionError

    with pytest.raises(ConnectionError):
        await failing()
    async with db.read() as tx:
        assert await tx.dnc.check(CALLEE) is None
        assert (await tx.attempts.get(attempt)).state is AttemptState.PENDING
    assert await tags(db) == before


async def test_one_attempt_cannot_list_two_numbers(db: Database, now: datetime) -> None:
    attempt = await planned(db, now)
    await press_nine(db, now, attempt)
    with pytest.raises(LedgerConflict, match="another number"):
        await press_nine(db, now, attempt, OTHER)


async def test_the_database_itself_refuses_a_second_active_entry(db: Database, now: datetime) -> None:
    done = await press_nine(db, now, None)
    row = {"lookup_hash": done.entry.lookup_hash, "generation": 0, "act": "add", "source": "s", "channel": "c"}
    with pytest.raises(LedgerConflict, match="UNIQUE"):
        async with db.begin() as tx:
            await tx.run(insert(dnc_entries).values(id=new_id(now), reason="r", who="w", at_us=1, **row))


async def test_an_agents_phone_that_is_a_number_does_not_stop_an_opt_out(db: Database, now: datetime) -> None:
    async with db.begin() as tx:
        done = await opt_out(tx, CALLEE, source="agent", channel="spoken", reason="asked", who="+12125550199", at=now)
    assert done.created
    async with db.read() as tx:
        last = [entry async for entry in tx.audit.entries()][-1]
    assert "2125550" not in last.data


async def test_removing_takes_a_reason_and_is_recorded(db: Database, now: datetime) -> None:
    with pytest.raises(NotListed):
        async with db.begin() as tx:
            await take_off(tx, CALLEE, reason="x", who="ann", at=now)
    done = await press_nine(db, now, None)
    with pytest.raises(BadInput, match="reason"):
        async with db.begin() as tx:
            await take_off(tx, CALLEE, reason="", who="ann", at=now)
    async with db.begin() as tx:
        entry = await take_off(tx, CALLEE, reason="asked to be called again", who="ann", at=now)
    assert entry.revokes == done.entry.id
    async with db.read() as tx:
        assert await tx.dnc.history(CALLEE) == (done.entry, entry)
    assert (await tags(db))[-1] == AuditTag.DNC_REVOKED.value


async def test_the_number_stands_in_no_table_in_clear(db: Database, now: datetime, ledger_file: object) -> None:
    from pathlib import Path

    attempt = await planned(db, now)
    await press_nine(db, now, attempt)
    async with db.read() as tx:
        entry = await tx.dnc.check(CALLEE)
        assert entry is not None
        assert await tx.dnc.number(entry.id) == CALLEE
        assert await tx.parties.number((await tx.attempts.get(attempt)).party_id) == CALLEE
    for part in Path(str(ledger_file)).parent.iterdir():
        assert b"2125550123" not in part.read_bytes()


async def test_the_list_goes_page_by_page(db: Database, now: datetime) -> None:
    numbers = [Number(f"+1212555{n:04}") for n in range(25)]
    for n, number in enumerate(numbers):
        await press_nine(db, now + timedelta(seconds=n), None, number)
    seen: list[Number] = []
    after = None
    async with db.read() as tx:
        while page := await tx.dnc.list(10, after):
            seen += [await tx.dnc.number(entry.id) for entry in page]
            after = page[-1].id
    assert seen == numbers
