"""The SIP messages of the calls that there are, as they come and go on an endpoint's wires.

A call is traced from its INVITE on. `keep` says that somebody will `take` the trace when the call is over; what nobody keeps,
such as a call that was turned away, is forgotten when newer ones come.
"""

import re
import time
from collections import OrderedDict

from callwright.sip.address import Address, Transport
from callwright.sip.ladder import Message

MESSAGES_MAX = 200
"Of one call. A call of hours with session timers has some four in half an hour; what repeats for ever is not worth more."

BYTES_MAX = 256 * 1024
UNKEPT_MAX = 2_000
"Calls that nobody has kept yet: twice the callers that may wait at the same time."

_CALL_ID = re.compile(rb"\n(?:call-id|i)[ \t]*:[ \t]*([^\r\n]*?)[ \t]*\r?\n", re.I)
_USUAL = b"\nCall-ID: "


class _Traced:
    __slots__ = ("bytes", "messages")

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.bytes = 0


class SipTrace:
    """What `SipEndpoint` tells of its wires."""

    def __init__(self) -> None:
        self._new: OrderedDict[bytes, _Traced] = OrderedDict()
        self._kept: dict[bytes, _Traced] = {}
        self.sent = self.received = 0
        "Messages, whatever they are of."

    def __len__(self) -> int:
        return len(self._new) + len(self._kept)

    def passed(self, data: bytes, transport: Transport, peer: Address, *, sent: bool) -> None:
        """A message came, or was sent."""
        if sent:
            self.sent += 1
        else:
            self.received += 1
        call_id = _call_id(data)
        traced = self._kept.get(call_id) or self._new.get(call_id)
        if traced is None:
            if not call_id or not data.startswith(b"INVITE "):
                return
            traced = self._new[call_id] = _Traced()
            if len(self._new) > UNKEPT_MAX:
                self._new.popitem(last=False)
        if len(traced.messages) < MESSAGES_MAX and traced.bytes + len(data) <= BYTES_MAX:
            traced.messages.append(Message(time.time(), sent, transport, peer, data))
            traced.bytes += len(data)

    def keep(self, call_id: str) -> None:
        """The trace of this call will be taken."""
        key = call_id.encode(errors="surrogateescape")
        traced = self._new.pop(key) if key in self._new else _Traced()
        self._kept.setdefault(key, traced)

    def take(self, call_id: str) -> list[Message]:
        """What there is of it, in order; it is forgotten."""
        traced = self._kept.pop(call_id.encode(errors="surrogateescape"), None)
        return traced.messages if traced is not None else []


def _call_id(data: bytes) -> bytes:
    at = data.find(_USUAL)
    if at >= 0:
        at += len(_USUAL)
        return data[at : data.find(b"\n", at)].strip()
    found = _CALL_ID.search(data)
    return found[1] if found else b""
