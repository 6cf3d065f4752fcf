"""Switches: somebody stops calling, everything, into a region, or in one campaign, for a while or until further notice.

A name that is a region code ("US-LA", "GB") stops calls that may go there; any other name stops all. The last word on
a name holds.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row, func, insert, select

from compliance.errors import BadInput
from compliance.facts import Switch
from storage.audit import AuditTag, without_numbers
from storage.instant import from_us, to_us
from storage.schema import switches
from storage.unit import Transaction

LONGEST_REASON = 256
_REGION = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?", re.ASCII | re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,62}", re.ASCII)
_last = select(func.max(switches.c.position)).group_by(switches.c.name, switches.c.campaign)
_STANDING = select(switches).where(switches.c.position.in_(_last)).order_by(switches.c.position)
_ALL = select(switches).order_by(switches.c.position)
_VERSION = select(func.coalesce(func.max(switches.c.position), -1))
_ADD = insert(switches)


def is_region(name: str) -> bool:
    """Whether the gate takes the name for a region's."""
    return _REGION.fullmatch(name) is not None


@dataclass(frozen=True)
class SwitchAct:
    """One word on a switch. `campaign`: it stops that one alone; None: every one."""

    name: str
    campaign: str | None
    act: Literal["on", "off"]
    start: datetime | None
    end: datetime | None
    reason: str
    at: datetime
    by: str

    def over(self, at: datetime) -> bool:
        """It stops nothing at `at` nor later."""
        return self.act == "off" or (self.end is not None and self.end <= at)


def _act(row: Row[Any]) -> SwitchAct:
    return SwitchAct(
        row.name,
        row.campaign or None,
        row.act,
        None if row.start_us is None else from_us(row.start_us),
        None if row.end_us is None else from_us(row.end_us),
        row.reason,
        from_us(row.at_us),
        row.by,
    )


class Switches:
    """The switches of the ledger."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def write(self, act: SwitchAct) -> SwitchAct:
        """Put a word on a switch on file, with its audit entry; it holds from the commit on.

        Raises BadInput: a name, reason or span that can be none; NoSuchCampaign.
        """
        if not _NAME.fullmatch(act.name):
            raise BadInput("switch name: a letter, then up to 62 of letters, digits . _ -, or a region such as US-LA")
        if not 1 <= len(act.reason) <= LONGEST_REASON or not act.reason.isprintable():
            raise BadInput(f"reason: 1 to {LONGEST_REASON} printable characters")
        if act.start is not None and act.end is not None and act.end <= act.start:
            raise BadInput("switch: it must end after it starts")
        if act.campaign is not None:
            if is_region(act.name):
                raise BadInput(f"switch {act.name}: a region's switch stops every campaign; leave the campaign out")
            await self._tx.campaigns.get(act.campaign)
        row = {
            "position": await self.version() + 1,
            "name": act.name,
            "campaign": act.campaign or "",
            "act": act.act,
            "start_us": None if act.start is None else to_us(act.start),
            "end_us": None if act.end is None else to_us(act.end),
            "reason": act.reason,
            "at_us": to_us(act.at),
            "by": act.by,
        }
        await self._tx.run(_ADD, row)
        tag = AuditTag.SWITCH_ON if act.act == "on" else AuditTag.SWITCH_OFF
        data = {"name": act.name, "campaign": act.campaign, "by": without_numbers(act.by)}
        await self._tx.audit.append(tag, act.at, {**data, "reason": without_numbers(act.reason)})
        return act

    async def standing(self) -> tuple[SwitchAct, ...]:
        """The last word on every switch, oldest first."""
        return tuple(_act(row) for row in await self._tx.all(_STANDING))

    async def history(self) -> tuple[SwitchAct, ...]:
        """Every word on every switch, in order."""
        return tuple(_act(row) for row in await self._tx.all(_ALL))

    async def version(self) -> int:
        """Another number after every word; -1: there was none."""
        return int(await self._tx.scalar(_VERSION))


def stopping(acts: Iterable[SwitchAct], campaign: str, at: datetime) -> dict[str, Switch]:
    """What may stop a call of the campaign at `at` or later, for the gate."""
    return {
        act.name if act.campaign is None else f"{act.campaign}: {act.name}": Switch(True, act.start, act.end)
        for act in acts
        if act.campaign in (None, campaign) and not act.over(at)
    }
