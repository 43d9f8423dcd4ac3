"""The SIP user agent, without I/O: datagrams in, datagrams and events out.

It finds for each datagram the transaction, the dialog or the rule that it belongs to. What is no SIP is dropped,
since an answer to rubbish only helps whoever sends it; a request that shows whose it is, and cannot be read, is told so
(`unreadable`). What is SIP but unwelcome gets the status that RFC 3261 §8.2 gives it, in that order, and is forgotten at
once: such answers are made from the request alone, so a repeat gets the same again without a transaction (§8.2.7), and a
flood of them costs no memory. Only a well-formed INVITE opens a call, and only what belongs to a call is remembered.
"""

from collections.abc import Callable, Sequence
from copy import copy

from callwright.base.errors import PeerError
from callwright.sip import dialog as dialogs
from callwright.sip import hurried, session_timer, unreadable
from callwright.sip.abilities import ABLE, ALLOW, SUPPORTED, refused
from callwright.sip.address import EVERYWHERE, Address, Transport, is_ip, name_address, uri, user_of, user_part, written
from callwright.sip.call import SipCall
from callwright.sip.digest import Credentials, Identity
from callwright.sip.events import SipEvent
from callwright.sip.invitation import Invitation, LookUp
from callwright.sip.message import REASONS, SDP_TYPE, Request, Response, parse, reason_of
from callwright.sip.replaces import Replaces, meant, replaced
from callwright.sip.subscription import Subscriptions
from callwright.sip.timers import Timers
from callwright.sip.transaction import ServerTransaction, Transactions, Wire, same_tag
from callwright.sip.ways import DATAGRAM_BYTES_MAX, Way

CALLS_MAX = 5_000
"Calls at once; 503 past it."

UNANSWERED_MAX = 1_000
"INVITEs of peers that nobody has answered yet; a flood is turned away past it, before anything is kept of it."

RETRY_AFTER_S = 5
"What a caller is told whom we cannot serve now."

ENGINE = "engine-"
"How a name begins that is one process's own, whatever address it has."

KEEP_ALIVE_BYTES = 20
"Nothing shorter is SIP: keep-alives (RFC 5626 §3.5.1), probes."

OnInvite = Callable[[SipCall], object]
Admits = Callable[["Agent", Request, Address], OnInvite | None]
"""What is done with a request that belongs to no call of ours: who gets the call, if it begins one. None: it is not served
here. Somebody else answers it, by `refuse` or a transaction of its own, or nobody does."""

Tells = Callable[["Agent", Address], bool]
"Whether whoever is there is told what is wrong with a request that cannot be read."


