"""The reassigned-numbers database and its three answers, and which calls need one."""

from datetime import UTC, date, datetime

import pytest

from compliance.facts import CallKind, ConsentKind, Reassigned, Relationship, RelationshipKind
from compliance.jurisdictions.model import ConsentLaw, Packs, Prohibition, ReassignedLaw, RegistryLaw, Unless, When
from compliance.rules.reassigned import NotReassigned
from tests.rules.made_up import (
    AT,
    DAY,
    TICK,
    TODAY,
    allows,
    checked,
    clear,
    consent,
    detail,
    entry,
    listed,
    packs,
    relationship_law,
)

RULE = NotReassigned()
ON_FILE = (consent(obtained_at=datetime(2026, 3, 1, 12, tzinfo=UTC)),)


def where(needs: ConsentKind = ConsentKind.EXPRESS, when: When | None = None) -> Packs:
    reassigned = ReassignedLaw(entry=entry("no.reassigned"), max_age_days=30, when=when or When())
    return packs(reassigned, ConsentLaw(entry=entry("no.consent"), kind=needs, renew_months=None))


@pytest.mark.parametrize(
    ("known", "says"),
    [
        (checked(), None),
        (checked(at=AT), None),
        (checked(at=AT + TICK), "checked_at lies in the future"),
        (checked(at=AT - 30 * DAY), None),
        (checked(at=AT - 30 * DAY - TICK), "checked more than 30 days ago"),
        (checked(since=date(2026, 3, 1)), None),
        (checked(since=date(2026, 3, 2)), "asked since 2026-03-02, which is after the consent"),
        (checked(since=None), "consent_date is unknown"),
        (checked("no_data"), "no data on the number"),
        (checked("yes"), "has been reassigned"),
        (None, "reassigned is unknown, and the call rests on consent"),
    ],
)
def test_call_that_rests_on_consent_needs_a_young_no_since_the_consent(known: Reassigned | None, says: str) -> None:
    if says is None:
        assert allows(RULE, where(), consents=ON_FILE, reassigned=known)
    else:
        assert says in detail(RULE, where(), consents=ON_FILE, reassigned=known)


@pytest.mark.parametrize("kind", list(CallKind))
def test_yes_denies_every_call_law_or_not(kind: CallKind) -> None:
    assert detail(RULE, packs(), call_kind=kind, reassigned=checked("yes")) == "the number has been reassigned"
    assert not allows(RULE, packs(), number=None, reassigned=checked("yes"))


@pytest.mark.parametrize("known", [None, checked("no_data"), checked(at=AT - 99 * DAY)])
def test_call_that_needs_no_consent_needs_no_answer(known: Reassigned | None) -> None:
    assert allows(RULE, where(ConsentKind.NONE), consents=ON_FILE, reassigned=known)
    assert allows(RULE, where(), reassigned=known)  # no consent to rest on: another rule denies it
    assert allows(RULE, packs(), consents=ON_FILE, reassigned=known)  # nothing but consent, and no such law
    other = When(call_kinds=frozenset({CallKind.AI_VOICE}))
    assert allows(RULE, where(when=other), consents=ON_FILE, reassigned=known)
    assert not allows(RULE, where(when=other), consents=ON_FILE, reassigned=known, call_kind=CallKind.AI_VOICE)


@pytest.mark.parametrize(
    ("known", "says"),
    [
        (checked(), None),
        (checked(since=date(2026, 6, 30)), None),  # there is no consent it could be after
        (checked(since=None), "consent_date is unknown"),
        (checked(at=AT - 30 * DAY), None),
        (checked(at=AT - 30 * DAY - TICK), "checked more than 30 days ago"),
        (checked(at=AT + TICK), "checked_at lies in the future"),
        (checked("no_data"), "no data on the number, and every number is to be asked about"),
        (None, "reassigned is unknown, and every number is to be asked about"),
    ],
)
def test_law_may_want_every_number_asked_about(known: Reassigned | None, says: str | None) -> None:
    found = packs(ReassignedLaw(entry=entry("no.reassigned"), max_age_days=30, every_call=True))
    if says is None:
        assert allows(RULE, found, reassigned=known)
    else:
        assert says in detail(RULE, found, reassigned=known)


def test_consent_that_sets_a_list_aside_is_one_the_call_rests_on() -> None:
    """While the list has nothing against the call, the consent is not used, and nothing hangs on whose it is."""
    law = RegistryLaw(entry=entry("no.list"), list="no.list", max_age_days=30, unless=Unless(ConsentKind.EXPRESS, True))
    found = packs(law, ReassignedLaw(entry=entry("no.reassigned"), max_age_days=30), relationship_law())
    assert allows(RULE, found, consents=ON_FILE, registries=clear())
    assert not allows(RULE, found, consents=ON_FILE, registries=listed())
    assert not allows(RULE, found, consents=ON_FILE, registries=clear(version=TODAY - 40 * DAY))
    bought = Relationship(RelationshipKind.PURCHASE, AT - DAY)
    assert allows(RULE, found, consents=ON_FILE, registries=listed(), relationship=bought)


def test_oldest_consent_the_call_rests_on_is_the_one_asked_about() -> None:
    written = consent(ConsentKind.EXPRESS_WRITTEN, obtained_at=datetime(2026, 1, 10, 12, tzinfo=UTC))
    spoken = consent(ConsentKind.EXPRESS, obtained_at=datetime(2026, 6, 1, 12, tzinfo=UTC))
    ban = Prohibition(entry=entry("no.ban"), unless=Unless(consent=ConsentKind.EXPRESS_WRITTEN))
    both = packs(
        ban,
        ConsentLaw(entry=entry("no.consent"), kind=ConsentKind.EXPRESS, renew_months=None),
        ReassignedLaw(entry=entry("no.reassigned"), max_age_days=30),
    )
    on_file = {"consents": (spoken, written)}
    assert allows(RULE, both, reassigned=checked(since=date(2026, 1, 10)), **on_file)
    assert not allows(RULE, both, reassigned=checked(since=date(2026, 1, 11)), **on_file)
    assert allows(RULE, where(), reassigned=checked(since=date(2026, 6, 1)), **on_file)  # the latest is enough there


@pytest.mark.parametrize("fact", ["at", "number"])
def test_without_place_or_time_nobody_knows_whether_it_is_needed(fact: str) -> None:
    assert "is unknown" in detail(RULE, packs(), **{fact: None})
