"""Results of washing services, number by number, a block of ten thousand numbers together. PURE.

    offset (2) | 1 clear, 2 listed (1) | 0 (1) | day of the result as proleptic ordinal (4)

Records ascend by offset, one a number; little-endian. Numbers without a record were never asked about.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from storage.registry import block

CLEAR, LISTED = 1, 2
RECORD = np.dtype([("offset", "<u2"), ("answer", "u1"), ("zero", "u1"), ("day", "<u4")])
_BYTES = RECORD.itemsize


@dataclass(frozen=True, slots=True)
class Results:
    """Numbers (E.164 digits), CLEAR or LISTED, and the day (ordinal) of each; in any order."""

    numbers: block.Numbers
    answers: npt.NDArray[np.uint8]
    days: npt.NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.numbers)

    def newest(self, since: date) -> "Results":
        """One a number, ascending: that of the latest day, on one day LISTED; none from before `since`."""
        order = np.lexsort((self.answers, self.days, self.numbers))
        numbers, days = self.numbers[order], self.days[order]
        kept = np.append(numbers[1:] != numbers[:-1], [True] * bool(len(numbers))) & (days >= since.toordinal())
        return Results(numbers[kept], self.answers[order][kept], days[kept])

    def blocks(self) -> Iterator[tuple[int, bytes]]:
        """Of `newest`: the number of each block, and its records."""
        records = np.zeros(len(self), RECORD)
        records["offset"], records["answer"], records["day"] = self.numbers % block.SIZE, self.answers, self.days
        blocks, starts = np.unique(self.numbers // np.uint64(block.SIZE), return_index=True)
        for number, part in zip(blocks.tolist(), np.split(records, starts[1:]), strict=bool(len(blocks))):
            yield number, part.tobytes()

    @property
    def listed(self) -> block.Numbers:
        listed: block.Numbers = self.numbers[self.answers == LISTED]
        return listed

    def tally(self) -> tuple["Day", ...]:
        """How many answers are of which day, oldest first."""
        return tuple(
            Day(date.fromordinal(day), int(here.sum()), int((here & (self.answers == LISTED)).sum()))
            for day in np.unique(self.days).tolist()
            for here in (self.days == day,)
        )


@dataclass(frozen=True, slots=True)
class Day:
    """How many numbers are answered by the results of a day, and how many of them are listed."""

    day: date
    numbers: int
    listed: int


def gathered(blocks: Iterable[tuple[int, bytes]], more: Results) -> Results:
    """What those blocks hold, and `more`; a number may have several."""
    found = [(number, np.frombuffer(plain, RECORD)) for number, plain in blocks]
    numbers = [records["offset"].astype(np.uint64) + np.uint64(number * block.SIZE) for number, records in found]
    return Results(
        np.concatenate([*numbers, more.numbers]),
        np.concatenate([*(records["answer"] for _, records in found), more.answers]),
        np.concatenate([*(records["day"] for _, records in found), more.days]),
    )


def find(plain: bytes, offset: int) -> tuple[bool, date] | None:
    """Whether the number at `offset` is listed, and by the result of which day; None: it was never asked about."""
    low, high = 0, len(plain) // _BYTES
    while low < high:
        middle = (low + high) // 2
        if int.from_bytes(plain[middle * _BYTES : middle * _BYTES + 2], "little") < offset:
            low = middle + 1
        else:
            high = middle
    record = plain[low * _BYTES : (low + 1) * _BYTES]
    if not record or int.from_bytes(record[:2], "little") != offset:
        return None
    return record[2] != CLEAR, date.fromordinal(int.from_bytes(record[4:], "little"))
