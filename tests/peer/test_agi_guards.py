"""FastAGI: each defect of panoramisk 1.4 in the bare library, and the guard that holds against it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from panoramisk.fast_agi import Application, Request

from agi import AgiHangup, AgiRequest, AgiServer, AgiTimeout, BadAgi, BadCommand
from tests.peer.conftest import RealPbx

HEADERS = (
    b"agi_network: yes\nagi_network_script: hello\nagi_request: agi://127.0.0.1/hello\n"
    b"agi_channel: PJSIP/alice-00000001\nagi_callerid: unknown\nagi_arg_1: one\nagi_arg_2: \n\n"
)


@asynccontextmanager
async def bare(app: Application) -> AsyncIterator[int]:
    server = await asyncio.start_server(app.handler, "127.0.0.1", 0)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()


class Caller:
    """Asterisk's side of one conversation."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def dial(cls, port: int, first: bytes = HEADERS) -> "Caller":
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(first)
        return cls(reader, writer)

    async def line(self) -> str:
        return (await asyncio.wait_for(self.reader.readline(), 5)).decode()

    async def closed(self, seconds: float = 5.0) -> bool:
        try:
            return await asyncio.wait_for(self.reader.read(), seconds) == b""
        except ConnectionError:
            return True


@pytest.fixture
async def server() -> AsyncIterator[AgiServer]:
    async with AgiServer("127.0.0.1", 0, header_seconds=0.5, command_seconds=0.5) as server:
        server.add_route("hello", hello)
        yield server


async def hello(request: AgiRequest) -> None:
    await request.command("VERBOSE", "hello", "1")


async def served(server: AgiServer) -> None:
    """One ordinary call goes through."""
    caller = await Caller.dial(server.port)
    assert await caller.line() == 'VERBOSE "hello" "1"\n'
    caller.writer.write(b"200 result=1\n")
    assert await caller.closed()


async def test_bare_panoramisk_spins_when_the_headers_end_too_early() -> None:
    rounds = 0

    class Counted(asyncio.StreamReader):
        async def read(self, n: int = -1) -> bytes:
            nonlocal rounds
            rounds += 1
            if rounds > 1_000:
                raise ConnectionAbortedError  # ends the test; the library itself would go on for ever
            return await super().read(n)

    reader = Counted()
    reader.feed_data(b"agi_network: yes\n")
    reader.feed_eof()
    with pytest.raises(ConnectionAbortedError):
        await Application(loop=asyncio.get_running_loop()).handler(reader, None)


