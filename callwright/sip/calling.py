"""The calling half of a call: our INVITE until it is answered, refused or cancelled, and the ACK for each 2xx that it gets.

calling --2xx: ACK--> confirmed
   |  \\--401, 407, 3xx that are followed: the INVITE again; other 300-699--> ended
   \\--cancel--> cancelling --487, any refusal--> ended
                    \\--2xx all the same: ACK, BYE--> ended
"""

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from callwright.base.errors import PeerError
from callwright.sip import events
from callwright.sip.address import Address
from callwright.sip.dialog import Dialog
from callwright.sip.events import Ended, Rejected
from callwright.sip.invitation import PROOFS, Invitation, cancellation, remains
from callwright.sip.locating import Place
from callwright.sip.message import Request, Response, with_cause
from callwright.sip.reliable import EarlyDialogs
from callwright.sip.timers import GIVE_UP, Timer
from callwright.sip.transaction import ClientTransaction, Wire
from callwright.sip.ways import Way, acknowledge

if TYPE_CHECKING:
    from callwright.sip.call import SipCall

FORKS_MAX = 8
"Answers of one forked INVITE that are acknowledged and ended."


PROVISIONAL_MAX = 8
"Answers whose tags are known: as many as there may be forks."

PATIENCE_S = 4.0
"How long a server may say nothing at all where there is another one to ask (RFC 3263 §4.3): eight of them have the 32 s of one."


