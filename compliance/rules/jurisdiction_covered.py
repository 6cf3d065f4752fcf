from collections.abc import Sequence
from datetime import UTC
from functools import lru_cache

from compliance.case import Case, Denial, Rule
from compliance.jurisdictions import Packs
from compliance.verdict import Confidence


class JurisdictionCovered(Rule):
    """The data speaks of every place where the callee may be.

    Source: house rule; what the law is where nobody has written it down, nobody knows, and unknown is a no.
    """

    id = "jurisdiction.covered"
    citation = "house rule: no calls where the law is not in the data"
    confidence = Confidence.HOUSE

    def check(self, case: Case) -> Sequence[Denial]:
        if not case.regions:
            return self.missing("the number's region")
        if case.postal_unknown:
            return self.deny("postal_code is of no place in the United States or Canada")
        absent = _not_covered(case.packs, case.regions)
        return self.deny(f"no data on {', '.join(absent)}") if absent else ()


@lru_cache(maxsize=1 << 12)
def _not_covered(packs: Packs, regions: frozenset[str]) -> tuple[str, ...]:
    return tuple(sorted(region for region in regions if not packs.covered(region)))


class PackAge(Rule):
    """The data is young enough to be relied on.

    Source: house rule; the laws it holds change several times a year.
    """

    id = "pack.age"
    citation = "house rule: law that was not looked at for long allows nothing"
    confidence = Confidence.HOUSE

    def check(self, case: Case) -> Sequence[Denial]:
        at = case.facts.at
        if at is None:
            return self.missing("at")
        last = case.packs.expires
        if at.astimezone(UTC).date() <= last:
            return ()
        return self.deny(f"pack {case.packs.version} was good until {last}; install a newer release of Heedline")
