"""Arbitrary and mutated input at the doors of ARI, AMI and FastAGI: an answer or a named error, never a crash."""

import asyncio
import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qsl, unquote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agi import AgiHangup, BadAgi, BadCommand
from agi.wire import arguments_of, command_line, parse_headers, parse_result, route_of
from ari_app.ami import UnsafeValue, values
from ari_app.ami.wire import Wire, _GuardedProtocol
from ari_app.ari.errors import AriError
from ari_app.ari.events import BadEvent, parse_event
from ari_app.ari.operations import CHANNELS_HANGUP
from ari_app.ari.swagger import BadSwagger, event_fields, operations_of, resources_of
from ari_app.ari.transport import Transport
from tests.peer.fake_ami import fake_ami, success
from tests.peer.samples import FIELDS, sample

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
KINDS = st.sampled_from(sorted(FIELDS))


def check_event(data: bytes) -> None:
    event = parse_event(data)
    repr(event).encode()
    if isinstance(event, BadEvent):
        assert len(event.fault) < 100


@given(st.binary(max_size=300))
def test_any_bytes_are_an_event_or_a_fault(data: bytes) -> None:
    check_event(data)


@given(JSON)
def test_any_json_is_an_event_or_a_fault(value: object) -> None:
    check_event(json.dumps(value).encode())


@given(KINDS, st.data())
def test_a_real_event_with_fields_replaced(kind: str, data: st.DataObject) -> None:
    event = json.loads(sample(kind))
    spot = event
    while True:
        key = data.draw(st.sampled_from(sorted(spot)))
        if not isinstance(spot[key], dict) or not spot[key] or data.draw(st.booleans()):
            break
        spot = spot[key]
    spot[key] = data.draw(JSON)
    check_event(json.dumps(event).encode())


@given(KINDS, st.data())
def test_a_real_event_with_bytes_changed(kind: str, data: st.DataObject) -> None:
    raw = bytearray(sample(kind))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    check_event(bytes(raw))


@given(JSON)
def test_any_json_is_a_swagger_document_or_refused(value: object) -> None:
    for read in (resources_of, event_fields, lambda doc: operations_of("x", doc)):
        try:
            read(value)
        except BadSwagger:
            continue


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_text_stays_one_path_segment_and_one_query_value(channel: str, reason: str) -> None:
    transport = Transport("http://127.0.0.1:1", "u", "p")
    try:
        address, body = transport._address(CHANNELS_HANGUP, {"channelId": channel, "reason": reason})
    except AriError:
        return
    assert body is None
    assert address.isascii()
    assert address.isprintable()
    assert not set(address) & set(" #")
    path, _, query = address.partition("?")
    assert path.count("/") == 2
    assert unquote(path) == f"/channels/{channel}"
    assert parse_qsl(query, keep_blank_values=True) == ([("reason", reason)] if query else [])


TEXT = st.text(max_size=60) | st.sampled_from(["PJSIP/a-1\r\nAction: X", "/s/a.raw,,x", "D,x", "PJSIP/a\u2028b"])


@given(TEXT)
def test_what_passes_the_ami_guards_is_one_line_without_separators(text: str) -> None:
    for guard in (values.channel_name, values.spool_path, values.monitor_options):
        try:
            passed = guard(text)
        except UnsafeValue:
            continue
        assert passed == text
        assert passed.isascii()
        assert not set(passed) & set("\r\n\0,")
        assert len(passed.splitlines()) <= 1


AMI_PIECES = (
    b"\r\n",
    b"\r\n\r\n",
    b"Event: ",
    b"Response: ",
    b"ActionID: ",
    b": ",
    b"Follows",
    b"Shutdown",
    b"FullyBooted",
    b"Event: X\r\nEvent: Y\r\n\r\n",
    b"SubEvent: Start\r\n",
    b"Result: %ff%00\r\n",
    b"\xc3",
    b"\0",
    b"EventList: start",
)
AMI_BYTES = st.lists(st.sampled_from(AMI_PIECES) | st.binary(max_size=12), max_size=20).map(b"".join)


@given(AMI_BYTES)
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=60)
def test_whatever_the_manager_sends_the_connection_gives_an_answer_or_a_named_error(noise: bytes) -> None:
    logging.disable(logging.CRITICAL)
    try:
        asyncio.run(_noise(noise))
    finally:
        logging.disable(logging.NOTSET)


async def _noise(noise: bytes) -> None:
    failures: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
    async with fake_ami() as peer:
        wire = Wire("127.0.0.1", peer.port, "u", "right", timeout=1, on_event=lambda _: None)
        await wire.open()
        # A message may be left open: the blank line ends it, as the next one of a real PBX would.
        peer.writers[0].write(noise + b"\r\n\r\n")
        peer.answer = success
        if b"Shutdown" not in noise:
            await wire.act("Ping", {})
        wire.close()
    assert failures == []


@given(st.lists(st.binary(max_size=40), max_size=6))
def test_packets_of_any_cut_make_the_same_messages(cuts: list[bytes]) -> None:
    whole = b"".join(cuts)
    assert _messages(cuts) == _messages([whole]) == _messages([whole[i : i + 1] for i in range(len(whole))])


def _messages(packets: list[bytes]) -> list[bytes]:
    seen: list[bytes] = []

    class Kept(_GuardedProtocol):
        def _one(self, message: bytes) -> None:
            seen.append(message)

    protocol = Kept()
    protocol._pending = bytearray()
    for packet in packets:
        protocol.data_received(packet)
    return seen


AGI_BYTES = st.lists(
    st.sampled_from([b"agi_network_script: hello", b"agi_arg_1: x", b"\n", b": ", b"agi_", b"\r\n", b"\xff", b"\0"])
    | st.binary(max_size=20),
    max_size=12,
).map(b"".join)


@given(AGI_BYTES)
def test_any_headers_are_read_or_refused(block: bytes) -> None:
    try:
        headers = parse_headers(block)
        arguments_of(headers)
        assert route_of(headers).isascii()
    except BadAgi:
        return


@given(
    st.binary(max_size=80)
    | st.sampled_from([b"200 result=", b"520-", b"100 "]).flatmap(lambda p: st.binary(max_size=20).map(lambda t: p + t))
)
def test_any_result_line_is_read_or_refused(line: bytes) -> None:
    try:
        result = parse_result(line)
    except (BadAgi, AgiHangup):
        return
    assert 100 <= result.code <= 999


@given(st.text(max_size=60))
def test_any_argument_stays_inside_its_quotes(argument: str) -> None:
    try:
        line = command_line("NOOP", (argument,))
    except BadCommand:
        return
    text = line.decode()
    assert text.count("\n") == 1
    assert text.endswith('"\n')
    inside = text[len('NOOP "') : -2]
    assert inside.replace("\\\\", "").replace('\\"', "").count('"') == 0


def test_atheris_finds_nothing_in_a_few_seconds(tmp_path: Path) -> None:
    pytest.importorskip("atheris")
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for kind in FIELDS:
        (corpus / kind).write_bytes(sample(kind))
    root = Path(__file__).resolve().parents[2]
    run = subprocess.run(
        [
            sys.executable,
            str(Path(__file__).with_name("atheris_events.py")),
            str(corpus),
            "-max_total_time=4",
            "-max_len=4096",
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    assert "Done" in run.stderr
