"""From files to a version that stands: all of it or nothing.

    with importing(folder, key, order) as prepared:   the version is built and durable, and nobody sees it
        …                                             (the audit entry)
        prepared.swap()                               it stands, for all processes, from their next look-up on

Leaving without `swap`, an error or a kill at any moment leaves what stood before.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from compliance.errors import BadInput
from storage.ids import new_id
from storage.registry.bitmaps import ComesBack
from storage.registry.catalogue import index_file, locked, part_file, read_catalogue, sync, tidy, write_catalogue
from storage.registry.detect import Format, date_in
from storage.registry.errors import BadList, RegistryDamaged
from storage.registry.index import Index, IndexWriter
from storage.registry.intake import Intake, Taken, Wanted, coverage_of
from storage.registry.lists import REASSIGNED, WASHED, country_of, coverage_given, today_of
from storage.registry.reading import Progress, Reader, sha256_of
from storage.registry.version import ListVersion

MOST_SHRINK = 10  # per cent
_FEW = 1000  # areas with fewer numbers may shrink as they like


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to import. `version_date` None: it stands in the files' names; `coverage` None: the files say it.

    `after`: the date of the version that a change list was made from. `submitted`: what was sent to a washing service;
    `files` are then what came back.
    """

    list: str
    files: tuple[Path, ...]
    who: str
    at: datetime
    format: Format | None = None
    version_date: date | None = None
    coverage: str | None = None
    column: str | None = None
    after: date | None = None
    allow_shrink: bool = False
    submitted: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Prepared:
    """A version that is durable and does not stand yet. `replaces`: what stands until `swap`.

    `same`: it is what stands already, from the same files; `swap` then does nothing. `day`: of what was imported; where
    results are gathered, the version may be of a later one.
    """

    folder: Path
    version: ListVersion
    replaces: ListVersion | None
    same: bool
    day: date

    def swap(self) -> None:
        if not self.same:
            write_catalogue(self.folder, {**read_catalogue(self.folder), self.version.list: self.version.version})


@contextmanager
def importing(folder: Path, key: bytes, order: Order, progress: Progress = lambda _: None) -> Iterator[Prepared]:
    """`progress` is told how many more bytes of the files were read; less than 0: they are read again.

    Raises BadInput, BadList, BadLine: refused. RegistryBusy. RegistryDamaged: what a change list is to change.
    """
    _check_form(order)
    given = None if order.coverage is None else coverage_given(order.list, order.coverage)
    wanted = Wanted(
        list=order.list,
        version_date=_version_date(order),
        format=order.format,
        column=order.column,
        given=given,
        after=order.after,
        allow_shrink=order.allow_shrink,
    )
    with locked(folder):
        tidy(folder)
        try:
            yield _Build(folder, key, order, wanted).run(progress)
        finally:
            tidy(folder)


@contextmanager
def dropping(folder: Path, list_id: str) -> Iterator[Callable[[], None]]:
    """What takes the list away when it is called. Raises BadInput: no version of it stands. RegistryBusy."""
    if list_id not in read_catalogue(folder):
        raise BadInput(f"list {list_id[:40]!r}: no version of it stands; `heedline registry list` shows what does")
    with locked(folder):
        left = {name: version for name, version in read_catalogue(folder).items() if name != list_id}
        yield lambda: write_catalogue(folder, left)


def _check_form(order: Order) -> None:
    """A list is either handed out or washed. Raises BadInput: it is not imported as what it is."""
    country_of(order.list)
    if order.list not in WASHED:
        if order.submitted or order.format is Format.WASHED:
            raise BadInput(
                f"{order.list}: is handed out as a list; --submitted and --format washed are for other lists"
            )
        return
    if order.format not in (None, Format.WASHED) or not order.submitted:
        raise BadInput(f"{order.list}: nobody is handed this list; name with --submitted the file that was washed")
    if any(given is not None for given in (order.coverage, order.column, order.after)):
        raise BadInput(f"{order.list}: a wash covers the numbers that were sent; no --coverage, --column or --after")


def _version_date(order: Order) -> date:
    found = order.version_date or date_in(path.name for path in order.files)
    if found is None:
        raise BadList(f"{order.list}: no date in the file's name; give the list's with --version-date")
    if found > today_of(order.list, order.at):
        raise BadList(f"{order.list}: the list's date, {found}, is in the future")
    return found


