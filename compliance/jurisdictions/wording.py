"""A law in a line of words, from its figures alone, for listings and for the pages of docs/jurisdictions."""

from datetime import date
from itertools import groupby

from compliance.jurisdictions import model
from compliance.jurisdictions.model import Law, Observed, Unless, Weekday, When, Windows
from compliance.windows import clock_spans


def describe(law: Law) -> str:
    """What it asks for, of which calls, and what sets it aside."""
    return "; ".join(part for part in (_what(law), of_calls(law.when), unless(law.unless)) if part)


def of_calls(when: When) -> str:
    """The calls a law speaks of; empty: all."""
    parts = (when.call_kinds, when.purposes, when.parties)
    kinds, purposes, parties = (sorted(item.value for item in part) if part else [] for part in parts)
    said = [" or ".join(part).replace("_", " ") for part in (kinds, purposes) if part]
    if parties:
        said.append(f"to a {' or '.join(parties)}")
    return f"of calls that are {', '.join(said)}" if said else ""


def unless(what: Unless) -> str:
    said = [] if what.consent is None else [f"{what.consent.value.replace('_', ' ')} consent stands"]
    if what.relationship:
        said.append("there is an established business relationship")
    return f"unless {' or '.join(said)}" if said else ""


def days_of(law: Law) -> str:
    """When it is in force: "2026-01-01 to 2026-06-30", "from …", "to …"; empty: always."""
    return dates(law.entry.valid_from, law.entry.valid_to)


def dates(first: date | None, last: date | None) -> str:
    if first is None:
        return "" if last is None else f"to {last}"
    return f"from {first}" if last is None else f"{first} to {last}"


def week(windows: tuple[Windows, ...]) -> str:
    """Days with the same hours together: "mon-fri 08:00-21:00, sat 10:00-18:00, sun closed"."""
    said: list[str] = []
    for hours, days in groupby(Weekday, key=lambda day: windows[day.value]):
        names = [day.name.lower() for day in days]
        said.append(f"{names[0]}{f'-{names[-1]}' if names[1:] else ''} {clock_spans(hours)}")
    return "; ".join(said)


def _what(law: Law) -> str:
    match law:
        case model.RecordingLaw():
            announced = ", the announcement recorded too" if law.record_announcement else ""
            return f"recording: {law.mode.value} ({law.parties.value.replace('_', ' ')}){announced}"
        case model.HolidayCalendar():
            return f"{len(law.days)} holidays: {', '.join(holiday(day) for day in law.days)}"
        case model.CallingHours():
            return _hours(law)
        case model.RingTimeLaw():
            return f"an unanswered call rings {law.min_seconds} s at least"
        case model.AttemptCap():
            period = f"{law.hours} hours" if law.hours is not None else f"{law.calendar_days} calendar days"
            return f"at most {law.max} attempts in {period}"
        case model.WaitingTime():
            return f"no call within {law.hours} hours of a {law.after.value.replace('_', ' ')}"
        case model.AbandonmentLaw():
            connect = f"; an agent within {law.connect_within_seconds} s"
            return f"at most {law.max_per_mille / 10:g} % abandoned ({law.period.value.replace('_', ' ')}){connect}"
        case model.RegistryLaw():
            return f"nobody on the list {law.list}, looked up in a version of at most {law.max_age_days} days"
        case model.ConsentLaw():
            renewed = "" if law.renew_months is None else f", given anew every {law.renew_months} months"
            return f"{law.kind.value.replace('_', ' ')} consent{renewed}"
        case model.RelationshipLaw():
            lasts = f"{law.purchase_months} months from a purchase, {law.inquiry_months} from an inquiry"
            return f"an established business relationship lasts {lasts}"
        case model.ReassignedLaw():
            which = "every call" if law.every_call else "a call that rests on consent"
            return f"{which} asks whether the number was reassigned, within {law.max_age_days} days"
        case model.RevocationLaw():
            days = "business days" if law.business_days else "days"
            return f"a withdrawal is honoured within {law.days} {days} (here: at once)"
        case model.CallerIdLaw():
            barred = f", none that begins {', '.join(law.forbidden_prefixes)}" if law.forbidden_prefixes else ""
            wanted = f", one that begins {' or '.join(law.required_prefixes)}" if law.required_prefixes else ""
            return f"a caller id is shown{barred}{wanted}"
        case model.Prohibition():
            return "not placed at all"
        case model.ObligationLaw():
            params = ", ".join(f"{name} {value}" for name, value in sorted(law.obligation.params.items()))
            return f"owes: {law.obligation.kind.value}{f' ({params})' if params else ''}".replace("_", " ")
    return type(law).__name__


def _hours(law: model.CallingHours) -> str:
    said = [week(law.week)]
    for what, windows in (("holidays", law.holidays), ("eves of holidays", law.eves)):
        if windows is not None:
            said.append(f"{what} {clock_spans(windows)}")
    if law.also_zone is not None:
        said.append(f"and by the clocks of {law.also_zone.key}")
    return "; ".join(said)


def holiday(day: model.Holiday) -> str:
    """ "Independence Day (4 July; kept on Friday or Monday)"."""
    kept = {
        Observed.FRIDAY: "the Friday before",
        Observed.MONDAY: "the Monday after",
    }
    said = [_rule(day.rule)]
    for weekday, where in (("a Saturday's", day.observed_saturday), ("a Sunday's", day.observed_sunday)):
        if where is not Observed.NOT:
            said.append(f"{weekday} also on {kept[where]}")
    fixed = isinstance(day.rule, model.FixedDay | model.NamedDates)
    return f"{day.name} ({'; '.join(said if fixed else said[:1])})"


_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_ORDINAL = {1: "first", 2: "second", 3: "third", 4: "fourth", -1: "last"}


def _rule(rule: model.DayRule) -> str:
    match rule:
        case model.FixedDay(month, day):
            return _day(month, day)
        case model.NthWeekday(nth, weekday, month):
            return f"{_ORDINAL[nth]} {_name(weekday)} of {_MONTHS[month - 1]}"
        case model.WeekdayNear(weekday, month, day, before):
            return f"{_name(weekday)} on or {'before' if before else 'after'} {_day(month, day)}"
        case model.EasterDay(offset):
            return "Easter Sunday" if offset == 0 else f"Easter {'+' if offset > 0 else '-'} {abs(offset)} days"
        case model.NamedDates(named, through):
            return f"{', '.join(map(str, named))}; known through {through}"


def _day(month: int, day: int) -> str:
    return f"{day} {_MONTHS[month - 1]}"


def _name(weekday: Weekday) -> str:
    return _WEEKDAYS[weekday.value]
