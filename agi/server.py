"""The FastAGI door: panoramisk's application behind guards.

| what panoramisk 1.4 does                                        | guard here                                 |
|-----------------------------------------------------------------|--------------------------------------------|
| end of file before the headers' end spins the event loop        | end of file ends the connection            |
| reads headers of any length, for any time                       | 16 KiB, 2 s altogether (not for each read) |
| a header that is not UTF-8 kills the request                    | replaced                                   |
| ``add_route`` of a plain ``def``: AttributeError on Python 3.11 | both kinds are taken                       |
| end of file inside a conversation: ValueError in the parser     | AgiHangup                                  |
| no time limit on a command's answer                             | AgiTimeout                                 |
| reads one line of a usage error: all later answers are off      | read to its last line                      |
| a command may hold a line break                                 | BadCommand, nothing sent                   |
| swallows cancellation: the server can't be stopped              | cancellation passes                        |

``tests/peer/test_agi_guards.py`` shows each defect on the bare library and its absence here.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from inspect import isawaitable
from types import TracebackType
from typing import TypeAlias

from panoramisk.fast_agi import Application, Request

from agi.errors import AgiError, AgiHangup, AgiTimeout, BadAgi
from agi.wire import AgiResult, arguments_of, command_line, parse_headers, parse_result, route_of

log = logging.getLogger(__name__)

MAX_HEADER_BYTES = 16 * 1024
MAX_LINE = 64 * 1024
"""Bytes of one line from Asterisk (a variable's value can be long)."""


class AgiRequest(Request):  # type: ignore[misc]  # panoramisk has no types
    """One call's conversation: what Asterisk said at the start, and commands to it."""

    headers: Mapping[str, str]
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def __init__(
        self,
        app: Application,
        headers: Mapping[str, str],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        command_seconds: float,
    ) -> None:
        super().__init__(app=app, headers=headers, reader=reader, writer=writer)
        self.arguments = arguments_of(headers)
        self._seconds = command_seconds
        self._unanswered = False

    async def command(self, verb: str, *arguments: str, seconds: float | None = None) -> AgiResult:
        """Send one command and wait for its result.

        :param seconds: how long it may take, for commands that play or wait
        :raises AgiError: see :mod:`agi.errors`
        """
        line = command_line(verb, arguments)
        if self._unanswered:  # what comes next would be taken for this one's answer
            raise BadAgi(f"AGI {verb}: an earlier command has no answer")
        self._unanswered = True
        try:
            async with asyncio.timeout(self._seconds if seconds is None else seconds):
                self.writer.write(line)
                await self.writer.drain()
                answer = await self._result_line()
                self._unanswered = False
                return parse_result(answer)
        except TimeoutError:
            raise AgiTimeout(f"AGI {verb}: no answer in time") from None
        except (ConnectionError, asyncio.IncompleteReadError):
            raise AgiHangup(f"AGI {verb}: the connection is gone") from None
        except asyncio.LimitOverrunError:
            raise BadAgi(f"AGI {verb}: the answer is too long") from None

    async def send_command(self, command: str) -> AgiResult:
        """panoramisk's form of :meth:`command`, for a command without arguments."""
        return await self.command(command)

    async def _result_line(self) -> bytes:
        while True:
            line = await self.reader.readuntil(b"\n")
            if line.startswith(b"520-"):
                while not line.startswith(b"520 "):
                    line = await self.reader.readuntil(b"\n")
            if not line.startswith(b"100"):
                return line


Handler: TypeAlias = Callable[[AgiRequest], Awaitable[None] | None]


class AgiServer(Application):  # type: ignore[misc]  # panoramisk has no types
    """Listens for Asterisk's AGI() and hands each request to the handler of its path.

    Bind it to loopback, or to an address only the PBX reaches: FastAGI has no authentication.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        header_seconds: float = 2.0,
        command_seconds: float = 30.0,
        max_connections: int = 2_000,
        peers: frozenset[str] = frozenset(),
    ) -> None:
        """`peers`: the addresses that may ask; empty: any that reaches this one."""
        super().__init__(loop=asyncio.get_running_loop())
        self._host, self._port = host, port
        self._header_seconds = header_seconds
        self._command_seconds = command_seconds
        self._max_connections = max_connections
        self._peers = peers
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The port listened on."""
        if self._server is None:
            return self._port
        return int(self._server.sockets[0].getsockname()[1])

    def add_route(self, path: str, endpoint: Handler) -> None:
        """Answer ``agi://host/path`` with ``endpoint``, an ``async def`` or a plain ``def``.

        :raises BadAgi: not a plain path
        :raises ValueError: there is a route of that path
        """
        if route_of({"agi_network_script": path}) != path:
            raise BadAgi("AGI: a route has no query")
        if path in self._route:
            raise ValueError("a route of that path exists")
        self._route[path] = endpoint

    async def __aenter__(self) -> "AgiServer":
        self._server = await asyncio.start_server(self._accept, self._host, self._port, limit=MAX_LINE, backlog=512)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")
        if self._peers and (not peer or peer[0] not in self._peers):
            log.error("AGI: a connection from an address that is not in agi.peers; refused")
            writer.transport.abort()
            return
        if len(self._connections) >= self._max_connections:
            log.error("AGI: %d connections are open; one more refused", self._max_connections)
            writer.transport.abort()
            return
        task = asyncio.get_running_loop().create_task(self.handler(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def handler(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection, whatever comes."""
        try:
            headers = await self._headers(reader)
            await self._serve(headers, reader, writer)
        except AgiError as error:
            log.warning("%s; connection closed", error)
        except ConnectionError:
            log.info("AGI: a connection broke")
        except Exception:
            log.exception("AGI: a handler failed; connection closed")
        finally:
            writer.close()

    async def _serve(
        self, headers: Mapping[str, str], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        endpoint: Handler | None = self._route.get(route_of(headers))
        if endpoint is None:
            raise BadAgi("AGI: nothing is offered at the path asked for")
        outcome = endpoint(AgiRequest(self, headers, reader, writer, self._command_seconds))
        if isawaitable(outcome):
            await outcome

    async def _headers(self, reader: asyncio.StreamReader) -> Mapping[str, str]:
        block = bytearray()
        try:
            async with asyncio.timeout(self._header_seconds):
                while not block.endswith(b"\n\n"):
                    block += await reader.readuntil(b"\n")
                    if len(block) > MAX_HEADER_BYTES:
                        raise BadAgi("AGI: the headers are longer than 16 KiB")
        except TimeoutError:
            raise BadAgi(f"AGI: no complete headers within {self._header_seconds:g} s") from None
        except asyncio.IncompleteReadError:
            raise BadAgi("AGI: the connection ended before the headers did") from None
        except asyncio.LimitOverrunError:
            raise BadAgi("AGI: the headers are longer than 16 KiB") from None
        return parse_headers(bytes(block[:-2]))
