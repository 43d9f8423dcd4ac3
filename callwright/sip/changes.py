"""What we want changed within a call: re-INVITEs of ours with another description (RFC 3261 §14.1), before it is answered UPDATEs.

    wanted --the session is quiet--> asked --2xx: ACK--> agreed
      ^                               | |\\--refused, or never finally answered--> the session goes on as it was
      |                               | \\--408, 481, no answer--> the call is over
      \\--in a moment--491, 500, 503, 504

A far end that has not answered is asked by UPDATE, if it takes them and its answer to our first offer was acknowledged (RFC 3311
§5.1). One that does not, or refuses, is asked by re-INVITE when it has answered: what is wanted waits.

The description is made when it is sent, so that what changes twice meanwhile is asked once, or not at all. The peer's own
offers go first, and whatever of either side is still on its way.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from callwright.base.errors import PeerError
from callwright.sip.dialog import Dialog, contact
from callwright.sip.message import SDP_TYPE, Request, Response
from callwright.sip.session_timer import GLARE_MAX
from callwright.sip.timers import Timer

if TYPE_CHECKING:
    from callwright.sip.call import SipCall

PASSING = (491, 500, 503, 504)
"What a peer answers whose own offer is on its way, and what may be otherwise in a moment."

ANSWER_S_MAX = 40.0
"For a peer that says that it is trying. One that says nothing is given up by the transaction before."


class Changes:
    """Of one call. One at a time is asked."""

    __slots__ = (
        "_call",
        "_describe",
        "_limit",
        "_pause",
        "_pending",
        "_refused",
        "_tell",
        "_tries",
        "_updating",
    )

    def __init__(self, call: "SipCall") -> None:
        self._call = call
        self._describe: Callable[[], str] | None = None
        "Something may be wanted."

        self._tell: Callable[[str], None] = _nobody
        self._pending: Request | None = None
        self._pause: Timer | None = None
        self._limit: Timer | None = None
        self._tries = 0
        self._refused: Dialog | None = None
        "An early one, in which no UPDATE is taken."

        self._updating: Dialog | None = None
        "In which one is on its way."

    @property
    def asking(self) -> bool:
        return self._pending is not None

    def want(self, describe: Callable[[], str], answered: Callable[[str], None]) -> None:
        self._describe, self._tell, self._tries = describe, answered, 0
        self.go()

    def answered(self, dialog: Dialog) -> None:
        """Our INVITE was, in this dialog; `go` follows. What is on its way to another far end is not waited for."""
        if self._updating is not None and self._updating is not dialog:
            self._pending = self._updating = None

    def over(self) -> None:
        """The call has ended."""
        self._describe, self._tell = None, _nobody
        for timer in (self._pause, self._limit):
            if timer is not None:
                timer.cancel()
        self._pause = self._limit = None

    def go(self) -> None:
        """Ask, if anything is wanted and now is the time."""
        call = self._call
        if self._describe is None or self.asking or self._pause is not None:
            return
        if call.state == "calling":
            self._update(self._describe)
            return
        if call.state != "confirmed" or call.answering:
            # An ACK is on its way, and comes by here.
            return
        if call.offering:
            self._again()
            return
        description = self._describe()
        if not description:
            self._describe = None
            return
        assert call.dialog is not None
        request = call.within("INVITE")
        request.body = description
        call.session.renews(request)
        self._pending = request
        # A provisional answer would have the transaction wait for ever (RFC 3261 §17.1.1.2).
        self._limit = call.agent.wire.after(ANSWER_S_MAX, self._unanswered)
        call.ask(call.dialog, request, lambda response: self._answered(request, response))

    def _update(self, describe: Callable[[], str]) -> None:
        """Ask a far end that has not answered, if it can be."""
        call = self._call
        dialog = call.reachable(updates=True)
        if dialog is None or dialog is self._refused or call.offering:
            return
        description = describe()
        if not description:
            self._describe = None
            return
        request, self._updating = call.within("UPDATE"), dialog
        self._pending = request
        request.body = description
        request.headers.set("content-type", SDP_TYPE)
        call.ask(dialog, request, lambda response: self._updated(dialog, request, response))

    def _updated(self, dialog: Dialog, request: Request, response: Response | None) -> None:
        call = self._call
        if self._pending is not request:
            return
        self._pending = self._updating = None
        if call.state not in ("calling", "confirmed"):
            return
        if response is None or response.status >= 300 or not response.body:
            self._refused = dialog
        else:
            call.updated(dialog, response.body, request.body)
            with suppress(PeerError):
                dialog.target = contact(response.headers) or dialog.target
            self._tell(response.body)
        self.go()

    def _unanswered(self) -> None:
        self._pending = self._limit = None
        self._give_up()

    def _again(self) -> None:
        self._tries += 1
        if self._tries > GLARE_MAX:
            self._give_up()
            return
        self._pause = self._call.agent.wire.after(self._call.session.glare_s, self._resume)

    def _resume(self) -> None:
        self._pause = None
        self.go()

    def _give_up(self) -> None:
        tell = self._tell
        self.over()
        tell("")

    def _answered(self, request: Request, response: Response | None) -> None:
        call = self._call
        if response is not None and response.status < 300:
            # Each 2xx gets its ACK, also one that comes again.
            call.acknowledge(request, response)
        if self._pending is not request:
            return
        self._pending = None
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None
        if call.state != "confirmed":
            return
        if response is None or response.status in (408, 481):
            call.lost("the far end has gone")
        elif response.status in PASSING:
            self._again()
        elif response.status >= 300 or not response.body:
            self._give_up()
        else:
            self._tries = 0
            call.session.answered(response)
            call.description = request.body
            self._tell(response.body)
            self.go()


def _nobody(_: str) -> None: ...
