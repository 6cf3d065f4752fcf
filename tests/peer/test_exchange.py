"""The HTTP of ARI against a peer that answers with raw bytes: what is understood, what is refused, what is repeated."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from ari_app.ari.exchange import LONGEST_HEAD, Answer, Exchange, NotHttp

GET = b"GET / HTTP/1.1\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CLOSE = None  # a line of a script: the peer closes


class Peer:
    """Answers the n-th request, over all connections, with the n-th line of its script."""

    def __init__(self, script: list[list[bytes | None]]) -> None:
        self.script = script
        self.requests = 0
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                self.requests += 1
                for part in self.script[self.requests - 1]:
                    if part is CLOSE:
                        return
                    writer.write(part)
                    await asyncio.sleep(0.005)  # so that parts arrive apart
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()


@asynccontextmanager
async def exchange(*script: list[bytes | None], size: int = 1) -> AsyncIterator[tuple[Exchange, Peer]]:
    peer = Peer(list(script))
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    made = Exchange("127.0.0.1", int(server.sockets[0].getsockname()[1]), None, size)
    try:
        yield made, peer
    finally:
        made.close()
        server.close()


async def ask(made: Exchange, method: str = "GET", longest: int = 1000) -> Answer:
    async with asyncio.timeout(3):
        return await made.ask(method, GET, longest)


@pytest.mark.parametrize("cut", range(1, len(OK), 7))
async def test_an_answer_in_two_packets_and_the_next_on_the_same_connection(cut: int) -> None:
    async with exchange([OK[:cut], OK[cut:]], [OK]) as (made, peer):
        assert await ask(made) == Answer(200, b"ok")
        assert await ask(made) == Answer(200, b"ok")
        assert peer.connections == 1


@pytest.mark.parametrize("head", [b"HTTP/1.1 204 No Content", b"HTTP/1.1 204", b"HTTP/1.1 204 No Content\r\nX: y"])
async def test_an_answer_without_content_needs_no_length(head: bytes) -> None:
    async with exchange([head + b"\r\n\r\n"], [OK]) as (made, peer):
        assert await ask(made) == Answer(204, b"")
        assert await ask(made) == Answer(200, b"ok")
        assert peer.connections == 1


async def test_an_answer_to_the_end_of_its_connection() -> None:
    async with exchange([b"HTTP/1.1 200 OK\r\n\r\nall", b" of it", CLOSE], [OK]) as (made, peer):
        assert await ask(made) == Answer(200, b"all of it")
        assert await ask(made) == Answer(200, b"ok")
        assert peer.connections == 2


@pytest.mark.parametrize("head", [b"HTTP/1.0 200 OK\r\n", b"HTTP/1.1 200 OK\r\nConnection: close\r\n"])
async def test_a_connection_that_the_peer_will_close_is_not_used_again(head: bytes) -> None:
    async with exchange([head + b"Content-Length: 1\r\n\r\nx"], [OK]) as (made, peer):
        assert await ask(made) == Answer(200, b"x")
        assert await ask(made) == Answer(200, b"ok")
        assert peer.connections == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/2 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200\tOK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n",
        b"SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0x2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\n folded\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nno field\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nlonger",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1001,
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * LONGEST_HEAD + b"\r\n\r\n",
        b"x" * (LONGEST_HEAD + 1),
    ],
)
async def test_what_is_no_answer_is_refused_and_its_connection_dropped(answer: bytes) -> None:
    async with exchange([answer], [OK]) as (made, peer):
        with pytest.raises(NotHttp):
            await ask(made)
        assert await ask(made) == Answer(200, b"ok")
        assert peer.connections == 2


@pytest.mark.parametrize("half", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nha"])
async def test_half_an_answer_is_an_error_and_nothing_is_asked_again(half: bytes) -> None:
    async with exchange([OK], [half, CLOSE], [OK]) as (made, peer):
        await ask(made)
        with pytest.raises(ConnectionError):
            await ask(made)
        assert peer.requests == 2


async def test_a_kept_connection_closed_at_that_moment_repeats_what_is_harmless_twice() -> None:
    async with exchange([OK], [CLOSE], [OK]) as (made, peer):
        await ask(made)
        assert await ask(made, "DELETE") == Answer(200, b"ok")
        assert (peer.requests, peer.connections) == (3, 2)


async def test_a_post_is_never_repeated() -> None:
    async with exchange([OK], [CLOSE], [OK]) as (made, peer):
        await ask(made)
        with pytest.raises(ConnectionError):
            await ask(made, "POST")
        assert peer.requests == 2


async def test_a_new_connection_that_breaks_is_not_tried_for_ever() -> None:
    async with exchange([CLOSE], [OK]) as (made, peer):
        with pytest.raises(ConnectionError):
            await ask(made)
        assert peer.requests == 1


async def test_an_answer_nobody_waits_for_any_more_is_not_the_next_ones() -> None:
    late = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate"
    async with exchange([b"", b"", b"", b"", b"", late], [OK]) as (made, peer):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await made.ask("GET", GET, 100)
        assert await ask(made) == Answer(200, b"ok")
        assert peer.connections == 2


async def test_an_answer_to_nothing_ends_the_connection() -> None:
    async with exchange([OK, OK], [OK]) as (made, peer):
        assert await ask(made) == Answer(200, b"ok")
        await asyncio.sleep(0.02)
        assert await ask(made) == Answer(200, b"ok")
        assert peer.connections == 2


async def test_an_idle_connection_is_given_up_before_asterisk_would(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ari_app.ari.exchange.IDLE_S", 0.01)
    async with exchange([OK], [OK]) as (made, peer):
        await ask(made)
        await asyncio.sleep(0.02)
        await ask(made, "POST")
        assert peer.connections == 2


async def test_no_more_at_once_than_there_are_connections() -> None:
    parts: list[bytes | None] = [b"", OK]
    async with exchange(*([parts] * 30), size=3) as (made, peer):
        answers = await asyncio.gather(*(ask(made) for _ in range(30)))
        assert {answer.body for answer in answers} == {b"ok"}
        assert peer.connections == 3
