"""Whether an agent's phone can be reached, before anybody is called who would find nobody there."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace

import pytest

from ari_app.ari.errors import AriUnavailable
from ari_app.ari.models import JsonObject
from ari_app.order import Order, plan_of
from ari_app.phones import FRESH_S, Phones
from compliance.number import Number
from storage.ledger.campaigns import Campaign, Placement

CAMPAIGN = Campaign(name="spring", seller="Acme", purpose="survey", caller_id="+12125550100")


@dataclass
class Pbx:
    """What ARI says of its endpoints; `asked` counts."""

    states: dict[str, str]
    down: bool = False
    asked: int = 0

    async def endpoints(self) -> Iterable[JsonObject]:
        self.asked += 1
        if self.down:
            raise AriUnavailable("ARI: no connection")
        return [{"technology": "PJSIP", "resource": name, "state": state} for name, state in self.states.items()]

    def phones(self) -> Phones:
        return Phones({"alice": "PJSIP/alice", "bob": "PJSIP/bob"}, self.endpoints)


@pytest.mark.parametrize(
    ("pbx", "away"),
    [
        (Pbx({"alice": "online", "bob": "offline"}), False),
        (Pbx({"alice": "offline", "bob": "online"}), True),
        (Pbx({"alice": "unknown"}), False),
        (Pbx({}), False),
        (Pbx({"alice": "offline"}, down=True), False),  # not known is not away
    ],
)
async def test_a_phone_is_away_only_when_that_is_known(pbx: Pbx, away: bool) -> None:
    assert await pbx.phones().away("alice") is away


async def test_many_calls_ask_the_pbx_once() -> None:
    pbx = Pbx({"alice": "online"})
    phones = pbx.phones()
    await asyncio.gather(*(phones.away(agent) for agent in ("alice", "bob") * 25))
    assert pbx.asked == 1
    pbx.states["alice"] = "offline"
    assert not await phones.away("alice"), "as of this second"
    phones._asked_at -= FRESH_S
    assert await phones.away("alice")
    assert pbx.asked == 2


async def test_an_agent_who_is_back_is_there_at_once() -> None:
    pbx = Pbx({"alice": "offline"})
    phones = pbx.phones()
    assert await phones.away("alice")
    pbx.states["alice"] = "online"
    assert not await phones.away("alice")


@pytest.mark.parametrize(
    ("placement", "agent_called_us", "trouble"),
    [("before_agent", False, True), ("in_bridge", False, False), ("before_agent", True, False)],
)
async def test_only_who_is_called_after_the_callee_must_be_there_before(
    placement: Placement, agent_called_us: bool, trouble: bool
) -> None:
    campaign = replace(CAMPAIGN, placement=placement)
    order = Order("A", "P", Number("+12125550123"), campaign, "alice", plan_of(campaign, 20, agent_called_us))
    found = await Pbx({"alice": "offline"}).phones().trouble(order)
    assert bool(found) is trouble
    assert "alice" in found or not trouble
