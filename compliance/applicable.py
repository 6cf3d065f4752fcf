"""The law that applies: which laws of the data speak of a call, worked out once for all calls like it.

A call is alike by its candidate regions, the local dates it may be there, its kind, its purpose and whom it is for.
Every law in force on any of the dates counts, the country's and its unions' besides the state's; where only the
country is known, those of all its states count, because the callee may be in any of them (what the data says for
this very case, `scope: subdivision_unknown`, stands beside them).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any, Generic, TypeVar

from compliance.jurisdictions.model import Jurisdiction, Law, Packs, RelationshipLaw, Scope
from compliance.terms import CallKind, Party, Purpose

L = TypeVar("L", bound=Law)
L_co = TypeVar("L_co", bound=Law, covariant=True)


@dataclass(frozen=True, slots=True, eq=False)
class Applied(Generic[L_co]):
    """A law that speaks of the call, or may.

    `relationships`: by all of these there must be an established business relationship where the law yields to one,
    the strictest of every region it is asked for; empty: none of them knows of such a thing, and so it never yields.
    `wanting`: what is unknown of the call and decides whether the law speaks of it.
    """

    law: L_co
    relationships: tuple[RelationshipLaw, ...]
    wanting: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Applicable:
    by_topic: Mapping[type[Law], Any] = field(default_factory=dict)
    """Of each topic a tuple of its laws, applied."""

    def of(self, topic: type[L]) -> tuple[Applied[L], ...]:
        """In the order of the regions, and of the file."""
        found: tuple[Applied[L], ...] = self.by_topic.get(topic, ())
        return found


UNKNOWN_LAW = Applicable()
"""Of a place or a time that is unknown."""

Scoped = tuple[CallKind | None, Purpose | None, Party | None]


@lru_cache(maxsize=1 << 12)
def applicable(
    packs: Packs,
    regions: frozenset[str],
    first: date,
    last: date,
    call_kind: CallKind | None,
    purpose: Purpose | None,
    party: Party | None,
) -> Applicable:
    """The laws of `regions` for calls from local date `first` to `last`; None: unknown, and may be any."""
    call = (call_kind, purpose, party)
    places = [(region, _in_force(packs, region, first, last, call)) for region in _may_lie_in(packs, regions)]
    asked_for: dict[int, list[str]] = {}
    laws: dict[int, Law] = {}
    for region, found in places:
        for law in found:
            laws[id(law)] = law
            asked_for.setdefault(id(law), []).append(region)
    granting = {region: tuple(law for law in found if isinstance(law, RelationshipLaw)) for region, found in places}
    by_topic: dict[type[Law], list[Applied[Law]]] = {}
    for key, law in laws.items():
        wanting = law.when.wanting(*call)
        by_topic.setdefault(type(law), []).append(Applied(law, _all_of(granting, asked_for[key]), wanting))
    return Applicable({topic: tuple(found) for topic, found in by_topic.items()})


def _all_of(granting: Mapping[str, tuple[RelationshipLaw, ...]], regions: list[str]) -> tuple[RelationshipLaw, ...]:
    if not all(granting[region] for region in regions):
        return ()
    return tuple({id(law): law for region in regions for law in granting[region]}.values())


def _may_lie_in(packs: Packs, regions: frozenset[str]) -> list[str]:
    """`regions`, and behind a bare country all of its states that the data knows."""
    found = dict.fromkeys(sorted(regions))
    for region in sorted(regions):
        if "-" not in region:
            found.update(dict.fromkeys(code for code in sorted(packs.jurisdictions) if code.startswith(f"{region}-")))
    return list(found)


def _in_force(packs: Packs, region: str, first: date, last: date, call: Scoped) -> tuple[Law, ...]:
    return tuple(
        law
        for jurisdiction in packs.chain(region)
        for law in _holding(jurisdiction, region)
        if law.entry.in_force(first, last) and law.when.may_be(*call)
    )


def _holding(jurisdiction: Jurisdiction, region: str) -> Iterator[Law]:
    return (law for law in jurisdiction.laws if law.entry.scope is Scope.EVERYWHERE or "-" not in region)
