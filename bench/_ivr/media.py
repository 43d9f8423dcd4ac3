"""Prompts and caller audio for the IVR benchmark, made of tones and noise: nothing to download, nothing to license."""

import struct
from pathlib import Path

import numpy as np

from callwright.media import g711

RATE_HZ = 8000
FRAME = 160
PROMPT_S = 4.0
CALLER_S = 14.0
KEY_AT_S = 4.5
KEY_FRAMES = 8
EVENT_PAYLOAD_TYPE = 101


def prompt(pitch_hz: float) -> bytes:
    """4.000 s of µ-law that rises and falls like speech."""
    t = np.arange(int(PROMPT_S * RATE_HZ)) / RATE_HZ
    glide = 2 * np.pi * np.cumsum(pitch_hz * (1 + 0.2 * np.sin(2 * np.pi * 0.6 * t))) / RATE_HZ
    voice = sum(np.sin(k * glide) / k for k in range(1, 7))
    syllables = np.clip(np.sin(2 * np.pi * 3 * t), 0, None)
    return g711.encode((5000 * syllables * voice).astype(np.int16))


def _ip_frame(rtp: bytes) -> bytes:
    """One Ethernet frame as SIPp's player reads it; it replaces the addresses, so only lengths matter."""
    udp = struct.pack("!HHHH", 20000, 20000, 8 + len(rtp), 0) + rtp
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, b"\x7f\0\0\1", b"\x7f\0\0\1")
    return bytes(12) + b"\x08\x00" + ip + udp


def caller_pcap(path: Path, key: int = 1) -> None:
    """The caller's RTP: low noise for 14 s and one RFC 4733 key of 160 ms at 4.5 s, in one stream."""
    noise = g711.encode(np.random.default_rng(1).integers(-60, 60, FRAME * 50, dtype=np.int16))
    key_at = round(KEY_AT_S * RATE_HZ / FRAME)
    packets: list[tuple[float, bytes]] = []
    for index in range(int(CALLER_S * RATE_HZ / FRAME)):
        into_key = index - key_at
        if 0 <= into_key < KEY_FRAMES:
            last = into_key == KEY_FRAMES - 1
            body = struct.pack("!BBH", key, 0x8A if last else 0x0A, (into_key + 1) * FRAME)
            head = (EVENT_PAYLOAD_TYPE | (0x80 if into_key == 0 else 0), key_at * FRAME)
            packets += [(index * 0.02, _rtp(*head, len(packets) + n, body)) for n in range(3 if last else 1)]
        else:
            at = (index % 50) * FRAME
            packets.append((index * 0.02, _rtp(0, index * FRAME, len(packets), noise[at : at + FRAME])))
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for at_s, rtp in packets:
            frame = _ip_frame(rtp)
            micros = round(at_s * 1e6)
            file.write(
                struct.pack("<IIII", 1 + micros // 1_000_000, micros % 1_000_000, len(frame), len(frame)) + frame
            )


def _rtp(payload_type: int, timestamp: int, sequence: int, payload: bytes) -> bytes:
    return struct.pack("!BBHII", 0x80, payload_type, sequence & 0xFFFF, timestamp, 0x0CA11E12) + payload
