"""SIP on a stream (RFC 3261 §18.3): where each message ends, and the keep-alives between them (RFC 5626 §3.5.1)."""

import re

from callwright.base.errors import PeerError
from callwright.sip.message import MESSAGE_BYTES_MAX, read_number

PING = b"\r\n\r\n"
PONG = b"\r\n"

PINGS_MAX = 100
"Keep-alives of one piece; a stream of nothing else is no peer's."

_END = re.compile(rb"\r?\n\r?\n")
_LENGTH = re.compile(rb"^(?:content-length|l)[ \t]*:([^\r\n]*)", re.I | re.M)


class Framer:
    """One side of one connection. What breaks the rules here leaves nobody knowing where the next message begins: the
    connection is to be closed."""

    def __init__(self) -> None:
        self._waiting = bytearray()
        self.pings = 0
        "Keep-alives that came since it was last set to 0; each is answered with `PONG`."

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that are whole now. Raises `PeerError`."""
        self._waiting += data
        whole = []
        while (message := self._next()) is not None:
            whole.append(message)
        return whole

    def _next(self) -> bytes | None:
        waiting = self._waiting
        while waiting.startswith(b"\r\n"):
            if waiting.startswith(PING):
                del waiting[: len(PING)]
                self.pings += 1
            elif len(waiting) == 2 or waiting == b"\r\n\r":
                # A pong, or half a ping: it means nothing until there is more.
                return None
            else:
                del waiting[: len(PONG)]
            if self.pings > PINGS_MAX:
                raise PeerError("keep-alives without end")
        if not waiting:
            return None
        end = _END.search(waiting)
        if end is None:
            if len(waiting) > MESSAGE_BYTES_MAX:
                raise PeerError("headers without an end")
            return None
        length = _LENGTH.search(waiting, 0, end.start())
        if length is None:
            raise PeerError("a message on a stream without a Content-Length")
        if _LENGTH.search(waiting, length.end(), end.start()):
            raise PeerError("two lengths")
        size = end.end() + read_number(length[1].decode("ascii", "replace"), MESSAGE_BYTES_MAX, "Content-Length")
        if size > MESSAGE_BYTES_MAX:
            raise PeerError(f"a message of {size} bytes")
        if len(waiting) < size:
            return None
        message = bytes(waiting[:size])
        del waiting[:size]
        return message
