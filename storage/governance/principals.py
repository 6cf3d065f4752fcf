"""Principals: people and services that act, and the roles they hold. Grants are append-only acts."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, insert, select

from compliance.errors import BadInput
from storage.audit import AuditTag
from storage.errors import AlreadyThere, NoSuchPrincipal
from storage.governance.access import Role
from storage.ids import new_id
from storage.instant import from_us, to_us
from storage.schema import principals, role_grants
from storage.unit import Transaction

_NAME = re.compile(r"[a-z][a-z0-9._-]{0,62}")


@dataclass(frozen=True)
class Principal:
    """A principal and the roles held now."""

    name: str
    created_at: datetime
    roles: frozenset[Role]


class Principals:
    """The principals of the ledger."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def add(self, name: str, by: str, at: datetime) -> Principal:
        """Add a principal without roles, with its audit entry. Raises AlreadyThere, BadInput."""
        if not _NAME.fullmatch(name):
            raise BadInput("principal name: a letter, then up to 62 of a-z 0-9 . _ -")
        if await self._row(name) is not None:
            raise AlreadyThere(f"principal {name}: exists already")
        await self._tx.run(insert(principals).values(name=name, created_us=to_us(at)))
        await self._tx.audit.append(AuditTag.PRINCIPAL_ADDED, at, {"principal": name, "by": by})
        return Principal(name, at, frozenset())

    async def get(self, name: str) -> Principal:
        """Raises NoSuchPrincipal."""
        row = await self._known(name)
        return Principal(row.name, from_us(row.created_us), await self.roles(name))

    async def list(self) -> tuple[Principal, ...]:
        """Every principal, by name."""
        rows = await self._tx.all(select(principals).order_by(principals.c.name))
        return tuple([Principal(row.name, from_us(row.created_us), await self.roles(row.name)) for row in rows])

    async def roles(self, name: str) -> frozenset[Role]:
        """The roles held now; none for an unknown name."""
        return frozenset(role for role, acts in (await self._acts(name)).items() if acts % 2)

    async def grant(self, name: str, role: Role, by: str, at: datetime) -> bool:
        """Give the role, with its audit entry; False when it is held already. Raises NoSuchPrincipal."""
        return await self._act(name, role, "grant", by, at)

    async def revoke(self, name: str, role: Role, by: str, at: datetime) -> bool:
        """Take the role back, with its audit entry; False when it is not held. Raises NoSuchPrincipal."""
        return await self._act(name, role, "revoke", by, at)

    async def _act(self, name: str, role: Role, act: str, by: str, at: datetime) -> bool:
        await self._known(name)
        generation = (await self._acts(name)).get(role, 0)
        if (generation % 2 == 0) != (act == "grant"):
            return False
        await self._tx.run(
            insert(role_grants).values(
                id=new_id(at),
                principal=name,
                role=role.value,
                generation=generation,
                act=act,
                by=by,
                at_us=to_us(at),
            )
        )
        tag = AuditTag.ROLE_GRANTED if act == "grant" else AuditTag.ROLE_REVOKED
        await self._tx.audit.append(tag, at, {"principal": name, "role": role.value, "by": by})
        return True

    async def _acts(self, name: str) -> dict[Role, int]:
        """How many acts each role has seen: an odd count means held."""
        counted = select(role_grants.c.role, func.count().label("acts"))
        rows = await self._tx.all(counted.where(role_grants.c.principal == name).group_by(role_grants.c.role))
        return {Role(row.role): int(row.acts) for row in rows}

    async def _row(self, name: str) -> Row[Any] | None:
        return await self._tx.first(select(principals).where(principals.c.name == name))

    async def _known(self, name: str) -> Row[Any]:
        row = await self._row(name)
        if row is None:
            raise NoSuchPrincipal(f"principal {name[:40]!r}: there is none; see `heedline principal list`")
        return row
