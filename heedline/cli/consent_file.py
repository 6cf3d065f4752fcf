"""Consents from a file: every line is read and checked before the first is written, and all are one commit."""

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from compliance.errors import BadInput
from compliance.number import Number, parse_number
from compliance.terms import ConsentKind, Purpose
from heedline.cli.consent_options import evidence_of, instant_of, wording_of
from heedline.cli.ledger import on_ledger, operator
from storage.consent.terms import Grant, check_against
from storage.consent.write import MOST_AT_ONCE, record_each
from storage.database import Database

COLUMNS = (
    "number",
    "kind",
    "purpose",
    "seller",
    "channel",
    "at",
    "valid_until",
    "language",
    "version",
    "text",
    "jurisdiction",
    "evidence",
    "collected_by",
)
_LARGEST = 1 << 30
_LONGEST_LINE = 65_536

E = TypeVar("E", ConsentKind, Purpose)
Row = Mapping[str, str | None]


def from_file(home: Path | None, file: Path, defaults: Row) -> int:
    """Record every line of the file, or none; returns how many. `defaults` fill what a line leaves out.

    Raises BadInput naming file and line.
    """
    content = _read(file)
    now = datetime.now(UTC)
    source = hashlib.sha256(content).hexdigest()
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    grants: list[tuple[Number, Grant]] = []
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("", total=content.count(b"\n"))
        for line, row in _rows(file, content):
            if len(grants) == MOST_AT_ONCE:
                raise BadInput(f"{file}: more than {MOST_AT_ONCE} consents; cut it into parts")
            try:
                grants.append(_grant({**defaults, **row}, source, line, now))
            except BadInput as error:
                raise BadInput(f"{file}, line {line}: {error}; nothing was recorded") from None
            progress.advance(bar)

    async def work(db: Database) -> int:
        async with db.begin() as tx:
            return len(await record_each(tx, grants, by=operator(), now=now))

    return on_ledger(home, work)


def _read(file: Path) -> bytes:
    if file.suffix not in (".csv", ".jsonl"):
        raise BadInput(f"{file}: expected a name that ends in .csv or .jsonl")
    try:
        with file.open("rb") as stream:
            content = stream.read(_LARGEST + 1)
    except OSError as error:
        raise BadInput(f"{file}: can't be read: {error.strerror}") from None
    if len(content) > _LARGEST:
        raise BadInput(f"{file}: larger than 1 GiB; cut it into parts")
    return content


def _rows(file: Path, content: bytes) -> Iterator[tuple[int, Row]]:
    """Each line's number and what it says; what is empty is left out."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BadInput(f"{file}, line {line}: not UTF-8; nothing was recorded") from None
    rows = _csv(file, text) if file.suffix == ".csv" else _json_lines(file, text)
    for line, row in rows:
        unknown = sorted(set(row) - set(COLUMNS))
        if unknown:
            known = ", ".join(COLUMNS)
            raise BadInput(f"{file}, line {line}: unknown column {unknown[0][:40]!r}; known are {known}")
        yield line, {name: value for name, value in row.items() if value}


def _csv(file: Path, text: str) -> Iterator[tuple[int, Row]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, [])
        if len(set(header)) < len(header) or "number" not in header:
            raise BadInput(f"{file}, line 1: expected a header of columns, once each, with number among them")
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(header):
                raise BadInput(f"{file}, line {reader.line_num}: {len(cells)} cells, the header has {len(header)}")
            yield reader.line_num, dict(zip(header, cells, strict=True))
    except csv.Error as error:
        raise BadInput(f"{file}, line {reader.line_num}: {error}") from None


def _json_lines(file: Path, text: str) -> Iterator[tuple[int, Row]]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            said = json.loads(line) if len(line) <= _LONGEST_LINE else None
        except (ValueError, RecursionError):
            said = None
        if not isinstance(said, dict):
            raise BadInput(f"{file}, line {number}: expected a JSON object, at most {_LONGEST_LINE} characters")
        evidence = said.get("evidence")
        if isinstance(evidence, dict):
            said["evidence"] = json.dumps(evidence)
        if not all(value is None or isinstance(value, str) for value in said.values()):
            raise BadInput(f"{file}, line {number}: every value is text, but evidence, which is an object")
        yield number, said


def _grant(row: Row, source: str, line: int, now: datetime) -> tuple[Number, Grant]:
    """Raises BadInput."""

    def needed(name: str) -> str:
        value = row.get(name)
        if not value:
            raise BadInput(f"{name} is missing")
        return value

    number = parse_number(needed("number"))
    grant = Grant(
        kind=_one_of(ConsentKind, needed("kind"), "kind"),
        purpose=_one_of(Purpose, needed("purpose"), "purpose"),
        seller=needed("seller"),
        channel=needed("channel"),
        at=instant_of(needed("at"), "at") or now,  # the day of the import would make old consents new
        wording=wording_of(row.get("text"), None, row.get("version"), needed("language")),
        jurisdiction=row.get("jurisdiction"),
        # Where it came from is evidence too: the file by its hash, and the line in it.
        evidence={**evidence_of(row.get("evidence")), "file_sha256": source, "file_line": line},
        collected_by=row.get("collected_by"),
        valid_until=instant_of(row.get("valid_until"), "valid_until"),
    )
    check_against(number, grant, now)
    return number, grant


def _one_of(values: type[E], text: str, what: str) -> E:
    try:
        return values(text)
    except ValueError:
        raise BadInput(f"{what} {text[:40]!r}: one of {', '.join(value.value for value in values)}") from None
