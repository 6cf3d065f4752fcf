"""Consent: of what kind, for whom, how fresh, and confirmed where the campaign asks for it."""

from datetime import UTC, datetime

import pytest

from compliance.facts import CallKind, ConsentKind, Party, Purpose, Relationship, RelationshipKind
from compliance.jurisdictions.model import ConsentLaw, Prohibition, Unless, When
from compliance.rules.consent import ConsentGiven, DoubleOptIn
from compliance.rules.prohibition import NotProhibited
from tests.rules.made_up import (
    AT,
    DAY,
    HOUR,
    TICK,
    allows,
    ask,
    consent,
    detail,
    entry,
    packs,
    packs_of,
    place,
    relationship_law,
)

RULE = ConsentGiven()
KINDS = list(ConsentKind)
PURCHASE = Relationship(RelationshipKind.PURCHASE, AT - DAY)


def law(kind: ConsentKind = ConsentKind.EXPRESS, **more: object) -> ConsentLaw:
    return ConsentLaw(**{"entry": entry("no.consent"), "kind": kind, "renew_months": None, **more})


@pytest.mark.parametrize("given", KINDS)
@pytest.mark.parametrize("needed", KINDS)
def test_consent_of_the_kind_or_a_stronger_one_is_enough(given: ConsentKind, needed: ConsentKind) -> None:
    enough = needed is ConsentKind.NONE or KINDS.index(given) >= KINDS.index(needed)
    assert allows(RULE, law(needed), consents=(consent(given),)) is enough


def test_denial_says_what_is_needed() -> None:
    assert detail(RULE, law()) == "no.consent: needs express consent for this purpose and seller, and none stands"
    assert "consents is unknown" in detail(RULE, law(), consents=None)
    assert "within 24 months" in detail(RULE, law(renew_months=24))
    assert allows(RULE, law(ConsentKind.NONE), consents=None)


@pytest.mark.parametrize(
    ("of", "stands"),
    [
        ({"obtained_at": AT}, True),
        ({"obtained_at": AT + TICK}, False),
        ({"obtained_at": None}, False),
        ({"withdrawn_at": AT}, False),
        ({"withdrawn_at": AT + TICK}, True),
        ({"expires_at": AT}, False),
        ({"expires_at": AT + TICK}, True),
        ({"purpose": Purpose.TELEMARKETING}, True),
        ({"purpose": Purpose.SURVEY}, False),
        ({"seller": "Acme"}, True),
        ({"seller": "Bcme"}, False),
    ],
)
def test_only_a_consent_that_stands_for_this_purpose_and_seller_counts(of: dict[str, object], stands: bool) -> None:
    assert allows(RULE, law(), consents=(consent(**of),)) is stands


def test_strongest_that_any_candidate_region_asks_for_is_needed() -> None:
    where = packs_of(
        place("US", law(ConsentKind.EXPRESS, entry=entry("us.consent"))),
        place("US-NY"),
        place("US-TX", law(ConsentKind.EXPRESS_WRITTEN, entry=entry("us-tx.consent"))),
    )
    asked = {"number": "+12125550123", "consents": (consent(ConsentKind.EXPRESS),)}
    assert allows(RULE, where, **asked)
    assert detail(RULE, where, region="US-TX", **asked).startswith("us-tx.consent: needs express_written")


@pytest.mark.parametrize("fact", ["call_kind", "purpose", "party"])
def test_sort_of_call_must_be_known_whatever_the_law(fact: str) -> None:
    assert detail(RULE, packs(), **{fact: None}) == f"{fact} is unknown"


@pytest.mark.parametrize(("fact", "says"), [("number", "region is unknown"), ("at", "at is unknown")])
def test_place_and_time_must_be_known(fact: str, says: str) -> None:
    assert says in detail(RULE, packs(), **{fact: None})


def test_seller_nobody_names_has_no_consent_of_a_seller() -> None:
    assert not allows(RULE, law(), seller=None, consents=(consent(),))
    assert not allows(RULE, law(), seller=None, consents=(consent(seller=None),))


