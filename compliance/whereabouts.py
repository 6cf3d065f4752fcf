"""Where a number may lie: candidate regions and time zones, by its digits alone.

The answer is the union of the curated area-code table and libphonenumber, because each is wrong alone:
libphonenumber 9.0.43 gives 364, 448 and 930 as Eastern only and 458 as Pacific only, and has no entry for 729.
A longer prefix never narrows what the area code allows: numbers are ported and mobile phones travel.
"""

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from zoneinfo import ZoneInfo

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberType
from phonenumbers.timezone import time_zones_for_geographical_number, time_zones_for_number

from compliance.jurisdictions.area_codes import area_codes

_UNKNOWN_ZONE = "Etc/Unknown"
_US_TERRITORIES = frozenset({"PR", "VI", "GU", "MP", "AS"})
# libphonenumber keys its +1 data by at most 7 digits, so numbers that share them share their whereabouts.
_NANP_KEY = len("+1NPANXX")


class LineKind(Enum):
    """What sort of line the plan assigns, as far as a dialler cares."""

    ORDINARY = "ordinary"
    TOLL_FREE = "toll_free"
    PREMIUM = "premium"
    UNIVERSAL = "universal"  # an organisation's, at the price of an ordinary call: 03 in GB, 140 in IN
    NOT_A_SUBSCRIBER = "not_a_subscriber"  # shared cost, personal, pager, voicemail
    UNASSIGNED = "unassigned"


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """`regions` empty: unknown. `zones` are IANA names; empty: unknown. `infos` are the same zones, loaded."""

    regions: frozenset[str]
    zones: frozenset[str]
    infos: tuple[ZoneInfo, ...]


def whereabouts(e164: str) -> Whereabouts:
    if e164.startswith("+1") and len(e164) == 12:
        return _nanp(e164[:_NANP_KEY])
    return _world(e164)


@lru_cache(maxsize=1 << 16)
def _nanp(prefix: str) -> Whereabouts:
    parsed = PhoneNumber(country_code=1, national_number=int(prefix[2:] + "0123"))
    curated = area_codes().get(prefix[2:5])
    if curated is None:
        return _whereabouts(_plan_regions(parsed), _plan_zones(parsed))
    return _whereabouts(curated.regions, curated.zones | _nanp_zones(parsed))


@lru_cache(maxsize=1 << 14)
def _world(e164: str) -> Whereabouts:
    parsed = _parsed(e164)
    if parsed is None:
        return _whereabouts(frozenset(), frozenset())
    return _whereabouts(_plan_regions(parsed), _plan_zones(parsed))


def _whereabouts(regions: frozenset[str], zones: frozenset[str]) -> Whereabouts:
    return Whereabouts(regions, zones, tuple(ZoneInfo(zone) for zone in sorted(zones)))


def _parsed(e164: str) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(e164, None)
    except phonenumbers.NumberParseException:
        return None


def _plan_regions(parsed: PhoneNumber) -> frozenset[str]:
    region = phonenumbers.region_code_for_number(parsed)
    if region is None or region == "001":
        return frozenset()
    return frozenset({canonical_region(region)})


def canonical_region(region: str) -> str:
    """ISO gives the US territories two codes; ours is the one under US ("PR" → "US-PR")."""
    return f"US-{region}" if region in _US_TERRITORIES else region


def _plan_zones(parsed: PhoneNumber) -> frozenset[str]:
    return _known(time_zones_for_number(parsed))


def _nanp_zones(parsed: PhoneNumber) -> frozenset[str]:
    zones = _known(time_zones_for_geographical_number(parsed))
    # Falling back to all of +1 (42 zones) says only that the prefix is not known to it.
    return zones if len(zones) < 20 else frozenset()


def _known(zones: tuple[str, ...]) -> frozenset[str]:
    return frozenset(zone for zone in zones if zone != _UNKNOWN_ZONE)


def line_kind(e164: str) -> LineKind:
    if e164.startswith("+1") and len(e164) == 12:
        return _nanp_kind(e164[:_NANP_KEY], e164)
    return _world_kind(e164)


def _nanp_kind(prefix: str, e164: str) -> LineKind:
    if prefix[2:5] in area_codes():
        # N11 is a service code and 555-1212 is directory assistance: no subscriber answers there.
        exchange = prefix[5:8]
        if exchange == "976":  # each area code's own premium-rate numbers, unknown to libphonenumber
            return LineKind.PREMIUM
        if exchange[0] in "01" or exchange[1:] == "11" or e164[5:] == "5551212":
            return LineKind.UNASSIGNED
        return LineKind.ORDINARY
    return _world_kind(e164)


_KINDS = {
    PhoneNumberType.FIXED_LINE: LineKind.ORDINARY,
    PhoneNumberType.MOBILE: LineKind.ORDINARY,
    PhoneNumberType.FIXED_LINE_OR_MOBILE: LineKind.ORDINARY,
    PhoneNumberType.VOIP: LineKind.ORDINARY,
    PhoneNumberType.TOLL_FREE: LineKind.TOLL_FREE,
    PhoneNumberType.PREMIUM_RATE: LineKind.PREMIUM,
    PhoneNumberType.UAN: LineKind.UNIVERSAL,
    PhoneNumberType.UNKNOWN: LineKind.UNASSIGNED,
}


@lru_cache(maxsize=1 << 14)
def _world_kind(e164: str) -> LineKind:
    parsed = _parsed(e164)
    if parsed is None:
        return LineKind.UNASSIGNED
    return _KINDS.get(phonenumbers.number_type(parsed), LineKind.NOT_A_SUBSCRIBER)


@lru_cache(maxsize=256)
def region_zones(region: str) -> tuple[ZoneInfo, ...]:
    """Every zone of a stated region ("US-FL", "CA"); outside +1 those of its country ("GB-SCT"); empty: unknown."""
    zones: set[str] = set()
    for code in area_codes().values():
        if any(known == region or known.startswith(f"{region}-") for known in code.regions):
            zones |= code.zones
    if not zones:
        country_code = phonenumbers.country_code_for_region(region[:2])
        if country_code not in (0, 1):
            zones |= _country_zones(country_code)
    return tuple(ZoneInfo(zone) for zone in sorted(zones))


def _country_zones(country_code: int) -> frozenset[str]:
    """All zones of a country code: the answer of libphonenumber when no longer prefix matches."""
    return _known(time_zones_for_geographical_number(PhoneNumber(country_code=country_code, national_number=0)))
