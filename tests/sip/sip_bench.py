"""An agent on a bench: its clock is turned by hand, what it sends is kept, and its peer is the test."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from callwright.sip.address import Address
from callwright.sip.agent import Agent
from callwright.sip.call import SipCall
from callwright.sip.events import SipEvent
from callwright.sip.message import Request, Response, parse

PEER: Address = ("192.0.2.7", 5060)
US: Address = ("192.0.2.1", 5060)
OFFER = "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
ANSWER = OFFER.replace("192.0.2.7", "192.0.2.1")


@dataclass
class Sent:
    """A message that the agent sent, and when and where to."""

    at: float
    to: Address
    data: bytes

    @property
    def message(self) -> Request | Response:
        return parse(self.data)

    @property
    def what(self) -> str:
        """`INVITE`, or `200 BYE`; also of an answer that says again what cannot be read."""
        first, *lines = self.data.decode("utf-8", "surrogateescape").split("\r\n")
        words = first.split(" ")
        if words[0] != "SIP/2.0":
            return words[0]
        sequence = next(line for line in lines if line.lower().startswith("cseq:"))
        return f"{words[1]} {sequence.split()[-1]}"


@dataclass
class Owned:
    """A call that the test owns, with what it was told."""

    call: SipCall
    events: list[SipEvent] = field(default_factory=list)


class Bench:
    """`receive` what the peer sends, `pass_s` time, look at `sent` and at the calls' events."""

    def __init__(self, **options: Any) -> None:
        self.now = 1000.0
        self.sent: list[Sent] = []
        self.incoming: list[Owned] = []
        self.on_invite: Callable[[SipCall], None] = lambda _: None
        tags = count(1)
        self.agent = Agent(
            US,
            transmit=lambda data, to: self.sent.append(Sent(self.now, to, data)),
            clock=lambda: self.now,
            on_invite=self._invited,
            new_tag=lambda: f"t{next(tags)}",
            chance=lambda: 0.5,
            **options,
        )

    def _invited(self, call: SipCall) -> None:
        owned = Owned(call)
        call.on_event = owned.events.append
        self.incoming.append(owned)
        self.on_invite(call)

    def receive(self, message: Request | Response | bytes, source: Address = PEER, *, busy: bool = False) -> list[str]:
        """What the agent sends at once when this arrives."""
        already = len(self.sent)
        self.agent.receive(message if isinstance(message, bytes) else message.serialize(), source, busy=busy)
        return [sent.what for sent in self.sent[already:]]

    def pass_s(self, seconds: float) -> list[str]:
        """What the agent sends in this time."""
        already = len(self.sent)
        until = self.now + seconds
        timers = self.agent.wire.timers
        while (due := timers.next_due) is not None and due <= until:
            self.now = max(self.now, due)
            timers.run(self.now)
        self.now = until
        return [sent.what for sent in self.sent[already:]]

    def at(self, seconds: float) -> list[tuple[float, str]]:
        """As `pass_s`, with how long after now each was sent."""
        begun, already = self.now, len(self.sent)
        self.pass_s(seconds)
        return [(round(sent.at - begun, 3), sent.what) for sent in self.sent[already:]]

    def dial(self, **options: Any) -> Owned:
        owned: list[SipEvent] = []
        options = {"call_id": "ours", "caller": "100", "sdp": OFFER, "to": PEER} | options
        call = self.agent.invite("sip:200@192.0.2.7", on_event=owned.append, **options)
        return Owned(call, owned)

    def request(self, *, last: str = "") -> Request:
        """The last request that was sent, or the last of this method."""
        for sent in reversed(self.sent):
            message = sent.message
            if isinstance(message, Request) and last in ("", message.method):
                return message
        raise AssertionError(f"no {last or 'request'} was sent")

    def response(self, status: int = 0) -> Response:
        """The last response that was sent, or the last of this status."""
        for sent in reversed(self.sent):
            message = sent.message
            if isinstance(message, Response) and status in (0, message.status):
                return message
        raise AssertionError(f"no {status or 'response'} was sent")

    @property
    def at_rest(self) -> bool:
        """Nothing is kept of any call or message."""
        agent = self.agent
        return not (
            agent.calls or agent.leaving or agent.subscriptions or len(agent.transactions) or len(agent.wire.timers)
        )


branches = count(1)


def request(
    method: str,
    *,
    call_id: str = "theirs",
    number: int = 1,
    to_tag: str = "",
    from_tag: str = "peer",
    branch: str = "",
    body: str = "",
    uri: str = "sip:100@192.0.2.1",
    **headers: str,
) -> Request:
    """A request of the peer's. An empty header takes the default away."""
    made = Request(method, uri, sequence=number, body=body)
    made.headers.set("via", f"SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK{branch or next(branches)}")
    made.headers.set("from", f'"Ann" <sip:200@192.0.2.7>;tag={from_tag}')
    made.headers.set("to", f"<sip:100@192.0.2.1>{f';tag={to_tag}' if to_tag else ''}")
    made.headers.set("call-id", call_id)
    made.headers.set("cseq", f"{number} {method}")
    made.headers.set("max-forwards", "70")
    if method in ("INVITE", "UPDATE"):
        made.headers.set("contact", "<sip:200@192.0.2.7:5070>")
    if body:
        made.headers.set("content-type", "application/sdp")
    for name, value in headers.items():
        name = name.replace("_", "-")
        if value:
            made.headers.set(name, *value.split("|"))
        else:
            made.headers.values.pop(name, None)
    return made


def invite(**options: Any) -> Request:
    return request("INVITE", **({"body": OFFER} | options))


def within(owned: Owned, method: str, number: int = 2, **options: Any) -> Request:
    """A request of the peer's within a call of its own."""
    options = {"to_tag": owned.call.tag, "call_id": owned.call.call_id} | options
    return request(method, number=number, **options)


def answer(to: Request, status: int, *, tag: str = "theirs", body: str = "", **headers: str) -> Response:
    """The peer's answer to a request of ours."""
    made = Response(status, "Whatever", body=body, sequence=to.sequence, method=to.method)
    for name in ("via", "from", "to", "call-id", "cseq"):
        made.headers.set(name, *to.headers.all(name))
    if tag and "tag=" not in to.headers.get("to"):
        made.headers.set("to", f"{to.headers.get('to')};tag={tag}")
    if 100 < status < 300 and to.method == "INVITE":
        made.headers.set("contact", "<sip:200@192.0.2.7:5070>")
    if body:
        made.headers.set("content-type", "application/sdp")
    for name, value in headers.items():
        if value:
            made.headers.set(name.replace("_", "-"), *value.split("|"))
        else:
            made.headers.values.pop(name.replace("_", "-"), None)
    return made
