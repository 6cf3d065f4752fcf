"""Which consent stands, and how long a relationship does: inside, on and outside each limit."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from compliance.consents import all_standing, at_least, standing
from compliance.facts import (
    CallKind,
    Consent,
    ConsentKind,
    Facts,
    Purpose,
    Relationship,
    RelationshipKind,
)
from compliance.jurisdictions.model import Entry, RelationshipLaw, Scope, When
from compliance.relationship import established, plus_months
from compliance.verdict import Confidence

AT = datetime(2026, 11, 18, 17, tzinfo=UTC)
TICK = timedelta(microseconds=1)
NEW_YORK, LOS_ANGELES, TOKYO = (
    ZoneInfo(f"{name}") for name in ("America/New_York", "America/Los_Angeles", "Asia/Tokyo")
)
ENTRY = Entry("made.up", "made up", "made up", Confidence.HOUSE, date(2026, 1, 1), None, None, Scope.EVERYWHERE)


def consent(kind: ConsentKind = ConsentKind.EXPRESS, **more: object) -> Consent:
    scope = {"purpose": Purpose.TELEMARKETING, "seller": "Acme"}
    return Consent(kind, **{**scope, "obtained_at": AT - timedelta(days=1), **more})


def known(*consents: Consent) -> Facts:
    return Facts(purpose=Purpose.TELEMARKETING, seller="Acme", consents=consents)


@pytest.mark.parametrize(
    ("of", "stands"),
    [
        (consent(), True),
        (consent(obtained_at=AT), True),
        (consent(obtained_at=AT + TICK), False),
        (consent(obtained_at=None), False),
        (consent(withdrawn_at=AT + TICK), True),
        (consent(withdrawn_at=AT), False),
        (consent(expires_at=AT + TICK), True),
        (consent(expires_at=AT), False),
        (consent(purpose=Purpose.SURVEY), False),
        (consent(purpose=None), False),
        (consent(seller="Other"), False),
        (consent(seller=None), False),
        (consent(ConsentKind.IMPLIED), False),
        (consent(ConsentKind.EXPRESS_WRITTEN), True),
    ],
)
def test_consent_stands(of: Consent, stands: bool) -> None:
    assert (standing(known(of), ConsentKind.EXPRESS, AT) == of) is stands


@pytest.mark.parametrize("fact", ["purpose", "seller"])
def test_unknown_purpose_or_seller_has_no_consent(fact: str) -> None:
    for of in (consent(), consent(**{fact: None})):
        assert standing(replace(known(of), **{fact: None}), ConsentKind.NONE, AT) is None
    assert standing(Facts(), ConsentKind.NONE, AT) is None


def test_strongest_comes_first_then_the_confirmed_then_the_latest() -> None:
    written = consent(ConsentKind.EXPRESS_WRITTEN, obtained_at=AT - timedelta(days=9))
    confirmed = consent(obtained_at=AT - timedelta(days=5), confirmed_at=AT)
    later, older = consent(confirmed_at=AT + TICK), consent(obtained_at=AT - timedelta(days=6))
    facts = known(older, later, confirmed, written)
    assert all_standing(facts, ConsentKind.IMPLIED, AT) == (written, confirmed, later, older)


def test_kinds_are_in_order() -> None:
    order = [ConsentKind.NONE, ConsentKind.IMPLIED, ConsentKind.EXPRESS, ConsentKind.EXPRESS_WRITTEN]
    for i, has in enumerate(order):
        assert [at_least(has, wanted) for wanted in order] == [j <= i for j in range(4)]


@pytest.mark.parametrize(
    ("day", "months", "later"),
    [
        ("2025-05-18", 18, "2026-11-18"),
        ("2024-02-29", 12, "2025-02-28"),
        ("2024-02-29", 48, "2028-02-29"),
        ("2027-08-31", 6, "2028-02-29"),
        ("2026-08-31", 6, "2027-02-28"),
        ("2026-12-31", 1, "2027-01-31"),
        ("2026-11-30", 3, "2027-02-28"),
    ],
)
def test_months_are_counted_by_the_calendar(day: str, months: int, later: str) -> None:
    assert plus_months(date.fromisoformat(day), months) == date.fromisoformat(later)


def related(kind: RelationshipKind, at: datetime, *refusals: datetime) -> Facts:
    return Facts(relationship=Relationship(kind, at), refusals=refusals)


LAW = RelationshipLaw(entry=ENTRY, purchase_months=18, inquiry_months=3)
PURCHASE, INQUIRY = RelationshipKind.PURCHASE, RelationshipKind.INQUIRY


@pytest.mark.parametrize(
    ("kind", "since", "at", "holds"),
    [
        (PURCHASE, "2025-05-18 23:59", "2026-11-18 20:00", True),
        (PURCHASE, "2025-05-18 00:00", "2026-11-18 23:59", True),
        (PURCHASE, "2025-05-17 23:59", "2026-11-18 00:00", False),
        (INQUIRY, "2026-08-18 00:00", "2026-11-18 23:59", True),
        (INQUIRY, "2026-08-17 23:59", "2026-11-18 00:00", False),
        (INQUIRY, "2025-11-30 12:00", "2026-02-28 12:00", True),
        (INQUIRY, "2025-11-30 12:00", "2026-03-01 12:00", False),
        (PURCHASE, "2026-11-18 12:00", "2026-11-18 11:59", False),
        (PURCHASE, "2026-11-18 12:00", "2026-11-18 12:00", True),
    ],
)
def test_relationship_lasts_to_the_end_of_its_last_local_day(
    kind: RelationshipKind, since: str, at: str, holds: bool
) -> None:
    then, now = (datetime.fromisoformat(text).replace(tzinfo=NEW_YORK) for text in (since, at))
    assert established(related(kind, then), LAW, now, [NEW_YORK]) is holds


def test_relationship_must_hold_in_every_zone() -> None:
    since = datetime(2025, 5, 18, 20, tzinfo=LOS_ANGELES)
    now = datetime(2026, 11, 18, 20, tzinfo=LOS_ANGELES)  # in Tokyo, 19 May and 19 November
    facts = related(PURCHASE, since)
    assert established(facts, LAW, now, [LOS_ANGELES, TOKYO])
    evening = datetime(2025, 5, 18, 1, tzinfo=LOS_ANGELES)  # in Tokyo, still 18 May; the call is on the 19th there
    assert established(related(PURCHASE, evening), LAW, now, [LOS_ANGELES])
    assert not established(related(PURCHASE, evening), LAW, now, [LOS_ANGELES, TOKYO])
    assert not established(facts, LAW, now, [])


def test_refusal_ends_the_relationship_and_a_purchase_begins_a_new_one() -> None:
    bought = AT - timedelta(days=30)
    assert established(related(PURCHASE, bought, bought - TICK), LAW, AT, [NEW_YORK])
    assert not established(related(PURCHASE, bought, bought), LAW, AT, [NEW_YORK])
    assert not established(related(PURCHASE, bought, bought - TICK, bought + TICK), LAW, AT, [NEW_YORK])
    assert not established(Facts(relationship=Relationship(PURCHASE, bought)), LAW, AT, [NEW_YORK])


def test_exemption_is_granted_only_to_calls_known_to_be_meant() -> None:
    live = RelationshipLaw(
        entry=ENTRY, when=When(call_kinds=frozenset({CallKind.LIVE})), purchase_months=18, inquiry_months=0
    )
    facts = related(PURCHASE, AT - timedelta(days=30))
    assert not established(facts, live, AT, [NEW_YORK])
    for kind, holds in [(CallKind.LIVE, True), (CallKind.PRERECORDED, False)]:
        of_kind = Facts(relationship=facts.relationship, refusals=(), call_kind=kind)
        assert established(of_kind, live, AT, [NEW_YORK]) is holds
    assert not established(related(INQUIRY, AT), live, AT, [NEW_YORK])
