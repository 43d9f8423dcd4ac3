"""A call's SIP messages as they went over the wire, kept small and without secrets, and drawn as a ladder.

What is kept is read by who owns the call, and perhaps sent to a trunk's support. So it has no proof of a password, no key of
SRTP and no key that somebody pressed (`redacted`).
"""

import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from callwright.base.errors import PeerError
from callwright.sip.address import Address, Transport, written
from callwright.sip.message import Request, parse

KEPT_BYTES_MAX = 1 << 20
"Of one leg, unpacked."

_SMALL = (1, zlib.DEFLATED, -12, 5)
"Level, method, window and memory of zlib: a leg is a few KiB, and larger tables would take five times as long to set up."

_SECRET = re.compile(
    rb"^(?:proxy-)?authorization[ \t]*:([^\r\n]*(?:\r?\n[ \t][^\r\n]*)*)|inline:([^\s|;]+)", re.I | re.M
)
"A proof of a password, with the lines that it is folded into; what follows `inline:` in SDP's `a=crypto` (RFC 4568 §6.1)."

_INFO_BODY = re.compile(rb"\r?\n\r?\n(.*)", re.S)
_SHOWN = re.compile(rb"[^\r\n]")


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a leg."""

    at: float
    "UNIX seconds."

    sent: bool
    "By us."

    transport: Transport
    peer: Address
    "The other end of the wire: a proxy, where there is one."

    data: bytes

    @property
    def text(self) -> str:
        return self.data.decode(errors="replace")

    @property
    def title(self) -> str:
        """`INVITE`, `200 OK (INVITE)`; with `+SDP` where it has a description."""
        try:
            read = parse(self.data)
        except PeerError:
            return self.data.split(b"\n", 1)[0].decode(errors="replace").strip()[:60]
        sdp = " +SDP" if read.body.startswith("v=0") else ""
        if isinstance(read, Request):
            return read.method + sdp
        return f"{read.status} {read.reason} ({read.headers.get('cseq').rpartition(' ')[2]})" + sdp


def redacted(data: bytes) -> bytes:
    """A message with stars in place of what nobody may see: as long as it was, so that its Content-Length holds."""
    if data.startswith(b"INFO "):
        data = _INFO_BODY.sub(_struck_out, data, count=1)
    lowered = data.lower()
    if b"authorization" not in lowered and b"inline:" not in lowered:
        return data
    return _SECRET.sub(_struck_out, data)


def _struck_out(found: re.Match[bytes]) -> bytes:
    """Of a match only what its group has."""
    group = found.lastindex or 0
    start = found.start(group) - found.start()
    return found[0][:start] + _SHOWN.sub(b"*", found[group]) + found[0][start + len(found[group]) :]


def packed(messages: Iterable[Message]) -> bytes:
    """Redacted, and small enough to be kept of each call. `unpacked` reads it; also of older releases."""
    pieces = []
    for one in messages:
        data = redacted(one.data)
        way = ">" if one.sent else "<"
        pieces.append(f"{one.at:.6f} {way} {one.transport} {one.peer[0]} {one.peer[1]} {len(data)}\n".encode())
        pieces.append(data)
    squeezed = zlib.compressobj(*_SMALL)
    return squeezed.compress(b"".join(pieces)) + squeezed.flush()


def unpacked(kept: bytes) -> list[Message]:
    """What `packed` made. Empty where nothing was kept."""
    if not kept:
        return []
    reader = zlib.decompressobj(-15)
    data = reader.decompress(kept, KEPT_BYTES_MAX)
    found, at = [], 0
    while at < len(data):
        end = data.index(b"\n", at)
        when, way, transport, host, port, size = data[at:end].decode().split(" ")
        at = end + 1 + int(size)
        message = data[end + 1 : at]
        found.append(Message(float(when), way == ">", transport, (host, int(port)), message))  # type: ignore[arg-type]
    return found


ARROW_CHARACTERS = 40


def drawn(messages: Sequence[Message], *, us: str = "Callwright") -> list[str]:
    """The ladder, a line for each message, with seconds since the first one; above it who stands on which side."""
    if not messages:
        return []
    begun = messages[0].at
    peers = list(dict.fromkeys(one.peer for one in messages))
    lines = [f"{'':9}  {us:<{ARROW_CHARACTERS + 2}}  {written(peers[0])}"]
    for one in messages:
        title = f" {one.title} "[: ARROW_CHARACTERS - 2]
        line = f"{title:-^{ARROW_CHARACTERS}}"
        arrow = f"|{line}>|" if one.sent else f"|<{line}|"
        other = "" if one.peer == peers[0] else f"  {written(one.peer)}"
        lines.append(f"{one.at - begun:9.3f}  {arrow}  {one.transport}{other}")
    return lines
