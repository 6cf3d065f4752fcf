"""What the bench's far ends say is what they are said to say."""

import struct
from pathlib import Path

import pytest

from bench.latency import Spread
from bench.probe import hertz
from bench.sound import CONFIRMATION_HZ, FAR_HZ, FRAME, NOTICE_HZ, key_press, speech, tone, ulaw, write_capture


@pytest.mark.parametrize(
    ("sample", "coded"),
    [(0, 0xFF), (-1, 0x7F), (32767, 0x80), (-32768, 0x00), (8031, 0xA0), (132, 0xEF)],
)
def test_ulaw_of_known_samples(sample: int, coded: int) -> None:
    """G.711: silence is FF, the loudest is 80 and 00."""
    assert ulaw(sample) == coded


@pytest.mark.parametrize("frequency", [NOTICE_HZ, CONFIRMATION_HZ, FAR_HZ])
def test_a_frame_tells_its_tone(frequency: float) -> None:
    for frame in tone(frequency, 100):
        assert len(frame) == FRAME
        assert abs(hertz(frame) - frequency) < 60


def test_silence_is_no_tone() -> None:
    assert hertz(bytes([0xFF]) * FRAME) == 0


def test_a_key_ends_three_times() -> None:
    packets = key_press("9", 7, 1600)
    assert [struct.unpack("!H", packet[2:4])[0] for packet in packets] == list(range(7, 13))
    assert {packet[12] for packet in packets} == {9}
    assert [bool(packet[13] & 0x80) for packet in packets] == [False] * 3 + [True] * 3
    assert [packet[1] for packet in packets] == [0x80 | 101, *[101] * 5]


def test_speech_presses_each_key_once_and_loses_no_sequence_number() -> None:
    packets = speech(2.0, {0.5: "1", 1.0: "9"})
    numbers = [struct.unpack("!H", packet[2:4])[0] for _, packet in packets]
    assert numbers == list(range(len(packets)))
    pressed = [packet[12] for _, packet in packets if packet[1] & 0x7F == 101]
    assert pressed == [1] * 6 + [9] * 6
    assert packets[-1][0] < 2.0


def test_the_capture_holds_every_packet(tmp_path: Path) -> None:
    file = tmp_path / "far.pcap"
    packets = speech(0.2, {})
    write_capture(file, packets)
    content = file.read_bytes()
    assert content[:4] == struct.pack("<I", 0xA1B2C3D4)
    at, found = 24, []
    while at < len(content):
        length = struct.unpack_from("<I", content, at + 8)[0]
        found.append(content[at + 16 + 14 + 20 + 8 : at + 16 + length])
        at += 16 + length
    assert found == [packet for _, packet in packets]


def test_a_spread_names_its_worst_hundredth() -> None:
    spread = Spread.of([n / 1000 for n in range(1, 201)])
    assert spread.samples == 200
    assert spread.median == pytest.approx(0.1005)
    assert spread.p99 == pytest.approx(0.199)
