"""The event stream: order, loss, reconnect, overflow. A scripted peer first, then the real PBX."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from ari_app.ari import AriClient, AriSession, Backoff, LinkDown, LinkUp, SessionItem, errors
from ari_app.ari.events import BadEvent, ChannelDtmfReceived, StasisEnd, Unknown
from ari_app.ari.session import may_retry
from tests.peer.conftest import RealPbx, dialled

SOON = Backoff(first=0.01, most=0.05)


@dataclass
class Peer:
    """An ARI of which only /events and the event filter are played."""

    url: str = ""
    refuse: list[int] = field(default_factory=list)
    filters: list[object] = field(default_factory=list)
    sockets: "asyncio.Queue[web.WebSocketResponse]" = field(default_factory=asyncio.Queue)
    deaf: bool = False
    opened: int = 0

    async def events(self, request: web.Request) -> web.StreamResponse:
        self.opened += 1
        if self.refuse:
            return web.Response(status=self.refuse.pop(0))
        socket = web.WebSocketResponse(autoping=not self.deaf)
        await socket.prepare(request)
        await self.sockets.put(socket)
        async for _ in socket:
            pass
        return socket

    async def filter(self, request: web.Request) -> web.StreamResponse:
        self.filters.append(await request.json())
        return web.json_response({"name": "heedline"})


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    peer = Peer()
    app = web.Application()
    app.router.add_get("/ari/events", peer.events)
    app.router.add_put("/ari/applications/heedline/eventFilter", peer.filter)
    async with TestServer(app, host="127.0.0.1") as server:
        peer.url = f"http://127.0.0.1:{server.port}"
        yield peer


@pytest.fixture
async def client(peer: Peer) -> AsyncIterator[AriClient]:
    async with AriClient(peer.url, "u", "p", timeout=1) as client:
        yield client


def event(kind: str) -> str:
    return json.dumps({"type": kind, "timestamp": "2026-11-21T19:00:00.000+0000"})


async def take(session: AriSession, count: int) -> list[SessionItem]:
    async with asyncio.timeout(5):
        return [await anext(session) for _ in range(count)]


async def test_events_come_in_order_between_link_items(peer: Peer, client: AriClient) -> None:
    async with AriSession(client, "heedline", disallow=["ChannelVarset"], backoff=SOON) as session:
        socket = await peer.sockets.get()
        for n in range(50):
            await socket.send_str(event(f"E{n}"))
        assert await take(session, 51) == [LinkUp(first=True), *(Unknown(f"E{n}") for n in range(50))]
        assert session.linked
        await socket.close()
        (down,) = await take(session, 1)
        assert isinstance(down, LinkDown)
        socket = await peer.sockets.get()
        await socket.send_str(event("Later"))
        assert await take(session, 2) == [LinkUp(first=False), Unknown("Later")]
    assert peer.filters == [{"disallowed": [{"type": "ChannelVarset"}]}] * 2
    assert [item async for item in session] == []


async def test_a_booting_pbx_is_tried_again_and_a_wrong_password_is_not(peer: Peer, client: AriClient) -> None:
    peer.refuse = [404, 503, 500, 401]
    async with AriSession(client, "heedline", backoff=SOON) as session:
        with pytest.raises(errors.Unauthorized):
            await take(session, 1)
        assert isinstance(session.failure, errors.Unauthorized)
    assert peer.opened == 4


async def test_a_peer_that_answers_no_ping_is_given_up(peer: Peer, client: AriClient) -> None:
    peer.deaf = True
    async with AriSession(client, "heedline", heartbeat=0.2, backoff=SOON) as session:
        items = await take(session, 3)
        assert [type(item) for item in items] == [LinkUp, LinkDown, LinkUp]


async def test_a_full_queue_stops_the_reader_loses_nothing_and_says_so(
    peer: Peer, client: AriClient, caplog: pytest.LogCaptureFixture
) -> None:
    async with AriSession(client, "heedline", queue_size=10, backoff=SOON) as session:
        socket = await peer.sockets.get()
        for n in range(20):
            await socket.send_str(event(f"E{n}"))
        async with asyncio.timeout(5):
            while session.failure is None:
                await asyncio.sleep(0.01)
        assert "10 events are waiting" in caplog.text
        assert await take(session, 10) == [LinkUp(first=True), *(Unknown(f"E{n}") for n in range(9))]
        with pytest.raises(errors.QueueOverflow):
            await take(session, 1)
        with pytest.raises(errors.QueueOverflow):
            await take(session, 1)
    assert peer.opened == 1


async def test_another_program_taking_the_application_ends_the_session(peer: Peer, client: AriClient) -> None:
    async with AriSession(client, "heedline", backoff=SOON) as session:
        socket = await peer.sockets.get()
        await socket.send_str(event("ApplicationReplaced"))
        with pytest.raises(errors.ApplicationTaken):
            await take(session, 2)
    assert peer.opened == 1


async def test_a_bad_event_is_reported_and_the_connection_kept(
    peer: Peer, client: AriClient, caplog: pytest.LogCaptureFixture
) -> None:
    async with AriSession(client, "heedline", backoff=SOON) as session:
        socket = await peer.sockets.get()
        await socket.send_str('{"type": "StasisStart", "number": "+15555550123"}')
        await socket.send_bytes(b"\xff\xfe")
        await socket.send_str(event("Fine"))
        items = await take(session, 4)
        assert [type(item) for item in items] == [LinkUp, BadEvent, BadEvent, Unknown]
        assert session.bad_events == 2
    assert "5555" not in caplog.text


async def test_a_message_beyond_all_measure_costs_the_connection_not_the_memory(peer: Peer, client: AriClient) -> None:
    async with AriSession(client, "heedline", backoff=SOON) as session:
        socket = await peer.sockets.get()
        await socket.send_str("x" * 1_000_000)
        assert [type(item) for item in await take(session, 3)] == [LinkUp, LinkDown, LinkUp]


def test_the_one_decision_about_trying_again() -> None:
    fatal = {errors.Unauthorized, errors.BadRequest, errors.Conflict, errors.Unprocessable}
    for kind in fatal:
        assert not may_retry(kind("x", "o", 400))
    assert not may_retry(errors.ApplicationTaken("x"))
    assert not may_retry(errors.QueueOverflow("x"))
    for error in (
        errors.AriDown("x"),
        errors.AriTimeout("x"),
        errors.NotFound("x", "o", 404),
        errors.ServerFault("x", "o", 503),
    ):
        assert may_retry(error)


def test_back_off_grows_to_its_ceiling_and_never_spins() -> None:
    low, high = Backoff(0.2, 5).delays(lambda: 0.0), Backoff(0.2, 5).delays(lambda: 0.999999)
    assert [round(next(low), 2) for _ in range(8)] == [0.1] * 8
    assert [round(next(high), 2) for _ in range(8)] == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0]


@pytest.mark.pbx
async def test_a_call_on_the_real_pbx_is_heard_from_start_to_end(ari: AriClient) -> None:
    async with AriSession(ari, "peer-story", disallow=["ChannelVarset", "ChannelDialplan"]) as session:
        assert await take(session, 1) == [LinkUp(first=True)]
        channel = await dialled(session, ari, "nine", "S1-callee", "a,b")
        assert channel.id == "S1-callee"
        kinds: list[str] = []
        async with asyncio.timeout(10):
            async for item in session:
                kinds.append(type(item).__name__)
                assert not isinstance(item, BadEvent)
                if isinstance(item, ChannelDtmfReceived):
                    assert item.digit == "9"
                    await ari.channels.hangup(channelId="S1-callee", reason_code="16")
                if isinstance(item, StasisEnd):
                    break
        # Asterisk publishes a dial and the channel's state from two threads: either may come first.
        wanted = ["Dial", "Dial", "ChannelDtmfReceived", "StasisEnd"]
        assert [kind for kind in kinds if kind in wanted] == wanted
        assert "ChannelStateChange" in kinds[: kinds.index("ChannelDtmfReceived")]


@pytest.mark.pbx
async def test_a_repeated_create_with_our_id_makes_no_second_call(ari: AriClient) -> None:
    async with AriSession(ari, "peer-twice") as session:
        await take(session, 1)
        await ari.channels.create(endpoint="Local/ring@far/n", app="peer-twice", channelId="T1-callee", formats="ulaw")
        with pytest.raises(errors.Conflict):
            await ari.channels.create(
                endpoint="Local/ring@far/n", app="peer-twice", channelId="T1-callee", formats="ulaw"
            )
        assert [c.id for c in await ari.channels.list() if c.id.startswith("T1") and c.id[-2:] != ";2"] == ["T1-callee"]
        await ari.channels.hangup(channelId="T1-callee")
        with pytest.raises(errors.NotFound):
            await ari.channels.get(channelId="T1-callee-never")


@pytest.mark.pbx
async def test_a_wrong_password_is_refused_once_by_the_real_pbx(pbx: RealPbx) -> None:
    async with (
        AriClient(pbx.instance.ari_url, "heedline", "wrong") as client,
        AriSession(client, "peer-wrong") as session,
    ):
        with pytest.raises(errors.Unauthorized):
            await take(session, 1)


@pytest.mark.pbx
async def test_a_second_session_of_one_application_ends_the_first(pbx: RealPbx, ari: AriClient) -> None:
    async with pbx.ari() as other, AriSession(ari, "peer-taken") as first:
        await take(first, 1)
        async with AriSession(other, "peer-taken") as second:
            await take(second, 1)
            with pytest.raises(errors.ApplicationTaken):
                await take(first, 5)


@pytest.mark.pbx
async def test_the_types_filtered_out_do_not_come(pbx: RealPbx, ari: AriClient) -> None:
    async with AriSession(ari, "peer-filter", disallow=["Dial", "ChannelStateChange"]) as session:
        await take(session, 1)
        await dialled(session, ari, "answer", "F1")
        await asyncio.sleep(0.2)
        await ari.channels.hangup(channelId="F1")
        kinds = []
        async with asyncio.timeout(5):
            async for item in session:
                kinds.append(type(item).__name__)
                if isinstance(item, StasisEnd):
                    break
        assert "StasisEnd" in kinds
        assert not {"Dial", "ChannelStateChange"} & set(kinds)
