"""One reader a topic: a rule of a file, as a table, becomes a law.

Every rule has the keys of `Entry`. Where it makes sense it may say which calls it speaks of (`call_kinds`,
`purposes`, `parties`: lists; left out: all) and what sets it aside (`unless_consent`: this kind of consent or a
stronger one; `unless_relationship: true`). Everything else belongs to its topic, and a key nobody knows is refused.
"""

from collections.abc import Callable, Mapping
from datetime import date
from types import MappingProxyType

from compliance.jurisdictions import model
from compliance.jurisdictions.day_rules import read_days
from compliance.jurisdictions.model import Entry, Law
from compliance.jurisdictions.parts import (
    ID,
    one_of,
    read_consent,
    read_day,
    read_entry,
    read_params,
    read_prefix,
    read_unless,
    read_week,
    read_when,
    read_zone,
)
from compliance.jurisdictions.strict_yaml import Table, Value
from compliance.verdict import Obligation, ObligationKind, RecordingMode

Calendars = tuple[model.HolidayCalendar, ...]
"""The calendars of the same file: a rule on hours that closes on holidays takes its days from one of them."""


def read_law(rule: Table, code: str, calendars: Calendars = ()) -> Law:
    """The law in `rule`, of the jurisdiction `code`. Raises BadInput with file and line."""
    topic = rule.take("topic").choice(*_READERS)
    entry = read_entry(rule, code)
    law = _READERS[topic](rule, entry, calendars)
    rule.done()
    return law


def is_calendar(rule: Table) -> bool:
    """Calendars come first: other rules of the file need them."""
    topic = rule.peek("topic")
    return topic is not None and topic.is_text("holidays")


def _recording(rule: Table, entry: Entry, _: Calendars) -> Law:
    return model.RecordingLaw(
        entry=entry,
        parties=one_of(rule.take("parties"), model.Parties),
        mode=one_of(rule.take("mode"), RecordingMode),
        record_announcement=rule.take("record_announcement").flag(),
    )


def _holidays(rule: Table, entry: Entry, _: Calendars) -> Law:
    return model.HolidayCalendar(entry=entry, days=read_days(rule))


def _hours(rule: Table, entry: Entry, calendars: Calendars) -> Law:
    holidays, eves, also_zone = rule.maybe("holidays"), rule.maybe("eves"), rule.maybe("also_zone")
    needs_days = holidays or eves
    return model.CallingHours(
        entry=entry,
        when=read_when(rule),
        unless=read_unless(rule),
        week=read_week(rule.take("week").table()),
        holidays=None if holidays is None else read_day(holidays),
        eves=None if eves is None else read_day(eves),
        calendar=() if needs_days is None else _calendar(needs_days, entry, calendars),
        also_zone=None if also_zone is None else read_zone(also_zone),
    )


def _calendar(value: Value, entry: Entry, calendars: Calendars) -> tuple[model.Holiday, ...]:
    """The one calendar in force as long as the hours are: where its days change, the hours are two entries."""
    first, last = entry.valid_from or date.min, entry.valid_to or date.max
    fitting = [
        calendar.days
        for calendar in calendars
        if (calendar.entry.valid_from or date.min) <= first and last <= (calendar.entry.valid_to or date.max)
    ]
    if len(fitting) != 1:
        raise value.bad(f"needs one calendar of holidays in this file for as long as it holds, not {len(fitting)}")
    return fitting[0]


def _ring_time(rule: Table, entry: Entry, _: Calendars) -> Law:
    return model.RingTimeLaw(entry=entry, when=read_when(rule), min_seconds=rule.take("min_seconds").whole(1, 120))


def _attempt_cap(rule: Table, entry: Entry, _: Calendars) -> Law:
    hours, days = rule.maybe("hours"), rule.maybe("calendar_days")
    if (hours is None) == (days is None):
        raise rule.bad("must have exactly one of hours, calendar_days")
    return model.AttemptCap(
        entry=entry,
        when=read_when(rule),
        unless=read_unless(rule),
        max=rule.take("max").whole(1, 1000),
        hours=None if hours is None else hours.whole(1, 24 * 366),
        calendar_days=None if days is None else days.whole(1, 366),
    )


def _waiting_time(rule: Table, entry: Entry, _: Calendars) -> Law:
    return model.WaitingTime(
        entry=entry,
        when=read_when(rule),
        unless=read_unless(rule),
        after=one_of(rule.take("after"), model.WaitAfter),
        hours=rule.take("hours").whole(1, 24 * 366 * 10),
    )


