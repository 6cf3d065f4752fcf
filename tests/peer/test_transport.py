"""What goes over the wire to ARI, and what becomes of each answer, with a scripted peer on loopback."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from ari_app.ari import AriClient, errors
from tests.peer.conftest import free_ports


@dataclass
class Peer:
    """Answers every request with ``status`` and ``body`` and keeps what came."""

    url: str = ""
    status: int = 204
    body: bytes = b""
    hold: Callable[[], Awaitable[None]] | None = None
    lines: list[str] = field(default_factory=list)
    bodies: list[object] = field(default_factory=list)
    authorization: list[str] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.lines.append(f"{request.method} {request.raw_path}")
        self.authorization.append(request.headers.get("Authorization", ""))
        content = await request.read()
        self.bodies.append(json.loads(content) if content else None)
        if self.hold is not None:
            await self.hold()
        return web.Response(status=self.status, body=self.body)


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    peer = Peer()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", peer.answer)
    async with TestServer(app, host="127.0.0.1") as server:
        peer.url = f"http://127.0.0.1:{server.port}"
        yield peer


@pytest.fixture
async def client(peer: Peer) -> AsyncIterator[AriClient]:
    async with AriClient(peer.url, "user", "pass:word", timeout=1) as client:
        yield client


CHANNEL = json.dumps({"id": "c", "name": "PJSIP/x-1", "state": "Down", "channelvars": {}}).encode()


async def test_numbers_travel_in_the_body_and_the_password_in_a_header(peer: Peer, client: AriClient) -> None:
    peer.status, peer.body = 200, CHANNEL
    await client.channels.create(
        endpoint="PJSIP/+15555550123@carrier", app="heedline", appArgs="a,b", channelId="A-callee", variables={"X": "1"}
    )
    assert peer.lines == ["POST /ari/channels/create"]
    assert peer.bodies == [
        {
            "endpoint": "PJSIP/+15555550123@carrier",
            "app": "heedline",
            "appArgs": "a,b",
            "channelId": "A-callee",
            "variables": {"X": "1"},
        }
    ]
    assert peer.authorization == [aiohttp.encode_basic_auth("user", "pass:word")]


async def test_values_of_get_and_delete_travel_in_the_query_fully_quoted(peer: Peer, client: AriClient) -> None:
    await client.channels.hangup(channelId="a/../b?c#d é", reason_code="16&reason=x")
    assert peer.lines == ["DELETE /ari/channels/a%2F..%2Fb%3Fc%23d%20%C3%A9?reason_code=16%26reason%3Dx"]


async def test_kinds_of_values(peer: Peer, client: AriClient) -> None:
    await client.bridges.addChannel(bridgeId="b", channel=["x", "y"], absorbDTMF=True, mute=False)
    await client.bridges.addChannel(bridgeId="b", channel="x")
    peer.status, peer.body = 200, b"{}"
    await client.applications.filter(applicationName="h", filter={"disallowed": [{"type": "Dial"}]})
    assert peer.bodies == [
        {"channel": ["x", "y"], "absorbDTMF": True, "mute": False},
        {"channel": ["x"]},
        {"disallowed": [{"type": "Dial"}]},
    ]


@pytest.mark.parametrize("name", ["", ".", "..", "a\r\nb", "a\0", "x" * 9000, "\ud800", 5])
async def test_a_name_that_can_not_stand_in_a_path_is_refused_and_nothing_is_sent(
    peer: Peer, client: AriClient, name: str
) -> None:
    with pytest.raises(errors.BadArgument) as caught:
        await client.channels.answer(channelId=name)
    assert caught.value.exit_status == 2
    assert peer.lines == []


async def test_a_comma_in_a_list_that_asterisk_would_split_is_refused(peer: Peer, client: AriClient) -> None:
    with pytest.raises(errors.BadArgument):
        await client.channels.getChannelVars(channelId="c", variables=["a,b"])
    assert peer.lines == []


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.BadRequest),
        (401, errors.Unauthorized),
        (403, errors.Unauthorized),
        (404, errors.NotFound),
        (409, errors.Conflict),
        (412, errors.Unprocessable),
        (418, errors.BadRequest),
        (422, errors.Unprocessable),
        (500, errors.ServerFault),
        (503, errors.ServerFault),
        (302, errors.BadRequest),
    ],
)
async def test_an_error_names_operation_and_status_and_repeats_no_number(
    peer: Peer, client: AriClient, status: int, kind: type[errors.AriRefused]
) -> None:
    peer.status, peer.body = status, b'{"message":"could not dial PJSIP/+15555550123@carrier"}'
    with pytest.raises(kind) as caught:
        await client.channels.create(endpoint="PJSIP/+15555550123@carrier", app="heedline")
    assert caught.value.status == status
    assert "channels.create" in str(caught.value)
    assert "5555" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"{", b'{"id":5,"name":"x","state":"Up"}', b"\xff", b"[" * 99999])
async def test_an_answer_of_another_form_is_an_error(peer: Peer, client: AriClient, body: bytes) -> None:
    peer.status, peer.body = 200, body
    with pytest.raises(errors.BadReply):
        await client.channels.get(channelId="c")


async def test_an_answer_without_end_is_cut_off(peer: Peer, client: AriClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ari_app.ari.transport.MAX_REPLY", 1000)
    peer.status, peer.body = 200, b"[" + b" " * 5000 + b"]"
    with pytest.raises(errors.BadReply):
        await client.channels.list()


async def test_silence_ends_in_a_timeout(peer: Peer) -> None:
    forever = asyncio.Event()

    async def hold() -> None:
        await forever.wait()

    peer.hold = hold
    async with AriClient(peer.url, "u", "p", timeout=0.2) as client:
        with pytest.raises(errors.AriTimeout):
            await client.channels.answer(channelId="c")
    forever.set()


async def test_nobody_there_is_an_error_without_an_address() -> None:
    (port,) = free_ports(1)
    async with AriClient(f"http://127.0.0.1:{port}", "u", "p") as client:
        with pytest.raises(errors.AriDown) as caught:
            await client.channels.answer(channelId="c")
    assert "127.0.0.1" not in str(caught.value)
    with pytest.raises(errors.AriDown):
        await client.channels.answer(channelId="c")


async def test_more_requests_than_connections_wait_their_turn(peer: Peer) -> None:
    at_once = most = 0

    async def hold() -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.005)
        at_once -= 1

    peer.hold = hold
    async with AriClient(peer.url, "u", "p", pool=8) as client:
        await asyncio.gather(*(client.channels.answer(channelId=f"c{n}") for n in range(100)))
    assert len(peer.lines) == 100
    assert most == 8


@pytest.mark.parametrize(
    "url",
    [
        "http://user:pass@host:1",
        "ftp://x",
        "host:8088",
        "",
        "http://",
        "http://h/?a=b",
        "http://h#f",
        "http://h x/",
        "http://h:0",
        "http://h:x",
    ],
)
def test_a_base_url_with_credentials_or_without_sense_is_refused(url: str) -> None:
    with pytest.raises(errors.BadArgument) as caught:
        AriClient(url, "u", "p")
    assert "pass" not in str(caught.value).replace("password", "")
