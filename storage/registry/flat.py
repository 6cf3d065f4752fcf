"""Flat lists: a number a line, nothing else, read a megabyte at a time without looking at single lines.

    416,1234567     area code, comma, seven digits (FTC, Canada)
    4161234567      ten digits (FTC of 2003, state lists); also 14161234567 and +14161234567
    02079460000     national form with its leading 0 (TPS, CTPS); also +442079460000

Blanks, tabs and carriage returns in a line count as nothing. An empty line may stand at the end only. The last line may
lack its line end, but then it must be as long as the form allows, for it may have been cut.
"""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from storage.registry.block import Numbers
from storage.registry.errors import BadLine

LONGEST = 64
"""Bytes a line, its end included."""

Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Parsed = tuple[Numbers, Mask]
Form = Callable[[Bytes], Parsed | None]
"""Lines of one length, a row each → their numbers, and which rows are numbers; None: no line of this length is."""

_NEWLINE, _RETURN, _BLANK, _TAB, _COMMA, _PLUS = b"\n\r \t,+"
_NANP_LENGTHS = (10, 11, 12)
_NARROW = 9  # digits that fit 32 bits


def _digits(rows: Bytes, first: int, last: int, start: int = 0) -> Parsed:
    """The decimal number in columns `first` to `last` (exclusive), going on from `start`."""
    number = np.full(len(rows), start, np.uint64)
    good = np.ones(len(rows), np.bool_)
    for begin in range(first, last, _NARROW):
        end = min(begin + _NARROW, last)
        part = np.zeros(len(rows), np.uint32)
        for column in range(begin, end):
            digit = rows[:, column] - np.uint8(48)
            good &= digit <= 9
            part *= np.uint32(10)
            part += digit
        number *= np.uint64(10 ** (end - begin))
        number += part
    return number, good


def nanp(rows: Bytes) -> Parsed | None:
    """Numbers of +1. The area code begins with 2 to 9; the rest may be any digits: they can be listed all the same."""
    length = rows.shape[1]
    if length not in _NANP_LENGTHS:
        return None
    paired = rows[:, 3] == _COMMA if length == 11 else np.zeros(len(rows), np.bool_)
    if not paired.any():
        return _ten(rows)
    area, good = _digits(rows, 0, 3, 1)
    rest, also = _digits(rows, 4, 11)
    number, good = area * np.uint64(10**7) + rest, good & also & (rows[:, 0] >= ord("2"))
    if paired.all():
        return number, good
    other, fine = _ten(rows)
    return np.where(paired, number, other), np.where(paired, good, fine)


def _ten(rows: Bytes) -> Parsed:
    """Ten digits, after 1 or +1 or nothing."""
    length = rows.shape[1]
    number, good = _digits(rows, length - 10, length, 1)
    good &= rows[:, length - 10] >= ord("2")
    for column, char in enumerate({10: b"", 11: b"1", 12: b"+1"}[length]):
        good &= rows[:, column] == char
    return number, good


def british(rows: Bytes) -> Parsed | None:
    """Numbers of +44: 0 and nine or ten digits, or +44 and as many."""
    length = rows.shape[1]
    if length in (10, 11):
        number, good = _digits(rows, 1, length, 44)
        return number, good & (rows[:, 0] == ord("0")) & (rows[:, 1] != ord("0"))
    if length in (12, 13):
        number, good = _digits(rows, 3, length, 44)
        plus = (rows[:, 0] == _PLUS) & (rows[:, 1] == ord("4")) & (rows[:, 2] == ord("4"))
        return number, good & plus & (rows[:, 3] != ord("0"))
    return None


FORMS: dict[str, Form] = {"1": nanp, "44": british}
"""By country code."""

_WHOLE = {"1": frozenset(_NANP_LENGTHS), "44": frozenset({11, 13})}


class FlatLines:
    """Reads the lines of one text. `lines` counts them as they are read."""

    def __init__(self, name: str, country: str) -> None:
        self.lines = 0
        self._name, self._country, self._form = name, country, FORMS[country]
        self._blank: int | None = None

    def numbers(self, chunks: Iterator[bytes]) -> Iterator[Numbers]:
        """In the order of the file. Raises BadLine."""
        rest = b""
        for chunk in chunks:
            whole, newline, tail = chunk.rpartition(b"\n")
            if newline:
                yield self._parsed(rest + whole + newline)
                rest = tail
            else:
                rest += tail
            if len(rest) > LONGEST:
                raise BadLine(self._name, self.lines + 1, "longer than any number")
        if rest:
            if len(rest.translate(None, b" \t\r")) not in {0, *_WHOLE[self._country]}:
                raise BadLine(self._name, self.lines + 1, "no number, or cut short: it is the last and has no line end")
            yield self._parsed(rest + b"\n")

    def _parsed(self, text: bytes) -> Numbers:
        data = np.frombuffer(text, np.uint8)
        found = self._even(data)
        return found if found is not None else self._uneven(data)

    def _even(self, data: Bytes) -> Numbers | None:
        """Lines of one length; None: they are not, or something is wrong with one."""
        width = int(np.argmax(data[: LONGEST + 1] == _NEWLINE)) + 1
        if self._blank is not None or len(data) % width or width < 8:
            return None
        rows = data.reshape(-1, width)
        text = rows[:, : width - 2] if rows[0, width - 2] == _RETURN else rows[:, : width - 1]
        if not (rows[:, text.shape[1]] == rows[0, text.shape[1]]).all() or not (rows[:, -1] == _NEWLINE).all():
            return None
        parsed = self._form(text)
        if parsed is None or not parsed[1].all():
            return None
        self.lines += len(rows)
        return parsed[0]

    def _uneven(self, data: Bytes) -> Numbers:
        blank = (data == _BLANK) | (data == _TAB) | (data == _RETURN)
        if blank.any():
            data = data[~blank]
        ends = np.flatnonzero(data == _NEWLINE)
        starts = np.concatenate(([0], ends[:-1] + 1))
        lengths = ends - starts
        numbers, good = np.zeros(len(ends), np.uint64), np.zeros(len(ends), np.bool_)
        for length in np.unique(lengths).tolist():
            here = np.flatnonzero(lengths == length)
            if 0 < length < LONGEST:
                parsed = self._form(data[starts[here][:, None] + np.arange(length)])
                if parsed is not None:
                    numbers[here], good[here] = parsed
        return self._checked(numbers, good, lengths == 0)

    def _checked(self, numbers: Numbers, good: Mask, empty: Mask) -> Numbers:
        filled = np.flatnonzero(~empty)
        if len(filled) and self._blank is not None:
            raise BadLine(self._name, self._blank, "empty, and more lines follow")
        if len(filled):
            last = int(filled[-1])
            wrong = np.flatnonzero(~good[: last + 1])
            if len(wrong):
                line = int(wrong[0])
                raise BadLine(
                    self._name, self.lines + line + 1, "empty, and more lines follow" if empty[line] else "no number"
                )
            numbers, more = numbers[: last + 1], len(good) - last - 1
        else:
            last, more, numbers = -1, len(good), numbers[:0]
        if more and self._blank is None:
            self._blank = self.lines + last + 2
        self.lines += last + 1
        return numbers
