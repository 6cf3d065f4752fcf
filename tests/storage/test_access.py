"""Who may do what: deny by default, and every answer leaves a trace."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.errors import BadInput
from storage.audit import AuditTag
from storage.database import Database
from storage.errors import AccessDenied, AlreadyThere, BadAuditData, NoSuchPrincipal
from storage.governance.access import ALLOWED, Action, Role, decide
from storage.governance.authorise import authorise

EXPECTED = {
    Role.AGENT: set(),
    Role.SUPERVISOR: {Action.LIST_RECORDINGS, Action.PLAY_RECORDING},
    Role.COMPLIANCE_OFFICER: {
        Action.LIST_RECORDINGS,
        Action.PLAY_RECORDING,
        Action.EXPORT_RECORDING,
        Action.EXPORT_DNC,
        Action.LOOSEN_RULES,
    },
    Role.ADMIN: {Action.LIST_RECORDINGS, Action.GRANT_ROLE},
}


@given(st.sets(st.sampled_from(Role)), st.sampled_from(Action))
def test_the_table_says_who_may_and_nobody_else_does(roles: set[Role], action: Action) -> None:
    decision = decide(roles, action)
    assert decision.allowed == any(action in EXPECTED[role] for role in roles)
    assert (decision.by is not None) == decision.allowed
    if decision.by is not None:
        assert decision.by in roles


def test_every_action_is_in_the_table_and_no_role_is_denied() -> None:
    assert set(ALLOWED) == set(Action)
    assert not any(decide((), action).allowed for action in Action)


@pytest.mark.parametrize("text", ["", "root", "Admin", "admin "])
def test_a_role_that_is_none(text: str) -> None:
    with pytest.raises(BadInput, match="compliance_officer"):
        Role.parse(text)


async def test_roles_are_granted_and_taken_back_and_each_act_is_audited(db: Database, now: datetime) -> None:
    async with db.begin() as tx:
        await tx.principals.add("ann", "cli:root", now)
        assert await tx.principals.grant("ann", Role.SUPERVISOR, "cli:root", now)
        assert not await tx.principals.grant("ann", Role.SUPERVISOR, "cli:root", now)
        assert not await tx.principals.revoke("ann", Role.ADMIN, "cli:root", now)
        assert await tx.principals.roles("ann") == {Role.SUPERVISOR}
        assert await tx.principals.revoke("ann", Role.SUPERVISOR, "cli:root", now)
        assert await tx.principals.roles("ann") == frozenset()
        assert await tx.principals.grant("ann", Role.SUPERVISOR, "cli:root", now)
        assert [principal.roles for principal in await tx.principals.list()] == [{Role.SUPERVISOR}]
        tags = [entry.tag.split(":", 1)[1] async for entry in tx.audit.entries()]
    assert tags == ["principal:add", "role:grant", "role:revoke", "role:grant"]
    with pytest.raises(AlreadyThere):
        async with db.begin() as tx:
            await tx.principals.add("ann", "x", now)
    with pytest.raises(NoSuchPrincipal):
        async with db.begin() as tx:
            await tx.principals.grant("eve", Role.ADMIN, "x", now)
    with pytest.raises(BadInput, match="principal name"):
        async with db.begin() as tx:
            await tx.principals.add("Ann Smith", "x", now)


async def _ask(db: Database, now: datetime, who: str, reason: str = "regulator asked") -> Role:
    return await authorise(db, who, Action.EXPORT_DNC, tag=AuditTag.DNC_EXPORTED, reason=reason, at=now)


async def test_both_answers_are_in_the_log_before_the_asker_hears_them(db: Database, now: datetime) -> None:
    async with db.begin() as tx:
        for name, role in (("ann", Role.COMPLIANCE_OFFICER), ("bob", Role.ADMIN)):
            await tx.principals.add(name, "x", now)
            await tx.principals.grant(name, role, "x", now)
    assert await _ask(db, now, "ann") is Role.COMPLIANCE_OFFICER
    with pytest.raises(AccessDenied, match="bob: to export the do-not-call list takes compliance_officer"):
        await _ask(db, now, "bob")
    with pytest.raises(NoSuchPrincipal):
        await _ask(db, now, "eve")
    with pytest.raises(BadAuditData, match="phone number"):
        await _ask(db, now, "ann", "for +1 212 555 0123")
    async with db.read() as tx:
        tags = [entry.tag async for entry in tx.audit.entries()]
    assert tags[-2:] == ["ledger:dnc:export", "custodian:access:deny"]
