"""How a call that is not answered looks to us on a real PBX: one row an outcome, as the conductor has to read it."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator

import pytest

from ari_app.ari.errors import AriError
from ari_app.ari.events import ChannelStateChange
from heedline.demo.baresip import PhoneFailed
from heedline.demo.carrier import Carrier, Refusal
from tests.pbx.conftest import World
from tests.pbx.line import Line, open_line

pytestmark = pytest.mark.pbx


@pytest.fixture
async def line(world: World) -> AsyncIterator[Line]:
    async with open_line(world.instance) as opened:
        yield opened


@pytest.fixture
async def carrier(world: World) -> AsyncIterator[Carrier]:
    account = world.phone("plain").account
    async with Carrier("plain", account.password, f"{account.host}:{account.port}") as registered:
        yield registered


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (Refusal.BUSY, 17),
        (Refusal.DECLINED, 21),
        (Refusal.NO_SUCH_NUMBER, 1),
        (Refusal.FULL, 34),
        (Refusal.BROKEN, 38),
        (Refusal.UNAVAILABLE, 19),
        (Refusal.MOVED, 23),  # and nobody else is called instead
    ],
)
async def test_a_refusal_arrives_as_its_cause(line: Line, carrier: Carrier, answer: Refusal, cause: int) -> None:
    carrier.answer = answer
    await line.call("c", "plain")
    assert (await line.destroyed("c")).cause == cause
    assert len(carrier.invites) == 1
    assert not _rang(line)


async def test_no_answer_ends_by_itself_and_the_line_is_told(line: Line, carrier: Carrier) -> None:
    carrier.answer = Refusal.RINGS
    await line.call("c", "plain", timeout=1)
    assert (await line.destroyed("c")).cause == 19
    assert _rang(line)
    async with asyncio.timeout(5):
        while carrier.cancelled != carrier.invites:
            await asyncio.sleep(0.01)
    assert len(carrier.invites) == 1


async def test_we_give_up_while_it_rings(line: Line, carrier: Carrier) -> None:
    carrier.answer = Refusal.RINGS
    await line.call("c", "plain")
    await line.wait(ChannelStateChange, lambda event: event.channel.state == "Ringing")
    await line.hang_up("c")
    assert (await line.destroyed("c")).cause == 16


async def test_a_dead_line_ends_by_itself_and_never_rang(line: Line, carrier: Carrier) -> None:
    carrier.answer = Refusal.SILENT
    await line.call("c", "plain", timeout=2)
    assert (await line.destroyed("c")).cause == 19
    assert not _rang(line)
    assert len(carrier.invites) == 1


async def test_a_phone_that_is_not_there_is_refused_at_once(line: Line) -> None:
    with pytest.raises(AriError):
        await line.client.channels.create(endpoint="PJSIP/nobody", app="line-test", channelId="n")
    assert not await line.client.channels.list()


async def test_wrong_password_is_refused(world: World) -> None:
    account = dataclasses.replace(world.phone("plain").account, password="not-it-0123456789")
    with pytest.raises(PhoneFailed, match="refused"):
        async with Carrier("plain", account.password, f"{account.host}:{account.port}"):
            pass


def _rang(line: Line) -> bool:
    changes = (item for item in line.seen if isinstance(item, ChannelStateChange))
    return any(change.channel.state == "Ringing" for change in changes)
