"""Do-not-call lists: which are asked, how old they may be, and what sets them aside."""

from datetime import UTC, date, datetime, timedelta

import pytest

from compliance.facts import CallKind, ConsentKind, Party, Purpose, Registry, Relationship, RelationshipKind
from compliance.jurisdictions.model import Law, RegistryLaw, Unless, When
from compliance.rules.registry import RegistryClear
from tests.rules.made_up import (
    AT,
    DAY,
    TICK,
    TODAY,
    allows,
    ask,
    clear,
    consent,
    detail,
    entry,
    listed,
    packs,
    packs_of,
    place,
    relationship_law,
)

RULE = RegistryClear()
PURCHASE = Relationship(RelationshipKind.PURCHASE, AT - 30 * DAY)


def law(**more: object) -> RegistryLaw:
    return RegistryLaw(**{"entry": entry("no.list-law"), "list": "no.list", "max_age_days": 30, **more})


def test_number_on_the_list_is_denied_citing_the_law_and_the_version() -> None:
    (denial,) = ask(RULE, law(), registries=listed())
    assert denial.reason.rule == "registry"
    assert denial.reason.citation == "statute of no.list-law"
    assert denial.reason.confidence is law().entry.confidence
    assert denial.reason.detail == "no.list-law: on no.list, version of 2026-11-17"
    assert denial.until is None
    assert allows(RULE, law(), registries=clear())


UNCOVERED = "no.list is unknown: no version of it that covers the number"


def test_list_nobody_looked_up_is_named() -> None:
    assert detail(RULE, law(), registries={}) == f"no.list-law: {UNCOVERED}"
    assert detail(RULE, law(), registries=clear("no.other")) == f"no.list-law: {UNCOVERED}"
    assert detail(RULE, law(), registries=None) == "no.list-law: registries is unknown: no.list"


@pytest.mark.parametrize(
    ("version", "says"),
    [
        (TODAY, None),
        (TODAY - 30 * DAY, None),
        (TODAY - 31 * DAY, "31 days old, 30 allowed"),
        (TODAY + DAY, "still to come"),
    ],
)
@pytest.mark.parametrize("on_it", [False, True])
def test_version_is_of_today_at_the_latest_and_as_old_as_the_law_lets_it(
    version: date, says: str | None, on_it: bool
) -> None:
    known = {"no.list": Registry(on_it, version)}
    if says is None and not on_it:
        assert allows(RULE, law(), registries=known)
    else:
        assert (says or "on no.list") in detail(RULE, law(), registries=known)


def test_age_is_counted_in_the_latest_zone_and_tomorrow_in_the_earliest() -> None:
    """Kentucky keeps Eastern and Central time: at 05:30 UTC it is the 19th in the one and the 18th in the other."""
    where = packs_of(place("US", law()), place("US-KY"))
    at = datetime(2026, 11, 19, 5, 30, tzinfo=UTC)
    ask_of = {"number": "+13645550123", "at": at}
    assert allows(RULE, where, registries=clear(version=date(2026, 10, 20)), **ask_of)
    assert "31 days old" in detail(RULE, where, registries=clear(version=date(2026, 10, 19)), **ask_of)
    assert allows(RULE, where, registries=clear(version=date(2026, 11, 18)), **ask_of)
    assert "still to come" in detail(RULE, where, registries=clear(version=date(2026, 11, 19)), **ask_of)


def test_list_of_a_state_is_asked_for_numbers_that_may_lie_there() -> None:
    state = law(entry=entry("us-tx.dnc"), list="us-tx.dnc")
    where = packs_of(place("US"), place("US-TX", state), place("US-NY"), place("US-KY"))
    assert allows(RULE, where, number="+12125550123")
    assert "us-tx.dnc is unknown" in detail(RULE, where, number="+12145550123")
    assert "us-tx.dnc is unknown" in detail(RULE, where, number="+12125550123", region="US-TX")
    assert "us-tx.dnc is unknown" in detail(RULE, where, number="+12125550123", postal_code="75201")
    assert "us-tx.dnc is unknown" in detail(RULE, where, number="+18005550123")  # no state: it may be any


