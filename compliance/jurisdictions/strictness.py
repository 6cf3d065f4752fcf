"""Is a law stricter than the one it takes the place of, or looser?

It is looser where it could allow a call, or let one be placed or recorded on easier terms, that the old one did not.
What can't be compared (another list, another kind of period, other words of a message) counts as looser, for the
answer guards what may be changed without a signature.
"""

from dataclasses import dataclass
from enum import Enum

from compliance.consents import at_least
from compliance.holidays import in_year, proclaimed
from compliance.jurisdictions import model
from compliance.jurisdictions.model import Law, Scope, Unless, Weekday, When, Windows
from compliance.verdict import Obligation, ObligationKind
from compliance.windows import clock_spans, common, inside

_YEARS = range(2000, 2100)
"""Calendars are compared day by day over these."""

_HIGHER_IS_STRICTER = frozenset({ObligationKind.MIN_RING})


@dataclass(frozen=True, slots=True)
class Comparison:
    """What became stricter and what looser, in words; both empty: the laws do the same."""

    stricter: tuple[str, ...] = ()
    looser: tuple[str, ...] = ()


class _Found:
    def __init__(self) -> None:
        self.stricter: list[str] = []
        self.looser: list[str] = []

    def changed(self, what: str, old: object, new: object, *, stricter: bool) -> None:
        """Nothing when they are equal."""
        if new != old:
            (self.stricter if stricter else self.looser).append(f"{what}: {_said(old)} → {_said(new)}")

    def lower(self, what: str, old: int, new: int) -> None:
        """The lower, the stricter."""
        self.changed(what, old, new, stricter=new < old)

    def higher(self, what: str, old: int, new: int) -> None:
        """The higher, the stricter."""
        self.changed(what, old, new, stricter=new > old)

    def fixed(self, what: str, old: object, new: object) -> None:
        """Another value can't be compared."""
        self.changed(what, old, new, stricter=False)


def compare(old: Law, new: Law) -> Comparison:
    """What `new` changes where it takes the place of `old`."""
    if type(old) is not type(new):
        return Comparison(looser=("it is of another topic",))
    found = _Found()
    _when(old, new, found)
    _unless(old.unless, new.unless, found)
    found.changed("scope", old.entry.scope, new.entry.scope, stricter=new.entry.scope is Scope.EVERYWHERE)
    _figures(old, new, found)
    return Comparison(tuple(found.stricter), tuple(found.looser))


def covers(new: When, old: When) -> bool:
    """Every call that `old` speaks of is one that `new` speaks of."""
    pairs = ((new.call_kinds, old.call_kinds), (new.purposes, old.purposes), (new.parties, old.parties))
    return all(wide is None or (narrow is not None and narrow <= wide) for wide, narrow in pairs)


def _when(old: Law, new: Law, found: _Found) -> None:
    """More calls are stricter; only of a relationship, which permits, nothing can be said."""
    wider = covers(new.when, old.when) and not isinstance(old, model.RelationshipLaw)
    for what in ("call_kinds", "purposes", "parties"):
        found.changed(what, getattr(old.when, what), getattr(new.when, what), stricter=wider)


def _unless(old: Unless, new: Unless, found: _Found) -> None:
    stronger = new.consent is None or (old.consent is not None and at_least(new.consent, old.consent))
    found.changed("set aside by consent", old.consent, new.consent, stricter=stronger)
    found.changed("set aside by a relationship", old.relationship, new.relationship, stricter=not new.relationship)


