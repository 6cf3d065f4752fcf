"""Reads a calendar of holidays: which day of each year, and where it is kept when that day falls on a weekend.

observed: {saturday: friday, sunday: monday}    # of the whole calendar; a day may give its own
days:
- {name: "Independence Day", fixed: "07-04"}
- {name: "Martin Luther King Jr. Day", nth: [3, mon, 1]}
- {name: "Election Day", on_or_after: [tue, "11-02"], observed: {saturday: not, sunday: not}}
- {name: "Good Friday", easter: -2}
- {name: "Holi", dates: ["2026-03-04", "2027-03-22"], through: 2027}
"""

import re
from datetime import date

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
from compliance.jurisdictions.strict_yaml import Table, Value

_MONTH_DAY = re.compile(r"[0-9]{2}-[0-9]{2}", re.ASCII)
_COMMON_YEAR = 2001
_WEEKDAYS = {day.name.lower(): day for day in Weekday}
_KINDS = ("fixed", "nth", "on_or_after", "on_or_before", "easter", "dates")

_Kept = tuple[Observed, Observed]


def read_days(rule: Table) -> tuple[Holiday, ...]:
    """The keys `observed` and `days` of a calendar. Raises BadInput with file and line."""
    kept = _observed(rule.maybe("observed"), (Observed.NOT, Observed.NOT))
    days = rule.take("days")
    holidays: dict[str, Holiday] = {}
    for item in days.items():
        holiday = _holiday(item.table(), kept)
        if holiday.name in holidays:
            raise item.bad(f"{holiday.name!r} is given twice")
        holidays[holiday.name] = holiday
    if not holidays:
        raise days.bad("a calendar has at least one day")
    return tuple(holidays.values())


def _holiday(table: Table, kept: _Kept) -> Holiday:
    name = table.take("name").text(60)
    given = [(kind, value) for kind in _KINDS if (value := table.maybe(kind)) is not None]
    if len(given) != 1:
        raise table.bad(f"must have exactly one of {', '.join(_KINDS)}")
    rule = _day_rule(table, *given[0])
    saturday, sunday = _observed(table.maybe("observed"), kept)
    table.done()
    return Holiday(name, rule, saturday, sunday)


def _day_rule(table: Table, kind: str, value: Value) -> DayRule:
    if kind == "fixed":
        return FixedDay(*_month_day(value))
    if kind == "nth":
        nth, weekday, month = value.exactly(3)
        return NthWeekday(_nth(nth), _weekday(weekday), month.whole(1, 12))
    if kind in ("on_or_after", "on_or_before"):
        weekday, day = value.exactly(2)
        return WeekdayNear(_weekday(weekday), *_month_day(day), before=kind == "on_or_before")
    if kind == "easter":
        return EasterDay(value.whole(-100, 100))
    return _named(value, table.take("through"))


def _named(value: Value, through: Value) -> NamedDates:
    dates = tuple(item.date() for item in value.items())
    last = through.whole(2000, 2199)
    if not dates or list(dates) != sorted(set(dates)):
        raise value.bad("must be one or more dates, each later than the one before")
    if dates[-1].year > last:
        raise through.bad(f"{dates[-1]} lies after the last year the dates are known for")
    return NamedDates(dates, last)


def _nth(value: Value) -> int:
    nth = value.whole(-1, 4)
    if nth == 0:
        raise value.bad("must be 1 to 4, or -1 for the last one")
    return nth


def _weekday(value: Value) -> Weekday:
    return _WEEKDAYS[value.choice(*_WEEKDAYS)]


def _month_day(value: Value) -> tuple[int, int]:
    text = value.text(5)
    if _MONTH_DAY.fullmatch(text):
        try:
            day = date.fromisoformat(f"{_COMMON_YEAR}-{text}")
        except ValueError:
            raise value.bad(f"{text!r} is not a day of every year") from None
        return day.month, day.day
    raise value.bad("must be a day of the year, MM-DD")


def _observed(value: Value | None, otherwise: _Kept) -> _Kept:
    if value is None:
        return otherwise
    table = value.table()
    saturday = Observed(table.take("saturday").choice("friday", "monday", "not"))
    sunday = Observed(table.take("sunday").choice("monday", "not"))
    table.done()
    return saturday, sunday