def _abandonment(rule: Table, entry: Entry, _: Calendars) -> Law:
    return model.AbandonmentLaw(
        entry=entry,
        when=read_when(rule),
        max_per_mille=rule.take("max_per_mille").whole(0, 1000),
        period=one_of(rule.take("period"), model.AbandonmentPeriod),
        connect_within_seconds=rule.take("connect_within_seconds").whole(0, 60),
    )


def _registry(rule: Table, entry: Entry, _: Calendars) -> Law:
    name = rule.take("list")
    if ID.fullmatch(name.text(40)) is None:
        raise name.bad("must be words of a-z and 0-9 joined by dots")
    return model.RegistryLaw(
        entry=entry,
        when=read_when(rule),
        unless=read_unless(rule),
        list=name.text(),
        max_age_days=rule.take("max_age_days").whole(1, 366),
    )


def _consent_law(rule: Table, entry: Entry, _: Calendars) -> Law:
    renew = rule.maybe("renew_months")
    return model.ConsentLaw(
        entry=entry,
        when=read_when(rule),
        unless=read_unless(rule),
        kind=read_consent(rule.take("kind")),
        renew_months=None if renew is None else renew.whole(1, 120),
    )


def _relationship(rule: Table, entry: Entry, _: Calendars) -> Law:
    return model.RelationshipLaw(
        entry=entry,
        when=read_when(rule),
        purchase_months=rule.take("purchase_months").whole(0, 120),
        inquiry_months=rule.take("inquiry_months").whole(0, 120),
    )


def _reassigned(rule: Table, entry: Entry, _: Calendars) -> Law:
    every_call = rule.maybe("every_call")
    return model.ReassignedLaw(
        entry=entry,
        when=read_when(rule),
        max_age_days=rule.take("max_age_days").whole(0, 366),
        every_call=every_call is not None and every_call.flag(),
    )


def _revocation(rule: Table, entry: Entry, _: Calendars) -> Law:
    return model.RevocationLaw(
        entry=entry,
        when=read_when(rule),
        days=rule.take("days").whole(0, 366),
        business_days=rule.take("business_days").flag(),
    )


def _caller_id(rule: Table, entry: Entry, _: Calendars) -> Law:
    required = rule.maybe("required_prefixes")
    return model.CallerIdLaw(
        entry=entry,
        when=read_when(rule),
        forbidden_prefixes=tuple(read_prefix(item) for item in rule.take("forbidden_prefixes").items()),
        required_prefixes=() if required is None else tuple(read_prefix(item) for item in required.items()),
    )


def _prohibition(rule: Table, entry: Entry, _: Calendars) -> Law:
    return model.Prohibition(entry=entry, when=read_when(rule), unless=read_unless(rule))


def _obligation(rule: Table, entry: Entry, _: Calendars) -> Law:
    kind = one_of(rule.take("kind"), ObligationKind)
    params = rule.maybe("params")
    return model.ObligationLaw(
        entry=entry,
        when=read_when(rule),
        obligation=Obligation(kind, MappingProxyType(read_params(rule, params, kind))),
    )


_READERS: Mapping[str, Callable[[Table, Entry, Calendars], Law]] = {
    "recording_consent": _recording,
    "holidays": _holidays,
    "calling_hours": _hours,
    "ring_time": _ring_time,
    "attempt_cap": _attempt_cap,
    "waiting_time": _waiting_time,
    "abandonment": _abandonment,
    "registry": _registry,
    "consent": _consent_law,
    "relationship": _relationship,
    "reassigned": _reassigned,
    "revocation": _revocation,
    "caller_id": _caller_id,
    "prohibition": _prohibition,
    "obligation": _obligation,
}

TOPICS: Mapping[type[Law], str] = MappingProxyType(
    {
        model.RecordingLaw: "recording_consent",
        model.HolidayCalendar: "holidays",
        model.CallingHours: "calling_hours",
        model.RingTimeLaw: "ring_time",
        model.AttemptCap: "attempt_cap",
        model.WaitingTime: "waiting_time",
        model.AbandonmentLaw: "abandonment",
        model.RegistryLaw: "registry",
        model.ConsentLaw: "consent",
        model.RelationshipLaw: "relationship",
        model.ReassignedLaw: "reassigned",
        model.RevocationLaw: "revocation",
        model.CallerIdLaw: "caller_id",
        model.Prohibition: "prohibition",
        model.ObligationLaw: "obligation",
    }
)
"""The word a file uses for each kind of law."""
