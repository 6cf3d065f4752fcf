"""Facts from JSON, strictly: an unknown key, a wrong type or a malformed value is refused by name.

`null` and an absent key both mean *unknown*. Instants are ISO 8601 with an offset or Z; a bare local time would
have to be guessed, so it is refused.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
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
)
from compliance.number import BadNumber, parse_number

_MAX_ITEMS = 10_000
_MAX_COUNT = 10**12
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})", re.ASCII
)

E = TypeVar("E", bound=Enum)
T = TypeVar("T")

Reader = Callable[[object, str], object]


def facts_from_dict(data: object, where: str) -> Facts:
    """`where` begins the message of a refusal, e.g. "facts.jsonl:17".

    Raises BadInput: `data` is no object, holds a key nobody knows, or a value that cannot be.
    """
    table = _table(data, where)
    values: dict[str, Any] = {}
    for key, value in table.items():
        reader = _READERS.get(key)
        if reader is None:
            raise BadInput(f"{where}: unknown key {key[:40]!r}")
        values[key] = None if value is None else reader(value, f"{where}: {key}")
    try:
        return Facts(**values)
    except BadInput as error:
        raise BadInput(f"{where}: {error}") from None


def _table(value: object, where: str) -> dict[str, object]:
    if not isinstance(value, dict) or len(value) > _MAX_ITEMS:
        raise BadInput(f"{where}: must be an object of at most {_MAX_ITEMS} keys")
    return value


def _list(value: object, where: str) -> list[object]:
    if not isinstance(value, list) or len(value) > _MAX_ITEMS:
        raise BadInput(f"{where}: must be a list of at most {_MAX_ITEMS}")
    return value


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= 200 or not value.isprintable():
        raise BadInput(f"{where}: must be printable text of 1 to 200 characters")
    return value


def _flag(value: object, where: str) -> bool:
    if not isinstance(value, bool):
        raise BadInput(f"{where}: must be true or false")
    return value


def _count(value: object, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MAX_COUNT:
        raise BadInput(f"{where}: must be a whole number, 0 or more")
    return value


def _date(value: object, where: str) -> date:
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise BadInput(f"{where}: must be a date, YYYY-MM-DD")


def _instant(value: object, where: str) -> datetime:
    if isinstance(value, str) and _INSTANT.fullmatch(value):
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            at = None
        if at is not None and 1900 <= at.year < 2200:
            return at
    raise BadInput(f"{where}: must be a time with offset, e.g. 2026-11-21T17:00:00Z")


def _instants(value: object, where: str) -> tuple[datetime, ...]:
    return tuple(_instant(item, where) for item in _list(value, where))


def _choice(kind: type[E]) -> Callable[[object, str], E]:
    words = {str(item.value): item for item in kind}

    def read(value: object, where: str) -> E:
        found = words.get(value) if isinstance(value, str) else None
        if found is None:
            raise BadInput(f"{where}: must be one of {', '.join(words)}")
        return found

    return read


def _number(value: object, where: str) -> object:
    try:
        return parse_number(_text(value, where))
    except BadNumber as error:
        raise BadInput(f"{where}: {error}") from None


def _map(read: Callable[[object, str], T]) -> Callable[[object, str], dict[str, T]]:
    def read_all(value: object, where: str) -> dict[str, T]:
        return {_text(key, where): read(item, f"{where}.{key}") for key, item in _table(value, where).items()}

    return read_all


def _object(
    build: Callable[..., T], required: Mapping[str, Reader], optional: Mapping[str, Reader] = MappingProxyType({})
) -> Callable[[object, str], T]:
    """A reader of one object: its required keys, then the optional ones, and none besides."""
    readers = {**required, **optional}

    def read(value: object, where: str) -> T:
        table = _table(value, where)
        for key in table:
            if key not in readers:
                raise BadInput(f"{where}: unknown key {key[:40]!r}")
        for key in required:
            if table.get(key) is None:
                raise BadInput(f"{where}: {key!r} is missing")
        return build(
            **{
                key: reader(table[key], f"{where}.{key}")
                for key, reader in readers.items()
                if table.get(key) is not None
            }
        )

    return read


_consent = _object(
    Consent,
    {"kind": _choice(ConsentKind)},
    {
        "purpose": _choice(Purpose),
        "seller": _text,
        "obtained_at": _instant,
        "confirmed_at": _instant,
        "withdrawn_at": _instant,
        "expires_at": _instant,
    },
)


def _consents(value: object, where: str) -> tuple[Consent, ...]:
    return tuple(_consent(item, f"{where}[{place}]") for place, item in enumerate(_list(value, where)))


_READERS: dict[str, Reader] = {
    "number": _number,
    "at": _instant,
    "call_kind": _choice(CallKind),
    "purpose": _choice(Purpose),
    "party": _choice(Party),
    "region": _text,
    "postal_code": _text,
    "seller": _text,
    "campaign": _text,
    "agent_region": _text,
    "internal_dnc": _flag,
    "registries": _map(_object(Registry, {"listed": _flag, "version_date": _date})),
    "consents": _consents,
    "relationship": _object(Relationship, {"kind": _choice(RelationshipKind), "at": _instant}),
    "attempts": _instants,
    "refusals": _instants,
    "reassigned": _object(
        Reassigned, {"answer": _choice(ReassignedAnswer), "checked_at": _instant}, {"consent_date": _date}
    ),
    "caller_id": _text,
    "abandonment": _object(Abandonment, {"answered": _count, "abandoned": _count}),
    "switches": _map(_flag),
    "storage_region": _text,
    "seller_region": _text,
    "recording_policy": _choice(RecordingPolicy),
    "in_flight": _flag,
    "prompts": _map(_flag),
    "ring_seconds": _count,
}