def test_every_list_that_applies_has_its_own_denial() -> None:
    both: list[Law] = [law(), law(entry=entry("no.second"), list="no.second")]
    found = ask(RULE, packs(*both), registries={**listed(), **listed("no.second")})
    assert [denial.reason.citation for denial in found] == ["statute of no.list-law", "statute of no.second"]


@pytest.mark.parametrize(
    ("when", "changes", "asked"),
    [
        (When(purposes=frozenset({Purpose.TELEMARKETING})), {}, True),
        (When(purposes=frozenset({Purpose.CHARITY})), {}, False),
        (When(purposes=frozenset({Purpose.CHARITY})), {"purpose": None}, True),
        (When(parties=frozenset({Party.BUSINESS})), {}, False),
        (When(parties=frozenset({Party.BUSINESS})), {"party": Party.BUSINESS}, True),
        (When(call_kinds=frozenset({CallKind.AI_VOICE})), {}, False),
        (When(call_kinds=frozenset({CallKind.AI_VOICE})), {"call_kind": CallKind.AI_VOICE}, True),
    ],
)
def test_law_speaks_of_its_own_calls_and_of_those_that_may_be(
    when: When, changes: dict[str, object], asked: bool
) -> None:
    assert allows(RULE, law(when=when), registries=listed(), **changes) is not asked


def test_law_that_only_may_apply_names_the_fact_that_would_tell() -> None:
    narrow = law(when=When(purposes=frozenset({Purpose.CHARITY}), parties=frozenset({Party.CONSUMER})))
    said = detail(RULE, narrow, registries=listed(), purpose=None)
    assert said.endswith("(purpose unknown, so it may apply)")
    assert "party" not in said


@pytest.mark.parametrize(
    ("kind", "wanted", "passes"),
    [
        (ConsentKind.IMPLIED, ConsentKind.EXPRESS, False),
        (ConsentKind.EXPRESS, ConsentKind.EXPRESS, True),
        (ConsentKind.EXPRESS_WRITTEN, ConsentKind.EXPRESS, True),
        (ConsentKind.EXPRESS_WRITTEN, None, False),
    ],
)
def test_consent_sets_the_list_aside_where_the_law_says_so(
    kind: ConsentKind, wanted: ConsentKind | None, passes: bool
) -> None:
    open_law = law(unless=Unless(consent=wanted))
    for known in (listed(), clear(version=TODAY - 90 * DAY), {}):
        assert allows(RULE, open_law, registries=known, consents=(consent(kind),)) is passes


def test_where_nothing_is_said_of_any_list_no_exemption_helps() -> None:
    unless = Unless(consent=ConsentKind.EXPRESS, relationship=True)
    where = packs(law(unless=unless), relationship_law())
    by_consent, by_purchase = {"consents": (consent(),)}, {"relationship": PURCHASE}
    for known in (by_consent, by_purchase):
        assert allows(RULE, where, registries={}, **known)
        assert "registries is unknown" in detail(RULE, where, registries=None, **known)


@pytest.mark.parametrize("gone", [{"withdrawn_at": AT}, {"expires_at": AT}, {"seller": "Other"}, {"obtained_at": None}])
def test_consent_that_does_not_stand_sets_nothing_aside(gone: dict[str, object]) -> None:
    open_law = law(unless=Unless(consent=ConsentKind.EXPRESS))
    assert not allows(RULE, open_law, registries=listed(), consents=(consent(**gone),))


