"""SIP transactions, without I/O (RFC 3261 §17, RFC 6026).

A transaction hides loss: it retransmits what nobody answered, absorbs what comes twice, and tells its user each
thing once. Four machines, each named by its RFC:

    client INVITE      calling -> proceeding -> completed (300-699: ACK is ours) | accepted (2xx: ACK is the dialog's)
                       A, B: retransmit and give up while calling; D: completed; M: accepted
    client non-INVITE  calling (the RFC's "trying") -> proceeding -> completed
                       E, F: retransmit and give up; K: completed
    server INVITE      proceeding -> completed (300-699, until ACK) -> confirmed | accepted (2xx: the dialog repeats it)
                       G, H: repeat the answer and give up; I: confirmed; L: accepted
    server non-INVITE  proceeding -> completed
                       J: completed

Over a stream (TCP, TLS) nothing is retransmitted, and what waits for repeats (D, I, J, K) waits for none.

Each ends by a timer of its own; `Transactions` holds them by key and forgets them when they end. They linger for
up to 32 s after the call is over, so once a final answer is out each keeps only the bytes that it may have to repeat.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from callwright.sip.address import Address, Via, is_ip
from callwright.sip.message import Request, Response
from callwright.sip.outages import Outages
from callwright.sip.timers import GIVE_UP, T1, T2, T4, Timer, Timers

TRANSACTIONS_MAX = 100_000
"Transactions at once: two for each call of a minute and a half of five hundred calls a second."

MAGIC = "z9hG4bK"
"What a branch begins with whose sender made it unique (RFC 3261 §8.1.1.7)."

Key = tuple[str | int, ...]


@dataclass(slots=True)
class Wire:
    """What transactions need of the outside: a way to send, a clock, and timers."""

    transmit: Callable[[bytes, Address], None]
    clock: Callable[[], float]
    timers: Timers
    reliable: bool = False
    "A stream: what is sent arrives, or the shell tells that nothing can (`Transactions.unreachable`)."

    connected: Callable[[Address], bool] = lambda _: True
    "Of a stream: whether there is a connection with this address."

    failure: str = ""
    "Why nothing can be sent to where a transaction is just ending for it."

    repeated: Counter[str] = field(default_factory=Counter)
    "What was sent again, `request` or `response`; the agents of a process have one for all transports."

    outages: Outages = field(default_factory=Outages)
    "Servers that failed lately; the agents of a process have one for all transports."

    watchers: dict[Address, set[Callable[[], None]]] = field(default_factory=dict)
    "By address: who wants to know that nothing can be sent there any more (`sip.flow`)."

    def send(self, data: bytes, to: Address) -> None:
        """Only to an address: a peer's host name must not make the shell ask a name server."""
        if is_ip(to[0]):
            self.transmit(data, to)

    def answered_at(self, via: Via, source: Address) -> Address:
        """Where the answers to a request go that came from this source."""
        return source if self.reliable else reply_address(via, source)

    def send_again(self, data: bytes, to: Address, what: str) -> None:
        """A `request` or a `response`, since nothing came of it, or the same was asked again."""
        self.repeated[what] += 1
        self.send(data, to)

    def after(self, seconds: float, due: Callable[[], None]) -> Timer:
        return self.timers.at(self.clock() + seconds, due)


class _Transaction:
    """What client and server transactions share: the message to repeat, and the timers to stop."""

    __slots__ = ("_forget", "_last", "_repeat", "_wait", "_wire", "is_invite", "state", "to")

    def __init__(self, wire: Wire, to: Address, is_invite: bool, forget: Callable[[], object]) -> None:
        self._wire = wire
        self._forget = forget
        self._last = b""
        self._repeat: Timer | None = None
        self._wait: Timer | None = None
        self.to = to
        self.is_invite = is_invite
        self.state = "proceeding"

    def _wait_for(self, seconds: float, due: Callable[[], None]) -> None:
        self._stop_timers()
        self._wait = self._wire.after(seconds, due)

    def _linger(self, seconds: float) -> None:
        """Absorb repeats for so long, where there can be any."""
        if self._wire.reliable:
            self._end()
        else:
            self._wait_for(seconds, self._end)

    def _stop_timers(self) -> None:
        for timer in (self._repeat, self._wait):
            if timer is not None:
                timer.cancel()
        self._repeat = self._wait = None

    def _end(self) -> None:
        self._stop_timers()
        self.state = "ended"
        self._last = b""
        self._forget()


