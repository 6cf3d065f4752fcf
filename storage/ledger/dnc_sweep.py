"""The internal do-not-call list asked about many numbers at once."""

from collections.abc import Sequence

from sqlalchemy import bindparam, select

from compliance.number import Number
from storage.schema import dnc_entries
from storage.unit import Transaction

AT_ONCE = 500  # SQLite takes at least 999 values a statement

_revocation = dnc_entries.alias("revocation")
_AMONG = (
    select(dnc_entries.c.lookup_hash)
    .select_from(dnc_entries.outerjoin(_revocation, _revocation.c.revokes == dnc_entries.c.id))
    .where(
        dnc_entries.c.act == "add",
        _revocation.c.id.is_(None),
        dnc_entries.c.lookup_hash.in_(bindparam("hashes", expanding=True)),
    )
)


async def listed_among(tx: Transaction, numbers: Sequence[Number]) -> frozenset[Number]:
    """Those that have any active entry, whatever its scope: whose call it will be is not known."""
    found: set[Number] = set()
    for start in range(0, len(numbers), AT_ONCE):
        by_hash = {tx.keys.lookup_hash(number): number for number in numbers[start : start + AT_ONCE]}
        found.update(by_hash[row.lookup_hash] for row in await tx.all(_AMONG, {"hashes": list(by_hash)}))
    return frozenset(found)
