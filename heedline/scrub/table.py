"""A CSV read record by record with the bytes of each, so that what is kept is kept as it was written.

RFC 4180 with commas, semicolons or tabs (as the header has them); a quoted field may hold line ends. A record that
can't be read is one line: the next begins after it, whatever quote it left open. One that is too long is passed over
to its own end, so that no piece of it is taken for a record; but where its quote never closes, only its first line is.
"""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import BinaryIO

from compliance.errors import BadInput

LONGEST_RECORD = 1 << 16  # bytes, its line ends among them
MOST_LINES = 100  # a record
COLUMNS = ("phone", "number", "telephone", "phone_number", "phone number", "tel", "mobile")
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Record:
    """`raw`: its bytes without the last line end; `end`: the offset after it; `cells` None: unreadable, and `why`."""

    line: int
    raw: bytes
    end: int
    lines: int
    cells: tuple[str, ...] | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Header:
    record: Record
    delimiter: str
    column: int

    @property
    def width(self) -> int:
        return len(self.record.cells or ())


def read_header(stream: BinaryIO, name: str, column: str | None) -> Header:
    """The first record, and which column holds the numbers. Raises BadInput: none, or none of that name."""
    start = stream.read(3)
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise BadInput(f"{name}: is UTF-16; save it as UTF-8")
    offset = len(_BOM) if start == _BOM else 0
    stream.seek(offset)
    first = stream.readline(LONGEST_RECORD)
    delimiter = max(",;\t", key=lambda mark: first.count(mark.encode()))
    stream.seek(offset)
    record = next(records(stream, delimiter, None, offset, 1), None)
    if record is None or record.cells is None:
        raise BadInput(f"{name}: no header in its first line")
    cells = [cell.strip().casefold() for cell in record.cells]
    wanted = COLUMNS if column is None else (column.casefold(),)
    places = [place for place, cell in enumerate(cells) if cell in wanted]
    if len(places) != 1:
        columns = ", ".join(repr(cell[:40]) for cell in record.cells[:12])
        raise BadInput(f"{name}: say with --column which one holds the numbers; it has {columns}")
    return Header(record, delimiter, places[0])


def records(stream: BinaryIO, delimiter: str, width: int | None, offset: int, line: int) -> Iterator[Record]:
    """From `offset`, which is at line `line`, to the end. `width`: the fields a record has; None: any. Empty lines
    are passed over."""
    stream.seek(offset)
    ahead: list[bytes] = []  # lines that were read for a record they are not part of

    def more() -> bytes:
        return ahead.pop(0) if ahead else stream.readline(LONGEST_RECORD + 1)

    while first := more():
        lines = [first]
        cells, why = _cells(first, delimiter)
        while cells is None and why == _OPEN and len(lines) < MOST_LINES and _size(lines) <= LONGEST_RECORD:
            following = more()
            if not following:
                break
            lines.append(following)
            cells, why = _cells(b"".join(lines), delimiter)
        if _size(lines) > LONGEST_RECORD or (cells is None and why == _OPEN and len(lines) == MOST_LINES):
            size, ends, closed = _to_its_end(lines, delimiter, more)
            if not closed:  # the quote is a stray one: only its own line is lost
                ahead.clear()
                stream.seek(offset + len(first))
                size, ends, _ = _to_its_end([first], delimiter, more, quoted=False)
            yield Record(line, first.rstrip(b"\r\n"), offset + size, ends, None, _TOO_LONG if closed else _OPEN)
            offset, line = offset + size, line + ends
            continue
        if cells is None:
            ahead[:0] = lines[1:]
            lines = lines[:1]
        raw = b"".join(lines)
        ends = raw.count(b"\n")
        offset += len(raw)
        text = raw.removesuffix(b"\n").removesuffix(b"\r")
        if cells is not None and len(cells) != (width or len(cells)):
            why, cells = f"{len(cells)} fields, not {width}", None
        if text.strip():
            yield Record(line, text, offset, ends, cells, why)
        line += ends


_OPEN = "a quote is not closed"
_TOO_LONG = f"longer than {LONGEST_RECORD} bytes or {MOST_LINES} lines"


class _Place(Enum):
    """Where in a record its bytes have come to."""

    START = auto()  # of a field
    PLAIN = auto()
    QUOTED = auto()
    QUOTE = auto()  # after a quote in a quoted field: its end, or the first of two


def _size(lines: list[bytes]) -> int:
    return sum(map(len, lines))


def _to_its_end(
    lines: list[bytes], delimiter: str, more: Callable[[], bytes], *, quoted: bool = True
) -> tuple[int, int, bool]:
    """Read on to the end of the record that begins with `lines`: its bytes, its line ends, whether its quotes close.

    Not `quoted`: to the end of its first line. Nothing is kept of it.
    """
    size, ends, place, last = 0, 0, _Place.START, b""
    ahead = iter(lines)
    while last := next(ahead, b"") or (
        more() if not last.endswith(b"\n") or (quoted and place is _Place.QUOTED) else b""
    ):
        size, ends, place = size + len(last), ends + last.count(b"\n"), _place(place, last, delimiter.encode())
    return size, ends, place is not _Place.QUOTED


def _place(place: _Place, piece: bytes, delimiter: bytes) -> _Place:
    """Where a record has come to after `piece`, which is a line of it or a part of one.

    A quote closes a field only before a delimiter or a line end, so that one too few or too many opens nothing.
    """
    at = 0
    while at < len(piece):
        if place is _Place.PLAIN or place is _Place.QUOTED:
            found = piece.find(delimiter if place is _Place.PLAIN else b'"', at)
            if found < 0:
                break
            place, at = _Place.START if place is _Place.PLAIN else _Place.QUOTE, found + 1
            continue
        mark, at = piece[at : at + 1], at + 1
        if mark == delimiter:
            place = _Place.START
        elif mark == b'"':
            place = _Place.QUOTED
        else:
            place = _Place.PLAIN if place is _Place.START or mark in b"\r\n" else _Place.QUOTED
    return place


def _cells(raw: bytes, delimiter: str) -> tuple[tuple[str, ...] | None, str]:
    text = raw.decode("utf-8", "surrogateescape").removesuffix("\n").removesuffix("\r")
    if '"' not in text and "\r" not in text:
        return tuple(text.split(delimiter)), ""
    try:
        (row,) = csv.reader([text], delimiter=delimiter, strict=True)
    except csv.Error as error:
        return None, _OPEN if "unexpected end of data" in str(error) else "no line of a CSV"
    except ValueError:
        return None, "no line of a CSV"
    return tuple(row), ""
