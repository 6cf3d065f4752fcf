"""Requests and answers over HTTP/1.1 connections that are kept open: the part of HTTP that ARI speaks, and no more.

A call takes a dozen small requests, and a general HTTP client spends more on each than Asterisk does: measured,
aiohttp's was 2 of the 9 ms of CPU that a call's start and end cost the conductor. Here a request is one write, and
an answer is a status, a length and so many bytes. Anything else (another protocol version, a transfer coding, two
lengths) is refused, and the connection it came on is not used again.
"""

import asyncio
import re
import ssl
from collections import deque
from dataclasses import dataclass

LONGEST_HEAD = 16 * 1024
IDLE_S = 10.0
"""Asterisk closes an idle connection after session_keep_alive (15 s by default). Ours must give up first: a POST sent
on a connection that is just closing can't be repeated safely."""

_STATUS = re.compile(rb"HTTP/1\.([01]) ([2-5][0-9]{2})(?: [\x20-\x7e\x80-\xff]*)?")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x20-\x7e\x80-\xff\t]*)")
_LENGTH = re.compile(rb"[0-9]{1,15}")
_HARMLESS_TWICE = frozenset({"GET", "PUT", "DELETE"})
_BODILESS = frozenset({204, 304})


class NotHttp(Exception):
    """What came is no answer we understand, or too long."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes


class _Lost(ConnectionError):
    """The connection ended before a byte of the answer came."""


class _Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self) -> None:
        self.usable = True
        self.answered = 0  # requests
        self.idle_since = 0.0
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._answer: asyncio.Future[Answer] | None = None
        self._longest = 0
        self._status = 0  # of the answer that is being read; 0: its head is not there yet
        self._length: int | None = None  # of its body; None: to the end of the connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    async def ask(self, request: bytes, longest: int) -> Answer:
        """Raises OSError, NotHttp."""
        if self._transport is None or not self.usable:
            raise _Lost("not connected")
        self._answer = asyncio.get_running_loop().create_future()
        self._longest = longest
        try:
            self._transport.write(request)
            return await self._answer
        except BaseException:
            self.drop()  # also when nobody waits any more: the late answer must not be taken for the next one's
            raise
        finally:
            self._answer = None

    def data_received(self, data: bytes) -> None:
        if self._answer is None or self._answer.done():
            self.drop()  # nobody asked
            return
        self._received += data
        try:
            self._read()
        except NotHttp as error:
            self.drop()
            self._answer.set_exception(error)

    def _read(self) -> None:
        if not self._status:
            end = self._received.find(b"\r\n\r\n")
            if max(end, len(self._received) if end < 0 else 0) > LONGEST_HEAD:
                raise NotHttp("its head is too long")
            if end < 0:
                return
            self._head(bytes(self._received[:end]))
            del self._received[: end + 4]
        if len(self._received) > self._longest or (self._length or 0) > self._longest:
            raise NotHttp("it is too long")
        if self._length is not None and len(self._received) >= self._length:
            if len(self._received) > self._length:
                raise NotHttp("it is longer than it says")
            self._done()

    def _head(self, head: bytes) -> None:
        first, *lines = head.split(b"\r\n")
        status = _STATUS.fullmatch(first)
        if status is None:
            raise NotHttp("its first line is not HTTP/1.1's")
        length: int | None = None
        keeps = status[1] == b"1"
        for line in lines:
            field = _FIELD.fullmatch(line)
            if field is None:
                raise NotHttp("a line of its head is malformed")
            name, value = field[1].lower(), field[2].strip()
            if name == b"content-length":
                if length is not None or not _LENGTH.fullmatch(value):
                    raise NotHttp("its length is no number")
                length = int(value)
            elif name == b"transfer-encoding":
                raise NotHttp("it has a transfer coding")
            elif name == b"connection" and value.lower() == b"close":
                keeps = False
        self._status = int(status[2])
        self._length = 0 if self._status in _BODILESS else length
        self.usable = self.usable and keeps and self._length is not None

    def _done(self) -> None:
        answer = Answer(self._status, bytes(self._received))
        self._received.clear()
        self._status, self._length = 0, None
        self.answered += 1
        if not self.usable:
            self.drop()
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(answer)

    def connection_lost(self, error: Exception | None) -> None:
        self.usable = False
        self._transport = None
        if self._answer is None or self._answer.done():
            return
        if self._status and self._length is None and error is None:
            self._done()
        elif self._status or self._received:
            self._answer.set_exception(ConnectionResetError("cut off in the middle of an answer"))
        else:
            self._answer.set_exception(_Lost("closed without an answer"))

    def drop(self) -> None:
        self.usable = False
        if self._transport is not None:
            self._transport.abort()
            self._transport = None


class Exchange:
    """Connections to one server; at most `size` requests are under way, more wait their turn."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None, size: int) -> None:
        self._host, self._port, self._tls = host, port, tls
        self._turn = asyncio.Semaphore(size)
        self._idle: deque[_Connection] = deque()
        self._all: set[_Connection] = set()

    async def ask(self, method: str, request: bytes, longest: int) -> Answer:
        """Send a request; its answer's body is at most `longest` bytes.

        Raises OSError: no connection, or it broke; what was asked for may have been done. NotHttp.
        """
        async with self._turn:
            while True:
                connection = self._kept() or await self._opened()
                try:
                    answer = await connection.ask(request, longest)
                except _Lost:
                    # The server closed a kept connection just when we used it. A fresh one is tried, but never
                    # for what might then be done twice.
                    if not connection.answered or method not in _HARMLESS_TWICE:
                        raise
                    continue
                finally:
                    self._let_go(connection)
                return answer

    def _kept(self) -> _Connection | None:
        now = asyncio.get_running_loop().time()
        while self._idle:
            connection = self._idle.pop()  # the one used last
            if connection.usable and now - connection.idle_since < IDLE_S:
                return connection
            self._all.discard(connection)
            connection.drop()
        return None

    async def _opened(self) -> _Connection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(_Connection, self._host, self._port, ssl=self._tls)
        self._all.add(connection)
        return connection

    def _let_go(self, connection: _Connection) -> None:
        if connection.usable:
            connection.idle_since = asyncio.get_running_loop().time()
            self._idle.append(connection)
        else:
            self._all.discard(connection)

    def close(self) -> None:
        for connection in self._all:
            connection.drop()
        self._all.clear()
        self._idle.clear()
