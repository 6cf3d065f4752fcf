"""Our calendars against those of the `holidays` package, 2020 to 2035: every difference is known and has its reason."""

from collections.abc import Mapping
from datetime import date
from functools import cache

import holidays
import pytest

from compliance import load_packs
from compliance.holidays import in_year
from compliance.jurisdictions.model import HolidayCalendar

YEARS = range(2020, 2036)

SUBDIVISIONS: Mapping[str, tuple[str, tuple[str | None, ...]]] = {
    "US-AL": ("US", ("AL",)),
    "US-LA": ("US", ("LA",)),
    "US-ME": ("US", ("ME",)),
    "US-NE": ("US", ("NE",)),
    "US-PA": ("US", ("PA",)),
    "US-RI": ("US", ("RI",)),
    "US-UT": ("US", ("UT",)),
    "CA-BC": ("CA", ("BC",)),
    "GB": ("GB", ("ENG", "NIR", "SCT", "WLS")),
    "FR": ("FR", (None,)),
    "ES": ("ES", (None,)),
    "IT": ("IT", (None,)),
}
AUSTRALIA = ("ACT", "NSW", "NT", "QLD", "SA", "TAS", "VIC", "WA")

BEFORE_IT_WAS_ONE = "a calendar has no history: before its first year the day was none, and nobody calls in the past"
STRICTER = "counts because the list that binds was not read, or the number does not tell the county or nation"
OTHERWISE_OPEN = "the file closes on it; the package leaves it out"
PROCLAIMED = "proclaimed for once: an operator switch"

OURS_ONLY = {
    "US-AL": {"Juneteenth": BEFORE_IT_WAS_ONE, "Mardi Gras": STRICTER, "Rosa L. Parks Day": STRICTER},
    "US-LA": {
        "Juneteenth": BEFORE_IT_WAS_ONE,
        "Battle of New Orleans": STRICTER,
        "Huey P. Long Day": STRICTER,
        "Columbus Day": STRICTER,
        "All Saints' Day": STRICTER,
        "Acadian Day": STRICTER,
        "Election Day": "kept in years of a general election, counts every year",
    },
    "US-ME": {"Juneteenth": BEFORE_IT_WAS_ONE},
    "US-NE": {"Juneteenth": BEFORE_IT_WAS_ONE, "Day after Thanksgiving": OTHERWISE_OPEN},
    "US-PA": {
        "Juneteenth": BEFORE_IT_WAS_ONE,
        "Good Friday": OTHERWISE_OPEN,
        "Flag Day": OTHERWISE_OPEN,
        "Election Day": OTHERWISE_OPEN,
    },
    "US-RI": {
        "Juneteenth": "before 2021 it was none; the state keeps the Monday after a Saturday",
        "Rhode Island Independence Day": OTHERWISE_OPEN,
        "Election Day": "kept in years of a general election, counts every year",
        "New Year's Day": "the state keeps the Monday after a Saturday",
        "Independence Day": "the state keeps the Monday after a Saturday",
        "Veterans Day": "the state keeps the Monday after a Saturday",
        "Christmas Day": "the state keeps the Monday after a Saturday",
    },
    "US-UT": {
        "Good Friday": "added in 2026",
        "Easter Sunday": "every Sunday is closed",
        "Juneteenth": BEFORE_IT_WAS_ONE,
        "Juneteenth National Freedom Day": "63G-1-301(2)(c)-(d) moves it to the Monday",
    },
    "CA-BC": {
        "National Day for Truth and Reconciliation": BEFORE_IT_WAS_ONE,
        "Canada Day": "the Monday after a weekend counts too",
        "Remembrance Day": "the Monday after a weekend counts too",
    },
    "GB": {"Easter Sunday": "no bank holiday but for Sundays' sake", "Early May bank holiday": "moved in 2020 once"}
    | {"Spring bank holiday": "moved in 2022 once"},
    "FR": {},
    "ES": {
        "Maundy Thursday": "kept by most communities",
        "Easter Monday": "kept by several communities",
    }
    | dict.fromkeys(
        (
            "New Year's Day",
            "Epiphany",
            "Labour Day",
            "Assumption",
            "National Day",
            "All Saints",
            "Constitution Day",
            "Immaculate Conception",
            "Christmas Day",
        ),
        "a national day on a Sunday stays one, and its Monday may be kept",
    ),
    "IT": {"St Francis": "a holiday from 2026"},
}

THEIRS_ONLY = {
    "US-PA": {"Day After Thanksgiving": "kept by state offices, not in the list of legal holidays"},
    "US-UT": {"Juneteenth National Independence Day (observed)": "the federal Friday; the state keeps the Monday"},
    "CA-BC": {"Funeral of Her Majesty the Queen Elizabeth II": PROCLAIMED},
    "GB": {
        "May Day": "moved to 8 May in 2020 once",
        "Spring Bank Holiday": "moved to 2 June in 2022 once",
        "Platinum Jubilee of Elizabeth II": PROCLAIMED,
        "State Funeral of Queen Elizabeth II": PROCLAIMED,
        "Coronation of Charles III": PROCLAIMED,
        "Scotland's participation in the FIFA World Cup final": PROCLAIMED,
    },
    "IT": {"National Unity Day": "the first Sunday of November, and every Sunday is closed"},
}


@cache
def theirs(code: str) -> dict[date, str]:
    country, subdivisions = SUBDIVISIONS[code]
    found: dict[date, str] = {}
    for subdivision in subdivisions:
        named = holidays.country_holidays(country, subdiv=subdivision, years=YEARS, language="en_US")
        found.update({day: name for day, name in named.items() if day.year in YEARS})
    return found


@cache
def ours(code: str) -> dict[date, str]:
    (calendar,) = load_packs().jurisdictions[code].of(HolidayCalendar)
    return {day: name for year in YEARS for day, name in in_year(calendar.days, year).items()}


def plain(name: str) -> str:
    return name.split(" (federal)")[0].split(", ")[0]


@pytest.mark.parametrize("code", SUBDIVISIONS)
def test_every_day_of_ours_that_the_package_lacks_has_a_reason(code: str) -> None:
    extra = {plain(name) for day, name in ours(code).items() if day not in theirs(code)}
    assert extra == set(OURS_ONLY[code])


@pytest.mark.parametrize("code", SUBDIVISIONS)
def test_every_day_of_the_package_that_we_lack_has_a_reason(code: str) -> None:
    missing = {name for day, name in theirs(code).items() if day not in ours(code)}
    assert missing == set(THEIRS_ONLY.get(code, {}))


def test_australia_closes_on_every_day_that_all_its_states_keep() -> None:
    kept = [set(holidays.country_holidays("AU", subdiv=state, years=YEARS)) for state in AUSTRALIA]
    national = {day for day in set.intersection(*kept) if day.year in YEARS}
    mourning = date(2022, 9, 22)  # proclaimed for once
    assert len(national) > 100
    assert national - {mourning} <= set(ours("AU"))


def test_every_calendar_of_ours_is_compared() -> None:
    have = {code for code, each in load_packs().jurisdictions.items() if each.of(HolidayCalendar)}
    assert have == set(SUBDIVISIONS) | {"AU"}
