"""Our INVITE until its final answer: it goes out again where its peer asks who we are, or says where else to ask.

A peer that answers 401 or 407 gets the same INVITE with our digest answer; one that answers 422 gets a longer session; one
that answers 3xx has named other places,
which are tried in its order, each after the one before has refused (RFC 3261 §8.1.3.4). Each is a transaction of its own,
in the same would-be dialog: Call-ID and From tag stay, CSeq grows. All of them together are bounded.
"""

from collections.abc import Callable

from callwright.base.errors import PeerError
from callwright.sip.address import Address, name_address, uri, without_fields
from callwright.sip.digest import Identity
from callwright.sip.message import Request, Response
from callwright.sip.session_timer import expires_s

INVITES_MAX = 8
"INVITEs of one call, the first included: a proxy and a far end that both challenge, and a few places."

PLACES_MAX = 5
"Places that wait to be tried; a longer list is cut."

PROOFS = ("authorization", "proxy-authorization")
"Header fields that say who we are."

_REDIRECTS = frozenset({300, 301, 302, 305})


class Invitation:
    """`request` goes to `to`; `again` makes both ready for the next try."""

    __slots__ = ("_identity", "_permits", "_places", "_sent", "_tried", "_trunk", "request", "to")

    def __init__(
        self, request: Request, to: Address, identity: Identity | None, permits: Callable[[str], bool]
    ) -> None:
        """`permits`: whether a redirection may lead to this IP address."""
        self.request, self.to = request, to
        self._trunk = to
        self._identity = identity
        self._permits = permits
        self._places: list[tuple[str, Address]] = []
        self._tried = {request.uri}
        self._sent = 1

    def by_way_of(self, to: Address) -> None:
        """Another server of the same peer."""
        self.to = self._trunk = to

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
        return status < 600 and self._moved()

    def _longer(self, response: Response) -> bool:
        """A session must last longer there (RFC 4028 §7.3)."""
        least = expires_s(response.headers, "min-se")
        if least <= expires_s(self.request.headers):
            return False
        self.request.headers.set("session-expires", str(least))
        self.request.headers.set("min-se", str(least))
        return True

    def _named(self, response: Response) -> list[tuple[str, Address]]:
        """The places of a redirection that can be asked without a name server, best first."""
        found: list[tuple[float, str, Address]] = []
        for value in response.headers.all("contact"):
            try:
                contact = name_address(value)
                there = uri(contact.uri)
                quality = float(contact.parameters.get("q") or 1)
            except (PeerError, ValueError):
                continue
            plain = without_fields(contact.uri)
            if there.address is not None and self._permits(there.host):
                found.append((-quality, plain, there.address))
            elif there.host == uri(self.request.uri).host:
                found.append((-quality, plain, self._trunk))
        return [(where, to) for _, where, to in sorted(found, key=lambda place: place[0])]

    def _moved(self) -> bool:
        while self._places:
            where, to = self._places.pop(0)
            if where not in self._tried:
                self._tried.add(where)
                self.request.uri, self.to = where, to
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
