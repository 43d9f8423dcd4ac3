"""A dialog: what two user agents remember of each other between requests (RFC 3261 §12).

Where requests go, by what the peer says and where its messages come from. The first route, or the Contact where there is none,
names the place (§12.2.1.1). Behind a NAT it names one that nobody reaches from here, and then they go to where the peer's last
message came from and is answered (RFC 3581), or where our INVITE went. That a place is behind a NAT shows by either of these:

- it is the host by which the sender of that message names itself in its Via, which came from elsewhere; or, of a call that we
  made, the one that we dialled and reached elsewhere;
- its address reaches less far than the other one: private, where the message came from a public address.

Every other place is believed, so that a proxy which is not on the way any more, and a peer that signals by another of its hosts,
are left alone.
"""

from dataclasses import dataclass

from callwright.base.errors import PeerError
from callwright.sip.address import Address, name_address, uri, without_fields
from callwright.sip.message import Headers, Request, Response, Unreadable
from callwright.sip.reach import reach_of

RECORD_ROUTES_MAX = 20
"Proxies on the way. No real path has more, and every request of the dialog carries them all."


@dataclass(slots=True)
class Dialog:
    """One side's view. `remote` and `local` are From/To values with their tags."""

    call_id: str
    local: str
    remote: str
    remote_tag: str
    target: str
    "The peer's Contact: the Request-URI of what we send."

    routes: tuple[str, ...]
    peer: Address
    """Where its last message came from and is answered, or our INVITE went; used where neither route nor target is an IP address,
    or that one is behind a NAT."""

    invite_sequence: int
    "CSeq of the INVITE that began it."

    named: str = ""
    "The host by which whoever is there names itself."

    connection: Address | None = None
    "On a stream: where requests without a route go as long as it is open, so that they reach a peer to whom nobody can connect."

    datagrams_only: bool = False
    "Nothing took a connection for a request that is too long for a datagram."

    local_sequence: int = 0
    remote_sequence: int = 0

    def request(self, method: str, sequence: int | None = None) -> Request:
        """A request within the dialog (RFC 3261 §12.2.1.1); ACK takes the sequence of its INVITE."""
        if sequence is None:
            sequence = self.next_sequence()
        first = name_address(self.routes[0]).uri if self.routes else ""
        strict = bool(first) and "lr" not in uri(first).parameters
        request = Request(method, first if strict else self.target, sequence=sequence)
        headers = request.headers
        if strict:
            headers.set("route", *self.routes[1:], f"<{self.target}>")
        elif self.routes:
            headers.set("route", *self.routes)
        headers.set("max-forwards", "70")
        headers.set("from", self.local)
        headers.set("to", self.remote)
        headers.set("call-id", self.call_id)
        headers.set("cseq", f"{sequence} {method}")
        return request

    def next_sequence(self) -> int:
        self.local_sequence += 1
        return self.local_sequence

    def next_hop(self) -> Address:
        """Where requests are sent, but for a connection that there is (`ways`): the first route, else the target, where that is an
        address that we reach; else the peer."""
        there = self._place
        return self.peer if there is None or self._hides(there[0]) else there

    @property
    def behind_nat(self) -> bool:
        """The peer names a place that nobody reaches from here."""
        there = self._place
        return there is not None and self._hides(there[0])

    @property
    def _place(self) -> Address | None:
        """That the peer names; None where it takes a name server."""
        return uri(name_address(self.routes[0]).uri if self.routes else self.target).address

    def _hides(self, host: str) -> bool:
        """Whether this IP address is behind a NAT."""
        source = self.peer[0]
        return host != source and (host == self.named or reach_of(host) < reach_of(source))

    def in_order(self, request: Request, source: Address | None) -> bool:
        """Whether a request of the peer is newer than all before (RFC 3261 §12.2.2); it is noted. `source`: where it is answered,
        and the peer is from here on, should its NAT have let it come from another place; None where it came by another
        transport."""
        if request.sequence <= self.remote_sequence:
            return False
        self.remote_sequence = request.sequence
        if source is not None:
            self.heard(request, source)
        return True

    def heard(self, request: Request, source: Address) -> None:
        """It is where this came from: its NAT may have let it come from another place than before, or it opened another
        connection."""
        self.named = request.via.host
        if _on_stream(request):
            self.connection, self.peer = source, (source[0], request.via.port)
        else:
            self.peer = source


def from_invite(request: Request, local_tag: str, source: Address) -> Dialog:
    """The called side's dialog (RFC 3261 §12.1.1). `source`: where the INVITE is answered. Raises `PeerError` where
    it has no usable Contact."""
    headers = request.headers
    remote = headers.get("from")
    target = contact(headers)
    if not target:
        raise Unreadable("Missing Contact")
    dialog = Dialog(
        call_id=headers.get("call-id"),
        local=f"{headers.get('to')};tag={local_tag}",
        remote=remote,
        remote_tag=name_address(remote).tag,
        target=target,
        routes=_routes(headers),
        peer=source,
        invite_sequence=request.sequence,
        remote_sequence=request.sequence,
    )
    dialog.heard(request, source)
    return dialog


def from_answer(invite: Request, response: Response, peer: Address) -> Dialog:
    """The calling side's dialog, from a 2xx (RFC 3261 §12.1.2). Raises `PeerError`.

    A 2xx without Contact breaks the rules, but the call behind it is real: it is ended or held where it was dialled.
    """
    headers = response.headers
    target = contact(headers) or invite.uri
    # One that is not where it was dialled, and puts no proxy on the way, wants to be asked there.
    stays = _on_stream(invite) and uri(target).host in (peer[0], uri(invite.uri).host)
    return Dialog(
        call_id=headers.get("call-id"),
        local=invite.headers.get("from"),
        remote=headers.get("to"),
        remote_tag=response.to_tag,
        target=target,
        routes=_routes(headers)[::-1],
        peer=peer,
        invite_sequence=invite.sequence,
        # By way of a proxy (Path) it is that one which we reached, and not what we dialled.
        named="" if invite.headers.get("route") else uri(invite.uri).host,
        local_sequence=invite.sequence,
        connection=peer if stays else None,
    )


def _on_stream(invite: Request) -> bool:
    return invite.headers.get("via")[:12].upper() in ("SIP/2.0/TCP ", "SIP/2.0/TLS ")


def _routes(headers: Headers) -> tuple[str, ...]:
    routes = tuple(headers.all("record-route"))
    if len(routes) > RECORD_ROUTES_MAX:
        raise Unreadable("Too Many Record-Route Values", f"{len(routes)} Record-Routes")
    try:
        for route in routes:
            uri(name_address(route).uri)
    except PeerError as error:
        raise Unreadable("Bad Record-Route", str(error)) from None
    return routes


def contact(headers: Headers) -> str:
    """The URI of Contact, empty where there is none. Raises `Unreadable`."""
    value = headers.get("contact")
    if not value:
        return ""
    try:
        target = name_address(value).uri
        is_place = bool(uri(target).host)
    except PeerError as error:
        raise Unreadable("Bad Contact", str(error)) from None
    if not is_place:
        raise Unreadable("Bad Contact", f"a Contact that is no place: {target[:60]!r}")
    return without_fields(target)