def _figures(old: Law, new: Law, found: _Found) -> None:
    match old, new:
        case model.RecordingLaw(), model.RecordingLaw():
            found.changed("mode", old.mode, new.mode, stricter=new.mode.strictness > old.mode.strictness)
            announced = (old.record_announcement, new.record_announcement)
            found.changed("record_announcement", *announced, stricter=new.record_announcement)
        case model.HolidayCalendar(), model.HolidayCalendar():
            _calendar(old.days, new.days, found)
        case model.CallingHours(), model.CallingHours():
            _hours(old, new, found)
        case model.RingTimeLaw(), model.RingTimeLaw():
            found.higher("min_seconds", old.min_seconds, new.min_seconds)
        case model.AttemptCap(), model.AttemptCap():
            found.lower("max", old.max, new.max)
            _period("hours", old.hours, new.hours, found)
            _period("calendar_days", old.calendar_days, new.calendar_days, found)
        case model.WaitingTime(), model.WaitingTime():
            found.fixed("after", old.after, new.after)
            found.higher("hours", old.hours, new.hours)
        case model.AbandonmentLaw(), model.AbandonmentLaw():
            found.lower("max_per_mille", old.max_per_mille, new.max_per_mille)
            found.fixed("period", old.period, new.period)
            found.lower("connect_within_seconds", old.connect_within_seconds, new.connect_within_seconds)
        case model.RegistryLaw(), model.RegistryLaw():
            found.fixed("list", old.list, new.list)
            found.lower("max_age_days", old.max_age_days, new.max_age_days)
        case model.ConsentLaw(), model.ConsentLaw():
            found.changed("kind", old.kind, new.kind, stricter=at_least(new.kind, old.kind))
            sooner = new.renew_months is not None and (old.renew_months is None or new.renew_months < old.renew_months)
            found.changed("renew_months", old.renew_months, new.renew_months, stricter=sooner)
        case model.RelationshipLaw(), model.RelationshipLaw():
            found.lower("purchase_months", old.purchase_months, new.purchase_months)
            found.lower("inquiry_months", old.inquiry_months, new.inquiry_months)
        case model.ReassignedLaw(), model.ReassignedLaw():
            found.lower("max_age_days", old.max_age_days, new.max_age_days)
            found.changed("every_call", old.every_call, new.every_call, stricter=new.every_call)
        case model.RevocationLaw(), model.RevocationLaw():
            found.lower("days", old.days, new.days)
            found.changed("business_days", old.business_days, new.business_days, stricter=not new.business_days)
        case model.CallerIdLaw(), model.CallerIdLaw():
            still = all(each.startswith(new.forbidden_prefixes) for each in old.forbidden_prefixes)
            prefixes = (frozenset(old.forbidden_prefixes), frozenset(new.forbidden_prefixes))
            found.changed("forbidden_prefixes", *prefixes, stricter=still)
            within = all(each.startswith(old.required_prefixes or "") for each in new.required_prefixes)
            prefixes = (frozenset(old.required_prefixes), frozenset(new.required_prefixes))
            found.changed("required_prefixes", *prefixes, stricter=bool(new.required_prefixes) and within)
        case model.ObligationLaw(), model.ObligationLaw():
            _obligation(old.obligation, new.obligation, found)
        case model.Prohibition(), model.Prohibition():
            pass
        case _:
            found.looser.append(f"nothing compares a {type(new).__name__}")


def _period(what: str, old: int | None, new: int | None, found: _Found) -> None:
    found.changed(what, old, new, stricter=old is not None and new is not None and new > old)


def _obligation(old: Obligation, new: Obligation, found: _Found) -> None:
    found.fixed("kind", old.kind, new.kind)
    for name in sorted(old.params.keys() | new.params.keys()):
        before, after = old.params.get(name), new.params.get(name)
        if isinstance(before, int) and isinstance(after, int):
            (found.higher if new.kind in _HIGHER_IS_STRICTER else found.lower)(name, before, after)
        else:
            found.changed(name, before, after, stricter=before is None)


def _calendar(old: tuple[model.Holiday, ...], new: tuple[model.Holiday, ...], found: _Found) -> bool:
    """Says which days came and went; true: none went."""
    gone: dict[str, None] = {}
    come: dict[str, None] = {}
    for year in _YEARS:
        before, after = in_year(old, year), in_year(new, year)
        every_day_before, every_day_after = not _known(old, year), not _known(new, year)
        if every_day_before and not every_day_after:
            gone[f"any day of {year}"] = None
        elif not every_day_before and every_day_after:
            come[f"any day of {year}"] = None
        elif not every_day_before:
            gone.update(dict.fromkeys(before[day] for day in before.keys() - after.keys()))
            come.update(dict.fromkeys(after[day] for day in after.keys() - before.keys()))
    if gone:
        found.looser.append(f"no holiday any more: {', '.join(sorted(gone))}")
    if come:
        found.stricter.append(f"a holiday now: {', '.join(sorted(come))}")
    return not gone


def _known(days: tuple[model.Holiday, ...], year: int) -> bool:
    return all(proclaimed(day.rule, year) for day in days)


def _hours(old: model.CallingHours, new: model.CallingHours, found: _Found) -> None:
    if new.also_zone != old.also_zone:
        found.changed("also_zone", old.also_zone, new.also_zone, stricter=old.also_zone is None)
    special = (old.holidays is not None or old.eves is not None, new.holidays is not None or new.eves is not None)
    if all(special) and new.calendar != old.calendar:
        _calendar(old.calendar, new.calendar, found)
    for weekday in Weekday:
        before, after = old.week[weekday.value], new.week[weekday.value]
        _windows(weekday.name.lower(), before, after, found)
        for what, old_day, new_day in (("holidays", old.holidays, new.holidays), ("eves", old.eves, new.eves)):
            if old_day == new_day and (before == after or old_day is None):
                continue
            on_old = before if old_day is None else common(before, old_day)
            on_new = after if new_day is None else common(after, new_day)
            _windows(f"{weekday.name.lower()}, {what}", on_old, on_new, found)


def _windows(what: str, old: Windows, new: Windows, found: _Found) -> None:
    if new != old:
        change = f"{what}: {clock_spans(old)} → {clock_spans(new)}"
        (found.stricter if inside(new, old) else found.looser).append(change)


def _said(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, frozenset):
        return ", ".join(sorted(_said(each) for each in value)) or "none"
    return str(value)
