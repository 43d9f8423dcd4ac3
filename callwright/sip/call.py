"""One SIP call, on either side: the state machine over its INVITE and its dialog, without I/O.

Called side (UAS):

    invited --answer--> answered --ACK--> confirmed --BYE--> ended
       |                   |
       +--reject, CANCEL---+--no ACK in 32 s: BYE--> ended

Calling side (UAC):

    calling --2xx--> confirmed --BYE--> ended
       |
       +--cancel--> cancelling --487, any refusal--> ended
                        +--2xx all the same: ACK, BYE--> ended

The 2xx is the dialog's business, not the transaction's (RFC 3261 §13.3.1.4): it is repeated here until the ACK
comes. So is the ACK on the other side, which is sent again for each 2xx that comes again. A CANCEL waits until
the peer has said anything at all (§9.1); a 2xx that crosses it is acknowledged and ended with a BYE. A 2xx from
another branch of a forked call is treated the same way: the first one that came has the call.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from callwright.base.errors import PeerError
from callwright.sip import dialog as dialogs
from callwright.sip.dialog import Dialog
from callwright.sip.events import Answered, Confirmed, Ended, KeyInfo, Rejected, Reoffered, Ringing, SipEvent
from callwright.sip.message import Address, Request, Response, name_address
from callwright.sip.timers import GIVE_UP, T1, T2, Timer
from callwright.sip.transaction import ClientTransaction, ServerTransaction

if TYPE_CHECKING:
    from callwright.sip.agent import Agent

REASONS = {
    100: "Trying", 180: "Ringing", 200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    415: "Unsupported Media Type", 420: "Bad Extension", 480: "Temporarily Unavailable", 481: "Call/Transaction Does Not Exist",
    482: "Loop Detected", 483: "Too Many Hops", 486: "Busy Here", 487: "Request Terminated", 488: "Not Acceptable Here",
    491: "Request Pending", 500: "Server Internal Error", 501: "Not Implemented", 503: "Service Unavailable",
}  # fmt: skip

State = Literal["invited", "answered", "calling", "cancelling", "confirmed", "ended"]

CANCEL_S_MAX = GIVE_UP
"After a CANCEL without a final answer, the INVITE is given up (RFC 3261 §9.1)."


def _nobody(_: SipEvent) -> None: ...


class SipCall:
    """A call. `on_event` is set by its owner before it returns from `on_invite`, or given to `invite`."""

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
        self.dialog: Dialog | None = None
        self._invite: Request | None = None
        self._server: ServerTransaction | None = None
        self._client: ClientTransaction | None = None
        self._reinvite: ServerTransaction | None = None
        self._repeat: Timer | None = None
        self._no_ack: Timer | None = None
        self._provisional_came = False
        self._ack = b""

    # -- called side ---------------------------------------------------------------------------

    def invited(self, request: Request, transaction: ServerTransaction, source: Address) -> None:
        """An INVITE began this call. Raises `PeerError` where no dialog can be made of it."""
        self.state = "invited"
        self.dialog = dialogs.from_invite(request, self.tag, source)
        self._invite, self._server = request, transaction
        transaction.cancelled = self._cancelled

    def ring(self) -> None:
        """180."""
        if self.state == "invited":
            self._respond(180)

    def answer(self, sdp: str) -> None:
        """200 with this SDP, repeated until the ACK comes."""
        if self.state != "invited":
            return
        self.state = "answered"
        response = self._response(200)
        self._with_sdp(response.headers.set, sdp)
        response.body = sdp
        assert self._server is not None
        self._server.respond(response)
        self._repeat_2xx(self._server, response, T1)
        self._no_ack = self._agent.wire.after(GIVE_UP, self._never_acknowledged)

    def reject(self, status: int, reason: str = "") -> None:
        """A final answer of 300 or more; the call is over for its owner, without an event."""
        if self.state != "invited":
            return
        self._respond(status, reason)
        self._over()

    def _respond(self, status: int, reason: str = "") -> None:
        assert self._server is not None
        self._server.respond(self._response(status, reason))

    def _response(self, status: int, reason: str = "") -> Response:
        assert self._invite is not None
        return self._agent.response(self._invite, status, reason or REASONS.get(status, ""), tag=self.tag)

    def _repeat_2xx(self, transaction: ServerTransaction, response: Response, pause: float) -> None:
        def again() -> None:
            transaction.respond(response)
            self._repeat_2xx(transaction, response, min(pause * 2, T2))

        self._repeat = self._agent.wire.after(pause, again)

    def _acknowledged(self, request: Request) -> None:
        self._stop_timers()
        self._server = self._reinvite = None
        if self.state == "answered":
            self.state = "confirmed"
            self._invite = None
            self.on_event(Confirmed(request.body))

    def _never_acknowledged(self) -> None:
        self._stop_timers()
        self._send_bye()
        self._end(Ended("failure", "no ACK came"))

    def _cancelled(self) -> None:
        if self.state == "invited":
            self._respond(487)
            self._end(Ended("remote", "CANCEL"))

    # -- calling side --------------------------------------------------------------------------

    def invite(self, request: Request, to: Address) -> None:
        self._invite = request
        self._client = self._agent.transactions.request(request, to, self._invite_answered)

    def cancel(self) -> None:
        """End a call that is not answered yet. `Ended` follows when the peer has confirmed, at the latest in 32 s."""
        if self.state == "calling":
            self.state = "cancelling"
            if self._provisional_came:
                self._send_cancel()

    def _send_cancel(self) -> None:
        invite = self._invite
        assert invite is not None and self._client is not None
        request = Request("CANCEL", invite.uri)
        for name in ("via", "max-forwards", "from", "to", "call-id"):
            request.headers.set(name, invite.headers.get(name))
        request.headers.set("cseq", f"{invite.headers.get('cseq').partition(' ')[0]} CANCEL")
        self._agent.transactions.request(request, self.remote, lambda _: None)
        self._no_ack = self._agent.wire.after(CANCEL_S_MAX, self._client.give_up)

    def _invite_answered(self, response: Response | None) -> None:
        if response is None:
            self._refused(408, "No answer")
        elif response.status < 200:
            self._provisional_came = True
            if self.state == "cancelling":
                if self._no_ack is None:
                    self._send_cancel()
            elif response.status > 100:
                self.on_event(Ringing(response.status, response.body))
        elif response.status < 300:
            self._accepted(response)
        else:
            self._refused(response.status, response.reason)

    def _refused(self, status: int, reason: str) -> None:
        if self.state == "cancelling":
            self._end(Ended("local", "cancelled"))
        elif self.state == "calling":
            self._over()
            self.on_event(Rejected(status, reason))

    def _accepted(self, response: Response) -> None:
        invite = self._invite
        assert invite is not None
        if self.dialog is not None:
            same = name_address(response.headers.get("to")).tag == name_address(self.dialog.remote).tag
            if same:
                self._agent.wire.send(self._ack, self.dialog.next_hop())
                return
        sequence = int(invite.headers.get("cseq").partition(" ")[0])
        try:
            dialog = dialogs.from_answer(invite, response, sequence, self.remote)
        except PeerError as error:
            self._refused(500, str(error))
            return
        ack = self._agent.outgoing(dialog.request("ACK", sequence)).serialize()
        self._agent.wire.send(ack, dialog.next_hop())
        if self.state == "calling":
            self.state = "confirmed"
            self.dialog, self._ack = dialog, ack
            self._agent.confirmed(self)
            self.on_event(Answered(response.body))
        else:
            # It crossed our CANCEL, or another branch of a fork answered as well.
            bye = self._agent.outgoing(dialog.request("BYE"))
            self._agent.transactions.request(bye, dialog.next_hop(), lambda _: None)
            if self.state == "cancelling":
                self._end(Ended("local", "cancelled"))

    # -- both sides ----------------------------------------------------------------------------

    def hang_up(self) -> None:
        """End the call as its state asks: reject, CANCEL or BYE. No event follows a call that was confirmed."""
        if self.state == "invited":
            self.reject(480)
        elif self.state == "calling":
            self.cancel()
        elif self.state in ("answered", "confirmed"):
            # RFC 3261 §15: a BYE may not be sent before the ACK; the 2xx is no longer repeated, though.
            self._send_bye()
            self._over()

    def _send_bye(self) -> None:
        assert self.dialog is not None
        bye = self._agent.outgoing(self.dialog.request("BYE"))
        self._agent.transactions.request(bye, self.dialog.next_hop(), lambda _: None)

    def request(self, request: Request, transaction: ServerTransaction) -> None:
        """A request within the dialog (not ACK, not CANCEL)."""
        assert self.dialog is not None
        if request.method == "BYE":
            self._agent.reply(request, transaction, 200)
            if self.state == "invited":
                self._respond(487)
            self._end(Ended("remote", "BYE"))
        elif not self.dialog.in_order(request):
            self._agent.reply(request, transaction, 500)
        elif request.method in ("INVITE", "UPDATE"):
            self._reoffered(request, transaction)
        elif request.method == "INFO":
            self._agent.reply(request, transaction, 200)
            if key := _info_key(request):
                self.on_event(KeyInfo(key))
        else:
            self._agent.reply(request, transaction, 200)

    def ack(self, request: Request) -> None:
        """An ACK for a 2xx of ours."""
        if self._repeat is not None or self.state == "answered":
            self._acknowledged(request)

    def _reoffered(self, request: Request, transaction: ServerTransaction) -> None:
        assert self.dialog is not None
        if self.state != "confirmed" or self._reinvite is not None:
            self._agent.reply(request, transaction, 491)
            return
        self.dialog.retarget(request.headers)
        if not request.body:
            # A session refresh: nothing of the media changes.
            if request.method == "UPDATE":
                self._agent.reply(request, transaction, 200)
            else:
                self._agent.reply(request, transaction, 488)
            return
        self._invite, self._reinvite = request, transaction
        self.on_event(Reoffered(request.body))

    def answer_reoffer(self, sdp: str) -> None:
        """Accept the offer of `Reoffered`."""
        transaction, self._reinvite = self._reinvite, None
        if transaction is None:
            return
        response = self._response(200)
        self._with_sdp(response.headers.set, sdp)
        response.body = sdp
        transaction.respond(response)
        if transaction.is_invite:
            self._reinvite = transaction
            self._repeat_2xx(transaction, response, T1)
            self._no_ack = self._agent.wire.after(GIVE_UP, self._never_acknowledged)

    def reject_reoffer(self) -> None:
        """Refuse it: the session goes on as it was (RFC 3261 §14.2)."""
        transaction, self._reinvite = self._reinvite, None
        if transaction is not None:
            transaction.respond(self._response(488))

    def _with_sdp(self, set_header: Callable[..., None], sdp: str) -> None:
        set_header("contact", self._agent.contact)
        if sdp:
            set_header("content-type", "application/sdp")

    def _end(self, event: Ended) -> None:
        if self.state != "ended":
            self._over()
            self.on_event(event)

    def _over(self) -> None:
        self._stop_timers()
        self.state = "ended"
        self._server = self._reinvite = None
        self._agent.forget(self)

    def _stop_timers(self) -> None:
        for timer in (self._repeat, self._no_ack):
            if timer is not None:
                timer.cancel()
        self._repeat = self._no_ack = None


def _info_key(request: Request) -> str:
    """The key of an INFO: `Signal=5` (application/dtmf-relay) or the bare key (application/dtmf)."""
    kind = request.headers.get("content-type").partition(";")[0].strip().lower()
    if kind == "application/dtmf":
        text = request.body.strip()
    elif kind == "application/dtmf-relay":
        named = (line.partition("=") for line in request.body.splitlines())
        text = next((value.strip() for name, _, value in named if name.strip().lower() == "signal"), "")
    else:
        return ""
    key = {"10": "*", "11": "#"}.get(text, text).upper()
    return key if len(key) == 1 and key in "0123456789*#ABCD" else ""
