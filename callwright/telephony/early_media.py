"""Whoever waits for a far end to answer, and what it hears meanwhile.

A network that describes audio before it answers (183) may speak of what is the matter, or play a ringback of its own: early
media (RFC 3960). They are heard from their first packet on, so that a far end that describes audio and sends none leaves the
caller its ringback. Audio passes both ways, as after the answer; of keys and holds those of the caller (`joint.EarlyJoint`).
"""

from callwright.base.errors import PeerError
from callwright.sip import sdp
from callwright.telephony.leg import SipLeg
from callwright.telephony.unanswered import UnansweredLeg


class Waiting:
    """A caller, whether or not it has been answered itself, and one far end that it waits for."""

    def __init__(self, leg: SipLeg, *, overhears: bool) -> None:
        """`overhears`: it hears early media. Not where several far ends ring, or an author chose what is played meanwhile."""
        self._leg, self._overhears = leg, overhears

    def rings(self, far_end: SipLeg, description: str) -> None:
        """The far end said that it rings, or described its early media."""
        if isinstance(self._leg, UnansweredLeg):
            self._leg.ring()
        if not description or not self._overhears:
            return
        try:
            far_end.connect(far_end.described.answers(sdp.parse(description)))
        except PeerError:
            # The answer describes it again, and that one has to be right.
            return

    def hears(self, far_end: SipLeg) -> None:
        """The first packet came before the answer."""
        if self._overhears:
            self._leg.overhear(far_end)