class ServerTransaction(_Transaction):
    """One request from a peer. Its user answers with `respond`; repeats of the request are answered from here."""

    __slots__ = ("cancelled", "tag")

    def __init__(self, wire: Wire, request: Request, to: Address, forget: Callable[[], object]) -> None:
        super().__init__(wire, to, request.method == "INVITE", forget)
        self.cancelled: Callable[[], None] | None = None
        "Called when the peer cancels this INVITE."

        self.tag = ""
        "The To tag of the call that it began: a CANCEL is answered with the same (RFC 3261 §9.2)."

    def answered_on(self, wire: Wire) -> Address | None:
        """Where the answers go; None where this is not the wire that they go by."""
        return self.to if self._wire is wire else None

    def respond(self, response: Response) -> bytes:
        """Send an answer, and return it as sent. After a final one there is no other."""
        if self.state != "proceeding":
            return b""
        data = response.serialize()
        self._wire.send(data, self.to)
        self._last = data
        if response.status >= 200:
            self._finish(response.status)
        return data

    def _finish(self, status: int) -> None:
        self.cancelled = None
        if not self.is_invite:
            self.state = "completed"
            self._linger(GIVE_UP)
            return
        self._wait_for(GIVE_UP, self._end)
        if status < 300:
            self.state, self._last = "accepted", b""
            return
        self.state = "completed"
        if not self._wire.reliable:
            self._repeat_after(T1)

    def repeated(self) -> None:
        """The request came again. In "accepted" it is absorbed: the dialog repeats the 2xx by itself (RFC 6026 §7.1)."""
        if self._last and self.state in ("proceeding", "completed"):
            self._wire.send_again(self._last, self.to, "response")

    def acknowledged(self) -> None:
        """The ACK for an answer other than 2xx (RFC 3261 §17.2.1)."""
        if self.state == "completed" and self.is_invite:
            self.state, self._last = "confirmed", b""
            self._linger(T4)

    def _repeat_after(self, pause: float) -> None:
        def again() -> None:
            self._wire.send_again(self._last, self.to, "response")
            self._repeat_after(min(pause * 2, T2))

        self._repeat = self._wire.after(pause, again)


class ClientTransaction(_Transaction):
    """One request of ours. `on_response` is called for each answer that counts; None means that none came."""

    __slots__ = ("_on_response", "_request")

    def __init__(
        self,
        wire: Wire,
        request: Request,
        to: Address,
        on_response: Callable[[Response | None], None],
        forget: Callable[[], object],
    ) -> None:
        super().__init__(wire, to, request.method == "INVITE", forget)
        # The INVITE is needed again for the ACK of a refusal, nothing else is.
        self._request = request if self.is_invite else None
        self._on_response = on_response
        self._last = request.serialize()
        self.state = "calling"

    def start(self) -> None:
        if not self._wire.reliable:
            self._repeat_after(T1)
        self._wait = self._wire.after(GIVE_UP, self._timed_out)
        self._wire.send(self._last, self.to)

    def received(self, response: Response) -> None:
        if response.status < 200:
            self._provisional(response)
        elif self.state in ("calling", "proceeding"):
            self._final(response)
        elif self.state == "accepted" and response.status < 300:
            # Another 2xx, or the same again: the dialog acknowledges each (RFC 6026 §7.2).
            self._on_response(response)
        elif self.state == "completed" and self.is_invite and response.status >= 300:
            self._wire.send_again(self._last, self.to, "request")

    def _provisional(self, response: Response) -> None:
        if self.state not in ("calling", "proceeding"):
            return
        if self.state == "calling":
            self.state = "proceeding"
            if self.is_invite:
                # From here on the user decides how long it may ring.
                self._stop_timers()
        self._on_response(response)

    def _final(self, response: Response) -> None:
        on_response = self._on_response
        if self._request is None:
            self.state, self._last = "completed", b""
            self._linger(T4)
        elif response.status < 300:
            self.state, self._last = "accepted", b""
            self._wait_for(GIVE_UP, self._end)
        else:
            self.state, self._last = "completed", _acknowledgement(self._request, response)
            self._wire.send(self._last, self.to)
            self._linger(GIVE_UP)
        self._request = None
        if self.state != "accepted":
            self._on_response = _nobody
        on_response(response)

    def _repeat_after(self, pause: float) -> None:
        def again() -> None:
            self._wire.send_again(self._last, self.to, "request")
            if self.is_invite:
                self._repeat_after(pause * 2)
            else:
                self._repeat_after(T2 if self.state == "proceeding" else min(pause * 2, T2))

        self._repeat = self._wire.after(pause, again)

    def unreachable(self) -> None:
        """What was sent did not arrive, and no answer will; one that rings may yet be answered on another connection."""
        if self.state == "calling" or (self.state == "proceeding" and not self.is_invite):
            self._timed_out()

    def _timed_out(self) -> None:
        on_response = self._on_response
        self._end()
        on_response(None)

    def give_up(self) -> None:
        """Forget an INVITE that was cancelled and never got its final answer (RFC 3261 §9.1)."""
        if self.state in ("calling", "proceeding"):
            self._timed_out()

    def _end(self) -> None:
        super()._end()
        self._request = None
        self._on_response = _nobody


