"""Calling hours: may the phone ring now, and when may it next?

It may while it is open by every law of every candidate region, in every candidate time zone, from the first second
of the ring to its last. A window opens inclusively and closes exclusively: at 20:59:35 a ring of 25 s still fits a
window that closes at 21:00:00, a microsecond later it does not.

| of a law | what it does here |
|---|---|
| `when` | the law counts unless the call is known to be another one |
| `unless` | a standing consent, or an established relationship, leaves of it the house default's hours |
| `holidays`, `eves` | narrow the weekday's windows on such a day; where both fit, both do |
| `also_zone` | the law's windows must be open in that zone as well |

A region none of whose laws counts has the house default's hours; where only the country is known, the hours of all
its states count. What is open is worked out a UTC day at a time, as
spans of UTC: an hour that the clocks skip holds no instant, an hour they repeat holds each of its times twice.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from compliance.applicable import applicable
from compliance.case import Case
from compliance.consents import all_standing, at_least, latest
from compliance.facts import MAX_RING_SECONDS, Consent, Facts
from compliance.holidays import holiday
from compliance.jurisdictions import CallingHours, Packs
from compliance.jurisdictions.model import ELSEWHERE, RelationshipLaw, Windows
from compliance.relationship import established
from compliance.terms import CallKind, ConsentKind, Party, Purpose
from compliance.windows import common, either

HORIZON = timedelta(days=16)
_DAY = timedelta(days=1)
_QUARTER = timedelta(hours=6)
_SECOND = timedelta(seconds=1)
_RING = timedelta(seconds=MAX_RING_SECONDS)
_ALL_DAY: Windows = ((0, 86400),)

Zones = tuple[ZoneInfo, ...]
Span = tuple[datetime, datetime]
"""In UTC, from the first instant to the first after it."""

Asked = tuple[CallKind | None, Purpose | None, Party | None]


@dataclass(frozen=True, slots=True)
class Standing:
    """What sets laws aside for this person: the strongest consent, and an established relationship.

    `related`: region and id of the laws that yield to the relationship there is.
    """

    consent: ConsentKind | None
    related: frozenset[tuple[str, str]]


NO_STANDING = Standing(None, frozenset())


@dataclass(frozen=True, slots=True)
class Bound:
    """A law of one candidate region on one local date: the windows it leaves open. `holiday`: what the day is.

    `relationships`: by all of these the relationship must stand to which the law yields; empty: it never does.
    """

    region: str
    hours: CallingHours
    relationships: tuple[RelationshipLaw, ...]
    windows: Windows
    holiday: str | None


@dataclass(frozen=True, slots=True)
class Closed:
    """Where and by which law it is closed; `local` is the local time there."""

    zone: ZoneInfo
    local: datetime
    bound: Bound

    @property
    def hours(self) -> CallingHours:
        return self.bound.hours


def is_open(case: Case, at: datetime, ring_seconds: int) -> bool:
    """The phone may ring from `at` for `ring_seconds`."""
    utc = at.astimezone(UTC)
    last = utc + timedelta(seconds=ring_seconds)
    if _rings(_spans_for(case, NO_STANDING, utc.date()), utc, last):
        return True
    standing = standing_of(case, utc)
    return standing != NO_STANDING and _rings(_spans_for(case, standing, utc.date()), utc, last)


def closed(case: Case, at: datetime, ring_seconds: int) -> tuple[Closed, ...]:
    """Every law that forbids ringing from `at` for `ring_seconds`, in the first zone where it does; empty: open."""
    if is_open(case, at, ring_seconds):
        return ()
    utc = at.astimezone(UTC)
    found: dict[str, Closed] = {}
    for shut in _shut(case, standing_of(case, utc), utc, utc + timedelta(seconds=ring_seconds)):
        found.setdefault(shut.hours.entry.id, shut)
    return tuple(found.values())


def next_open(case: Case, at: datetime, ring_seconds: int) -> datetime | None:
    """The first instant from `at` on (UTC) at which nothing is `closed`; None: not within 16 days.

    Consent and relationship are taken as they stand when the call would ring; one that begins later opens nothing.
    """
    utc = at.astimezone(UTC)
    ring = timedelta(seconds=ring_seconds)
    standing = standing_of(case, utc)
    for offset in range(HORIZON.days + 1):
        day = utc.date() + offset * _DAY
        midnight = _midnight(day + _DAY)
        spans = _spans_for(case, NO_STANDING, day)
        if standing != NO_STANDING:  # it may have ended by then, so both are tried
            spans = tuple(sorted(spans + _spans_for(case, standing, day)))
        for opens, closes in spans:
            instant = max(opens, utc)
            if instant < midnight and instant + ring <= closes and is_open(case, instant, ring_seconds):
                return instant
    return None


def standing_of(case: Case, at: datetime) -> Standing:
    """As the facts have it at that instant; what is unknown sets nothing aside."""
    facts = case.facts
    best = next(iter(all_standing(facts, ConsentKind.IMPLIED, at)), None)
    return Standing(None if best is None else best.kind, _related(case, at))


def relied_on(case: Case, at: datetime, ring_seconds: int) -> tuple[Consent, ...]:
    """The consents without which it would be closed at `at`, an instant at which it is open; empty: it needs none."""
    if not case.facts.consents:
        return ()
    utc = at.astimezone(UTC)
    last, day = utc + timedelta(seconds=ring_seconds), utc.date()
    if _rings(_spans_for(case, NO_STANDING, day), utc, last):
        return ()
    without = Standing(None, _related(case, utc))
    if _rings(_spans_for(case, without, day), utc, last):
        return ()
    kinds = dict.fromkeys(shut.hours.unless.consent for shut in _shut(case, without, utc, last))
    found = (all_standing(case.facts, kind, utc) for kind in kinds if kind is not None)
    return tuple(dict.fromkeys(latest(consents) for consents in found if consents))


def _related(case: Case, at: datetime) -> frozenset[tuple[str, str]]:
    facts = case.facts
    if facts.relationship is None:
        return frozenset()
    return frozenset(
        (bound.region, bound.hours.entry.id)
        for day in {at.astimezone(zone).date() for zone in case.zones}
        for bound in bounds(case.packs, case.regions, day, _asked(facts))
        if bound.hours.unless.relationship
        and bound.relationships
        and all(established(facts, law, at, case.zones) for law in bound.relationships)
    )


def windows_on(hours: CallingHours, day: date) -> tuple[Windows, str | None]:
    """What a law leaves open on a local date, and the holiday it is."""
    windows = hours.week[day.weekday()]
    if hours.holidays is None and hours.eves is None:
        return windows, None
    today = holiday(hours.calendar, day)
    if hours.holidays is not None and today is not None:
        windows = common(windows, hours.holidays)
    if hours.eves is not None and holiday(hours.calendar, day + _DAY) is not None:
        windows = common(windows, hours.eves)
    return windows, today


def _asked(facts: Facts) -> Asked:
    return facts.call_kind, facts.purpose, facts.party


def _rings(spans: Sequence[Span], first: datetime, last: datetime) -> bool:
    for opens, closes in spans:  # two or three; a search costs more
        if opens <= first:
            if last <= closes:
                return True
        else:
            return False
    return False


def _shut(case: Case, standing: Standing, first: datetime, last: datetime) -> Iterator[Closed]:
    """Every zone and law that forbids it, in order."""
    asked = _asked(case.facts)
    for zone in case.zones:
        # Today's laws first; `_open` asked those of every local date that the UTC day touches.
        dates = dict.fromkeys((first.astimezone(zone).date(), *_local_dates(zone, first.date())))
        for bound in (bound for local in dates for bound in bounds(case.packs, case.regions, local, asked)):
            for place in dict.fromkeys((zone, bound.hours.also_zone or zone)):
                if not _rings(_spans_of(case.packs, place, bound, standing, first.date()), first, last):
                    there = first.astimezone(place)
                    windows, name = windows_on(bound.hours, there.date())
                    shut = Bound(bound.region, bound.hours, bound.relationships, windows, name)
                    yield Closed(place, there, shut)


def _spans_for(case: Case, standing: Standing, day: date) -> tuple[Span, ...]:
    return _open(case.packs, case.regions, case.zones, _asked(case.facts), standing, day)


@lru_cache(maxsize=1 << 14)
def _open(
    packs: Packs, regions: frozenset[str], zones: Zones, asked: Asked, standing: Standing, day: date
) -> tuple[Span, ...]:
    """What all laws leave open in all zones on a UTC day, and for a ring longer: a ring may outlast the day."""
    found: tuple[Span, ...] = ((_midnight(day), _midnight(day + _DAY) + _RING),)
    also: dict[tuple[str, str], Bound] = {}
    for zone in zones:
        windows: dict[date, Windows] = {}
        for local in _local_dates(zone, day):
            windows[local] = _ALL_DAY
            for bound in bounds(packs, regions, local, asked):
                windows[local] = common(windows[local], _left(packs, bound, bound.windows, standing, local))
                if bound.hours.also_zone is not None:
                    also[bound.region, bound.hours.entry.id] = bound
        found = _both(found, _spans(zone, day, windows))
    for bound in also.values():
        if bound.hours.also_zone is not None:
            found = _both(found, _spans_of(packs, bound.hours.also_zone, bound, standing, day))
    return found


def _spans_of(packs: Packs, zone: ZoneInfo, bound: Bound, standing: Standing, day: date) -> tuple[Span, ...]:
    """What one law leaves open in one zone on a UTC day."""
    return _spans(
        zone,
        day,
        {
            local: _left(packs, bound, windows_on(bound.hours, local)[0], standing, local)
            for local in _local_dates(zone, day)
        },
    )


def _left(packs: Packs, bound: Bound, windows: Windows, standing: Standing, day: date) -> Windows:
    """A law's windows, or with those of the house default when it is set aside."""
    unless = bound.hours.unless
    consented = (
        unless.consent is not None and standing.consent is not None and at_least(standing.consent, unless.consent)
    )
    if not consented and (bound.region, bound.hours.entry.id) not in standing.related:
        return windows
    house = _ALL_DAY
    for hours in packs.jurisdictions[ELSEWHERE].of(CallingHours):
        house = common(house, windows_on(hours, day)[0])
    return either(windows, house)


