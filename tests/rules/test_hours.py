"""Whom a law on hours speaks of, what sets it aside, holidays and eves, a zone it names, days the clocks change."""

import dataclasses
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from compliance.case import Case
from compliance.facts import CallKind, Consent, ConsentKind, Party, Purpose, Relationship, RelationshipKind
from compliance.hours import HORIZON, closed, next_open
from compliance.jurisdictions.model import (
    EasterDay,
    FixedDay,
    Holiday,
    Observed,
    Packs,
    RelationshipLaw,
    Unless,
    When,
)
from compliance.rules import CallingHours
from compliance.windows import clock_spans, common, either, inside
from tests.rules.hours_world import case, entry, law, windows, with_laws

NORWAY = frozenset({"NO"})
OSLO, HOWE, NEW_YORK, HAVANA, PERTH = (
    ZoneInfo(name)
    for name in ("Europe/Oslo", "Australia/Lord_Howe", "America/New_York", "America/Havana", "Australia/Perth")
)
TICK = timedelta(microseconds=1)
CHRISTMAS = Holiday("Christmas", FixedDay(12, 25), Observed.FRIDAY, Observed.MONDAY)
GOOD_FRIDAY = Holiday("Good Friday", EasterDay(-2), Observed.NOT, Observed.NOT)


def clock(text: str, zone: ZoneInfo = OSLO, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold)


def asked(packs: Packs, *zones: ZoneInfo, **known: object) -> Case:
    return case(packs, NORWAY, zones or (OSLO,), **known)


def is_open(of: Case, at: datetime, ring: int = 25) -> bool:
    return not closed(of, at, ring)


# --- when ---------------------------------------------------------------------------------------------------

AUTOMATED = law("10:00-12:00", "no.automated", when=When(call_kinds=frozenset({CallKind.PRERECORDED})))
SALES_TO_CONSUMERS = law(
    "10:00-12:00",
    "no.sales",
    when=When(purposes=frozenset({Purpose.TELEMARKETING}), parties=frozenset({Party.CONSUMER})),
)


@pytest.mark.parametrize(
    ("known", "opens"),
    [
        ({}, False),
        ({"call_kind": CallKind.PRERECORDED}, False),
        ({"call_kind": CallKind.LIVE}, True),
    ],
)
def test_law_for_a_kind_of_call_counts_unless_the_call_is_known_to_be_another(
    known: dict[str, object], opens: bool
) -> None:
    packs = with_laws(law(), AUTOMATED)
    assert is_open(asked(packs, **known), clock("2026-11-18 15:00")) is opens
    assert is_open(asked(packs, **known), clock("2026-11-18 11:00"))


@pytest.mark.parametrize(
    ("purpose", "party", "opens"),
    [
        (None, None, False),
        (Purpose.TELEMARKETING, None, False),
        (None, Party.CONSUMER, False),
        (Purpose.TELEMARKETING, Party.CONSUMER, False),
        (Purpose.SURVEY, None, True),
        (None, Party.BUSINESS, True),
        (Purpose.SURVEY, Party.CONSUMER, True),
    ],
)
def test_law_counts_when_every_part_of_its_scope_may_fit(
    purpose: Purpose | None, party: Party | None, opens: bool
) -> None:
    of = asked(with_laws(SALES_TO_CONSUMERS), purpose=purpose, party=party)
    assert is_open(of, clock("2026-11-18 15:00")) is opens


def test_region_none_of_whose_laws_counts_keeps_the_house_hours() -> None:
    of = asked(with_laws(AUTOMATED), call_kind=CallKind.LIVE)
    assert is_open(of, clock("2026-11-18 08:00"))
    (shut,) = closed(of, clock("2026-11-18 07:59:59"), 25)
    assert shut.hours.entry.id == "default.hours"


def test_denial_names_the_facts_on_which_it_hangs() -> None:
    of = asked(with_laws(SALES_TO_CONSUMERS), at=clock("2026-11-18 15:00"), party=Party.CONSUMER)
    (denial,) = CallingHours().check(of)
    assert "no.sales is open 10:00-12:00" in denial.reason.detail
    assert denial.reason.detail.endswith("whether it applies hangs on purpose, unknown")
    known = dataclasses.replace(of.facts, purpose=Purpose.TELEMARKETING)
    (denial,) = CallingHours().check(Case(known, of.packs, of.regions, of.zones))
    assert "unknown" not in denial.reason.detail


