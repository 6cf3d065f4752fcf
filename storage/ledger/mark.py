"""The mark of a person: what there is on file of them, counted, so that only what is there is read.

It changes with whatever is put on file that a call to them depends on: the tables counted are append-only, so an equal
mark means that nothing came in between.
"""

from typing import NamedTuple

from sqlalchemy import ColumnElement, ScalarSelect, Table, bindparam, func, select, true

from storage.schema import attempts, consents, dnc_entries, parties, party_facts, relationships, switches
from storage.unit import Transaction


class Mark(NamedTuple):
    """`party` None: a person never heard of. `switch`: the last word on any switch; -1: there was none."""

    party: str | None
    switch: int
    opt_outs: int
    consents: int
    relationships: int
    facts: int
    calls: int


def _rows(table: Table, *where: ColumnElement[bool]) -> ScalarSelect[int]:
    """How many rows the person has there."""
    counted = select(func.count()).select_from(table).where(table.c.party_id == parties.c.id, *where)
    return counted.correlate(parties).scalar_subquery()


_last_switch = select(func.coalesce(func.max(switches.c.position), -1)).scalar_subquery()
_opt_outs = select(func.count()).where(dnc_entries.c.lookup_hash == bindparam("hash")).correlate(None).scalar_subquery()
_one_row = select(true().label("one")).subquery()
_MARK = select(
    parties.c.id,
    _last_switch,
    _opt_outs,
    _rows(consents),
    _rows(relationships),
    _rows(party_facts),
    _rows(attempts, attempts.c.committed_us.is_not(None)),
).select_from(_one_row.outerjoin(parties, parties.c.lookup_hash == bindparam("hash")))


async def mark_of(tx: Transaction, lookup_hash: bytes) -> Mark:
    """Of the person as they stand in this unit of work."""
    row = await tx.first(_MARK, {"hash": lookup_hash})
    if row is None:
        raise RuntimeError("a query of one row gave none")
    return Mark(*tuple(row))
