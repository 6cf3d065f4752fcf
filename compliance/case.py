"""A case before the rules: the facts with what was looked up from them once, and the shape of a rule."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from zoneinfo import ZoneInfo

from compliance.facts import Facts
from compliance.jurisdictions import Packs
from compliance.verdict import Confidence, Obligation, Reason
from compliance.whereabouts import canonical_region, region_zones, whereabouts


@dataclass(frozen=True, slots=True)
class Denial:
    """A rule's no. `until`: when the same facts would no longer be denied by it; None: waiting does not help."""

    reason: Reason
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """`regions`: everywhere the callee may be; `zones`: every time zone. Empty: unknown.

    A stated region adds to what the number says, it never narrows it. An unknown part makes the whole unknown: a
    number nobody can place has no regions whatever was stated, and a stated region without known zones empties
    `zones`. A stated country adds nothing to a state of it ("US" to "US-NY").
    """

    facts: Facts
    packs: Packs
    regions: frozenset[str]
    zones: tuple[ZoneInfo, ...]

    @classmethod
    def of(cls, facts: Facts, packs: Packs) -> "Case":
        if facts.number is None:
            return cls(facts, packs, frozenset(), ())
        found = whereabouts(facts.number.e164)
        if facts.region is None or not found.regions:
            return cls(facts, packs, found.regions, found.infos)
        stated = canonical_region(facts.region)
        if any(region == stated or region.startswith(f"{stated}-") for region in found.regions):
            return cls(facts, packs, found.regions, found.infos)
        added = region_zones(stated)
        zones = tuple(dict.fromkeys(found.infos + added)) if found.infos and added else ()
        return cls(facts, packs, found.regions | {stated}, zones)


class Rule(ABC):
    """One question about a case. Pure: equal cases give equal answers.

    `check` returns nothing when the rule says yes. A rule that needs an unknown fact denies, naming the fact.
    """

    id: ClassVar[str]
    citation: ClassVar[str]
    confidence: ClassVar[Confidence]

    @abstractmethod
    def check(self, case: Case) -> Sequence[Denial]: ...

    def obligations(self, case: Case) -> Sequence[Obligation]:
        """What the call owes by this rule when it is placed."""
        return ()

    def deny(self, detail: str, until: datetime | None = None) -> tuple[Denial]:
        return (Denial(Reason(self.id, self.citation, detail, self.confidence), until),)

    def missing(self, fact: str) -> tuple[Denial]:
        """A fact this rule needs is unknown."""
        return self.deny(f"{fact} is unknown")
