"""What a registered phone can reach: Stasis(heedline,…) with the arguments we mean, and nothing else."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import encode_basic_auth

from heedline.pbx import ARI_USER, STASIS_APP, Instance
from heedline.secrets import read_password
from heedline.settings import Phone
from tests.pbx.sip import SipLine, offer
from tests.pbx.switch import free_port, new_instance, settings_for

pytestmark = pytest.mark.pbx

PHONES = (Phone(name="alice"), Phone(name="callee", role="far_end", transport="udp"))
NOWHERE = (
    "1", "12", "+1", "+0155501001", "+155501", "1234567890123456", "+1234567890123456", "0000000000000000",
    "s", "h", "i", "t", "o", "a", "e", "T", "alice", "callee", "heedline", "manual",
    "100,evil", "100%2Cevil", "+15550100123,x", "+15550100123&100", "100x", "x100", "_X.", "100%0d%0a",
    "*", "**", "*a", "*1234", "*9,x", "#9", "9*", "%2B15550100123%2Cx", "$%7BSHELL(id)%7D",
)  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pbx(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Instance]:
    instance = await new_instance(tmp_path_factory.mktemp("contexts"), settings_for(phones=PHONES))
    await instance.up()
    yield instance
    await instance.down()


def dial(pbx: Instance, user: str, number: str) -> int:
    """Place a call as that phone; the final status."""
    wanted = pbx.settings.pbx
    tls = user == "alice"
    line = SipLine(wanted.sip_tls_port, pbx.home.tls / "ca.pem") if tls else SipLine(wanted.sip_udp_port)
    try:
        password = read_password(pbx.home, f"phone-{user}.password")
        body = offer(free_port(), encrypted=tls)
        return line.ask("INVITE", f"sip:{number}@127.0.0.1", user, password, body=body).status
    finally:
        line.close()


@pytest.mark.parametrize("user", ["alice", "callee"])
async def test_whatever_else_a_phone_dials_is_404(pbx: Instance, user: str) -> None:
    for number in NOWHERE:
        status = await asyncio.to_thread(dial, pbx, user, number)
        assert status in (404, 416), (number, status)


async def test_feature_codes_are_for_agents_only(pbx: Instance) -> None:
    assert await asyncio.to_thread(dial, pbx, "callee", "*9") == 404


@pytest.mark.parametrize(
    ("user", "number", "arguments"),
    [
        ("alice", "+15550100123", ["manual", "+15550100123"]),
        ("alice", "15550100123", ["manual", "15550100123"]),
        ("alice", "100", ["manual", "100"]),
        ("alice", "*9", ["feature", "*9"]),
        ("callee", "+15550100123", ["inbound", "+15550100123"]),
    ],
)
async def test_a_call_arrives_in_heedline_with_its_arguments(
    pbx: Instance, user: str, number: str, arguments: list[str]
) -> None:
    headers = {"Authorization": encode_basic_auth(ARI_USER, pbx.ari_password)}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.ws_connect(f"{pbx.ari_url}/events?app={STASIS_APP}") as events,
    ):
        calling = asyncio.create_task(asyncio.to_thread(dial, pbx, user, number))
        start = await expect(events, "StasisStart")
        assert start["args"] == arguments
        channel = start["channel"]
        assert channel["dialplan"]["context"] == ("from-phones" if user == "alice" else "from-far-end")
        if user == "alice":
            assert channel["caller"]["number"] == "alice", "an agent's phone cannot claim another number"
        await session.post(f"{pbx.ari_url}/channels/{channel['id']}/continue")
        await expect(events, "ChannelDestroyed", "StasisEnd")
        assert await calling >= 400, "after Stasis there is nothing but Hangup"
    async with aiohttp.ClientSession(headers=headers) as session, session.get(f"{pbx.ari_url}/channels") as answer:
        assert [found for found in await answer.json() if found["state"] == "Up"] == []


async def test_while_heedline_is_away_a_call_ends_at_once(pbx: Instance) -> None:
    assert await asyncio.to_thread(dial, pbx, "alice", "+15550100123") >= 400


async def expect(events: aiohttp.ClientWebSocketResponse, *kinds: str) -> dict[str, Any]:
    async with asyncio.timeout(5):
        while True:
            event: dict[str, Any] = json.loads(await events.receive_str())
            if event["type"] in kinds:
                return event
