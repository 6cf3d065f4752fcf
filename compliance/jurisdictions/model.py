"""What a jurisdiction file says, as values."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum
from functools import lru_cache

from compliance.verdict import Confidence, RecordingMode

ELSEWHERE = "default"
"""The code of the file whose rules hold where no other file has a rule of that topic."""

Window = tuple[int, int]
"""Seconds after local midnight: open (inclusive), close (exclusive)."""


class Scope(Enum):
    """A country's rule may hold everywhere in it, or only when we don't know which state the number is in."""

    EVERYWHERE = "everywhere"
    SUBDIVISION_UNKNOWN = "subdivision_unknown"


class Parties(Enum):
    """Whose consent the recording law wants."""

    ONE_PARTY = "one_party"
    ALL_PARTY = "all_party"
    ALL_PARTY_CIVIL = "all_party_civil"
    DISPUTED = "disputed_treat_as_all_party"
    NOTICE_AND_PURPOSE = "notice_and_purpose"


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

    def in_force(self, first: date, last: date) -> bool:
        """On any day from `first` to `last`."""
        return (self.valid_from is None or self.valid_from <= last) and (
            self.valid_to is None or self.valid_to >= first
        )


@dataclass(frozen=True, slots=True)
class RecordingLaw:
    entry: Entry
    parties: Parties
    mode: RecordingMode
    record_announcement: bool


@dataclass(frozen=True, slots=True)
class CallingHours:
    """`week`: the windows of each weekday, Monday first; an empty day is closed."""

    entry: Entry
    week: tuple[tuple[Window, ...], ...]


@dataclass(frozen=True, slots=True)
class Jurisdiction:
    """`covers_subdivisions`: its rules are all there is for a subdivision that has no file of its own."""

    code: str
    name: str
    covers_subdivisions: bool
    members: frozenset[str]
    recording: tuple[RecordingLaw, ...]
    hours: tuple[CallingHours, ...]


@dataclass(frozen=True, eq=False)
class Packs:
    """All jurisdictions, and their version: release date and content hash, as written into every verdict."""

    version: str
    released: date
    jurisdictions: Mapping[str, Jurisdiction]

    def recording_laws(self, region: str, day: date | None) -> tuple[RecordingLaw, ...]:
        """The laws on recording that hold in `region` around `day` (UTC; None: at any time); empty: unknown.

        A day on either side counts as well, because the local date may differ from the UTC date.
        """
        if not self._covered(region):
            return ()
        return tuple(
            law
            for jurisdiction in self._chain(region)
            for law in jurisdiction.recording
            if _applies(law.entry, region) and (day is None or law.entry.in_force(day - _DAY, day + _DAY))
        )

    def calling_hours(self, regions: frozenset[str], day: date) -> tuple[CallingHours, ...]:
        """Every rule on hours that one of `regions` has on the local date `day`; else the house default."""
        return _calling_hours(self, regions, day)

    def _covered(self, region: str) -> bool:
        country = self.jurisdictions.get(region[:2])
        return region in self.jurisdictions or (country is not None and country.covers_subdivisions)

    def _chain(self, region: str) -> Iterator[Jurisdiction]:
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
def _calling_hours(packs: Packs, regions: frozenset[str], day: date) -> tuple[CallingHours, ...]:
    found: dict[str, CallingHours] = {}
    for region in sorted(regions) or [ELSEWHERE]:
        of_region = _hours_of(packs, region, day) or packs.jurisdictions[ELSEWHERE].hours
        found.update((hours.entry.id, hours) for hours in of_region)
    return tuple(found.values())


def _hours_of(packs: Packs, region: str, day: date) -> list[CallingHours]:
    return [
        hours
        for jurisdiction in packs._chain(region)
        for hours in jurisdiction.hours
        if _applies(hours.entry, region) and hours.entry.in_force(day, day)
    ]
