"""The outbox of confirmation messages: durable first, sent second, at least once.

A message is written with its request, in one commit. It is due until a delivery says "sent": a process killed between
commit and sending leaves it due, one killed between sending and writing the delivery sends it once more, with the
same id, token and code.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from sqlalchemy import Row, bindparam, exists, func, insert, select

from compliance.errors import BadInput
from storage.audit.entry import AuditValue
from storage.audit.tags import AuditTag
from storage.consent.message import TOKEN_PLACE, NotSent, Outgoing
from storage.consent.tokens import OptInKeys
from storage.database import Database
from storage.errors import SealBroken
from storage.ids import new_id
from storage.instant import from_us, to_us
from storage.schema import consent_deliveries, consent_messages, consent_tokens, consents
from storage.unit import Transaction

Transport = Literal["smtp", "webhook"]
MOST_FAILURES = 10

_ADD = insert(consent_messages)
_ADD_DELIVERY = insert(consent_deliveries)
_confirmation = consents.alias("confirmation")
_DUE = (
    select(consent_messages, consent_tokens.c.expires_us, consents.c.party_id)
    .join(consent_tokens, consent_tokens.c.consent_id == consent_messages.c.consent_id)
    .join(consents, consents.c.id == consent_messages.c.consent_id)
    .where(
        consent_messages.c.transport == bindparam("transport"),
        consent_messages.c.id > bindparam("after"),
        consent_messages.c.address_sealed.is_not(None),
        consent_tokens.c.expires_us > bindparam("now"),
        ~exists().where(
            consent_deliveries.c.message_id == consent_messages.c.id,
            (consent_deliveries.c.outcome == "sent") | (consent_deliveries.c.n >= MOST_FAILURES),
        ),
        ~exists().where(_confirmation.c.refers_to == consent_messages.c.consent_id, _confirmation.c.act == "confirm"),
    )
    .order_by(consent_messages.c.id)
    .limit(1)
)
_DUE_ALONE = _DUE.where(consent_messages.c.id == bindparam("only"))
_TRIES = select(func.count()).where(consent_deliveries.c.message_id == bindparam("of"))


class Sender(Protocol):
    """The port: how a message leaves the house."""

    @property
    def transport(self) -> Transport: ...

    async def send(self, outgoing: Outgoing) -> str:
        """Returns the SHA-256 (hex) of what was sent. Raises NotSent."""


@dataclass(frozen=True)
class Round:
    """What one round of sending came to; `trouble`: the first failure's text."""

    sent: int = 0
    failed: int = 0
    trouble: str = ""


async def enqueue(
    tx: Transaction, keys: OptInKeys, consent_id: str, transport: Transport, address: str, at: datetime
) -> str:
    """Put the message of a request into the outbox, in the request's own transaction; returns its id."""
    message_id = new_id(at)
    row = {
        "id": message_id,
        "consent_id": consent_id,
        "transport": transport,
        "address_sealed": keys.seal(address, message_id),
        "created_us": to_us(at),
    }
    await tx.run(_ADD, row)
    return message_id


async def send_due(
    db: Database, keys: OptInKeys, sender: Sender, page: str, clock: Callable[[], datetime], *, only: str | None = None
) -> Round:
    """Send each message that is due, once. `page`: the URL of the link page with {token} in it; empty: codes only.

    Each is looked at just before it is sent. `only`: that message, no other. Messages whose request has been confirmed,
    withdrawn or has expired are left alone, and so are those that failed MOST_FAILURES times. Raises BadInput: a page
    without {token}.
    """
    if page and page.count(TOKEN_PLACE) != 1:
        raise BadInput(f"consent.confirm_url: must have {TOKEN_PLACE} in it, once")
    sent = failed = 0
    trouble = after = ""
    while True:
        problem = ""
        async with db.read() as tx:
            values = {"transport": sender.transport, "after": after, "now": to_us(clock())}
            rows = await tx.all(_DUE, values) if only is None else await tx.all(_DUE_ALONE, {**values, "only": only})
            if not rows:
                return Round(sent, failed, trouble)
            after = rows[0].id
            try:
                outgoing = await _composed(tx, keys, rows[0], page)
            except SealBroken as error:  # nothing is sent of it, and the others do not wait for it
                outgoing, problem = None, str(error)
        if outgoing is not None:
            problem = await _deliver(db, sender, outgoing, clock)
            sent += not problem
        failed, trouble = failed + bool(problem), trouble or problem


async def _composed(tx: Transaction, keys: OptInKeys, row: Row[Any], page: str) -> Outgoing | None:
    """None: the person has withdrawn since."""
    grant = await tx.consents.get(row.consent_id)
    held = {one.id: one for one in await tx.consents.held(row.party_id)}.get(row.consent_id)
    if grant is None or held is None or held.consent.withdrawn_at is not None:
        return None
    token = keys.token(grant.id, row.expires_us)
    return Outgoing(
        row.id,
        grant.id,
        keys.open(row.address_sealed, row.id),
        grant.seller or "",
        grant.purpose,
        None if grant.text_hash is None else await tx.consents.text(grant.text_hash),
        page.replace(TOKEN_PLACE, token) if page else "",
        keys.code(grant.id, row.expires_us),
        from_us(row.created_us),
        from_us(row.expires_us),
    )


async def _deliver(db: Database, sender: Sender, outgoing: Outgoing, clock: Callable[[], datetime]) -> str:
    """Send one and write what came of it; returns what went wrong, empty when nothing did."""
    try:
        outcome, detail = "sent", await sender.send(outgoing)
    except NotSent as error:
        outcome, detail = "failed", str(error)[:256]
    at = clock()
    async with db.begin() as tx:
        n = int(await tx.scalar(_TRIES, {"of": outgoing.id})) + 1
        row = {"message_id": outgoing.id, "n": n, "at_us": to_us(at), "outcome": outcome, "detail": detail}
        await tx.run(_ADD_DELIVERY, row)
        data: dict[str, AuditValue] = {
            "message": outgoing.id,
            "consent": outgoing.consent_id,
            "n": n,
            "outcome": outcome,
        }
        await tx.audit.append(AuditTag.CONSENT_SENT, at, data)
    return detail if outcome == "failed" else ""
