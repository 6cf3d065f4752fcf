"""Where an address lies, by its postal code: United States and Canada.

Elsewhere a number is placed by its country and all of the country keeps the same rules, so a code adds nothing and
is not read.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from zoneinfo import ZoneInfo

from compliance.jurisdictions.postal_codes import postal_areas
from compliance.whereabouts import region_zones

_ZIP = re.compile(r"([0-9]{3})[0-9]{2}(?:-?[0-9]{4})?", re.ASCII)
_CANADIAN = re.compile(r"([ABCEGHJ-NPRSTVXY])[0-9][ABCEGHJ-NPRSTV-Z](?:[ -]?[0-9][ABCEGHJ-NPRSTV-Z][0-9])?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Place:
    """Empty: nobody knows where."""

    regions: frozenset[str]
    zones: tuple[ZoneInfo, ...]


NOWHERE = Place(frozenset(), ())


def place_of(postal_code: str | None, regions: frozenset[str]) -> Place | None:
    """Where an address with this code may lie, given the candidate `regions` of its owner.

    None: no code, or nobody there is in the United States or Canada. NOWHERE: a code of neither, or of no place.
    """
    if postal_code is None or not any(region[:2] in ("US", "CA") for region in regions):
        return None
    return _place(postal_code)


@lru_cache(maxsize=1 << 14)
def _place(postal_code: str) -> Place:
    written = postal_code.strip(" ").upper()
    read = _ZIP.fullmatch(written) or _CANADIAN.fullmatch(written)
    area = None if read is None else postal_areas().get(read[1])
    if area is None:
        return NOWHERE
    zones = [ZoneInfo(zone) for zone in sorted(area.zones)]
    if not zones:
        zones = [zone for region in sorted(area.regions) for zone in region_zones(region)]
    return Place(area.regions, tuple(dict.fromkeys(zones)))
