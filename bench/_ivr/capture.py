"""What the wire shows: gaps between RTP packets and the time from INVITE to 200, from tcpdump's files."""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

CALL_ID = re.compile(rb"^call-id\s*:\s*(\S+)", re.I | re.M)
CSEQ_INVITE = re.compile(rb"^cseq\s*:\s*\d+\s+INVITE", re.I | re.M)
PACKET_TICKS = 160


def percentile(values: list[float], part: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else float("nan")


@dataclass
class Rtp:
    """RTP from the server, over all captured streams."""

    gaps_ms: list[float] = field(default_factory=list)
    packets: list[int] = field(default_factory=list)
    "Audio packets of each stream."

    lost: int = 0


def _datagrams(path: Path) -> Iterator[tuple[float, tuple[int, int], bytes]]:
    """(seconds, (source port, destination port), payload) of every IPv4 UDP packet of an Ethernet pcap."""
    data = path.read_bytes()
    at = 24
    while at + 16 <= len(data):
        seconds, micros, length, _ = struct.unpack_from("<IIII", data, at)
        packet = data[at + 16 : at + 16 + length]
        at += 16 + length
        if len(packet) < 42 or packet[12:14] != b"\x08\x00":
            continue
        udp = 14 + (packet[14] & 15) * 4
        yield seconds + micros / 1e6, struct.unpack_from("!HH", packet, udp), packet[udp + 8 :]


def rtp(path: Path) -> Rtp:
    """Gaps inside talkspurts only: a marker or a jump of the timestamp begins a new one."""
    result = Rtp()
    last: dict[tuple[object, ...], tuple[float, int, int]] = {}
    count: dict[tuple[object, ...], int] = {}
    for at, ports, payload in _datagrams(path):
        if len(payload) < 12 or payload[0] >> 6 != 2 or payload[1] & 0x7F != 0:
            continue
        sequence, timestamp, source = struct.unpack_from("!HII", payload, 2)
        key = (*ports, source)
        count[key] = count.get(key, 0) + 1
        if key in last:
            before, last_sequence, last_timestamp = last[key]
            result.lost += max(0, ((sequence - last_sequence) & 0xFFFF) - 1)
            if not payload[1] & 0x80 and (timestamp - last_timestamp) & 0xFFFFFFFF == PACKET_TICKS:
                result.gaps_ms.append((at - before) * 1000)
        last[key] = (at, sequence, timestamp)
    result.packets = list(count.values())
    return result


def setup_ms(path: Path) -> list[float]:
    """From each INVITE to its 200."""
    invited: dict[bytes, float] = {}
    took: list[float] = []
    for at, _, payload in _datagrams(path):
        answered = payload.startswith(b"SIP/2.0 200")
        if not (answered or payload.startswith(b"INVITE ")) or not CSEQ_INVITE.search(payload):
            continue
        call_id = CALL_ID.search(payload)
        if call_id is None:
            continue
        if not answered:
            invited.setdefault(call_id[1], at)
        elif (begun := invited.pop(call_id[1], None)) is not None:
            took.append((at - begun) * 1000)
    return took
