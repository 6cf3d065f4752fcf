"""The lists as the gate asks them: all that stand now, in this process, whoever imported them.

Each look-up first looks whether `current` is still the file it was (one stat, under a microsecond); another process's
import is so seen by the next question, and by none half.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt

from compliance.facts import Reassigned, Registry
from compliance.number import Number
from storage.registry import answers, block
from storage.registry.catalogue import CURRENT, index_file, read_catalogue
from storage.registry.errors import RegistryDamaged
from storage.registry.index import Index
from storage.registry.lists import REASSIGNED
from storage.registry.version import ListVersion

_TRIES = 5

_Mark = tuple[int, int, int] | None


@dataclass(frozen=True, slots=True)
class Swept:
    """A list's answer for many numbers, in their order. Where `covered` is False nothing is known."""

    version_date: date
    covered: npt.NDArray[np.bool_]
    listed: npt.NDArray[np.bool_]


class StandingList:
    """One list's version, opened."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self.version = ListVersion.from_dict(index.about)
        self._coverage = self.version.coverage
        self._listed = Registry(True, self.version.version_date)
        self._not_listed = Registry(False, self.version.version_date)

    def answer(self, digits: str, number: int, offset: int) -> Registry | None:
        """For the number of these digits, at `offset` of block `number`; None: the list does not cover it."""
        if digits not in self._coverage:
            return None
        plain = self.index.get(number)
        return self._listed if plain is not None and block.has(plain, offset) else self._not_listed

    def sweep(self, numbers: npt.NDArray[np.uint64]) -> Swept:
        """numbers: E.164 digits as integers, in any order."""
        order = np.argsort(numbers)
        ascending = numbers[order]
        of_block = ascending // np.uint64(block.SIZE)
        offsets = ascending - of_block * np.uint64(block.SIZE)
        asked, starts, sizes = np.unique(of_block, return_index=True, return_counts=True)
        places = np.searchsorted(self.index.numbers, asked)
        known = np.array([str(number) in self._coverage for number in asked.tolist()], np.bool_)
        there = known & (np.append(self.index.numbers, np.uint64(0))[places] == asked)
        found = np.zeros(len(numbers), np.bool_)
        for start, size, place in np.stack((starts, sizes, places), axis=1)[there].tolist():
            found[start : start + size] = block.has_many(self.index.at(place), offsets[start : start + size])
        covered, listed = np.empty_like(found), np.empty_like(found)
        covered[order] = np.repeat(known, sizes)
        listed[order] = found
        return Swept(self.version.version_date, covered, listed)


class Registries:
    """Every list that stands in a folder; `Registries.open(home.registry, key)`.

    Any method raises RegistryDamaged when what lies there does not open: nothing is known then, so nothing may be
    allowed.
    """

    def __init__(self, folder: Path, key: bytes) -> None:
        self._folder, self._key = folder, key
        self._current = os.fspath(folder / CURRENT)
        self._mark: _Mark = None
        self._standing: tuple[StandingList, ...] = ()
        self._reassigned: Index | None = None
        self._answers: ListVersion | None = None

    @classmethod
    def open(cls, folder: Path, key: bytes) -> "Registries":
        """key: 32 bytes, the home's. A folder without a list, or none at all, is empty and no error."""
        registries = cls(folder, key)
        registries._refresh()
        return registries

    def check(self, number: Number) -> dict[str, Registry]:
        """List id → its answer, of the lists that cover the number; of any other nothing is known."""
        self._refresh()
        digits = number.e164[1:]
        of_block, offset = divmod(int(digits), block.SIZE)
        found: dict[str, Registry] = {}
        for standing in self._standing:
            answer = standing.answer(digits, of_block, offset)
            if answer is not None:
                found[standing.version.list] = answer
        return found

    def reassigned(self, number: Number) -> Reassigned | None:
        """The newest answer of the reassigned-numbers database that was imported for the number."""
        self._refresh()
        if self._reassigned is None:
            return None
        of_block, offset = divmod(int(number.e164[1:]), block.SIZE)
        plain = self._reassigned.get(of_block)
        return None if plain is None else answers.find(plain, offset)

    def sweep(self, numbers: npt.NDArray[np.uint64]) -> dict[str, Swept]:
        """`check` for many numbers at once (E.164 digits as integers): list id → its answers in their order."""
        self._refresh()
        return {standing.version.list: standing.sweep(numbers) for standing in self._standing}

    def lists(self) -> tuple[ListVersion, ...]:
        """What stands, by list id."""
        self._refresh()
        standing = [one.version for one in self._standing] + ([self._answers] if self._answers else [])
        return tuple(sorted(standing, key=lambda version: version.list))

    def _refresh(self) -> None:
        if self._seen() == self._mark:
            return
        for left in reversed(range(_TRIES)):
            mark = self._seen()
            try:
                opened = self._open(read_catalogue(self._folder).items())
            except FileNotFoundError:  # replaced and removed between the two reads
                if not left:
                    raise RegistryDamaged(
                        f"{self._current}: names an index that is not there; import the list again"
                    ) from None
                continue
            self._take(opened)
            self._mark = mark
            return

    def _seen(self) -> _Mark:
        try:
            found = os.stat(self._current)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def _open(self, named: Iterable[tuple[str, str]]) -> dict[str, StandingList]:
        kept = {one.version.version: one for one in self._standing}
        opened: dict[str, StandingList] = {}
        for name, version in named:
            found = kept.get(version) or StandingList(Index(index_file(self._folder, version), self._key))
            if (found.version.list, found.version.version) != (name, version):
                raise RegistryDamaged(f"{self._current}: names another list's index for {name}; import {name} again")
            opened[name] = found
        return opened

    def _take(self, opened: dict[str, StandingList]) -> None:
        answered = opened.pop(REASSIGNED, None)
        self._reassigned = None if answered is None else answered.index
        self._answers = None if answered is None else answered.version
        self._standing = tuple(opened[name] for name in sorted(opened))
