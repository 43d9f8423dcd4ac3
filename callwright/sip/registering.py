"""Registering with somebody else's registrar (RFC 3261 §10.2), without I/O: one REGISTER until its final answer.

A registrar that challenges gets it again with our digest answer, one that finds it too brief (423) gets a longer wish, and
each is in its turn the next of the same Call-ID. When to ask again, and where, is its owner's to say.
"""

from collections.abc import Callable
from dataclasses import dataclass

from callwright.base.errors import PeerError
from callwright.sip.address import name_address, uri
from callwright.sip.digest import Identity
from callwright.sip.flow import Flow
from callwright.sip.message import Request, Response, read_number, seconds
from callwright.sip.timers import Timer

ASKS_MAX = 5
"REGISTERs for one answer: a proxy and the registrar that both challenge, a nonce that went stale, a longer wish."

EXPIRES_S_MAX = 86_400
"A registrar that wants us to stay longer gets its way only so far."


@dataclass(frozen=True, slots=True)
class Granted:
    """We are registered, or, after 0 seconds were asked for, no longer."""

    expires_s: int


@dataclass(frozen=True, slots=True)
class Refused:
    """We are not. `status` is 408 where no answer came."""

    status: int
    reason: str
    retry_after_s: int = 0
    "Nothing is to be asked before."

    heard: bool = True
    "It is the registrar that says so."

    @property
    def elsewhere(self) -> bool:
        """Another server of the same name may say something else (RFC 3263 §4.3)."""
        return not self.heard or self.status == 503


class Registering:
    """Our registration at one registrar."""

    def __init__(
        self, *, registrar: str, address: str, contact_user: str, call_id: str, identity: Identity | None
    ) -> None:
        """`registrar`: the Request-URI. `address`: whom we register, a SIP URI. `contact_user`: by it calls that come this
        way are known."""
        self._registrar, self._address, self._contact_user = registrar, address, contact_user
        self._call_id, self._identity = call_id, identity
        self._sequence = 0

    def ask(
        self, flow: Flow, expires_s: int, told: Callable[[Granted | Refused], None], *, patience_s: float = 0
    ) -> None:
        """Ask for so many seconds, 0 to be forgotten. `told` is called once. `patience_s`: how long the registrar may say
        nothing to a REGISTER; 0: as long as a transaction waits."""
        agent = flow.agent
        request = Request("REGISTER", self._registrar)
        headers = request.headers
        headers.set("max-forwards", "70")
        headers.set("from", f"<{self._address}>;tag={agent.new_tag()}")
        headers.set("to", f"<{self._address}>")
        headers.set("call-id", self._call_id)
        headers.set("contact", agent.contact_of(self._contact_user))
        headers.set("expires", str(expires_s))
        asks = 0
        patience: Timer | None = None

        def send() -> None:
            nonlocal asks, patience
            asks += 1
            self._sequence += 1
            request.renumber(self._sequence)
            asking = agent.transactions.request(agent.outgoing(request), flow.to, answered)
            patience = agent.wire.after(patience_s, asking.unreachable) if patience_s else None

        def answered(response: Response | None) -> None:
            if patience is not None:
                patience.cancel()
            agent.wire.outages.learn(flow.place, response, agent.wire.clock())
            if response is None:
                told(Refused(408, agent.wire.failure or "no answer", heard=False))
            elif response.status >= 300 and asks < ASKS_MAX and self._again(request, response):
                send()
            elif response.status >= 300:
                told(Refused(response.status, response.reason, seconds(response.headers, "retry-after", EXPIRES_S_MAX)))
            elif response.status >= 200:
                told(Granted(self._granted(response, int(headers.get("expires")))))

        send()

    def _again(self, request: Request, response: Response) -> bool:
        if response.status in (401, 407):
            return self._identity is not None and self._identity.prove(request, response)
        if response.status == 423:
            least = seconds(response.headers, "min-expires", EXPIRES_S_MAX + 1)
            longer = int(request.headers.get("expires")) < least <= EXPIRES_S_MAX
            if longer:
                request.headers.set("expires", str(least))
            return longer
        return False

    def _granted(self, response: Response, asked_s: int) -> int:
        """What the 2xx says of our Contact, else of all (RFC 3261 §10.2.4), else what we asked for."""
        for value in response.headers.all("contact"):
            try:
                contact = name_address(value)
                if uri(contact.uri).user == self._contact_user and (expires := contact.parameters.get("expires")):
                    return read_number(expires, EXPIRES_S_MAX, "expiry")
            except PeerError:
                continue
        return min(seconds(response.headers, "expires", EXPIRES_S_MAX) or asked_s, asked_s)
