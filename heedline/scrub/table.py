"""A CSV read record by record with the bytes of each, so that what is kept is kept as it was written.

RFC 4180 with commas, semicolons or tabs (as the header has them); a quoted field may hold line ends. A record that
can't be read is one line: the next begins after it, whatever quote it left open. One that is too long is passed over
to its own end, so that no piece of it is taken for a record.
"""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from compliance.errors import BadInput

LONGEST_RECORD = 1 << 16  # bytes
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
        return ahead.pop(0) if ahead else stream.readline(LONGEST_RECORD)

    while first := more():
        lines = [first]
        cells, why = _cells(first, delimiter)
        while cells is None and why == _OPEN and not _too_long(lines):
            following = more()
            if not following:
                break
            lines.append(following)
            cells, why = _cells(b"".join(lines), delimiter)
        if _cut(lines[-1]) or (cells is None and why == _OPEN and _too_long(lines)):
            size, ends, closed = _to_its_end(lines, more)
            if not closed:  # the quote is a stray one: only its own line is lost
                ahead.clear()
                stream.seek(offset + len(first))
                size, ends, _ = _to_its_end([first], more, quoted=False)
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


def _cut(line: bytes) -> bool:
    """The line goes on."""
    return len(line) >= LONGEST_RECORD and not line.endswith(b"\n")


def _too_long(lines: list[bytes]) -> bool:
    return len(lines) >= MOST_LINES or sum(map(len, lines)) >= LONGEST_RECORD


def _to_its_end(lines: list[bytes], more: Callable[[], bytes], *, quoted: bool = True) -> tuple[int, int, bool]:
    """Read on to the end of the record that begins with `lines`: its bytes, its line ends, whether its quotes close.

    It ends with a line after which they are even. Not `quoted`: with its first line. Nothing is kept of it.
    """
    size, ends, quotes, last = 0, 0, 0, b""
    ahead = iter(lines)
    while last := next(ahead, b"") or (more() if not last.endswith(b"\n") or (quoted and quotes % 2) else b""):
        size, ends, quotes = size + len(last), ends + last.count(b"\n"), quotes + last.count(b'"')
    return size, ends, quotes % 2 == 0


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
