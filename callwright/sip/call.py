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
from typing import TYPE_CHECKING, Literal

from callwright.base.errors import PeerError
from callwright.sip import dialog as dialogs
from callwright.sip.address import Address
from callwright.sip.dialog import Dialog
from callwright.sip.digest import Identity
from callwright.sip.events import Answered, Confirmed, Ended, KeyInfo, Rejected, Reoffered, Ringing, SipEvent, info_key
from callwright.sip.invitation import Invitation
from callwright.sip.message import Request, Response, network_cause
from callwright.sip.timers import GIVE_UP, T1, T2, Timer
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

SDP_TYPE = "application/sdp"

_CREDENTIALS = ("authorization", "proxy-authorization")


def _nobody(_: SipEvent) -> None: ...


def _with_cause(reason: str, message: Request | Response) -> str:
    cause = network_cause(message.headers)
    return reason if cause is None else f"{reason} (Q.850 {cause})"


class SipCall:
    """A call. `on_event` is set by its owner before it returns from `on_invite`, or given to `invite`."""

    __slots__ = (
        "_acks",
        "_agent",
        "_answer",
        "_answer_sequence",
        "_client",
        "_heard",
        "_identity",
        "_invitation",
        "_invite",
        "_limit",
        "_no_ack",
        "_reason",
        "_reoffer",
        "_repeat",
        "_server",
        "call_id",
        "caller",
        "dialled",
        "dialog",
        "offer",
        "on_event",
        "remote",
        "state",
        "tag",
    )

    def __init__(self, agent: "Agent", *, call_id: str, caller: str, dialled: str, remote: Address, offer: str) -> None:
        self._agent = agent
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
        self._server: ServerTransaction | None = None
        self._client: ClientTransaction | None = None
        self._reoffer: tuple[Request, ServerTransaction, str] | None = None
        "The re-INVITE or UPDATE that the owner has to answer, and the peer's Contact in it."

        self._answer = b""
        "Our 2xx, as long as no ACK came for it."

        self._answer_sequence = 0
        self._acks: dict[str, tuple[bytes, Address]] = {}
        "The ACK for each 2xx that our INVITE got, by To tag."

        self._repeat: Timer | None = None
        self._no_ack: Timer | None = None
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
        return tuple((name, ", ".join(values)) for name, values in found if name not in _CREDENTIALS)

    def invited(self, request: Request, transaction: ServerTransaction, dialog: Dialog) -> None:
        """An INVITE began this call."""
        self.state = "invited"
        self.dialog, self._invite, self._server = dialog, request, transaction
        transaction.cancelled = self._cancelled
        self._limit = self._agent.wire.after(PROVISIONAL_S, lambda: self._still_ringing(PROVISIONAL_S))

    def _still_ringing(self, ringing_s: float) -> None:
        assert self._server is not None
        if ringing_s >= UNANSWERED_S_MAX:
            self._respond(480)
            self._end(Ended("failure", "nobody answered"))
            return
        self._server.repeated()
        self._limit = self._agent.wire.after(PROVISIONAL_S, lambda: self._still_ringing(ringing_s + PROVISIONAL_S))

    def ring(self) -> None:
        """180."""
        if self.state == "invited":
            self._respond(180)

    def answer(self, sdp: str) -> None:
        """200 with this SDP, repeated until the ACK comes: `Confirmed`."""
        if self.state != "invited":
            return
        assert self._server is not None and self._invite is not None
        self.state = "answered"
        self._agent.answered(self)
        self._stop_timers()
        invite, server, self._invite, self._server = self._invite, self._server, None, None
        self._send_2xx(invite, server, sdp)

    def reject(self, status: int, reason: str = "") -> None:
        """A final answer of 300 or more; the call is over for its owner, without an event."""
        if self.state == "invited":
            self._respond(status, reason)
            self._over()

    def _respond(self, status: int, reason: str = "") -> None:
        assert self._server is not None and self._invite is not None
        self._server.respond(self._agent.response(self._invite, status, reason, tag=self.tag))

    def _cancelled(self) -> None:
        if self.state == "invited":
            self._respond(487)
            self._end(Ended("remote", "CANCEL"))

    # -- our 2xx and its ACK ---------------------------------------------------------------------

    def _send_2xx(self, request: Request, transaction: ServerTransaction, sdp: str) -> None:
        self._answer = transaction.respond(self._agent.response(request, 200, tag=self.tag, sdp=sdp))
        self._answer_sequence = request.sequence
        self._repeat_2xx(transaction.to, T1)
        self._no_ack = self._agent.wire.after(GIVE_UP, self._never_acknowledged)

    def _repeat_2xx(self, to: Address, pause: float) -> None:
        def again() -> None:
            self._agent.wire.send(self._answer, to)
            self._repeat_2xx(to, min(pause * 2, T2))

        self._repeat = self._agent.wire.after(pause, again)

    def ack(self, request: Request) -> None:
        """An ACK for a 2xx of ours; one for an earlier INVITE, or that comes again, means nothing any more."""
        if not self._answer or request.sequence != self._answer_sequence:
            return
        self._answer = b""
        self._stop_timers()
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
        self._limit = self._agent.wire.after(UNANSWERED_S_MAX, self._nobody_answers)
        self._send_invite()

    def _send_invite(self) -> None:
        assert self._invitation is not None
        self._heard = False
        self._invite = self._agent.outgoing(self._invitation.request)
        self.remote = self._invitation.to
        self._client = self._agent.transactions.request(self._invite, self.remote, self._invite_answered)

    def _nobody_answers(self) -> None:
        self._reason = "nobody answered"
        self.cancel()

    def cancel(self) -> None:
        """End a call that is not answered yet. `Ended` follows when the peer has confirmed, at the latest in 32 s."""
        if self.state == "calling":
            self.state = "cancelling"
            self._stop_timers()
            if self._heard:
                self._send_cancel()

    def _send_cancel(self) -> None:
        """Once only: RFC 3261 §9.1. It shares the branch of its INVITE."""
        invite, client = self._invite, self._client
        assert invite is not None and client is not None
        request = Request("CANCEL", invite.uri, sequence=invite.sequence)
        for name in ("via", "max-forwards", "from", "to", "call-id"):
            request.headers.set(name, invite.headers.get(name))
        request.headers.set("cseq", f"{invite.sequence} CANCEL")
        self._agent.transactions.request(request, self.remote, lambda _: None)
        self._limit = self._agent.wire.after(GIVE_UP, client.give_up)

    def _invite_answered(self, response: Response | None) -> None:
        if response is None:
            self._refused(408, "No answer", heard=self._heard)
        elif response.status < 200:
            first, self._heard = not self._heard, True
            if self.state == "cancelling" and first:
                self._send_cancel()
            elif self.state == "calling" and response.status > 100:
                self.on_event(Ringing(response.status, response.body))
        elif response.status < 300:
            self._accepted(response)
        elif self.state == "calling" and self._invitation is not None and self._invitation.again(response):
            self._send_invite()
        else:
            self._refused(response.status, _with_cause(response.reason, response))

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
            self._agent.wire.send(*self._acks[tag])
            return
        if len(self._acks) >= FORKS_MAX:
            return
        try:
            dialog = dialogs.from_answer(self._invite, response, self.remote)
        except PeerError as error:
            self._refused(500, f"a 2xx that cannot be acknowledged: {error}")
            return
        ack = self._agent.outgoing(dialog.request("ACK", self._invite.sequence))
        for name in _CREDENTIALS:
            # What the INVITE proved, its ACK proves too (RFC 3261 §13.2.2.4).
            if proof := self._invite.headers.all(name):
                ack.headers.set(name, *proof)
        self._acks[tag] = (ack.serialize(), dialog.next_hop())
        self._agent.wire.send(*self._acks[tag])
        self._forget_the_invite()
        if self.state == "calling":
            self.state, self.dialog = "confirmed", dialog
            self._stop_timers()
            self.on_event(Answered(response.body))
            return
        self._bye(dialog)
        if self.state == "cancelling":
            self._end(Ended("local", self._reason))

    def _forget_the_invite(self) -> None:
        """Keep of it only what the dialog of another branch would need: the transaction lingers for 32 s."""
        invite = self._invite
        assert invite is not None
        self._invite = Request("INVITE", invite.uri, sequence=invite.sequence)
        for name in ("from", *_CREDENTIALS):
            if values := invite.headers.all(name):
                self._invite.headers.set(name, *values)
        self._client = self._invitation = None

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
        self._ask(dialog, dialog.request("BYE"))

    def _ask(
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
            self._agent.transactions.request(self._agent.outgoing(request), dialog.next_hop(), on_response)

        send()

    def request(self, request: Request, transaction: ServerTransaction) -> None:
        """A request within the dialog (not ACK, not CANCEL). Raises `PeerError` where it cannot be understood."""
        assert self.dialog is not None
        reply = self._agent.reply
        if request.method == "BYE":
            reply(request, transaction, 200)
            if self.state == "invited":
                self._respond(487)
            self._end(Ended("remote", _with_cause("BYE", request)))
        elif not self.dialog.in_order(request):
            reply(request, transaction, 500)
        elif request.method in ("INVITE", "UPDATE"):
            self._reoffered(request, transaction)
        elif request.method == "INFO":
            reply(request, transaction, 200)
            if key := info_key(request):
                self.on_event(KeyInfo(key))
        else:
            reply(request, transaction, 200)

    def _reoffered(self, request: Request, transaction: ServerTransaction) -> None:
        """A re-INVITE or UPDATE (RFC 3261 §14.2, RFC 3311 §5.2)."""
        assert self.dialog is not None
        if self.state == "invited" or self._reoffer is not None:
            # The offer before this one is not answered yet.
            self._agent.reply(request, transaction, 500, retry_after=str(request.sequence % 10))
            return
        if self.state != "confirmed" or self._answer:
            # Our own answer is still on its way (RFC 5407 §3.1.5).
            self._agent.reply(request, transaction, 491)
            return
        if request.body and request.media_type != SDP_TYPE:
            self._agent.reply(request, transaction, 415, accept=SDP_TYPE)
            return
        target = dialogs.contact(request.headers) or self.dialog.target
        if request.method == "UPDATE" and not request.body:
            # A session refresh: nothing of the media changes.
            self.dialog.target = target
            self._agent.reply(request, transaction, 200)
            return
        self._reoffer = (request, transaction, target)
        self.on_event(Reoffered(request.body))

    def answer_reoffer(self, sdp: str) -> None:
        """Accept the offer of `Reoffered`, or make one where it held none."""
        if self._reoffer is None:
            return
        assert self.dialog is not None
        (request, transaction, self.dialog.target), self._reoffer = self._reoffer, None
        if transaction.is_invite:
            self._send_2xx(request, transaction, sdp)
        else:
            transaction.respond(self._agent.response(request, 200, tag=self.tag, sdp=sdp))

    def reject_reoffer(self, status: int = 488) -> None:
        """Refuse it: the session goes on as it was (RFC 3261 §14.2)."""
        if self._reoffer is not None:
            (request, transaction, _), self._reoffer = self._reoffer, None
            self._agent.reply(request, transaction, status)

    def _end(self, event: Ended | Rejected) -> None:
        if self.state == "ended":
            return
        tell = self.on_event
        self._over()
        tell(event)

    def _over(self) -> None:
        """Let go of everything: a transaction may keep this object for another 32 s, but not its owner."""
        self.reject_reoffer(487)
        self._stop_timers()
        self.state = "ended"
        self.on_event = _nobody
        self._server = self._client = self._invitation = None
        self._answer = b""
        self._agent.forget(self)

    def _stop_timers(self) -> None:
        for timer in (self._repeat, self._no_ack, self._limit):
            if timer is not None:
                timer.cancel()
        self._repeat = self._no_ack = self._limit = None
