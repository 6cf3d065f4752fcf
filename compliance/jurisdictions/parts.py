"""The parts that rules of several topics share: provenance and dates, which calls, what sets a rule aside, windows."""

import re
from collections.abc import Mapping
from datetime import date
from enum import Enum
from itertools import pairwise
from typing import TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from compliance.jurisdictions.model import Entry, Scope, Unless, Weekday, When, Window, Windows
from compliance.jurisdictions.strict_yaml import Table, Value
from compliance.terms import CallKind, ConsentKind, Party, Purpose
from compliance.verdict import Confidence, ObligationKind

ID = re.compile(r"[a-z0-9]+([._-][a-z0-9]+)*", re.ASCII)
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00", re.ASCII)
_PREFIX = re.compile(r"\+[1-9][0-9]{0,13}", re.ASCII)
_WEEK = tuple(day.name.lower() for day in Weekday)

E = TypeVar("E", bound=Enum)


def read_entry(rule: Table, code: str) -> Entry:
    name = rule.take("id")
    text = name.text(80)
    if ID.fullmatch(text) is None:
        raise name.bad("must be words of a-z and 0-9 joined by dots")
    if not text.startswith(f"{code.lower()}."):
        raise name.bad(f"must begin with '{code.lower()}.', the file's own code")
    scope = rule.maybe("scope")
    note = rule.maybe("note")
    entry = Entry(
        id=text,
        citation=rule.take("citation").text(),
        source=rule.take("source").text(800),
        confidence=one_of(rule.take("confidence"), Confidence),
        as_of=rule.take("as_of").date(),
        valid_from=_maybe_date(rule.maybe("valid_from")),
        valid_to=_maybe_date(rule.maybe("valid_to")),
        scope=Scope.EVERYWHERE if scope is None else one_of(scope, Scope),
        note="" if note is None else note.text(600),
    )
    if entry.valid_from is not None and entry.valid_to is not None and entry.valid_from > entry.valid_to:
        raise rule.bad("valid_from lies after valid_to")
    return entry


def _maybe_date(value: Value | None) -> date | None:
    return None if value is None else value.date()


def read_when(rule: Table) -> When:
    return When(
        call_kinds=some_of(rule.maybe("call_kinds"), CallKind),
        purposes=some_of(rule.maybe("purposes"), Purpose),
        parties=some_of(rule.maybe("parties"), Party),
    )


def read_unless(rule: Table) -> Unless:
    consent = rule.maybe("unless_consent")
    relationship = rule.maybe("unless_relationship")
    return Unless(
        consent=None if consent is None else read_consent(consent),
        relationship=relationship is not None and relationship.flag(),
    )


def read_consent(value: Value) -> ConsentKind:
    kind = one_of(value, ConsentKind)
    if kind is ConsentKind.NONE:
        raise value.bad("'none' is no consent; leave the key out")
    return kind


def one_of(value: Value, kind: type[E]) -> E:
    return kind(value.choice(*(str(item.value) for item in kind)))


def some_of(value: Value | None, kind: type[E]) -> frozenset[E] | None:
    if value is None:
        return None
    found: set[E] = set()
    for item in value.items():
        one = one_of(item, kind)
        if one in found:
            raise item.bad(f"{one.value!r} is given twice")
        found.add(one)
    if not found:
        raise value.bad("an empty list means no call at all; leave the key out for all")
    return frozenset(found)


def read_week(table: Table) -> tuple[Windows, ...]:
    week = tuple(_windows(table.take(day)) for day in _WEEK)
    table.done()
    return week


def read_day(value: Value) -> Windows:
    """`closed`, or the windows of such a day."""
    if value.is_list:
        return _windows(value)
    value.choice("closed")
    return ()


def _windows(value: Value) -> Windows:
    windows = tuple(_window(item) for item in value.items())
    for earlier, later in pairwise(windows):
        if later[0] < earlier[1]:
            raise value.bad("the windows of a day must follow each other without overlap")
    return windows


def _window(value: Value) -> Window:
    opens, closes = (_seconds(item) for item in value.exactly(2, 'two times, e.g. ["08:00", "21:00"]'))
    if opens >= closes:
        raise value.bad('must be two times, the earlier first, e.g. ["08:00", "21:00"]')
    return opens, closes


def _seconds(value: Value) -> int:
    text = value.text(5)
    if _TIME.fullmatch(text) is None:
        raise value.bad("must be a time from 00:00 to 24:00")
    return int(text[:2]) * 3600 + int(text[3:]) * 60


def read_zone(value: Value) -> ZoneInfo:
    text = value.text(60)
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError):
        raise value.bad(f"{text!r} is no time zone") from None


def read_prefix(value: Value) -> str:
    text = value.text(15)
    if _PREFIX.fullmatch(text) is None:
        raise value.bad('must be the beginning of an international number, e.g. "+336"')
    return text


_UNITS: Mapping[ObligationKind, str] = {
    ObligationKind.MIN_RING: "seconds",
    ObligationKind.IDENTIFY: "within_seconds",
    ObligationKind.ANNOUNCE_OPT_OUT: "within_seconds",
    ObligationKind.BEEP: "every_seconds",
    ObligationKind.TRANSFER_LIMIT: "within_seconds",
    ObligationKind.END_ON_REQUEST: "within_seconds",
    ObligationKind.RELEASE_LINE: "within_seconds",
}


def read_params(rule: Table, value: Value | None, kind: ObligationKind) -> dict[str, str | int]:
    unit = _UNITS.get(kind)
    if unit is None and kind is not ObligationKind.MESSAGE_CONTENT:
        if value is not None:
            raise value.bad(f"{kind.value} has no params")
        return {}
    if value is None:
        raise rule.bad("'params' is missing")
    if unit is None:
        return dict(_parts(value))
    table = value.table()
    figure = table.take(unit).whole(0, 3600)
    table.done()
    return {unit: figure}


def _parts(value: Value) -> dict[str, str]:
    """What a message says: name of the part → in words."""
    table = value.table()
    parts = {name: text.text(200) for name, text in table.rest()}
    if not parts or not all(ID.fullmatch(name) for name in parts):
        raise value.bad("must name at least one part of the message, in words of a-z")
    return parts
