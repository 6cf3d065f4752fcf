"""What a file is, from its first lines and its name."""

import re
from collections.abc import Iterable
from datetime import date
from enum import Enum

import numpy as np

from storage.registry.changes import shape_of
from storage.registry.errors import BadLine, BadList
from storage.registry.flat import FORMS
from storage.registry.lists import REASSIGNED, country_of
from storage.registry.records import fields

_LONGEST = 4096
_DATE = re.compile(r"(?<![0-9])(20[0-9]{2})([-_.]?)([0-9]{2})\2([0-9]{2})(?![0-9])", re.ASCII)


class Format(Enum):
    FLAT = "flat"
    XML = "xml"
    CHANGES = "changes"
    CSV = "csv"
    ANSWERS = "answers"
    WASHED = "washed"


def format_of(list_id: str, name: str, head: bytes, column: str | None) -> Format:
    """The format of a text that begins with `head`. Raises BadLine: none."""
    if list_id == REASSIGNED:
        return Format.ANSWERS
    if column is not None:
        return Format.CSV
    if not head.strip() or head.lstrip().startswith(b"<"):
        return Format.XML if head.strip() else Format.FLAT
    line = head[:_LONGEST].split(b"\n", 1)[0]
    row = np.frombuffer(line.translate(None, b" \t\r"), np.uint8).reshape(1, -1)
    country = country_of(list_id)
    parsed = FORMS[country](row) if row.size else None
    if parsed is not None and parsed[1].all():
        return Format.FLAT
    if shape_of(fields(line.decode("ascii", "replace").strip()), country):
        return Format.CHANGES
    raise BadLine(name, 1, "no number, no tag, no change; for a CSV with a header name the --column of its numbers")


def date_in(names: Iterable[str]) -> date | None:
    """The one date the names hold (2026-11-01, 2026_11_01, 20261101); None: there is none.

    Raises BadList: several.
    """
    found: set[date] = set()
    for name in names:
        for year, _, month, day in _DATE.findall(name):
            try:
                found.add(date(int(year), int(month), int(day)))
            except ValueError:
                continue
    if len(found) > 1:
        raise BadList("the files' names hold several dates; give the list's with --version-date")
    return found.pop() if found else None