@lru_cache(maxsize=1 << 14)
def bounds(packs: Packs, regions: frozenset[str], day: date, asked: Asked) -> tuple[Bound, ...]:
    """Every law on hours of each region that holds for such a call on a local date; no region: the house default's."""
    found: list[Bound] = []
    for region in sorted(regions) or [ELSEWHERE]:
        laws = applicable(packs, frozenset({region}), day, day, *asked).of(CallingHours)
        found += [Bound(region, each.law, each.relationships, *windows_on(each.law, day)) for each in laws]
        if not laws:
            house = packs.jurisdictions[ELSEWHERE].of(CallingHours)
            found += [Bound(region, law, (), *windows_on(law, day)) for law in house]
    return tuple(found)


# --- local days as spans of UTC -----------------------------------------------------------------------------


def _spans(zone: ZoneInfo, day: date, windows: dict[date, Windows]) -> tuple[Span, ...]:
    """Windows of local dates as spans, within a UTC day and a ring. Spans that touch become one."""
    spans: list[Span] = []
    for first, last, offset in _offsets(zone, day):
        for local in _days_between((first + offset).date(), (last + offset).date()):
            midnight = _midnight(local) - offset
            for opens, closes in windows.get(local, ()):
                begin, end = max(first, midnight + opens * _SECOND), min(last, midnight + closes * _SECOND)
                if begin < end:
                    if spans and spans[-1][1] == begin:
                        begin = spans.pop()[0]
                    spans.append((begin, end))
    return tuple(spans)


