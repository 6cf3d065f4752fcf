"""Over which period a campaign's abandoned calls are counted, and which period's counts weigh most."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from compliance.facts import Abandonment
from compliance.jurisdictions.model import AbandonmentPeriod

THIRTY_DAYS = timedelta(days=30)
DAY = timedelta(hours=24)


def period_starts(
    period: AbandonmentPeriod, at: datetime, first_call: datetime | None, zones: Sequence[ZoneInfo]
) -> frozenset[datetime]:
    """When the period that runs at `at` began, in UTC; several where it depends on the zone.

    30 days: successive periods from the campaign's first call, not a rolling window (47 CFR 64.1200(a)(7)); at the
    instant one ends the next begins. A calendar month is one of the callee's zones, of UTC where none is known. 24
    hours: those just past, for the law means any.
    """
    if period is AbandonmentPeriod.CAMPAIGN_24_HOURS:
        return frozenset({at - DAY})
    if period is AbandonmentPeriod.CALENDAR_MONTH:
        return frozenset(_month(at, zone) for zone in zones or (ZoneInfo("UTC"),))
    if first_call is None or first_call > at:
        return frozenset({at})
    return frozenset({first_call + (at - first_call) // THIRTY_DAYS * THIRTY_DAYS})


def _month(at: datetime, zone: ZoneInfo) -> datetime:
    first = at.astimezone(zone).replace(day=1, hour=0, minute=0, second=0, microsecond=0, fold=0)
    return first.astimezone(UTC)


def worst(counts: Iterable[Abandonment]) -> Abandonment:
    """The counts with the most abandoned calls for each that was answered. Raises ValueError: there are none."""
    return max(counts, key=lambda count: (_share(count), count.abandoned))


def _share(count: Abandonment) -> Fraction:
    return Fraction(count.abandoned, count.answered) if count.answered else Fraction(count.abandoned)
