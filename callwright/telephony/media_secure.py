"""SRTP (RFC 3711) by libsrtp, between a stream and its socket: a stream that is secured sends and reads as any other, by the
two methods that are put in place of its socket's. What libsrtp does not accept, a stream never sees."""

import socket
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from typing import Any

from callwright.telephony.media_latch import Address

NEEDED = "needs `pip install callwright[srtp]`"
_RTCP_TYPES = range(192, 224)
"Second byte of RTCP on the port of RTP (RFC 5761 §4)."


@cache
def installed() -> bool:
    return find_spec("pylibsrtp") is not None


@dataclass(frozen=True, slots=True)
class Keys:
    """What both descriptions gave (RFC 4568)."""

    suite: str
    ours: bytes = field(repr=False)
    "Master key and salt of what we send."

    theirs: bytes = field(repr=False)


class Secured:
    """Both directions of one stream."""

    __slots__ = ("_in", "_out", "_sock", "keys", "refused")

    def __init__(self, sock: socket.socket, keys: Keys) -> None:
        from pylibsrtp import Policy

        self._sock, self.keys = sock, keys
        self._out: Any = _session(keys.suite, keys.ours, Policy.SSRC_ANY_OUTBOUND)
        self._in: Any = _session(keys.suite, keys.theirs, Policy.SSRC_ANY_INBOUND)
        self.refused = 0
        "Packets that were not authentic, or came before."

    def change(self, keys: Keys) -> None:
        """A new description, which may have new keys; those that stay go on where they are."""
        from pylibsrtp import Policy

        before, self.keys = self.keys, keys
        if (keys.suite, keys.ours) != (before.suite, before.ours):
            self._out = _session(keys.suite, keys.ours, Policy.SSRC_ANY_OUTBOUND)
        if (keys.suite, keys.theirs) != (before.suite, before.theirs):
            self._in = _session(keys.suite, keys.theirs, Policy.SSRC_ANY_INBOUND)

    def sendto(self, data: bytes, to: Address) -> int:
        return self._sock.sendto(self._out.protect(data), to)

    def recvfrom_into(self, buffer: bytearray) -> tuple[int, Address]:
        """0 bytes of what is refused."""
        size, source = self._sock.recvfrom_into(buffer)
        data = bytes(buffer[:size])
        is_report = size > 1 and data[1] in _RTCP_TYPES
        plain = self._accepted(self._in.unprotect_rtcp if is_report else self._in.unprotect, data)
        buffer[: len(plain)] = plain
        return len(plain), source

    def protect_report(self, data: bytes) -> bytes:
        protected: bytes = self._out.protect_rtcp(data)
        return protected

    def accept_report(self, data: bytes) -> bytes:
        """Empty where it is refused."""
        return self._accepted(self._in.unprotect_rtcp, data)

    def _accepted(self, unprotect: Any, data: bytes) -> bytes:
        from pylibsrtp import Error

        try:
            plain: bytes = unprotect(data)
        except (Error, ValueError, TypeError):
            self.refused += 1
            return b""
        return plain


def _session(suite: str, key: bytes, direction: int) -> Any:
    from pylibsrtp import Policy, Session

    profiles = {
        "AES_CM_128_HMAC_SHA1_80": Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
        "AES_CM_128_HMAC_SHA1_32": Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
    }
    return Session(Policy(key=key, ssrc_type=direction, srtp_profile=profiles[suite]))
