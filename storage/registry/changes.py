"""Change lists: number, date and a mark (A or add, D or delete) in each line, parted by commas or blanks.

    212,5551234,2026-11-02,A        2125551234 2026-11-02 D        D,11/02/2026,2125551234

They are applied to the version they were made from and to no other. A line that contradicts that version or another
line shows that something is missing, so the whole file is refused: then the full list is needed.
Source: FTC, "Q&A for Telemarketers & Sellers" (comma-delimited; the order is not given there).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import Enum

import numpy as np
import numpy.typing as npt

from storage.registry import block
from storage.registry.block import Numbers
from storage.registry.errors import BadLine
from storage.registry.records import date_of, fields, filled, lines, number_of

_AREA, _LOCAL = re.compile(r"[2-9][0-9]{2}", re.ASCII), re.compile(r"[0-9]{7}", re.ASCII)
_MARKS = {"a": True, "add": True, "d": False, "delete": False}


class Field(Enum):
    NUMBER = "number"
    AREA = "area code"
    LOCAL = "local number"
    DATE = "date"
    MARK = "mark"


def shape_of(parts: list[str], country: str) -> tuple[Field, ...] | None:
    """What each field is; None: this is no line of a change list."""
    shape = tuple(field for field in (_field(part, country) for part in parts) if field is not None)
    wanted = sorted(field.value for field in shape)
    whole = [["date", "mark", "number"], ["area code", "date", "local number", "mark"]]
    if len(shape) != len(parts) or wanted not in whole:
        return None
    if Field.AREA in shape and shape.index(Field.LOCAL) != shape.index(Field.AREA) + 1:
        return None
    return shape


def _field(part: str, country: str) -> Field | None:
    if part.casefold() in _MARKS:
        return Field.MARK
    if number_of(part, country) is not None:
        return Field.NUMBER
    if date_of(part) is not None:
        return Field.DATE
    if country == "1" and _AREA.fullmatch(part):
        return Field.AREA
    return Field.LOCAL if country == "1" and _LOCAL.fullmatch(part) else None


@dataclass(frozen=True)
class Changes:
    """Numbers, whether each is added (else deleted), and the line it stands in, in one order."""

    name: str
    numbers: Numbers
    added: npt.NDArray[np.bool_]
    lines: npt.NDArray[np.int64]

    def apply(self, number: int, plain: bytes | None) -> block.Bits:
        """The block after the changes to it. Raises BadLine: a change that can't be one of this block."""
        bits = np.zeros(block.BITMAP, np.uint8) if plain is None else block.decode(plain)
        first, end = np.searchsorted(self.numbers, np.array([number, number + 1], np.uint64) * np.uint64(block.SIZE))
        flags = np.unpackbits(bits, bitorder="little")
        places = (self.numbers[first:end] - np.uint64(number * block.SIZE)).astype(np.int64)
        added = self.added[first:end]
        wrong = np.flatnonzero(flags[places] == added)
        if len(wrong):
            at = wrong[np.argmin(self.lines[first:end][wrong])]
            said = "adds a number that is listed" if added[at] else "deletes a number that is not listed"
            raise BadLine(
                self.name, int(self.lines[first + at]), f"{said} in the version it is for; import the full list"
            )
        flags[places] = added
        return np.packbits(flags, bitorder="little")


def read_changes(name: str, chunks: Iterator[bytes], country: str, version_date: date) -> Changes:
    """Ascending by number. Raises BadLine: not such a line, a date after `version_date`, a number twice."""
    shape: tuple[Field, ...] | None = None
    numbers: list[int] = []
    added: list[bool] = []
    at: list[int] = []
    for line, text in filled(name, lines(name, chunks)):
        parts = fields(text)
        if shape is None:
            shape = shape_of(parts, country)
        if shape is None or (shape_of(parts, country) != shape):
            raise BadLine(name, line, "no number, date and A or D, or not in the order of the first line")
        said = dict(zip(shape, parts, strict=True))
        day = date_of(said[Field.DATE])
        if day is None or day > version_date:
            raise BadLine(name, line, f"its date is after the list's, {version_date}")
        number = number_of(said.get(Field.NUMBER) or said[Field.AREA] + said[Field.LOCAL], country)
        if number is None:
            raise BadLine(name, line, "no number")
        numbers.append(number)
        added.append(_MARKS[said[Field.MARK].casefold()])
        at.append(line)
    found = np.array(numbers, np.uint64)
    order = np.argsort(found, kind="stable")
    found, of_line = found[order], np.array(at, np.int64)[order]
    twice = np.flatnonzero(found[1:] == found[:-1]) + 1
    if len(twice):
        raise BadLine(name, int(of_line[twice].min()), "a number that an earlier line changed")
    return Changes(name, found, np.array(added, np.bool_)[order], of_line)
