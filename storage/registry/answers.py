"""Answers of the reassigned-numbers database, a block of ten thousand numbers together. PURE.

    offset (2) | answer (1) | 0 (1) | consent date as proleptic ordinal, 0: not given (4) | checked at, µs (8)

Records ascend by offset, one a number; little-endian. Source: 47 CFR 64.1200(l), (m); DA 21-1649.
"""

import struct
from collections.abc import Iterable, Iterator
from datetime import date

from compliance.facts import Reassigned, ReassignedAnswer
from storage.instant import from_us, to_us

_RECORD = struct.Struct("<HBxIq")
_CODES = {ReassignedAnswer.YES: 1, ReassignedAnswer.NO: 2, ReassignedAnswer.NO_DATA: 3}
_ANSWERS = {code: answer for answer, code in _CODES.items()}


def encode(records: Iterable[tuple[int, Reassigned]]) -> bytes:
    """The block of these answers by offset."""
    return b"".join(
        _RECORD.pack(
            offset,
            _CODES[answer.answer],
            0 if answer.consent_date is None else answer.consent_date.toordinal(),
            to_us(answer.checked_at),
        )
        for offset, answer in sorted(records, key=lambda record: record[0])
    )


def decode(plain: bytes) -> Iterator[tuple[int, Reassigned]]:
    for offset, code, ordinal, checked_us in _RECORD.iter_unpack(plain):
        consent_date = date.fromordinal(ordinal) if ordinal else None
        yield offset, Reassigned(_ANSWERS[code], from_us(checked_us), consent_date)


def find(plain: bytes, offset: int) -> Reassigned | None:
    """The answer for the number at `offset`."""
    low, high = 0, len(plain) // _RECORD.size
    while low < high:
        middle = (low + high) // 2
        if int.from_bytes(plain[middle * _RECORD.size :][:2], "little") < offset:
            low = middle + 1
        else:
            high = middle
    start = low * _RECORD.size
    for found, answer in decode(plain[start : start + _RECORD.size]):
        return answer if found == offset else None
    return None
