"""After a lost link or a restart: Asterisk's truth against ours.

Asterisk keeps nothing of what we missed. So we list its channels and bridges, tell each live call how its legs
stand (`LinkRestored`), and hang up and destroy what belongs to no live call: an ended attempt's channel, say, that
was created in the second the link broke.
"""

import asyncio
import logging
from collections.abc import Awaitable
from dataclasses import dataclass

from ari_app.ari import AriClient
from ari_app.ari.errors import AriError, NotFound
from ari_app.call.events import Leg, LinkRestored, Presence
from ari_app.line import APP, bridge_id
from ari_app.live import LiveCall
from ari_app.switchboard import OUR_BRIDGE, OURS, Switchboard

log = logging.getLogger(__name__)

_LOOKS, _LOOK_S = 20, 0.05  # their ChannelDestroyed waits behind us in the queue of events


@dataclass(frozen=True)
class Truth:
    """How things stand at the PBX: channel id → (name, state), bridge id → channels in it, and what is in our app."""

    channels: dict[str, tuple[str, str]]
    bridges: dict[str, frozenset[str]]
    in_app: frozenset[str]


async def look(client: AriClient) -> Truth:
    """Raises AriError: the PBX can't be asked."""
    channels = await client.channels.list()
    bridges = await client.bridges.list()
    try:
        app = await client.applications.get(applicationName=APP)
        held = app.get("channel_ids")
        in_app = frozenset(str(channel) for channel in held) if isinstance(held, list) else frozenset()
    except NotFound:
        in_app = frozenset()
    return Truth(
        {channel.id: (channel.name, channel.state) for channel in channels},
        {bridge.id: frozenset(bridge.channels) for bridge in bridges},
        in_app,
    )


def presence(truth: Truth, channel: str) -> Presence:
    if channel not in truth.channels:
        return Presence.ABSENT
    match truth.channels[channel][1]:
        case "Up":
            return Presence.UP
        case "Down" | "Rsrvd":
            return Presence.CREATED
        case _:
            return Presence.RINGING


async def tell(call: LiveCall, truth: Truth) -> LinkRestored:
    """Bring the call's line up to date; what the call is to be told."""
    line = call.tools.line
    bridge = bridge_id(call.id)
    names = {leg: truth.channels[channel][0] for leg, channel in line.channels.items() if channel in truth.channels}
    joined = {leg for leg, channel in line.channels.items() if channel in truth.bridges.get(bridge, frozenset())}
    await line.seen_again(names, joined, bridge in truth.bridges)
    call.tools.tape.listen_on(line.names.get(Leg.CALLEE, ""))
    return LinkRestored(
        callee=presence(truth, line.channels[Leg.CALLEE]),
        agent=presence(truth, line.channels[Leg.AGENT]),
        recording=call.tools.tape.recording is not None,
    )


async def sweep(client: AriClient, truth: Truth, board: Switchboard) -> int:
    """Hang up and destroy what belongs to no live call. Returns how many things were swept."""
    swept, hung_up = 0, set()
    for channel in truth.channels:
        known = board.leg(channel) is not None
        if not known and (OURS.fullmatch(channel) or channel in truth.in_app):
            swept += await _gone(client.channels.hangup(channelId=channel))
            hung_up.add(channel)
    await _until_gone(client, hung_up)
    for bridge in truth.bridges:
        ours = OUR_BRIDGE.fullmatch(bridge)
        if ours and ours[1] not in board.calls:
            swept += await _gone(client.bridges.destroy(bridgeId=bridge))
    if swept:
        log.warning("swept %d channels and bridges that belonged to no live call", swept)
    return swept


async def _until_gone(client: AriClient, channels: set[str]) -> None:
    """An attempt that was not dialled yet is taken up anew under the same ids: they must be free by then.

    Raises AriError: the PBX can't be asked.
    """
    for _ in range(_LOOKS):
        if not channels or channels.isdisjoint({channel.id for channel in await client.channels.list()}):
            return
        await asyncio.sleep(_LOOK_S)
    log.warning("%d channels do not go away", len(channels))


async def _gone(work: Awaitable[object]) -> int:
    try:
        await work
    except AriError as error:
        log.debug("sweep: %s", error)
        return 0
    return 1
