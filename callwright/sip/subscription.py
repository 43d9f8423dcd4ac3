"""The subscription that a REFER makes (RFC 3515 §2.4.4, RFC 6665 §4.2): who sent it is told by NOTIFY what comes of it.

    begun: NOTIFY 100 --the owner tells a final status: NOTIFY--> over
      | \\--SUBSCRIBE within the dialog: 200, NOTIFY--> begun, for as long as it asks
      \\--SUBSCRIBE with an Expires of 0, or its time is up: NOTIFY, `terminated`--> over

NOTIFYs go one after the other, since a peer may not take them out of order; what there is to say meanwhile is said in one.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from callwright.sip import dialog as dialogs
from callwright.sip.message import REASON_MAX, REASONS, Request, Response, read_number
from callwright.sip.timers import Timer
from callwright.sip.transaction import ServerTransaction

if TYPE_CHECKING:
    from callwright.sip.call import SipCall

REFER_S_MAX = 120.0
"How long either side waits for the other's word, unless it asks for more: as long as a telephone may ring."

SUBSCRIBED_S_MAX = 360.0
"However often it is refreshed: no call of ours rings as long, so its owner has told by then."

FRAGMENT = "message/sipfrag"


class Subscription:
    """Of one REFER. `begin` it once that is answered, `tell` what came of it."""

    __slots__ = (
        "_begun", "_call", "_event", "_expires_at", "_final", "_late", "_limit", "_number", "_quiet", "_sending", "_then",
        "_until", "over",
    )  # fmt: skip

    def __init__(self, call: "SipCall", refer: Request, *, first: bool) -> None:
        """`first`: no REFER came before in this dialog."""
        self._call = call
        self._number = str(refer.sequence)
        # Of the first one the event needs no number, and some peers expect none (§2.4.6).
        self._event = "refer" if first else f"refer;id={refer.sequence}"
        self._quiet = refer.headers.get("refer-sub").strip().lower() == "false"
        self._begun = False
        self._sending = False
        self._late = False
        "There is more to say once the last NOTIFY is answered."

        self._final: tuple[int, str] | None = None
        self._then: Callable[[], None] = _nothing
        self._limit: Timer | None = None
        self._expires_at = self._until = 0.0
        self.over = False

    @property
    def quiet(self) -> bool:
        """The peer wants no subscription (RFC 4488)."""
        return self._quiet

    def begin(self) -> None:
        """It was accepted, and that was sent."""
        self._begun = True
        if self.over or self._quiet:
            return
        call = self._call
        call.agent.subscriptions[call.call_id, call.tag] = self
        now = call.agent.wire.clock()
        self._until = now + SUBSCRIBED_S_MAX
        self._lasts(REFER_S_MAX)
        self._say()

    def means(self, request: Request) -> bool:
        """Whether a SUBSCRIBE is about this one (RFC 6665 §4.5.1)."""
        dialog = self._call.dialog
        number = event_id(request)
        named = number == self._number or (not number and ";" not in self._event)
        return named and dialog is not None and dialog.remote_tag == request.from_tag

    def request(self, request: Request, transaction: ServerTransaction) -> None:
        """A SUBSCRIBE that is about this one: it is to last longer, or to end. Raises `Unreadable`."""
        call = self._call
        assert call.dialog is not None
        agent, wanted = call.agent, request.headers.get("expires").strip()
        asked_s = read_number(wanted, 2**32, "Expires") if wanted else int(REFER_S_MAX)
        if not call.dialog.in_order(request, transaction.answered_on(agent.wire)):
            agent.reply(request, transaction, 500)
            return
        call.dialog.target = dialogs.contact(request.headers) or call.dialog.target
        # Its time may be up, and that not be told before the last NOTIFY is answered.
        lasts_s = max(0, int(min(asked_s, REFER_S_MAX, self._until - agent.wire.clock())))
        agent.reply(request, transaction, 200, expires=str(lasts_s), contact=agent.contact)
        self._lasts(lasts_s)
        self._say()

    def tell(self, status: int, reason: str, then: Callable[[], None]) -> None:
        """What came of it, and what to do once the peer has heard, or will not. Only the first counts."""
        if self._final is not None:
            return
        self._final = status, reason or REASONS.get(status, "")
        if self._quiet or (self.over and not self._sending):
            self.over = True
            then()
            return
        self._then = then
        if self._begun:
            self._say()

    def _lasts(self, seconds: float) -> None:
        self._stop()
        wire = self._call.agent.wire
        self._expires_at = wire.clock() + seconds
        if seconds:
            self._limit = wire.after(seconds, self._say)

    def _stop(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
        self._limit = None

    def _end(self) -> None:
        self.over = True
        self._stop()
        self._call.agent.subscriptions.pop((self._call.call_id, self._call.tag), None)

    def _say(self) -> None:
        """How it stands."""
        left_s = round(self._expires_at - self._call.agent.wire.clock())
        if self._sending or self.over:
            self._late = not self.over
        elif self._final is not None:
            self._end()
            self._notify(*self._final, "terminated;reason=noresource")
        elif left_s <= 0:
            self._end()
            self._notify(408, "nothing came of it", "terminated;reason=timeout")
        else:
            self._notify(100, "Trying", f"active;expires={left_s}")

    def _notify(self, status: int, reason: str, state: str) -> None:
        call = self._call
        assert call.dialog is not None
        request = call.dialog.request("NOTIFY")
        request.headers.set("event", self._event)
        request.headers.set("subscription-state", state)
        request.headers.set("contact", call.agent.contact)
        request.headers.set("content-type", f"{FRAGMENT};version=2.0")
        request.body = f"SIP/2.0 {status} {printable(reason)}\r\n"
        self._sending = True
        call.ask(call.dialog, request, self._told)

    def _told(self, response: Response | None) -> None:
        self._sending = False
        if self.over or response is None or response.status >= 300:
            # It has heard all, or no longer listens (§2.4.4).
            if not self.over:
                self._end()
            then, self._then = self._then, _nothing
            then()
        elif self._late:
            self._late = False
            self._say()


class Subscriptions(dict[tuple[str, str], Subscription]):
    """Those of one agent that are not over, by Call-ID and our tag. One outlives its call."""

    def of(self, request: Request) -> Subscription | None:
        """The one that a SUBSCRIBE is about."""
        found = self.get((request.headers.get("call-id"), request.to_tag))
        return found if found is not None and found.means(request) else None


def event_id(request: Request) -> str:
    """The number of the REFER that a message about its subscription names (§2.4.6), empty where it names none."""
    return request.headers.get("event").partition("id=")[2].partition(";")[0].strip()


def printable(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)[:REASON_MAX]


def _nothing() -> None: ...
