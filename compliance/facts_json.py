"""Facts from JSON, strictly: an unknown key, a wrong type or a malformed value is refused by name.

`null` and an absent key both mean *unknown*, also within a value: of a list's answer without its date, a relationship
without its day or counts of which one is missing nothing is known. A `number` that is text and no number is a fact
like others, which a rule denies: a list of numbers may well hold such. Instants are ISO 8601 with an offset or Z; a
bare local time would have to be guessed, so it is refused.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from enum import Enum
from types import MappingProxyType
from typing import Any, TypeVar

from compliance.errors import BadInput
from compliance.facts import (
    Abandonment,
    CallKind,
    Consent,
    ConsentKind,
    Facts,
    Party,
    Purpose,
    Reassigned,
    ReassignedAnswer,
    RecordingPolicy,
    Registry,
    Relationship,
    RelationshipKind,
    Switch,
    Unreadable,
)
from compliance.number import BadNumber, Number, parse_number

MAX_ITEMS = 10_000
MAX_COUNT = 10**12
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})", re.ASCII
)

E = TypeVar("E", bound=Enum)
T = TypeVar("T")

Reader = Callable[[object], object]


class Wrong(Exception):
    """A value that cannot be; each level it passes puts its own name before it, so success builds no text."""

    def __init__(self, problem: str, path: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.path = path

    def under(self, name: str) -> "Wrong":
        return Wrong(self.problem, f"{name}.{self.path}" if self.path else name)


def facts_from_dict(data: object, where: str) -> Facts:
    """`where` begins the message of a refusal, e.g. "facts.jsonl:17".

    Raises BadInput: `data` is no object, holds a key nobody knows, or a value that cannot be.
    """
    values: dict[str, Any] = {}
    try:
        for key, value in _table(data).items():
            reader = _READERS.get(key)
            if reader is None:
                raise _unknown(key)
            if value is not None:
                try:
                    values[key] = reader(value)
                except Wrong as wrong:
                    raise wrong.under(key) from None
        return Facts(**values)
    except Wrong as wrong:
        place = f"{where}: {wrong.path}" if wrong.path else where
        raise BadInput(f"{place}: {wrong.problem}") from None
    except BadInput as error:
        raise BadInput(f"{where}: {error}") from None


def _unknown(key: str) -> Wrong:
    return Wrong(f"unknown key {key[:40]!r}")


def _table(value: object) -> dict[str, object]:
    if not isinstance(value, dict) or len(value) > MAX_ITEMS:
        raise Wrong(f"must be an object of at most {MAX_ITEMS} keys")
    return value


def _list(value: object) -> list[object]:
    if not isinstance(value, list) or len(value) > MAX_ITEMS:
        raise Wrong(f"must be a list of at most {MAX_ITEMS}")
    return value


def text(value: object) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= 200 or not value.isprintable():
        raise Wrong("must be printable text of 1 to 200 characters")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise Wrong("must be true or false")
    return value


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_COUNT:
        raise Wrong("must be a whole number, 0 or more")
    return value


def _date(value: object) -> date:
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise Wrong("must be a date, YYYY-MM-DD")


def instant(value: object) -> datetime:
    if isinstance(value, str) and _INSTANT.fullmatch(value):
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            at = None
        if at is not None and 1900 <= at.year < 2200:
            return at
    raise Wrong("must be a time with offset, e.g. 2026-11-21T17:00:00Z")


def plain_instant(value: str) -> datetime:
    """`instant` of what is text for certain. Raises Wrong, ValueError."""
    if _INSTANT.fullmatch(value):
        at = datetime.fromisoformat(value)
        if 1900 <= at.year < 2200:
            return at
    raise Wrong("must be a time with offset, e.g. 2026-11-21T17:00:00Z")


def instants(value: object) -> tuple[datetime, ...]:
    return tuple(instant(item) for item in _list(value))


def _choice(kind: type[E]) -> Callable[[object], E]:
    words = {str(item.value): item for item in kind}

    def read(value: object) -> E:
        found = words.get(value) if isinstance(value, str) else None
        if found is None:
            raise Wrong(f"must be one of {', '.join(words)}")
        return found

    return read


def number_of(value: object) -> Number | Unreadable:
    written = text(value)
    try:
        return parse_number(written)
    except BadNumber as error:
        return Unreadable(written, str(error).removeprefix("number: "))


def _map(read: Callable[[object], T | None]) -> Callable[[object], dict[str, T]]:
    """Of a value nothing is known of, the key is left out."""

    def read_all(value: object) -> dict[str, T]:
        found: dict[str, T] = {}
        for key, item in _table(value).items():
            try:
                name, known = text(key), read(item)
            except Wrong as wrong:
                raise wrong.under(key[:40]) from None
            if known is not None:
                found[name] = known
        return found

    return read_all


def _object(
    build: Callable[..., T],
    needed: Mapping[str, Reader],
    optional: Mapping[str, Reader] = MappingProxyType({}),
    instead: Mapping[str, object] = MappingProxyType({}),
) -> Callable[[object], T | None]:
    """A reader of one object of these keys and none besides; None: one that is needed is unknown.

    `instead`: by key that is unknown, what it is then taken for.
    """
    readers = {**needed, **optional}

    def read(value: object) -> T | None:
        values: dict[str, object] = {}
        for key, item in _table(value).items():
            reader = readers.get(key)
            if reader is None:
                raise _unknown(key)
            if item is not None:
                try:
                    values[key] = reader(item)
                except Wrong as wrong:
                    raise wrong.under(key) from None
        for key, otherwise in instead.items():
            values.setdefault(key, otherwise)
        return build(**values) if values.keys() >= needed.keys() else None

    return read


_consent = _object(
    Consent,
    {},
    {
        "kind": _choice(ConsentKind),
        "purpose": _choice(Purpose),
        "seller": text,
        "obtained_at": instant,
        "confirmed_at": instant,
        "withdrawn_at": instant,
        "expires_at": instant,
    },
    {"kind": ConsentKind.NONE},  # its withdrawal still says something
)


def _consents(value: object) -> tuple[Consent, ...]:
    found: list[Consent] = []
    for place, item in enumerate(_list(value)):
        try:
            known = _consent(item)
        except Wrong as wrong:
            raise wrong.under(f"[{place}]") from None
        if known is not None:
            found.append(known)
    return tuple(found)


_answer = _object(Reassigned, {"answer": _choice(ReassignedAnswer), "checked_at": instant}, {"consent_date": _date})
_LONG_AGO = datetime(1900, 1, 1, tzinfo=UTC)


def _reassigned(value: object) -> Reassigned | None:
    """A yes is one whenever it was given."""
    table = _table(value)
    if table.get("answer") == ReassignedAnswer.YES.value and table.get("checked_at") is None:
        return _answer({**table, "checked_at": _LONG_AGO.isoformat()})
    return _answer(table)


_span = _object(Switch, {}, {"start": instant, "end": instant})


def _switch(value: object) -> Switch | None:
    return Switch(value) if isinstance(value, bool) else _span(value)


_READERS: dict[str, Reader] = {
    "number": number_of,
    "at": instant,
    "call_kind": _choice(CallKind),
    "purpose": _choice(Purpose),
    "party": _choice(Party),
    "region": text,
    "postal_code": text,
    "seller": text,
    "campaign": text,
    "agent_region": text,
    "internal_dnc": _flag,
    "registries": _map(_object(Registry, {"listed": _flag, "version_date": _date})),
    "consents": _consents,
    "relationship": _object(Relationship, {"kind": _choice(RelationshipKind), "at": instant}),
    "attempts": instants,
    "refusals": instants,
    "silent_calls": instants,
    "topic": text,
    "double_opt_in": _flag,
    "reassigned": _reassigned,
    "caller_id": text,
    "abandonment": _object(Abandonment, {"answered": _count, "abandoned": _count}),
    "switches": _map(_switch),
    "storage_region": text,
    "seller_region": text,
    "recording_policy": _choice(RecordingPolicy),
    "in_flight": _flag,
    "prompts": _map(_flag),
    "ring_seconds": _count,
}
