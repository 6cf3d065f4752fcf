"""The mark of a person: it changes with whatever is put on file that a call to them depends on.

The tables counted are append-only, so an equal mark means that nothing came in between.
"""

from sqlalchemy import ScalarSelect, Table, bindparam, func, select

from storage.schema import attempts, consents, dnc_entries, party_facts, relationships, switches
from storage.unit import Transaction

Mark = tuple[int, ...]


def _rows(table: Table) -> ScalarSelect[int]:
    """How many rows the person has there."""
    return select(func.count()).where(table.c.party_id == bindparam("party")).scalar_subquery()


_opt_outs = select(func.count()).where(dnc_entries.c.lookup_hash == bindparam("hash")).scalar_subquery()
_last_switch = select(func.coalesce(func.max(switches.c.position), -1)).scalar_subquery()
_calls = (
    select(func.count())
    .where(attempts.c.party_id == bindparam("party"), attempts.c.committed_us.is_not(None))
    .scalar_subquery()
)
_MARK = select(_opt_outs, _last_switch, _rows(consents), _rows(relationships), _rows(party_facts), _calls)


async def mark_of(tx: Transaction, lookup_hash: bytes, party_id: str | None) -> Mark:
    """Of the person as they stand in this unit of work."""
    row = await tx.first(_MARK, {"hash": lookup_hash, "party": party_id or ""})
    return () if row is None else tuple(row)
