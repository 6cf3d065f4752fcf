"""Whether an agent's phone can be reached, before anybody is called who would find nobody there."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import pytest

from ari_app.ami import AmiDown, Registration
from ari_app.ari.errors import AriUnavailable
from ari_app.order import Order, plan_of
from ari_app.phones import FRESH_S, Phones
from compliance.number import Number
from storage.ledger.campaigns import Campaign, Placement

CAMPAIGN = Campaign(name="spring", seller="Acme", purpose="survey", caller_id="+12125550100")


@dataclass
class Pbx:
    """What AMI and ARI say; `asked` counts."""

    contacts: tuple[Registration, ...] = ()
    states: dict[str, str] = field(default_factory=dict)
    ami_down: bool = False
    ari_down: bool = False
    asked: int = 0

    async def registered(self) -> Iterable[Registration]:
        self.asked += 1
        if self.ami_down:
            raise AmiDown("AMI: no connection")
        return self.contacts

    async def state(self, agent: str) -> str:
        if self.ari_down:
            raise AriUnavailable("ARI: no connection")
        return self.states.get(agent, "offline")

    def phones(self) -> Phones:
        return Phones(self.registered, self.state)


def contact(agent: str, status: str = "Reachable") -> Registration:
    return Registration(endpoint=agent, aor=agent, status=status, uri=f"sip:{agent}@192.0.2.1")


@pytest.mark.parametrize(
    ("pbx", "away"),
    [
        (Pbx((contact("alice"),)), False),
        (Pbx((contact("alice", "NonQualified"),)), False),
        (Pbx((contact("alice", "Unreachable"),)), True),
        (Pbx((contact("bob"),)), True),
        (Pbx(states={"alice": "online"}), False),  # a contact that stands in the configuration
        (Pbx(states={"alice": "unknown"}), False),
        (Pbx(ari_down=True), False),
        (Pbx(ami_down=True), False),  # not known is not away
    ],
)
async def test_a_phone_is_away_only_when_that_is_known(pbx: Pbx, away: bool) -> None:
    assert await pbx.phones().away("alice") is away


async def test_many_calls_ask_the_pbx_once(monkeypatch: pytest.MonkeyPatch) -> None:
    pbx = Pbx((contact("alice"),))
    phones = pbx.phones()
    await asyncio.gather(*(phones.away("alice") for _ in range(50)))
    assert pbx.asked == 1
    phones._asked_at -= FRESH_S
    assert not await phones.away("alice")
    assert pbx.asked == 2


@pytest.mark.parametrize(
    ("placement", "agent_called_us", "trouble"),
    [("before_agent", False, True), ("in_bridge", False, False), ("before_agent", True, False)],
)
async def test_only_who_is_called_after_the_callee_must_be_there_before(
    placement: Placement, agent_called_us: bool, trouble: bool
) -> None:
    campaign = replace(CAMPAIGN, placement=placement)
    order = Order("A", "P", Number("+12125550123"), campaign, "alice", plan_of(campaign, 20, agent_called_us))
    found = await Pbx().phones().trouble(order)
    assert bool(found) is trouble
    assert "alice" in found or not trouble
