"""Which agents' phones can be reached: AMI's list of registrations, asked at most once a second for all calls.

A phone that is not on it may have a contact that stands in the PBX's configuration: then ARI says how its endpoint is.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable

from ari_app.ami import AmiError, Registration
from ari_app.ari.errors import AriError
from ari_app.call import Placement
from ari_app.order import Order

log = logging.getLogger(__name__)

FRESH_S = 1.0
OFFLINE = "offline"
REACHABLE = frozenset({"Reachable", "NonQualified", "Unknown", "Created"})
"""Of a contact (res_pjsip's contact statuses); a phone that is not asked whether it is there has no better one."""


class Phones:
    """One a conductor. What the PBX can't say is not known, and then nobody is away.

    `state`: of an agent's endpoint, as ARI gives it.
    """

    def __init__(
        self, registered: Callable[[], Awaitable[Iterable[Registration]]], state: Callable[[str], Awaitable[str]]
    ) -> None:
        self._registered = registered
        self._state = state
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
            if self._there is None or agent in self._there:
                return False
        try:
            return await self._state(agent) == OFFLINE
        except AriError as error:
            log.warning("whether the phone of %s can be reached is not known: %s", agent, error)
            return False

    async def _look(self) -> frozenset[str] | None:
        try:
            found = await self._registered()
        except AmiError as error:
            log.warning("which phones are registered is not known: %s", error)
            return None
        return frozenset(phone.aor for phone in found if phone.status in REACHABLE)
