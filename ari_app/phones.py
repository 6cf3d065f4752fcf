"""Which agents' phones can be reached: asked of the PBX once a second for all calls, and again before any is denied."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping

from ari_app.ari.errors import AriError
from ari_app.ari.models import JsonObject
from ari_app.call import Placement
from ari_app.order import Order

log = logging.getLogger(__name__)

FRESH_S = 1.0
OFFLINE = "offline"
"""Of an endpoint in ARI: it has no contact, or none that answers. A contact nobody asks counts as one that does."""


class Phones:
    """One a conductor. What the PBX does not say is not known, and then nobody is away.

    `agents`: agent's name → endpoint ("PJSIP/alice"). `ask`: all endpoints, as ARI lists them.
    """

    def __init__(self, agents: Mapping[str, str], ask: Callable[[], Awaitable[Iterable[JsonObject]]]) -> None:
        self._agents = agents
        self._ask = ask
        self._turn = asyncio.Lock()
        self._asked_at = float("-inf")
        self._offline: frozenset[str] = frozenset()

    async def trouble(self, order: Order) -> str:
        """Why the agent can't be there for the callee, as far as it is known before anybody is dialled."""
        if order.plan.agent_called_us or order.plan.placement is Placement.IN_BRIDGE:
            return ""  # on the line before the callee is dialled
        if await self.away(order.agent):
            return f"heedline.agent: the phone of {order.agent} is not registered; the callee would find nobody"
        return ""

    async def away(self, agent: str) -> bool:
        """The agent's phone is known not to be registered, or not to answer. Only what is known now is a no."""
        endpoint = self._agents.get(agent)
        async with self._turn:
            now = asyncio.get_running_loop().time()
            if now - self._asked_at >= FRESH_S or endpoint in self._offline:
                self._offline, self._asked_at = await self._look(), now
            return endpoint in self._offline

    async def _look(self) -> frozenset[str]:
        try:
            found = await self._ask()
        except AriError as error:
            log.warning("which phones can be reached is not known: %s", error)
            return frozenset()
        return frozenset(
            f"{one.get('technology')}/{one.get('resource')}" for one in found if one.get("state") == OFFLINE
        )
