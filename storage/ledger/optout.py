"""The opt-out: listed, every pending attempt cancelled, audited; all in the caller's one transaction.

When the transaction has closed, the person is never called again, in any campaign; when it has not, nothing
was written and the caller must not confirm anything.
"""

from dataclasses import dataclass
from datetime import datetime

from compliance.number import Number
from storage.audit import AuditTag, without_numbers
from storage.ledger.dnc import EVERYTHING, DncEntry, Scope
from storage.unit import Transaction


@dataclass(frozen=True)
class OptOutDone:
    """`created`: False when the number was listed already. `cancelled`: pending attempts that were ended."""

    entry: DncEntry
    created: bool
    cancelled: int


async def opt_out(
    tx: Transaction,
    number: Number,
    *,
    source: str,
    channel: str,
    reason: str,
    who: str,
    at: datetime,
    proof: dict[str, object] | None = None,
    attempt_id: str | None = None,
    scope: Scope = EVERYTHING,
) -> OptOutDone:
    """Put the number on the do-not-call list. Telling it twice changes nothing the second time.

    Pending attempts that the scope stops are cancelled.

    `source`: who asked (callee, agent, office, import); `channel`: how (dtmf, spoken, cli, …).
    Raises LedgerConflict, BadInput as `DoNotCall.add`.
    """
    added = await tx.dnc.add(number, source, channel, reason, proof, who, at, attempt_id, scope)
    party_id = await tx.parties.find(number)
    cancelled = 0
    # A request told again after its entry was revoked lists nobody: then the attempts planned since stand.
    if party_id is not None and (added.created or await tx.dnc.entry(number, scope) is not None):
        why = f"do-not-call entry {added.entry.id}"
        cancelled = await tx.attempts.cancel_pending(party_id, why, at, seller=scope.seller, topic=scope.topic)
    if added.created or cancelled:
        await tx.audit.append(
            AuditTag.DNC_ADDED if added.created else AuditTag.ATTEMPTS_CANCELLED,
            at,
            {
                "entry": added.entry.id,
                "number_hash": added.entry.lookup_hash.hex(),
                "source": without_numbers(source),
                "channel": without_numbers(channel),
                "by": without_numbers(who),
                "attempt": attempt_id,
                "cancelled": cancelled,
                **_scope(scope),
            },
        )
    return OptOutDone(added.entry, added.created, cancelled)


async def take_off(
    tx: Transaction, number: Number, *, reason: str, who: str, at: datetime, scope: Scope = EVERYTHING
) -> DncEntry:
    """Take the number off the list, with its audit entry in the same transaction.

    Raises NotListed. BadInput: no reason, or too long.
    """
    entry = await tx.dnc.revoke(number, reason, who, at, scope)
    await tx.audit.append(
        AuditTag.DNC_REVOKED,
        at,
        {
            "entry": entry.id,
            "revokes": entry.revokes,
            "number_hash": entry.lookup_hash.hex(),
            "by": without_numbers(who),
            **_scope(scope),
        },
    )
    return entry


def _scope(scope: Scope) -> dict[str, str]:
    """For the audit log: its limits, where it has any."""
    limits = {"seller": scope.seller, "topic": scope.topic}
    return {name: without_numbers(text) for name, text in limits.items() if text is not None}