# --- unless -------------------------------------------------------------------------------------------------

BOUGHT = datetime(2026, 10, 1, tzinfo=UTC)
NARROW = law("10:00-12:00", unless=Unless(consent=ConsentKind.EXPRESS))
AMONG_FRIENDS = law("10:00-12:00", unless=Unless(relationship=True))
AGES = RelationshipLaw(entry=entry("no.relationship"), purchase_months=2, inquiry_months=1)


def agreed(kind: ConsentKind, **more: object) -> dict[str, object]:
    scope = {"purpose": Purpose.TELEMARKETING, "seller": "Acme"}
    given = {**scope, "obtained_at": datetime(2026, 1, 1, tzinfo=UTC), **more}
    return {**scope, "consents": (Consent(kind, **given),)}


@pytest.mark.parametrize(
    ("known", "opens"),
    [
        ({}, False),
        (agreed(ConsentKind.IMPLIED), False),
        (agreed(ConsentKind.EXPRESS), True),
        (agreed(ConsentKind.EXPRESS_WRITTEN), True),
        (agreed(ConsentKind.EXPRESS, withdrawn_at=clock("2026-11-18 15:00")), False),
        (agreed(ConsentKind.EXPRESS, withdrawn_at=clock("2026-11-18 15:00") + TICK), True),
        (agreed(ConsentKind.EXPRESS, seller="another"), False),
    ],
)
def test_standing_consent_leaves_the_house_hours(known: dict[str, object], opens: bool) -> None:
    of = asked(with_laws(NARROW), **known)
    assert is_open(of, clock("2026-11-18 15:00")) is opens
    assert is_open(of, clock("2026-11-18 11:00"))
    assert not is_open(of, clock("2026-11-18 21:00"))
    assert not is_open(of, clock("2026-11-18 03:00"))


@pytest.mark.parametrize(
    ("bought", "refusals", "laws", "opens"),
    [
        ("2026-09-18", (), (AMONG_FRIENDS, AGES), True),
        ("2026-09-17", (), (AMONG_FRIENDS, AGES), False),
        ("2026-09-18", (), (AMONG_FRIENDS,), False),  # nobody says how long it lasts
        ("2026-09-18", (), (NARROW, AGES), False),
        ("2026-09-18", (datetime(2026, 11, 1, tzinfo=UTC),), (AMONG_FRIENDS, AGES), False),
        ("2026-09-18", None, (AMONG_FRIENDS, AGES), False),
    ],
)
def test_established_relationship_leaves_the_house_hours(
    bought: str, refusals: tuple[datetime, ...] | None, laws: tuple[RelationshipLaw, ...], opens: bool
) -> None:
    since = Relationship(RelationshipKind.PURCHASE, clock(bought))
    of = asked(with_laws(*laws), relationship=since, refusals=refusals)
    assert is_open(of, clock("2026-11-18 15:00")) is opens
    assert not is_open(of, clock("2026-11-18 21:00"))


@pytest.mark.parametrize(
    ("text", "relationship", "relied"),
    [
        ("2026-11-18 11:00", None, False),  # open to anybody
        ("2026-11-18 15:00", None, True),
        ("2026-11-18 15:00", BOUGHT, False),  # the relationship is enough
        ("2026-11-18 22:00", None, False),  # closed all the same
    ],
)
def test_call_rests_on_the_consent_without_which_it_would_be_closed(
    text: str, relationship: datetime | None, relied: bool
) -> None:
    law_of_both = law("10:00-12:00", unless=Unless(consent=ConsentKind.EXPRESS, relationship=True))
    known = {**agreed(ConsentKind.EXPRESS_WRITTEN), "at": clock(text), "refusals": (), "ring_seconds": 25}
    if relationship is not None:
        known["relationship"] = Relationship(RelationshipKind.PURCHASE, relationship)
    of = asked(with_laws(law_of_both, AGES), **known)
    assert CallingHours().weigh(of).relied_on == (known["consents"] if relied else ())


def test_where_only_the_country_is_known_the_hours_of_all_its_parts_count() -> None:
    packs = with_laws(law(), code="NO")
    parts = with_laws(law("08:00-12:00", "no-03.hours"), code="NO-03")
    both = dataclasses.replace(packs, jurisdictions={**packs.jurisdictions, **parts.jurisdictions})
    for region, opens in [("NO", False), ("NO-03", False), ("NO-46", True)]:
        assert is_open(case(both, frozenset({region}), (OSLO,)), clock("2026-11-18 15:00")) is opens


