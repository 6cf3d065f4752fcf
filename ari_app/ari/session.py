"""Events of one Stasis application, in order, over a WebSocket that is kept alive.

    async with AriSession(client, "heedline") as session:
        async for item in session:
            ...            # LinkUp, LinkDown, or an event

The reader only parses and enqueues. Asterisk does not keep what it sends while nobody listens, so after
every ``LinkUp`` the conductor lists what there is and reconciles. The queue is bounded and drops nothing:
when it is full the reader stops, and after all that was queued the iteration ends with
:class:`QueueOverflow`.
"""

import asyncio
import logging
import random
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TypeAlias

import aiohttp

from ari_app.ari.backoff import Backoff
from ari_app.ari.client import AriClient
from ari_app.ari.errors import (
    ApplicationTaken,
    AriError,
    AriUnavailable,
    BadReply,
    NotFound,
    QueueOverflow,
    ServerFault,
)
from ari_app.ari.events import ApplicationReplaced, BadEvent, Event, parse_event
from ari_app.ari.operations import EVENTS_EVENT_WEBSOCKET
from ari_app.ari.transport import EventSocket

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LinkUp:
    """The event connection stands. ``first`` is False after a loss: reconcile."""

    first: bool


@dataclass(frozen=True, slots=True)
class LinkDown:
    """The event connection is lost, and events with it. ``reason`` is for people."""

    reason: str


SessionItem: TypeAlias = LinkUp | LinkDown | Event


def may_retry(error: AriError) -> bool:
    """The one decision about a failed connection: True to try again, False to give up.

    Not reachable, too slow, still booting (404 before res_ari is loaded, 503) pass by themselves. A wrong
    password, a refused application name or another program holding our application do not.
    """
    return isinstance(error, AriUnavailable | ServerFault | NotFound | BadReply)


class AriSession:
    """The event stream of one application. Use as an async context manager, then iterate, in one task."""

    def __init__(
        self,
        client: AriClient,
        app: str,
        *,
        disallow: Sequence[str] = (),
        queue_size: int = 10_000,
        heartbeat: float = 5.0,
        backoff: Backoff | None = None,
    ) -> None:
        """:param disallow: event types Asterisk shall not send (saves parsing them)
        :param queue_size: events waiting at most
        :param heartbeat: seconds between pings of the connection
        """
        self._client = client
        self.app = app
        self._filter = {"disallowed": [{"type": kind} for kind in disallow]}
        self._size = queue_size
        self._heartbeat = heartbeat
        self._backoff = backoff or Backoff()
        self._items: deque[SessionItem] = deque()
        self._wake = asyncio.Event()
        self._end: AriError | None = None
        self._closed = False
        self._reader: asyncio.Task[None] | None = None
        self.linked = False
        """True while the event connection stands."""
        self.bad_events = 0
        """Messages refused at the door so far."""

    @property
    def waiting(self) -> int:
        """Items not yet taken."""
        return len(self._items)

    @property
    def failure(self) -> AriError | None:
        """Why the session has ended, as soon as it is known (the iteration raises it after the last item)."""
        return self._end

    async def __aenter__(self) -> "AriSession":
        self._reader = asyncio.create_task(self._run(), name=f"ari events {self.app}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End the connection; the iteration stops after what is queued."""
        self._closed = True
        self._wake.set()
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)

    def __aiter__(self) -> AsyncIterator[SessionItem]:
        return self

    async def __anext__(self) -> SessionItem:
        while not self._items:
            if self._end is not None:
                raise self._end
            if self._closed:
                raise StopAsyncIteration
            self._wake.clear()
            await self._wake.wait()
        return self._items.popleft()

    async def _run(self) -> None:
        try:
            await self._stay_connected()
        except AriError as error:
            self._finish(error)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            # A defect of ours: the iteration must end loudly, not wait for ever.
            log.exception("the ARI event reader failed")
            self._finish(AriError(f"ARI events: the reader failed ({type(error).__name__})"))

    async def _stay_connected(self) -> None:
        first = True
        delays = self._backoff.delays(random.random)
        while True:
            try:
                socket = await self._connect()
            except AriError as error:
                if not may_retry(error):
                    raise
                delay = next(delays)
                log.warning("%s; next try in %.1f s", error, delay)
                await asyncio.sleep(delay)
                continue
            delays = self._backoff.delays(random.random)
            try:
                self._link(LinkUp(first))
                first = False
                reason = await self._read(socket)
            finally:
                self.linked = False
                await socket.close()
            log.warning("ARI events: connection lost: %s", reason)
            self._link(LinkDown(reason))

    async def _connect(self) -> EventSocket:
        socket = await self._client.transport.websocket(
            EVENTS_EVENT_WEBSOCKET, {"app": [self.app]}, heartbeat=self._heartbeat
        )
        try:
            # The filter belongs to the registered application: it exists only now, and is set each time.
            await self._client.applications.filter(applicationName=self.app, filter=self._filter)
        except BaseException:
            await socket.close()
            raise
        return socket

    async def _read(self, socket: EventSocket) -> str:
        while True:
            message = await socket.receive()
            if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                self._take(message.data)
            elif message.type is aiohttp.WSMsgType.ERROR:
                return f"broken ({type(socket.exception()).__name__})"
            else:
                return f"closed by Asterisk (code {socket.close_code})"

    def _take(self, data: bytes) -> None:
        event = parse_event(data)
        if isinstance(event, BadEvent):
            self.bad_events += 1
            log.error("ARI events: refused one: %s", event.fault)
        elif isinstance(event, ApplicationReplaced):
            raise ApplicationTaken(f"ARI events: another program opened the application {self.app}: stop one of them")
        self._put(event)

    def _link(self, item: LinkUp | LinkDown) -> None:
        self.linked = isinstance(item, LinkUp)
        self._put(item)

    def _put(self, item: SessionItem) -> None:
        if len(self._items) >= self._size:
            raise QueueOverflow(
                f"ARI events: {self._size} events are waiting; stopped listening so that none is lost unseen"
            )
        self._items.append(item)
        self._wake.set()

    def _finish(self, error: AriError) -> None:
        log.critical("%s", error)
        self._end = error
        self._wake.set()
