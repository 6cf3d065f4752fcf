"""What is known about a call before it is dialled.

Every field may be None, which means *unknown*, never *no*: a rule that needs an unknown fact denies. Names are
the JSON keys of `heedline gate check --facts`.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from enum import Enum
from functools import lru_cache

from compliance.errors import BadInput
from compliance.number import Number
from compliance.terms import CallKind as CallKind
from compliance.terms import ConsentKind as ConsentKind
from compliance.terms import Party as Party
from compliance.terms import Purpose as Purpose
from compliance.terms import RelationshipKind as RelationshipKind
from compliance.verdict import canonical_json, instant_text

_REGION = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?", re.ASCII)


@lru_cache(1024)
def _is_region(text: str) -> bool:
    return _REGION.fullmatch(text) is not None


MAX_RING_SECONDS = 60
"""The longest any call of ours rings; an unknown ring time counts as this one."""


class ReassignedAnswer(Enum):
    """The three answers of the FCC's reassigned-numbers database."""

    YES = "yes"
    NO = "no"
    NO_DATA = "no_data"


class RecordingPolicy(Enum):
    """What a campaign wants; it can make the law's mode stricter, never looser."""

    FOLLOW_LAW = "follow_law"
    NOTICE = "notice"
    EXPLICIT = "explicit"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What was given for a number and is none. `str` and `repr` say why, and never the text."""

    text: str = field(repr=False)
    why: str

    def __str__(self) -> str:
        return self.why


@dataclass(frozen=True, slots=True)
class Registry:
    """One list's answer, and the date of the list's version."""

    listed: bool
    version_date: date


@dataclass(frozen=True, slots=True)
class Consent:
    kind: ConsentKind
    purpose: Purpose | None = None
    seller: str | None = None
    obtained_at: datetime | None = None
    confirmed_at: datetime | None = None
    withdrawn_at: datetime | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Relationship:
    kind: RelationshipKind
    at: datetime


@dataclass(frozen=True, slots=True)
class Reassigned:
    answer: ReassignedAnswer
    checked_at: datetime
    consent_date: date | None = None


@dataclass(frozen=True, slots=True)
class Abandonment:
    """Counts of the running period of the campaign."""

    answered: int
    abandoned: int


@dataclass(frozen=True, slots=True)
class Switch:
    """Somebody has stopped calling: while `on`, from `start` (inclusive) to `end` (exclusive); None: unbounded.

    What ends before it begins stops calls for good: nobody knows what was meant.
    """

    on: bool = True
    start: datetime | None = None
    end: datetime | None = None

    @property
    def backwards(self) -> bool:
        return self.start is not None and self.end is not None and self.end <= self.start

    def stops(self, at: datetime) -> bool:
        if self.backwards:
            return self.on
        return self.on and (self.start is None or self.start <= at) and (self.end is None or at < self.end)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """`at` and every other datetime are aware; regions are ISO 3166 ("US-CA", "US", "GB").

    Taking a fact away never turns a denial into a permission, but for five. `region` and `postal_code` add candidates
    to those the number has, so knowing them can only forbid more; `recording_policy` and `double_opt_in` are demands
    of the campaign on top of the law's; and a `reassigned` answer "yes" denies every call, though calls that rest on
    no consent need no answer.

    `number`: one that can't be read is held as what it is, and denied for it.
    `attempts`: when this person was called, by all campaigns of the seller; `silent_calls`: which of these found no
    agent (unknown: it may have been any of them); `refusals`: when the person said no.
    `switches`: name → a switch that stops calls. A name that is a region code stops those that may go there, any other
    name stops all. `prompts`: language → all of its prompts are there to be played,
    for each language this call needs. `ring_seconds`: how long the call will ring at most. `registries`: by the
    list ids of the data ("us.ftc.ndnc", "us-tx.dnc").

    Raises BadInput: `at` without a time zone or far off, a region that is no ISO code, a ring time outside 1 to
    MAX_RING_SECONDS.
    """

    number: Number | Unreadable | None = None
    at: datetime | None = None
    call_kind: CallKind | None = None
    purpose: Purpose | None = None
    party: Party | None = None
    region: str | None = None
    postal_code: str | None = None
    seller: str | None = None
    campaign: str | None = None
    agent_region: str | None = None
    internal_dnc: bool | None = None
    registries: Mapping[str, Registry] | None = None
    consents: tuple[Consent, ...] | None = None
    relationship: Relationship | None = None
    attempts: tuple[datetime, ...] | None = None
    refusals: tuple[datetime, ...] | None = None
    silent_calls: tuple[datetime, ...] | None = None
    topic: str | None = None
    double_opt_in: bool | None = None
    reassigned: Reassigned | None = None
    caller_id: str | None = None
    abandonment: Abandonment | None = None
    switches: Mapping[str, Switch] | None = None
    storage_region: str | None = None
    seller_region: str | None = None
    recording_policy: RecordingPolicy | None = None
    in_flight: bool | None = None
    prompts: Mapping[str, bool] | None = None
    ring_seconds: int | None = None

    def __post_init__(self) -> None:
        if self.at is not None and self.at.tzinfo is None:
            raise BadInput("facts: at has no time zone")
        if self.at is not None and not 2000 <= self.at.year < 2200:
            raise BadInput("facts: at must lie in the years 2000 to 2199")
        if self.ring_seconds is not None and not 1 <= self.ring_seconds <= MAX_RING_SECONDS:
            raise BadInput(f"facts: ring_seconds must be 1 to {MAX_RING_SECONDS}")
        for name in ("region", "agent_region", "storage_region", "seller_region"):
            region = getattr(self, name)
            if region is not None and not _is_region(region):
                raise BadInput(f"facts: {name} must be an ISO 3166 code such as US-CA, US or GB")

    def to_dict(self) -> dict[str, object]:
        """The JSON-able form. Unknown facts are left out. It holds the number in clear: never log it."""
        return {f.name: _plain(getattr(self, f.name)) for f in fields(self) if getattr(self, f.name) is not None}

    def digest(self, number_hash: bytes) -> str:
        """SHA-256 (hex) of the canonical JSON, with the number replaced by its keyed look-up hash."""
        data = self.to_dict()
        data["number"] = number_hash.hex()
        return hashlib.sha256(canonical_json(data).encode("utf-8", "surrogatepass")).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Number):
        return value.e164
    if isinstance(value, Unreadable):
        return value.text
    if isinstance(value, datetime):
        return instant_text(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Switch):
        span = {"start": value.start, "end": value.end}
        bounds = {name: _plain(at) for name, at in span.items() if at is not None}
        return bounds if value.on and bounds else value.on
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Registry | Consent | Relationship | Reassigned | Abandonment):
        plain = {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
        return {key: item for key, item in plain.items() if item is not None}
    return value
