"""What the peer wants changed within a call: its re-INVITEs and UPDATEs (RFC 3261 §14.2, RFC 3311 §5.2, RFC 4028 §9)."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from callwright.sip import dialog as dialogs
from callwright.sip import session_timer
from callwright.sip.events import Reoffered
from callwright.sip.message import SDP_TYPE, Request
from callwright.sip.reliable import EarlyDialogs
from callwright.sip.transaction import ServerTransaction

if TYPE_CHECKING:
    from callwright.sip.call import SipCall


class Reoffers:
    """Of one call. One at a time waits for the owner's answer."""

    __slots__ = ("_call", "_waiting")

    def __init__(self, call: "SipCall") -> None:
        self._call = call
        self._waiting: tuple[Request, ServerTransaction, Callable[[str], None]] | None = None
        "The request that the owner has to answer, and what then becomes of it."

    @property
    def waiting(self) -> bool:
        return self._waiting is not None

    def asked(self, request: Request, transaction: ServerTransaction) -> None:
        """Answer a re-INVITE or UPDATE, or tell the owner of it. Raises `PeerError`."""
        call, reply = self._call, self._call.agent.reply
        assert call.dialog is not None
        offers = request.method == "INVITE" or bool(request.body)
        if self.waiting or (offers and call.state == "invited"):
            # The offer before this one is not answered yet (RFC 3311 §5.2).
            reply(request, transaction, 500, retry_after=str(request.sequence % 10))
        elif call.state == "invited":
            # No session runs yet that it could refresh.
            call.dialog.target = dialogs.contact(request.headers) or call.dialog.target
            reply(request, transaction, 200)
        elif call.state != "confirmed" or call.answering or (offers and call.inviting):
            # Our own answer is still on its way (RFC 5407 §3.1.5), or an offer of ours.
            reply(request, transaction, 491)
        elif session_timer.too_short(request):
            reply(request, transaction, 422, min_se=str(session_timer.EXPIRES_S_MIN))
        elif request.body and request.media_type != SDP_TYPE:
            reply(request, transaction, 415, accept=SDP_TYPE)
        elif offers:
            self._ask(call.dialog, request, transaction, lambda sdp: call.accept(request, transaction, sdp))
        else:
            # A session refresh: nothing of the media changes.
            call.dialog.target = dialogs.contact(request.headers) or call.dialog.target
            call.accept(request, transaction)

    def _ask(
        self, dialog: dialogs.Dialog, request: Request, transaction: ServerTransaction, accept: Callable[[str], None]
    ) -> None:
        target = dialogs.contact(request.headers) or dialog.target

        def accepted(sdp: str) -> None:
            dialog.target = target
            accept(sdp)

        self._waiting = request, transaction, accepted
        self._call.on_event(Reoffered(request.body))

    def early(self, found: EarlyDialogs, request: Request, transaction: ServerTransaction) -> None:
        """Before a call of ours is answered, its far end may change what it told us in an acknowledged answer, or say that it is
        still there; one that hangs up, which it must not (RFC 3261 §15), has left a call that its INVITE will end."""
        call, reply = self._call, self._call.agent.reply
        known = found.find(request.from_tag)
        assert known is not None
        dialog, description = known
        if request.method == "BYE":
            found.drop(request.from_tag)
            reply(request, transaction, 200)
        elif not dialog.in_order(request, transaction.answered_on(call.agent.wire)):
            reply(request, transaction, 500)
        elif request.method == "OPTIONS":
            call.agent.options(request, transaction)
        elif request.method == "INFO":
            call.informed(request, transaction)
        elif request.method != "UPDATE":
            reply(request, transaction, 405, allow="UPDATE, INFO, OPTIONS, BYE")
        elif not request.body:
            dialog.target = dialogs.contact(request.headers) or dialog.target
            reply(request, transaction, 200)
        elif not description or call.inviting:
            # Our offer in the INVITE is not answered yet, or that in an UPDATE (RFC 3311 §5.2).
            reply(request, transaction, 491)
        elif self.waiting:
            reply(request, transaction, 500, retry_after=str(request.sequence % 10))
        elif request.media_type != SDP_TYPE:
            reply(request, transaction, 415, accept=SDP_TYPE)
        else:

            def accept(sdp: str) -> None:
                call.updated(dialog, request.body, sdp)
                transaction.respond(call.agent.response(request, 200, sdp=sdp))

            self._ask(dialog, request, transaction, accept)

    def answer(self, sdp: str) -> None:
        if self._waiting is not None:
            (_, _, accept), self._waiting = self._waiting, None
            accept(sdp)

    def reject(self, status: int) -> None:
        if self._waiting is not None:
            (request, transaction, _), self._waiting = self._waiting, None
            self._call.agent.reply(request, transaction, status)
