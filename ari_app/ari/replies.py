"""Turn what ARI answered into the type the generated method promises, or raise :class:`BadReply`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from ari_app.ari import models
from ari_app.ari.errors import BadReply
from ari_app.ari.models import JsonObject

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reply:
    """``body`` is decoded JSON, or bytes where the document says "binary", or None for an empty answer."""

    operation: str
    body: object


def nothing(reply: Reply) -> None:
    """The operation answers without content; whatever came is of no meaning."""


def binary(reply: Reply) -> bytes:
    """The content of a stored file."""
    if not isinstance(reply.body, bytes):
        raise _bad(reply, "content")
    return reply.body


def record(reply: Reply) -> JsonObject:
    """A JSON object Heedline has no type for."""
    if not isinstance(reply.body, dict):
        raise _bad(reply, "an object")
    return reply.body


def records(reply: Reply) -> tuple[JsonObject, ...]:
    """A list of JSON objects Heedline has no type for."""
    if not isinstance(reply.body, list) or not all(isinstance(item, dict) for item in reply.body):
        raise _bad(reply, "a list of objects")
    return tuple(reply.body)


def channel(reply: Reply) -> models.Channel:
    return _read(reply, models.channel)


def channels(reply: Reply) -> tuple[models.Channel, ...]:
    return tuple(_parse(reply, item, models.channel) for item in records(reply))


def bridge(reply: Reply) -> models.Bridge:
    return _read(reply, models.bridge)


def bridges(reply: Reply) -> tuple[models.Bridge, ...]:
    return tuple(_parse(reply, item, models.bridge) for item in records(reply))


def playback(reply: Reply) -> models.Playback:
    return _read(reply, models.playback)


def live_recording(reply: Reply) -> models.LiveRecording:
    return _read(reply, models.live_recording)


def variable(reply: Reply) -> str:
    return _read(reply, models.variable)


def _read(reply: Reply, parse: Callable[[JsonObject], T]) -> T:
    return _parse(reply, record(reply), parse)


def _parse(reply: Reply, obj: JsonObject, parse: Callable[[JsonObject], T]) -> T:
    try:
        return parse(obj)
    except models.Malformed as error:
        raise _bad(reply, f"a proper {error}") from None


def _bad(reply: Reply, expected: str) -> BadReply:
    return BadReply(f"ARI {reply.operation}: the answer lacks {expected}", reply.operation)
