"""RTP packets and what a receiver learns from their numbers (RFC 3550)."""

from dataclasses import dataclass
from struct import Struct

HEADER = Struct("!BBHII")
"Version and flags, marker and payload type, sequence number, timestamp, SSRC (RFC 3550 §5.1)."

HEADER_BYTES = HEADER.size
VERSION_2 = 0x80
"First byte of a packet without padding, extension and contributing sources: nearly every packet there is."

MARKER = 0x80
PCMU = 0
"Static payload type of G.711 µ-law, 8000 Hz (RFC 3551 §6)."

_PADDING = 0x20
_EXTENSION = 0x10
_RTCP_TYPES = range(192, 224)
"Second byte of an RTCP packet that shares the port (RFC 5761 §4)."

DROPOUT_MAX = 3000
"A jump ahead by more is a sender that started again, not loss (RFC 3550 §A.1)."

MISORDER_MAX = 100
"A packet older than this is a sender that started again, not a late packet (RFC 3550 §A.1)."

JITTER_STEP_MAX = 8000
"A change of transit time past one second is a clock that jumped, and tells nothing of the network."


@dataclass(frozen=True, slots=True)
class Packet:
    """One RTP packet."""

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes

    def pack(self) -> bytes:
        second = self.payload_type | (MARKER if self.marker else 0)
        return HEADER.pack(VERSION_2, second, self.sequence, self.timestamp, self.ssrc) + self.payload


def parse(data: bytes | memoryview) -> Packet | None:
    """The packet in a datagram; None where it is not RTP (too short, RTCP, STUN, noise)."""
    if len(data) < HEADER_BYTES:
        return None
    first, second, sequence, timestamp, ssrc = HEADER.unpack_from(data)
    if first & 0xC0 != VERSION_2 or second in _RTCP_TYPES:
        return None
    start = HEADER_BYTES + 4 * (first & 0x0F)
    end = len(data)
    if first & _EXTENSION:
        if end < start + 4:
            return None
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    if first & _PADDING:
        end -= data[-1]
    if start > end:
        return None
    return Packet(second & 0x7F, second >= MARKER, sequence, timestamp, ssrc, bytes(data[start:end]))


LATE_MIN = 240
"""A packet that comes later than the pace of the one before it by more than 20 ms is late: a clock that looks every 20 ms sees
those of any packet now and then."""

LATE_MAX = 480_000
"Past a minute it is a clock that jumped."


class Reception:
    """Loss and jitter of one received stream (RFC 3550 §A.1, §A.3, §A.8)."""

    __slots__ = (
        "_base",
        "_expected_before",
        "_timed",
        "_transit",
        "expected",
        "jitter",
        "late_max",
        "received",
        "ssrc",
    )

    def __init__(self) -> None:
        self.received = 0
        "Packets, duplicates included."

        self.expected = -1
        "Next sequence number, not wrapped to 16 bits; -1 before the first packet."

        self.ssrc = -1
        self.jitter = 0.0
        "In samples."

        self.late_max = 0
        """How long audio stood still at most, in samples: by so much a packet came later than its timestamp says, after the one
        before it. 0 where none was late."""

        self._base = 0
        self._expected_before = 0
        self._transit = 0
        self._timed: int | None = None
        "The transit time of the packet before, where `time` was told of it."

    def count(self, sequence: int, timestamp: int, ssrc: int, clock: int) -> None:
        """Take in a packet's numbers. `clock` is its arrival in samples, on any clock that only moves on."""
        self.received += 1
        transit = clock - timestamp
        if sequence == self.expected & 0xFFFF and ssrc == self.ssrc:
            self.expected += 1
            late = transit - self._transit
            if LATE_MIN <= late < LATE_MAX and late > self.late_max:
                self.late_max = late
            self._transit = transit
        else:
            self._count_odd(sequence, ssrc, transit)

    def count_untimed(self, sequence: int, ssrc: int, clock: int) -> None:
        """The same of a packet whose timestamp says when a key was pressed, and not when it was sent (RFC 4733 §2.3)."""
        self.count(sequence, clock - self._transit, ssrc, clock)

    def time(self, timestamp: int, arrived: int) -> None:
        """Take in how long a packet was on its way. `arrived` is exact to a sample, on another clock than `count`'s: that may be
        one which only sees what has come when it looks."""
        transit = arrived - timestamp
        if self._timed is not None:
            step = abs(transit - self._timed)
            if step < JITTER_STEP_MAX:
                self.jitter += (step - self.jitter) * 0.0625
        self._timed = transit

    def pause(self) -> None:
        """Packets come that `time` is not told of."""
        self._timed = None

    def _count_odd(self, sequence: int, ssrc: int, transit: int) -> None:
        ahead = (sequence - self.expected) & 0xFFFF
        if ssrc != self.ssrc or DROPOUT_MAX <= ahead < 0x10000 - MISORDER_MAX:
            self._expected_before += self.expected - self._base if self.expected >= 0 else 0
            self.ssrc = ssrc
            self._base = sequence
            self.expected = sequence + 1
            self._transit = transit
        elif ahead < DROPOUT_MAX:
            self.expected += ahead + 1
            late = transit - self._transit
            if LATE_MIN <= late < LATE_MAX:
                self.late_max = max(self.late_max, late)
            self._transit = transit

    @property
    def span(self) -> int:
        """How many packets this SSRC has sent since its first, lost ones included."""
        return self.expected - self._base

    @property
    def lost(self) -> int:
        """Packets that never came. A duplicate hides one loss, as RFC 3550 §A.3 has it."""
        if self.expected < 0:
            return 0
        return max(0, self._expected_before + self.expected - self._base - self.received)
