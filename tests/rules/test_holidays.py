"""Holidays by hand: each kind of rule, the days they are kept on, and what nobody has proclaimed."""

from collections.abc import Iterable
from datetime import date, timedelta

import pytest

from compliance.holidays import dates, easter, holiday, in_year
from compliance.jurisdictions.model import (
    DayRule,
    EasterDay,
    FixedDay,
    Holiday,
    NamedDates,
    NthWeekday,
    Observed,
    Weekday,
    WeekdayNear,
)

NOT, FRIDAY, MONDAY = Observed.NOT, Observed.FRIDAY, Observed.MONDAY


def day(text: str) -> date:
    return date.fromisoformat(text)


def of(rule: DayRule, saturday: Observed = NOT, sunday: Observed = NOT, name: str = "Day") -> Holiday:
    return Holiday(name, rule, saturday, sunday)


# As almanacs have them; 22 March and 25 April are the extremes.
EASTERS = """
1818-03-22 1943-04-25 1961-04-02 1981-04-19 1999-04-04 2000-04-23 2008-03-23 2011-04-24 2016-03-27 2019-04-21
2020-04-12 2021-04-04 2022-04-17 2023-04-09 2024-03-31 2025-04-20 2026-04-05 2027-03-28 2028-04-16 2029-04-01
2030-04-21 2031-04-13 2032-03-28 2033-04-17 2034-04-09 2035-03-25 2038-04-25 2049-04-18 2076-04-19 2285-03-22
"""


@pytest.mark.parametrize("text", EASTERS.split())
def test_easter(text: str) -> None:
    assert easter(day(text).year) == day(text)


