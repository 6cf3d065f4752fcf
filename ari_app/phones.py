"""Which agents' phones are registered with the PBX, asked at most once a second however many calls ask."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable

from ari_app.ami import AmiError, Registration
from ari_app.call import Placement
from ari_app.order import Order

log = logging.getLogger(__name__)

FRESH_S = 1.0
REACHABLE = frozenset({"Reachable", "NonQualified", "Unknown", "Created"})
"""Of a contact (res_pjsip's contact statuses); a phone that is not asked whether it is there has no better one."""


class Phones:
    """One a conductor. What AMI can't say is not known, and then nobody is away."""

    def __init__(self, ask: Callable[[], Awaitable[Iterable[Registration]]]) -> None:
        self._ask = ask
        self._turn = asyncio.Lock()
        self._asked_at = float("-inf")
        self._there: frozenset[str] | None = None

    async def trouble(self, order: Order) -> str:
        """Why the agent can't be there for the callee, as far as it is known before anybody is dialled."""
        if order.plan.agent_called_us or order.plan.placement is Placement.IN_BRIDGE:
            return ""  # on the line before the callee is dialled
        if await self.away(order.agent):
            return f"heedline.agent: the phone of {order.agent} is not registered; the callee would find nobody"
        return ""

    async def away(self, agent: str) -> bool:
        """The agent's phone is known not to be registered, or not to answer."""
        async with self._turn:
            now = asyncio.get_running_loop().time()
            if now - self._asked_at >= FRESH_S:
                self._there, self._asked_at = await self._look(), now
            return self._there is not None and agent not in self._there

    async def _look(self) -> frozenset[str] | None:
        try:
            found = await self._ask()
        except AmiError as error:
            log.warning("which phones are registered is not known: %s", error)
            return None
        return frozenset(phone.aor for phone in found if phone.status in REACHABLE)
