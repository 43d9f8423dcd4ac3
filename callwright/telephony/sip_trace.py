"""The SIP messages of the calls that there are, as they come and go on an endpoint's wires.

A call is traced from its INVITE on. `keep` says that somebody will `take` the trace when the call is over; what nobody keeps,
such as a call that was turned away, is forgotten when newer ones come. Calls that take each other's place are kept as one.
"""

import re
import time
from collections import Counter, OrderedDict

from callwright.sip.abilities import METHODS
from callwright.sip.address import Address, Transport
from callwright.sip.ladder import Message

MESSAGES_MAX = 200
"""Of one trace. A call of hours with session timers has some four in half an hour; what repeats for ever is not worth more."""

BYTES_MAX = 256 * 1024
UNKEPT_MAX = 2_000
"Calls that nobody has kept yet: twice the callers that may wait at the same time."

_CALL_ID = re.compile(rb"\n(?:call-id|i)[ \t]*:[ \t]*([^\r\n]*?)[ \t]*\r?\n", re.I)
_USUAL = b"\nCall-ID: "


_RESPONSE = b"SIP/2.0 "
_CSEQ = re.compile(rb"\ncseq[ \t]*:[ \t]*\d+[ \t]+([a-z]+)[ \t]*\r?\n", re.I)
_USUAL_CSEQ = b"\nCSeq: "
_COUNTED = {method.encode(): method for method in (*METHODS, "REGISTER")}
"Methods whose responses are counted by name: what a stranger makes up is `other`."

_CLASSES = {b"%d" % number: f"{number}xx" for number in range(1, 7)}


class _Traced:
    __slots__ = ("bytes", "calls", "messages")

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.bytes = 0
        self.calls: list[bytes] = []
        "Call-IDs of those that it is kept for."

    def add(self, message: Message) -> None:
        if len(self.messages) < MESSAGES_MAX and self.bytes + len(message.data) <= BYTES_MAX:
            self.messages.append(message)
            self.bytes += len(message.data)


class SipTrace:
    """What `SipEndpoint` tells of its wires."""

    def __init__(self) -> None:
        self._new: OrderedDict[bytes, _Traced] = OrderedDict()
        self._kept: dict[bytes, _Traced] = {}
        self.sent = self.received = 0
        "Messages, whatever they are of."

        self.responses: Counter[tuple[bool, str, str]] = Counter()
        "By whether we sent it, the method that it answers, and its class (`2xx`)."

    def __len__(self) -> int:
        return len(self._new) + len(self._kept)

    def passed(self, data: bytes, transport: Transport, peer: Address, *, sent: bool) -> None:
        """A message came, or was sent."""
        if sent:
            self.sent += 1
        else:
            self.received += 1
        if data.startswith(_RESPONSE) and (kind := _CLASSES.get(data[8:9])) is not None:
            self.responses[sent, _method(data), kind] += 1
        call_id = _call_id(data)
        traced = self._kept.get(call_id) or self._new.get(call_id)
        if traced is None:
            if not call_id or not data.startswith(b"INVITE "):
                return
            traced = self._new[call_id] = _Traced()
            if len(self._new) > UNKEPT_MAX:
                self._new.popitem(last=False)
        traced.add(Message(time.time(), sent, transport, peer, data))

    def keep(self, call_id: str) -> None:
        """The trace of this call will be taken."""
        key = _key(call_id)
        if key in self._kept and self._kept[key].calls[0] != key:
            # Its peer uses the Call-ID again that it had in another leg.
            self._kept.pop(key).calls.remove(key)
        if key not in self._kept:
            traced = self._kept[key] = self._new.pop(key) if key in self._new else _Traced()
            traced.calls.append(key)

    def join(self, call_id: str, first: str) -> None:
        """What comes of this call belongs to the trace of that first one, as long as it is kept."""
        key, traced = _key(call_id), self._kept.get(_key(first))
        if traced is None or key in self._kept:
            return
        self._kept[key] = traced
        traced.calls.append(key)
        if (before := self._new.pop(key, None)) is not None:
            for message in before.messages:
                traced.add(message)

    def take(self, call_id: str) -> list[Message]:
        """What there is of it and of those that joined it, in order; it is forgotten."""
        traced = self._kept.get(_key(call_id))
        if traced is None or traced.calls[0] != _key(call_id):
            return []
        for key in traced.calls:
            del self._kept[key]
        return sorted(traced.messages, key=lambda one: one.at)


def _key(call_id: str) -> bytes:
    return call_id.encode(errors="surrogateescape")


def _method(response: bytes) -> str:
    at = response.find(_USUAL_CSEQ)
    if at >= 0:
        known = _COUNTED.get(response[response.find(b" ", at + len(_USUAL_CSEQ)) + 1 : response.find(b"\r", at)])
        if known is not None:
            return known
    found = _CSEQ.search(response)
    return _COUNTED.get(found[1], "other") if found else "other"


def _call_id(data: bytes) -> bytes:
    at = data.find(_USUAL)
    if at >= 0:
        at += len(_USUAL)
        return data[at : data.find(b"\n", at)].strip()
    found = _CALL_ID.search(data)
    return found[1] if found else b""
