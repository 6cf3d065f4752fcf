"""The lists as the gate asks them: all that stand now, in this process, whoever imported them.

Each look-up first looks at a count in memory that every process shares, so another process's import is seen by the next
question, and by none half. An import that is killed between its swap and its count, or a folder put back from a backup,
is noticed within LOOK_EVERY_S: then `current` itself is looked at, which costs as much as half a look-up.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from time import monotonic
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from compliance.facts import Reassigned, Registry
from compliance.number import Number
from storage.registry import answers, block
from storage.registry.catalogue import CURRENT, changes, index_file, read_catalogue
from storage.registry.errors import RegistryDamaged
from storage.registry.index import ROW, Index
from storage.registry.lists import REASSIGNED, WASHED
from storage.registry.version import ListVersion
from storage.registry.washed_list import WashedList

LOOK_EVERY_S = 1.0
_TRIES = 5
_GROUP = ROW * block.SIZE
_T = TypeVar("_T", np.uint32, np.intp)

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
        groups = numbers // np.uint64(_GROUP)
        order = np.argsort(_narrow(groups), kind="stable")
        offsets = (numbers - groups * np.uint64(_GROUP))[order].astype(np.uint32)
        ordered = groups[order]
        starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1]))) if len(ordered) else order
        covered, listed = np.empty(len(numbers), np.bool_), np.empty(len(numbers), np.bool_)
        for row, here, of_row in zip(
            ordered[starts].tolist(), _split(order, starts), _split(offsets, starts), strict=True
        ):
            known = self._known(row, of_row)
            bits = self.index.bits(row, np.flatnonzero(known).tolist())
            flags = bits[of_row >> np.uint32(3)] >> (of_row & np.uint32(7)).astype(np.uint8)
            covered[here] = known[of_row // np.uint32(block.SIZE)]
            listed[here] = flags & np.uint8(1)
        return Swept(self.version.version_date, covered, listed)

    def _known(self, row: int, offsets: npt.NDArray[np.uint32]) -> npt.NDArray[np.bool_]:
        """Which blocks of a row the list covers, of those that are asked about."""
        asked = np.bincount(offsets // np.uint32(block.SIZE), minlength=ROW) > 0
        if str(row) in self._coverage:
            return asked
        return asked & np.array([str(row * ROW + at) in self._coverage for at in range(ROW)], np.bool_)


def _narrow(groups: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint16] | npt.NDArray[np.uint64]:
    """The same order in 16 bits where that is enough: such are sorted by radix, six times as fast."""
    if not len(groups):
        return groups
    least = groups.min()
    return (groups - least).astype(np.uint16) if groups.max() - least < 1 << 16 else groups


def _split(values: npt.NDArray[_T], starts: npt.NDArray[np.intp]) -> list[npt.NDArray[_T]]:
    return np.split(values, starts[1:]) if len(starts) else []


class Registries:
    """Every list that stands in a folder; `Registries.open(home.registry, key)`.

    Any method raises RegistryDamaged when what lies there does not open: nothing is known then, so nothing may be
    allowed.
    """

    def __init__(self, folder: Path, key: bytes) -> None:
        self._folder, self._key = folder, key
        self._current = os.fspath(folder / CURRENT)
        self._mark: _Mark = None
        self._changes = memoryview(b"").cast("Q")
        self._count, self._look_again = 0, 0.0
        self._standing: tuple[StandingList, ...] = ()
        self._washed: tuple[WashedList, ...] = ()
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
        for washed in self._washed:
            answer = washed.answer(of_block, offset)
            if answer is not None:
                found[washed.version.list] = answer
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
        """`check` for many numbers at once (E.164 digits as integers): list id → its answers in their order.

        Not of lists that are washed: their answers are of several days.
        """
        self._refresh()
        return {standing.version.list: standing.sweep(numbers) for standing in self._standing}

    def lists(self) -> tuple[ListVersion, ...]:
        """What stands, by list id."""
        self._refresh()
        standing = [one.version for one in self._standing] + [one.version for one in self._washed]
        standing += [self._answers] if self._answers else []
        return tuple(sorted(standing, key=lambda version: version.list))

    def _refresh(self) -> None:
        if self._changes:
            if self._changes[0] == self._count and monotonic() < self._look_again:
                return
        elif self._seen() == self._mark:
            return
        self._changes = changes(self._folder)
        count = self._changes[0] if self._changes else 0  # before the catalogue: what comes later is seen later
        if self._seen() != self._mark:
            self._reread()
        self._count, self._look_again = count, monotonic() + LOOK_EVERY_S

    def _reread(self) -> None:
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
            except OSError as error:
                raise self._unreadable(error) from None
            self._take(opened)
            self._mark = mark
            return

    def _seen(self) -> _Mark:
        try:
            found = os.stat(self._current)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise self._unreadable(error) from None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def _unreadable(self, error: OSError) -> RegistryDamaged:
        why = error.strerror or type(error).__name__
        return RegistryDamaged(f"{self._folder}: can't be read ({why}); is it the user's Heedline runs as?")

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
        self._washed = tuple(WashedList(one.index, one.version) for name, one in opened.items() if name in WASHED)
        self._standing = tuple(opened[name] for name in sorted(opened) if name not in WASHED)
