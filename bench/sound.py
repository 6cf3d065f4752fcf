"""What the far ends say, and what the prompts of a bench sound like: tones, so that a frame tells what it is.

A far end that presses a key is a packet capture which SIPp plays: 20 ms of µ-law a packet, and at the instant of
the key RFC 4733 events (three updates, then the end three times, as section 2.5.1.4 asks).
"""

import math
import struct
import wave
from pathlib import Path

RATE = 8000
FRAME = 160  # samples in 20 ms
PAYLOAD_EVENT = 101
NOTICE_HZ, CONFIRMATION_HZ, FAR_HZ = 1000, 500, 880
_AMPLITUDE = 8000
_BIAS, _CLIP = 0x84, 32635
_KEYS = "0123456789*#"


def ulaw(sample: int) -> int:
    """One 16-bit sample as G.711 µ-law."""
    sign = 0x80 if sample < 0 else 0
    magnitude = min(abs(sample), _CLIP) + _BIAS
    exponent = magnitude.bit_length() - 8
    return ~(sign | exponent << 4 | (magnitude >> (exponent + 3)) & 0x0F) & 0xFF


def tone(hertz: float, frames: int) -> list[bytes]:
    """That many frames of 20 ms, µ-law."""
    step = 2 * math.pi * hertz / RATE
    one_second = bytes(ulaw(round(_AMPLITUDE * math.sin(step * n))) for n in range(RATE))  # whole cycles: it repeats
    turns = one_second * (frames * FRAME // RATE + 2)
    return [turns[n * FRAME : (n + 1) * FRAME] for n in range(frames)]


def write_prompt(path: Path, hertz: float, seconds: float) -> None:
    """A mono 16-bit WAV of a tone that sounds from its first sample."""
    path.parent.mkdir(parents=True, exist_ok=True)
    step = 2 * math.pi * hertz / RATE
    samples = (round(_AMPLITUDE * math.sin(step * n)) for n in range(1, int(seconds * RATE) + 1))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))


def rtp(kind: int, marker: bool, sequence: int, timestamp: int, payload: bytes, ssrc: int = 0x48454544) -> bytes:
    """An RTP packet (RFC 3550, section 5.1)."""
    head = struct.pack("!BBHII", 0x80, marker << 7 | kind, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc)
    return head + payload


def key_press(key: str, sequence: int, timestamp: int) -> list[bytes]:
    """A key held for 60 ms: six packets, the last three its end."""
    event = _KEYS.index(key)
    held = [(1, False), (2, False), (3, False), (3, True), (3, True), (3, True)]
    return [
        rtp(
            PAYLOAD_EVENT,
            n == 0,
            sequence + n,
            timestamp,
            struct.pack("!BBH", event, (0x80 if end else 0) | 10, frames * FRAME),
        )
        for n, (frames, end) in enumerate(held)
    ]


def speech(seconds: float, keys: dict[float, str]) -> list[tuple[float, bytes]]:
    """(time, RTP packet) of a far end that says a tone and presses each key at its second."""
    packets: list[tuple[float, bytes]] = []
    sequence = 0
    pending = sorted(keys.items())
    for n, payload in enumerate(tone(FAR_HZ, int(seconds * 50))):
        at = n * 0.02
        if pending and at >= pending[0][0]:
            events = key_press(pending.pop(0)[1], sequence, n * FRAME)
            packets += [(at + 0.003 * i, packet) for i, packet in enumerate(events)]
            sequence += len(events)
            continue
        packets.append((at, rtp(0, n == 0, sequence, n * FRAME, payload)))
        sequence += 1
    return packets


def write_capture(path: Path, packets: list[tuple[float, bytes]]) -> None:
    """A classic pcap file of Ethernet, IPv4, UDP: what SIPp's `play_pcap_audio` reads."""
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for at, packet in packets:
            udp = struct.pack("!HHHH", 10000, 10000, 8 + len(packet), 0) + packet
            ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, b"\x7f\0\0\1", b"\x7f\0\0\1")
            frame = bytes(12) + b"\x08\x00" + ip + udp
            seconds = math.floor(at)
            file.write(struct.pack("<IIII", seconds, round((at - seconds) * 1e6), len(frame), len(frame)))
            file.write(frame)
