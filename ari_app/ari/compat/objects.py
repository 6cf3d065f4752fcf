"""ari-py's repositories and objects: names looked up in the table of operations when they are asked for.

``Any`` stands here on purpose: this face is dynamic, as ari-py's was, and made for admins' scripts.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

from ari_app.ari.models import JsonObject
from ari_app.ari.operations import OPERATIONS
from ari_app.ari.swagger import Kind, Operation

IDENTITY: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "Channel": ("channels", {"channelId": "id"}),
    "Bridge": ("bridges", {"bridgeId": "id"}),
    "Playback": ("playbacks", {"playbackId": "id"}),
    "LiveRecording": ("recordings", {"recordingName": "name"}),
    "StoredRecording": ("recordings", {"recordingName": "name"}),
    "Endpoint": ("endpoints", {"tech": "technology", "resource": "resource"}),
    "DeviceState": ("deviceStates", {"deviceName": "name"}),
    "Mailbox": ("mailboxes", {"mailboxName": "name"}),
    "Sound": ("sounds", {"soundId": "id"}),
    "Application": ("applications", {"applicationName": "name"}),
}
"""Asterisk's class of object → its resource, and which of its fields fill which arguments."""

_BY_NAME = {(op.resource, op.name): op for op in OPERATIONS}


class Caller(Protocol):
    """What carries an operation out and hears events: the client."""

    def call(self, operation: Operation, values: Mapping[str, Any]) -> Any: ...

    def on_object_event(
        self, event_type: str, kind: str, listener: Callable[..., object], *args: Any, **kwargs: Any
    ) -> "Unsubscribe": ...


class Unsubscribe(Protocol):
    """What ``on_event`` gives back."""

    def close(self) -> None: ...


class Repository:
    """One resource: ``client.channels.get(channelId=...)``, any operation by its name."""

    def __init__(self, caller: Caller, name: str) -> None:
        self._caller = caller
        self._name = name

    def __repr__(self) -> str:
        return f"Repository({self._name})"

    def __getattr__(self, name: str) -> Callable[..., Any]:
        operation = _BY_NAME.get((self._name, name))
        if operation is None:
            raise AttributeError(f"'{self._name}' has no operation '{name}'")
        return partial(invoke, self._caller, operation)


class RemoteObject:
    """A channel, bridge ... ``.id``, ``.json`` and its operations as methods: ``channel.answer()``."""

    def __init__(self, caller: Caller, kind: str, json: JsonObject) -> None:
        self.client = caller
        self.kind = kind
        self.json = json
        self._resource, fields = IDENTITY[kind]
        self._identity = {argument: json[key] for argument, key in fields.items()}
        self.id = "/".join(str(part) for part in self._identity.values())

    def __repr__(self) -> str:
        return f"{self.kind}({self.id})"

    def __getattr__(self, name: str) -> Callable[..., Any]:
        operation = _BY_NAME.get((self._resource, name))
        paths = {p.name for p in operation.params if p.kind is Kind.PATH} if operation else set()
        if operation is None or not set(self._identity) <= paths:
            raise AttributeError(f"'{self.kind}' has no operation '{name}'")
        return partial(invoke, self.client, operation, **self._identity)

    def on_event(self, event_type: str, listener: Callable[..., object], *args: Any, **kwargs: Any) -> Unsubscribe:
        """Call ``listener(object, event, *args, **kwargs)`` for events of this very object."""

        def only_mine(objects: Any, event: JsonObject, *more: Any, **named: Any) -> None:
            mine = objects.values() if isinstance(objects, dict) else [objects]
            if any(isinstance(each, RemoteObject) and each.id == self.id for each in mine):
                listener(objects, event, *more, **named)

        return self.client.on_object_event(event_type, self.kind, only_mine, *args, **kwargs)


def invoke(caller: Caller, operation: Operation, **values: Any) -> Any:
    """Carry out an operation; what comes back becomes objects where Asterisk names their class.

    :raises TypeError: an argument the operation does not have, or one it lacks
    """
    known = {p.name for p in operation.params}
    if unknown := sorted(set(values) - known):
        raise TypeError(f"{operation.full_name}() has no argument {unknown[0]!r}")
    if lacking := sorted(p.name for p in operation.params if p.required and values.get(p.name) is None):
        raise TypeError(f"{operation.full_name}() lacks the argument {lacking[0]!r}")
    return promote(caller, operation.reply, caller.call(operation, values))


def promote(caller: Caller, reply: str, body: Any) -> Any:
    """JSON → objects, by Asterisk's name of the class; what has none stays as it is."""
    if reply.startswith("List[") and isinstance(body, list):
        return [promote(caller, reply[5:-1], each) for each in body]
    if reply in IDENTITY and isinstance(body, dict):
        return RemoteObject(caller, reply, body)
    return body
