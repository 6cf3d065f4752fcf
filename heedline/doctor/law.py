"""The rules: how old the data is, and whether the overlays may be used."""

import asyncio
import datetime

from compliance.errors import HeedlineError
from compliance.jurisdictions import Packs, load_packs
from heedline.doctor.finding import Finding, fail, ok, warn
from heedline.home import Home
from heedline.overlays import packs_at

WARN_BEFORE = datetime.timedelta(days=30)
_UPGRADE = "upgrade Heedline: each release brings the law as it was checked last"


async def rules(home: Home, now: datetime.datetime) -> list[Finding]:
    """A home whose overlays are refused calls nobody; so does one whose data is too old."""
    try:
        packs = await asyncio.to_thread(packs_at, home)
    except HeedlineError as error:
        remedy = f"heedline rules check FILE, then mend it or take it out of {home.rules}"
        return [age(load_packs(), now.date()), fail("overlays", str(error), remedy)]
    over = "; no overlays" if packs is load_packs() else "; with overlays"
    return [age(packs, now.date()), ok("overlays", f"rules {packs.version}{over}")]


def age(packs: Packs, today: datetime.date) -> Finding:
    """Fails from the day after the last good one, warns on the 30 days up to it."""
    left = packs.expires - today
    found = f"of {packs.released}, good to {packs.expires}"
    if left < datetime.timedelta(0):
        return fail("rules", f"{found}: every call is denied", _UPGRADE)
    if left <= WARN_BEFORE:
        return warn("rules", f"{found}: every call will be denied after that", _UPGRADE)
    return ok("rules", found)
