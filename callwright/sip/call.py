"""One SIP call, on either side: the state machine over its INVITE and its dialog, without I/O.

Called side (UAS):

    invited --answer--> answered --ACK--> confirmed --BYE--> ended
       |                   |  \\--hang_up--> leaving --ACK, or none in 32 s: BYE--> ended
       |                   \\--no ACK in 32 s: BYE--> ended
       \\--reject, CANCEL, BYE, nobody answers--> ended

Calling side (UAC): `calling.py`, until it is confirmed.

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
from callwright.sip.abilities import Told
from callwright.sip.address import Address
from callwright.sip.asking import Asking
from callwright.sip.calling import Calling, acknowledgement
from callwright.sip.changes import Changes
from callwright.sip.dialog import Dialog
from callwright.sip.digest import Identity
from callwright.sip.events import KEY_TYPES, Answered, Confirmed, Ended, KeyInfo, Rejected, SipEvent, info_key
from callwright.sip.invitation import PROOFS, Invitation
from callwright.sip.message import SDP_TYPE, Request, Response, with_cause
from callwright.sip.refer import Referral, Refers
from callwright.sip.reliable import Accepted, Ringing
from callwright.sip.reoffers import Reoffers
from callwright.sip.session_timer import SessionTimer
from callwright.sip.timers import Timer
from callwright.sip.transaction import ServerTransaction
from callwright.sip.ways import Way, acknowledge

if TYPE_CHECKING:
    from callwright.sip.agent import Agent

State = Literal["invited", "answered", "leaving", "calling", "cancelling", "confirmed", "ended"]

PROVISIONAL_S = 60.0
"A called side that is still ringing says so again (RFC 3261 §13.3.1.1)."

UNANSWERED_S_MAX = 300.0
"A call that nobody answers ends, should its owner have forgotten it."


def _nobody(_: SipEvent) -> None: ...


class SipCall:
    """A call. `on_event` is set by its owner before it returns from `on_invite`, or given to `invite`."""

    __slots__ = (
        "_answer", "_calling", "_changes", "_identity", "_invite", "_limit", "_refers", "_reoffers", "_ringing",
        "_server", "_session", "agent", "call_id", "caller", "description", "dialled", "dialog", "offer", "on_event",
        "on_refer", "on_replaced", "remote", "state", "tag", "told",
    )  # fmt: skip

    def __init__(self, agent: "Agent", *, call_id: str, caller: str, dialled: str, remote: Address, offer: str) -> None:
        self.agent = agent
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
        "The peer's, until it is answered."

        self._identity: Identity | None = None
        self._calling: Calling | None = None
        "Of a call that we began."

        self._refers: Refers | None = None
        "Where one side asks the other to call somebody."

        self.on_refer: Callable[[Referral], int] | None = None
        """Whether the peer may have us call somebody: 202, and what comes of it is told to the referral; else the status that
        refuses it. None: 403."""

        self.on_replaced: Callable[[SipCall], None] | None = None
        "Gets the call that is to take the place of this one (RFC 3891), as `on_invite` would; None: 403."

        self.told = Told()
        "What the peer says that it is able to."

        self._session: SessionTimer | None = None
        "Once it is answered."

        self.description = ""
        "The SDP that the peer has of us."

        self._changes: Changes | None = None
        "What we want of it changed."

        self._ringing: Ringing | None = None
        "Our 180, where the peer requires that it arrives."

        self._server: ServerTransaction | None = None
        self._reoffers: Reoffers | None = None
        "What the peer wants changed."

        self._answer: Accepted | None = None
        "Our 2xx, as long as no ACK came for it."

        self._limit: Timer | None = None

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
        self.wait(PROVISIONAL_S, lambda: self._still_ringing(PROVISIONAL_S))

    def _still_ringing(self, ringing_s: float) -> None:
        assert self._server is not None
        if ringing_s >= UNANSWERED_S_MAX:
            self._respond(480)
            self.end(Ended("failure", "nobody answered"))
            return
        self._server.repeated()
        self.wait(PROVISIONAL_S, lambda: self._still_ringing(ringing_s + PROVISIONAL_S))

    def ring(self, sdp: str = "") -> None:
        """180; with the description of early media 183. One of them, where the caller requires that it is acknowledged."""
        if self.state != "invited" or self._ringing is not None:
            return
        assert self._server is not None and self._invite is not None
        response = self.agent.response(self._invite, 183 if sdp else 180, tag=self.tag, sdp=sdp)
        if "100rel" in self._invite.headers.tokens("require"):
            self._ringing = Ringing(self.agent.wire, self._invite, self._server, response, self._never_heard)
        else:
            self._server.respond(response)

    def _never_heard(self) -> None:
        if self.state == "invited":
            self._respond(504)
            self.end(Ended("failure", "no PRACK came"))

    def answer(self, sdp: str) -> None:
        """200 with this SDP, repeated until the ACK comes: `Confirmed`."""
        if self.state != "invited":
            return
        assert self._server is not None and self._invite is not None
        self.state = "answered"
        self.agent.answered(self)
        self.stop_waiting()
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
            self.end(Ended("remote", "CANCEL"))

    # -- our 2xx and its ACK ---------------------------------------------------------------------

    def ack(self, request: Request, source: Address | None) -> None:
        """An ACK for a 2xx of ours; one for an earlier INVITE, or that comes again, means nothing any more. `source`: the
        connection that it came on, which is the peer's from here on; None of a datagram."""
        if self._answer is None or not self._answer.acknowledged(request):
            return
        if source is not None and self.dialog is not None:
            self.dialog.heard(request, source)
        self._answer = None
        if self.state == "leaving":
            self._send_bye()
            self._over()
        elif self.state == "answered":
            self.state = "confirmed"
            self.on_event(Confirmed(request.body))
        elif request.body:
            self.on_event(Confirmed(request.body))
        if self._refers is not None:
            self._refers.confirmed()
        if self._changes is not None:
            self._changes.go()

    def _never_acknowledged(self) -> None:
        self._send_bye()
        self.end(Ended("failure", "no ACK came"))

    # -- calling side --------------------------------------------------------------------------

    def invite(self, invitation: Invitation, identity: Identity | None, ways: list[Way]) -> None:
        """Begin this call with an INVITE of ours. `identity` answers challenges, also those of what follows; `ways`: others than
        the first, should that come to nothing."""
        self._identity = identity
        self.description = invitation.request.body
        self._calling = calling = Calling(self)
        self.wait(UNANSWERED_S_MAX, lambda: calling.cancel("nobody answered"))
        calling.begin(invitation, ways)

    def cancel(self) -> None:
        """End a call that is not answered yet. `Ended` follows when the peer has confirmed, at the latest in 32 s."""
        if self._calling is not None:
            self._calling.cancel("cancelled")

    def confirmed(self, dialog: Dialog, response: Response, description: str) -> None:
        """Our INVITE was answered."""
        self.state, self.dialog = "confirmed", dialog
        self.stop_waiting()
        self._session = SessionTimer(self)
        self._session.answered(response)
        if self._changes is not None:
            self._changes.answered(dialog)
        self.on_event(Answered(description))
        if self._changes is not None:
            self._changes.go()

    # -- what the session timer needs ------------------------------------------------------------

    @property
    def is_ours(self) -> bool:
        """We began it, and made its Call-ID."""
        return self._calling is not None and self._calling.answered

    @property
    def answering(self) -> bool:
        """A 2xx of ours has no ACK yet."""
        return self._answer is not None

    @property
    def offering(self) -> bool:
        """An offer, or our answer to one, is still on its way."""
        return (self._reoffers is not None and self._reoffers.waiting) or self.answering or self.inviting

    @property
    def inviting(self) -> bool:
        """A re-INVITE of ours, or an UPDATE with a description, has no final answer yet."""
        session, changes = self._session, self._changes
        return (session is not None and session.inviting) or (changes is not None and changes.asking)

    @property
    def session(self) -> SessionTimer:
        """Of a call that was answered and is not over."""
        assert self._session is not None
        return self._session

    def reachable(self, *, updates: bool = False) -> Dialog | None:
        """What we may ask something in: the dialog of a call that was answered, or the early one of the only far end that it rings
        at. `updates`: that takes another description by UPDATE."""
        if self.state == "calling" and self._calling is not None:
            return self._calling.early.only(updates=updates)
        return self.dialog if self.state == "confirmed" else None

    def within(self, method: str) -> Request:
        """A request within the dialog; an INVITE with the description that the peer has of us already."""
        dialog = self.dialog or self.reachable()
        assert dialog is not None
        request = dialog.request(method)
        if method == "INVITE":
            request.body = self.description
            request.headers.set("content-type", SDP_TYPE)
        return request

    def acknowledge(self, request: Request, response: Response) -> None:
        """A 2xx to a re-INVITE of ours came."""
        assert self.dialog is not None
        with suppress(PeerError):
            self.dialog.target = dialogs.contact(response.headers) or self.dialog.target
        acknowledge(self.agent, self.dialog, acknowledgement(self.dialog, request))

    def lost(self, reason: str) -> None:
        """The peer has gone without a word."""
        if self.state != "ended":
            self._send_bye()
            self.end(Ended("failure", reason))

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
        self.bye(self.dialog)

    def bye(self, dialog: Dialog) -> None:
        # Whatever comes of it, the call is over (RFC 3261 §15.1.1).
        leaving, ends = self.agent.leaving, (self.call_id, self.tag, dialog.remote_tag)
        leaving.add(ends)
        self.ask(dialog, dialog.request("BYE"), lambda _: leaving.discard(ends))

    def knows(self, tag: str) -> bool:
        """Whether this is the tag of the peer, or of one that may become it."""
        if self.dialog is not None:
            return self.dialog.remote_tag == tag
        return self._calling is not None and self._calling.knows(tag)

    def rings(self, tag: str) -> bool:
        """Whether it is a call of ours that is not answered, and this the tag of somebody who has said that it rings there."""
        return self.state == "calling" and self._calling is not None and self._calling.rings(tag)

    def ask(
        self, dialog: Dialog, request: Request, answered: Callable[[Response | None], None] = lambda _: None
    ) -> None:
        """Send a request within a dialog, again with our digest answer where it is challenged. `answered` gets the final
        response; None where none came."""
        Asking(self.agent, dialog, request, self._identity, answered).send()

    def request(self, request: Request, transaction: ServerTransaction) -> None:
        """A request within the dialog (not ACK, not CANCEL). Raises `PeerError` where it cannot be understood."""
        reply = self.agent.reply
        if self.dialog is None:
            assert self._calling is not None
            self._peers_changes.early(self._calling.early, request, transaction)
        elif request.method == "BYE":
            reply(request, transaction, 200)
            if self.state == "invited":
                self._respond(487)
            self.end(Ended("remote", with_cause("BYE", request.headers)))
        elif not self.dialog.in_order(request, transaction.answered_on(self.agent.wire)):
            reply(request, transaction, 500)
        elif request.method in ("INVITE", "UPDATE"):
            self._peers_changes.asked(request, transaction)
        elif request.method == "PRACK":
            known = self._ringing is not None and self._ringing.acknowledged(request)
            reply(request, transaction, 200 if known else 481)
        elif request.method == "INFO":
            self.informed(request, transaction)
        elif request.method == "REFER":
            self._transfers.asked(request, transaction)
        elif request.method == "NOTIFY":
            self._transfers.notified(request, transaction)
        elif request.method == "SUBSCRIBE":
            # Those that are there the agent finds by themselves; only a REFER begins one (RFC 3515 §2.4.4).
            reply(request, transaction, 403 if self._refers is None else 481)
        else:
            assert request.method == "OPTIONS", "the agent refuses what it does not serve"
            self.agent.options(request, transaction)

    def informed(self, request: Request, transaction: ServerTransaction) -> None:
        """INFO: keys, as gateways tell them, and nothing else (RFC 6086 §4.2.2, §7.2)."""
        if request.headers.all("info-package"):
            self.agent.reply(request, transaction, 469, recv_info="")
        elif request.body and request.media_type not in KEY_TYPES:
            self.agent.reply(request, transaction, 415, accept=", ".join(KEY_TYPES))
        else:
            self.agent.reply(request, transaction, 200)
            if key := info_key(request):
                self.on_event(KeyInfo(key))

    # -- transfers -----------------------------------------------------------------------------

    @property
    def _peers_changes(self) -> Reoffers:
        if self._reoffers is None:
            self._reoffers = Reoffers(self)
        return self._reoffers

    @property
    def _transfers(self) -> Refers:
        if self._refers is None:
            self._refers = Refers(self)
        return self._refers

    def allows(self, method: str) -> bool:
        """Whether the peer takes this method; one that does not say may."""
        return self.told.allows(method) is not False

    def supports(self, extension: str) -> bool:
        """Whether the peer says that it knows this extension."""
        return self.told.knows(extension)

    def refer(self, target: str, replaces: "SipCall | None" = None) -> None:
        """Ask the peer to call this URI in place of us (RFC 3515), and there to take the place of this call of ours (RFC 3891).
        `Referred` follows, at the latest in two minutes, unless the call ends before."""
        if self.state in ("answered", "confirmed"):
            self._transfers.ask(target, replaces)

    def reoffer(self, describe: Callable[[], str], answered: Callable[[str], None]) -> None:
        """Give the peer another description as soon as it can be given: what `describe` then says, or none where that is
        empty. `answered` gets the peer's, empty where it refuses."""
        if self.state == "ended":
            return
        if self._changes is None:
            self._changes = Changes(self)
        self._changes.want(describe, answered)

    def answer_reoffer(self, sdp: str) -> None:
        """Accept the offer of `Reoffered`, or make one where it held none."""
        if self._reoffers is not None:
            self._reoffers.answer(sdp)

    def reject_reoffer(self, status: int = 488) -> None:
        """Refuse it: the session goes on as it was (RFC 3261 §14.2)."""
        if self._reoffers is not None:
            self._reoffers.reject(status)

    def accept(self, request: Request, transaction: ServerTransaction, sdp: str = "") -> None:
        """200 to an INVITE or UPDATE of the peer's; one to an INVITE is repeated until its ACK comes."""
        response = self.agent.response(request, 200, tag=self.tag, sdp=sdp)
        if self._session is None:
            self._session = SessionTimer(self)
        for name, value in self._session.offered(request):
            response.headers.set(name, value)
        self.description = sdp or self.description
        data = transaction.respond(response)
        if transaction.is_invite:
            self._answer = Accepted(self.agent.wire, request, transaction, data, self._never_acknowledged)

    def updated(self, dialog: Dialog, theirs: str, ours: str) -> None:
        """By an UPDATE that was sent before the call was answered."""
        if self.state == "calling" and self._calling is not None:
            self._calling.early.describe(dialog, theirs, ours)
        else:
            self.description = ours

    def end(self, event: Ended | Rejected) -> None:
        if self.state == "ended":
            return
        tell = self.on_event
        self._over()
        tell(event)

    def _over(self) -> None:
        """Let go of everything: a transaction may keep this object for another 32 s, but not its owner. Its parts know it, so it
        may know none of them: else nothing but the garbage collector would end them."""
        self.reject_reoffer(487)
        self.stop_waiting()
        for timed in (self._ringing, self._answer, self._session):
            if timed is not None:
                timed.stop()
        for asked in (self._changes, self._refers):
            if asked is not None:
                asked.over()
        if self._calling is not None:
            self._calling.let_go()
        self.state = "ended"
        self.on_event = _nobody
        self.on_refer = self.on_replaced = None
        self.agent.forget(self)
        self._session = self._changes = self._reoffers = self._calling = self._refers = None
        self._ringing = self._answer = self._server = None

    def wait(self, seconds: float, due: Callable[[], None]) -> None:
        """Set the limit of the state that the call is in."""
        self._limit = self.agent.wire.after(seconds, due)

    def stop_waiting(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
        self._limit = None
