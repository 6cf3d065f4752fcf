"""The consent ledger: what stands for the gate, uses, withdrawals, the audit entry of every act."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from compliance import consents
from compliance.errors import BadInput
from compliance.facts import Consent, Facts
from compliance.jurisdictions.model import Entry, Jurisdiction, Packs, RevocationLaw, Scope
from compliance.number import Number
from compliance.terms import ConsentKind, Purpose
from compliance.verdict import Confidence
from storage.canonical import parse_object
from storage.consent.act import LARGEST_EVIDENCE, act_fields, fields_digest
from storage.consent.terms import Grant, Withdrawal
from storage.consent.wording import Wording
from storage.consent.write import record, record_each, withdraw
from storage.database import Database
from storage.errors import LedgerConflict
from storage.schema import consent_texts
from tests.storage.builders import CALLEE, OTHER, planned

_US = RevocationLaw(
    entry=Entry("us.revocation", "47 CFR", "", Confidence.VERIFIED_PRIMARY, date.min, None, None, Scope.EVERYWHERE),
    days=10,
    business_days=True,
)
PACKS = Packs("test", date(2026, 1, 1), {"US": Jurisdiction("US", "", True, frozenset(), (_US,))}, 365)
TEXT = Wording("en", "2026-03", "Acme may call me about its offers, also with an autodialler.")


def grant(at: datetime, **changes: object) -> Grant:
    fields: dict[str, Any] = {
        "kind": ConsentKind.EXPRESS_WRITTEN,
        "purpose": Purpose.TELEMARKETING,
        "seller": "Acme",
        "channel": "web form",
        "wording": TEXT,
        "evidence": {"form_hash": "ab" * 32, "ip": "203.0.113.9"},
        **changes,
    }
    return Grant(at=at, **fields)


async def recorded(db: Database, now: datetime, number: Number = CALLEE, **changes: object) -> str:
    async with db.begin() as tx:
        return (await record(tx, number, grant(now, **changes), by="cli:ann", now=now)).party_id


async def withdrawn(db: Database, now: datetime, number: Number = CALLEE, **changes: Any) -> tuple[bool, int]:
    async with db.begin() as tx:
        terms = Withdrawal(**{"channel": "e-mail", "at": now, **changes})
        done = await withdraw(tx, number, terms, packs=PACKS, by="cli:ann", now=now)
    return done.created, done.ended


async def standing(db: Database, party: str, at: datetime | None = None) -> tuple[Consent, ...]:
    async with db.read() as tx:
        return await tx.consents.standing(party, at)


async def test_what_was_given_stands_for_the_gate(db: Database, now: datetime) -> None:
    party = await recorded(db, now, valid_until=now + timedelta(days=730))
    assert await standing(db, party) == (
        Consent(
            ConsentKind.EXPRESS_WRITTEN,
            Purpose.TELEMARKETING,
            "Acme",
            obtained_at=now,
            expires_at=now + timedelta(days=730),
        ),
    )


async def test_a_consent_to_be_recorded_is_none_for_the_gate(db: Database, now: datetime) -> None:
    async with db.begin() as tx:
        party = await tx.parties.ensure(CALLEE)
        await tx.consents.add(party, "recording", "survey", "grant", {}, None, now, "callee")
    assert await standing(db, party) == ()


async def test_a_withdrawal_reaches_all_sellers_and_the_deadline_is_only_kept(db: Database, now: datetime) -> None:
    party = await recorded(db, now)
    await recorded(db, now, seller="Other", purpose=Purpose.SURVEY)
    assert await withdrawn(db, now) == (True, 2)
    for consent in await standing(db, party, now):
        assert consent.withdrawn_at == now
    async with db.read() as tx:
        act = (await tx.consents.of(party))[-1]
    assert act.honoured_by == now + timedelta(days=13)  # US: ten business days, from a Saturday
    assert await withdrawn(db, now) == (False, 0), "the same, told again"


async def test_who_withdraws_once_more_later_is_believed_about_the_time_between(db: Database, now: datetime) -> None:
    """A grant of the fifth day is entered after the stop of the ninth, which was no twin of the first day's."""
    await withdrawn(db, now)
    assert await withdrawn(db, now + timedelta(days=9)) == (True, 0)
    assert await withdrawn(db, now + timedelta(days=8)) == (False, 0)
    async with db.begin() as tx:
        late = grant(now + timedelta(days=5))
        party = (await record(tx, CALLEE, late, by="cli:ann", now=now + timedelta(days=10))).party_id
    (consent,) = await standing(db, party, now + timedelta(days=10))
    assert consent.withdrawn_at == now + timedelta(days=9)


async def test_what_was_never_given_can_be_withdrawn_and_then_given_anew(db: Database, now: datetime) -> None:
    assert await withdrawn(db, now) == (True, 0)
    party = await recorded(db, now + timedelta(seconds=1))
    assert [consent.withdrawn_at for consent in await standing(db, party)] == [None]
    assert await withdrawn(db, now + timedelta(seconds=2)) == (True, 1)


async def test_for_a_gate_whose_clock_is_behind_a_withdrawn_consent_never_stood(db: Database) -> None:
    now = datetime.now(UTC)
    party = await recorded(db, now - timedelta(days=9))
    await withdrawn(db, now)
    for consent in (*await standing(db, party), *await standing(db, party, now - timedelta(minutes=1))):
        assert consent.withdrawn_at == consent.obtained_at
    (late,) = await standing(db, party, now + timedelta(days=1))
    assert late.withdrawn_at == now


