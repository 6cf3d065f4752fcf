"""Caller id, abandonment, ring time, the data's age and its reach."""

from datetime import UTC, datetime, timedelta

import pytest

from compliance.facts import Abandonment, CallKind, Party
from compliance.jurisdictions.model import AbandonmentLaw, AbandonmentPeriod, CallerIdLaw, RingTimeLaw, When
from compliance.rules.abandonment import AbandonmentHeadroom
from compliance.rules.caller_id import CallerIdShown
from compliance.rules.jurisdiction_covered import JurisdictionCovered, PackAge
from compliance.rules.ring_time import RingTime
from tests.rules.made_up import AT, RELEASED, TICK, allows, detail, entry, packs, packs_of, place

# --- caller id ----------------------------------------------------------------------------------------------

CLI = CallerIdShown()
CLOSED = CallerIdLaw(entry=entry("no.cli"), forbidden_prefixes=("+4790", "+331"))


@pytest.mark.parametrize(
    ("shown", "says"),
    [
        ("+4722334455", None),
        ("+47 22 33 44 55", None),
        ("+12125550100", None),
        ("+18005550123", None),
        (None, "caller_id is unknown"),
        ("", "no ordinary or toll-free number"),
        ("22334455", "no ordinary or toll-free number"),
        ("anonymous", "no ordinary or toll-free number"),
        ("+19005550123", "no ordinary or toll-free number"),
        ("+15005550123", "no ordinary or toll-free number"),
        ("+12125551212", "no ordinary or toll-free number"),
        ("+4721234567", "the number to be called"),
        ("+47 21 23 45 67", "the number to be called"),
        ("+4790112233", "begin with +4790"),
        ("+33123456789", "begin with +331"),
    ],
)
def test_caller_id_is_a_number_that_may_be_shown_and_called_back(shown: str | None, says: str | None) -> None:
    if says is None:
        assert allows(CLI, CLOSED, caller_id=shown)
    else:
        assert says in detail(CLI, CLOSED, caller_id=shown)


def test_caller_id_is_needed_without_any_law() -> None:
    assert not allows(CLI, packs(), caller_id=None)
    assert allows(CLI, packs())
    assert allows(CLI, packs(), caller_id="+4790112233")


def test_where_a_range_is_set_aside_for_such_calls_only_its_numbers_may_be_shown() -> None:
    law = CallerIdLaw(entry=entry("no.cli"), forbidden_prefixes=("+47229",), required_prefixes=("+4722", "+4723"))
    assert allows(CLI, law, caller_id="+4722334455")
    assert allows(CLI, law, caller_id="+4723334455")
    assert "only numbers that begin with +4722 or +4723" in detail(CLI, law, caller_id="+4724334455")
    assert "begin with +47229 may not" in detail(CLI, law, caller_id="+4722934455")


def test_closed_range_is_closed_for_the_calls_the_law_speaks_of() -> None:
    when = When(parties=frozenset({Party.CONSUMER}))
    law = CallerIdLaw(entry=entry("no.cli"), forbidden_prefixes=("+4790",), when=when)
    assert not allows(CLI, law, caller_id="+4790112233")
    assert allows(CLI, law, caller_id="+4790112233", party=Party.BUSINESS)


# --- abandonment --------------------------------------------------------------------------------------------

ROOM = AbandonmentHeadroom()


def share(per_mille: int = 30, when: When | None = None) -> AbandonmentLaw:
    period = AbandonmentPeriod.CAMPAIGN_30_DAYS
    return AbandonmentLaw(
        entry=entry("no.abandoned"),
        when=when or When(),
        max_per_mille=per_mille,
        period=period,
        connect_within_seconds=2,
    )


@pytest.mark.parametrize(
    ("answered", "abandoned", "per_mille", "passes"),
    [
        (0, 0, 30, True),  # the first call of a campaign
        (1, 0, 30, True),
        (1, 1, 30, False),
        (0, 1, 30, False),
        (33, 1, 30, False),
        (34, 1, 30, True),
        (1000, 29, 30, True),
        (1000, 30, 30, True),
        (1000, 31, 30, False),
        (999, 30, 30, False),
        (100, 5, 50, True),
        (100, 6, 50, False),
        (10**12, 3 * 10**10, 30, True),
        (10**12, 3 * 10**10 + 1, 30, False),
        (100, 0, 0, True),
        (100, 1, 0, False),
    ],
)
def test_share_of_abandoned_calls_may_reach_the_limit_and_not_pass_it(
    answered: int, abandoned: int, per_mille: int, passes: bool
) -> None:
    assert allows(ROOM, share(per_mille), abandonment=Abandonment(answered, abandoned)) is passes