def test_easter_is_the_sunday_after_the_full_moon_of_spring_by_the_tables_of_the_church() -> None:
    """Against the same calendar computed otherwise: epact and dominical letter, for four centuries."""
    for year in range(1900, 2300):
        century = year // 100
        epact = (11 * (year % 19) + 8 - century + century // 4 + (8 * century + 13) // 25) % 30
        if epact == 24 or (epact == 25 and year % 19 > 10):
            epact += 1
        moon = date(year, 3, 1) + timedelta(days=(44 - epact if epact < 24 else 74 - epact) - 1)
        assert easter(year) == moon + timedelta(days=7 - (moon.weekday() + 1) % 7)


@pytest.mark.parametrize(
    ("rule", "year", "expected"),
    [
        (FixedDay(7, 4), 2026, ["2026-07-04"]),
        (FixedDay(2, 29), 2028, ["2028-02-29"]),
        (FixedDay(2, 29), 2027, []),
        (NthWeekday(3, Weekday.MON, 1), 2026, ["2026-01-19"]),
        (NthWeekday(3, Weekday.MON, 2), 2027, ["2027-02-15"]),
        (NthWeekday(1, Weekday.MON, 9), 2025, ["2025-09-01"]),
        (NthWeekday(4, Weekday.THU, 11), 2026, ["2026-11-26"]),
        (NthWeekday(-1, Weekday.MON, 5), 2026, ["2026-05-25"]),
        (NthWeekday(-1, Weekday.MON, 5), 2027, ["2027-05-31"]),
        (NthWeekday(-1, Weekday.TUE, 2), 2028, ["2028-02-29"]),
        (NthWeekday(5, Weekday.MON, 2), 2028, []),
        (NthWeekday(5, Weekday.TUE, 2), 2028, ["2028-02-29"]),
        (WeekdayNear(Weekday.TUE, 11, 2, before=False), 2026, ["2026-11-03"]),
        (WeekdayNear(Weekday.TUE, 11, 2, before=False), 2027, ["2027-11-02"]),
        (WeekdayNear(Weekday.TUE, 11, 2, before=False), 2022, ["2022-11-08"]),
        (WeekdayNear(Weekday.MON, 5, 24, before=True), 2026, ["2026-05-18"]),
        (WeekdayNear(Weekday.MON, 5, 24, before=True), 2027, ["2027-05-24"]),
        (WeekdayNear(Weekday.MON, 5, 24, before=True), 2025, ["2025-05-19"]),
        (EasterDay(-2), 2026, ["2026-04-03"]),
        (EasterDay(-47), 2027, ["2027-02-09"]),
        (EasterDay(50), 2026, ["2026-05-25"]),
        (
            NamedDates((day("2026-03-20"), day("2026-06-19"), day("2027-03-10")), 2027),
            2026,
            ["2026-03-20", "2026-06-19"],
        ),
    ],
)
def test_rule_falls_on(rule: DayRule, year: int, expected: list[str]) -> None:
    assert [str(found) for found in dates(rule, year)] == expected


FOURTH = FixedDay(7, 4)  # a Saturday in 2026, a Sunday in 2027, a Thursday in 2024


@pytest.mark.parametrize(
    ("saturday", "sunday", "year", "kept"),
    [
        (NOT, NOT, 2026, ["07-04"]),
        (FRIDAY, MONDAY, 2026, ["07-03", "07-04"]),
        (MONDAY, MONDAY, 2026, ["07-04", "07-06"]),
        (NOT, MONDAY, 2026, ["07-04"]),
        (FRIDAY, MONDAY, 2027, ["07-04", "07-05"]),
        (FRIDAY, NOT, 2027, ["07-04"]),
        (FRIDAY, FRIDAY, 2027, ["07-02", "07-04"]),
        (FRIDAY, MONDAY, 2024, ["07-04"]),
    ],
)
def test_holiday_of_a_weekend_is_kept_where_its_law_says_so(
    saturday: Observed, sunday: Observed, year: int, kept: list[str]
) -> None:
    found = in_year((of(FOURTH, saturday, sunday),), year)
    assert [f"{when:%m-%d}" for when in found] == kept
    assert found[date(year, 7, 4)] == "Day"
    assert {name for when, name in found.items() if when != date(year, 7, 4)} <= {"Day, observed"}


def test_new_year_on_a_saturday_is_kept_in_the_old_year() -> None:
    new_year = (of(FixedDay(1, 1), FRIDAY, MONDAY, "New Year"),)
    assert holiday(new_year, day("2027-12-31")) == "New Year, observed"
    assert holiday(new_year, day("2028-01-01")) == "New Year"
    assert holiday(new_year, day("2026-12-31")) is None
    assert holiday(new_year, day("2023-01-02")) == "New Year, observed"  # 2023 began on a Sunday


@pytest.mark.parametrize(
    ("year", "kept"),
    [
        (2026, ["12-25", "12-26", "12-28"]),  # Friday, Saturday: the second on Monday
        (2027, ["12-25", "12-26", "12-27", "12-28"]),  # Saturday, Sunday: Monday and Tuesday
        (2022, ["12-25", "12-26", "12-27"]),  # Sunday, Monday: Monday is taken, so Tuesday
        (2024, ["12-25", "12-26"]),
    ],
)
def test_two_holidays_in_a_row_are_kept_on_two_weekdays(year: int, kept: list[str]) -> None:
    days = (of(FixedDay(12, 25), MONDAY, MONDAY, "Christmas"), of(FixedDay(12, 26), MONDAY, MONDAY, "Boxing Day"))
    for order in (days, days[::-1]):
        assert [f"{when:%m-%d}" for when in in_year(order, year)] == kept


def test_two_holidays_of_one_day_are_both_named() -> None:
    days = (of(NthWeekday(3, Weekday.MON, 1), name="King"), of(FixedDay(1, 19), name="Lee"))
    assert holiday(days, day("2026-01-19")) == "King, Lee"


def test_every_day_of_a_year_nobody_proclaimed_may_be_the_one() -> None:
    days = (of(FOURTH, name="Fourth"), of(NamedDates((day("2026-03-20"), day("2027-03-10")), 2027), name="Eid"))
    assert holiday(days, day("2026-03-20")) == "Eid"
    assert holiday(days, day("2027-03-20")) is None
    for unknown in ("2025-12-31", "2028-01-01", "2028-07-04"):
        assert holiday(days, day(unknown)) == f"Eid, whose date in {unknown[:4]} is not in the data"
    proclaimed_none = (of(NamedDates((day("2026-03-20"),), 2027), name="Eid"),)
    assert holiday(proclaimed_none, day("2027-03-20")) is None


def test_leap_day_is_a_day_like_any_other() -> None:
    assert holiday((of(FixedDay(3, 1)),), day("2028-02-29")) is None
    assert holiday((of(FixedDay(2, 29), MONDAY, MONDAY),), day("2032-03-01")) == "Day, observed"  # a Sunday


def shown(found: Iterable[date]) -> list[str]:
    return [f"{when:%a %m-%d}" for when in found]


def test_federal_holidays_of_2026_as_the_office_of_personnel_management_has_them() -> None:
    """opm.gov/policy-data-oversight/pay-leave/federal-holidays: the weekdays that are days off in 2026."""
    days = (
        of(FixedDay(1, 1), FRIDAY, MONDAY),
        of(NthWeekday(3, Weekday.MON, 1)),
        of(NthWeekday(3, Weekday.MON, 2)),
        of(NthWeekday(-1, Weekday.MON, 5)),
        of(FixedDay(6, 19), FRIDAY, MONDAY),
        of(FOURTH, FRIDAY, MONDAY),
        of(NthWeekday(1, Weekday.MON, 9)),
        of(NthWeekday(2, Weekday.MON, 10)),
        of(FixedDay(11, 11), FRIDAY, MONDAY),
        of(NthWeekday(4, Weekday.THU, 11)),
        of(FixedDay(12, 25), FRIDAY, MONDAY),
    )
    weekdays = [when for when in in_year(days, 2026) if when.weekday() < 5]
    assert shown(weekdays) == [
        "Thu 01-01",
        "Mon 01-19",
        "Mon 02-16",
        "Mon 05-25",
        "Fri 06-19",
        "Fri 07-03",
        "Mon 09-07",
        "Mon 10-12",
        "Wed 11-11",
        "Thu 11-26",
        "Fri 12-25",
    ]