class Calling:
    """Of a call that we began. Its transaction may keep it for 32 s after the call is over."""

    __slots__ = (
        "_acks",
        "_call",
        "_client",
        "_heard",
        "_invitation",
        "_invite",
        "_looking",
        "_patience",
        "_provisional",
        "_reason",
        "_ways",
        "early",
    )

    def __init__(self, call: "SipCall") -> None:
        self._call = call
        self._invitation: Invitation | None = None
        "As long as our INVITE has no final answer."

        self._invite: Request | None = None
        self._client: ClientTransaction | None = None
        self._ways: list[Way] = []
        "That are left where the one before comes to nothing."

        self._patience: Timer | None = None
        self._heard = False
        "Our INVITE got an answer of some kind: it may be cancelled."

        self._looking: Callable[[], None] | None = None
        "Stops the look-up of the place that is next."

        self._reason = ""
        self._acks: dict[str, tuple[Wire, bytes, Address]] = {}
        "The ACK for each 2xx that our INVITE got, by To tag."

        self._provisional: tuple[Response, ...] = ()
        "Answers above 100, the first few: they name those at whom it rings."

        self.early = EarlyDialogs()

    def rings(self, tag: str) -> bool:
        return any(tag in response.headers.get("to") and response.to_tag == tag for response in self._provisional)

    def knows(self, tag: str) -> bool:
        """Whether there is a dialog with the far end of this tag, which has not answered. One that began with an answer that nobody
        acknowledges is made only now that something is asked in it."""
        if self._invite is not None and self.early.find(tag) is None:
            for response in self._provisional:
                with suppress(PeerError):
                    if response.to_tag == tag:
                        self.early.begin(self._invite, response, self._call.remote)
                        break
        return self.early.find(tag) is not None

    @property
    def answered(self) -> bool:
        return bool(self._acks)

    def begin(self, invitation: Invitation, ways: list[Way]) -> None:
        """Send it; `ways` are taken where the one before cannot be reached, says nothing, or that it has no room (503)."""
        self._invitation, self._ways = invitation, ways
        self._send()

    def _go_on(self, refusal: Response) -> None:
        """To the place that is next; where that is not found to the one after it, and where there is none the call was refused."""
        invitation = self._invitation
        assert invitation is not None
        if invitation.has_left:
            self._ways = []
        if invitation.elsewhere is None:
            self._send()
            return

        def found(ways: list[Way]) -> None:
            self._looking = None
            if ways:
                self._ways = ways
                self._sent_elsewhere()
            elif invitation.moved():
                self._go_on(refusal)
            else:
                self._refused(refusal.status, with_cause(refusal.reason, refusal.headers))

        self._client = None
        self._looking = invitation.elsewhere(invitation.request.uri, found)

    def _send(self) -> None:
        call = self._call
        assert self._invitation is not None and self._invitation.to is not None
        self._heard, self._provisional = False, ()
        self.early = EarlyDialogs()
        self._invite = call.agent.outgoing(self._invitation.request)
        call.remote = self._invitation.to
        self._client = call.agent.transactions.request(self._invite, call.remote, self._answered)
        if self._ways and self._ways[0][1] != call.remote:
            self._patience = call.agent.wire.after(PATIENCE_S, self._client.unreachable)

    def _sent_elsewhere(self) -> bool:
        call = self._call
        if call.state != "calling" or not self._ways or self._invitation is None:
            return False
        call.agent, to = self._ways.pop(0)
        self._invitation.by_way_of(to)
        self._send()
        return True

    def cancel(self, reason: str) -> None:
        call = self._call
        if call.state == "calling":
            call.state, self._reason = "cancelling", reason
            call.stop_waiting()
            if self._looking is not None:
                # Nobody is asked at this moment; its owner is told in the next.
                self._stop_looking()
                call.wait(0.0, lambda: self._refused(487, reason))
            elif self._heard:
                self._send_cancel()

    def _send_cancel(self) -> None:
        """Once only: RFC 3261 §9.1. It shares the branch of its INVITE."""
        call, invite, client = self._call, self._invite, self._client
        assert invite is not None and client is not None
        call.agent.transactions.request(cancellation(invite), call.remote, lambda _: None)

        def give_up() -> None:
            client.give_up()
            self._refused(408, "No answer")

        call.wait(GIVE_UP, give_up)

    def let_go(self) -> None:
        """The call is over."""
        self._client = self._invitation = None
        self._provisional = ()
        self._stop_looking()
        if self._patience is not None:
            self._patience.cancel()

    def _stop_looking(self) -> None:
        if self._looking is not None:
            self._looking()
            self._looking = None

    # -- answers -------------------------------------------------------------------------------

    def _answered(self, response: Response | None) -> None:
        call = self._call
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        self._learn(response)
        if response is None:
            if self._heard or not self._sent_elsewhere():
                self._refused(408, call.agent.wire.failure or "No answer", heard=self._heard)
        elif response.status < 200:
            first, self._heard = not self._heard, True
            if call.state == "cancelling" and first:
                self._send_cancel()
            elif call.state == "calling" and response.status > 100:
                self._rings(response)
        elif response.status < 300:
            self._accepted(response)
        elif response.status == 503 and self._sent_elsewhere():
            pass
        elif call.state == "calling" and self._invitation is not None and self._invitation.again(response):
            self._go_on(response)
        else:
            self._refused(response.status, with_cause(response.reason, response.headers))

    def _learn(self, response: Response | None) -> None:
        """Remember a server that fails, and that one which did serves."""
        call, wire = self._call, self._call.agent.wire
        if response is None and self._heard:
            return
        if response is None or response.status == 503 or wire.outages:
            wire.outages.learn(Place(call.remote, call.agent.transport), response, wire.clock())

    def _rings(self, response: Response) -> None:
        assert self._invite is not None
        if len(self._provisional) < PROVISIONAL_MAX:
            self._provisional += (response,)
        try:
            acknowledged = self.early.told(self._invite, response, self._call.remote)
            news = self.early.news(response)
        except PeerError:
            return
        if acknowledged is not None:
            self._call.ask(*acknowledged)
        self._call.on_event(events.Ringing(response.status, news))

    def _refused(self, status: int, reason: str, *, heard: bool = True) -> None:
        if self._call.state == "cancelling":
            self._call.end(Ended("local", self._reason))
        elif self._call.state == "calling":
            self._call.end(Rejected(status, reason, heard))

    def _accepted(self, response: Response) -> None:
        """A 2xx: the first one, one that comes again, or one of another branch (RFC 3261 §13.2.2.4)."""
        call = self._call
        assert self._invite is not None
        try:
            tag = response.to_tag
        except PeerError as error:
            self._refused(500, f"a 2xx that cannot be acknowledged: {error}")
            return
        if tag in self._acks:
            wire, ack, to = self._acks[tag]
            wire.send(ack, to)
            return
        if len(self._acks) >= FORKS_MAX:
            return
        try:
            dialog, description, ours = self.early.confirmed(self._invite, response, call.remote)
        except PeerError as error:
            self._refused(500, f"a 2xx that cannot be acknowledged: {error}")
            return
        self._acks[tag] = acknowledge(call.agent, dialog, acknowledgement(dialog, self._invite))
        # The transaction lingers for 32 s: keep of the INVITE only what the answer of another branch would need.
        self._invite, self._client, self._invitation = remains(self._invite), None, None
        if call.state == "calling":
            call.description = ours
            call.confirmed(dialog, response, description)
            return
        call.bye(dialog)
        if call.state == "cancelling":
            call.end(Ended("local", self._reason))


def acknowledgement(dialog: Dialog, invite: Request) -> Request:
    """The ACK of a 2xx. What the INVITE proved, its ACK proves too (RFC 3261 §13.2.2.4)."""
    ack = dialog.request("ACK", invite.sequence)
    for name in PROOFS:
        if proof := invite.headers.all(name):
            ack.headers.set(name, *proof)
    return ack