def test_relationship_counts_where_its_region_grants_it_and_not_next_door() -> None:
    grants = with_laws(AMONG_FRIENDS, AGES)
    both = with_laws(law("10:00-12:00", "se.hours", unless=Unless(relationship=True)), code="SE")
    packs = dataclasses.replace(grants, jurisdictions={**both.jurisdictions, **grants.jurisdictions})
    known = {"relationship": Relationship(RelationshipKind.PURCHASE, BOUGHT), "refusals": ()}
    afternoon = clock("2026-11-18 15:00")
    assert is_open(case(packs, NORWAY, (OSLO,), **known), afternoon)
    (shut,) = closed(case(packs, NORWAY | {"SE"}, (OSLO,), **known), afternoon, 25)
    assert shut.hours.entry.id == "se.hours"


def test_consent_never_closes_what_its_law_leaves_open() -> None:
    """The law's own evening lies outside the house default."""
    packs = with_laws(law("06:00-07:00 20:00-23:00", unless=Unless(consent=ConsentKind.EXPRESS)))
    for text, without, with_it in [("06:30", True, True), ("12:00", False, True), ("22:00", True, True)]:
        at = clock(f"2026-11-18 {text}")
        assert is_open(asked(packs), at) is without
        assert is_open(asked(packs, **agreed(ConsentKind.EXPRESS)), at) is with_it


def test_next_opening_is_asked_of_the_consent_that_stands_then() -> None:
    night, packs = clock("2026-11-18 23:00"), with_laws(NARROW)
    lasts = asked(packs, **agreed(ConsentKind.EXPRESS))
    ends = asked(packs, **agreed(ConsentKind.EXPRESS, expires_at=clock("2026-11-19 02:00")))
    assert next_open(lasts, night, 25) == clock("2026-11-19 08:00")
    assert next_open(ends, night, 25) == clock("2026-11-19 10:00")


# --- holidays and eves --------------------------------------------------------------------------------------

FEAST = law(holidays=(), eves=windows("08:00-12:00"), calendar=(CHRISTMAS, GOOD_FRIDAY))


@pytest.mark.parametrize(
    ("at", "opens"),
    [
        ("2026-12-23 20:59:35", True),
        ("2026-12-24 11:59:35", True),
        ("2026-12-24 11:59:36", False),
        ("2026-12-25 12:00:00", False),
        ("2026-12-25 08:00:00", False),
        ("2026-12-26 08:00:00", True),
        ("2027-12-23 12:00:00", False),  # the eve of the Friday on which a Saturday's Christmas is kept
        ("2027-12-24 09:00:00", False),
        ("2027-12-25 09:00:00", False),
        ("2027-12-26 09:00:00", True),
        ("2026-04-02 12:00:00", False),
        ("2026-04-02 11:00:00", True),
        ("2026-04-03 11:00:00", False),
        ("2028-02-29 12:00:00", True),
    ],
)
def test_holidays_and_their_eves(at: str, opens: bool) -> None:
    assert is_open(asked(with_laws(FEAST)), clock(at)) is opens


def test_holiday_narrows_the_weekday_and_never_widens_it() -> None:
    saturdays_only = law(
        week=((),) * 5 + (windows("09:00-17:00"), ()), holidays=windows("10:00-18:00"), calendar=(CHRISTMAS,)
    )
    of = asked(with_laws(saturdays_only))
    assert not is_open(of, clock("2026-12-25 12:00"))  # a Friday
    for at, opens in [("2021-12-25 09:59", False), ("2021-12-25 10:00", True), ("2021-12-25 17:00", False)]:
        assert is_open(of, clock(at)) is opens


def test_holiday_that_is_an_eve_is_both() -> None:
    boxing = Holiday("Boxing Day", FixedDay(12, 26), Observed.NOT, Observed.NOT)
    both = law(holidays=windows("10:00-14:00"), eves=windows("08:00-12:00"), calendar=(CHRISTMAS, boxing))
    of = asked(with_laws(both))
    for text, opens in [("2026-12-25 09:59", False), ("2026-12-25 10:00", True), ("2026-12-25 12:00", False)]:
        assert is_open(of, clock(text)) is opens