class _Build:
    def __init__(self, folder: Path, key: bytes, order: Order, wanted: Wanted) -> None:
        self._folder, self._key, self._order, self._wanted = folder, key, order, wanted
        self._version = new_id(order.at)
        self._standing = self._stands()
        self._before = None if self._standing is None else ListVersion.from_dict(self._standing.about)

    def run(self, progress: Progress) -> Prepared:
        before, part = self._before, part_file(self._folder, self._version)
        older = before is not None and self._wanted.version_date < before.version_date
        if before is not None and older and before.list not in {REASSIGNED, *WASHED}:
            raise BadList(f"{before.list}: a newer version stands, of {before.version_date}; drop it first")
        if before is not None and self._changed_already(before):
            return Prepared(self._folder, before, before, True, before.version_date)
        try:
            made = self._write(part, progress, keep_all=False)
        except ComesBack:
            part.unlink()
            made = self._write(part, progress, keep_all=True)
        if before is not None and self._stands_already(made):
            return Prepared(self._folder, before, before, True, self._wanted.version_date)
        part.rename(index_file(self._folder, made.version))
        sync(self._folder)
        return Prepared(self._folder, made, before, False, self._wanted.version_date)

    def _changed_already(self, before: ListVersion) -> bool:
        """What stands was made by these change lists, of this day, from the version that they are for."""
        made = (self._order.after, self._wanted.version_date)
        if self._order.after is None or made != (before.predecessor, before.version_date):
            return False
        return [source.sha256 for source in before.sources] == [sha256_of(path) for path in self._order.files]

    def _stands(self) -> Index | None:
        """The version to be replaced; a damaged one counts as none, but for a change list."""
        version = read_catalogue(self._folder).get(self._order.list)
        if version is None:
            return None
        try:
            return Index(index_file(self._folder, version), self._key)
        except (RegistryDamaged, FileNotFoundError):
            if self._order.after is None:
                return None
            raise RegistryDamaged(f"{self._order.list}: what stands is damaged; import the full list") from None

    def _write(self, part: Path, progress: Progress, *, keep_all: bool) -> ListVersion:
        told = 0

        def tell(more: int) -> None:
            nonlocal told
            told += more
            progress(more)

        with part.open("xb") as stream:
            part.chmod(0o600)
            writer = IndexWriter(stream, self._key)
            intake = Intake(self._wanted, writer, self._standing, keep_all=keep_all)
            try:
                readers = [Reader(path, tell) for path in self._order.files]
                sent = [Reader(path, tell) for path in self._order.submitted]
                taken = intake.wash(sent, readers) if sent else intake.take(readers)
            except ComesBack:
                progress(-told)
                raise
            made = self._made(taken)
            if not self._stands_already(made):
                self._check(made, taken)
            writer.finish({**made.to_dict(), "groups": {str(group): n for group, n in taken.groups.items()}})
        return made

    def _made(self, taken: Taken) -> ListVersion:
        return ListVersion(
            list=self._order.list,
            version=self._version,
            version_date=self._date(taken.format),
            coverage=coverage_of(self._wanted, taken, self._before),
            numbers=sum(taken.groups.values()),
            format=taken.format.value,
            sources=tuple(taken.sources),
            imported_at=self._order.at,
            imported_by=self._order.who,
            predecessor=self._order.after,
            washes=taken.washes,
        )

    def _date(self, form: Format) -> date:
        """Answers and washes are gathered, so older ones may come later."""
        if form in (Format.ANSWERS, Format.WASHED) and self._before is not None:
            return max(self._wanted.version_date, self._before.version_date)
        return self._wanted.version_date

    def _stands_already(self, made: ListVersion) -> bool:
        """The same files, imported as the same, and of the same day: where results are gathered, another may stand."""
        before = self._before
        return before is not None and self._wanted.version_date == before.version_date and _what(before) == _what(made)

    def _check(self, made: ListVersion, taken: Taken) -> None:
        """A list cut short looks like a list; people do not leave lists that fast."""
        before, standing = self._before, self._standing
        if self._order.allow_shrink or taken.format is Format.WASHED:
            return
        if not made.numbers:
            raise BadList(f"{made.list}: nobody is in the file; if that is so, --allow-shrink")
        if before is None or standing is None:
            return
        if any(prefix not in made.coverage for prefix in before.coverage.prefixes):
            raise BadList(f"{made.list}: covers less than what stands ({before.version_date}); if so, --allow-shrink")
        _refuse_fewer(made.list, before, "", before.numbers, made.numbers)
        groups = standing.about.get("groups")
        counted: Mapping[str, int] = groups if isinstance(groups, dict) else {}
        for group, old in counted.items():
            if old >= _FEW:
                _refuse_fewer(made.list, before, f" in +{group}…", old, taken.groups[int(group)])


def _what(version: ListVersion) -> tuple[object, ...]:
    return version.version_date, version.coverage, version.sources, version.format, version.washes


def _refuse_fewer(name: str, before: ListVersion, where: str, old: int, new: int) -> None:
    if new * 100 < old * (100 - MOST_SHRINK):
        raise BadList(
            f"{name}: {new:,} numbers{where}, {old:,} in what stands ({before.version_date}): "
            "more than a tenth is missing; if that is so, --allow-shrink"
        )
