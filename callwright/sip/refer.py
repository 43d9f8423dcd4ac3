"""REFER (RFC 3515) within a call: one side asks the other to call somebody, and is told what comes of it by NOTIFY.

Ours:   asked --2xx--> accepted --NOTIFY with a final status, or the end of the subscription--> `Referred`
           \\--refused, no answer--> `Referred`        (a peer that wants no subscription, RFC 4488: `Referred` at once)
Theirs: REFER --the owner permits: 202, NOTIFY 100--> under way --the owner tells a final status: NOTIFY--> over

Each is one at a time for each call. A NOTIFY may come before the 2xx that it follows (§2.4.4). The subscription that theirs
makes lives on when its call ends (RFC 5057 §4.1): who asked for a transfer often hangs up at once.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from callwright.base.errors import PeerError
from callwright.sip.address import name_address, uri
from callwright.sip.events import Referred
from callwright.sip.message import Request, Response, Unreadable
from callwright.sip.replaces import Replaces, replaces
from callwright.sip.subscription import FRAGMENT, REFER_S_MAX, Subscription, event_id, printable
from callwright.sip.timers import Timer
from callwright.sip.transaction import ServerTransaction

if TYPE_CHECKING:
    from callwright.sip.call import SipCall

_STATUS = re.compile(r"SIP/2\.0 ([1-6][0-9]{2})(?: ([^\r\n]*))?")
_METHOD = re.compile(r";method=(?!invite(?:[;?]|$))", re.IGNORECASE)


@dataclass(slots=True)
class Referral:
    """What a peer asks of us. Its owner says by `tell` what came of it."""

    target: str
    "The URI to call, without header fields."

    replaced: Replaces | None
    "There, to take the place of this call."

    here: "SipCall | int | None" = None
    "That call, where it is one of ours; a status, where it would be and cannot be replaced."

    by: str = ""
    "Referred-By (RFC 3892), for the INVITE; empty where there is none."

    tell: Callable[[int, str, Callable[[], None]], None] = lambda *_: None
    """The status of our INVITE, once it is final, and what to do when the peer has heard of it, or will not. Only the first
    counts."""

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Of our INVITE."""
        by = (("referred-by", self.by),) if self.by else ()
        return (*by, ("replaces", str(self.replaced))) if self.replaced else by


