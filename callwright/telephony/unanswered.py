"""A caller that hears ringing, or early media: its leg before it is answered, for calls that are connected and run no application.

ringing --somebody has answered: `answer`--> as any other leg
   |  \\--nobody has: `hang_up` with the `refusal`--> ended
   \\--CANCEL--> ended
"""

from collections.abc import Sequence

from callwright.base.errors import PeerError
from callwright.ports.leg import Frames, LegEnded
from callwright.sip import sdp
from callwright.sip.call import SipCall
from callwright.telephony.leg import SipLeg
from callwright.telephony.plane import MediaPlane

_PASSED = frozenset({403, 404, 410, 480, 484, 486, 488, 500, 502, 504})
"Of 4xx and 5xx, those that say something of the callee, or of the way there."


def passed(status: int) -> int:
    """What the caller is told of a far end that refused with this; 0: that nobody could ask.

    What concerns our INVITE, our password, or where we might ask instead is not the caller's (480). A 503 would have it
    think that it is we who have no room (RFC 3261 §16.7).
    """
    if status in (401, 407):
        return 403
    if status == 503:
        return 500
    return status if status in _PASSED or status >= 600 else 480


class UnansweredLeg(SipLeg):
    """Made by `ringing`. Until it is answered nothing is played to it."""

    def __init__(self, plane: MediaPlane, host: str) -> None:
        super().__init__(plane, host)
        self._description = ""
        self._is_answered = self._is_early = False
        self.refusal = 480
        "How the caller is refused where nobody answers."

    @classmethod
    def ringing(cls, call: SipCall, plane: MediaPlane, host: str) -> "UnansweredLeg":
        """Raises as `SipLeg.incoming` does."""
        leg = cls(plane, host)
        try:
            leg._description = leg.described.answer(sdp.parse(call.offer)) if call.offer else leg.described.offer()
        except PeerError:
            leg._media.close()
            raise
        leg._take(call)
        return leg

    @property
    def was_answered(self) -> bool:
        return self._is_answered

    def ring(self) -> None:
        """It rings somewhere: 180."""
        assert self._call is not None
        if not self._is_early:
            self._call.ring()

    def overhear(self, other: SipLeg) -> None:
        """By a 183, whose description the 200 has as well. A caller that offered nothing could not answer it."""
        if self.ended or self._is_answered or self._call is None or not self._call.offer:
            return
        try:
            self.connect(self.described.answered())
        except PeerError:
            # That there is no place to send audio to, `answer` tells.
            return
        self._is_early = True
        self._call.ring(self._description)
        super().overhear(other)

    def answer(self) -> None:
        """200. Raises `PeerError` where the caller's description has no place to send audio to."""
        if self.ended or self._is_answered:
            return
        assert self._call is not None
        if self._call.offer:
            self.connect(self.described.answered())
        self._is_answered = True
        self._call.answer(self._description)

    def play(self, frames: Sequence[Frames], mark: int, *, again: bool = False) -> None:
        if self._is_answered:
            super().play(frames, mark, again=again)

    def hang_up(self) -> None:
        if self._is_answered or self.ended:
            super().hang_up()
            return
        assert self._call is not None
        self._call.reject(self.refusal)
        self.end(LegEnded("local", f"refused with {self.refusal}"))
