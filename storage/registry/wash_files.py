"""What was sent to a washing service and what came back: a number a line, nothing else.

The numbers that came back are those that are NOT registered; every other number that was sent counts as listed. So a
result that was cut short, or in which numbers are missing that the service could not check, denies and never allows.
A list of the registered numbers, or a result that marks each number, is not taken: cut short, it would allow.

A first line without a digit is taken for a header. Sources: DPR 26/2022 (Italy); Do Not Call Register Act 2006 (Cth)
s. 19(2)(d)(ii), (3) (Australia); PDPC, "DNC Registry Bulk Filtering File Formats" (Singapore).
"""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from storage.registry.block import Numbers
from storage.registry.errors import BadLine, BadList
from storage.registry.reading import Reader, Text
from storage.registry.records import filled, lines, number_of
from storage.registry.version import Source
from storage.registry.washes import CLEAR, LISTED, Results

MOST = 50_000_000
"""Numbers of one wash."""

MANY = 100
"""Of so many numbers, that none is registered is no likely result."""


@dataclass(frozen=True, slots=True)
class Wash:
    """One wash: its results, and the files as they were given, those that were sent first."""

    results: Results
    sources: tuple[Source, ...]


def read_wash(
    sent: Sequence[Reader], returned: Sequence[Reader], country: str, day: date, *, allow_extremes: bool
) -> Wash:
    """`day`: of the result. `allow_extremes`: take also a result that clears nobody, or all of many.

    Raises BadLine: no number; a number that came back and was not sent. BadList.
    """
    sources: list[Source] = []
    asked = _all(sent, country, sources, None)
    clear = _all(returned, country, sources, asked)
    name = ", ".join(reader.name for reader in returned)
    if not len(asked):
        raise BadList("--submitted: no number in it; nothing was imported")
    if not len(clear) and not allow_extremes:
        raise BadList(f"{name}: nobody in it may be called; if all are registered, --allow-shrink")
    if len(clear) == len(asked) >= MANY and not allow_extremes:
        raise BadList(
            f"{name}: all {len(asked):,} numbers came back, as if none were registered; if so, --allow-shrink"
        )
    answers = np.where(np.isin(asked, clear, assume_unique=True), np.uint8(CLEAR), np.uint8(LISTED))
    return Wash(Results(asked, answers, np.full(len(asked), day.toordinal(), np.uint32)), tuple(sources))


def _all(readers: Iterable[Reader], country: str, sources: list[Source], within: Numbers | None) -> Numbers:
    """The numbers of the files, each once, ascending."""
    found = np.empty(0, np.uint64)
    for reader in readers:
        count = 0
        for text in reader.texts():
            numbers = _numbers(text, country, within)
            count += len(numbers)
            found = np.union1d(found, numbers)
            if len(found) > MOST:
                raise BadList(f"{text.name}: more than {MOST:,} numbers; wash and import them in parts")
        sources.append(Source(reader.name, reader.sha256, count))
    return found


def _numbers(text: Text, country: str, within: Numbers | None) -> Numbers:
    """In the order of the text. Raises BadLine: a number outside `within`."""
    found, first = array("Q"), 1
    for line, said in filled(text.name, lines(text.name, text.chunks)):
        if line == 1 and not any(char.isdigit() for char in said):
            first = 2
            continue
        number = number_of(said.strip().strip('"'), country)
        if number is None:
            raise BadLine(text.name, line, "no number, or more than a number")
        if len(found) >= MOST:
            raise BadLine(text.name, line, f"more than {MOST:,} numbers; wash and import them in parts")
        found.append(number)
    numbers = np.array(found, np.uint64)
    if within is not None:
        strange = np.flatnonzero(~np.isin(numbers, within))
        if len(strange):
            raise BadLine(text.name, first + int(strange[0]), "a number that is not among --submitted")
    return numbers
