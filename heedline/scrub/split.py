"""One list into three files: callable.csv and blocked.csv as the list had them, the latter with two columns more, and
unreadable.csv with what can't be read, line by line.

While it works the files are called .part. Each batch is screened, written, made durable and noted in the journal, in
this order; memory does not grow with the list.
"""

import csv
import fcntl
import io
import itertools
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from compliance.errors import BadInput
from compliance.number import BadNumber, Number, parse_number
from compliance.verdict import Reason
from heedline.scrub.journal import NAME, Journal, Task
from heedline.scrub.screen import Screen
from heedline.scrub.table import Header, Record, read_header, records
from storage.registry.catalogue import sync

CALLABLE, BLOCKED, UNREADABLE = "callable", "blocked", "unreadable"
FILES = (CALLABLE, BLOCKED, UNREADABLE)
REASON_COLUMNS = ("blocked_by", "blocked_why")
BATCH = 4000  # records
# How most lists write numbers; what this does not match is parsed with the numbering plans, which takes much longer.
_NANP = re.compile(r"\(?([2-9][0-9]{2})\)?[ .-]?([2-9][0-9]{2})[ .-]?([0-9]{4})", re.ASCII)

Knowledge = Callable[[], dict[str, str]]
Progress = Callable[[int], None]


@dataclass(frozen=True)
class Summary:
    """`counts` by file, `reasons` by rule (a number may have several), `knowledge`: what it was screened against."""

    counts: dict[str, int]
    reasons: dict[str, int]
    knowledge: dict[str, str]
    at: str
    resumed: bool
    seconds: float

    @property
    def records(self) -> int:
        return sum(self.counts.values())


class KnowledgeChanged(Exception):
    """A list or the rules have another version since the scrub began."""


