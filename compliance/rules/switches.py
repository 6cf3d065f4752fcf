import re
from collections.abc import Sequence
from datetime import UTC
from functools import lru_cache

import phonenumbers

from compliance.case import Case, Denial, Rule
from compliance.jurisdictions import Packs
from compliance.jurisdictions.area_codes import area_codes
from compliance.verdict import Confidence
from compliance.whereabouts import canonical_region

_CODE = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?", re.ASCII)
_WITH_STATES = ("US", "CA")


class SwitchesOff(Rule):
    """Nobody has stopped calling: the operator, a campaign, or an emergency order for a region.

    Source: house rule; La. R.S. 29:721 ff. with LPSC R-29617 and N.Y. Gen. Bus. Law 399-z(5-a) close whole states at
    short notice. A switch named after a region stops the calls that may go there, a country's those to its states
    and the reverse; any other name, a misspelt region among them, stops every call. The end is exclusive.
    """

    id = "switches"
    citation = "house rule; La. R.S. 29:721 ff.; N.Y. Gen. Bus. Law 399-z(5-a)"
    confidence = Confidence.HOUSE

    def check(self, case: Case) -> Sequence[Denial]:
        switches, at = case.facts.switches, case.facts.at
        if switches is None:
            return self.missing("switches")
        if not switches:
            return ()
        if at is None:
            return self.missing("at")
        denials: list[Denial] = []
        for name, switch in switches.items():
            if switch.stops(at) and _touches(case, name):
                end = None if switch.end is None or switch.backwards else switch.end.astimezone(UTC)
                until = "" if end is None else f" until {end:%Y-%m-%d %H:%M:%S} UTC"
                denials += self.deny(f"switch {name[:40]!r} stops calls{until}", end)
        return denials


def _touches(case: Case, name: str) -> bool:
    region = _region_named(case.packs, name)
    if region is None or not case.regions:
        return True
    jurisdiction = case.packs.jurisdictions.get(region)
    members = frozenset() if jurisdiction is None else jurisdiction.members
    return any(
        place == region or place.startswith(f"{region}-") or region.startswith(f"{place}-") or place[:2] in members
        for place in case.regions
    )


@lru_cache(maxsize=1 << 10)
def _region_named(packs: Packs, name: str) -> str | None:
    """The region that the name is the code of; None: it is no such code."""
    code = name.upper()
    if _CODE.fullmatch(code) is None:
        return None
    code = canonical_region(code)
    country, _, state = code.partition("-")
    if code in packs.jurisdictions:
        return code
    if country not in phonenumbers.SUPPORTED_REGIONS:
        return None
    if state and country in _WITH_STATES and not any(code in area.regions for area in area_codes().values()):
        return None
    return code