def test_denial_names_the_holiday_and_the_next_opening_is_after_it() -> None:
    of = asked(with_laws(FEAST), at=clock("2026-12-24 12:00"))
    (denial,) = CallingHours().check(of)
    assert denial.until == clock("2026-12-26 08:00")
    (denial,) = CallingHours().check(asked(with_laws(FEAST), at=clock("2027-12-24 12:00")))
    assert "(Christmas, observed)" in denial.reason.detail
    assert denial.reason.detail.endswith("no.hours is closed")
    assert denial.until == clock("2027-12-26 08:00")


def test_fifteen_closed_days_are_waited_through_and_a_month_is_said_plainly() -> None:
    feasts = tuple(Holiday(f"{n}", FixedDay(12, n), Observed.NOT, Observed.NOT) for n in range(1, 32))
    packs = with_laws(law(holidays=(), calendar=feasts))
    assert timedelta(days=15) <= HORIZON
    assert next_open(asked(packs), clock("2026-12-17 07:00"), 25) == clock("2027-01-01 08:00")
    assert next_open(asked(packs), clock("2026-12-01 07:00"), 25) is None


# --- a zone that the statute names --------------------------------------------------------------------------


def test_zone_of_the_statute_must_be_open_too() -> None:
    of = asked(with_laws(law(also_zone=NEW_YORK)), OSLO)  # in Oslo it is six hours later
    for text, opens in [("13:59:59", False), ("14:00:00", True), ("20:59:35", True), ("20:59:36", False)]:
        assert is_open(of, clock(f"2026-11-18 {text}")) is opens
    (shut,) = closed(of, clock("2026-11-18 09:00"), 25)
    assert (shut.zone, shut.local.hour) == (NEW_YORK, 3)
    assert next_open(of, clock("2026-11-18 09:00"), 25) == clock("2026-11-18 14:00")


def test_zone_of_the_statute_binds_its_own_law_only() -> None:
    named = law("00:00-24:00", "no.named", also_zone=PERTH, holidays=(), calendar=(CHRISTMAS,))
    of = asked(with_laws(law("08:00-21:00"), named), OSLO)
    assert is_open(of, clock("2026-11-18 20:00"))  # 03:00 in Perth
    assert not is_open(of, clock("2026-12-24 18:00"))  # in Perth, Christmas has begun
    assert is_open(of, clock("2026-12-24 16:00"))


# --- days on which clocks change ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "hours", "asked_at", "fold", "opens_at", "opens_fold"),
    [
        # 02:00 becomes 03:00 on 2026-03-29: a window that begins in the skipped hour opens as the hour ends.
        (OSLO, "02:30-04:00", "2026-03-29 01:00", 0, "2026-03-29 03:00", 0),
        (OSLO, "02:00-03:00", "2026-03-29 01:00", 0, "2026-03-30 02:00", 0),
        # 03:00 becomes 02:00 on 2026-10-25: the window is there twice.
        (OSLO, "02:00-02:30", "2026-10-25 02:30", 0, "2026-10-25 02:00", 1),
        (OSLO, "02:00-02:30", "2026-10-25 02:30", 1, "2026-10-26 02:00", 0),
        (OSLO, "02:30-03:30", "2026-10-25 01:00", 0, "2026-10-25 02:30", 0),
        # Half an hour: 02:00 becomes 01:30 on 2026-04-05, and 02:00 becomes 02:30 on 2026-10-04.
        (HOWE, "01:30-01:45", "2026-04-05 01:45", 0, "2026-04-05 01:30", 1),
        (HOWE, "02:00-03:00", "2026-10-04 01:00", 0, "2026-10-04 02:30", 0),
        # At midnight: 00:00 becomes 01:00 on 2026-03-08, and 01:00 becomes 00:00 on 2026-11-01.
        (HAVANA, "00:00-02:00", "2026-03-07 12:00", 0, "2026-03-08 01:00", 0),
        (HAVANA, "00:00-00:30", "2026-11-01 00:30", 0, "2026-11-01 00:00", 1),
    ],
)
def test_window_in_an_hour_the_clocks_skip_or_repeat(
    zone: ZoneInfo, hours: str, asked_at: str, fold: int, opens_at: str, opens_fold: int
) -> None:
    of = asked(with_laws(law(hours)), zone)
    opening = clock(opens_at, zone, opens_fold).astimezone(UTC)
    assert not is_open(of, clock(asked_at, zone, fold).astimezone(UTC))
    assert next_open(of, clock(asked_at, zone, fold).astimezone(UTC), 25) == opening
    assert is_open(of, opening)
    assert not is_open(of, opening - TICK)


