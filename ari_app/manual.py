"""Calls dialled on an agent's phone: the same gate, the same flow; anything else a phone asks for is turned away."""

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ari_app.ari.errors import AriError
from ari_app.call.events import Leg
from ari_app.errors import ConductorDown, NoSuchAgent
from ari_app.order import Order, plan_of
from compliance.errors import HeedlineError
from compliance.number import Number, parse_number

if TYPE_CHECKING:
    from ari_app.conductor import Conductor

log = logging.getLogger(__name__)

PHONE = "phone:"
"""How the name begins of who planned such an attempt: nobody but that phone's holder waits for it."""


async def taken(conductor: "Conductor", channel: str, name: str, args: tuple[str, ...]) -> None:
    """A phone's channel has come with these arguments of Stasis()."""
    if conductor.board.leg(channel) is not None:
        return
    agent = name.removeprefix("PJSIP/").rpartition("-")[0]
    try:
        if args[0] != "manual" or len(args) != 2:
            raise ConductorDown(f"a phone asked for {args[0]!r} outside a call: nothing there")
        if agent not in conductor.setup.agents:
            raise NoSuchAgent("a phone that is no agent's tried to dial")
        if not conductor.setup.manual_campaign:
            raise ConductorDown("calls from the phone are off: call.manual_campaign is not set")
        number = parse_number(args[1], conductor.setup.default_region)
        with conductor.reservation(agent):
            await conductor.client.channels.answer(channelId=channel)
            await _place(conductor, channel, name, agent, number)
    except HeedlineError as error:
        log.warning("a call from a phone was turned away: %s", error)
        await _turn_away(conductor, channel)
    except Exception:
        log.exception("a call from a phone failed")  # nobody waits for this task, and the phone would hear nothing
        await _turn_away(conductor, channel)


async def _place(conductor: "Conductor", channel: str, name: str, agent: str, number: Number) -> None:
    now, campaign = datetime.now(UTC), conductor.setup.manual_campaign
    attempt, party, settings = await conductor.plan(number, campaign, agent, f"{PHONE}{agent}", now)
    plan = plan_of(settings, conductor.setup.agent_ring_seconds, agent_called_us=True)
    live = conductor.equip(Order(attempt, party, number, settings, agent, plan, agent_channel=channel))
    live.tools.line.in_stasis(Leg.AGENT, name)
    there = await _still_there(conductor, channel)
    live.begin()
    if not there:
        live.tools.line.gone(Leg.AGENT)


async def _still_there(conductor: "Conductor", channel: str) -> bool:
    """Of a channel that is on the switchboard by now.

    Gone before, nobody was told; gone from here on, the call is. What can't be asked counts as gone: or somebody
    would be called for an agent who has hung up.
    """
    try:
        await conductor.client.channels.get(channelId=channel)
    except AriError as error:
        log.info("a call from a phone is not placed: %s", error)
        return False
    return True


async def _turn_away(conductor: "Conductor", channel: str) -> None:
    """403 to a phone whose call was not taken."""
    try:
        await conductor.client.channels.hangup(channelId=channel, reason_code="21")
    except AriError as error:
        log.debug("turned-away channel: %s", error)
