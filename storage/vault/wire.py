"""The recorder's socket, message by message: one JSON object a line, at most 8 KiB.

    {"id": 7, "op": "open", "recording": ULID, "attempt": ULID, "spool": "<recording>.raw", "rate": 8000, "at": us,
     "barred": false}
    {"id": 8, "op": "pause" | "resume" | "admit", "recording": ULID, "at": us}
    {"id": 9, "op": "close", "recording": ULID, "at": us, "crashed": false, "cut": false, "reason": "hangup"}
    {"id": 1, "op": "ping"}    {"id": 2, "op": "watch"}
    reply:  {"id": n, "ok": true, …}    {"id": n, "ok": false, "error": code, "detail": text}
            a close is answered with {"sealed": true, "milliseconds": audio, "failed": false}
    watch:  {"event": "failed", "recording": ULID, "error": code}    {"event": "sealed", "recording": ULID, …}

`at` is in microseconds since the epoch. `barred`: what comes from the callee's channel is sealed as silence until
`admit` and what was said before it, whatever is in the spool. `cut`: what is not sealed yet is thrown away, not sealed.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from compliance.errors import BadInput
from storage.instant import from_us
from storage.vault.errors import BadRequest
from storage.vault.fields import Fields, Json
from storage.vault.format import is_recording_id
from storage.vault.spool import spool_name

LONGEST_LINE = 8 * 1024
_FIRST_US = 1_600_000_000_000_000  # September 2020: an `at` before it is in another unit
_LAST_US = 8_000_000_000_000_000


class Op(Enum):
    OPEN = "open"
    CLOSE = "close"
    PAUSE = "pause"
    RESUME = "resume"
    ADMIT = "admit"
    PING = "ping"
    WATCH = "watch"


@dataclass(frozen=True)
class Request:
    """A request; fields that its operation does not have keep their defaults."""

    id: int
    op: Op
    recording: str = ""
    attempt: str = ""
    rate: int = 8000
    at: datetime | None = None
    barred: bool = False
    crashed: bool = False
    cut: bool = False
    reason: str = ""


def parse_request(line: bytes) -> Request:
    """Raises BadRequest: anything else than one of the messages above."""
    fields = _object(line)
    number = 0
    try:
        number = fields.integer("id")
        request = _request(fields, number)
        fields.end()
    except (ValueError, TypeError) as error:
        raise BadRequest(f"request {number}: {error}") from None
    return request


def _request(fields: Fields, number: int) -> Request:
    op = Op(fields.text("op"))
    if op in (Op.PING, Op.WATCH):
        return Request(number, op)
    recording = _ulid(fields, "recording")
    at = from_us(fields.integer("at", _FIRST_US, _LAST_US))
    if op is Op.OPEN:
        attempt = _ulid(fields, "attempt")
        if fields.text("spool") != spool_name(recording):
            raise ValueError("spool: the name is the recording's id and .raw")
        rate, barred = fields.integer("rate", 8_000, 48_000), fields.flag("barred")
        return Request(number, op, recording, attempt, rate, at, barred)
    if op is Op.CLOSE:
        crashed, cut, reason = fields.flag("crashed"), fields.flag("cut"), fields.text("reason", 200)
        return Request(number, op, recording, at=at, crashed=crashed, cut=cut, reason=reason)
    return Request(number, op, recording, at=at)


def _ulid(fields: Fields, key: str) -> str:
    text = fields.text(key)
    if not is_recording_id(text):
        raise ValueError(f"{key}: not a ULID")
    return text


def parse_message(line: bytes) -> dict[str, Json]:
    """A reply or an event, as a client reads it. Raises BadRequest."""
    value = _loaded(line)
    if not isinstance(value, dict):
        raise BadRequest("recorder: not an object")
    return value


def line_of(message: dict[str, Json]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def _object(line: bytes) -> Fields:
    try:
        return Fields(_loaded(line), "request")
    except TypeError as error:
        raise BadRequest(str(error)) from None


def _loaded(line: bytes) -> Json:
    if len(line) > LONGEST_LINE:
        raise BadRequest(f"a line of {len(line)} bytes; at most {LONGEST_LINE} are read")
    try:
        value: Json = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError, BadInput):
        raise BadRequest("a line that is not JSON") from None
    return value
