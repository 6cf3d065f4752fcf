"""The event door: what Asterisk sends becomes a typed event, everything else a named fault."""

import json
import time
from datetime import UTC, datetime

import pytest

from ari_app.ari import events
from ari_app.ari.events import BadEvent, ChannelDtmfReceived, Dial, StasisStart, Unknown, parse_event
from ari_app.ari.operations import EVENT_FIELDS
from tests.peer.samples import FIELDS, sample


@pytest.mark.parametrize("kind", FIELDS)
def test_every_type_the_conductor_uses_is_read(kind: str) -> None:
    event = parse_event(sample(kind))
    assert type(event).__name__ == kind
    assert event.at == datetime(2026, 11, 21, 20, 5, 28, 33000, tzinfo=UTC)  # type: ignore[union-attr]


def test_the_types_are_asterisks_own() -> None:
    assert set(FIELDS) <= set(EVENT_FIELDS)
    assert set(FIELDS) == set(events._PARSERS)


def test_fields() -> None:
    start = parse_event(sample("StasisStart"))
    assert isinstance(start, StasisStart)
    assert (start.channel.id, start.channel.state, start.args) == ("01J-callee", "Up", ("h", "a"))
    assert start.channel.caller == "+15555550123"
    digit = parse_event(sample("ChannelDtmfReceived"))
    assert isinstance(digit, ChannelDtmfReceived)
    assert (digit.digit, digit.duration_ms) == ("9", 120)
    dial = parse_event(sample("Dial"))
    assert isinstance(dial, Dial)
    assert (dial.status, dial.caller) == ("RINGING", None)


def test_no_number_stands_in_the_text_of_an_event() -> None:
    for kind in FIELDS:
        assert "5555" not in repr(parse_event(sample(kind)))


def test_a_type_nobody_uses_is_unknown() -> None:
    assert parse_event(sample("ChannelVarset")) == Unknown("ChannelVarset")


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", "not JSON"),
        (b"\xff", "not UTF-8"),
        (b"[]", "not an object"),
        (b"5", "not an object"),
        (b"{}", "no type"),
        (b'{"type": 5}', "no type"),
        (b'{"type": ""}', "no type"),
        (b'{"type": "a b"}', "no type"),
        (b'{"type": "a\\nb"}', "no type"),
        (b'{"type": "' + b"x" * 65 + b'"}', "no type"),
        (b'{"type": "StasisEnd"}', "StasisEnd without a proper timestamp"),
        (b'{"type": "X", "v": "\\ud800"}', "half a surrogate pair"),
        (b"[" * 50_000, "not JSON"),
        (b'{"a":' * 9_000, "not JSON"),
        (b"1" * 5_000, "not JSON"),
        (b" " * 70_000, "longer than 64 KiB"),
        (sample("StasisEnd", timestamp="yesterday"), "StasisEnd without a proper timestamp"),
        (sample("StasisEnd", timestamp="2026-11-21T20:05:28"), "StasisEnd without a proper timestamp"),
        (sample("StasisEnd", channel=None), "StasisEnd without a proper channel"),
        (sample("StasisEnd", channel={}), "StasisEnd without a proper id"),
        (sample("StasisStart", args=["a", 5]), "StasisStart without a proper args"),
        (sample("StasisStart", args="ab"), "StasisStart without a proper args"),
        (sample("ChannelDtmfReceived", digit="99"), "ChannelDtmfReceived without a proper digit"),
        (sample("ChannelDtmfReceived", duration_ms=True), "ChannelDtmfReceived without a proper duration_ms"),
        (sample("ChannelDestroyed", cause="16"), "ChannelDestroyed without a proper cause"),
        (sample("Dial", peer=[]), "Dial without a proper peer"),
    ],
)
def test_what_is_no_event_is_a_named_fault(data: bytes, fault: str) -> None:
    assert parse_event(data) == BadEvent(fault)


def test_every_required_field_of_every_type_is_missed() -> None:
    optional = {"tech_cause", "dialstring", "forward"}
    for kind, fields in FIELDS.items():
        for name in set(fields) - optional:
            event = json.loads(sample(kind))
            del event[name]
            found = parse_event(json.dumps(event).encode())
            loose = (kind, name) in {("ChannelHangupRequest", "cause"), ("ChannelEnteredBridge", "channel")}
            assert isinstance(found, BadEvent) is not loose, (kind, name)


def test_an_event_costs_microseconds() -> None:
    data = [sample(kind) for kind in FIELDS]
    best = min(_round(data) for _ in range(5))
    # 6 to 7 µs where it was measured; ten times that would be felt at 100 calls.
    assert best / len(data) < 70e-6


def _round(data: list[bytes]) -> float:
    begin = time.perf_counter()
    for each in data:
        parse_event(each)
    return time.perf_counter() - begin