def test_relationship_sets_the_list_aside_until_its_last_day_and_not_past_a_refusal() -> None:
    where = packs(law(unless=Unless(relationship=True)), relationship_law(18))
    on_list = {"registries": listed()}
    assert allows(RULE, where, relationship=PURCHASE, **on_list)
    last_day = Relationship(RelationshipKind.PURCHASE, datetime(2025, 5, 18, 12, tzinfo=UTC))
    day_before = Relationship(RelationshipKind.PURCHASE, datetime(2025, 5, 17, 12, tzinfo=UTC))
    assert allows(RULE, where, relationship=last_day, **on_list)
    assert not allows(RULE, where, relationship=day_before, **on_list)
    assert allows(RULE, where, relationship=PURCHASE, refusals=(PURCHASE.at - TICK,), **on_list)
    assert not allows(RULE, where, relationship=PURCHASE, refusals=(PURCHASE.at,), **on_list)
    assert not allows(RULE, where, relationship=PURCHASE, refusals=None, **on_list)
    assert not allows(RULE, where, relationship=None, **on_list)
    assert not allows(RULE, packs(law(), relationship_law(18)), relationship=PURCHASE, **on_list)


@pytest.mark.parametrize(("months", "passes"), [(0, False), (1, True)])
@pytest.mark.parametrize("kind", list(RelationshipKind))
def test_relationship_of_no_months_is_none_not_even_on_its_day(
    kind: RelationshipKind, months: int, passes: bool
) -> None:
    where = packs(law(unless=Unless(relationship=True)), relationship_law(months, inquiry=months))
    assert allows(RULE, where, registries=listed(), relationship=Relationship(kind, AT)) is passes


def test_where_nobody_says_what_a_relationship_is_there_is_none() -> None:
    assert not allows(RULE, law(unless=Unless(relationship=True)), registries=listed(), relationship=PURCHASE)


def test_strictest_of_the_state_and_its_country_says_how_old_a_relationship_may_be() -> None:
    """The federal list, in a state whose customers stay customers for a shorter, or a longer, time."""
    federal = law(entry=entry("us.list"), unless=Unless(relationship=True))
    on_list = {"registries": listed(), "number": "+12125550123"}

    def where(months: int) -> object:
        state = place("US-NY", relationship_law(months, "us-ny.relationship"))
        return packs_of(place("US", federal, relationship_law(18, "us.relationship")), state)

    at_13_months = Relationship(RelationshipKind.PURCHASE, AT - timedelta(days=396))
    at_19_months = Relationship(RelationshipKind.PURCHASE, AT - timedelta(days=580))
    assert not allows(RULE, where(12), relationship=at_13_months, **on_list)
    assert allows(RULE, where(24), relationship=at_13_months, **on_list)
    assert not allows(RULE, where(24), relationship=at_19_months, **on_list)


def test_every_candidate_region_must_know_the_relationship() -> None:
    federal = law(entry=entry("us.list"), unless=Unless(relationship=True))
    known, unknown = relationship_law(18, "us-ny.relationship"), place("US-TX")
    where = packs_of(place("US", federal), place("US-NY", known), unknown)
    asked = {"registries": listed(), "relationship": PURCHASE, "number": "+12125550123"}
    assert allows(RULE, where, **asked)
    assert not allows(RULE, where, region="US-TX", **asked)


@pytest.mark.parametrize(("fact", "says"), [("number", "region is unknown"), ("at", "at is unknown")])
def test_without_place_or_time_there_is_no_law_to_ask(fact: str, says: str) -> None:
    assert says in detail(RULE, law(), registries=clear(), **{fact: None})
    assert says in detail(RULE, packs(), registries={}, **{fact: None})


def test_law_of_another_day_is_not_asked() -> None:
    on_list = {"registries": listed()}
    assert allows(RULE, law(entry=entry(first=TODAY + DAY)), **on_list)
    assert not allows(RULE, law(entry=entry(first=TODAY)), **on_list)
    assert not allows(RULE, law(entry=entry(last=TODAY)), **on_list)
    assert allows(RULE, law(entry=entry(last=TODAY - DAY)), **on_list)
