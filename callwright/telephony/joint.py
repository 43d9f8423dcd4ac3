"""Hold across a bridge: whom the far end of one leg puts on hold learns it, as the far end of the other (RFC 3264 §8.4).

    the one describes itself as   the other is told by re-INVITE
    sendonly, c=0.0.0.0           sendonly: music of the one passes
    inactive                      inactive
    sendrecv, recvonly            sendrecv

Of two of which one has not answered, only the caller's holds are passed (by UPDATE, where the far end takes it, else as soon as
it answers), and only the caller's keys: an announcement holds nobody and has no keys, and the direction that early media are
described with is that of an announcement.

What a leg's own far end has said, and what that one was told of the other, its `Negotiation` knows; so both may hold at once,
and a call that takes the place of one of them finds things as they are.
"""

from functools import partial
from typing import TYPE_CHECKING

from callwright.base.errors import PeerError
from callwright.sip import sdp
from callwright.telephony import hush
from callwright.telephony.negotiation import FREE, Negotiation

if TYPE_CHECKING:
    from callwright.telephony.leg import SipLeg


class Joint:
    """Of two legs that are bridged."""

    __slots__ = ("_one", "_other")

    def __init__(self, one: "SipLeg", other: "SipLeg") -> None:
        self._one, self._other = one, other
        one.joint = other.joint = self
        hush.look(one)

    def look(self) -> None:
        """Something may have changed."""
        leave(self._one, self._other.described.held)
        leave(self._other, self._one.described.held)

    def beyond(self, leg: "SipLeg") -> "SipLeg":
        """With whom this one of them is joined."""
        return self._other if leg is self._one else self._one

    def part(self) -> None:
        """Whoever goes on is on nobody's hold any more."""
        self._divide()
        for leg in (self._one, self._other):
            leave(leg, FREE)

    def _divide(self) -> None:
        legs = (self._one, self._other)
        for leg in legs:
            leg.joint = None
        for leg in legs:
            hush.look(leg)

    def takes(self, _leg: "SipLeg", _key: str) -> bool:
        """Whether a key of one of them goes by here, and not by whoever has bridged them."""
        return False

    def left_by(self, leg: "SipLeg") -> None:
        """One of them has ended. The other is told by whoever parts it from this one: most hang up on it."""
        leg.joint = None
        hush.look(self.beyond(leg))


class EarlyJoint(Joint):
    """Of a caller and the far end that it hears before that answers, until they are bridged or one of them ends."""

    __slots__ = ()

    def look(self) -> None:
        leave(self._other, self._one.described.held)

    def part(self) -> None:
        """They are bridged: whatever is held stays so."""
        self._divide()

    def left_by(self, leg: "SipLeg") -> None:
        self.part()

    def takes(self, leg: "SipLeg", key: str) -> bool:
        if leg is self._one:
            self._other.send_keys(key)
        return True


def leave(leg: "SipLeg", direction: str) -> None:
    """Tell the far end of a leg that this is what is left of its stream."""
    if not leg.ended and leg.described.leave(direction):
        leg.reoffer(partial(_told, leg, leg.described))


def _told(leg: "SipLeg", described: Negotiation, answer: str) -> None:
    if leg.described is not described:
        # Of somebody whose place another one has taken.
        return
    if not answer:
        described.refused()
        return
    try:
        leg.connect(described.answers(sdp.parse(answer), changed=True))
    except PeerError:
        # It agreed, and said something that is no use: it is asked for what was before.
        described.refused()
        leave(leg, FREE)