def _nobody(_: Response | None) -> None: ...


def _acknowledgement(invite: Request, response: Response) -> bytes:
    """The ACK of an answer other than 2xx belongs to the transaction (RFC 3261 §17.1.1.3)."""
    ours = invite.headers
    ack = Request("ACK", invite.uri)
    ack.headers.set("via", ours.get("via"))
    ack.headers.set("max-forwards", "70")
    ack.headers.set("from", ours.get("from"))
    ack.headers.set("to", response.headers.get("to"))
    ack.headers.set("call-id", ours.get("call-id"))
    ack.headers.set("cseq", f"{invite.sequence} ACK")
    if ours.all("route"):
        ack.headers.set("route", *ours.all("route"))
    return ack.serialize()


class Transactions:
    """All transactions of one agent, by key."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._servers: dict[Key, ServerTransaction] = {}
        self._clients: dict[Key, ClientTransaction] = {}

    def __len__(self) -> int:
        return len(self._servers) + len(self._clients)

    @property
    def full(self) -> bool:
        return len(self) >= TRANSACTIONS_MAX

    @property
    def unanswered(self) -> int:
        """Requests of ours that still wait for their final answer."""
        return sum(one.state in ("calling", "proceeding") for one in self._clients.values())

    def request(
        self, request: Request, to: Address, on_response: Callable[[Response | None], None]
    ) -> ClientTransaction:
        """Send a request of ours (RFC 3261 §17.1)."""
        key = (request.via.branch, request.method)
        transaction = ClientTransaction(self._wire, request, to, on_response, lambda: self._clients.pop(key, None))
        self._clients[key] = transaction
        transaction.start()
        return transaction

    def response(self, response: Response) -> None:
        """An answer came; one that no transaction waits for is dropped (RFC 3261 §17.1.3). Raises `PeerError`."""
        transaction = self._clients.get((response.via.branch, response.method))
        if transaction is not None:
            transaction.received(response)

    def unreachable(self, to: Address) -> None:
        """Nothing can be sent to this address: what waits for an answer from there waits no longer."""
        for transaction in [one for one in self._clients.values() if one.to == to]:
            transaction.unreachable()
        for lost in tuple(self._wire.watchers.get(to, ())):
            lost()

    def find(self, request: Request) -> ServerTransaction | None:
        """The transaction that a request belongs to: a repeat, or the ACK of an answer other than 2xx. Raises `PeerError`."""
        method = request.method
        return self._servers.get(_server_key(request, "INVITE" if method == "ACK" else method))

    def is_repeat(self, via: Via) -> bool:
        """Whether an INVITE with this Via, whose branch is unique, has been served."""
        return (via.branch, via.host, via.port, "INVITE") in self._servers

    def invite_of(self, cancel: Request) -> ServerTransaction | None:
        """The INVITE that a CANCEL means (RFC 3261 §9.2)."""
        return self._servers.get(_server_key(cancel, "INVITE"))

    def serve(self, request: Request, source: Address) -> ServerTransaction:
        """A new transaction for a request that came for the first time."""
        key = _server_key(request, request.method)
        to = self._wire.answered_at(request.via, source)
        transaction = ServerTransaction(self._wire, request, to, lambda: self._servers.pop(key, None))
        self._servers[key] = transaction
        return transaction


def _server_key(request: Request, method: str) -> Key:
    via = request.via
    branch = via.branch
    if branch.startswith(MAGIC):
        return branch, via.host, via.port, method
    # A peer of RFC 2543: no unique branch (RFC 3261 §17.2.3).
    return request.headers.get("call-id"), request.sequence, request.from_tag, via.host, via.port, method


def reply_address(via: Via, source: Address) -> Address:
    """Where the answers to a request go (RFC 3261 §18.2.2, RFC 3581 §4): where it came from, to the port it asks for."""
    return source[0], source[1] if via.rport else via.port


def same_tag(of: object) -> str:
    """A tag for an answer of which nothing is kept: the same request gets the same."""
    return f"{hash(of) & _HASH_BITS:x}"


_HASH_BITS = (1 << 64) - 1