@pytest.mark.parametrize(
    ("given", "confirmed", "fresh"),
    [
        (datetime(2025, 5, 18, 0, tzinfo=UTC), None, True),
        (datetime(2025, 5, 17, 21, tzinfo=UTC), None, False),  # 23:00 of the 17th in Oslo
        (datetime(2025, 5, 17, 22, tzinfo=UTC), None, True),  # 00:00 of the 18th
        (datetime(2020, 1, 1, tzinfo=UTC), AT - DAY, True),
        (datetime(2020, 1, 1, tzinfo=UTC), datetime(2025, 5, 17, 12, tzinfo=UTC), False),
        (datetime(2020, 1, 1, tzinfo=UTC), AT + TICK, False),
        (AT - DAY, datetime(2020, 1, 1, tzinfo=UTC), True),
    ],
)
def test_consent_lapses_unless_given_anew_counted_in_local_months(
    given: datetime, confirmed: datetime | None, fresh: bool
) -> None:
    on_file = (consent(obtained_at=given, confirmed_at=confirmed),)
    assert allows(RULE, law(renew_months=18), consents=on_file) is fresh
    assert allows(RULE, law(), consents=on_file)


def test_months_end_on_the_last_day_of_a_shorter_one_leap_day_included() -> None:
    on_file = (consent(obtained_at=datetime(2023, 8, 31, 12, tzinfo=UTC)),)
    lapsing = law(renew_months=6)
    assert allows(RULE, lapsing, at=datetime(2024, 2, 29, 12, tzinfo=UTC), consents=on_file)
    assert not allows(RULE, lapsing, at=datetime(2024, 3, 1, 12, tzinfo=UTC), consents=on_file)


def test_freshness_is_not_guessed_where_the_zone_is_unknown() -> None:
    on_file = (consent(),)
    assert not allows(RULE, law(renew_months=18), region="ZZ", consents=on_file)


def test_any_of_several_consents_will_do() -> None:
    stale = consent(obtained_at=datetime(2020, 1, 1, tzinfo=UTC))
    weak = consent(ConsentKind.IMPLIED)
    good = consent(obtained_at=AT - HOUR)
    assert not allows(RULE, law(renew_months=18), consents=(stale, weak))
    assert allows(RULE, law(renew_months=18), consents=(stale, weak, good))


@pytest.mark.parametrize(
    ("withdrawn", "passes"),
    [
        ({"withdrawn_at": AT - HOUR}, False),
        ({"withdrawn_at": AT}, False),
        ({"withdrawn_at": AT + TICK}, True),
        ({"withdrawn_at": AT - 30 * DAY}, False),  # the very instant at which the other was given
        ({"withdrawn_at": AT - 30 * DAY - TICK}, True),  # given anew since
        ({"withdrawn_at": AT - HOUR, "purpose": Purpose.SURVEY}, False),
        ({"withdrawn_at": AT - HOUR, "kind": ConsentKind.NONE}, False),
        ({"withdrawn_at": AT - HOUR, "seller": "Acme"}, False),
        ({"withdrawn_at": AT - HOUR, "seller": None}, False),
        ({"withdrawn_at": AT - HOUR, "purpose": None}, False),
        ({"withdrawn_at": AT - HOUR, "seller": "Other"}, True),
    ],
)
def test_withdrawal_of_one_consent_ends_all_that_the_seller_had_by_then(
    withdrawn: dict[str, object], passes: bool
) -> None:
    other = consent(**{"obtained_at": AT - 99 * DAY, **withdrawn})
    assert allows(RULE, law(), consents=(consent(), other)) is passes
    assert allows(RULE, law(), consents=(other, consent())) is passes


def test_last_of_several_withdrawals_counts() -> None:
    early, late = consent(withdrawn_at=AT - 60 * DAY), consent(withdrawn_at=AT - HOUR)
    for withdrawals in ((early, late), (late, early)):
        assert not allows(RULE, law(), consents=(consent(), *withdrawals))
    assert allows(RULE, law(), consents=(consent(), early, early))


