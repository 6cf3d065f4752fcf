"""Which laws speak of a call: by place, local date, kind, purpose and party."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.applicable import applicable
from compliance.case import Case, _local_dates
from compliance.facts import CallKind, Party, Purpose
from compliance.jurisdictions.model import AttemptCap, Packs, Prohibition, Scope, When
from tests.rules.made_up import TODAY, call, entry, packs_of, place, relationship_law


def ban(name: str, **more: object) -> Prohibition:
    first, last, scope = more.pop("first", None), more.pop("last", None), more.pop("scope", Scope.EVERYWHERE)
    return Prohibition(entry=entry(name, first, last, scope=scope), **more)


def found(packs: Packs, *regions: str, first: date = TODAY, last: date = TODAY, **scope: object) -> list[str]:
    sort = {"call_kind": CallKind.LIVE, "purpose": Purpose.TELEMARKETING, "party": Party.CONSUMER, **scope}
    laws = applicable(packs, frozenset(regions), first, last, sort["call_kind"], sort["purpose"], sort["party"])
    return [applied.law.entry.id for applied in laws.of(Prohibition)]


WORLD = packs_of(
    place("US", ban("us.all"), ban("us.state-unknown", scope=Scope.SUBDIVISION_UNKNOWN)),
    place("US-NY", ban("us-ny.all")),
    place("US-TX", ban("us-tx.all")),
    place("DE", ban("de.all")),
    place("EU", ban("eu.all"), members=frozenset({"DE"})),
)


@pytest.mark.parametrize(
    ("regions", "laws"),
    [
        (("US-NY",), {"us.all", "us-ny.all"}),
        (("US-NY", "US-TX"), {"us.all", "us-ny.all", "us-tx.all"}),
        (("US-ZZ",), {"us.all"}),
        (("US",), {"us.all", "us.state-unknown", "us-ny.all", "us-tx.all"}),  # it may be any of them
        (("DE",), {"de.all", "eu.all"}),
        (("DE-BY",), {"de.all", "eu.all"}),
        (("DE", "US-TX"), {"de.all", "eu.all", "us.all", "us-tx.all"}),
        (("FR",), set()),
        ((), set()),
    ],
)
def test_laws_of_a_place_its_country_and_their_unions_apply(regions: tuple[str, ...], laws: set[str]) -> None:
    assert set(found(WORLD, *regions)) == laws
    assert len(found(WORLD, *regions)) == len(laws)


@pytest.mark.parametrize(
    ("first", "last", "applies"),
    [
        (date(2026, 11, 9), date(2026, 11, 9), False),
        (date(2026, 11, 9), date(2026, 11, 10), True),
        (date(2026, 11, 20), date(2026, 11, 21), True),
        (date(2026, 11, 21), date(2026, 11, 21), False),
        (date(2026, 11, 1), date(2026, 11, 30), True),
    ],
)
def test_law_in_force_on_any_of_the_dates_applies(first: date, last: date, applies: bool) -> None:
    packs = packs_of(place("NO", ban("no.ban", first=date(2026, 11, 10), last=date(2026, 11, 20))))
    assert bool(found(packs, "NO", first=first, last=last)) is applies


SCOPES = [("call_kind", "call_kinds", CallKind), ("purpose", "purposes", Purpose), ("party", "parties", Party)]


@pytest.mark.parametrize(("fact", "key", "kinds"), SCOPES)
def test_law_of_some_calls_applies_to_those_and_to_what_may_be_one(fact: str, key: str, kinds: type) -> None:
    for kind in kinds:
        law = ban("no.ban", when=When(**{key: frozenset({kind})}))
        packs = packs_of(place("NO", law))
        for other in kinds:
            assert bool(found(packs, "NO", **{fact: other})) is (kind is other)
        assert found(packs, "NO", **{fact: None})


def test_only_the_topic_asked_for_is_given() -> None:
    cap = AttemptCap(entry=entry("no.cap"), max=1, hours=1, calendar_days=None)
    laws = Case.of(call(), packs_of(place("NO", ban("no.ban"), cap, relationship_law()))).law
    assert [applied.law for applied in laws.of(AttemptCap)] == [cap]


def test_relationship_is_measured_by_every_place_the_law_is_asked_for() -> None:
    packs = packs_of(
        place("US", ban("us.ban"), relationship_law(18, "us.relationship")),
        place("US-NY", ban("us-ny.ban"), relationship_law(12, "us-ny.relationship")),
        place("US-TX"),
    )
    sort = (CallKind.LIVE, Purpose.TELEMARKETING, Party.CONSUMER)
    laws = applicable(packs, frozenset({"US-NY", "US-TX"}), TODAY, TODAY, *sort).of(Prohibition)
    months = {applied.law.entry.id: {law.purchase_months for law in applied.relationships} for applied in laws}
    assert months == {"us.ban": {12, 18}, "us-ny.ban": {12, 18}}


def test_nothing_applies_while_place_or_time_is_unknown() -> None:
    packs = packs_of(place("NO", ban("no.ban")))
    assert Case.of(call(), packs).law.of(Prohibition)
    assert not Case.of(call(at=None), packs).law.of(Prohibition)
    assert not Case.of(call(number=None), packs).law.of(Prohibition)


def test_unknown_zone_counts_a_day_early_and_a_day_late() -> None:
    case = Case.of(call(region="ZZ"), packs_of(place("NO")))
    assert case.zones == ()
    assert (case.first, case.last) == (TODAY - timedelta(days=1), TODAY + timedelta(days=1))


ZONES = [
    ZoneInfo(f"{name}")
    for name in (
        "Asia/Kathmandu",
        "Australia/Lord_Howe",
        "Pacific/Chatham",
        "Etc/GMT+12",
        "America/St_Johns",
        "America/New_York",
    )
]


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2199, 12, 30), timezones=st.just(UTC)),
    st.sets(st.sampled_from(ZONES), min_size=1),
)
def test_local_dates_are_those_of_the_earliest_and_the_latest_zone(at: datetime, zones: set[ZoneInfo]) -> None:
    dates = [at.astimezone(zone).date() for zone in zones]
    assert _local_dates(tuple(zones), at) == (min(dates), max(dates))


@pytest.mark.parametrize("zone", ZONES, ids=str)
def test_local_date_changes_at_midnight_and_not_a_moment_sooner(zone: ZoneInfo) -> None:
    for days in range(0, 400, 7):
        midnight = datetime(2026, 1, 1, tzinfo=zone) + timedelta(days=days)  # of the wall clock
        day, moment = midnight.date(), timedelta(microseconds=1)
        assert _local_dates((zone,), midnight.astimezone(UTC)) == (day, day)
        assert _local_dates((zone,), midnight.astimezone(UTC) - moment) == (day - timedelta(days=1),) * 2


# --- where an address may lie -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "changes", "regions", "zones"),
    [
        ("+12125550123", {}, {"US-NY"}, {"America/New_York"}),
        ("+12125550123", {"region": "US"}, {"US-NY"}, {"America/New_York"}),
        ("+12125550123", {"region": "US-CA"}, {"US-NY", "US-CA"}, {"America/New_York", "America/Los_Angeles"}),
        ("+12125550123", {"region": "ZZ"}, {"US-NY", "ZZ"}, set()),
        ("+12125550123", {"postal_code": "10001"}, {"US-NY"}, {"America/New_York"}),
        ("+12125550123", {"postal_code": "32501"}, {"US-NY", "US-FL"}, {"America/New_York", "America/Chicago"}),
        ("+12125550123", {"postal_code": "33101"}, {"US-NY", "US-FL"}, {"America/New_York"}),
        ("+12125550123", {"postal_code": "V5K 0A1"}, {"US-NY", "CA-BC"}, None),
        ("+12125550123", {"postal_code": "99999999"}, {"US-NY"}, set()),
        ("+12125550123", {"region": "US-CA", "postal_code": "10001"}, {"US-NY", "US-CA"}, None),
        ("+12125550123", {"region": "ZZ", "postal_code": "10001"}, {"US-NY", "ZZ"}, set()),
        ("+442071838750", {"postal_code": "10001"}, {"GB"}, {"Europe/London"}),
        ("+442071838750", {"region": "US-NY", "postal_code": "33101"}, {"GB", "US-NY", "US-FL"}, None),
        ("+80012345678", {"region": "US-NY", "postal_code": "10001"}, set(), set()),
    ],
)
def test_stated_place_and_postal_code_only_add(
    number: str, changes: dict[str, object], regions: set[str], zones: set[str] | None
) -> None:
    case = Case.of(call(number=number, **changes), WORLD)
    assert case.regions == regions
    assert len(set(case.zones)) == len(case.zones)
    if zones is not None:
        assert {zone.key for zone in case.zones} == zones
