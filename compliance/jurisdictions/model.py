"""What a jurisdiction file says, as values: one dataclass a topic.

Every law carries an `Entry` (id, citation, source, confidence, dates), a `When` (which calls it speaks of) and
an `Unless` (what sets it aside). Figures live here and in the files, never in the rules that apply them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum
from functools import lru_cache
from typing import TypeVar
from zoneinfo import ZoneInfo

from compliance.terms import CallKind, ConsentKind, Party, Purpose
from compliance.verdict import Confidence, Obligation, RecordingMode

ELSEWHERE = "default"
"""The code of the file whose calling hours hold where no other file has any."""

Window = tuple[int, int]
"""Seconds after local midnight: open (inclusive), close (exclusive)."""

Windows = tuple[Window, ...]
"""The windows of one day, in order; empty: closed."""


class Scope(Enum):
    """A country's rule may hold everywhere in it, or only when we don't know which state the number is in."""

    EVERYWHERE = "everywhere"
    SUBDIVISION_UNKNOWN = "subdivision_unknown"


@dataclass(frozen=True, slots=True)
class Entry:
    """What every entry carries. `valid_from` and `valid_to` are inclusive local dates; None: unbounded."""

    id: str
    citation: str
    source: str
    confidence: Confidence
    as_of: date
    valid_from: date | None
    valid_to: date | None
    scope: Scope
    note: str = ""

    def in_force(self, first: date, last: date) -> bool:
        """On any day from `first` to `last`."""
        return (self.valid_from is None or self.valid_from <= last) and (
            self.valid_to is None or self.valid_to >= first
        )


@dataclass(frozen=True, slots=True)
class When:
    """The calls a law speaks of; None: of all. A call whose kind, purpose or party is unknown may be one of them."""

    call_kinds: frozenset[CallKind] | None = None
    purposes: frozenset[Purpose] | None = None
    parties: frozenset[Party] | None = None

    def may_be(self, call_kind: CallKind | None, purpose: Purpose | None, party: Party | None) -> bool:
        """The law speaks of this call, or would if what is unknown (None) were known."""
        return (
            (self.call_kinds is None or call_kind is None or call_kind in self.call_kinds)
            and (self.purposes is None or purpose is None or purpose in self.purposes)
            and (self.parties is None or party is None or party in self.parties)
        )

    def wanting(self, call_kind: CallKind | None, purpose: Purpose | None, party: Party | None) -> tuple[str, ...]:
        """The unknown facts that decide whether the law speaks of the call."""
        asked = (
            ("call_kind", self.call_kinds, call_kind),
            ("purpose", self.purposes, purpose),
            ("party", self.parties, party),
        )
        return tuple(name for name, wanted, known in asked if wanted is not None and known is None)


@dataclass(frozen=True, slots=True)
class Unless:
    """What sets a law aside: a standing consent of at least this kind, an established business relationship.

    The ages of the relationship are those of the jurisdiction that grants the exemption (`RelationshipLaw`).
    """

    consent: ConsentKind | None = None
    relationship: bool = False


ALWAYS = When()
NOTHING = Unless()


@dataclass(frozen=True, slots=True, kw_only=True)
class Law:
    """The common part of every topic."""

    entry: Entry
    when: When = ALWAYS
    unless: Unless = NOTHING


class Parties(Enum):
    """Whose consent the recording law wants."""

    ONE_PARTY = "one_party"
    ALL_PARTY = "all_party"
    ALL_PARTY_CIVIL = "all_party_civil"
    DISPUTED = "disputed_treat_as_all_party"
    NOTICE_AND_PURPOSE = "notice_and_purpose"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingLaw(Law):
    """topic: recording_consent"""

    parties: Parties
    mode: RecordingMode
    record_announcement: bool


# --- when ---------------------------------------------------------------------------------------------------


class Weekday(Enum):
    MON = 0
    TUE = 1
    WED = 2
    THU = 3
    FRI = 4
    SAT = 5
    SUN = 6


@dataclass(frozen=True, slots=True)
class FixedDay:
    """`fixed: "07-04"`"""

    month: int
    day: int


@dataclass(frozen=True, slots=True)
class NthWeekday:
    """`nth: [3, mon, 1]` is the third Monday of January; -1 is the last one."""

    nth: int
    weekday: Weekday
    month: int


@dataclass(frozen=True, slots=True)
class WeekdayNear:
    """`on_or_after: [tue, "11-02"]` (US election day), `on_or_before: [mon, "05-24"]` (Victoria Day)."""

    weekday: Weekday
    month: int
    day: int
    before: bool


@dataclass(frozen=True, slots=True)
class EasterDay:
    """`easter: -2`: days from Western (Gregorian) Easter Sunday; Good Friday is -2."""

    offset: int


@dataclass(frozen=True, slots=True)
class NamedDates:
    """`dates: ["2026-03-20"]`: days proclaimed year by year; `through` is the last year they are known for."""

    dates: tuple[date, ...]
    through: int


DayRule = FixedDay | NthWeekday | WeekdayNear | EasterDay | NamedDates


class Observed(Enum):
    """Where a holiday that falls on a Saturday or Sunday is kept as well; the day itself stays one."""

    NOT = "not"
    FRIDAY = "friday"
    MONDAY = "monday"


@dataclass(frozen=True, slots=True)
class Holiday:
    name: str
    rule: DayRule
    observed_saturday: Observed
    observed_sunday: Observed


@dataclass(frozen=True, slots=True, kw_only=True)
class HolidayCalendar(Law):
    """topic: holidays. The calling hours of the same file and date look here."""

    days: tuple[Holiday, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallingHours(Law):
    """topic: calling_hours. `week`: the windows of each weekday, Monday first.

    `holidays`: the windows of a holiday; None: as on any other day. `eves`: of the day before one; None: as on any
    other day. `calendar`: the holidays meant, empty when `holidays` and `eves` are None. `also_zone`: the statute
    names this zone, so it must be open there too.
    """

    week: tuple[Windows, ...]
    holidays: Windows | None = None
    eves: Windows | None = None
    calendar: tuple[Holiday, ...] = ()
    also_zone: ZoneInfo | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RingTimeLaw(Law):
    """topic: ring_time. An unanswered call rings at least `min_seconds`."""

    min_seconds: int


# --- how often ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptCap(Law):
    """topic: attempt_cap. At most `max` attempts in `hours` (rolling) or `calendar_days` (local, today's included)."""

    max: int
    hours: int | None
    calendar_days: int | None


class WaitAfter(Enum):
    REFUSAL = "refusal"
    SILENT_CALL = "silent_call"


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingTime(Law):
    """topic: waiting_time. No call within `hours` of the event."""

    after: WaitAfter
    hours: int


class AbandonmentPeriod(Enum):
    CAMPAIGN_30_DAYS = "campaign_30_days"  # successive, from the campaign's start; not rolling
    CALENDAR_MONTH = "calendar_month"
    CAMPAIGN_24_HOURS = "campaign_24_hours"


@dataclass(frozen=True, slots=True, kw_only=True)
class AbandonmentLaw(Law):
    """topic: abandonment. At most `max_per_mille` of the calls answered by a person in the period."""

    max_per_mille: int
    period: AbandonmentPeriod
    connect_within_seconds: int


# --- whom ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryLaw(Law):
    """topic: registry. Not who is on the list, looked up in a version at most `max_age_days` old."""

    list: str
    max_age_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentLaw(Law):
    """topic: consent. A standing consent of at least this kind; `renew_months`: it lapses unless given anew."""

    kind: ConsentKind
    renew_months: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RelationshipLaw(Law):
    """topic: relationship. How long a purchase and an inquiry make an established business relationship; 0: never."""

    purchase_months: int
    inquiry_months: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReassignedLaw(Law):
    """topic: reassigned. A call that rests on consent needs a "no" from the database, at most `max_age_days` old.

    `every_call`: so does one that rests on none.
    """

    max_age_days: int
    every_call: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationLaw(Law):
    """topic: revocation. Until when a withdrawal must be honoured; ours holds at once, this is only the legal limit."""

    days: int
    business_days: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerIdLaw(Law):
    """topic: caller_id. A number is shown: none that begins like the forbidden, and like a required one, if any."""

    forbidden_prefixes: tuple[str, ...]
    required_prefixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Prohibition(Law):
    """topic: prohibition. Such a call is not placed at all, save for what stands in `unless`."""


# --- what the call owes -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ObligationLaw(Law):
    """topic: obligation."""

    obligation: Obligation


L = TypeVar("L", bound=Law)


@dataclass(frozen=True, slots=True)
class Jurisdiction:
    """`covers_subdivisions`: its rules are all there is for a subdivision that has no file of its own."""

    code: str
    name: str
    covers_subdivisions: bool
    members: frozenset[str]
    laws: tuple[Law, ...]

    def of(self, topic: type[L]) -> tuple[L, ...]:
        return tuple(law for law in self.laws if type(law) is topic)


@dataclass(frozen=True, eq=False)
class Packs:
    """All jurisdictions, and their version: release date and content hash, as written into every verdict.

    `max_age_days`: older than this, counted from `released`, the data allows nothing.
    """

    version: str
    released: date
    jurisdictions: Mapping[str, Jurisdiction]
    max_age_days: int

    @property
    def expires(self) -> date:
        """The last day on which the data may be relied on."""
        return self.released + timedelta(days=self.max_age_days)

    def covered(self, region: str) -> bool:
        """The data speaks of this region: a file of its own, or its country's file covers it."""
        country = self.jurisdictions.get(region[:2])
        return region in self.jurisdictions or (country is not None and country.covers_subdivisions)

    def laws(self, topic: type[L], region: str, first: date, last: date) -> tuple[L, ...]:
        """The laws of a topic that hold in `region` on any day from `first` to `last`, its country's included."""
        return tuple(law for law in _laws(self, region, first, last) if type(law) is topic)

    def laws_ever(self, region: str) -> tuple[Law, ...]:
        """The laws that hold in `region` on any day at all, its own first."""
        return _laws(self, region, date.min, date.max)

    def recording_laws(self, region: str, day: date | None) -> tuple[RecordingLaw, ...]:
        """The laws on recording that hold in `region` around `day` (UTC; None: at any time); empty: unknown.

        A day on either side counts as well, because the local date may differ from the UTC date.
        """
        if not self.covered(region):
            return ()
        if day is None:
            return self.laws(RecordingLaw, region, date.min, date.max)
        return self.laws(RecordingLaw, region, day - _DAY, day + _DAY)

    def chain(self, region: str) -> Iterator[Jurisdiction]:
        """The region's own file, its country's, and those of the unions the country is a member of."""
        country = region[:2]
        for code in dict.fromkeys((region, country)):
            if code in self.jurisdictions:
                yield self.jurisdictions[code]
        for jurisdiction in self.jurisdictions.values():
            if country in jurisdiction.members:
                yield jurisdiction


_DAY = timedelta(days=1)


def _applies(entry: Entry, region: str) -> bool:
    return entry.scope is Scope.EVERYWHERE or len(region) == 2


@lru_cache(maxsize=1 << 14)
def _laws(packs: Packs, region: str, first: date, last: date) -> tuple[Law, ...]:
    return tuple(
        law
        for jurisdiction in packs.chain(region)
        for law in jurisdiction.laws
        if _applies(law.entry, region) and law.entry.in_force(first, last)
    )
