"""Is there an established business relationship, and is it young enough?

The law counts months by the calendar: a purchase of 31 August is six months old on 28 (29) February. The day itself
still counts: 47 CFR 64.1200(f)(5) speaks of the 18 months "immediately preceding the date of the call". Days are local
ones, in every zone the person may be in. A refusal at or after the purchase or inquiry ends it (same place, (i)), and
so nobody has one whose refusals are unknown.
"""

import calendar
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from compliance.facts import Facts
from compliance.jurisdictions.model import RelationshipLaw
from compliance.terms import RelationshipKind

_LONGEST_MONTH = timedelta(days=31)


def established(facts: Facts, law: RelationshipLaw, at: datetime, zones: Sequence[ZoneInfo]) -> bool:
    """By this law, at `at`. False when a fact it hangs on is unknown: it only ever permits."""
    known = facts.relationship
    if known is None or facts.refusals is None or known.at > at:
        return False
    scope = (facts.call_kind, facts.purpose, facts.party)
    if not law.when.may_be(*scope) or law.when.wanting(*scope):
        return False
    months = law.purchase_months if known.kind is RelationshipKind.PURCHASE else law.inquiry_months
    if months == 0 or any(refusal >= known.at for refusal in facts.refusals):
        return False
    return within_months(known.at, months, at, zones)


def within_months(since: datetime, months: int, at: datetime, zones: Sequence[ZoneInfo]) -> bool:
    """`at` is no later than the day so many months after `since`, in every zone; no zones: nobody knows, so no."""
    if not zones or at - since > (months + 1) * _LONGEST_MONTH:  # the first instants of the calendar have no local time
        return False
    return all(at.astimezone(zone).date() <= plus_months(since.astimezone(zone).date(), months) for zone in zones)


def plus_months(day: date, months: int) -> date:
    """The same day of a later month, or the last day of that month when it is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
