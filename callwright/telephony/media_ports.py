"""The UDP ports of the media plane: even ones of a range, each as long unused as possible before it is used again. They are one
range for all addresses of ours, IPv4 and IPv6."""

import contextlib
import ctypes
import errno
import fcntl
import socket
import struct
import time
from collections import deque
from collections.abc import Callable

from callwright.base.errors import ProviderError
from callwright.media.frames import RATE_HZ
from callwright.telephony.media_latch import Address

REST_S = 2.0
"A closed call's port rests before another call gets it: its far end may send a little longer."

_EXPEDITED_FORWARDING = 0xB8
"DSCP 46 (RFC 3246), what voice packets are marked with."

_IPV4 = socket.AF_INET, socket.IPPROTO_IP, socket.IP_TOS
_IPV6 = socket.AF_INET6, socket.IPPROTO_IPV6, socket.IPV6_TCLASS


class PortPool:
    """Opens UDP sockets on even ports. `open` in one thread, `release` in any."""

    def __init__(
        self, host: str, port_min: int, port_max: int, clock: Callable[[], float] = time.monotonic, *, public: str = ""
    ) -> None:
        """`public`: an address of a NAT before us, which keeps ports; a socket for it is one at `host`."""
        self._host, self._clock, self._public = host, clock, public
        self._free: deque[tuple[int, float]] = deque(
            (port, 0.0) for port in range(port_min + port_min % 2, port_max + 1, 2)
        )
        "Ports and when they have rested; the longest unused first."

    def open(self, host: str = "") -> socket.socket:
        """A bound, non-blocking, unconnected UDP socket at this address of ours, the pool's where it is empty. It speaks IPv4 or
        IPv6, as the address says, and never both. Raises `ProviderError` when no port is free."""
        if not host or host == self._public:
            # At all addresses of both families there is none: a socket is of one.
            host = "0.0.0.0" if self._host == "::" and host and ":" not in host else self._host
        for _ in range(len(self._free)):
            port, rested_at = self._free[0]
            if rested_at > self._clock():
                break
            self._free.popleft()
            if (bound := self._bind(host, port)) is not None:
                return bound
            self._free.append((port, 0.0))
        raise ProviderError("no free RTP port", retryable=True)

    def release(self, port: int) -> None:
        """Take back the port of a socket that has been closed."""
        self._free.append((port, self._clock() + REST_S))

    def _bind(self, host: str, port: int) -> socket.socket | None:
        """None where another program has the port."""
        opened: socket.socket | None = None
        try:
            family, level, marked = _IPV6 if ":" in host else _IPV4
            opened = socket.socket(family, socket.SOCK_DGRAM)
            opened.setblocking(False)
            with contextlib.suppress(OSError):
                opened.setsockopt(level, marked, _EXPEDITED_FORWARDING)
            # Asked once, the kernel notes of all that follow when they arrived.
            arrival(opened.fileno())
            opened.bind((host, port))
        except OSError as error:
            if opened is not None:
                opened.close()
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return None
            self._free.appendleft((port, 0.0))
            raise ProviderError(f"RTP port {port} of {host}: {error.strerror}", retryable=True) from error
        return opened


def connect(sock: socket.socket, far: Address) -> bool:
    """From now on `sock` sends to `far` only and hears nobody else. False: it could not be done, and nothing has changed."""
    try:
        sock.connect(far)
    except OSError:
        return False
    return True


def disconnect(sock: socket.socket) -> None:
    """Undo `connect`. The socket keeps its port. Python has no call for it: an address of the family "unspecified" (connect(2))."""
    _LIBC.connect(sock.fileno(), _UNSPECIFIED, len(_UNSPECIFIED))


def arrival(fd: int) -> int | None:
    """When the packet that was read last came in, by the kernel's clock, in samples at 8000 Hz (socket(7), SIOCGSTAMPNS). None
    where it is not known: no packet has been read."""
    try:
        fcntl.ioctl(fd, _SIOCGSTAMPNS, _STAMP, True)
    except OSError:
        return None
    seconds, nanoseconds = _TIMESPEC.unpack(_STAMP)
    return int(seconds * RATE_HZ + nanoseconds * RATE_HZ // 1_000_000_000)


def is_empty(sock: socket.socket) -> bool:
    """No packet waits to be read."""
    try:
        sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    except OSError:
        # An ICMP error, read instead of what waits behind it.
        return False
    return False


_TIMESPEC = struct.Struct("ll")
_STAMP = bytearray(_TIMESPEC.size)
_SIOCGSTAMPNS = 0x8907
_LIBC = ctypes.CDLL(None)
_UNSPECIFIED = struct.pack("H14x", socket.AF_UNSPEC)
