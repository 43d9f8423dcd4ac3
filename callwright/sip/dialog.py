"""A dialog: what two user agents remember of each other between requests (RFC 3261 §12)."""

from dataclasses import dataclass, field

from callwright.base.errors import PeerError
from callwright.sip.message import Address, Headers, Request, Response, name_address, uri

RECORD_ROUTES_MAX = 20


@dataclass(slots=True)
class Dialog:
    """One side's view. `remote` and `local` are From/To values with their tags."""

    call_id: str
    local: str
    remote: str
    target: str
    "The peer's Contact: the Request-URI of what we send."

    routes: list[str] = field(default_factory=list)
    local_sequence: int = 0
    remote_sequence: int | None = None
    peer: Address = ("", 0)
    "Where the messages of this dialog came from last; requests go there unless routes or an address in `target` say otherwise."

    def request(self, method: str, sequence: int | None = None) -> Request:
        """A request within the dialog; ACK takes the sequence of its INVITE."""
        if sequence is None:
            self.local_sequence += 1
            sequence = self.local_sequence
        loose = not self.routes or "lr" in uri(name_address(self.routes[0]).uri).parameters
        request = Request(method, self.target if loose else name_address(self.routes[0]).uri)
        headers = request.headers
        headers.set("max-forwards", "70")
        headers.set("from", self.local)
        headers.set("to", self.remote)
        headers.set("call-id", self.call_id)
        headers.set("cseq", f"{sequence} {method}")
        routes = self.routes if loose else [*self.routes[1:], f"<{self.target}>"]
        if routes:
            headers.set("route", *routes)
        return request

    def next_hop(self) -> Address:
        """Where requests are sent: the first route, else the target where it is an address, else the peer."""
        first = uri(name_address(self.routes[0]).uri) if self.routes else uri(self.target)
        if _is_address(first.host):
            return first.host, first.port
        return self.peer

    def in_order(self, request: Request) -> bool:
        """Whether a request of the peer is newer than all before (RFC 3261 §12.2.2); it is noted."""
        number = int(request.headers.get("cseq").partition(" ")[0])
        if self.remote_sequence is not None and number <= self.remote_sequence:
            return False
        self.remote_sequence = number
        return True

    def retarget(self, headers: Headers) -> None:
        """A target refresh: the peer's new Contact."""
        contact = headers.get("contact")
        if contact and contact != "*":
            self.target = name_address(contact).uri


def from_invite(request: Request, local_tag: str, source: Address) -> Dialog:
    """The called side's dialog. Raises `PeerError` where the INVITE has no usable Contact."""
    headers = request.headers
    dialog = Dialog(
        call_id=headers.get("call-id"),
        local=f"{headers.get('to')};tag={local_tag}",
        remote=headers.get("from"),
        target=_contact(headers),
        routes=headers.all("record-route")[:RECORD_ROUTES_MAX],
        peer=source,
    )
    dialog.in_order(request)
    dialog.next_hop()
    return dialog


def from_answer(request: Request, response: Response, sequence: int, source: Address) -> Dialog:
    """The calling side's dialog, from a 2xx. Raises `PeerError`."""
    headers = response.headers
    dialog = Dialog(
        call_id=headers.get("call-id"),
        local=request.headers.get("from"),
        remote=headers.get("to"),
        target=_contact(headers),
        routes=headers.all("record-route")[:RECORD_ROUTES_MAX][::-1],
        local_sequence=sequence,
        peer=source,
    )
    dialog.next_hop()
    return dialog


def _contact(headers: Headers) -> str:
    contact = headers.get("contact")
    if not contact:
        raise PeerError("no Contact")
    target = name_address(contact).uri
    uri(target)
    return target


def _is_address(host: str) -> bool:
    return ":" in host or (host.count(".") == 3 and host.replace(".", "").isdecimal())
