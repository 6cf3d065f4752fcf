"""Calling hours against brute force: every minute of a year, its local time asked of zoneinfo, laws read from the YAML.

Nothing of the reader, of the spans of UTC or of the caches is used on the other side: the files are read by PyYAML
alone, every minute is turned into local time in each candidate zone, and its weekday's windows are looked at. Only
which days are holidays is taken from `compliance.holidays`, which has tables of its own.
"""

from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import yaml
from numpy.typing import NDArray

from compliance import Facts, load_packs, parse_number
from compliance.case import Case
from compliance.facts import CallKind, Party, Purpose
from compliance.holidays import holiday
from compliance.hours import is_open, next_open
from compliance.jurisdictions.model import HolidayCalendar

START = datetime(2027, 1, 1, tzinfo=UTC)
MINUTES = 365 * 24 * 60
RING = 60
DAYS = 367  # local days around a year in UTC, the first one 2026-12-31
FIRST_DAY = date(2026, 12, 31)

WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

Minutes = NDArray[np.int64]


@cache
def rules_of(file: str) -> list[dict[str, Any]]:
    found = files("compliance.jurisdictions").joinpath(file)
    return [rule for rule in yaml.safe_load(found.read_bytes())["rules"] if rule["topic"] == "calling_hours"]


def laws_for(region: str) -> list[dict[str, Any]]:
    """The rules on hours of a region and its country, for a live sales call to a consumer."""
    names = {item.name for item in files("compliance.jurisdictions").iterdir()}
    wanted = dict.fromkeys(f"{code.lower()}.yaml" for code in (region, region[:2]))
    everywhere = [name for name in sorted(names) if "-" not in region and name.startswith(f"{region.lower()}-")]
    found = [rule for name in (*wanted, *everywhere) if name in names for rule in rules_of(name)]
    call = {"call_kinds": "live", "purposes": "telemarketing", "parties": "consumer"}
    return [rule for rule in found if all(value in rule.get(key, [value]) for key, value in call.items())]


def seconds(clock: str) -> int:
    return int(clock[:2]) * 3600 + int(clock[3:]) * 60


def calendar_of(code: str) -> list[HolidayCalendar]:
    return list(load_packs().jurisdictions[code].of(HolidayCalendar))


@cache
def local_minutes(zone: str, step: int) -> tuple[Minutes, Minutes]:
    """Local day (days after FIRST_DAY) and second of the day of every `step`th minute of the year."""
    info = ZoneInfo(zone)
    instants = (START + timedelta(minutes=minute) for minute in range(0, MINUTES, step))
    local = [(at.toordinal(), at.hour * 3600 + at.minute * 60) for at in (at.astimezone(info) for at in instants)]
    both = np.array(local, dtype=np.int64)
    return both[:, 0] - FIRST_DAY.toordinal(), both[:, 1]


def windows_on(rule: dict[str, Any], day: date) -> list[tuple[int, int]]:
    found = [(seconds(opens), seconds(closes)) for opens, closes in rule["week"][WEEK[day.weekday()]]]
    for key, feast in (("holidays", day), ("eves", day + timedelta(days=1))):
        if key in rule and any(holiday(each.days, feast) for each in calendar_of(rule["id"].split(".")[0].upper())):
            special = [] if rule[key] == "closed" else [(seconds(a), seconds(b)) for a, b in rule[key]]
            found = [(max(a, c), min(b, d)) for a, b in found for c, d in special if max(a, c) < min(b, d)]
    return found


def in_force(rule: dict[str, Any], day: date) -> bool:
    return str(rule.get("valid_from", "0001-01-01")) <= day.isoformat() <= str(rule.get("valid_to", "9999-12-31"))


def table_of(rule: dict[str, Any], dated: bool) -> tuple[Minutes, Minutes]:
    """When a rule opens and closes, twice a day at most, on every local day."""
    assert "also_zone" not in rule, "teach this test about it"
    opens, closes = np.zeros((DAYS, 2), dtype=np.int64), np.zeros((DAYS, 2), dtype=np.int64)
    for offset in range(DAYS):
        day = FIRST_DAY + timedelta(days=offset)
        windows = windows_on(rule, day) if in_force(rule, day) or not dated else [(0, 86400)]
        for place, (begin, end) in enumerate(windows):
            opens[offset, place], closes[offset, place] = begin, end
    return opens, closes


