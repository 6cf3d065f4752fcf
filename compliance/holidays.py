"""Is a local date a holiday of a calendar, and which?

A holiday that falls on a Saturday or Sunday stays one; where its law says so it is kept on a weekday as well: on the
Friday before, or on the first weekday after that is no holiday of the calendar and keeps no other one (Christmas
Day on a Saturday and Boxing Day on the Sunday are kept on Monday and Tuesday).

Days proclaimed year by year are known for some years only. In any other year every day may be the one, so every
day counts as it: what we don't know is closed.
"""

import calendar
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from functools import lru_cache
from types import MappingProxyType

from compliance.jurisdictions.model import (
    DayRule,
    EasterDay,
    FixedDay,
    Holiday,
    NamedDates,
    NthWeekday,
    Observed,
    WeekdayNear,
)

Calendar = tuple[Holiday, ...]

_DAY = timedelta(days=1)
_SATURDAY, _SUNDAY = 5, 6


def holiday(days: Calendar, day: date) -> str | None:
    """The name of the holiday that `day` is or may be; None: it is none."""
    unknown, known = _year(days, day.year)
    return unknown or known.get(day)


@lru_cache(maxsize=1 << 10)
def _year(days: Calendar, year: int) -> tuple[str | None, Mapping[date, str]]:
    unknown = next((each.name for each in days if not proclaimed(each.rule, year)), None)
    if unknown is not None:
        unknown = f"{unknown}, whose date in {year} is not in the data"
    return unknown, in_year(days, year)


def proclaimed(rule: DayRule, year: int) -> bool:
    """The data says when the holiday is in that year."""
    if isinstance(rule, NamedDates):
        first = min((day.year for day in rule.dates), default=rule.through)
        return first <= year <= rule.through
    return True


def in_year(days: Calendar, year: int) -> Mapping[date, str]:
    """Every date of the year that is a holiday, in order, those kept on another day included."""
    # New Year's Day on a Saturday is kept in the year before.
    years = (year - 1, year, year + 1)
    falls = [(day, each) for near in years for each in days for day in dates(each.rule, near)]
    falls.sort(key=lambda fall: fall[0])
    names: dict[date, list[str]] = {}
    for day, each in falls:
        names.setdefault(day, []).append(each.name)
    for day, each in falls:
        kept = _kept(each, day, names)
        if kept is not None:
            names.setdefault(kept, []).append(f"{each.name}, observed")
    found = {day: ", ".join(dict.fromkeys(of_day)) for day, of_day in sorted(names.items()) if day.year == year}
    return MappingProxyType(found)


def _kept(each: Holiday, day: date, taken: Mapping[date, list[str]]) -> date | None:
    """The weekday on which a holiday of a weekend is kept as well; None: on none."""
    weekday = day.weekday()
    if weekday not in (_SATURDAY, _SUNDAY):
        return None
    where = each.observed_saturday if weekday == _SATURDAY else each.observed_sunday
    if where is Observed.NOT:
        return None
    if where is Observed.FRIDAY:
        return day - (weekday - 4) * _DAY
    later = day + (7 - weekday) * _DAY
    while later in taken or later.weekday() in (_SATURDAY, _SUNDAY):
        later += _DAY
    return later


def dates(rule: DayRule, year: int) -> Iterator[date]:
    """When the rule falls in that year: not at all (29 February, or nothing proclaimed), once, or more often."""
    match rule:
        case FixedDay(month, day):
            if day <= calendar.monthrange(year, month)[1]:
                yield date(year, month, day)
        case NthWeekday(nth, weekday, month):
            yield from _nth(nth, weekday.value, year, month)
        case WeekdayNear(weekday, month, day, before):
            near = date(year, month, min(day, calendar.monthrange(year, month)[1]))
            ahead = (weekday.value - near.weekday()) % 7
            back = (near.weekday() - weekday.value) % 7
            yield near - back * _DAY if before else near + ahead * _DAY
        case EasterDay(offset):
            yield easter(year) + offset * _DAY
        case NamedDates(named):
            yield from (day for day in named if day.year == year)


def _nth(nth: int, weekday: int, year: int, month: int) -> Iterator[date]:
    last = calendar.monthrange(year, month)[1]
    found = [day for day in range(1, last + 1) if date(year, month, day).weekday() == weekday]
    index = nth - 1 if nth > 0 else nth
    if -len(found) <= index < len(found):
        yield date(year, month, found[index])


@lru_cache(maxsize=1 << 10)
def easter(year: int) -> date:
    """Western (Gregorian) Easter Sunday, by the algorithm of Meeus, Jones and Butcher."""
    a, b, c = year % 19, year // 100, year % 100
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return date(year, month, day + 1)
