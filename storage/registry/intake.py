"""Reads the given files, whatever their format, into the blocks of an index."""

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np

from compliance.facts import Reassigned
from storage.registry import answers, block
from storage.registry.answer_file import read_answers
from storage.registry.bitmaps import GROUP, Bitmaps
from storage.registry.changes import Changes, read_changes
from storage.registry.detect import Format, format_of
from storage.registry.errors import BadLine, BadList
from storage.registry.flat import FlatLines
from storage.registry.index import Index, IndexWriter
from storage.registry.lists import country_of
from storage.registry.reading import Reader, Text
from storage.registry.records import column_values, number_of
from storage.registry.version import Coverage, ListVersion, Source
from storage.registry.wash_files import read_wash
from storage.registry.washes import Day, gathered
from storage.registry.xml import XmlList

_BATCH = 1 << 16
_HEAD = 4096  # bytes enough to see what a text is
_KEPT = timedelta(days=366)  # of a number that is not asked about again nothing is kept: any law wants a younger answer


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the files are to be read as. `format` None: as they look. `column`: of a CSV. `given`: their coverage.

    `after`: the date of the version that a change list was made from.
    """

    list: str
    version_date: date
    format: Format | None = None
    column: str | None = None
    given: Coverage | None = None
    after: date | None = None
    allow_shrink: bool = False


@dataclass
class Taken:
    """What was in the files. `groups`: how many different numbers by ten million; `declared`: their own coverage.

    `washes`: see ListVersion.
    """

    format: Format
    sources: list[Source] = field(default_factory=list)
    groups: Counter[int] = field(default_factory=Counter)
    declared: Coverage | None = None
    washes: tuple[Day, ...] = ()


class Intake:
    """One reading of the files. `standing`: the version that changes and answers are added to."""

    def __init__(self, wanted: Wanted, writer: IndexWriter, standing: Index | None, *, keep_all: bool) -> None:
        self._wanted, self._writer, self._standing = wanted, writer, standing
        self._before = None if standing is None else ListVersion.from_dict(standing.about)
        self._country = country_of(wanted.list)
        self._bitmaps = Bitmaps(writer, wanted.given, keep_all=keep_all)
        self._changes: Changes | None = None
        self._answers: dict[int, Reassigned] | None = None
        self._taken: Taken | None = None

    def take(self, readers: Sequence[Reader]) -> Taken:
        """Raises BadList, BadLine; ComesBack: read again with keep_all."""
        for reader in readers:
            lines = sum(self._text(text) for text in reader.texts())
            if self._taken is not None:
                self._taken.sources.append(Source(reader.name, reader.sha256, lines))
        taken = self._taken
        if taken is None:
            raise BadList(f"{self._wanted.list}: there is no file in it")
        if self._changes is not None:
            taken.groups = self._apply(self._changes)
        elif self._answers is not None:
            taken.groups = self._merge(self._answers)
        else:
            self._bitmaps.finish()
            taken.groups = self._bitmaps.counts
        return taken

    def wash(self, sent: Sequence[Reader], returned: Sequence[Reader]) -> Taken:
        """The results of one wash, added to those that stand. Raises BadList, BadLine."""
        day, extremes = self._wanted.version_date, self._wanted.allow_shrink
        wash = read_wash(sent, returned, self._country, day, allow_extremes=extremes)
        standing = () if self._standing is None else self._standing.blocks()
        results = gathered(standing, wash.results).newest(day - _KEPT)
        for number, plain in results.blocks():
            self._writer.add(number, plain)
        taken = Taken(Format.WASHED, list(wash.sources), washes=results.tally())
        groups, counts = np.unique(results.listed // np.uint64(GROUP * block.SIZE), return_counts=True)
        taken.groups.update(dict(zip(groups.tolist(), counts.tolist(), strict=True)))
        return taken

    def _text(self, text: Text) -> int:
        """How many entries the text has."""
        head = b""
        while b"\n" not in head and len(head) < _HEAD and (more := next(text.chunks, b"")):
            head += more
        chunks = itertools.chain((head,), text.chunks)
        form = self._wanted.format or format_of(self._wanted.list, text.name, head, self._wanted.column)
        if self._taken is None:
            self._taken = Taken(form)
            if form is Format.CHANGES and not head.strip():
                raise BadList(f"{text.name}: empty; if nothing has changed, import the full list of that day")
            check_predecessor(self._wanted, form, self._before)
        elif form is not self._taken.format or form in (Format.CHANGES, Format.ANSWERS):
            raise BadList(f"{text.name}: {form.value} can't be imported together with {self._taken.format.value}")
        if form is Format.CHANGES:
            self._changes = read_changes(text.name, chunks, self._country, self._wanted.version_date)
            return len(self._changes.numbers)
        if form is Format.ANSWERS:
            self._answers = read_answers(text.name, chunks, self._wanted.version_date)
            return len(self._answers)
        if form is Format.XML:
            return self._xml(self._taken, XmlList(text.name, self._country), chunks)
        if form is Format.CSV:
            return self._csv(text.name, chunks)
        flat = FlatLines(text.name, self._country)
        for numbers in flat.numbers(chunks):
            self._bitmaps.add(numbers)
        return flat.lines

    def _xml(self, taken: Taken, document: XmlList, chunks: Iterator[bytes]) -> int:
        for numbers in document.numbers(chunks):
            self._bitmaps.add(numbers)
        known = frozenset() if taken.declared is None else taken.declared.prefixes
        said = frozenset() if document.declared is None else document.declared.prefixes
        taken.declared = Coverage(known | said) if known or said else None
        return document.lines

    def _csv(self, name: str, chunks: Iterator[bytes]) -> int:
        count = 0
        cells = column_values(name, chunks, self._wanted.column)
        while batch := [self._cell(name, line, cell) for line, cell in itertools.islice(cells, _BATCH)]:
            self._bitmaps.add(np.array(batch, np.uint64))
            count += len(batch)
        return count

    def _cell(self, name: str, line: int, cell: str) -> int:
        number = number_of(cell.strip(), self._country)
        if number is None:
            raise BadLine(name, line, "no number in the column")
        return number

    def _apply(self, changes: Changes) -> Counter[int]:
        """Standing version and changes, block by block."""
        if self._standing is None or self._before is None:
            raise BadList(f"{changes.name}: a change list, and no version stands that it could change")
        coverage = self._before.coverage
        touched = {int(number) for number in np.unique(changes.numbers // np.uint64(block.SIZE))}
        if any(str(number) not in coverage for number in touched):
            raise BadList(
                f"{changes.name}: changes numbers that the standing version does not cover; import the full list"
            )
        groups: Counter[int] = Counter()
        for number in sorted({*touched, *self._standing.numbers.tolist()}):
            plain = self._standing.get(number)
            if number in touched:
                bits = changes.apply(number, plain)
                plain = block.encode(bits, int(np.bitwise_count(bits).sum()))
            if plain:
                self._writer.add(number, plain)
                groups[number // GROUP] += block.count(plain)
        return groups

    def _merge(self, found: dict[int, Reassigned]) -> Counter[int]:
        """Standing answers and these; of two for one number the newer."""
        blocks: dict[int, dict[int, Reassigned]] = {}
        for number, plain in () if self._standing is None else self._standing.blocks():
            blocks[number] = dict(answers.decode(plain))
        for digits, answer in found.items():
            number, offset = divmod(digits, block.SIZE)
            of_block = blocks.setdefault(number, {})
            if offset not in of_block or of_block[offset].checked_at <= answer.checked_at:
                of_block[offset] = answer
        groups: Counter[int] = Counter()
        for number, of_block in blocks.items():
            self._writer.add(number, answers.encode(of_block.items()))
            groups[number // GROUP] += len(of_block)
        return groups


def coverage_of(wanted: Wanted, taken: Taken, before: ListVersion | None) -> Coverage:
    """Whose numbers the new version speaks of. Raises BadList: nobody says, or --coverage says more than the file."""
    if taken.format in (Format.ANSWERS, Format.WASHED):
        return Coverage(frozenset())
    if taken.format is Format.CHANGES and before is not None:
        return before.coverage
    declared = taken.declared
    if wanted.given is not None:
        if declared is not None and any(prefix not in declared for prefix in wanted.given.prefixes):
            raise BadList(f"{wanted.list}: --coverage says more than the file, which is for {declared}")
        return wanted.given
    if declared is not None:
        return declared
    if not taken.groups and not wanted.allow_shrink:
        raise BadList(f"{wanted.list}: nobody is in the file; if that is so, --coverage and --allow-shrink")
    if country_of(wanted.list) == "1" and taken.format is Format.FLAT and taken.groups:
        return Coverage(frozenset(str(group) for group in taken.groups))
    raise BadList(
        f"{wanted.list}: the file does not say whose numbers it is for; give --coverage all, "
        f"or prefixes such as +{country_of(wanted.list)}20"
    )


def check_predecessor(wanted: Wanted, form: Format, before: ListVersion | None) -> None:
    """A change list fits the one version it was made from. Raises BadList: it is not named, or another stands."""
    name, after = wanted.list, wanted.after
    if form is not Format.CHANGES:
        if after is not None:
            raise BadList(f"{name}: --after is for change lists, and this is none")
        return
    if after is None:
        raise BadList(f"{name}: a change list; name with --after the date of the version it was made from")
    if before is None or before.version_date != after:
        stands = "none stands" if before is None else f"that of {before.version_date} stands"
        raise BadList(f"{name}: made from the version of {after}, and {stands}; import the full list")