class Refers:
    """Of one call, both ways."""

    __slots__ = ("_asked", "_call", "_ours", "_theirs", "_waiting")

    def __init__(self, call: "SipCall") -> None:
        self._call = call
        self._ours: Timer | None = None
        "Until it is known what came of our REFER."

        self._asked = 0
        "Its CSeq."

        self._theirs: Subscription | None = None
        self._waiting: tuple[str, SipCall | None] | None = None
        "What we ask once our 2xx has its ACK: the peer knows of no call before it has that."

    def confirmed(self) -> None:
        """The ACK came."""
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            self.ask(*waiting)

    def over(self) -> None:
        """The call has ended: nobody waits for what comes of ours."""
        if self._ours is not None:
            self._ours.cancel()
        self._ours = self._waiting = None

    # -- ours ----------------------------------------------------------------------------------

    def ask(self, target: str, replaced: "SipCall | None") -> None:
        call = self._call
        assert call.dialog is not None
        if call.answering:
            self._waiting = target, replaced
            return
        if self._ours is not None:
            call.on_event(Referred(491, "another transfer is under way", tried=False))
            return
        if replaced is not None and replaced.dialog is not None:
            dialog = replaced.dialog
            named = Replaces(dialog.call_id, dialog.remote_tag, replaced.tag)
            target += f"{'&' if '?' in target else '?'}Replaces={named.in_uri}"
        request = call.dialog.request("REFER")
        request.headers.set("refer-to", f"<{target}>")
        request.headers.set("referred-by", f"<{name_address(call.dialog.local).uri}>")
        self._asked = request.sequence
        self._ours = call.agent.wire.after(REFER_S_MAX, lambda: self._done(408, "nothing came of it"))
        call.ask(call.dialog, request, lambda response: self._answered(request, response))

    def _answered(self, request: Request, response: Response | None) -> None:
        # A challenge has given it another number.
        self._asked = request.sequence
        if response is None:
            self._done(408, "No answer", tried=False)
        elif response.status >= 300:
            self._done(response.status, response.reason, tried=False)
        elif response.headers.get("refer-sub").strip().lower() == "false":
            self._done(202, response.reason)

    def _done(self, status: int, reason: str, *, tried: bool = True) -> None:
        if self._ours is not None:
            self.over()
            self._call.on_event(Referred(status, reason, tried))

    def notified(self, request: Request, transaction: ServerTransaction) -> None:
        """A NOTIFY came."""
        reply = self._call.agent.reply
        package = request.headers.get("event").partition(";")[0]
        number = event_id(request)
        if package.strip().lower() != "refer":
            reply(request, transaction, 489, allow_events="refer")
        elif self._ours is None or (number and number != str(self._asked)):
            reply(request, transaction, 481)
        elif request.media_type not in ("", FRAGMENT):
            reply(request, transaction, 415, accept=FRAGMENT)
        else:
            reply(request, transaction, 200)
            found = _STATUS.match(request.body)
            status = int(found[1]) if found else 0
            if status >= 200:
                self._done(status, printable(found[2] or "") if found else "")
            elif request.headers.get("subscription-state").strip().lower().startswith("terminated"):
                self._done(480, "the far end tells no more of it")

    # -- the peer's ----------------------------------------------------------------------------

    def asked(self, request: Request, transaction: ServerTransaction) -> None:
        """A REFER came. Raises `PeerError`."""
        call, reply = self._call, self._call.agent.reply
        referral = referral_of(request)
        if call.on_refer is None or call.state not in ("answered", "confirmed"):
            reply(request, transaction, 403)
            return
        if self._theirs is not None and not self._theirs.over:
            reply(request, transaction, 491)
            return
        subscription = Subscription(call, request, first=self._theirs is None)
        referral.tell = subscription.tell
        referral.here = self._here(referral)
        self._theirs = subscription
        status = call.on_refer(referral)
        if status >= 300:
            subscription.over = True
            reply(request, transaction, status)
        elif subscription.quiet:
            reply(request, transaction, 202, refer_sub="false", contact=call.agent.contact)
        else:
            reply(request, transaction, 202, contact=call.agent.contact)
        subscription.begin()

    def _here(self, referral: Referral) -> "SipCall | int | None":
        """By its tags, whatever place the peer names: our Contact, or the way there that it knows."""
        if referral.replaced is None:
            return None
        agent = self._call.agent
        found = agent.meant(referral.replaced)
        return None if found == 481 and uri(referral.target).address != agent.address else found


def referral_of(request: Request) -> Referral:
    """Raises `Unreadable` where it does not name exactly one place that an INVITE can go to (§2.4.2)."""
    places = request.headers.all("refer-to")
    if len(places) != 1:
        raise Unreadable("More Than One Refer-To" if places else "Missing Refer-To")
    try:
        target, replaced = _place(name_address(places[0]).uri)
    except PeerError as error:
        raise Unreadable("Bad Refer-To", str(error)) from None
    by = request.headers.get("referred-by")
    return Referral(target, replaced, by=by if by.isprintable() else "")


def _place(named: str) -> tuple[str, Replaces | None]:
    if _METHOD.search(named):
        raise PeerError(f"a REFER to something else than an INVITE: {named[:60]!r}")
    target, _, fields = named.partition("?")
    uri(target)
    replaced = None
    for item in fields.split("&"):
        name, _, value = item.partition("=")
        if name.lower() == "replaces":
            if replaced is not None:
                raise PeerError("two Replaces")
            replaced = replaces(unquote(value))
    return target, replaced
