"""SIP transactions over UDP, without I/O (RFC 3261 §17, RFC 6026).

A transaction hides loss: it retransmits what nobody answered, absorbs what comes twice, and tells its user each
thing once. Four machines, each named by its RFC:

    client INVITE      calling -> proceeding -> completed (300-699: ACK is ours) | accepted (2xx: ACK is the dialog's)
    client non-INVITE  trying -> proceeding -> completed
    server INVITE      proceeding -> completed (300-699, until ACK) -> confirmed | accepted (2xx: the dialog repeats it)
    server non-INVITE  trying -> proceeding -> completed

Each ends by a timer of its own; `Transactions` holds them by key and forgets them when they end. Once a final
answer is out, a transaction keeps only the bytes that it may have to repeat.
"""

from collections.abc import Callable
from dataclasses import dataclass

from callwright.sip.message import Address, Headers, Request, Response, name_address, parameters, top_via
from callwright.sip.timers import GIVE_UP, T1, T2, T4, Timer, Timers

TRANSACTIONS_MAX = 100_000
"Transactions at once: a minute and a half of a thousand calls a second."

Send = Callable[[bytes, Address], None]
Key = tuple[str, ...]


@dataclass(slots=True)
class Wire:
    """What transactions need of the outside: a way to send, a clock, and timers."""

    send: Send
    clock: Callable[[], float]
    timers: Timers

    def after(self, seconds: float, due: Callable[[], None]) -> Timer:
        return self.timers.at(self.clock() + seconds, due)


class ServerTransaction:
    """One request from a peer. Its user answers with `respond`; repeats of the request are answered from here."""

    __slots__ = (
        "_forget",
        "_last",
        "_repeat",
        "_to",
        "_wait",
        "_wire",
        "cancelled",
        "is_invite",
        "state",
        "unacknowledged",
    )

    def __init__(self, wire: Wire, request: Request, source: Address, forget: Callable[[], object]) -> None:
        self._wire = wire
        self._to = reply_address(request.headers, source)
        self._forget = forget
        self._last = b""
        self._repeat: Timer | None = None
        self._wait: Timer | None = None
        self.is_invite = request.method == "INVITE"
        self.state = "proceeding"
        self.cancelled: Callable[[], None] | None = None
        "Called when the peer cancels this INVITE."

        self.unacknowledged: Callable[[], None] | None = None
        "Called when no ACK came for a final answer other than 2xx."

    def respond(self, response: Response) -> None:
        """Send an answer. After a final one only a dialog's repeated 2xx may follow."""
        if self.state in ("completed", "confirmed", "ended") or (self.state == "accepted" and response.status >= 300):
            return
        self._last = response.serialize()
        self._wire.send(self._last, self._to)
        if response.status < 200 or self.state == "accepted":
            return
        if not self.is_invite:
            self.state = "completed"
            self._wait = self._wire.after(GIVE_UP, self._end)
        elif response.status < 300:
            self.state = "accepted"
            self._last = b""
            self._wait = self._wire.after(GIVE_UP, self._end)
        else:
            self.state = "completed"
            self._repeat_after(T1)
            self._wait = self._wire.after(GIVE_UP, self._no_ack)

    def repeated(self) -> None:
        """The request came again."""
        if self._last and self.state in ("proceeding", "completed"):
            self._wire.send(self._last, self._to)

    def acknowledged(self) -> None:
        """The ACK for an answer other than 2xx (RFC 3261 §17.2.1)."""
        if self.state == "completed":
            self.state = "confirmed"
            self._stop_timers()
            self._wait = self._wire.after(T4, self._end)

    def _repeat_after(self, pause: float) -> None:
        def again() -> None:
            self._wire.send(self._last, self._to)
            self._repeat_after(min(pause * 2, T2))

        self._repeat = self._wire.after(pause, again)

    def _no_ack(self) -> None:
        if self.unacknowledged is not None:
            self.unacknowledged()
        self._end()

    def _stop_timers(self) -> None:
        for timer in (self._repeat, self._wait):
            if timer is not None:
                timer.cancel()

    def _end(self) -> None:
        self._stop_timers()
        self.state = "ended"
        self._last = b""
        self.cancelled = self.unacknowledged = None
        self._forget()


