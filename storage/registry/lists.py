"""The lists Heedline knows by id, and what an admin may say of their coverage."""

import re
from datetime import UTC, date, datetime, timedelta

from compliance.errors import BadInput
from compliance.jurisdictions.area_codes import area_codes
from storage.registry.version import Coverage

REASSIGNED = "us.fcc.rnd"
"""Not a list: answers of the reassigned-numbers database, number by number."""

WASHED = frozenset({"it.rpo", "sg.dnc", "au.dncr"})
"""Lists nobody is handed: the operator is sent numbers and tells which of them are registered."""

COUNTRY = {
    "us.ftc.ndnc": "1",
    "ca.dncl": "1",
    "gb.tps": "44",
    "gb.ctps": "44",
    "it.rpo": "39",
    "sg.dnc": "65",
    "au.dncr": "61",
    REASSIGNED: "1",
}
"""List id → country code of its numbers; the lists of US states are `us-xx.dnc`."""

_AHEAD = {"39": 2, "61": 11, "65": 8}
"""Country code → hours by which its day may begin before UTC's; of the others a list's day is never ahead of UTC's."""

_STATE_LIST = re.compile(r"us-([a-z]{2})\.dnc", re.ASCII)
_AREA_CODE = re.compile(r"[2-9][0-9]{2}", re.ASCII)
_PREFIX = re.compile(r"\+([1-9][0-9]{0,6})", re.ASCII)


def country_of(list_id: str) -> str:
    """The country code of a list's numbers. Raises BadInput: no list of that id."""
    if list_id in COUNTRY:
        return COUNTRY[list_id]
    state = _STATE_LIST.fullmatch(list_id)
    if state is None or not _is_state(f"US-{state[1].upper()}"):
        known = ", ".join(COUNTRY)
        raise BadInput(
            f"list {list_id[:40]!r}: not known; there are {known}, and us-xx.dnc for a state's own (us-tx.dnc)"
        )
    return "1"


def today_of(list_id: str, at: datetime) -> date:
    """The latest day a list may be of: a result of this morning in Sydney is of tomorrow in UTC."""
    return (at.astimezone(UTC) + timedelta(hours=_AHEAD.get(country_of(list_id), 0))).date()


def _is_state(region: str) -> bool:
    return any(region in code.regions for code in area_codes().values())


def coverage_given(list_id: str, text: str) -> Coverage:
    """What `--coverage` says: `all`, area codes ("212,646"), or prefixes ("+4420,+44161"). Raises BadInput."""
    country = country_of(list_id)
    if text.strip() == "all":
        return Coverage(frozenset({country}))
    prefixes: set[str] = set()
    for word in text.split(","):
        said = word.strip()
        prefix = _PREFIX.fullmatch(said)
        if prefix is not None and prefix[1].startswith(country):
            prefixes.add(prefix[1])
        elif country == "1" and _AREA_CODE.fullmatch(said):
            prefixes.add(f"1{said}")
        else:
            raise BadInput(f"--coverage: `all`, area codes such as 212,646, or prefixes that begin with +{country}")
    return Coverage(frozenset(prefixes))