class Scrub:
    """One list on its way into `out`. `knowledge`: the versions of all it is screened against, asked for each batch."""

    def __init__(
        self,
        file: Path,
        out: Path,
        *,
        column: str | None,
        campaign: str | None,
        default_region: str,
        knowledge: Knowledge,
        progress: Progress = lambda _: None,
    ) -> None:
        self._file, self._out, self._column, self._campaign = file, out, column, campaign
        self._region, self._knowledge, self._progress = default_region, knowledge, progress
        self._is_nanp = default_region in ("US", "CA")
        self._began = time.monotonic()
        self._resumed = False

    async def run(self, screen: Callable[[datetime], Screen]) -> Summary:
        """`screen` is given the instant the list is judged at. Raises BadInput: the file, its column, or `out`."""
        with self._file.open("rb") as stream, _alone(self._out):
            header = read_header(stream, self._file.name, self._column)
            while True:
                journal = self._journal(stream)
                try:
                    await self._work(stream, header, journal, screen(datetime.fromisoformat(journal.at)))
                    break
                except KnowledgeChanged:
                    continue
            self._finish(journal)
        seconds = time.monotonic() - self._began
        known = journal.task.knowledge
        return Summary(journal.counts, journal.reasons, known, journal.at, self._resumed, seconds)

    def _task(self, stream: BinaryIO) -> Task:
        status = os.fstat(stream.fileno())
        return Task(status.st_size, status.st_mtime_ns, self._column, self._campaign, self._knowledge())

    def _journal(self, stream: BinaryIO) -> Journal:
        """Where an earlier run left off, or the beginning."""
        task, found = self._task(stream), Journal.read(self._out)
        if found is not None:
            asked = (task.size, task.mtime_ns, task.column, task.campaign)
            if asked != (found.task.size, found.task.mtime_ns, found.task.column, found.task.campaign):
                raise BadInput(f"{self._out}: begun for another file, column or campaign; name another --out")
            if found.complete or found.task.knowledge == task.knowledge:
                self._resumed = True
                return found
            # What was screened by other lists and what was not would not fit together.
            (self._out / NAME).unlink()
            sync(self._out)
        elif there := [name for name in FILES if (self._out / f"{name}.csv").exists()]:
            raise BadInput(f"{self._out / there[0]}.csv: is there already and is not overwritten; name another --out")
        return Journal(task, datetime.now(UTC).isoformat())

    async def _work(self, stream: BinaryIO, header: Header, journal: Journal, screen: Screen) -> None:
        if journal.complete:
            return
        with _results(self._out, journal.lengths) as results:
            if not journal.offset:
                self._begin(header, journal, results)
                _durable(results, journal)
            self._progress(journal.offset)
            rest = records(stream, header.delimiter, header.width, journal.offset, journal.line)
            while batch := list(itertools.islice(rest, BATCH)):
                await self._batch(batch, header, journal, screen, results)
                if self._task(stream) != journal.task:
                    self._changed(stream, journal)
                _durable(results, journal)
                self._progress(batch[-1].end - journal.offset)
                journal.offset, journal.line = batch[-1].end, batch[-1].line + batch[-1].lines
                journal.write(self._out)
        journal.complete = True
        journal.write(self._out)

    def _changed(self, stream: BinaryIO, journal: Journal) -> None:
        task = self._task(stream)
        if (task.size, task.mtime_ns) != (journal.task.size, journal.task.mtime_ns):
            raise BadInput(f"{self._file.name}: changed while it was read; remove {self._out} and scrub again")
        self._progress(-journal.offset)
        raise KnowledgeChanged

    def _begin(self, header: Header, journal: Journal, results: dict[str, BinaryIO]) -> None:
        results[CALLABLE].write(header.record.raw + b"\n")
        results[BLOCKED].write(_with(header.record.raw, REASON_COLUMNS, header.delimiter))
        results[UNREADABLE].write(b"line,why,record\n")
        journal.counts = dict.fromkeys(FILES, 0)
        journal.offset, journal.line = header.record.end, 1 + header.record.lines

    async def _batch(
        self, batch: Sequence[Record], header: Header, journal: Journal, screen: Screen, results: dict[str, BinaryIO]
    ) -> None:
        numbered: list[tuple[Record, Number]] = []
        for record in batch:
            number, why = self._number(record, header.column)
            if number is not None:
                numbered.append((record, number))
                continue
            text = record.raw.decode("utf-8", "surrogateescape")
            results[UNREADABLE].write(_row((str(record.line), why, text), ","))
            journal.counts[UNREADABLE] += 1
        found = await screen([number for _, number in numbered])
        for (record, _), reasons in zip(numbered, found, strict=True):
            if not reasons:
                results[CALLABLE].write(record.raw + b"\n")
                journal.counts[CALLABLE] += 1
                continue
            results[BLOCKED].write(_with(record.raw, _told(reasons), header.delimiter))
            journal.counts[BLOCKED] += 1
            for rule in {reason.rule for reason in reasons}:
                journal.reasons[rule] = journal.reasons.get(rule, 0) + 1

    def _number(self, record: Record, column: int) -> tuple[Number | None, str]:
        if record.cells is None:
            return None, record.why
        text = record.cells[column].strip()
        national = _NANP.fullmatch(text) if self._is_nanp else None
        try:
            return parse_number("+1" + "".join(national.groups()) if national else text, self._region), ""
        except BadNumber as error:
            return None, str(error)

    def _finish(self, journal: Journal) -> None:
        """Give the results their names; done again after a kill, it does what is left."""
        for name in FILES:
            part = self._out / f".{name}.csv.part"
            if part.exists():
                part.rename(self._out / f"{name}.csv")
        sync(self._out)
        (self._out / NAME).unlink()
        sync(self._out)


def _told(reasons: Sequence[Reason]) -> tuple[str, str]:
    rules = dict.fromkeys(reason.rule for reason in reasons)
    return "; ".join(rules), "; ".join(reason.detail for reason in reasons)


def _row(cells: Sequence[str], delimiter: str) -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerow(cells)
    return text.getvalue().encode("utf-8", "surrogateescape")


def _with(raw: bytes, cells: Sequence[str], delimiter: str) -> bytes:
    return raw + delimiter.encode() + _row(cells, delimiter)


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """The folder of the results, made when it is not there, and nobody else at work in it. Raises BadInput."""
    out.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(out, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BadInput(f"{out}: another scrub is at work there") from None
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _results(out: Path, lengths: dict[str, int]) -> Iterator[dict[str, BinaryIO]]:
    """The three files, cut to what the journal knows of."""
    with ExitStack() as stack:
        opened: dict[str, BinaryIO] = {}
        for name in FILES:
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(out / f".{name}.csv.part", flags, 0o600)
            opened[name] = stack.enter_context(open(descriptor, "r+b"))
            opened[name].truncate(lengths.get(name, 0))
            opened[name].seek(0, os.SEEK_END)
        sync(out)
        yield opened


def _durable(results: dict[str, BinaryIO], journal: Journal) -> None:
    for name, stream in results.items():
        stream.flush()
        os.fdatasync(stream.fileno())
        journal.lengths[name] = stream.tell()
