"""The SIP user agent, without I/O: datagrams in, datagrams and events out.

It finds for each datagram the transaction, the dialog or the rule that it belongs to, and refuses what nobody
could take: what is no SIP is dropped, since an answer to rubbish only helps whoever sends it; what is SIP but
wrong gets the status that RFC 3261 §8.2 gives it, in that order. Only a well-formed INVITE opens a call.
"""

from collections.abc import Callable

from callwright.base.errors import PeerError
from callwright.sip.call import REASONS, SipCall
from callwright.sip.events import SipEvent
from callwright.sip.message import Address, Request, Response, name_address, parse, uri
from callwright.sip.timers import Timers
from callwright.sip.transaction import ServerTransaction, Transactions, Wire, mark_received, reply_address

METHODS = ("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INFO", "UPDATE")
ALLOW = ", ".join(METHODS)
CALLS_MAX = 5_000
"Calls at once; 503 past it."

RETRY_AFTER_S = 5
"What a caller is told whom we cannot serve now."

UNANSWERED_MAX = 1_000
"INVITEs of peers that nobody has answered yet; a flood is turned away past it, before anything is kept of it."


class Agent:
    """One user agent. The shell gives `receive` every datagram and `run` the time, and sends what `wire.send` is given."""

    def __init__(
        self,
        *,
        contact: str,
        wire: Wire,
        on_invite: Callable[[SipCall], None],
        new_tag: Callable[[], str],
        via: str,
        name: str = "Callwright",
    ) -> None:
        self.contact = contact
        "Our Contact header: `<sip:host:port>`."

        self.wire = wire
        self.transactions = Transactions(wire)
        self.new_tag = new_tag
        self.draining = False
        "OPTIONS and INVITE get 503: the calls that are there go on, new ones go elsewhere."

        self._on_invite = on_invite
        self._via = via
        self._name = name
        self._calls: dict[tuple[str, str], SipCall] = {}
        self._unanswered: set[SipCall] = set()

    @classmethod
    def build(
        cls,
        address: Address,
        *,
        send: Callable[[bytes, Address], None],
        clock: Callable[[], float],
        on_invite: Callable[[SipCall], None],
        new_tag: Callable[[], str],
    ) -> "Agent":
        host, port = address
        shown = f"[{host}]" if ":" in host else host
        wire = Wire(send, clock, Timers())
        return cls(
            contact=f"<sip:{shown}:{port}>",
            wire=wire,
            on_invite=on_invite,
            new_tag=new_tag,
            via=f"SIP/2.0/UDP {shown}:{port}",
        )

    @property
    def calls(self) -> int:
        return len(self._calls)

    # -- in ------------------------------------------------------------------------------------

    def receive(self, data: bytes, source: Address) -> None:
        """One datagram. Never raises."""
        if len(data) < 20:
            return  # A keep-alive (RFC 5626 §3.5.1), or nothing at all.
        if len(self._unanswered) >= UNANSWERED_MAX and data.startswith(b"INVITE "):
            self._shed(data, source)
            return
        try:
            message = parse(data)
            if isinstance(message, Response):
                self.transactions.response(message)
                return
            mark_received(message.headers, source)
            self._request(message, source)
        except PeerError:
            return

    def _shed(self, data: bytes, source: Address) -> None:
        """Turn an INVITE away without keeping anything of it (RFC 3261 §16.7 leaves stateless answers to us)."""
        try:
            request = parse(data)
            if isinstance(request, Request) and self.transactions.find(request) is None:
                mark_received(request.headers, source)
                answer = self.response(request, 503, tag="shed")
                answer.headers.set("retry-after", str(RETRY_AFTER_S))
                self.wire.send(answer.serialize(), reply_address(request.headers, source))
        except PeerError:
            return

    def _request(self, request: Request, source: Address) -> None:
        transaction = self.transactions.find(request)
        if request.method == "ACK":
            self._ack(request, transaction)
        elif transaction is not None:
            transaction.repeated()
        elif not self.transactions.full:
            self._new_request(request, self.transactions.serve(request, source), source)

    def _ack(self, request: Request, transaction: ServerTransaction | None) -> None:
        if transaction is not None and transaction.state != "accepted":
            transaction.acknowledged()
        elif (call := self._call_of(request)) is not None:
            call.ack(request)

    def _new_request(self, request: Request, transaction: ServerTransaction, source: Address) -> None:
        headers = request.headers
        to = name_address(headers.get("to"))
        if request.method not in METHODS:
            self.reply(request, transaction, 501, allow=ALLOW)
        elif headers.get("max-forwards") == "0" and request.method != "OPTIONS":
            self.reply(request, transaction, 483)
        elif request.method == "CANCEL":
            self._cancel(request, transaction)
        elif unknown := [option for option in headers.all("require") if option]:
            self.reply(request, transaction, 420, unsupported=", ".join(unknown))
        elif to.tag:
            self._in_dialog(request, transaction)
        elif request.method == "OPTIONS":
            self._options(request, transaction)
        elif request.method == "INVITE":
            self._invited(request, transaction, source)
        else:
            self.reply(request, transaction, 481)

    def _cancel(self, request: Request, transaction: ServerTransaction) -> None:
        invite = self.transactions.invite_of(request)
        self.reply(request, transaction, 200 if invite is not None else 481)
        if invite is not None and invite.cancelled is not None and invite.state == "proceeding":
            invite.cancelled()

    def _in_dialog(self, request: Request, transaction: ServerTransaction) -> None:
        call = self._call_of(request)
        if call is None or call.dialog is None:
            self.reply(request, transaction, 481)
        else:
            call.request(request, transaction)

    def _options(self, request: Request, transaction: ServerTransaction) -> None:
        if self.draining:
            self.reply(request, transaction, 503, retry_after=str(RETRY_AFTER_S))
        else:
            self.reply(request, transaction, 200, allow=ALLOW, accept="application/sdp", contact=self.contact)

    def _invited(self, request: Request, transaction: ServerTransaction, source: Address) -> None:
        kind = request.headers.get("content-type").partition(";")[0].strip().lower()
        if self.draining or len(self._calls) >= CALLS_MAX:
            self.reply(request, transaction, 503, retry_after=str(RETRY_AFTER_S))
            return
        if request.body and kind != "application/sdp":
            self.reply(request, transaction, 415, accept="application/sdp")
            return
        try:
            caller = _user(name_address(request.headers.get("from")).uri)
            call = SipCall(
                self,
                call_id=request.headers.get("call-id"),
                caller=caller,
                dialled=uri(request.uri).user,
                remote=source,
                offer=request.body,
            )
            call.invited(request, transaction, source)
        except PeerError:
            self.reply(request, transaction, 400)
            return
        transaction.respond(self.response(request, 100))
        self._calls[(call.call_id, call.tag)] = call
        self._unanswered.add(call)
        self._on_invite(call)
        if call.state != "invited":
            self._unanswered.discard(call)

    def _call_of(self, request: Request) -> SipCall | None:
        return self._calls.get((request.headers.get("call-id"), name_address(request.headers.get("to")).tag))

    # -- out -----------------------------------------------------------------------------------

    def invite(
        self, target: str, *, call_id: str, caller: str, sdp: str, to: Address, on_event: Callable[[SipEvent], None]
    ) -> SipCall:
        """Call `target`, a SIP URI, by way of `to`."""
        call = SipCall(self, call_id=call_id, caller=caller, dialled=uri(target).user, remote=to, offer=sdp)
        call.on_event = on_event
        ours = self.contact.strip("<>").partition(":")[2]
        request = Request("INVITE", target)
        headers = request.headers
        headers.set("max-forwards", "70")
        headers.set("from", f"<sip:{caller}@{ours}>;tag={call.tag}")
        headers.set("to", f"<{target}>")
        headers.set("call-id", call_id)
        headers.set("cseq", "1 INVITE")
        headers.set("content-type", "application/sdp")
        request.body = sdp
        self._calls[(call_id, call.tag)] = call
        call.invite(self.outgoing(request), to)
        return call

    def outgoing(self, request: Request) -> Request:
        """Add what every request of ours carries."""
        headers = request.headers
        headers.set("via", f"{self._via};branch=z9hG4bK{self.new_tag()};rport")
        if request.method in ("INVITE", "UPDATE"):
            headers.set("contact", self.contact)
            headers.set("allow", ALLOW)
        headers.set("user-agent", self._name)
        return request

    def response(self, request: Request, status: int, reason: str = "", *, tag: str = "") -> Response:
        """An answer to a request, with what RFC 3261 §8.2.6.2 copies from it."""
        answer = Response(status, reason or REASONS.get(status, ""))
        theirs = request.headers
        answer.headers.set("via", *theirs.all("via"))
        answer.headers.set("from", theirs.get("from"))
        to = theirs.get("to")
        if status > 100 and tag and not name_address(to).tag:
            to = f"{to};tag={tag}"
        answer.headers.set("to", to)
        answer.headers.set("call-id", theirs.get("call-id"))
        answer.headers.set("cseq", theirs.get("cseq"))
        if request.method == "INVITE" and 100 < status < 300:
            if theirs.all("record-route"):
                answer.headers.set("record-route", *theirs.all("record-route"))
            answer.headers.set("contact", self.contact)
            answer.headers.set("allow", ALLOW)
        answer.headers.set("server", self._name)
        return answer

    def reply(self, request: Request, transaction: ServerTransaction, status: int, **headers: str) -> None:
        """Answer a request that belongs to no call of its own."""
        answer = self.response(request, status, tag=self.new_tag())
        for name, value in headers.items():
            answer.headers.set(name.replace("_", "-"), value)
        transaction.respond(answer)

    def confirmed(self, call: SipCall) -> None:
        self._unanswered.discard(call)

    def forget(self, call: SipCall) -> None:
        self._calls.pop((call.call_id, call.tag), None)
        self._unanswered.discard(call)

    def hang_up_all(self) -> None:
        for call in list(self._calls.values()):
            call.hang_up()


def _user(text: str) -> str:
    try:
        return uri(text).user
    except PeerError:
        return ""
