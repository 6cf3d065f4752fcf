"""What Asterisk tells about channels, bridges, playbacks and recordings, parsed strictly.

Only the fields Heedline uses; everything else of a reply is left aside. A phone number is kept out of
``repr``, so that no log line or traceback can show it.
"""

from dataclasses import dataclass, field
from typing import TypeAlias

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"
JsonObject: TypeAlias = dict[str, Json]


class Malformed(ValueError):
    """A field is missing or of the wrong type; the text names the field only, never its value."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel as Asterisk sees it. ``state``: Down, Rsrvd, OffHook, Dialing, Ring, Ringing, Up, Busy ...

    ``name`` is the one AMI wants; Asterisk builds it from the endpoint or extension, so it may hold a number.
    """

    id: str
    name: str = field(repr=False)
    state: str
    caller: str = field(repr=False)
    exten: str = field(repr=False)
    language: str
    app: str
    variables: JsonObject = field(repr=False)


@dataclass(frozen=True, slots=True)
class Bridge:
    """A bridge and the ids of the channels in it."""

    id: str
    name: str
    bridge_type: str
    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Playback:
    """A playback. ``state``: queued, playing, continuing, done, failed, cancelled.

    ``target`` is "channel:<id>" or "bridge:<id>".
    """

    id: str
    media: str
    target: str
    state: str


@dataclass(frozen=True, slots=True)
class LiveRecording:
    """An ARI recording under way or just over; ``cause`` says why it failed, if it did."""

    name: str
    target: str
    state: str
    cause: str | None


def text(obj: JsonObject, key: str) -> str:
    """A required text field."""
    value = obj.get(key)
    if type(value) is not str:
        raise Malformed(key)
    return value


def text_or(obj: JsonObject, key: str, default: str) -> str:
    """A text field Asterisk may leave out."""
    value = obj.get(key, default)
    if type(value) is not str:
        raise Malformed(key)
    return value


def optional_text(obj: JsonObject, key: str) -> str | None:
    """A text field Asterisk may leave out or send as null."""
    value = obj.get(key)
    if value is not None and type(value) is not str:
        raise Malformed(key)
    return value


def whole(obj: JsonObject, key: str) -> int:
    """A required whole number (a bool is none)."""
    value = obj.get(key)
    if type(value) is not int:
        raise Malformed(key)
    return value


def optional_whole(obj: JsonObject, key: str) -> int | None:
    """A whole number Asterisk may leave out."""
    value = obj.get(key)
    if value is not None and type(value) is not int:
        raise Malformed(key)
    return value


def child(obj: JsonObject, key: str) -> JsonObject:
    """A required object."""
    value = obj.get(key)
    if type(value) is not dict:
        raise Malformed(key)
    return value


def child_or_empty(obj: JsonObject, key: str) -> JsonObject:
    """An object Asterisk may leave out."""
    value = obj.get(key, _EMPTY)
    if type(value) is not dict:
        raise Malformed(key)
    return value


def texts(obj: JsonObject, key: str) -> tuple[str, ...]:
    """A required list of texts."""
    value = obj.get(key)
    if type(value) is not list:
        raise Malformed(key)
    for item in value:
        if type(item) is not str:
            raise Malformed(key)
    return tuple(str(item) for item in value)


_EMPTY: JsonObject = {}


def channel(obj: JsonObject) -> Channel:
    """``models.Channel`` of Asterisk's Channel object."""
    dialplan = child_or_empty(obj, "dialplan")
    return Channel(
        id=text(obj, "id"),
        name=text(obj, "name"),
        state=text(obj, "state"),
        caller=text_or(child_or_empty(obj, "caller"), "number", ""),
        exten=text_or(dialplan, "exten", ""),
        language=text_or(obj, "language", ""),
        app=text_or(dialplan, "app_data", ""),
        variables=child_or_empty(obj, "channelvars"),
    )


def bridge(obj: JsonObject) -> Bridge:
    """``models.Bridge`` of Asterisk's Bridge object."""
    return Bridge(
        id=text(obj, "id"),
        name=text_or(obj, "name", ""),
        bridge_type=text_or(obj, "bridge_type", ""),
        channels=texts(obj, "channels"),
    )


def playback(obj: JsonObject) -> Playback:
    """``models.Playback`` of Asterisk's Playback object."""
    return Playback(
        id=text(obj, "id"),
        media=text(obj, "media_uri"),
        target=text_or(obj, "target_uri", ""),
        state=text(obj, "state"),
    )


def live_recording(obj: JsonObject) -> LiveRecording:
    """``models.LiveRecording`` of Asterisk's LiveRecording object."""
    return LiveRecording(
        name=text(obj, "name"),
        target=text_or(obj, "target_uri", ""),
        state=text(obj, "state"),
        cause=optional_text(obj, "cause"),
    )


def variable(obj: JsonObject) -> str:
    """The text in Asterisk's Variable object."""
    return text(obj, "value")
