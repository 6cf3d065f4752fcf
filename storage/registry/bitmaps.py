"""From numbers in any order to sealed blocks.

Ten million numbers (an area code) are a bitmap of 1.25 MB in memory. Lists come by area code, so a bitmap is sealed as
soon as the list goes on to the next; a list that comes back to one is begun again with all bitmaps kept, up to MOST.
"""

from collections import Counter

import numpy as np

from storage.registry import block
from storage.registry.block import BITMAP, SIZE, Bits, Numbers
from storage.registry.errors import BadList
from storage.registry.index import ROW, IndexWriter
from storage.registry.version import Coverage

GROUP = ROW
"""Blocks a group."""

MOST = 4000
"""Groups of one list: all area codes of +1 are under 800, all of +44 under 1000."""


class ComesBack(Exception):
    """The list comes back to a group that is sealed: read it again, keeping all."""


class Bitmaps:
    """Gathers the numbers of a list and seals them. `counts`: how many different ones by group."""

    def __init__(self, writer: IndexWriter, coverage: Coverage | None, *, keep_all: bool) -> None:
        self.counts: Counter[int] = Counter()
        self._writer, self._coverage, self._keep_all = writer, coverage, keep_all
        self._open: dict[int, Bits] = {}

    def add(self, numbers: Numbers) -> None:
        """Raises ComesBack; BadList: outside the coverage, or spread over too many groups."""
        if not len(numbers):
            return
        last = int(numbers[-1]) // (GROUP * SIZE)
        if not (numbers[1:] >= numbers[:-1]).all():
            numbers = np.sort(numbers)
        of_group = numbers // np.uint64(GROUP * SIZE)
        groups, starts = np.unique(of_group, return_index=True)
        for group, part in zip(groups.tolist(), np.split(numbers, starts[1:]), strict=True):
            self._set(self._bits(group), (part - np.uint64(group * GROUP * SIZE)).astype(np.uint32))
            if not self._keep_all:
                for done in [one for one in self._open if one != last]:
                    self._seal(done)

    def finish(self) -> None:
        for group in sorted(self._open):
            self._seal(group)

    def _bits(self, group: int) -> Bits:
        if group not in self._open:
            if group in self.counts:
                raise ComesBack
            if len(self._open) + len(self.counts) >= MOST:
                raise BadList("the numbers are spread over more areas than a country has")
            self._open[group] = np.zeros(GROUP * BITMAP, np.uint8)
        return self._open[group]

    @staticmethod
    def _set(bits: Bits, ascending: "np.ndarray[tuple[int], np.dtype[np.uint32]]") -> None:
        of_byte = ascending >> np.uint32(3)
        flags = np.left_shift(np.uint8(1), (ascending & np.uint32(7)).astype(np.uint8))
        starts = np.flatnonzero(np.concatenate(([True], of_byte[1:] != of_byte[:-1])))
        bits[of_byte[starts]] |= np.bitwise_or.reduceat(flags, starts)

    def _seal(self, group: int) -> None:
        blocks = self._open.pop(group).reshape(GROUP, BITMAP)
        counts = np.bitwise_count(blocks).sum(axis=1, dtype=np.int64)
        for place in np.flatnonzero(counts).tolist():
            number = group * GROUP + place
            if self._coverage is not None and str(number) not in self._coverage:
                raise BadList("a number lies outside --coverage; nothing was imported")
            self._writer.add(number, block.encode(blocks[place], int(counts[place])))
        self.counts[group] = int(counts.sum())