async def test_a_call_logs_each_consent_it_rests_on_once(db: Database, now: datetime) -> None:
    party = await recorded(db, now)
    await recorded(db, now, purpose=Purpose.SURVEY)
    await recorded(db, now, valid_until=now + timedelta(hours=1))
    attempt = await planned(db, now)
    for at in (now, now + timedelta(hours=1)):
        async with db.begin() as tx:
            assert await tx.consents.use(party, attempt, at, Purpose.TELEMARKETING, "Acme") == (2 if at == now else 1)
    async with db.begin() as tx:
        assert await tx.consents.use(party, attempt, now) == 3
        uses = await tx.consents.uses_of(party)
        tags = [entry.tag async for entry in tx.audit.entries()]
    assert [use.at for use in uses] == [now] * 3
    assert tags.count("conductor:consent:use") == 3
    with pytest.raises(LedgerConflict):
        async with db.begin() as tx:
            await tx.consents.use(party, "nothing", now)


@pytest.mark.parametrize("ago", [timedelta(), timedelta(hours=1)])
async def test_who_takes_back_one_consent_is_not_called_on_another_not_even_in_the_first_minutes(
    db: Database, ago: timedelta
) -> None:
    """The rules end all that the seller was given until then; for that they must be told when."""
    now = datetime.now(UTC)
    await recorded(db, now - timedelta(days=9))
    party = await recorded(db, now - timedelta(days=3), purpose=Purpose.SURVEY)
    await recorded(db, now - timedelta(days=3), purpose=Purpose.SURVEY, seller="Other")
    await withdrawn(db, now - ago, purpose=Purpose.TELEMARKETING, seller="acme")
    for seller, stands in (("Acme", False), ("Other", True)):
        async with db.read() as tx:
            known, _ = await tx.consents.for_the_gate(party, seller)
        facts = Facts(purpose=Purpose.SURVEY, seller=seller, consents=known)
        for at in (now, now - timedelta(minutes=1)):
            found = consents.standing(facts, ConsentKind.EXPRESS, at)
            assert (found is not None) is stands, (seller, at)


async def test_a_withdrawn_consent_is_not_used(db: Database, now: datetime) -> None:
    party = await recorded(db, now)
    attempt = await planned(db, now)
    await withdrawn(db, now)
    async with db.begin() as tx:
        assert await tx.consents.use(party, attempt, now) == 0


async def test_the_audit_entry_binds_every_field_and_holds_no_number(db: Database, now: datetime) -> None:
    party = await recorded(db, now)
    async with db.read() as tx:
        (act,) = await tx.consents.of(party)
        (entry,) = [entry async for entry in tx.audit.entries() if entry.tag == "ledger:consent:grant"]
        text = await tx.consents.text(act.text_hash or b"")
    data = parse_object(entry.data)
    assert (data["consent"], data["digest"]) == (act.id, fields_digest(act_fields(act)))
    assert text == TEXT
    assert "2125550123" not in entry.data


async def test_the_same_words_are_kept_once(db: Database, now: datetime) -> None:
    await recorded(db, now)
    await recorded(db, now, OTHER)
    async with db.read() as tx:
        assert len(await tx.all(select(consent_texts))) == 1


async def test_many_are_recorded_all_or_none(db: Database, now: datetime) -> None:
    numbers = [Number(f"+1212555{n:04}") for n in range(100, 170)]
    bad = [(number, grant(now)) for number in numbers]
    bad[-1] = (bad[-1][0], grant(now, evidence={"note": "call +1 212-555-0169"}))
    with pytest.raises(BadInput, match="number itself"):
        async with db.begin() as tx:
            await record_each(tx, bad, by="cli:ann", now=now)
    async with db.begin() as tx:
        assert await tx.audit.size() == 0
        acts = await record_each(tx, [*[(n, grant(now)) for n in numbers], (numbers[0], grant(now))], by="a", now=now)
        assert [act.position for act in await tx.consents.of(acts[0].party_id)] == [0, 1]
        assert await tx.audit.size() == 71
        assert [size for size, _, _ in await tx.audit.checkpoints()] == [71]


@pytest.mark.parametrize(
    "changes",
    [
        {"channel": "x\ny"},
        {"seller": ""},
        {"jurisdiction": "us"},
        {"valid_until": datetime(2026, 11, 21, 15, 30, tzinfo=UTC)},
        {"evidence": {"note": "2125550123"}},
        {"evidence": {"note": "x" * LARGEST_EVIDENCE}},
        {"evidence": {"amount": 1.5}},
        {"at": datetime(2026, 11, 21, 15, 33, tzinfo=UTC)},
    ],
)
async def test_what_cannot_be_is_refused_and_nothing_written(
    db: Database, now: datetime, changes: dict[str, Any]
) -> None:
    with pytest.raises(BadInput):
        async with db.begin() as tx:
            await record(tx, CALLEE, grant(changes.pop("at", now), **changes), by="cli:ann", now=now)
    async with db.read() as tx:
        assert await tx.parties.find(CALLEE) is None