def test_relationship_stands_in_for_consent_where_the_law_says_so() -> None:
    open_law = law(unless=Unless(relationship=True))
    assert allows(RULE, packs(open_law, relationship_law()), relationship=PURCHASE)
    assert not allows(RULE, packs(law(), relationship_law()), relationship=PURCHASE)
    assert not allows(RULE, packs(open_law), relationship=PURCHASE)


def test_weaker_consent_stands_in_where_the_law_says_so() -> None:
    open_law = law(ConsentKind.EXPRESS_WRITTEN, unless=Unless(consent=ConsentKind.IMPLIED))
    assert allows(RULE, open_law, consents=(consent(ConsentKind.IMPLIED),))
    assert not allows(RULE, law(ConsentKind.EXPRESS_WRITTEN), consents=(consent(ConsentKind.IMPLIED),))


# --- double opt-in ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("on_file", "passes"),
    [
        ((), False),
        ((consent(),), False),
        ((consent(confirmed_at=AT),), True),
        ((consent(confirmed_at=AT + TICK),), False),
        ((consent(ConsentKind.NONE, confirmed_at=AT),), False),
        ((consent(ConsentKind.IMPLIED, confirmed_at=AT),), True),
        ((consent(confirmed_at=AT, withdrawn_at=AT),), False),
        ((consent(), consent(confirmed_at=AT)), True),
    ],
)
def test_campaign_that_asks_for_double_opt_in_calls_only_who_confirmed(on_file: tuple, passes: bool) -> None:
    assert allows(DoubleOptIn(), packs(), double_opt_in=True, consents=on_file) is passes
    assert allows(DoubleOptIn(), packs(), double_opt_in=False, consents=on_file)
    assert allows(DoubleOptIn(), packs(), double_opt_in=None, consents=on_file)


def test_double_opt_in_asks_for_time_and_consents() -> None:
    assert detail(DoubleOptIn(), packs(), double_opt_in=True, consents=None) == "consents is unknown"
    assert detail(DoubleOptIn(), packs(), double_opt_in=True, at=None) == "at is unknown"
    assert "no consent" in detail(DoubleOptIn(), packs(), double_opt_in=True)


def test_unconfirmed_consent_stands_for_nothing_in_such_a_campaign() -> None:
    on_file = {"consents": (consent(),)}
    assert allows(RULE, law(), **on_file)
    assert not allows(RULE, law(), double_opt_in=True, **on_file)


# --- prohibition --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unless", "says"),
    [
        (Unless(), "no.ban: such a call is not placed"),
        (Unless(consent=ConsentKind.EXPRESS), "no.ban: such a call is not placed without express consent"),
        (
            Unless(ConsentKind.EXPRESS, True),
            "no.ban: such a call is not placed without express consent or an established business relationship",
        ),
    ],
)
def test_prohibition_denies_save_for_what_the_law_names(unless: Unless, says: str) -> None:
    ban = Prohibition(entry=entry("no.ban"), unless=unless, when=When(call_kinds=frozenset({CallKind.PRERECORDED})))
    where = packs(ban, relationship_law())
    recorded = {"call_kind": CallKind.PRERECORDED}
    assert allows(NotProhibited(), where)
    assert detail(NotProhibited(), where, **recorded) == says
    assert detail(NotProhibited(), where, call_kind=None) == f"{says} (call_kind unknown, so it may apply)"
    assert allows(NotProhibited(), where, consents=(consent(),), **recorded) is (unless.consent is not None)
    assert allows(NotProhibited(), where, relationship=PURCHASE, **recorded) is unless.relationship


def test_prohibition_for_consumers_lets_a_business_be_called() -> None:
    ban = Prohibition(entry=entry("no.ban"), when=When(parties=frozenset({Party.CONSUMER})))
    assert len(ask(NotProhibited(), ban)) == 1
    assert allows(NotProhibited(), ban, party=Party.BUSINESS)
