"""RTCP of one stream: what each side tells the other of what it hears (RFC 3550 §6).

Reports go out every five seconds or so, at random as §6.2 wants it, from the port beside that of RTP, or from that of RTP where
both sides said `a=rtcp-mux` (RFC 5761). The socket on the port beside is opened for the first report, so that a call of a
second or two has none, and is read once a second, not by epoll: the kernel's time stamps tell when a packet came, and
that a report is read a second later changes nothing. So RTCP costs one system call a second for each call, one file
descriptor for those that do not share the port, and no wake-up.

A report is believed from the host that the audio comes from, and only for our SSRC.
"""

import contextlib
import random
import secrets
import socket
import time
from struct import Struct

from callwright.media import rtcp, rtp
from callwright.media.frames import RATE_HZ
from callwright.telephony.media_latch import Address
from callwright.telephony.media_secure import Secured

INTERVAL_S = 5.0
"RFC 3550 §6.2: the least, which two parties never exceed."

SPREAD = 1.21828
"What the random choice from 0.5 to 1.5 intervals is divided by (§6.3.1)."

READS_MAX = 4
"Reports read in a second; a far end sends one in five."

ROUND_TRIP_S_MAX = 60.0
"More is a clock that was set, or nonsense."

_BYTES_MAX = 2048
_TIMESTAMPNS = 35
"Linux's SO_TIMESTAMPNS: the socket module has no name for it."

_EXTRAS_BYTES = 64
_TIME = Struct("qq")
_chance = random.SystemRandom()


class Reports:
    """Sends ours, reads theirs. Used in the plane's thread."""

    __slots__ = (
        "_due", "_expected", "_last_at", "_last_report", "_name", "_received", "_rtp", "_secured", "_sock", "_to", "_tried",
        "far_jitter", "far_lost", "mux", "received", "round_trip_s", "sent",
    )  # fmt: skip

    def __init__(self, rtp_sock: socket.socket, clock: int) -> None:
        self._rtp = rtp_sock
        self._sock: socket.socket | None = None
        self._tried = False
        "To open that socket."

        self.mux = False
        self._secured: Secured | None = None
        self._to: Address | None = None
        self._due = clock + _interval(INTERVAL_S / 2)
        self._name = ""
        self._expected = self._received = 0
        "At our last report."

        self._last_report = 0
        self._last_at = 0.0
        "Of their last sender report."

        self.sent = 0
        self.received = 0
        "Reports of the far end about what we send."

        self.far_lost = 0
        self.far_jitter = 0
        "In ticks of the RTP clock."

        self.round_trip_s = 0.0

    def connect(self, to: Address | None, *, mux: bool, secured: Secured | None) -> None:
        self._to, self.mux, self._secured = to, mux, secured

    def each_second(self, clock: int, source: Address | None, ssrc: int) -> tuple[bool, bool]:
        """Read what has come: whether a report did, and whether it is time to `send`. `source`: of the audio."""
        alive = self._sock is not None and self._read(self._sock, source, ssrc)
        due = clock >= self._due
        if due:
            self._due = clock + _interval(INTERVAL_S)
        return alive, due

    def send(
        self, ssrc: int, sent: rtcp.Sent | None, reception: rtp.Reception, ratio: int, *, bye: bool = False
    ) -> None:
        """`sent`: None where nothing has been sent since our last report. `ratio`: of RTP's clock to 8000 Hz."""
        if self._to is None:
            return
        self._name = self._name or secrets.token_hex(12)
        data = rtcp.pack(ssrc, self._name, sent, self._block(reception, ratio, time.time()), bye=bye)
        if self._secured is not None:
            data = self._secured.protect_report(data)
        sock = self._rtp if self.mux else self._beside()
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.sendto(data, self._to)
                self.sent += 1

    def _block(self, reception: rtp.Reception, ratio: int, now: float) -> rtcp.Block | None:
        if not reception.received or reception.ssrc < 0:
            return None
        expected = reception.received + reception.lost
        missed = (expected - self._expected) - (reception.received - self._received)
        share = max(0, missed) * 256 // max(1, expected - self._expected)
        self._expected, self._received = expected, reception.received
        delay = int((now - self._last_at) * 65536) if self._last_report else 0
        return rtcp.Block(
            reception.ssrc,
            min(255, share),
            reception.lost,
            reception.expected - 1,
            int(reception.jitter * ratio),
            self._last_report,
            max(0, delay),
        )

    def _beside(self) -> socket.socket | None:
        """The socket on the port beside; None where another program has it, or no descriptor is left."""
        if not self._tried:
            self._tried = True
            host, port = self._rtp.getsockname()[:2]
            try:
                opened = socket.socket(self._rtp.family, socket.SOCK_DGRAM)
            except OSError:
                return None
            try:
                opened.setblocking(False)
                opened.setsockopt(socket.SOL_SOCKET, _TIMESTAMPNS, 1)
                opened.bind((host, port + 1))
            except OSError:
                opened.close()
            else:
                self._sock = opened
        return self._sock

    def _read(self, sock: socket.socket, source: Address | None, ssrc: int) -> bool:
        alive = False
        for _ in range(READS_MAX):
            try:
                data, extras, _, sender = sock.recvmsg(_BYTES_MAX, _EXTRAS_BYTES)
            except OSError:
                break
            at = time.time()
            for level, kind, value in extras:
                if level == socket.SOL_SOCKET and kind == _TIMESTAMPNS:
                    seconds, nanoseconds = _TIME.unpack(value[: _TIME.size])
                    at = seconds + nanoseconds / 1e9
            if self._secured is not None:
                data = self._secured.accept_report(data)
            if source is not None and sender[0] == source[0] and self.take(data, at, ssrc):
                # Behind a NAT, only where it came from leads back to it (RFC 4961 §4).
                self._to = sender
                alive = True
        return alive

    def take(self, data: bytes | memoryview, at: float, ssrc: int) -> bool:
        """A datagram of the far end's, which came `at`: is it a report?"""
        report = rtcp.parse(data)
        if report is None:
            return False
        if report.last_report is not None:
            self._last_report, self._last_at = report.last_report, at
        for block in report.blocks:
            if block.ssrc == ssrc:
                self.received += 1
                self.far_lost, self.far_jitter = block.lost, block.jitter
                trip_s = ((rtcp.middle(at) - block.last_report - block.delay) & 0xFFFFFFFF) / 65536
                if block.last_report and trip_s < ROUND_TRIP_S_MAX:
                    self.round_trip_s = trip_s
        return True

    def close(self) -> None:
        if self._sock is not None:
            self._sock.close()
        self._sock = None


def _interval(seconds: float) -> int:
    """In samples."""
    return int(seconds * _chance.uniform(0.5, 1.5) / SPREAD * RATE_HZ)