def brute_force(regions: frozenset[str], zones: frozenset[str], step: int) -> NDArray[np.bool_]:
    """Of every `step`th minute: a ring of a minute that begins with it is allowed."""
    tables = []
    for region in sorted(regions):
        laws = laws_for(region)
        tables += [table_of(rule, dated=bool(laws)) for rule in laws or rules_of("default.yaml")]
    allowed = np.ones(len(range(0, MINUTES, step)), dtype=bool)
    for zone in sorted(zones):
        day_of, second = local_minutes(zone, step)
        for opens, closes in tables:
            fits = (opens[day_of] <= second[:, None]) & (second[:, None] + RING <= closes[day_of])
            allowed &= fits.any(axis=1)
    return allowed


EVERY_MINUTE = ["+13645550123", "+14485550123", "+14585550123", "+19305550123", "+19285550123"]
"""364, 448, 458 and 930, which libphonenumber has wrong, and 928: Arizona, with the Navajo Nation's summer time."""

EVERY_FEW = [
    "+19075550123",  # Alaska: Anchorage and Adak
    "+17095550123",  # Newfoundland: half an hour
    "+18085550123",  # Hawaii: no summer time
    "+12505550123",  # British Columbia: holidays, five zones
    "+12255550123",  # Louisiana: Sundays and holidays
    "+61412345678",  # an Australian mobile phone: Eucla's quarter of an hour, Lord Howe's half, Perth, Christmas
    "+6433051234",  # Chatham: three quarters of an hour
    "+33123456789",  # France: a break at noon, holidays
    "+442071838750",
    "+919812345678",  # India: half an hour
]


@pytest.mark.parametrize(
    ("number", "step"), [*((number, 1) for number in EVERY_MINUTE), *((number, 7) for number in EVERY_FEW)]
)
def test_hours_of_a_year_agree_with_brute_force(number: str, step: int) -> None:
    facts = Facts(
        number=parse_number(number),
        call_kind=CallKind.LIVE,
        purpose=Purpose.TELEMARKETING,
        party=Party.CONSUMER,
        ring_seconds=RING,
    )
    case = Case.of(facts, load_packs())
    expected = brute_force(case.regions, frozenset(zone.key for zone in case.zones), step)
    assert expected.any()
    assert not expected.all()
    for place, minute in enumerate(range(0, MINUTES, step)):
        assert is_open(case, START + timedelta(minutes=minute), RING) == expected[place], minute
    for place in range(0, len(expected), 1511):
        at = START + timedelta(minutes=place * step)
        opening = next_open(case, at, RING)
        if expected[place]:
            assert opening == at
        elif opening is not None:
            # Nothing between is open, and what is found is, to the minute.
            found = (opening - START) // timedelta(minutes=step)
            assert not expected[place : min(found, len(expected))].any()
            assert is_open(case, opening, RING)
            assert not is_open(case, opening - timedelta(microseconds=1), RING)
        else:
            assert not expected[place : place + 15 * 24 * 60 // step].any()


def test_far_zones_are_apart_by_their_own_clocks() -> None:
    """Kiribati lies on both sides of the old date line; the data does not hold it, so the house default counts."""
    case = Case.of(Facts(number=parse_number("+68673012345")), load_packs())
    zones = {zone.key for zone in case.zones}
    assert {"Pacific/Kiritimati", "Pacific/Tarawa"} <= zones
    expected = brute_force(case.regions, frozenset(zones), 7)
    for place in range(20 * 24 * 60 // 7):
        assert is_open(case, START + timedelta(minutes=place * 7), RING) == expected[place]


def test_lord_howe_changes_its_clocks_by_half_an_hour() -> None:
    zone = ZoneInfo("Australia/Lord_Howe")
    case = Case(Facts(), load_packs(), frozenset({"ZZ"}), (zone,))
    for day in ("2027-04-03", "2027-04-04", "2027-04-05", "2027-10-02", "2027-10-03", "2027-10-04"):
        for clock, opens in [("07:59:59", False), ("08:00:00", True), ("20:59:00", True), ("20:59:01", False)]:
            assert is_open(case, datetime.fromisoformat(f"{day} {clock}").replace(tzinfo=zone), RING) is opens
    before, after = (datetime(2027, 10, day, 8, tzinfo=zone).astimezone(UTC) for day in (2, 3))
    assert after - before == timedelta(hours=23, minutes=30)
    assert next_open(case, before - timedelta(minutes=1), RING) == before
