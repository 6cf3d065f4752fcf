"""The do-not-call lists: which grow too old, by the law that asks for them.

Which lists are missing is not said: that depends on where the people are that will be called, and no campaign says so
beforehand. The gate names the missing list in its verdict (`heedline gate check`, `heedline scrub`).
"""

import asyncio
import datetime
from collections.abc import Iterator

from compliance.errors import HeedlineError
from compliance.jurisdictions import load_packs
from heedline.bootstrap import open_registries
from heedline.doctor.finding import Finding, fail, ok, warn
from heedline.home import Home
from heedline.list_age import age_limit
from heedline.overlays import packs_at
from storage.registry import REASSIGNED, ListVersion

WARN_DAYS = 5
_AHEAD = datetime.timedelta(hours=14)  # somewhere it is tomorrow already, and there the gate counts a day more


async def lists(home: Home, now: datetime.datetime) -> list[Finding]:
    """What stands, judged by the home's own rules; where those are refused, by the shipped ones."""
    try:
        versions = open_registries(home).lists()
    except HeedlineError as error:
        return [fail("lists", str(error), "mend that; until then calls that need a list are denied")]
    try:
        packs = await asyncio.to_thread(packs_at, home)
    except HeedlineError:
        packs = load_packs()  # that is a finding of its own
    today = (now + _AHEAD).date()
    found = [one for version in versions for one in _list(version, age_limit(version.list, packs), today)]
    none = "none imported; where the law asks for one, calls are denied"
    return found or [warn("lists", none, "heedline registry import …; `heedline gate check` names the list")]


def _list(version: ListVersion, limit: int | None, today: datetime.date) -> Iterator[Finding]:
    """Of a list that is washed the newest result counts: numbers that are called no more are not washed again."""
    said = f"{version.list} of {version.version_date}"
    if version.list == REASSIGNED:
        yield ok("lists", f"{said}: answers, each with a date of its own")
        return
    if limit is None:
        yield ok("lists", f"{said}; no law asks for it")
        return
    last = version.version_date + datetime.timedelta(days=limit)
    remedy = f"heedline registry import … --list {version.list}"
    if last < today:
        yield fail(
            "lists", f"{said}: too old since {last}, at most {limit} days; calls that need it are denied", remedy
        )
    elif (last - today).days <= WARN_DAYS:
        yield warn("lists", f"{said}: too old after {last}; then calls that need it are denied", remedy)
    else:
        yield ok("lists", f"{said}, good to {last}{_older(version, limit, today)}")


def _older(version: ListVersion, limit: int, today: datetime.date) -> str:
    old = sum(wash.numbers for wash in version.washes if (today - wash.day).days > limit)
    return f"; {old:,} of its numbers were washed too long ago" if old else ""