def test_ring_that_the_clocks_carry_out_of_the_window_does_not_fit() -> None:
    spring, autumn = with_laws(law("01:00-02:30")), with_laws(law("02:30-04:00"))
    assert not is_open(asked(spring), clock("2026-03-29 01:59:50"))  # it would be 03:00:15
    assert is_open(asked(spring), clock("2026-03-29 01:59:35"))
    assert not is_open(asked(autumn), clock("2026-10-25 02:59:50"))  # it would be 02:00:15
    assert is_open(asked(autumn), clock("2026-10-25 02:59:35"))


def test_window_up_to_midnight_and_one_from_midnight_on_are_one() -> None:
    of = asked(with_laws(law("00:00-02:00 22:00-24:00")))
    assert is_open(of, clock("2026-11-18 23:59:50"), 60)
    assert not is_open(of, clock("2026-11-19 01:59:50"), 60)
    assert is_open(of, clock("2026-11-19 00:00:00"), 60)


def test_ring_into_a_day_that_is_closed_does_not_fit() -> None:
    week = (windows("22:00-24:00"),) * 2 + ((),) * 5
    of = asked(with_laws(law(week=week)))
    assert is_open(of, clock("2026-11-16 23:59:35"))  # a Monday
    assert not is_open(of, clock("2026-11-16 23:59:36"))
    assert not is_open(of, clock("2026-11-17 23:59:36"))


def test_law_that_ends_at_midnight_is_asked_with_the_one_that_begins() -> None:
    old = law("00:00-24:00", entry=entry("no.old", last=date(2026, 11, 17)))
    new = law("00:00-00:10 12:00-13:00", entry=entry("no.new", first=date(2026, 11, 18)))
    of = asked(with_laws(old, new))
    assert is_open(of, clock("2026-11-17 23:59:50"))
    assert is_open(of, clock("2026-11-18 00:09:35"))
    assert not is_open(of, clock("2026-11-18 00:09:36"))
    nothing = law(week=((),) * 7, entry=entry("no.new", first=date(2026, 11, 18)))
    assert closed(asked(with_laws(old, nothing)), clock("2026-11-17 23:59:50"), 25)


# --- windows ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "both", "one"),
    [
        ("08:00-21:00", "10:00-13:00 14:00-20:00", "10:00-13:00 14:00-20:00", "08:00-21:00"),
        ("10:00-13:00", "13:00-14:00", "", "10:00-14:00"),
        ("10:00-13:00", "", "", "10:00-13:00"),
        ("09:00-12:00 15:00-18:00", "11:00-16:00", "11:00-12:00 15:00-16:00", "09:00-18:00"),
        ("09:00-10:00", "11:00-12:00", "", "09:00-10:00 11:00-12:00"),
    ],
)
def test_windows_meet_and_join(first: str, second: str, both: str, one: str) -> None:
    for a, b in ((windows(first), windows(second)), (windows(second), windows(first))):
        assert common(a, b) == windows(both)
        assert either(a, b) == windows(one)


@pytest.mark.parametrize(
    ("inner", "outer", "fits"),
    [
        ("08:00-21:00", "08:00-21:00", True),
        ("08:00-21:00", "08:00-13:00 13:00-21:00", True),
        ("08:00-21:00", "08:00-13:00 13:01-21:00", False),
        ("08:00-13:00 13:00-21:00", "08:00-21:00", True),
        ("", "", True),
        ("", "08:00-21:00", True),
        ("08:00-21:00", "", False),
        ("07:59-21:00", "08:00-21:00", False),
        ("08:00-21:01", "08:00-21:00", False),
        ("09:00-10:00 11:00-12:00", "08:00-10:30 10:45-13:00", True),
    ],
)
def test_windows_lie_inside_others(inner: str, outer: str, fits: bool) -> None:
    assert inside(windows(inner), windows(outer)) is fits


def test_windows_are_read_by_people() -> None:
    assert clock_spans(windows("10:00-13:00 14:00-24:00")) == "10:00-13:00, 14:00-24:00"
    assert clock_spans(()) == "closed"
