"""Ask the access table and leave a trace of the answer, committed before anything is handed out."""

from collections.abc import Mapping
from datetime import datetime

from storage.audit import AuditTag, AuditValue
from storage.database import Database
from storage.errors import AccessDenied
from storage.governance.access import Action, Role, decide


async def authorise(
    db: Database,
    principal: str,
    action: Action,
    *,
    tag: AuditTag,
    reason: str,
    at: datetime,
    data: Mapping[str, AuditValue] | None = None,
) -> Role:
    """The role that allows `principal` the action; its audit entry (`tag`, with `data`) is durable on return.

    Raises AccessDenied, and that is in the audit log too; NoSuchPrincipal; BadAuditData: the reason is too
    long or holds a number.
    """
    facts: dict[str, AuditValue] = {"by": principal, "action": action.value, "reason": reason, **(data or {})}
    async with db.begin() as tx:
        known = await tx.principals.get(principal)
        decision = decide(known.roles, action)
        if decision.by is not None:
            await tx.audit.append(tag, at, {**facts, "role": decision.by.value})
            return decision.by
        await tx.audit.append(AuditTag.ACCESS_DENIED, at, facts)
    raise AccessDenied(f"{principal}: {decision.reason}; `heedline principal grant` gives roles")
