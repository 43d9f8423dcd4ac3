"""Our INVITE until its final answer: it goes out again where its peer asks who we are, or says where else to ask.

A peer that answers 401 or 407 gets the same INVITE with our digest answer; one that answers 422 gets a longer session; one
that answers 3xx has named other places,
which are tried in its order, each after the one before has refused (RFC 3261 §8.1.3.4). Each is a transaction of its own,
in the same would-be dialog: Call-ID and From tag stay, CSeq grows. All of them together are bounded. A place that has a name, or
is asked for by another transport, is looked up first (`LookUp`), when its turn comes; what began by TLS is sent nowhere else.
"""

from collections.abc import Callable

from callwright.base.errors import PeerError
from callwright.sip.address import Address, Transport, name_address, uri, without_fields
from callwright.sip.digest import Identity
from callwright.sip.message import Request, Response
from callwright.sip.session_timer import expires_s
from callwright.sip.ways import Way

INVITES_MAX = 8
"INVITEs of one call, the first included: a proxy and a far end that both challenge, and a few places."

PLACES_MAX = 5
"Places that wait to be tried; a longer list is cut."

PROOFS = ("authorization", "proxy-authorization")
"Header fields that say who we are."

LookUp = Callable[[str, Callable[[list[Way]], None]], Callable[[], None]]
"""Find the servers of a URI: who sends there and where to, best first, those alone that may be asked. They are told to the second
argument, once and never at once, unless what comes back is called before: it stops the look-up."""

_REDIRECTS = frozenset({300, 301, 302, 305})


class Invitation:
    """`request` goes to `to`; `again` makes both ready for the next try."""

    __slots__ = (
        "_identity",
        "_look_up",
        "_permits",
        "_places",
        "_redirected",
        "_sent",
        "_transport",
        "_tried",
        "_trunk",
        "request",
        "to",
    )

    def __init__(
        self,
        request: Request,
        to: Address,
        identity: Identity | None,
        permits: Callable[[str], bool],
        transport: Transport = "udp",
        look_up: LookUp | None = None,
    ) -> None:
        """`permits`: whether a redirection may lead to this IP address. `transport`: by which it began. `look_up`: where there is
        a name service; without it names are refusals."""
        self._transport, self._look_up = transport, look_up
        self._redirected = False
        self.request = request
        self.to: Address | None = to
        "None: the place has to be looked up (`elsewhere`)."

        self._trunk = to
        self._identity = identity
        self._permits = permits
        self._places: list[tuple[str, Address | None]] = []
        "None: to be looked up."

        self._tried = {request.uri}
        self._sent = 1

    def by_way_of(self, to: Address) -> None:
        """Another server of the same peer, or of the place that it named."""
        self.to = to
        if not self._redirected:
            self._trunk = to

    @property
    def has_left(self) -> bool:
        """For another place than the peer's own."""
        return self._redirected and self.to != self._trunk

    @property
    def elsewhere(self) -> LookUp | None:
        """How the place that is next has to be looked up before it is asked; None where it is known."""
        return self._look_up if self.to is None else None

    def again(self, response: Response) -> bool:
        """Whether this refusal is not the last word."""
        if self._sent >= INVITES_MAX or not self._changed(response):
            return False
        self._sent += 1
        self.request.renumber(self.request.sequence + 1)
        return True

    def _changed(self, response: Response) -> bool:
        status = response.status
        if status in (401, 407):
            # Our password's hash is for the peer that it was given for, and not for wherever that sends us.
            return (
                self._identity is not None and self.to == self._trunk and self._identity.prove(self.request, response)
            )
        if status == 422:
            return self._longer(response)
        if status in _REDIRECTS:
            self._places = (self._named(response) + self._places)[:PLACES_MAX]
        # A 6xx speaks for everybody (RFC 3261 §21.6).
        return status < 600 and self.moved()

    def _longer(self, response: Response) -> bool:
        """A session must last longer there (RFC 4028 §7.3)."""
        least = expires_s(response.headers, "min-se")
        if least <= expires_s(self.request.headers):
            return False
        self.request.headers.set("session-expires", str(least))
        self.request.headers.set("min-se", str(least))
        return True

    def _named(self, response: Response) -> list[tuple[str, Address | None]]:
        """The places of a redirection that may be asked, best first."""
        found: list[tuple[float, str, Address | None]] = []
        for value in response.headers.all("contact"):
            try:
                contact = name_address(value)
                there = uri(contact.uri)
                quality = float(contact.parameters.get("q") or 1)
            except (PeerError, ValueError):
                continue
            plain = without_fields(contact.uri)
            asked = there.transport or ("tls" if plain.lower().startswith("sips:") else None)
            same = asked in (None, self._transport) or self._look_up is None
            if there.address is not None and not self._permits(there.host):
                continue
            if there.address is not None and same:
                found.append((-quality, plain, there.address))
            elif there.host == uri(self.request.uri).host and same:
                found.append((-quality, plain, self._trunk))
            elif self._look_up is not None and there.host and (self._transport != "tls" or asked in (None, "tls")):
                found.append((-quality, plain, None))
        return [(where, to) for _, where, to in sorted(found, key=lambda place: place[0])]

    def moved(self) -> bool:
        """Whether there is another place; then the request and `to` are as it takes them."""
        while self._places:
            where, to = self._places.pop(0)
            if where not in self._tried:
                self._tried.add(where)
                self.request.uri, self.to, self._redirected = where, to, True
                for name in PROOFS:
                    self.request.headers.values.pop(name, None)
                return True
        return False


def cancellation(invite: Request) -> Request:
    """The CANCEL of an INVITE that is under way: it shares its branch (RFC 3261 §9.1)."""
    request = Request("CANCEL", invite.uri, sequence=invite.sequence)
    for name in ("via", "max-forwards", "from", "to", "call-id"):
        request.headers.set(name, invite.headers.get(name))
    request.headers.set("cseq", f"{invite.sequence} CANCEL")
    return request


def remains(invite: Request) -> Request:
    """Of an INVITE that was answered, what the ACK for another 2xx takes from it."""
    kept = Request("INVITE", invite.uri, sequence=invite.sequence)
    for name in ("from", *PROOFS):
        if values := invite.headers.all(name):
            kept.headers.set(name, *values)
    return kept