def _both(first: Sequence[Span], second: Sequence[Span]) -> tuple[Span, ...]:
    both = ((max(a, c), min(b, d)) for a, b in first for c, d in second)
    return tuple(sorted(span for span in both if span[0] < span[1]))


@lru_cache(maxsize=1 << 12)
def _local_dates(zone: ZoneInfo, day: date) -> tuple[date, ...]:
    """The local dates that a UTC day and a ring touch."""
    found = [
        local
        for first, last, offset in _offsets(zone, day)
        for local in _days_between((first + offset).date(), (last + offset).date())
    ]
    return tuple(dict.fromkeys(found))


@lru_cache(maxsize=1 << 12)
def _offsets(zone: ZoneInfo, day: date) -> tuple[tuple[datetime, datetime, timedelta], ...]:
    """A UTC day and a ring, cut where the zone's clocks change: from, to, and what the clocks are ahead of UTC."""
    end = _midnight(day + _DAY) + _RING
    begin = _midnight(day)
    pieces: list[tuple[datetime, datetime, timedelta]] = []
    cursor = begin
    while cursor < end:
        ahead = min(cursor + _QUARTER, end)
        offset = _offset(zone, cursor)
        if _offset(zone, ahead) != offset:
            ahead = _change(zone, cursor, ahead)
        if pieces and pieces[-1][2] == offset:
            pieces[-1] = (pieces[-1][0], ahead, offset)
        else:
            pieces.append((cursor, ahead, offset))
        cursor = ahead
    return tuple(pieces)


def _change(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The first second on another offset than `before`; `after` is on one."""
    offset = _offset(zone, before)
    while after - before > _SECOND:
        middle = before + (after - before) // _SECOND // 2 * _SECOND
        if _offset(zone, middle) == offset:
            before = middle
        else:
            after = middle
    return after


def _offset(zone: ZoneInfo, utc: datetime) -> timedelta:
    offset = utc.astimezone(zone).utcoffset()
    assert offset is not None  # a ZoneInfo always has one
    return offset


def _days_between(first: date, last: date) -> Iterator[date]:
    return (first + offset * _DAY for offset in range((last - first).days + 1))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
