"""Calling hours arithmetic: is a local time inside every window, and when is it next?

A window opens inclusively and closes exclusively, and a call may not ring beyond its close: at 20:59:35 a ring of
25 s still fits a window that closes at 21:00:00, a second later it does not. Windows lie within one local day.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from compliance.jurisdictions import CallingHours, Packs
from compliance.jurisdictions.model import Window

_HORIZON = timedelta(days=15)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Closed:
    """Where and by which rule it is closed; `local` is the local time there."""

    zone: ZoneInfo
    local: datetime
    hours: CallingHours


def closed(
    packs: Packs, regions: frozenset[str], zones: Sequence[ZoneInfo], at: datetime, ring_seconds: int
) -> Closed | None:
    """The first zone and rule that forbid ringing from `at` for `ring_seconds`; None: open everywhere.

    Every rule of every candidate region is held against the local time in every candidate zone.
    """
    for zone in zones:
        local = at.astimezone(zone)
        second = _second_of_day(local)
        for hours in packs.calling_hours(regions, local.date()):
            if not _fits(hours.week[local.weekday()], second, ring_seconds):
                return Closed(zone, local, hours)
    return None


def next_open(
    packs: Packs, regions: frozenset[str], zones: Sequence[ZoneInfo], at: datetime, ring_seconds: int
) -> datetime | None:
    """The first instant from `at` on (UTC) at which `closed` is None; None: not within 15 days."""
    instant = at.astimezone(UTC)
    last = instant + _HORIZON
    while instant <= last:
        shut = closed(packs, regions, zones, instant, ring_seconds)
        if shut is None:
            return instant
        later = _next_in_zone(packs, regions, shut.zone, instant, ring_seconds)
        if later is None:
            return None
        instant = later
    return None


def _next_in_zone(
    packs: Packs, regions: frozenset[str], zone: ZoneInfo, after: datetime, ring_seconds: int
) -> datetime | None:
    today = after.astimezone(zone).date()
    for offset in range(_HORIZON.days + 1):
        day = today + offset * _DAY
        for opens, closes in _common_windows(packs, regions, day):
            if opens + ring_seconds > closes:
                continue
            instant = _instant(day, opens, zone)
            if instant > after:
                return instant
    return None


@lru_cache(maxsize=1 << 12)
def _common_windows(packs: Packs, regions: frozenset[str], day: date) -> tuple[Window, ...]:
    """What all rules leave open on a local day, in order."""
    common: list[Window] = [(0, 86400)]
    for hours in packs.calling_hours(regions, day):
        common = [
            (max(a, c), min(b, d)) for a, b in common for c, d in hours.week[day.weekday()] if max(a, c) < min(b, d)
        ]
    return tuple(sorted(common))


def _instant(day: date, second: int, zone: ZoneInfo) -> datetime:
    """A local time as UTC. In the hour a zone skips, zoneinfo gives the instant the clock would have shown it."""
    local = datetime.combine(day, time(second // 3600, second // 60 % 60, second % 60), tzinfo=zone)
    return local.astimezone(UTC)


def _second_of_day(local: datetime) -> float:
    return local.hour * 3600 + local.minute * 60 + local.second + local.microsecond / 1_000_000


def _fits(windows: tuple[Window, ...], second: float, ring_seconds: int) -> bool:
    return any(opens <= second and second + ring_seconds <= closes for opens, closes in windows)
