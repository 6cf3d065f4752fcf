"""Refusals: every time a person said no to a seller's calls, whatever has become of it since.

An opt-out in whose scope the seller lies, also one that was revoked later; a consent refused or withdrawn (being
recorded is another question); a call whose disposition says so.
"""

from datetime import datetime

from sqlalchemy import bindparam, or_, select, union_all

from storage.instant import from_us
from storage.schema import attempts, campaigns, consents, dnc_entries
from storage.unit import Transaction

REFUSED = "refused"
_topic_stops = or_(dnc_entries.c.topic == "", bindparam("topic") == "", dnc_entries.c.topic == bindparam("topic"))
_OPTED_OUT = select(dnc_entries.c.at_us).where(
    dnc_entries.c.lookup_hash == bindparam("hash"),
    dnc_entries.c.act == "add",
    dnc_entries.c.seller.in_(("", bindparam("seller"))),
    _topic_stops,
)
_NO_CONSENT = select(consents.c.at_us).where(
    consents.c.party_id == bindparam("party"),
    consents.c.act.in_(("refuse", "withdraw")),
    consents.c.kind != "recording",
    or_(consents.c.seller.is_(None), consents.c.seller == bindparam("seller")),
)
_SAID_NO = (
    select(attempts.c.ended_us)
    .select_from(
        attempts.join(
            campaigns, (campaigns.c.name == attempts.c.campaign) & (campaigns.c.version == attempts.c.campaign_version)
        )
    )
    .where(
        attempts.c.party_id == bindparam("party"),
        attempts.c.disposition == REFUSED,
        campaigns.c.seller == bindparam("seller"),
    )
)
_ALL = union_all(_OPTED_OUT, _NO_CONSENT, _SAID_NO)


class Refusals:
    """The refusals of the ledger."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def of(
        self, lookup_hash: bytes, party_id: str | None, seller: str, topic: str | None
    ) -> tuple[datetime, ...]:
        """When the person said no to calls of the seller about the topic (None: it may be any), in order."""
        values = {"hash": lookup_hash, "party": party_id or "", "seller": seller, "topic": topic or ""}
        return tuple(sorted(from_us(row[0]) for row in await self._tx.all(_ALL, values)))