def test_counts_nobody_knows_matter_only_where_a_law_measures_them() -> None:
    assert detail(ROOM, share(), abandonment=None) == "no.abandoned: abandonment is unknown"
    assert allows(ROOM, packs(), abandonment=None)
    predictive = share(when=When(call_kinds=frozenset({CallKind.AUTODIALED_LIVE})))
    assert allows(ROOM, predictive, abandonment=None)
    assert not allows(ROOM, predictive, abandonment=None, call_kind=CallKind.AUTODIALED_LIVE)
    assert not allows(ROOM, predictive, abandonment=None, call_kind=None)


def test_denial_tells_counts_limit_and_period() -> None:
    said = detail(ROOM, share(), abandonment=Abandonment(100, 4))
    assert said == "no.abandoned: 4 of 100 answered calls abandoned, 30 in 1000 allowed (campaign_30_days)"


# --- ring time ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ring", "passes"), [(19, False), (20, True), (21, True), (60, True)])
def test_call_rings_as_long_as_the_law_wants(ring: int, passes: bool) -> None:
    law = RingTimeLaw(entry=entry("no.ring"), min_seconds=20)
    assert allows(RingTime(), law, ring_seconds=ring) is passes
    assert allows(RingTime(), packs(), ring_seconds=ring)


def test_ring_time_is_needed_without_any_law_and_named_when_too_short() -> None:
    assert detail(RingTime(), packs(), ring_seconds=None) == "ring_seconds is unknown"
    said = detail(RingTime(), RingTimeLaw(entry=entry("no.ring"), min_seconds=20), ring_seconds=9)
    assert said == "no.ring: would ring 9 s; at least 20 s"


# --- reach and age of the data ------------------------------------------------------------------------------


def test_every_candidate_region_must_be_in_the_data() -> None:
    covered = JurisdictionCovered()
    assert allows(covered, packs())
    assert allows(covered, packs(), region="NO-03")  # the country's file covers it
    assert detail(covered, packs(), region="ZZ") == "no data on ZZ"
    assert detail(covered, packs(), number=None) == "the number's region is unknown"
    states = packs_of(place("US"), place("US-NY"))
    assert allows(covered, states, number="+12125550123")
    assert allows(covered, states, number="+18005550123")
    assert detail(covered, states, number="+12145550123") == "no data on US-TX"
    assert detail(covered, states, number="+19025550123") == "no data on CA-NS, CA-PE"


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("10001", None),
        ("10001-1234", None),
        ("100011234", None),
        (" 10001 ", None),
        ("75201", "no data on US-TX"),
        ("k1a 0b1", "no data on CA-ON"),
        ("K1A", "no data on CA-ON"),
        ("09012", "postal_code is of no place"),  # military mail
        ("1000", "postal_code is of no place"),
        ("D1A 0B1", "postal_code is of no place"),
        ("SW1A 1AA", "postal_code is of no place"),
        ("10001;", "postal_code is of no place"),
        ("\u0661\u0662\u0663\u0664\u0665", "postal_code is of no place"),
    ],
)
def test_postal_code_adds_its_places_and_one_nobody_can_place_denies(code: str, says: str | None) -> None:
    states = packs_of(place("US"), place("US-NY"))
    asked = {"number": "+12125550123", "postal_code": code}
    if says is None:
        assert allows(JurisdictionCovered(), states, **asked)
    else:
        assert says in detail(JurisdictionCovered(), states, **asked)


def test_postal_code_of_another_country_is_not_read() -> None:
    assert allows(JurisdictionCovered(), packs(), postal_code="nonsense")


@pytest.mark.parametrize(
    ("at", "passes"),
    [
        (datetime(2020, 1, 1, tzinfo=UTC), True),
        (datetime(2026, 12, 2, tzinfo=UTC) - TICK, True),
        (datetime(2026, 12, 2, tzinfo=UTC), False),
    ],
)
def test_data_is_relied_on_through_its_last_day(at: datetime, passes: bool) -> None:
    assert packs().expires == RELEASED + timedelta(days=30)
    assert allows(PackAge(), packs(), at=at) is passes


def test_age_of_the_data_needs_the_time_and_says_what_to_do() -> None:
    assert detail(PackAge(), packs(), at=None) == "at is unknown"
    assert "good until 2026-12-01; install a newer release" in detail(PackAge(), packs(), at=AT + timedelta(days=99))
