"""Parties: who is called. A party is a number; in the ledger it is an id, a keyed hash and a sealed number."""

from datetime import UTC, datetime

from sqlalchemy import bindparam, insert, select

from compliance.number import Number
from storage.errors import NoSuchParty
from storage.ids import new_id
from storage.instant import to_us
from storage.schema import parties
from storage.unit import Transaction

_OF_HASH = select(parties.c.id).where(parties.c.lookup_hash == bindparam("hash"))
_ADD = insert(parties)


class Parties:
    """The parties of the ledger."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def lookup_hash(self, number: Number) -> bytes:
        """The 32-byte keyed hash under which the number stands in every table."""
        return self._tx.keys.lookup_hash(number)

    async def find(self, number: Number) -> str | None:
        """The party of that number, if there is one."""
        found = await self._tx.scalar(_OF_HASH, {"hash": self.lookup_hash(number)})
        return None if found is None else str(found)

    async def ensure(self, number: Number) -> str:
        """The party of that number, made when it is new."""
        known = await self.find(number)
        if known is not None:
            return known
        now = datetime.now(UTC)
        party_id = new_id(now)
        row = {
            "id": party_id,
            "lookup_hash": self.lookup_hash(number),
            "number_sealed": self._tx.keys.seal(number, f"party:{party_id}"),
            "created_us": to_us(now),
        }
        await self._tx.run(_ADD, row)
        return party_id

    async def number(self, party_id: str) -> Number:
        """The party's number in clear.

        Raises NoSuchParty: unknown, or erased. SealBroken: the seal key does not open it.
        """
        sealed = await self._tx.scalar(select(parties.c.number_sealed).where(parties.c.id == party_id))
        if sealed is None:
            raise NoSuchParty(f"party {party_id}: not in the ledger, or erased")
        return self._tx.keys.open(sealed, f"party:{party_id}")
