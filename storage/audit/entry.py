"""One entry of the audit log, the bytes it is hashed over, and what may stand in it.

    leaf = SHA-256(0x00 || canonical JSON of {at, data, previous, seq, tag})        (RFC 6962 leaf hash)

One hash does both jobs: it is the `previous` of the next entry and the leaf of the Merkle tree.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from storage.canonical import LARGEST_INTEGER, canonical
from storage.errors import BadAuditData
from storage.instant import from_us
from storage.merkle import HASH_BYTES, leaf_hash

AuditValue = str | int | bool | None

GENESIS = bytes(HASH_BYTES)
LONGEST_TEXT = 256
_MOST_KEYS = 32
_KEY = re.compile(r"[a-z][a-z0-9_]{0,31}")
# A run of digits as long as a phone number that is not part of an id or a hash; or one that begins with +.
_NUMBER = re.compile(r"(?<![0-9A-Za-z])[0-9]{7,15}(?![0-9A-Za-z])|\+ ?\(?[0-9](?:[ ().\-/]{0,2}[0-9]){6}")


@dataclass(frozen=True)
class Entry:
    """An entry as it stands in the ledger. `at_us` in microseconds since the epoch; hashes of 32 bytes."""

    seq: int
    at_us: int
    tag: str
    data: str
    previous: bytes
    hash: bytes

    @property
    def at(self) -> datetime:
        return from_us(self.at_us)


def without_numbers(text: str) -> str:
    """The text as the log takes it: no digits of what may be a phone number, at most 256 characters.

    For what must not fail over a name, such as an opt-out asked for through a phone called by its number.
    """
    return _NUMBER.sub("…", text)[:LONGEST_TEXT]


def checked_data(data: Mapping[str, AuditValue]) -> str:
    """The canonical text of an entry's data.

    Raises BadAuditData: a key that is no short lower-case name, a value that is not text of at most 256
    characters, an integer, a boolean or null, or text in which a phone number may stand.
    """
    if len(data) > _MOST_KEYS:
        raise BadAuditData(f"audit data: more than {_MOST_KEYS} keys")
    for key, value in data.items():
        if not _KEY.fullmatch(key):
            raise BadAuditData(f"audit data: key {key[:40]!r} is no lower-case name")
        if isinstance(value, str):
            if len(value) > LONGEST_TEXT:
                raise BadAuditData(f"audit data: {key} is longer than {LONGEST_TEXT} characters")
            if _NUMBER.search(value):
                raise BadAuditData(f"audit data: {key} may hold a phone number; write it without digits")
        elif isinstance(value, int):
            if abs(value) > LARGEST_INTEGER:
                raise BadAuditData(f"audit data: {key} is beyond 2^53 - 1")
        elif value is not None:
            raise BadAuditData(f"audit data: {key} is a {type(value).__name__}")
    return canonical(dict(data))


def entry_hash(seq: int, at_us: int, tag: str, data: str, previous: bytes) -> bytes:
    """The hash of an entry; `data` is its canonical text, taken as it is stored."""
    fields = {"at": at_us, "data": data, "previous": previous.hex(), "seq": seq, "tag": tag}
    return leaf_hash(canonical(fields).encode())
