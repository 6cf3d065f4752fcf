"""A case before the rules: the facts with what was looked up from them once, and the shape of a rule."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import ClassVar
from zoneinfo import ZoneInfo

from compliance.applicable import UNKNOWN_LAW, Applicable, applicable
from compliance.consents import all_standing
from compliance.facts import Consent, ConsentKind, Facts
from compliance.jurisdictions import Packs
from compliance.number import Number
from compliance.postal import NOWHERE, Place, place_of
from compliance.verdict import Confidence, Reason
from compliance.whereabouts import canonical_region, region_zones, whereabouts

_DAY = timedelta(days=1)
_QUARTER_HOUR = timedelta(minutes=15)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Denial:
    """A rule's no. `until`: when the same facts would no longer be denied by it; None: waiting does not help."""

    reason: Reason
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Weighed:
    """What a rule makes of a case: its denials, and the consents but for which there would be more of them."""

    denials: tuple[Denial, ...] = ()
    relied_on: tuple[Consent, ...] = ()


class Case:
    """`regions`: everywhere the callee may be; `zones`: every time zone. Empty: unknown.

    A stated region and a postal code add to what the number says, they never narrow it. An unknown part makes the
    whole unknown: a number nobody can place has no regions whatever was stated, and a stated region without known
    zones, or a postal code nobody can place, empties `zones`. A stated country adds nothing to a state of it ("US"
    to "US-NY").

    `first`, `last`: the local dates it may be there. `law`: what applies then; UNKNOWN_LAW while place or time are
    unknown, so a rule about the law asks for them first. `weighed` remembers what each rule made of the case, and
    `relied_on` what all of them did with its consents.
    """

    __slots__ = (
        "_standing",
        "facts",
        "first",
        "last",
        "law",
        "packs",
        "postal_unknown",
        "regions",
        "relied_on",
        "weighed",
        "zones",
    )

    def __init__(
        self,
        facts: Facts,
        packs: Packs,
        regions: frozenset[str],
        zones: tuple[ZoneInfo, ...],
        postal_unknown: bool = False,
    ) -> None:
        self.facts = facts
        self.packs = packs
        self.regions = regions
        self.zones = zones
        self.postal_unknown = postal_unknown
        self.weighed: dict[str, Weighed] = {}
        self.relied_on: tuple[Consent, ...] | None = None
        self._standing: dict[ConsentKind, tuple[Consent, ...]] = {}
        self.law: Applicable = UNKNOWN_LAW
        self.first = self.last = date.min
        if facts.at is not None:
            self.first, self.last = _local_dates(zones, facts.at)
            if regions:
                kind, purpose, party = facts.call_kind, facts.purpose, facts.party
                self.law = applicable(packs, regions, self.first, self.last, kind, purpose, party)

    def consents(self, kind: ConsentKind, at: datetime) -> tuple[Consent, ...]:
        """Those of at least this kind that stand at `at`, the instant of the call."""
        if not self.facts.consents:
            return ()
        found = self._standing.get(kind)
        if found is None:
            found = self._standing[kind] = all_standing(self.facts, kind, at)
        return found

    @classmethod
    def of(cls, facts: Facts, packs: Packs) -> "Case":
        if not isinstance(facts.number, Number):
            return cls(facts, packs, frozenset(), ())
        found = whereabouts(facts.number.e164)
        if (facts.region is None and facts.postal_code is None) or not found.regions:
            return cls(facts, packs, found.regions, found.infos)
        regions, zones, known = found.regions, found.infos, bool(found.infos)
        if facts.region is not None:
            stated = canonical_region(facts.region)
            if not any(region == stated or region.startswith(f"{stated}-") for region in regions):
                regions, zones, known = _with(Place(frozenset({stated}), region_zones(stated)), regions, zones, known)
        postal = place_of(facts.postal_code, regions)
        if postal is not None:
            regions, zones, known = _with(postal, regions, zones, known)
        return cls(facts, packs, regions, zones if known else (), postal_unknown=postal == NOWHERE)


def _with(
    place: Place, regions: frozenset[str], zones: tuple[ZoneInfo, ...], known: bool
) -> tuple[frozenset[str], tuple[ZoneInfo, ...], bool]:
    return regions | place.regions, tuple(dict.fromkeys(zones + place.zones)), known and bool(place.zones)


def _local_dates(zones: tuple[ZoneInfo, ...], at: datetime) -> tuple[date, date]:
    """The first and the last date it is at `at` in `zones`; unknown zones: anywhere on earth."""
    return _dates_in_quarter(zones, (at - _EPOCH) // _QUARTER_HOUR)


@lru_cache(maxsize=1 << 12)
def _dates_in_quarter(zones: tuple[ZoneInfo, ...], quarter: int) -> tuple[date, date]:
    # Since 2000 every zone's offset is a multiple of 15 minutes, so no date begins within one.
    at = _EPOCH + quarter * _QUARTER_HOUR
    if not zones:
        return at.date() - _DAY, at.date() + _DAY
    dates = [at.astimezone(zone).date() for zone in zones]
    return min(dates), max(dates)


class Rule(ABC):
    """One question about a case. Pure: equal cases give equal answers.

    `check` returns nothing when the rule says yes. A rule that needs an unknown fact denies, naming the fact.
    """

    id: ClassVar[str]
    citation: ClassVar[str]
    confidence: ClassVar[Confidence]

    @abstractmethod
    def check(self, case: Case) -> Sequence[Denial]: ...

    def concerned(self, law: Applicable) -> bool:
        """Whether it may have anything against a call under this law; asking a rule that has not is a waste."""
        return True

    def deny(self, detail: str, until: datetime | None = None) -> tuple[Denial]:
        return (Denial(Reason(self.id, self.citation, detail, self.confidence), until),)

    def missing(self, fact: str) -> tuple[Denial]:
        """A fact this rule needs is unknown."""
        return self.deny(f"{fact} is unknown")
