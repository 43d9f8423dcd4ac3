"""RTCP packets of a call of two: sender and receiver reports with a name, and BYE (RFC 3550 §6)."""

from dataclasses import dataclass
from struct import Struct

SENDER_REPORT = 200
RECEIVER_REPORT = 201
DESCRIPTION = 202
BYE = 203

NTP_EPOCH_S = 2_208_988_800
"From 1900, where NTP begins, to 1970."

PACKETS_MAX = 16
"In one datagram that is read."

_HEADER = Struct("!BBHI")
_SENDER = Struct("!IIIII")
_BLOCK = Struct("!IIIIII")
_VERSION_2 = 0x80
_LOST_MAX = 0x7FFFFF


@dataclass(frozen=True, slots=True)
class Sent:
    """What a side has sent (RFC 3550 §6.4.1)."""

    at: float
    "UNIX seconds of this report."

    timestamp: int
    "The RTP timestamp of that moment."

    packets: int
    octets: int


@dataclass(frozen=True, slots=True)
class Block:
    """What a side says of the stream that it receives."""

    ssrc: int
    "Of that stream."

    fraction_lost: int
    "Of 256, since its report before."

    lost: int
    highest: int
    "Sequence number, with the count of its wraps above 16 bits."

    jitter: int
    "In ticks of the RTP clock."

    last_report: int
    "The middle 32 bits of the NTP time of the last sender report that it got; 0 before one came."

    delay: int
    "Since then, in 1/65536 s."


@dataclass(frozen=True, slots=True)
class Report:
    """One compound packet."""

    ssrc: int
    last_report: int | None
    "The middle 32 bits of its NTP time; None where its sender sends no audio."

    blocks: tuple[Block, ...]


def middle(at: float) -> int:
    """The middle 32 bits of NTP's time: 1/65536 s."""
    return int((at + NTP_EPOCH_S) * 65536) & 0xFFFFFFFF


def pack(ssrc: int, name: str, sent: Sent | None, block: Block | None, *, bye: bool = False) -> bytes:
    """A compound packet. `name`: the CNAME, at most 255 bytes."""
    count = 0 if block is None else 1
    body = b""
    if sent is not None:
        seconds = sent.at + NTP_EPOCH_S
        fraction = int(seconds % 1 * (1 << 32))
        body = _SENDER.pack(
            int(seconds) & 0xFFFFFFFF, fraction, sent.timestamp & 0xFFFFFFFF, sent.packets & 0xFFFFFFFF,
            sent.octets & 0xFFFFFFFF,
        )  # fmt: skip
    if block is not None:
        lost = max(-_LOST_MAX - 1, min(_LOST_MAX, block.lost)) & 0xFFFFFF
        body += _BLOCK.pack(
            block.ssrc, block.fraction_lost << 24 | lost, block.highest & 0xFFFFFFFF, block.jitter & 0xFFFFFFFF,
            block.last_report, block.delay & 0xFFFFFFFF,
        )  # fmt: skip
    item = bytes((1, len(name))) + name.encode("ascii")
    item += bytes(4 - len(item) % 4)
    packets = _packet(RECEIVER_REPORT if sent is None else SENDER_REPORT, count, ssrc, body)
    packets += _packet(DESCRIPTION, 1, ssrc, item)
    return packets + _packet(BYE, 1, ssrc, b"") if bye else packets


def _packet(kind: int, count: int, ssrc: int, body: bytes) -> bytes:
    return _HEADER.pack(_VERSION_2 | count, kind, 1 + len(body) // 4, ssrc) + body


def parse(data: bytes | memoryview) -> Report | None:
    """The first report of a datagram; None where it holds none (RFC 3550 §A.2)."""
    at = 0
    for _ in range(PACKETS_MAX):
        if len(data) - at < _HEADER.size:
            return None
        first, kind, length, ssrc = _HEADER.unpack_from(data, at)
        end = at + 4 * (length + 1)
        if first & 0xC0 != _VERSION_2 or end > len(data):
            return None
        if kind in (SENDER_REPORT, RECEIVER_REPORT):
            return _report(data[at + _HEADER.size : end], first & 0x1F, ssrc, sends=kind == SENDER_REPORT)
        at = end
    return None


def _report(body: bytes | memoryview, count: int, ssrc: int, *, sends: bool) -> Report | None:
    start = _SENDER.size if sends else 0
    if len(body) < start + count * _BLOCK.size:
        return None
    last_report = None
    if sends:
        seconds, fraction, *_ = _SENDER.unpack_from(body)
        last_report = (seconds & 0xFFFF) << 16 | fraction >> 16
    blocks = []
    for number in range(count):
        of, losses, highest, jitter, last, delay = _BLOCK.unpack_from(body, start + number * _BLOCK.size)
        lost = losses & 0xFFFFFF
        blocks.append(
            Block(of, losses >> 24, lost - (1 << 24) if lost > _LOST_MAX else lost, highest, jitter, last, delay)
        )
    return Report(ssrc, last_report, tuple(blocks))
