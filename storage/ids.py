"""Ids: ULIDs, 26 characters of Crockford's base 32 (https://github.com/ulid/spec).

48 bits of milliseconds since the epoch, then 80 random bits: ids sort by the time they were made and need no
coordination between processes.
"""

import os
import re
from datetime import UTC, datetime

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PATTERN = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")


def new_id(now: datetime | None = None) -> str:
    """A fresh id; `now` (aware) is the time it carries, the present when left out."""
    moment = now or datetime.now(UTC)
    value = (int(moment.timestamp() * 1000) << 80) | int.from_bytes(os.urandom(10), "big")
    return "".join(_ALPHABET[(value >> shift) & 31] for shift in range(125, -1, -5))


def is_id(text: str) -> bool:
    """Whether the text has the form of an id (upper case, 26 characters, within 128 bits)."""
    return _PATTERN.fullmatch(text) is not None
