"""Session timers (RFC 4028): both sides of a call agree on a time within which one of them says that it is still there.

    agreed --half the time, ours to refresh--> refreshing --2xx--> agreed
       |                                          \\--491: again in a moment; 408, 481, none: the call is over
       \\--32 s before its end (a third of a short one), and nobody refreshed--> the call is over

Ours are refreshed by UPDATE where the peer takes that, else by a re-INVITE with the description that it has already.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from callwright.base.errors import PeerError
from callwright.sip.events import Answered
from callwright.sip.message import Headers, Request, Response, read_number
from callwright.sip.timers import Timer

if TYPE_CHECKING:
    from callwright.sip.call import SipCall

EXPIRES_S = 1800
"What we ask for: the RFC's own advice (§4). A peer that has gone costs a channel for no longer."

EXPIRES_S_MIN = 90
"A shorter one is refused (§5)."

EXPIRES_S_MAX = 86_400
"What a peer may ask for at most; more means the same."

MARGIN_S = 32
"How long before its end a session that nobody refreshed is given up (§10): as long as a request may be repeated."

GLARE_OURS_S, GLARE_THEIRS_S = (2.1, 1.9), (0.0, 2.0)
"The least pause after 491, and what chance may add: of the side that made the Call-ID, and of the other (RFC 3261 §14.1)."

GLARE_MAX = 10
"Refusals with 491 in a row; a peer whose own offer never ends leaves the session to run out."

Refresher = Literal["uac", "uas"]


def expires_s(headers: Headers, name: str = "session-expires") -> int:
    """Seconds of Session-Expires or Min-SE; 0 where there is none that can be read."""
    try:
        return min(read_number(headers.get(name).partition(";")[0], 2**31, name), EXPIRES_S_MAX)
    except PeerError:
        return 0


def too_short(request: Request) -> bool:
    """Whether a peer asks for less than we take, and can be told so: 422."""
    return 0 < expires_s(request.headers) < EXPIRES_S_MIN and supports(request.headers, "timer")


def refresher(headers: Headers) -> Refresher | None:
    for item in headers.get("session-expires").lower().split(";")[1:]:
        name, _, value = item.partition("=")
        if name.strip() == "refresher" and value.strip() in ("uac", "uas"):
            return "uac" if value.strip() == "uac" else "uas"
    return None


def supports(headers: Headers, extension: str) -> bool:
    return extension in headers.tokens("supported") or extension in headers.tokens("require")


class SessionTimer:
    """Of one call, once it is answered."""

    __slots__ = ("_call", "_expires_s", "_glares", "_ours", "_pending", "_refused_update", "_timer")

    def __init__(self, call: "SipCall") -> None:
        self._call = call
        self._expires_s = 0
        self._ours = False
        "It is our turn to refresh."

        self._refused_update = False
        self._glares = 0
        self._pending: Request | None = None
        self._timer: Timer | None = None

    @property
    def inviting(self) -> bool:
        """A re-INVITE of ours has no final answer yet."""
        return self._pending is not None and self._pending.method == "INVITE"

    @property
    def _by_update(self) -> bool:
        return not self._refused_update and bool(self._call.told.allows("update"))

    def offered(self, request: Request) -> list[tuple[str, str]]:
        """Agree to what the peer's INVITE or UPDATE asks for: the header fields of our 2xx.

        Where it knows timers and asks for none, we do (§9): a caller that has gone while it holds would be waited for."""
        self._call.told.heard(request.headers)
        asked, who = expires_s(request.headers), refresher(request.headers)
        knows = supports(request.headers, "timer")
        if not asked and not knows:
            # Nobody asked, or nobody asks any more.
            self.stop()
            return []
        if not asked:
            asked, who = max(EXPIRES_S, expires_s(request.headers, "min-se")), "uas"
        who = (who or "uac") if knows else "uas"
        asked = max(asked, EXPIRES_S_MIN)
        self._agree(asked, ours=who == "uas")
        answer = [("session-expires", f"{asked};refresher={who}")]
        # Who refreshes has to know that it must (§9).
        return [*answer, ("require", "timer")] if who == "uac" else answer

    def answered(self, response: Response) -> None:
        """Agree to what a 2xx to our INVITE or UPDATE says."""
        self._call.told.heard(response.headers)
        if agreed := expires_s(response.headers):
            self._agree(max(agreed, EXPIRES_S_MIN), ours=refresher(response.headers) != "uas")
        else:
            self.stop()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None

    def _agree(self, expires: int, *, ours: bool) -> None:
        self._expires_s, self._ours = expires, ours
        self._glares = 0
        last = expires - min(MARGIN_S, expires / 3)
        if ours:
            self._after(expires / 2, lambda: self._due(last - expires / 2))
        else:
            self._after(last, self._ran_out)

    def _after(self, seconds: float, due: Callable[[], None]) -> None:
        self.stop()
        self._timer = self._call.agent.wire.after(seconds, due)

    def _due(self, left_s: float) -> None:
        self._after(left_s, self._ran_out)
        self._refresh()

    def _ran_out(self) -> None:
        self._timer = None
        self._call.lost("the session was not refreshed")

    def _refresh(self) -> None:
        call = self._call
        if call.state != "confirmed" or call.dialog is None or self._pending is not None:
            return
        if not self._by_update and call.offering:
            self._glare()
            return
        request = call.within("UPDATE" if self._by_update else "INVITE")
        request.headers.set("supported", "timer")
        self.renews(request)
        self._pending = request
        call.ask(call.dialog, request, lambda response: self._refreshed(request, response))

    def renews(self, request: Request) -> None:
        """A re-INVITE or UPDATE of ours keeps what was agreed on and who refreshes (§7.4); without these fields it ends it."""
        if self._timer is not None:
            request.headers.set("session-expires", f"{self._expires_s};refresher={'uac' if self._ours else 'uas'}")
            request.headers.set("min-se", str(EXPIRES_S_MIN))

    def _refreshed(self, request: Request, response: Response | None) -> None:
        call = self._call
        if request.method == "INVITE" and response is not None and response.status < 300:
            # Each 2xx gets its ACK, also one that comes again.
            call.acknowledge(request, response)
        if self._pending is not request:
            return
        self._pending = None
        if call.state != "confirmed":
            return
        if response is None or response.status in (408, 481):
            self.stop()
            call.lost("the far end has gone")
        elif response.status < 300:
            self.answered(response)
            if response.body:
                call.on_event(Answered(response.body))
        elif response.status == 491:
            self._glare()
        elif response.status == 422:
            self._longer(response)
        elif self._by_update:
            # It said that it takes UPDATE, and does not.
            self._refused_update = True
            self._refresh()

    def _longer(self, response: Response) -> None:
        """Once only: what it asks for then is what it gets."""
        least = expires_s(response.headers, "min-se")
        if least > self._expires_s:
            self._expires_s = least
            self._refresh()

    def _glare(self) -> None:
        """Both sides offered at once: each tries again at another time. The session's own end is waited for meanwhile."""
        self._glares += 1
        if self._glares <= GLARE_MAX:
            self._call.agent.wire.after(self.glare_s, self._refresh)

    @property
    def glare_s(self) -> float:
        """A pause after 491."""
        least, more = GLARE_OURS_S if self._call.is_ours else GLARE_THEIRS_S
        return least + more * self._call.agent.chance()
