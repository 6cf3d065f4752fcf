"""One line of JSON as facts, and a verdict as a line: what `facts_from_dict` and `Verdict.to_json` say, at speed.

A line as programs write it (no escapes, no nulls) is decoded into the shapes below, which hold the types; texts,
instants and the number go through the same readers as in `facts_json`. Whatever is not taken that way, for whatever
cause, is decided by `facts_from_dict`, which also words the refusal. So there is one grammar, and the fast way only
ever agrees with it.

A key given twice is refused: which of the two was meant, nobody knows. JSON libraries take the last of them; that
shows in the number of quotes, which is less when the value is written again.
"""

import json
from datetime import date, datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Annotated, NoReturn

import msgspec
from msgspec import Meta, Struct

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
)
from compliance.facts_json import MAX_COUNT, MAX_ITEMS, Wrong, facts_from_dict, plain_instant, text
from compliance.number import parse_number
from compliance.verdict import Verdict, instant_text

_KEPT = 4096  # of each kind of text that comes again and again
_Count = Annotated[int, Meta(ge=0, le=MAX_COUNT)]
_Instants = Annotated[list[str], Meta(max_length=MAX_ITEMS)] | None


class _Registry(Struct, gc=False):
    listed: bool
    version_date: date


class _Consent(Struct, omit_defaults=True, gc=False):
    kind: ConsentKind
    purpose: Purpose | None = None
    seller: str | None = None
    obtained_at: str | None = None
    confirmed_at: str | None = None
    withdrawn_at: str | None = None
    expires_at: str | None = None


class _Relationship(Struct, gc=False):
    kind: RelationshipKind
    at: str


class _Reassigned(Struct, omit_defaults=True, gc=False):
    answer: ReassignedAnswer
    checked_at: str
    consent_date: date | None = None


class _Abandonment(Struct, gc=False):
    answered: _Count
    abandoned: _Count


class _Span(Struct, omit_defaults=True, gc=False):
    start: str | None = None
    end: str | None = None


class _Line(Struct, omit_defaults=True, gc=False):
    """The keys of `facts_json`, as far as types go. Unknown ones are dropped here and show in the count."""

    number: str | None = None
    at: str | None = None
    call_kind: CallKind | None = None
    purpose: Purpose | None = None
    party: Party | None = None
    region: str | None = None
    postal_code: str | None = None
    seller: str | None = None
    campaign: str | None = None
    agent_region: str | None = None
    internal_dnc: bool | None = None
    registries: Annotated[dict[str, _Registry], Meta(max_length=MAX_ITEMS)] | None = None
    consents: Annotated[list[_Consent], Meta(max_length=MAX_ITEMS)] | None = None
    relationship: _Relationship | None = None
    attempts: _Instants = None
    refusals: _Instants = None
    silent_calls: _Instants = None
    topic: str | None = None
    double_opt_in: bool | None = None
    reassigned: _Reassigned | None = None
    caller_id: str | None = None
    abandonment: _Abandonment | None = None
    switches: Annotated[dict[str, bool | _Span], Meta(max_length=MAX_ITEMS)] | None = None
    storage_region: str | None = None
    seller_region: str | None = None
    recording_policy: RecordingPolicy | None = None
    in_flight: bool | None = None
    prompts: Annotated[dict[str, bool], Meta(max_length=MAX_ITEMS)] | None = None
    ring_seconds: _Count | None = None


_decode = msgspec.json.Decoder(_Line).decode
_encode = msgspec.json.Encoder().encode


def _plain(value: object) -> object:
    """What msgspec does not know."""
    if isinstance(value, MappingProxyType):
        return dict(value)
    raise NotImplementedError(type(value).__name__)


_encode_sorted = msgspec.json.Encoder(order="sorted", enc_hook=_plain).encode


def facts_from_line(line: bytes, where: str) -> Facts:
    """`where` begins the message of a refusal, e.g. "facts.jsonl:17".

    Raises BadInput: the line is not UTF-8 or no JSON, gives a key twice, or is refused by `facts_from_dict`.
    """
    try:
        return _at_speed(line)
    except (Wrong, BadInput, msgspec.MsgspecError, ValueError, RecursionError):
        return facts_from_dict(_json(line, where), where)


def verdict_line(verdict: Verdict) -> bytes:
    """`verdict.to_json()` in UTF-8, without a line's end."""
    at = verdict.next_allowed_at
    return b'{"decision":%b,"next_allowed_at":%b,"obligations":%b,"pack":%b,"reasons":%b,"recording":%b}' % (
        _kept(verdict.decision),
        b"null" if at is None else _encode(instant_text(at)),
        _kept(verdict.obligations),
        _kept(verdict.pack),
        _encode_sorted(verdict.reasons) if verdict.reasons else b"[]",
        _kept(verdict.recording),
    )


