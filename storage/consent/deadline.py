"""Until when the law lets a withdrawal wait. Kept and shown; here it holds at once."""

from datetime import datetime, timedelta

from compliance.jurisdictions import Packs
from compliance.jurisdictions.model import RevocationLaw

_DAY = timedelta(days=1)


def honoured_by(packs: Packs, regions: frozenset[str], at: datetime) -> datetime | None:
    """The earliest deadline of the regions' laws for a withdrawal at `at` (UTC); None: the data knows none.

    Business days are Monday to Friday: holidays would only make it later.
    """
    day = at.date()
    laws = [law for region in regions for law in packs.laws(RevocationLaw, region, day, day)]
    return min((_deadline(law, at) for law in laws), default=None)


def _deadline(law: RevocationLaw, at: datetime) -> datetime:
    if not law.business_days:
        return at + law.days * _DAY
    end, left = at, law.days
    while left:
        end += _DAY
        left -= end.weekday() < 5
    return end
