"""ari-py's synchronous client over the asynchronous one, which lives in a thread of its own."""

import asyncio
import json
import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import aiohttp

from ari_app.ari.compat.objects import Caller, RemoteObject, Repository, Unsubscribe, promote
from ari_app.ari.errors import AriDown
from ari_app.ari.events import MAX_EVENT
from ari_app.ari.models import JsonObject
from ari_app.ari.operations import EVENT_FIELDS, EVENTS_EVENT_WEBSOCKET, OPERATIONS
from ari_app.ari.swagger import Operation
from ari_app.ari.transport import EventSocket, Transport

log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(eq=False, slots=True)
class _Listener(Unsubscribe):
    client: "Client"
    event_type: str
    call: Callable[[JsonObject], object]

    def close(self) -> None:
        """Hear no more."""
        self.client.forget(self)


class Client(Caller):
    """``connect`` makes one. Listeners run in the thread that called :meth:`run`, one event after the other."""

    def __init__(self, base_url: str, username: str, password: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="ari compat", daemon=True)
        self._thread.start()
        self._transport = Transport(base_url, username, password)
        self._listeners: defaultdict[str, list[_Listener]] = defaultdict(list)
        self._socket: EventSocket | None = None
        self._resources = {op.resource: Repository(self, op.resource) for op in OPERATIONS}
        self.exception_handler: Callable[[Exception], object] = _log_failure
        """Called with what a listener raised; by default it is logged and the next event is taken."""
        self._wait(self._transport.open())

    def __getattr__(self, name: str) -> Repository:
        repository = self.__dict__.get("_resources", {}).get(name)
        if repository is None:
            raise AttributeError(f"ARI has no resource '{name}'")
        return repository  # type: ignore[no-any-return]

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def get_repo(self, name: str) -> Repository:
        """A resource by name."""
        return self._resources[name]

    def call(self, operation: Operation, values: Mapping[str, Any]) -> Any:
        """Carry out one operation and wait for it. :raises AriError:"""
        if operation.websocket:
            raise TypeError("events come through run(apps)")
        return self._wait(self._transport.send(operation, values)).body

    def run(self, apps: str | Sequence[str]) -> None:
        """Open the applications and call listeners until :meth:`close`, or until Asterisk hangs up.

        :raises AriError: the connection could not be made
        """
        names = apps.split(",") if isinstance(apps, str) else list(apps)
        socket = self._wait(self._transport.websocket(EVENTS_EVENT_WEBSOCKET, {"app": names}))
        self._socket = socket
        try:
            while (data := self._wait(_next(socket))) is not None:
                self._dispatch(data)
        except AriDown:
            log.info("the client was closed while it listened")
        finally:
            self._socket = None

    def close(self) -> None:
        """Hang up; :meth:`run` returns. May be called from a listener or another thread."""
        if not self._loop.is_running():
            return
        self._wait(self._shut())
        self._loop.call_soon_threadsafe(self._loop.stop)
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def on_event(self, event_type: str, listener: Callable[..., object], *args: Any, **kwargs: Any) -> Unsubscribe:
        """Call ``listener(event, *args, **kwargs)`` for each event of a type; ``event`` is Asterisk's JSON."""
        entry = _Listener(self, event_type, lambda event: listener(event, *args, **kwargs))
        self._listeners[event_type].append(entry)
        return entry

    def on_object_event(
        self, event_type: str, kind: str, listener: Callable[..., object], *args: Any, **kwargs: Any
    ) -> Unsubscribe:
        """Call ``listener(object, event, ...)``; of several objects in one event, ``{field: object}``.

        :raises ValueError: no such event, or none of its fields is of that kind
        """
        if event_type not in EVENT_FIELDS:
            raise ValueError(f"ARI has no event '{event_type}'")
        fields = [name for name, type_ in EVENT_FIELDS[event_type].items() if type_ == kind]
        if not fields:
            raise ValueError(f"the event '{event_type}' has no field of the kind {kind}")

        def with_objects(event: JsonObject) -> None:
            objects = {name: promote(self, kind, event[name]) for name in fields if event.get(name)}
            single = objects.get(fields[0]) if len(fields) == 1 else objects
            listener(single, event, *args, **kwargs)

        return self.on_event(event_type, with_objects)

    def on_channel_event(self, event_type: str, fn: Callable[..., object], *args: Any, **kwargs: Any) -> Unsubscribe:
        return self.on_object_event(event_type, "Channel", fn, *args, **kwargs)

    def on_bridge_event(self, event_type: str, fn: Callable[..., object], *args: Any, **kwargs: Any) -> Unsubscribe:
        return self.on_object_event(event_type, "Bridge", fn, *args, **kwargs)

    def on_playback_event(self, event_type: str, fn: Callable[..., object], *args: Any, **kwargs: Any) -> Unsubscribe:
        return self.on_object_event(event_type, "Playback", fn, *args, **kwargs)

    def on_live_recording_event(
        self, event_type: str, fn: Callable[..., object], *args: Any, **kwargs: Any
    ) -> Unsubscribe:
        return self.on_object_event(event_type, "LiveRecording", fn, *args, **kwargs)

    def on_endpoint_event(self, event_type: str, fn: Callable[..., object], *args: Any, **kwargs: Any) -> Unsubscribe:
        return self.on_object_event(event_type, "Endpoint", fn, *args, **kwargs)

    def on_device_state_event(
        self, event_type: str, fn: Callable[..., object], *args: Any, **kwargs: Any
    ) -> Unsubscribe:
        return self.on_object_event(event_type, "DeviceState", fn, *args, **kwargs)

    def forget(self, listener: _Listener) -> None:
        """Remove a listener; ``listener.close()`` does the same."""
        heard = self._listeners[listener.event_type]
        if listener in heard:
            heard.remove(listener)

    def _dispatch(self, data: bytes) -> None:
        event = _event(data)
        if event is None:
            log.error("ARI events: refused one that is no event")
            return
        for listener in list(self._listeners.get(str(event["type"]), ())):
            try:
                listener.call(event)
            except Exception as error:
                self.exception_handler(error)

    async def _shut(self) -> None:
        if self._socket is not None:
            await self._socket.close()
        await self._transport.close()

    def _wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        if not self._loop.is_running():
            coroutine.close()
            raise AriDown("ARI: the client is closed")
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()


async def _next(socket: EventSocket) -> bytes | None:
    message = await socket.receive()
    return message.data if message.type is aiohttp.WSMsgType.TEXT else None


def _event(data: bytes) -> JsonObject | None:
    if len(data) > MAX_EVENT:
        return None
    try:
        event = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) and isinstance(event.get("type"), str) else None


def _log_failure(error: Exception) -> None:
    log.error("a listener failed", exc_info=error)


__all__ = ["Client", "RemoteObject"]
