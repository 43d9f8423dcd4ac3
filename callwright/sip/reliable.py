"""Answers to an INVITE that are acknowledged: a 2xx by ACK, and a provisional one by PRACK (RFC 3262), ours and the peer's.

The called side repeats such an answer until its PRACK comes, as it does a 2xx. The calling side has a dialog from the
first one on, an early one for each far end that a proxy forked its INVITE to; the 2xx then confirms one of them. A provisional
answer that nobody acknowledges makes such a dialog too, but what it describes answers no offer (RFC 3262 §5).
"""

from collections.abc import Callable
from dataclasses import dataclass

from callwright.sip import dialog as dialogs
from callwright.sip.address import Address
from callwright.sip.dialog import Dialog
from callwright.sip.message import Request, Response, read_number
from callwright.sip.timers import GIVE_UP, T1, T2
from callwright.sip.transaction import ServerTransaction, Wire

EARLY_MAX = 8
"Far ends of one forked INVITE that have an early dialog."

FIRST_RSEQ = 1
"RSeq of our only reliable answer: 180 says all that we have to say before 200."


class Ringing:
    """Our 180, of an INVITE that requires 100rel."""

    __slots__ = ("_data", "_give_up", "_invite_sequence", "_repeat", "_to", "_wire")

    def __init__(
        self, wire: Wire, invite: Request, transaction: ServerTransaction, response: Response, lost: Callable[[], None]
    ) -> None:
        """Send it; `lost`: nobody acknowledged it in 32 s (§3)."""
        response.headers.set("require", "100rel")
        response.headers.set("rseq", str(FIRST_RSEQ))
        self._wire = wire
        self._to = transaction.to
        self._invite_sequence = invite.sequence
        self._data = transaction.respond(response)
        self._again(T1)
        self._give_up = wire.after(GIVE_UP, lost)

    def _again(self, pause: float) -> None:
        def again() -> None:
            self._wire.send_again(self._data, self._to, "response")
            self._again(pause * 2)

        self._repeat = self._wire.after(pause, again)

    def stop(self) -> None:
        self._give_up.cancel()
        self._repeat.cancel()

    def acknowledged(self, prack: Request) -> bool:
        """Whether a PRACK means this answer (§7.2)."""
        words = prack.headers.get("rack").split()
        if words != [str(FIRST_RSEQ), str(self._invite_sequence), "INVITE"]:
            return False
        self.stop()
        return True


class Accepted:
    """Our 2xx to an INVITE, repeated until its ACK comes (RFC 3261 §13.3.1.4)."""

    __slots__ = ("_data", "_give_up", "_repeat", "_sequence", "_to", "_wire")

    def __init__(
        self, wire: Wire, invite: Request, transaction: ServerTransaction, data: bytes, lost: Callable[[], None]
    ) -> None:
        """It was sent as `data`; `lost`: nobody acknowledged it in 32 s."""
        self._wire = wire
        self._to = transaction.to
        self._sequence = invite.sequence
        self._data = data
        self._again(T1)
        self._give_up = wire.after(GIVE_UP, lost)

    def _again(self, pause: float) -> None:
        def again() -> None:
            self._wire.send_again(self._data, self._to, "response")
            self._again(min(pause * 2, T2))

        self._repeat = self._wire.after(pause, again)

    def stop(self) -> None:
        self._give_up.cancel()
        self._repeat.cancel()

    def acknowledged(self, ack: Request) -> bool:
        """Whether an ACK means this answer; one for an earlier INVITE does not."""
        if ack.sequence != self._sequence:
            return False
        self.stop()
        return True


@dataclass(slots=True)
class _Early:
    """A far end that has not answered."""

    dialog: Dialog
    rseq: int = 0
    "Its last; 0: none of its answers was to be acknowledged."

    description: str = ""
    "That it brought: the answer to our offer."

    takes_update: bool = False
    "It says so (RFC 3311 §4)."

    ours: str = ""
    "The description that it has of us, where that was changed by UPDATE since, and with it the one that it brought."


class EarlyDialogs:
    """Of an INVITE of ours, by To tag."""

    __slots__ = ("_found", "_over")

    def __init__(self) -> None:
        self._found: dict[str, _Early] = {}
        self._over: set[str] = set()
        "Of far ends that hung up: they begin none again."

    def told(self, invite: Request, response: Response, peer: Address) -> tuple[Dialog, Request] | None:
        """A provisional answer: the dialog and the PRACK that it asks for. None where it asks for none, where it came before,
        or out of order (§4). Raises `PeerError`."""
        if "100rel" not in response.headers.tokens("require") or not response.to_tag:
            return None
        number = read_number(response.headers.get("rseq"), 2**31, "RSeq")
        known = self._found.get(response.to_tag)
        if known is None:
            if len(self._found) >= EARLY_MAX:
                return None
            known = self._found[response.to_tag] = _Early(dialogs.from_answer(invite, response, peer), number)
        elif known.rseq and number != known.rseq + 1:
            return None
        known.rseq, known.description = number, self.news(response) or known.description
        if allow := response.headers.tokens("allow"):
            known.takes_update = "update" in allow
        prack = known.dialog.request("PRACK")
        prack.headers.set("rack", f"{number} {invite.sequence} INVITE")
        return known.dialog, prack

    def begin(self, invite: Request, response: Response, peer: Address) -> None:
        """A provisional answer that nobody acknowledges begins one (RFC 3261 §12.1). Raises `PeerError`."""
        if len(self._found) < EARLY_MAX and response.to_tag not in self._over:
            self._found[response.to_tag] = _Early(dialogs.from_answer(invite, response, peer))

    def find(self, tag: str) -> tuple[Dialog, str] | None:
        """The dialog of a far end, and the description that it brought."""
        known = self._found.get(tag)
        return (known.dialog, known.description) if known else None

    def only(self, *, updates: bool = False) -> Dialog | None:
        """That of the far end, where one alone has answers acknowledged; `updates`: and it takes another offer of ours, having
        answered the first one (RFC 3311 §5.1)."""
        found = [one for one in self._found.values() if one.rseq]
        if len(found) != 1:
            return None
        (one,) = found
        return one.dialog if not updates or (one.takes_update and one.description) else None

    def describe(self, dialog: Dialog, theirs: str, ours: str) -> None:
        """What its far end and we have said by UPDATE, of its own or of ours."""
        if known := self._found.get(dialog.remote_tag):
            known.description, known.ours = theirs, ours

    def news(self, response: Response) -> str:
        """The description in an answer to our INVITE; empty where there is none, or one by UPDATE is newer: all that is said to our
        first offer says the same (RFC 3261 §13.2.1). Raises `PeerError`."""
        known = self._found.get(response.to_tag)
        return "" if known is not None and known.ours else response.body

    def drop(self, tag: str) -> None:
        self._found.pop(tag, None)
        self._over.add(tag)

    def confirmed(self, invite: Request, response: Response, peer: Address) -> tuple[Dialog, str, str]:
        """The dialog of a 2xx, which goes on with the numbers of its early one, the peer's description, and the one that it has of
        us. Raises `PeerError`."""
        dialog, news = dialogs.from_answer(invite, response, peer), self.news(response)
        known = self._found.pop(response.to_tag, None)
        if known is None:
            return dialog, response.body, invite.body
        # The same object: what was asked in it before may have to be asked again.
        early = known.dialog
        early.target, early.routes = dialog.target, dialog.routes
        # The connection that it asked something on meanwhile.
        early.connection = dialog.connection and (early.connection or dialog.connection)
        return early, news or known.description, known.ours or invite.body
