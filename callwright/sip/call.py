"""One SIP call, on either side: the state machine over its INVITE and its dialog, without I/O.

Called side (UAS):

    invited --answer--> answered --ACK--> confirmed --BYE--> ended
       |                   |  \\--hang_up--> leaving --ACK, or none in 32 s: BYE--> ended
       |                   \\--no ACK in 32 s: BYE--> ended
       \\--reject, CANCEL, BYE, nobody answers--> ended

Calling side (UAC):

    calling --2xx: ACK--> confirmed --BYE--> ended
       |  \\--401, 407, 3xx that are followed: the INVITE again; other 300-699--> ended
       \\--cancel--> cancelling --487, any refusal--> ended
                        \\--2xx all the same: ACK, BYE--> ended

What was hard. The 2xx is the dialog's business, not the transaction's (RFC 3261 §13.3.1.4): it is repeated here
until the ACK comes, and so is, on the other side, the ACK for each 2xx that comes again (§13.2.2.4). A called side
may not send BYE before that ACK (§15), so `hang_up` right after `answer` waits in `leaving`; its owner need not. A
CANCEL waits until the peer has said anything at all (§9.1), and a 2xx may cross it. A forked INVITE may be answered
more than once: the first 2xx has the call, every other one is acknowledged and ended with a BYE.

Its owner calls the methods at any time, in any state: what no longer fits does nothing. The owner is told of the
end once, by `Ended` or `Rejected`, unless it ended the call itself by `reject` or `hang_up`; nothing follows.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Literal

from callwright.base.errors import PeerError
from callwright.sip import dialog as dialogs
from callwright.sip import events
from callwright.sip.address import Address
from callwright.sip.dialog import Dialog
from callwright.sip.digest import Identity
from callwright.sip.events import Answered, Confirmed, Ended, KeyInfo, Rejected, SipEvent, info_key
from callwright.sip.invitation import PROOFS, Invitation, cancellation, remains
from callwright.sip.message import SDP_TYPE, Request, Response, with_cause
from callwright.sip.reliable import Accepted, EarlyDialogs, Ringing
from callwright.sip.reoffers import Reoffers
from callwright.sip.session_timer import SessionTimer
from callwright.sip.timers import GIVE_UP, Timer
from callwright.sip.transaction import ClientTransaction, ServerTransaction

if TYPE_CHECKING:
    from callwright.sip.agent import Agent

State = Literal["invited", "answered", "leaving", "calling", "cancelling", "confirmed", "ended"]

PROVISIONAL_S = 60.0
"A called side that is still ringing says so again (RFC 3261 §13.3.1.1)."

UNANSWERED_S_MAX = 300.0
"A call that nobody answers ends, should its owner have forgotten it."

FORKS_MAX = 8
"Answers of one forked INVITE that are acknowledged and ended."


def _nobody(_: SipEvent) -> None: ...


class SipCall:
    """A call. `on_event` is set by its owner before it returns from `on_invite`, or given to `invite`."""

    __slots__ = (
        "_acks",
        "_answer",
        "_client",
        "_description",
        "_early",
        "_heard",
        "_identity",
        "_invitation",
        "_invite",
        "_limit",
        "_reason",
        "_reoffers",
        "_ringing",
        "_server",
        "_session",
        "agent",
        "call_id",
        "caller",
        "dialled",
        "dialog",
        "offer",
        "on_event",
        "remote",
        "spare",
        "state",
        "tag",
    )

    def __init__(self, agent: "Agent", *, call_id: str, caller: str, dialled: str, remote: Address, offer: str) -> None:
        self.agent = agent
        self.spare: Agent | None = None
        "Sends our INVITE where nothing takes a connection for it."

        self.call_id = call_id
        self.caller = caller
        "User part of From."

        self.dialled = dialled
        "User part of the Request-URI."

        self.remote = remote
        self.offer = offer
        "SDP of the INVITE, empty where it held none."

        self.on_event: Callable[[SipEvent], None] = _nobody
        self.state: State = "calling"
        self.tag = agent.new_tag()
        "Ours; the peer's is in the dialog."

        self.dialog: Dialog | None = None
        self._invite: Request | None = None
        self._invitation: Invitation | None = None
        "As long as our INVITE has no final answer."

        self._identity: Identity | None = None
        self._early = EarlyDialogs()
        self._session = SessionTimer(self)
        self._description = ""
        "The SDP that we sent last."

        self._ringing: Ringing | None = None
        "Our 180, where the peer requires that it arrives."

        self._server: ServerTransaction | None = None
        self._client: ClientTransaction | None = None
        self._reoffers = Reoffers(self, self._session)
        self._answer: Accepted | None = None
        "Our 2xx, as long as no ACK came for it."

        self._acks: dict[str, tuple[bytes, Address]] = {}
        "The ACK for each 2xx that our INVITE got, by To tag."

        self._limit: Timer | None = None
        self._heard = False
        "Our INVITE got an answer of some kind: it may be cancelled."

        self._reason = "cancelled"

    # -- called side ---------------------------------------------------------------------------

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Header fields of the INVITE that came, until it is answered: without credentials, names in lower case, several
        values with commas between them (RFC 5552 §2.4)."""
        found = self._invite.headers.values.items() if self._invite is not None else ()
        return tuple((name, ", ".join(values)) for name, values in found if name not in PROOFS)

    def invited(self, request: Request, transaction: ServerTransaction, dialog: Dialog) -> None:
        """An INVITE began this call."""
        self.state = "invited"
        self.dialog, self._invite, self._server = dialog, request, transaction
        transaction.cancelled = self._cancelled
        self._limit = self.agent.wire.after(PROVISIONAL_S, lambda: self._still_ringing(PROVISIONAL_S))

    def _still_ringing(self, ringing_s: float) -> None:
        assert self._server is not None
        if ringing_s >= UNANSWERED_S_MAX:
            self._respond(480)
            self._end(Ended("failure", "nobody answered"))
            return
        self._server.repeated()
        self._limit = self.agent.wire.after(PROVISIONAL_S, lambda: self._still_ringing(ringing_s + PROVISIONAL_S))

    def ring(self) -> None:
        """180."""
        if self.state != "invited" or self._ringing is not None:
            return
        assert self._server is not None and self._invite is not None
        response = self.agent.response(self._invite, 180, tag=self.tag)
        if "100rel" in self._invite.headers.tokens("require"):
            self._ringing = Ringing(self.agent.wire, self._invite, self._server, response, self._never_heard)
        else:
            self._server.respond(response)

    def _never_heard(self) -> None:
        if self.state == "invited":
            self._respond(504)
            self._end(Ended("failure", "no PRACK came"))

    def answer(self, sdp: str) -> None:
        """200 with this SDP, repeated until the ACK comes: `Confirmed`."""
        if self.state != "invited":
            return
        assert self._server is not None and self._invite is not None
        self.state = "answered"
        self.agent.answered(self)
        self._stop_waiting()
        if self._ringing is not None:
            self._ringing.stop()
        invite, server, self._invite, self._server = self._invite, self._server, None, None
        self.accept(invite, server, sdp)

    def reject(self, status: int, reason: str = "") -> None:
        """A final answer of 300 or more; the call is over for its owner, without an event."""
        if self.state == "invited":
            self._respond(status, reason)
            self._over()

    def _respond(self, status: int, reason: str = "") -> None:
        assert self._server is not None and self._invite is not None
        if self._ringing is not None:
            self._ringing.stop()
        self._server.respond(self.agent.response(self._invite, status, reason, tag=self.tag))

    def _cancelled(self) -> None:
        if self.state == "invited":
            self._respond(487)
            self._end(Ended("remote", "CANCEL"))

    # -- our 2xx and its ACK ---------------------------------------------------------------------

    def ack(self, request: Request) -> None:
        """An ACK for a 2xx of ours; one for an earlier INVITE, or that comes again, means nothing any more."""
        if self._answer is None or not self._answer.acknowledged(request):
            return
        self._answer = None
        if self.state == "leaving":
            self._send_bye()
            self._over()
        elif self.state == "answered":
            self.state = "confirmed"
            self.on_event(Confirmed(request.body))
        elif request.body:
            self.on_event(Confirmed(request.body))

    def _never_acknowledged(self) -> None:
        self._send_bye()
        self._end(Ended("failure", "no ACK came"))

    # -- calling side --------------------------------------------------------------------------

    def invite(self, invitation: Invitation, identity: Identity | None) -> None:
        """Begin this call with an INVITE of ours. `identity` answers challenges, also those of what follows."""
        self._invitation, self._identity = invitation, identity
        self._description = invitation.request.body
        self._limit = self.agent.wire.after(UNANSWERED_S_MAX, self._nobody_answers)
        self._send_invite()

    def _send_invite(self) -> None:
        assert self._invitation is not None
        self._heard = False
        self._early = EarlyDialogs()
        self._invite = self.agent.outgoing(self._invitation.request)
        self.remote = self._invitation.to
        self._client = self.agent.transactions.request(self._invite, self.remote, self._invite_answered)

    def _nobody_answers(self) -> None:
        self._reason = "nobody answered"
        self.cancel()

    def cancel(self) -> None:
        """End a call that is not answered yet. `Ended` follows when the peer has confirmed, at the latest in 32 s."""
        if self.state == "calling":
            self.state = "cancelling"
            self._stop_waiting()
            if self._heard:
                self._send_cancel()

    def _send_cancel(self) -> None:
        """Once only: RFC 3261 §9.1. It shares the branch of its INVITE."""
        invite, client = self._invite, self._client
        assert invite is not None and client is not None
        self.agent.transactions.request(cancellation(invite), self.remote, lambda _: None)
        self._limit = self.agent.wire.after(GIVE_UP, client.give_up)

    def _invite_answered(self, response: Response | None) -> None:
        if response is None and self.spare is not None and not self._heard and self.state == "calling":
            self.agent, self.spare = self.spare, None
            self._send_invite()
        elif response is None:
            self._refused(408, "No answer", heard=self._heard)
        elif response.status < 200:
            first, self._heard = not self._heard, True
            if self.state == "cancelling" and first:
                self._send_cancel()
            elif self.state == "calling" and response.status > 100:
                self._provisional(response)
        elif response.status < 300:
            self._accepted(response)
        elif self.state == "calling" and self._invitation is not None and self._invitation.again(response):
            self._send_invite()
        else:
            self._refused(response.status, with_cause(response.reason, response.headers))

    def _provisional(self, response: Response) -> None:
        assert self._invite is not None
        try:
            acknowledged = self._early.told(self._invite, response, self.remote)
        except PeerError:
            return
        if acknowledged is not None:
            self.ask(*acknowledged)
        self.on_event(events.Ringing(response.status, response.body))

    def _refused(self, status: int, reason: str, *, heard: bool = True) -> None:
        if self.state == "cancelling":
            self._end(Ended("local", self._reason))
        elif self.state == "calling":
            self._end(Rejected(status, reason, heard))

    def _accepted(self, response: Response) -> None:
        """A 2xx: the first one, one that comes again, or one of another branch (RFC 3261 §13.2.2.4)."""
        assert self._invite is not None
        tag = response.to_tag
        if tag in self._acks:
            self.agent.wire.send(*self._acks[tag])
            return
        if len(self._acks) >= FORKS_MAX:
            return
        try:
            dialog, description = self._early.confirmed(self._invite, response, self.remote)
        except PeerError as error:
            self._refused(500, f"a 2xx that cannot be acknowledged: {error}")
            return
        self._acks[tag] = self._send_ack(dialog, self._invite)
        # The transaction lingers for 32 s: keep of the INVITE only what the answer of another branch would need.
        self._invite, self._client, self._invitation = remains(self._invite), None, None
        if self.state == "calling":
            self.state, self.dialog = "confirmed", dialog
            self._stop_waiting()
            self._session.answered(response)
            self.on_event(Answered(description))
            return
        self._bye(dialog)
        if self.state == "cancelling":
            self._end(Ended("local", self._reason))

    def _send_ack(self, dialog: Dialog, invite: Request) -> tuple[bytes, Address]:
        ack = self.agent.outgoing(dialog.request("ACK", invite.sequence))
        for name in PROOFS:
            # What the INVITE proved, its ACK proves too (RFC 3261 §13.2.2.4).
            if proof := invite.headers.all(name):
                ack.headers.set(name, *proof)
        sent = ack.serialize(), dialog.next_hop()
        self.agent.wire.send(*sent)
        return sent

    # -- what the session timer needs ------------------------------------------------------------

    @property
    def is_ours(self) -> bool:
        """We began it, and made its Call-ID."""
        return bool(self._acks)

    @property
    def answering(self) -> bool:
        """A 2xx of ours has no ACK yet."""
        return self._answer is not None

    @property
    def offering(self) -> bool:
        """An offer of the peer's, or our answer to one, is still on its way."""
        return self._reoffers.waiting or self.answering

    def within(self, method: str) -> Request:
        """A request within the dialog; an INVITE with the description that the peer has of us already."""
        assert self.dialog is not None
        request = self.dialog.request(method)
        if method == "INVITE":
            request.body = self._description
            request.headers.set("content-type", SDP_TYPE)
        return request

    def acknowledge(self, request: Request, response: Response) -> None:
        """A 2xx to a re-INVITE of ours came."""
        assert self.dialog is not None
        with suppress(PeerError):
            self.dialog.target = dialogs.contact(response.headers) or self.dialog.target
        self._send_ack(self.dialog, request)

    def lost(self, reason: str) -> None:
        """The peer has gone without a word."""
        if self.state != "ended":
            self._send_bye()
            self._end(Ended("failure", reason))

    # -- both sides ----------------------------------------------------------------------------

    def hang_up(self) -> None:
        """End the call as its state asks: reject, CANCEL or BYE. Only a call that is being cancelled tells its end."""
        if self.state == "invited":
            self.reject(480)
        elif self.state == "calling":
            self.cancel()
        elif self.state == "answered":
            self.state = "leaving"
            self.on_event = _nobody
        elif self.state == "confirmed":
            self._send_bye()
            self._over()

    def _send_bye(self) -> None:
        assert self.dialog is not None
        self._bye(self.dialog)

    def _bye(self, dialog: Dialog) -> None:
        # Whatever comes of it, the call is over (RFC 3261 §15.1.1).
        self.ask(dialog, dialog.request("BYE"))

    def knows(self, tag: str) -> bool:
        """Whether this is the tag of the peer, or of one that may become it."""
        return self.dialog.remote_tag == tag if self.dialog is not None else self._early.find(tag) is not None

    def ask(
        self, dialog: Dialog, request: Request, answered: Callable[[Response | None], None] = lambda _: None
    ) -> None:
        """Send a request within a dialog, again with our digest answer where it is challenged. `answered` gets the final
        response; None where none came."""
        identity = self._identity

        def on_response(response: Response | None) -> None:
            if response is None:
                answered(None)
            elif response.status in (401, 407) and identity is not None and identity.prove(request, response):
                request.renumber(dialog.next_sequence())
                send()
            elif response.status >= 200:
                answered(response)

        def send() -> None:
            self.agent.transactions.request(self.agent.outgoing(request), dialog.next_hop(), on_response)

        send()

    def request(self, request: Request, transaction: ServerTransaction) -> None:
        """A request within the dialog (not ACK, not CANCEL). Raises `PeerError` where it cannot be understood."""
        reply = self.agent.reply
        if self.dialog is None:
            early = self._early.find(request.from_tag)
            assert early is not None
            self._reoffers.early(early, request, transaction)
        elif request.method == "BYE":
            reply(request, transaction, 200)
            if self.state == "invited":
                self._respond(487)
            self._end(Ended("remote", with_cause("BYE", request.headers)))
        elif not self.dialog.in_order(request):
            reply(request, transaction, 500)
        elif request.method in ("INVITE", "UPDATE"):
            self._reoffers.asked(request, transaction)
        elif request.method == "PRACK":
            known = self._ringing is not None and self._ringing.acknowledged(request)
            reply(request, transaction, 200 if known else 481)
        elif request.method == "INFO":
            reply(request, transaction, 200)
            if key := info_key(request):
                self.on_event(KeyInfo(key))
        else:
            reply(request, transaction, 200)

    def answer_reoffer(self, sdp: str) -> None:
        """Accept the offer of `Reoffered`, or make one where it held none."""
        self._reoffers.answer(sdp)

    def reject_reoffer(self, status: int = 488) -> None:
        """Refuse it: the session goes on as it was (RFC 3261 §14.2)."""
        self._reoffers.reject(status)

    def accept(self, request: Request, transaction: ServerTransaction, sdp: str = "") -> None:
        """200 to an INVITE or UPDATE of the peer's; one to an INVITE is repeated until its ACK comes."""
        response = self.agent.response(request, 200, tag=self.tag, sdp=sdp)
        for name, value in self._session.offered(request):
            response.headers.set(name, value)
        self._description = sdp or self._description
        data = transaction.respond(response)
        if transaction.is_invite:
            self._answer = Accepted(self.agent.wire, request, transaction, data, self._never_acknowledged)

    def _end(self, event: Ended | Rejected) -> None:
        if self.state == "ended":
            return
        tell = self.on_event
        self._over()
        tell(event)

    def _over(self) -> None:
        """Let go of everything: a transaction may keep this object for another 32 s, but not its owner."""
        self.reject_reoffer(487)
        self._stop_waiting()
        self._session.stop()
        for repeated in (self._ringing, self._answer):
            if repeated is not None:
                repeated.stop()
        self._answer = None
        self.state = "ended"
        self.on_event = _nobody
        self._server = self._client = self._invitation = None
        self.agent.forget(self)

    def _stop_waiting(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
        self._limit = None