_texts: dict[int, tuple[object, bytes]] = {}


def _kept(part: object) -> bytes:
    """The text of what the gate gives to many verdicts; found by identity, as an equal one may be another type."""
    found = _texts.get(id(part))
    if found is not None and found[0] is part:
        return found[1]
    if len(_texts) >= _KEPT:
        _texts.clear()
    written = _encode_sorted(part)
    _texts[id(part)] = (part, written)
    return written


def _at_speed(line: bytes) -> Facts:
    """Raises Wrong, BadInput, MsgspecError, ValueError, RecursionError: not decided here."""
    if b"\\" in line:
        raise Wrong("an escape")
    said = _decode(line)
    # Nothing is escaped, so every quote begins or ends a key or a text.
    if line.count(b'"') != _encode(said).count(b'"'):
        raise Wrong("a key is unknown, null or there twice")
    return Facts(
        number=None if said.number is None else parse_number(said.number),
        at=_instant(said.at),
        call_kind=said.call_kind,
        purpose=said.purpose,
        party=said.party,
        region=_text(said.region),
        postal_code=_text(said.postal_code),
        seller=_text(said.seller),
        campaign=_text(said.campaign),
        agent_region=_text(said.agent_region),
        internal_dnc=said.internal_dnc,
        registries=None if said.registries is None else _registries(said.registries),
        consents=None if said.consents is None else tuple([_consent(consent) for consent in said.consents]),
        relationship=None if said.relationship is None else _relationship(said.relationship),
        attempts=_instants(said.attempts),
        refusals=_instants(said.refusals),
        silent_calls=_instants(said.silent_calls),
        topic=_text(said.topic),
        double_opt_in=said.double_opt_in,
        reassigned=None if said.reassigned is None else _reassigned(said.reassigned),
        caller_id=_text(said.caller_id),
        abandonment=None if said.abandonment is None else _abandonment(said.abandonment),
        switches=None if said.switches is None else _switches(said.switches),
        storage_region=_text(said.storage_region),
        seller_region=_text(said.seller_region),
        recording_policy=said.recording_policy,
        in_flight=said.in_flight,
        prompts=None if said.prompts is None else {_name(key): found for key, found in said.prompts.items()},
        ring_seconds=said.ring_seconds,
    )


@lru_cache(_KEPT)
def _text(value: str | None) -> str | None:
    """The same names come line after line."""
    return None if value is None else text(value)


@lru_cache(_KEPT)
def _name(value: str) -> str:
    return text(value)


def _instant(value: str | None) -> datetime | None:
    return None if value is None else plain_instant(value)


def _instants(values: list[str] | None) -> tuple[datetime, ...] | None:
    return None if values is None else tuple([plain_instant(value) for value in values])


def _registries(said: dict[str, _Registry]) -> dict[str, Registry]:
    return {_name(name): Registry(answer.listed, answer.version_date) for name, answer in said.items()}


def _consent(said: _Consent) -> Consent:
    return Consent(
        said.kind,
        said.purpose,
        _text(said.seller),
        _instant(said.obtained_at),
        _instant(said.confirmed_at),
        _instant(said.withdrawn_at),
        _instant(said.expires_at),
    )


def _relationship(said: _Relationship) -> Relationship:
    return Relationship(said.kind, plain_instant(said.at))


def _reassigned(said: _Reassigned) -> Reassigned:
    return Reassigned(said.answer, plain_instant(said.checked_at), said.consent_date)


def _abandonment(said: _Abandonment) -> Abandonment:
    return Abandonment(said.answered, said.abandoned)


@lru_cache(1024)
def _span(start: str | None, end: str | None) -> Switch:
    """Switches are the same for all calls of a day."""
    return Switch(True, _instant(start), _instant(end))


def _switches(said: dict[str, bool | _Span]) -> dict[str, Switch]:
    return {
        _name(name): Switch(state) if isinstance(state, bool) else _span(state.start, state.end)
        for name, state in said.items()
    }


def _json(line: bytes, where: str) -> object:
    try:
        return _strict(line.decode())
    except UnicodeDecodeError:
        raise BadInput(f"{where}: not UTF-8") from None
    except Wrong as wrong:
        raise BadInput(f"{where}: {wrong.problem}") from None
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{where}: not JSON{_place(error)}") from None


def _place(error: Exception) -> str:
    return f" ({error.msg} at character {error.pos + 1})" if isinstance(error, json.JSONDecodeError) else ""


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    table = dict(pairs)
    if len(table) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Wrong(f"key {twice[:40]!r} is given twice")
    return table


def _no_number(name: str) -> NoReturn:
    raise Wrong(f"{name} is no JSON")


_strict = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_no_number).decode