@pytest.mark.parametrize("first", [b"", b"agi_network: yes\n", b"\n", b"agi_network: y", HEADERS[:-1]])
async def test_headers_that_end_too_early_end_the_connection_only(
    server: AgiServer, first: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caller = await Caller.dial(server.port, first)
    caller.writer.write_eof()
    assert await caller.closed(0.4)
    assert "before the headers did" in caplog.text
    assert "Traceback" not in caplog.text
    await served(server)


async def test_bare_panoramisk_reads_headers_without_end() -> None:
    async with bare(Application(loop=asyncio.get_running_loop())) as port:
        caller = await Caller.dial(port, b"")
        for _ in range(50):
            caller.writer.write(b"agi_x: " + b"y" * 100 + b"\n")
            await caller.writer.drain()
        assert not await _closes(caller, 0.3)
        caller.writer.close()


async def _closes(caller: Caller, seconds: float) -> bool:
    try:
        return await caller.closed(seconds)
    except TimeoutError:
        return False


@pytest.mark.parametrize("flood", [b"agi_a: " + b"x" * 70_000, b"agi_a: x\n" * 2_500, b"x" * 200_000])
async def test_headers_beyond_measure_are_cut_off(server: AgiServer, flood: bytes) -> None:
    caller = await Caller.dial(server.port, flood)
    assert await caller.closed(0.4)
    await served(server)


async def test_a_slow_loris_is_cut_off_by_one_clock_for_all_headers(server: AgiServer) -> None:
    caller = await Caller.dial(server.port, b"")
    begin = time.monotonic()

    async def trickle() -> None:
        for _ in range(100):
            caller.writer.write(b"agi_a: x\n")
            await asyncio.sleep(0.05)

    drops = asyncio.create_task(trickle())
    assert await caller.closed(2)
    assert 0.4 < time.monotonic() - begin < 1.5
    drops.cancel()


async def test_a_thousand_idle_connections_keep_nobody_waiting() -> None:
    async with AgiServer("127.0.0.1", 0, header_seconds=30) as server:
        server.add_route("hello", hello)
        idle = [await Caller.dial(server.port, b"agi_network: yes\n") for _ in range(1000)]
        begin = time.monotonic()
        await served(server)
        assert time.monotonic() - begin < 0.5
        for each in idle:
            each.writer.transport.abort()


async def test_beyond_the_limit_of_connections_one_more_is_refused_and_room_comes_back() -> None:
    async with AgiServer("127.0.0.1", 0, header_seconds=0.3, max_connections=5) as server:
        server.add_route("hello", hello)
        idle = [await Caller.dial(server.port, b"") for _ in range(5)]
        await asyncio.sleep(0.05)
        assert await (await Caller.dial(server.port)).closed(0.2)
        for each in idle:
            assert await each.closed(1)
        await served(server)


async def test_bare_panoramisk_fails_on_a_header_that_is_not_utf8() -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(b"agi_network_script: hello\nagi_calleridname: Zo\xeb\n\n")
    with pytest.raises(UnicodeDecodeError):
        await Application(loop=asyncio.get_running_loop()).handler(reader, None)


async def test_a_name_that_is_not_utf8_does_not_lose_the_call(server: AgiServer) -> None:
    seen: list[AgiRequest] = []
    server.add_route("names", seen.append)
    caller = await Caller.dial(server.port, b"agi_calleridname: Zo\xeb\nagi_network_script: names\n\n")
    assert await caller.closed()
    assert seen[0].headers["agi_calleridname"] == "Zo\ufffd"


def test_bare_panoramisk_can_not_route_a_plain_def() -> None:
    with pytest.raises(AttributeError):
        Application(loop=object()).add_route("x", lambda request: None)


async def test_a_plain_def_is_taken(server: AgiServer, caplog: pytest.LogCaptureFixture) -> None:
    seen: list[AgiRequest] = []
    server.add_route("plain", seen.append)
    assert await (await Caller.dial(server.port, b"agi_network_script: plain\n\n")).closed()
    assert len(seen) == 1
    assert caplog.text == ""


async def test_arguments_and_headers_reach_the_handler_in_any_order(server: AgiServer) -> None:
    seen: list[AgiRequest] = []
    server.add_route("a/b-1", seen.append)
    lines = [b"agi_arg_2: two", b"agi_arg_1: one: 1", b"agi_network_script: a/b-1?x=y", b"agi_accountcode: "]
    assert await (await Caller.dial(server.port, b"\n".join(lines) + b"\n\n")).closed()
    assert seen[0].arguments == ("one: 1", "two")
    assert seen[0].headers["agi_accountcode"] == ""


@pytest.mark.parametrize(
    "block",
    [
        b"agi_network: yes\n\n",
        b"agi_network_script: \n\n",
        b"agi_network_script: nothing-here\n\n",
        b"agi_network_script: ../../etc\n\n",
        b"agi_network_script: /hello\n\n",
        b"agi_network_script: hello\nagi_network_script: hello\n\n",
        b"agi_network_script: hello\nGET / HTTP/1.1\n\n",
        b"agi_network_script: hello\n: x\n\n",
        b"200 result=1\n\n",
        b"\0\n\n",
        b"\n\n",
        b"".join(b"agi_a%d: x\n" % n for n in range(300)) + b"agi_network_script: hello\n\n",
    ],
)
async def test_a_request_in_disorder_reaches_no_handler(
    server: AgiServer, block: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caller = await Caller.dial(server.port, block)
    assert await caller.closed(1)
    assert "Traceback" not in caplog.text
    await served(server)


async def test_a_handler_that_fails_costs_its_own_connection(
    server: AgiServer, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails(request: AgiRequest) -> None:
        raise RuntimeError("mine")

    server.add_route("fails", fails)
    assert await (await Caller.dial(server.port, b"agi_network_script: fails\n\n")).closed()
    assert "a handler failed" in caplog.text
    await served(server)


async def talk(server: AgiServer, *replies: bytes, eof: bool = False) -> list[object]:
    """The outcome of one command answered with ``replies``."""
    outcome: list[object] = []

    async def ask(request: AgiRequest) -> None:
        try:
            outcome.append(await request.command("GET VARIABLE", "X"))
            outcome.append(await request.command("NOOP"))
        except Exception as error:
            outcome.append(error)

    server.add_route(f"ask{len(server._route)}", ask)
    caller = await Caller.dial(server.port, b"agi_network_script: ask%d\n\n" % (len(server._route) - 1))
    assert await caller.line() == 'GET VARIABLE "X"\n'
    for reply in replies:
        caller.writer.write(reply)
    if eof:
        caller.writer.write_eof()
    if await caller.line() == "NOOP\n":
        caller.writer.write(b"200 result=0\n")
    assert await caller.closed(2)
    return outcome


async def test_bare_panoramisk_mistakes_the_end_of_a_connection_for_an_answer() -> None:
    reader = asyncio.StreamReader()
    reader.feed_eof()
    with pytest.raises(ValueError, match="int"):
        await Request(None, {}, reader, None)._read_result()


async def test_results(server: AgiServer) -> None:
    for reply, expected in [
        (b"200 result=1 (a value)\n", "AgiResult(code=200, result='1', data='a value')"),
        (b"200 result=-1\n", "AgiResult(code=200, result='-1', data='')"),
        (b"200 result= (timeout)\n", "AgiResult(code=200, result='', data='timeout')"),
        (b"200 result=0 endpos=8000\n", "AgiResult(code=200, result='0', data='')"),
        (b"100 result=0 Trying...\n200 result=1 (a (b) c)\n", "AgiResult(code=200, result='1', data='a (b) c')"),
    ]:
        first, second = await talk(server, reply)
        assert repr(first) == expected
        assert repr(second) == "AgiResult(code=200, result='0', data='')"


@pytest.mark.parametrize(
    ("reply", "eof", "kind"),
    [
        (b"", True, AgiHangup),
        (b"200 resu", True, AgiHangup),
        (b"HANGUP\n", False, AgiHangup),
        (b"200 result=1 (hangup)\n", False, AgiHangup),
        (b"511 Command Not Permitted on a dead channel\n", False, AgiHangup),
        (b"510 Invalid or unknown command\n", False, BadAgi),
        (b"520-Invalid command syntax.\nUsage: x\nmore\n520 End of proper usage.\n", False, BadAgi),
        (b"what\n", False, BadAgi),
        (b"\xff\xfe\n", False, BadAgi),
        (b"\n", False, BadAgi),
        (b"200\n", False, BadAgi),
        (b"x" * 70_000, False, BadAgi),
        (b"", False, AgiTimeout),
    ],
)
async def test_an_answer_that_is_none(server: AgiServer, reply: bytes, eof: bool, kind: type[Exception]) -> None:
    outcome = await talk(server, reply, eof=eof)
    assert [type(each) for each in outcome] == [kind]


USAGE = b"520-Invalid command syntax.  Proper usage follows:\nUsage: X\nmore\n520 End of proper usage.\n200 result=7\n"


async def test_bare_panoramisk_takes_the_rest_of_a_usage_error_for_the_next_answer() -> None:
    class Sink:
        def write(self, data: bytes) -> None: ...

        async def drain(self) -> None: ...

    reader = asyncio.StreamReader()
    reader.feed_data(USAGE)
    request = Request(None, {}, reader, Sink())
    await request.send_command("X")
    with pytest.raises(ValueError, match="int"):
        await request.send_command("Y")


async def test_after_a_usage_error_the_next_answer_is_the_next_answer(server: AgiServer) -> None:
    outcome: list[object] = []

    async def ask(request: AgiRequest) -> None:
        with pytest.raises(BadAgi):
            await request.command("X")
        outcome.append((await request.command("Y")).result)

    server.add_route("usage", ask)
    caller = await Caller.dial(server.port, b"agi_network_script: usage\n\n" + USAGE)
    await caller.line()
    await caller.line()
    assert await caller.closed()
    assert outcome == ["7"]


async def test_a_command_can_carry_no_second_one(server: AgiServer) -> None:
    outcome: list[str] = []

    async def ask(request: AgiRequest) -> None:
        for verb, argument in (("NOOP", "a\nHANGUP"), ("NOOP\nHANGUP", "a"), ("noop", "a"), ("NOOP", "x" * 5000)):
            with pytest.raises(BadCommand):
                await request.command(verb, argument)
        outcome.append((await request.command("NOOP", 'a "b" \\ c')).result)

    server.add_route("inject", ask)
    caller = await Caller.dial(server.port, b"agi_network_script: inject\n\n")
    assert await caller.line() == 'NOOP "a \\"b\\" \\\\ c"\n'
    caller.writer.write(b"200 result=0\n")
    assert await caller.closed()
    assert outcome == ["0"]


async def test_closing_the_server_ends_conversations_under_way() -> None:
    async with AgiServer("127.0.0.1", 0) as server:
        server.add_route("hello", hello)
        caller = await Caller.dial(server.port)
        await caller.line()
    assert await caller.closed(1)


@pytest.mark.parametrize("path", ["", "/x", "a b", "../x", "a/..", "x" * 200, "a?b"])
async def test_a_route_that_asterisk_could_not_ask_for_is_refused(server: AgiServer, path: str) -> None:
    with pytest.raises(BadAgi):
        server.add_route(path, hello)
    with pytest.raises(ValueError, match="exists"):
        server.add_route("hello", hello)


@pytest.mark.pbx
async def test_a_call_on_the_real_pbx_is_answered_over_fastagi(pbx: RealPbx) -> None:
    heard: dict[str, str] = {}
    done = asyncio.Event()

    async def real(request: AgiRequest) -> None:
        heard["argument"] = request.arguments[0]
        await request.command("SET VARIABLE", "COLOUR", 'a "b" \\ c, d; é')
        heard["variable"] = (await request.command("GET VARIABLE", "COLOUR")).data
        with pytest.raises(BadAgi):
            await request.command("NO SUCH COMMAND")
        with pytest.raises(BadAgi):
            await request.command("STREAM FILE")
        heard["after"] = (await request.command("CHANNEL STATUS")).result
        done.set()

    async with AgiServer("127.0.0.1", 0) as server, pbx.ari() as ari:
        server.add_route("real/one", real)
        await ari.asterisk.setGlobalVar(variable="AGI_URL", value=f"agi://127.0.0.1:{server.port}/real/one")
        await ari.channels.originateWithId(
            channelId="agi-1", endpoint="Local/answer@far/n", context="far", extension="agi", priority=1
        )
        await asyncio.wait_for(done.wait(), 10)
        await ari.channels.hangup(channelId="agi-1")
    assert heard == {"argument": "one, two", "variable": 'a "b" \\ c, d; é', "after": "6"}


async def test_who_is_not_among_the_peers_is_not_served(caplog: pytest.LogCaptureFixture) -> None:
    for peers, served_ in ((frozenset({"192.0.2.1"}), False), (frozenset({"127.0.0.1", "192.0.2.1"}), True)):
        async with AgiServer("127.0.0.1", 0, peers=peers) as server:
            server.add_route("hello", hello)
            if served_:
                await served(server)
            else:
                caller = await Caller.dial(server.port)
                assert await caller.closed(2)
                assert "agi.peers" in caplog.text
