"""What the peer wants changed within a call: its re-INVITEs and UPDATEs (RFC 3261 §14.2, RFC 3311 §5.2, RFC 4028 §9)."""

from typing import TYPE_CHECKING

from callwright.sip import dialog as dialogs
from callwright.sip import session_timer
from callwright.sip.events import Reoffered
from callwright.sip.message import SDP_TYPE, Request
from callwright.sip.transaction import ServerTransaction

if TYPE_CHECKING:
    from callwright.sip.call import SipCall


class Reoffers:
    """Of one call. One at a time waits for the owner's answer."""

    __slots__ = ("_call", "_session", "_waiting")

    def __init__(self, call: "SipCall", session: session_timer.SessionTimer) -> None:
        self._call = call
        self._session = session
        self._waiting: tuple[Request, ServerTransaction, str] | None = None
        "The request that the owner has to answer, and the peer's Contact in it."

    @property
    def waiting(self) -> bool:
        return self._waiting is not None

    def asked(self, request: Request, transaction: ServerTransaction) -> None:
        """Answer a re-INVITE or UPDATE, or tell the owner of it. Raises `PeerError`."""
        call, reply = self._call, self._call.agent.reply
        assert call.dialog is not None
        offers = request.method == "INVITE" or bool(request.body)
        if call.state == "invited" or self.waiting:
            # The offer before this one is not answered yet.
            reply(request, transaction, 500, retry_after=str(request.sequence % 10))
        elif call.state != "confirmed" or call.answering or (offers and self._session.inviting):
            # Our own answer is still on its way (RFC 5407 §3.1.5), or an offer of ours.
            reply(request, transaction, 491)
        elif session_timer.too_short(request):
            reply(request, transaction, 422, min_se=str(session_timer.EXPIRES_S_MIN))
        elif request.body and request.media_type != SDP_TYPE:
            reply(request, transaction, 415, accept=SDP_TYPE)
        elif offers:
            self._waiting = (request, transaction, dialogs.contact(request.headers) or call.dialog.target)
            call.on_event(Reoffered(request.body))
        else:
            # A session refresh: nothing of the media changes.
            call.dialog.target = dialogs.contact(request.headers) or call.dialog.target
            call.accept(request, transaction)

    def early(self, dialog: dialogs.Dialog, request: Request, transaction: ServerTransaction) -> None:
        """Before a call of ours is answered, its far end may refresh the session, and nothing else."""
        if not dialog.in_order(request):
            self._call.agent.reply(request, transaction, 500)
        elif request.method != "UPDATE":
            self._call.agent.reply(request, transaction, 405, allow="UPDATE")
        else:
            self._call.agent.reply(request, transaction, 488 if request.body else 200)

    def answer(self, sdp: str) -> None:
        if self._waiting is not None and self._call.dialog is not None:
            (request, transaction, self._call.dialog.target), self._waiting = self._waiting, None
            self._call.accept(request, transaction, sdp)

    def reject(self, status: int) -> None:
        if self._waiting is not None:
            (request, transaction, _), self._waiting = self._waiting, None
            self._call.agent.reply(request, transaction, status)
