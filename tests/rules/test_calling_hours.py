"""The federal window, in every candidate zone, to the second: for calls that no state has narrower hours for."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from compliance import Decision, Facts, Verdict, load_packs, parse_number, zones
from compliance.terms import CallKind, Purpose
from tests.rules import world
from tests.rules.hours_world import closed, next_open
from tests.rules.world import denied_by, gate, local

NY = "America/New_York"


def facts(**changes: object) -> Facts:
    """A live call with no offer in it."""
    return world.facts(call_kind=CallKind.LIVE, purpose=Purpose.INFORMATIONAL, **changes)


def verdict(**changes: object) -> Verdict:
    return gate().check(facts(**changes))


@pytest.mark.parametrize(
    ("clock", "ring", "allowed"),
    [
        ("07:59:59.999999", 15, False),
        ("08:00:00", 15, True),
        ("08:00:00.000001", 15, True),
        ("20:59:44.999999", 15, True),
        ("20:59:45", 15, True),  # the ring ends as the window closes
        ("20:59:45.000001", 15, False),
        ("20:59:46", 15, False),
        ("20:59:00", 60, True),
        ("20:59:01", 60, False),
        ("21:00:00", 15, False),
        ("00:00:00", 15, False),
        ("23:59:59", 15, False),
    ],
)
def test_window_opens_inclusively_and_no_ring_outlasts_it(clock: str, ring: int, allowed: bool) -> None:
    found = verdict(at=local(f"2026-11-18 {clock}", NY), ring_seconds=ring)
    assert found.allowed is allowed
    assert denied_by(found) == (set() if allowed else {"hours"})


def test_unstated_ring_counts_as_the_longest_we_allow() -> None:
    for clock, allowed in [("20:58:59", True), ("20:59:00", True), ("20:59:01", False)]:
        found = verdict(at=local(f"2026-11-18 {clock}", NY), ring_seconds=None)
        assert ("hours" in denied_by(found)) is not allowed


@pytest.mark.parametrize(
    ("number", "east", "west"),
    [
        ("+13645550123", NY, "America/Chicago"),
        ("+14485550123", NY, "America/Chicago"),
        ("+14585550123", "America/Boise", "America/Los_Angeles"),
        ("+19305550123", NY, "America/Chicago"),
        ("+17295550123", NY, "America/Chicago"),
        ("+19155550123", "America/Chicago", "America/Denver"),
        ("+19065550123", "America/Detroit", "America/Menominee"),
        ("+17015550123", "America/Chicago", "America/Denver"),
        ("+17755550123", "America/Denver", "America/Los_Angeles"),
        ("+19285550123", "America/Denver", "America/Phoenix"),
    ],
)
def test_split_area_code_is_called_only_when_both_its_zones_are_open(number: str, east: str, west: str) -> None:
    day = "2026-07-15"  # summer, so that Navajo and Phoenix differ
    assert not verdict(number=number, at=local(f"{day} 08:00:00", east)).allowed
    assert not verdict(number=number, at=local(f"{day} 07:59:59", west)).allowed
    assert verdict(number=number, at=local(f"{day} 08:00:00", west)).allowed
    assert verdict(number=number, at=local(f"{day} 20:59:35", east)).allowed
    assert not verdict(number=number, at=local(f"{day} 20:59:36", east)).allowed
    assert not verdict(number=number, at=local(f"{day} 20:00:00", west)).allowed


def test_stated_region_adds_its_zones_and_never_narrows() -> None:
    at = local("2026-11-18 09:00:00", NY)
    assert verdict(at=at).allowed
    assert verdict(at=at, region="US-NY").allowed
    assert denied_by(verdict(at=at, region="US-CA")) == {"hours"}
    assert verdict(at=local("2026-11-18 08:00:00", "America/Los_Angeles"), region="US-CA").allowed
    assert denied_by(verdict(at=local("2026-11-18 20:00:00", "America/Los_Angeles"), region="US-CA")) == {"hours"}


def test_stated_country_adds_nothing_to_a_state_of_it() -> None:
    assert verdict(at=local("2026-11-18 08:00:00", NY), region="US").allowed
    assert verdict(number="+17875550123", region="PR").recording.jurisdictions == ("US-PR", "US-TX")


def test_stated_region_does_not_place_a_number_nobody_can_place() -> None:
    found = verdict(number="+80012345678", region="US-NY")
    assert {"number.valid", "hours", "recording.ends"} <= denied_by(found)


def test_stated_region_whose_zones_nobody_knows_denies() -> None:
    assert "hours" in denied_by(verdict(region="ZZ"))


@pytest.mark.parametrize("day", ["2026-03-08", "2026-11-01", "2028-02-29", "2026-12-25"])
def test_window_holds_on_days_the_clock_changes_and_on_leap_day(day: str) -> None:
    for clock, allowed in [("07:59:59", False), ("08:00:00", True), ("20:59:35", True), ("20:59:36", False)]:
        assert verdict(at=local(f"{day} {clock}", NY)).allowed is allowed


def test_closed_evening_is_told_the_next_morning_across_the_clock_change() -> None:
    found = verdict(at=local("2026-10-31 22:00:00", NY))
    assert found.decision is Decision.DENY
    assert found.next_allowed_at == local("2026-11-01 08:00:00", NY)
    assert found.next_allowed_at == datetime(2026, 11, 1, 13, 0, tzinfo=UTC)


def test_late_ring_is_told_the_next_morning_and_leap_day_is_not_skipped() -> None:
    found = verdict(at=local("2028-02-28 20:59:50", NY))
    assert found.next_allowed_at == local("2028-02-29 08:00:00", NY)


def test_next_time_is_none_when_waiting_does_not_cure_every_denial() -> None:
    night = local("2026-11-18 23:00:00", NY)
    assert verdict(at=night).next_allowed_at is not None
    assert verdict(at=night, internal_dnc=True).next_allowed_at is None
    assert verdict().next_allowed_at is None


def test_toll_free_number_waits_for_every_zone_of_the_plan() -> None:
    found = verdict(number="+18005550123")
    assert denied_by(found) == {"hours"}
    assert found.next_allowed_at is not None
    assert verdict(number="+18005550123", at=found.next_allowed_at).allowed


def test_denial_names_zone_clock_and_law() -> None:
    (reason,) = verdict(at=local("2026-11-18 21:00:00", NY)).reasons
    assert "21:00:00 in America/New_York" in reason.detail
    assert "64.1200(c)(1)" in reason.citation


@pytest.mark.parametrize(
    "number",
    [
        "+12125550123",
        "+13645550123",
        "+19285550123",
        "+19075550123",
        "+16715550123",
        "+442071838750",
        "+61412345678",
        "+493012345678",
    ],
)
def test_hours_agree_with_zoneinfo_by_brute_force(number: str) -> None:
    """Every 7th minute of the days around each clock change of 2026, against arithmetic written differently."""
    parsed = parse_number(number)
    names = zones(parsed)
    assert names
    gate_ = gate()
    for start in ("2026-03-06", "2026-03-27", "2026-04-03", "2026-10-02", "2026-10-23", "2026-10-30"):
        at = datetime.fromisoformat(start).replace(tzinfo=UTC)
        for _ in range(4 * 24 * 60 // 7):
            at += timedelta(minutes=7)
            locals_ = [at.astimezone(ZoneInfo(name)) for name in names]
            ends = [(at + timedelta(seconds=25)).astimezone(ZoneInfo(name)) for name in names]
            expected = all(
                8 <= begin.hour < 21 and (end.hour < 21 or (end.hour, end.minute, end.second) == (21, 0, 0))
                for begin, end in zip(locals_, ends, strict=True)
            )
            found = gate_.check(facts(number=number, at=at))
            assert ("hours" not in denied_by(found)) is expected, at
            if not expected:
                opening = found.next_allowed_at
                assert opening is not None
                assert opening > at
                assert gate_.check(facts(number=number, at=opening)).allowed
                assert not gate_.check(facts(number=number, at=opening - timedelta(microseconds=1))).allowed


def test_no_window_in_two_weeks_is_said_plainly() -> None:
    packs = load_packs()
    apart = (ZoneInfo("Asia/Tokyo"), ZoneInfo("America/Los_Angeles"), ZoneInfo("Europe/London"))
    at = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
    regions = frozenset({"US"})
    assert closed(packs, regions, apart, at, 25)
    assert next_open(packs, regions, apart, at, 25) is None
