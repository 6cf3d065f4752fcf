"""Campaigns, attempts, call events, consents: what the ledger lets happen, and what it refuses."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import update

from compliance.errors import BadInput
from compliance.verdict import Decision
from heedline.story import story_lines
from storage.database import Database
from storage.errors import (
    AlreadyThere,
    AttemptInFlight,
    AttemptNotPending,
    LedgerConflict,
    NoSuchAttempt,
    NoSuchCampaign,
    NoSuchParty,
)
from storage.ids import new_id
from storage.ledger.attempts import AttemptState
from storage.schema import attempts
from tests.storage.builders import CALLEE, OTHER, campaign, planned, verdict

DIGEST = "d" * 64


async def test_an_attempt_is_dialling_on_disk_before_it_is_dialled(db: Database, now: datetime) -> None:
    attempt_id = await planned(db, now)
    async with db.begin() as tx:
        await tx.attempts.commit(attempt_id, verdict(), DIGEST, now)
    async with db.read() as tx:
        found = await tx.attempts.get(attempt_id)
        assert (found.state, found.committed_at, found.facts_digest) == (AttemptState.DIALLING, now, DIGEST)
        assert found.verdict == verdict()
        assert await tx.attempts.open() == (found,)
        assert await tx.attempts.in_flight(found.party_id) == (found,)
        assert await tx.attempts.recent(found.party_id, now) == (found,)
        assert await tx.attempts.recent(found.party_id, now + timedelta(microseconds=1)) == ()
        assert await tx.attempts.due(now) == ()


async def test_no_attempt_is_committed_twice(db: Database, now: datetime) -> None:
    attempt_id = await planned(db, now)
    async with db.begin() as tx:
        await tx.attempts.commit(attempt_id, verdict(), DIGEST, now)
    for act in ("commit", "deny"):
        with pytest.raises(AttemptNotPending, match="is dialling"):
            async with db.begin() as tx:
                await getattr(tx.attempts, act)(attempt_id, verdict(), DIGEST, now)


async def test_nobody_is_rung_by_two_calls_at_once(db: Database, now: datetime) -> None:
    one, other = await planned(db, now), await planned(db, now, name="summer")
    async with db.begin() as tx:
        await tx.attempts.commit(one, verdict(), DIGEST, now)
    with pytest.raises(AttemptInFlight):
        async with db.begin() as tx:
            await tx.attempts.commit(other, verdict(), DIGEST, now)
    with pytest.raises(LedgerConflict, match="UNIQUE"):  # the database holds it too
        async with db.begin() as tx:
            await tx.run(update(attempts).where(attempts.c.id == other).values(state="dialling", committed_us=1))
    async with db.begin() as tx:
        assert await tx.attempts.end(one, "answered", "", now)
        await tx.attempts.commit(other, verdict(), DIGEST, now)


async def test_a_denied_verdict_cannot_be_committed_and_its_rules_are_kept(db: Database, now: datetime) -> None:
    attempt_id = await planned(db, now)
    with pytest.raises(ValueError, match="denied"):
        async with db.begin() as tx:
            await tx.attempts.commit(attempt_id, verdict(Decision.DENY), DIGEST, now)
    async with db.begin() as tx:
        await tx.attempts.deny(attempt_id, verdict(Decision.DENY), DIGEST, now)
        found = await tx.attempts.get(attempt_id)
    assert (found.state, found.disposition, found.detail) == (AttemptState.ENDED, "denied", "internal_dnc")
    assert found.verdict == verdict(Decision.DENY)


async def test_the_first_end_stands(db: Database, now: datetime) -> None:
    attempt_id = await planned(db, now)
    async with db.begin() as tx:
        assert await tx.attempts.end(attempt_id, "busy", "cause 17", now)
        assert not await tx.attempts.end(attempt_id, "answered", "", now)
        found = await tx.attempts.get(attempt_id)
    assert (found.disposition, found.detail, found.ended_at) == ("busy", "cause 17", now)
    with pytest.raises(NoSuchAttempt):
        async with db.begin() as tx:
            await tx.attempts.end(new_id(), "busy", "", now)


async def test_attempts_fall_due_in_the_order_they_were_to_be_made(db: Database, now: datetime) -> None:
    late = await planned(db, now)
    early = await planned(db, now - timedelta(hours=1), OTHER)
    await planned(db, now + timedelta(seconds=1))
    async with db.read() as tx:
        assert [attempt.id for attempt in await tx.attempts.due(now)] == [early, late]
        assert [attempt.id for attempt in await tx.attempts.due(now, limit=1)] == [early]
        newest = await tx.attempts.list(limit=2)
        assert len(newest) == 2
        assert len(await tx.attempts.list(before=newest[-1].id)) == 1


async def test_a_stricter_campaign_holds_for_attempts_planned_before_it(db: Database, now: datetime) -> None:
    attempt_id = await planned(db, now)
    async with db.begin() as tx:
        await tx.campaigns.change(campaign(recording="explicit"), "ann", now)
        assert (await tx.attempts.get(attempt_id)).campaign_version == 1
        await tx.attempts.commit(attempt_id, verdict(), DIGEST, now)
        assert (await tx.attempts.get(attempt_id)).campaign_version == 2


async def test_a_campaign_changes_by_versions_and_none_is_lost(db: Database, now: datetime) -> None:
    async with db.begin() as tx:
        await tx.campaigns.add(campaign(), "ann", now)
        changed = await tx.campaigns.change(campaign(recording="explicit"), "ann", now)
        assert changed.version == 2
        assert (await tx.campaigns.change(campaign(recording="explicit"), "ann", now)).version == 2
        assert await tx.campaigns.get("spring", 1) == campaign()
        assert await tx.campaigns.get("spring") == changed
        assert await tx.campaigns.list() == (changed,)
        assert [entry.tag async for entry in tx.audit.entries()] == ["admin:campaign:add", "admin:campaign:change"]
    with pytest.raises(AlreadyThere):
        async with db.begin() as tx:
            await tx.campaigns.add(campaign())
    for name, version in (("autumn", None), ("spring", 3)):
        with pytest.raises(NoSuchCampaign):
            async with db.read() as tx:
                await tx.campaigns.get(name, version)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "No Such"},
        {"name": "../x"},
        {"purpose": "spam"},
        {"placement": "elsewhere"},
        {"recording": "always"},
        {"on_refusal": "insist"},
        {"ring_seconds": 14},
        {"ring_seconds": 121},
        {"caller_id": "2125550100"},
        {"caller_id": "+1 212 555 0100"},
        {"language": "English"},
        {"seller": ""},
        {"seller": "Acme\r\nX: y"},
    ],
)
def test_a_campaign_outside_its_closed_sets(change: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        campaign(**change)  # type: ignore[arg-type]


async def test_a_call_story_is_in_order_and_a_double_event_is_refused(db: Database, now: datetime) -> None:
    attempt_id = await planned(db, now)
    async with db.begin() as tx:
        assert await tx.events.next_seq(attempt_id) == 0
        await tx.events.append(attempt_id, 0, now, "dialled", {"endpoint": "callee"})
        await tx.events.append(attempt_id, 1, now + timedelta(milliseconds=1234.4), "digit", {"digit": "9", "n": 1})
        assert await tx.events.next_seq(attempt_id) == 2
    with pytest.raises(LedgerConflict, match="UNIQUE"):
        async with db.begin() as tx:
            await tx.events.append(attempt_id, 1, now, "digit", {})
    with pytest.raises(BadInput, match="float"):
        async with db.begin() as tx:
            await tx.events.append(attempt_id, 2, now, "digit", {"seconds": 1.5})
    async with db.read() as tx:
        lines = list(story_lines(await tx.events.of(attempt_id)))
    assert [line.split() for line in lines] == [
        ["+0", "ms", "dialled", "endpoint=callee"],
        ["+1234", "ms", "digit", "digit=9", "n=1"],
    ]


async def test_consents_keep_their_evidence_in_order(db: Database, now: datetime) -> None:
    attempt_id = await planned(db, now)
    evidence: dict[str, object] = {"prompt": "consent", "language": "en", "answer": "1", "to_the_end": True}
    async with db.begin() as tx:
        party = (await tx.attempts.get(attempt_id)).party_id
        await tx.consents.add(party, "recording", "survey", "grant", evidence, attempt_id, now, "callee")
        await tx.consents.add(party, "recording", "survey", "withdraw", {}, None, now + timedelta(days=1), "office")
        acts = await tx.consents.of(party)
    assert [(act.act, act.evidence, act.attempt_id) for act in acts] == [
        ("grant", evidence, attempt_id),
        ("withdraw", {}, None),
    ]
    with pytest.raises(LedgerConflict, match="CHECK"):
        async with db.begin() as tx:
            await tx.consents.add(party, "recording", "survey", "maybe", {}, None, now, "x")  # type: ignore[arg-type]


async def test_a_number_is_one_party(db: Database) -> None:
    async with db.begin() as tx:
        party = await tx.parties.ensure(CALLEE)
        assert await tx.parties.ensure(CALLEE) == party
        assert await tx.parties.ensure(OTHER) != party
        assert await tx.parties.number(party) == CALLEE
        assert await tx.parties.find(OTHER) is not None
        with pytest.raises(NoSuchParty):
            await tx.parties.number(new_id())
