"""What the ledger tells the rules, which take no consent that names no seller."""

from datetime import datetime

from storage.database import Database
from tests.storage.builders import CALLEE


async def test_a_grant_to_whoever_asks_stands_for_the_seller_of_the_call(db: Database, now: datetime) -> None:
    async with db.begin() as tx:
        party = await tx.parties.ensure(CALLEE)
        for seller in (None, "Other"):
            await tx.consents.add(party, "express", "telemarketing", "grant", {}, None, now, "callee", seller=seller)
    async with db.read() as tx:
        consents, refused = await tx.consents.for_the_gate(party, "Acme")
    assert [consent.seller for consent in consents] == ["Acme", "Other"]
    assert refused == ()
