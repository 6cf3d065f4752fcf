"""Lists whose lines hold more than a number, field by field: change lists, answers, CSV.

The publishers' field orders are not public. So the first line sets the order, each field is known by its form, and
every line must have the same; a line that reads in two ways is refused.
"""

import csv
import re
from collections.abc import Iterator
from datetime import date

from storage.registry.errors import BadLine, BadList

LONGEST = 4096
"""Characters a line."""

_FILL = str.maketrans("", "", " \t-.()")
_NATIONAL = {
    "1": re.compile(r"(?:\+?1)?([2-9][0-9]{9})", re.ASCII),
    "44": re.compile(r"(?:0|\+44)([1-9][0-9]{8,9})", re.ASCII),
    "39": re.compile(
        r"(?:\+39|0039)?(0[1-9][0-9]{4,9}|3[0-9]{8,9})", re.ASCII
    ),  # its leading 0 is dialled from abroad too
    "61": re.compile(r"(?:0|\+?61)([23478][0-9]{8})", re.ASCII),
    "65": re.compile(r"(?:\+?65)?([3689][0-9]{7})", re.ASCII),
}
_ISO = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", re.ASCII)
_US = re.compile(r"(?P<m>[0-9]{1,2})/(?P<d>[0-9]{1,2})/(?P<y>[0-9]{4})", re.ASCII)
_PLAIN = re.compile(r"(20[0-9]{2})([0-9]{2})([0-9]{2})", re.ASCII)


def number_of(text: str, country: str) -> int | None:
    """The E.164 digits of a number written nationally or internationally; None: it is none of that country."""
    found = _NATIONAL[country].fullmatch(text.translate(_FILL))
    return None if found is None else int(country + found[1])


def date_of(text: str) -> date | None:
    """2026-11-01, 20261101, or 11/1/2026 as Americans write it; None: no date."""
    us = _US.fullmatch(text)
    parts = (
        (us["y"], us["m"], us["d"])
        if us
        else next((m.groups() for m in (_ISO.fullmatch(text), _PLAIN.fullmatch(text)) if m), None)
    )
    if parts is None:
        return None
    try:
        return date(*(int(part) for part in parts))
    except ValueError:
        return None


def lines(name: str, chunks: Iterator[bytes]) -> Iterator[tuple[int, str]]:
    """Line number and text, without its end. Raises BadLine: not UTF-8, or too long."""
    rest, number = b"", 0
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            number += 1
            yield number, _decoded(name, number, line)
        if len(rest) > LONGEST:
            raise BadLine(name, number + 1, f"longer than {LONGEST} characters")
    if rest:
        yield number + 1, _decoded(name, number + 1, rest)


def _decoded(name: str, number: int, line: bytes) -> str:
    if len(line) > LONGEST:
        raise BadLine(name, number, f"longer than {LONGEST} characters")
    try:
        return line.decode().removesuffix("\r")
    except UnicodeDecodeError:
        raise BadLine(name, number, "not UTF-8") from None


def filled(name: str, found: Iterator[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """The lines, of which empty ones may stand at the end only. Raises BadLine."""
    empty = 0
    for number, text in found:
        if not text.strip():
            empty = empty or number
            continue
        if empty:
            raise BadLine(name, empty, "empty, and more lines follow")
        yield number, text


def fields(text: str) -> list[str]:
    """The fields of a line, parted by commas, else by blanks."""
    parts = text.split(",") if "," in text else text.split()
    return [part.strip().strip('"').strip() for part in parts]


def column_values(name: str, chunks: Iterator[bytes], column: str | None) -> Iterator[tuple[int, str]]:
    """The cells of one column of a CSV (RFC 4180) with a header. Raises BadLine, BadList."""
    numbered = lines(name, chunks)
    at = 0

    def texts() -> Iterator[str]:
        nonlocal at
        for line, text in filled(name, numbered):
            at = line
            yield text + "\n"

    rows = csv.reader(texts(), strict=True)
    try:
        header = [cell.strip() for cell in next(rows, [])]
        place = column_place(name, header, column)
        for row in rows:
            if len(row) != len(header):
                raise BadLine(name, at, f"{len(row)} fields, not {len(header)}")
            yield at, row[place]
    except csv.Error:
        raise BadLine(name, at, "no line of a CSV") from None


def column_place(name: str, header: list[str], column: str | None) -> int:
    """Where the column stands. Raises BadList."""
    if column is None and len(header) == 1:
        return 0
    places = [place for place, cell in enumerate(header) if column is not None and cell.casefold() == column.casefold()]
    if len(places) != 1:
        columns = ", ".join(repr(cell[:40]) for cell in header[:12])
        raise BadList(f"{name}: say with --column which one holds the numbers; it has {columns or 'no header'}")
    return places[0]