class Agent:
    """One user agent. The shell gives `receive` every datagram and `wire.timers.run` the time."""

    def __init__(
        self,
        address: Address,
        *,
        transmit: Callable[[bytes, Address], None],
        clock: Callable[[], float],
        on_invite: OnInvite,
        admits: Admits | None = None,
        tells: Tells = lambda *_: True,
        new_tag: Callable[[], str],
        transport: Transport = "udp",
        connected: Callable[[Address], bool] = lambda _: True,
        beside: "Agent | None" = None,
        on_alias: Callable[[Address, int], None] | None = None,
        chance: Callable[[], float],
        user_agent: str = "Callwright",
        name: str = "",
        calls_max: int = CALLS_MAX,
        unanswered_max: int = UNANSWERED_MAX,
    ) -> None:
        """`beside`: the agent of another transport of the same process, with which it shares calls, limits and timers. `connected`:
        whether a stream has a connection with an address. `on_alias`: a peer takes requests for a port of its own on the connection
        from this address (RFC 5923)."""
        self.transport = transport
        timers: Timers = beside.wire.timers if beside else Timers()
        self.wire: Wire = Wire(transmit, clock, timers, transport != "udp", connected)
        self.transactions = Transactions(self.wire)
        self.new_tag: Callable[[], str] = new_tag
        self.chance = chance
        "Anything from 0 to 1: how two sides that offered at once come to try again at different times."

        self.longer: Agent | None = None
        "Of datagrams: the agent of connections, which takes the INVITE that is too long for one."

        self.draining = False
        "OPTIONS and INVITE get 503: the calls that are there go on, new ones go elsewhere."

        self.shed = 0
        "INVITEs that were turned away because there were too many."

        self.unreadable = self.dropped = 0
        "Messages that could not be read: requests that were told so, and all else, which got no answer."

        self._by_transport: dict[Transport, Agent] = beside._by_transport if beside else {}
        self._by_transport.setdefault(transport, self)
        self._others: dict[str, Agent] = {}
        self._stand_at(address)
        self._on_alias = on_alias
        self._admits: Admits = admits or (lambda *_: on_invite)
        self._tells = tells
        self._user_agent = user_agent
        self._name = name
        self._calls_max = calls_max
        self._unanswered_max = unanswered_max
        self._calls: dict[tuple[str, str], SipCall] = beside._calls if beside else {}
        "By Call-ID and our tag; the call itself knows its peer's."

        self.leaving: set[tuple[str, str, str]] = beside.leaving if beside else set()
        "Call-ID, our tag and the peer's, of dialogs that a BYE of ours is ending."

        self.subscriptions: Subscriptions = beside.subscriptions if beside else Subscriptions()

        self._unanswered: dict[tuple[str, str, int], SipCall] = beside._unanswered if beside else {}
        "Calls of peers that nobody has answered yet, by Call-ID, their tag and CSeq."

    def _stand_at(self, address: Address) -> None:
        self.address = address
        "By which peers reach us."

        self._place = written(address)
        self.contact = f"<sip:{self._place}{self._parameter}>"

    def at(self, host: str) -> "Agent":
        """This agent at another address of ours, which its Via and Contact name; calls, transactions and limits are the same."""
        other = self._others.get(host)
        if other is None or (other.longer is None and self.longer is not None):
            # The first one, or the first since there is `longer`: datagrams are answered before connections are taken.
            other = self._others[host] = copy(self)
            other.shed = other.unreadable = other.dropped = 0
            other._stand_at((host, self.address[1]))
            if self.longer is not None and self.longer.address[0] == self.address[0]:
                other.longer = self.longer.at(host)
        return other

    def beside(self, transport: Transport) -> "Agent | None":
        """That of another transport: at the same address of ours, where it stands there too."""
        other, known = self._by_transport.get(transport), (*EVERYWHERE, self._by_transport[self.transport].address[0])
        return other.at(self.address[0]) if other is not None and other.address[0] in known else other

    @property
    def everywhere(self) -> "tuple[Agent, ...]":
        """This agent, and itself at other addresses."""
        return self, *self._others.values()

    @property
    def _parameter(self) -> str:
        """Of our Contact, and of URIs that are asked by this transport."""
        return "" if self.transport == "udp" else f";transport={self.transport}"

    def uses(self, connection: Address) -> bool:
        """Whether a call's requests go on this one."""
        known = ((call.dialog, call.agent.wire) for call in self._calls.values())
        return any(dialog and (dialog.connection, wire) == (connection, self.wire) for dialog, wire in known)

    @property
    def calls(self) -> int:
        return len(self._calls)

    # -- in ------------------------------------------------------------------------------------

    def receive(self, data: bytes, source: Address, *, busy: bool = False) -> None:
        """One datagram. What is wrong with it is the peer's affair: it raises nothing. `busy`: a new call is turned away."""
        if (
            len(data) < KEEP_ALIVE_BYTES
            or hurried.is_acknowledgement(data)
            or (busy and self._turned_away(data, source))
        ):
            return
        try:
            message = parse(data)
            if isinstance(message, Response):
                self.transactions.response(message)
            else:
                if self._on_alias is not None and "alias" in message.via.parameters:
                    self._on_alias(source, message.via.port)
                message.received(*source)
                self._request(message, source, busy)
        except PeerError as error:
            self._unread(data, source, error)

    def _turned_away(self, data: bytes, source: Address) -> bool:
        """Whether that needed no reading."""
        repeat, server = self.transactions.is_repeat, self._user_agent
        quick = hurried.refusal(data, source, is_repeat=repeat, retry_after_s=RETRY_AFTER_S, server=server)
        if quick is not None and self._tells(self, source):
            self.shed += 1
            answer, to = quick
            self.wire.send(answer, source if self.wire.reliable else to)
        return quick is not None

    def _unread(self, data: bytes, source: Address, error: PeerError) -> None:
        found = unreadable.refusal(data, source, error, same_tag) if self._tells(self, source) else None
        if found is None:
            self.dropped += 1
            return
        request, answer = found
        self.unreadable += 1
        answer.headers.set("server", self._user_agent)
        self.wire.send(answer.serialize(), self.wire.answered_at(request.via, source))

    def _request(self, request: Request, source: Address, busy: bool) -> None:
        transaction = self.transactions.find(request)
        if request.method == "ACK":
            self._ack(request, source, transaction)
        elif transaction is not None:
            transaction.repeated()
        elif request.method == "CANCEL":
            self._cancel(request, source)
        elif request.to_tag:
            self._in_dialog(request, source)
        elif busy:
            if self._tells(self, source):
                self.shed += 1
                self.refuse(request, source, 503, retry_after=str(RETRY_AFTER_S))
        elif (on_invite := self._admits(self, request, source)) is not None:
            self._begin(request, source, on_invite)

    def _ack(self, request: Request, source: Address, transaction: ServerTransaction | None) -> None:
        if transaction is not None and transaction.state != "accepted":
            transaction.acknowledged()
        elif (call := self._call_of(request)) is not None:
            call.ack(request, source if self.wire.reliable and call.agent.wire is self.wire else None)

    def _cancel(self, request: Request, source: Address) -> None:
        invite = self.transactions.invite_of(request)
        if invite is None:
            self._stray(request, source)
            return
        self.refuse(request, source, 200, tag=invite.tag)
        if invite.cancelled is not None:
            invite.cancelled()

    def _in_dialog(self, request: Request, source: Address) -> None:
        call = (request.method == "SUBSCRIBE" and self.subscriptions.of(request)) or self._call_of(request)
        if call is None:
            self._stray(request, source)
        elif self._is_unacceptable(request, source):
            pass
        elif self.transactions.full:
            self.refuse(request, source, 503, retry_after=str(RETRY_AFTER_S))
        else:
            transaction = self.transactions.serve(request, source)
            try:
                call.request(request, transaction)
            except PeerError as error:
                self.reply(request, transaction, 400, reason_of(error))

    def _stray(self, request: Request, source: Address) -> None:
        """A request within a call that is not ours; a BYE that crosses our own is as good as that (RFC 5407 §3.2)."""
        if self._admits(self, request, source) is not None:
            theirs = name_address(request.headers.get("from")).tag
            crosses = (request.headers.get("call-id"), request.to_tag, theirs) in self.leaving
            self.refuse(request, source, 200 if crosses and request.method == "BYE" else 481)

    def _begin(self, request: Request, source: Address, on_invite: OnInvite) -> None:
        """A request outside of any dialog."""
        if self._is_unacceptable(request, source):
            return
        if request.method == "OPTIONS":
            self._options(request, source)
        elif request.method == "INVITE":
            self._invited(request, source, on_invite)
        else:
            # A REFER that belongs to no call asks us to call somebody on nobody's behalf.
            self.refuse(request, source, 403 if request.method == "REFER" else 481)

    def _is_unacceptable(self, request: Request, source: Address) -> bool:
        if (refusal := refused(request)) is not None:
            self.refuse(request, source, refusal[0], **refusal[1])
        return refusal is not None

    def _options(self, request: Request, source: Address) -> None:
        asked = user_of(request.uri)
        if asked.startswith(ENGINE) and asked != self._name:
            # Whoever had this address before has gone; only its name tells us apart.
            self.refuse(request, source, 404)
        elif self.draining:
            self.refuse(request, source, 503, retry_after=str(RETRY_AFTER_S))
        else:
            self.refuse(request, source, 200, contact=self.contact, **ABLE)

    def _invited(self, request: Request, source: Address, on_invite: OnInvite) -> None:
        headers = request.headers
        theirs = name_address(headers.get("from"))
        key = (headers.get("call-id"), theirs.tag, request.sequence)
        too_many = len(self._unanswered) >= self._unanswered_max or len(self._calls) >= self._calls_max
        if self.draining or too_many or self.transactions.full:
            self.shed += too_many
            self.refuse(request, source, 503, retry_after=str(RETRY_AFTER_S))
        elif key in self._unanswered:
            # The same INVITE on another path: a proxy forked it to us twice (RFC 3261 §8.2.2.2).
            self.refuse(request, source, 482)
        elif request.body and request.media_type != SDP_TYPE:
            self.refuse(request, source, 415, accept=SDP_TYPE)
        elif not request.uri.lower().startswith(("sip:", "sips:", "tel:")):
            self.refuse(request, source, 416)
        elif session_timer.too_short(request):
            self.refuse(request, source, 422, min_se=str(session_timer.EXPIRES_S_MIN))
        elif "replaces" in headers.values:
            self._replacing(request, source, key, theirs.uri)
        else:
            self._open(request, source, key, theirs.uri, on_invite)

    def _replacing(self, request: Request, source: Address, key: tuple[str, str, int], caller: str) -> None:
        """An INVITE that is to take the place of another call (RFC 3891 §3)."""
        call = replaced(request.headers, self._calls)
        if isinstance(call, int):
            self.refuse(request, source, call, reason="Bad Replaces" if call == 400 else "")
        else:
            assert call.on_replaced is not None
            self._open(request, source, key, caller, call.on_replaced)

    def meant(self, named: Replaces) -> SipCall | int:
        """The call of ours whose place another may take, or the status that refuses it."""
        return meant(named, self._calls)

    def _open(
        self, request: Request, source: Address, key: tuple[str, str, int], caller: str, on_invite: OnInvite
    ) -> None:
        try:
            call = SipCall(
                self,
                call_id=key[0],
                caller=user_of(caller),
                dialled=uri(request.uri).user,
                remote=source,
                offer=request.body,
            )
            dialog = dialogs.from_invite(request, call.tag, self.wire.answered_at(request.via, source))
        except PeerError as error:
            self.refuse(request, source, 400, reason=reason_of(error) or "Bad Request-URI")
            return
        transaction = self.transactions.serve(request, source)
        transaction.tag = call.tag
        self._calls[(call.call_id, call.tag)] = self._unanswered[key] = call
        call.invited(request, transaction, dialog)
        transaction.respond(self.response(request, 100))
        on_invite(call)

    def _call_of(self, request: Request) -> SipCall | None:
        call = self._calls.get((request.headers.get("call-id"), request.to_tag))
        return call if call is not None and call.knows(request.from_tag) else None

    # -- out -----------------------------------------------------------------------------------

    def invite(
        self,
        target: str,
        *,
        call_id: str,
        caller: str,
        sdp: str,
        to: Address,
        on_event: Callable[[SipEvent], None],
        extra: Sequence[tuple[str, str]] = (),
        credentials: Credentials | None = None,
        permits: Callable[[str], bool] = lambda _: True,
        ways: Sequence[Way] = (),
        look_up: LookUp | None = None,
    ) -> SipCall:
        """Call `target`, a SIP URI, by way of `to`. Raises `PeerError` where these are no URI and no IP address.

        `extra`: header fields of the caller's own, one line each; `from` without its tag. `credentials`: for peers that challenge.
        `permits`: whether a redirection may lead to this IP address. `ways`: other servers of the same peer (RFC 3263), best first.
        """
        if not is_ip(to[0]):
            raise PeerError(f"{to[0]!r} is not an IP address")
        call = SipCall(self, call_id=call_id, caller=caller, dialled=uri(target).user, remote=to, offer=sdp)
        if not ways and "transport" not in uri(target).parameters:
            target += self._parameter
        call.on_event = on_event
        identity = Identity(credentials, self.new_tag) if credentials is not None else None
        request = Request("INVITE", target, sequence=1)
        headers = request.headers
        headers.set("max-forwards", "70")
        headers.set("from", f"<sip:{user_part(caller)}@{self._place}>;tag={call.tag}")
        headers.set("to", f"<{target}>")
        headers.set("call-id", call_id)
        headers.set("cseq", "1 INVITE")
        headers.set("content-type", SDP_TYPE)
        headers.set("session-expires", str(session_timer.EXPIRES_S))
        headers.set("min-se", str(session_timer.EXPIRES_S_MIN))
        for name, value in extra:
            line = "".join(char for char in " ".join(value.split()) if char.isprintable())
            headers.set(name.lower(), f"{line};tag={call.tag}" if name == "from" else line)
        request.body = sdp
        self._calls[(call_id, call.tag)] = call
        left = list(ways)
        if self.longer is not None and len(self.outgoing(request).serialize()) > DATAGRAM_BYTES_MAX:
            call.agent = self.longer
            left.insert(0, (self, to))
        call.invite(Invitation(request, to, identity, permits, self.transport, look_up), identity, left)
        return call

    def contact_of(self, user: str) -> str:
        """Our Contact with a user of its own."""
        return f"<sip:{user_part(user)}@{self._place}{self._parameter}>"

    def outgoing(self, request: Request) -> Request:
        """Add what every request of ours carries."""
        headers = request.headers
        alias = ";alias" if self.wire.reliable else ""
        request.sent_by(f"SIP/2.0/{self.transport.upper()} {self._place};branch=z9hG4bK{self.new_tag()};rport{alias}")
        if request.method == "INVITE":
            headers.set("contact", self.contact)
            headers.set("allow", ALLOW)
            headers.set("supported", SUPPORTED)
        elif request.method in ("UPDATE", "REFER"):
            headers.set("contact", self.contact)
        headers.set("user-agent", self._user_agent)
        return request

    def response(self, request: Request, status: int, reason: str = "", *, tag: str = "", sdp: str = "") -> Response:
        """An answer to a request, with what RFC 3261 §8.2.6.2 copies from it. `tag`: of To, where it has none yet."""
        theirs = request.headers
        to = theirs.get("to")
        if status > 100 and not request.to_tag:
            to = f"{to};tag={tag}"
        answer = Response(status, reason or REASONS.get(status, ""), body=sdp)
        values = answer.headers.values
        values["via"] = theirs.all("via")
        values["from"] = theirs.all("from")
        values["to"] = [to]
        values["call-id"] = theirs.all("call-id")
        values["cseq"] = theirs.all("cseq")
        if status == 100 and theirs.all("timestamp"):
            values["timestamp"] = theirs.all("timestamp")[:1]
        if 100 < status < 300 and request.method in ("INVITE", "UPDATE"):
            if theirs.all("record-route"):
                values["record-route"] = theirs.all("record-route")
            values["contact"] = [self.contact]
            values["allow"] = [ALLOW]
            values["supported"] = [SUPPORTED]
        if sdp:
            values["content-type"] = [SDP_TYPE]
        values["server"] = [self._user_agent]
        return answer

    def options(self, request: Request, transaction: ServerTransaction) -> None:
        """Say within a call what we are able to (RFC 3261 §11.2)."""
        self.reply(request, transaction, 200, contact=self.contact, **ABLE)

    def reply(
        self, request: Request, transaction: ServerTransaction, status: int, reason: str = "", **headers: str
    ) -> None:
        """Answer a request within a dialog."""
        answer = self.response(request, status, reason)
        for name, value in headers.items():
            answer.headers.set(name.replace("_", "-"), value)
        transaction.respond(answer)

    def refuse(
        self,
        request: Request,
        source: Address,
        status: int,
        *,
        reason: str = "",
        tag: str = "",
        **headers: str | tuple[str, ...],
    ) -> None:
        """Answer, and remember nothing: the same request gets the same answer, tag included."""
        if request.method == "ACK":
            return
        if not tag:
            tag = same_tag((request.headers.get("call-id"), request.from_tag, request.via.branch))
        answer = self.response(request, status, reason, tag=tag)
        for name, value in headers.items():
            answer.headers.set(name.replace("_", "-"), *((value,) if isinstance(value, str) else value))
        self.wire.send(answer.serialize(), self.wire.answered_at(request.via, source))

    def unreachable(self, to: Address, why: str) -> None:
        """Nothing can be sent to this address."""
        self.wire.failure = why
        try:
            self.transactions.unreachable(to)
        finally:
            self.wire.failure = ""

    # -- what calls tell -------------------------------------------------------------------------

    def answered(self, call: SipCall) -> None:
        """It no longer counts as unanswered."""
        dialog = call.dialog
        if dialog is not None:
            self._unanswered.pop((call.call_id, dialog.remote_tag, dialog.invite_sequence), None)

    def forget(self, call: SipCall) -> None:
        self._calls.pop((call.call_id, call.tag), None)
        self.answered(call)

    def hang_up_all(self) -> None:
        for call in list(self._calls.values()):
            call.hang_up()