class ClientTransaction:
    """One request of ours. `on_response` is called for each answer that counts; None means that none came."""

    __slots__ = (
        "_data",
        "_forget",
        "_on_response",
        "_repeat",
        "_request",
        "_to",
        "_wait",
        "_wire",
        "is_invite",
        "state",
    )

    def __init__(
        self,
        wire: Wire,
        request: Request,
        to: Address,
        on_response: Callable[[Response | None], None],
        forget: Callable[[], object],
    ) -> None:
        self._wire = wire
        self._request = request
        self._to = to
        self._on_response = on_response
        self._forget = forget
        self._data = request.serialize()
        self.is_invite = request.method == "INVITE"
        self.state = "calling"
        self._repeat: Timer | None = None
        wire.send(self._data, to)
        self._repeat_after(T1)
        self._wait: Timer | None = wire.after(GIVE_UP, self._timed_out)

    def received(self, response: Response) -> None:
        if response.status < 200:
            self._provisional(response)
        elif self.state in ("calling", "proceeding"):
            self._final(response)
        elif self.state == "accepted" and response.status < 300:
            # Another 2xx, or the same again: the dialog acknowledges each (RFC 6026 §7.2).
            self._on_response(response)
        elif self.state == "completed" and self.is_invite and response.status >= 300:
            self._acknowledge(response)

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
        self._stop_timers()
        if not self.is_invite:
            self.state = "completed"
            self._wait = self._wire.after(T4, self._end)
        elif response.status < 300:
            self.state = "accepted"
            self._wait = self._wire.after(GIVE_UP, self._end)
        else:
            self.state = "completed"
            self._acknowledge(response)
            self._wait = self._wire.after(GIVE_UP, self._end)
        self._data = b""
        self._on_response(response)

    def _acknowledge(self, response: Response) -> None:
        """The ACK of an answer other than 2xx belongs to the transaction (RFC 3261 §17.1.1.3)."""
        ours = self._request.headers
        ack = Request("ACK", self._request.uri)
        ack.headers.set("via", ours.get("via"))
        ack.headers.set("max-forwards", "70")
        ack.headers.set("from", ours.get("from"))
        ack.headers.set("to", response.headers.get("to"))
        ack.headers.set("call-id", ours.get("call-id"))
        ack.headers.set("cseq", f"{ours.get('cseq').partition(' ')[0]} ACK")
        if ours.all("route"):
            ack.headers.set("route", *ours.all("route"))
        self._wire.send(ack.serialize(), self._to)

    def _repeat_after(self, pause: float) -> None:
        def again() -> None:
            self._wire.send(self._data, self._to)
            longest = GIVE_UP if self.is_invite else T2
            self._repeat_after(T2 if self.state == "proceeding" else min(pause * 2, longest))

        self._repeat = self._wire.after(pause, again)

    def _timed_out(self) -> None:
        on_response = self._on_response
        self._end()
        on_response(None)

    def give_up(self) -> None:
        """Forget an INVITE that was cancelled and never got its final answer (RFC 3261 §9.1)."""
        if self.state in ("calling", "proceeding"):
            self._timed_out()

    def _stop_timers(self) -> None:
        for timer in (self._repeat, self._wait):
            if timer is not None:
                timer.cancel()

    def _end(self) -> None:
        self._stop_timers()
        self.state = "ended"
        self._data = b""
        self._forget()


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

    def request(
        self, request: Request, to: Address, on_response: Callable[[Response | None], None]
    ) -> ClientTransaction:
        """Send a request of ours."""
        key = _client_key(request.headers)
        transaction = ClientTransaction(self._wire, request, to, on_response, lambda: self._clients.pop(key, None))
        self._clients[key] = transaction
        return transaction

    def response(self, response: Response) -> bool:
        """An answer came; whether a transaction of ours waited for it."""
        transaction = self._clients.get(_client_key(response.headers))
        if transaction is None:
            return False
        transaction.received(response)
        return True

    def find(self, request: Request) -> ServerTransaction | None:
        """The transaction that a request belongs to: a repeat, or the ACK of an answer other than 2xx."""
        return self._servers.get(_server_key(request, request.method))

    def invite_of(self, cancel: Request) -> ServerTransaction | None:
        """The INVITE that a CANCEL means (RFC 3261 §9.2)."""
        return self._servers.get(_server_key(cancel, "INVITE"))

    def serve(self, request: Request, source: Address) -> ServerTransaction:
        """A new transaction for a request that came for the first time."""
        key = _server_key(request, request.method)
        transaction = ServerTransaction(self._wire, request, source, lambda: self._servers.pop(key, None))
        self._servers[key] = transaction
        return transaction


def _client_key(headers: Headers) -> Key:
    via = top_via(headers)
    return via.branch, headers.get("cseq").rpartition(" ")[2]


def _server_key(request: Request, method: str) -> Key:
    via = top_via(request.headers)
    if method == "ACK":
        method = "INVITE"
    if via.branch.startswith("z9hG4bK"):
        return via.branch, via.host, str(via.port), method
    # A peer of RFC 2543: no unique branch (RFC 3261 §17.2.3).
    headers = request.headers
    number = headers.get("cseq").partition(" ")[0]
    return headers.get("call-id"), number, name_address(headers.get("from")).tag, headers.get("via"), method


def reply_address(headers: Headers, source: Address) -> Address:
    """Where the answers to a request go (RFC 3261 §18.2.2, RFC 3581 §4): where it came from, to the port it asks for."""
    via = top_via(headers)
    return source[0], source[1] if "rport" in via.parameters else via.port


def mark_received(headers: Headers, source: Address) -> None:
    """Note in the topmost Via where the request really came from."""
    via = top_via(headers)
    first = headers.get("via")
    head, _, rest = first.partition(";")
    named = parameters(rest)
    if "rport" in named or via.host != source[0]:
        kept = [item for item in rest.split(";") if item.partition("=")[0].strip().lower() not in ("rport", "received")]
        if "rport" in named:
            kept.append(f"rport={source[1]}")
        kept.append(f"received={source[0]}")
        first = ";".join([head, *filter(None, kept)])
    headers.set("via", first, *headers.all("via")[1:])
