"""Recordings are silent while a program does something private, its own and those of whomever its caller is joined with.

A bridge joins two legs, and an `InnerCall` two that belong to different sessions: after an attended transfer the recording of the
one session would hear what the other one asks.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from callwright.telephony.leg import SipLeg
    from callwright.telephony.media_session import MediaSession


class Hush:
    """Of one leg's recordings."""

    __slots__ = ("_leg", "_media", "_own", "_silent")

    def __init__(self, leg: "SipLeg", media: "MediaSession") -> None:
        self._leg, self._media = leg, media
        self._own = False
        "By the word of the leg's own program."

        self._silent = False

    def own(self, on: bool) -> None:
        """The program begins something private, or has done with it."""
        self._own = on
        self.look()

    def look(self) -> None:
        """Something may have changed: with whom the leg is joined, or what their programs do."""
        joined = self._joined()
        silent = any(leg.hush._own for leg in joined)
        for leg in joined:
            leg.hush._set(silent)

    def _set(self, silent: bool) -> None:
        if silent != self._silent:
            self._silent = silent
            self._media.mute_recordings(silent)

    def _joined(self) -> "set[SipLeg]":
        """This leg, and all that hear it or are heard, over however many calls of ours."""
        found: set[SipLeg] = set()
        ahead = [self._leg]
        while ahead:
            leg = ahead.pop()
            if leg in found or leg.ended:
                continue
            found.add(leg)
            if leg.joint is not None:
                ahead.append(leg.joint.beyond(leg))
            inner = leg.inner
            # Until both have taken their side, they do not hear each other.
            if inner is not None and (other := inner.other.leg) is not None and other.inner is inner.other:
                ahead.append(other)
        return found
