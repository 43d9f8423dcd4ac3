"""Recordings are silent while a program does something private, its own and those of whomever its caller is joined with.

A bridge joins two legs, and an `InnerCall` two that belong to different sessions: after an attended transfer the recording of the
one session would hear what the other one asks.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from callwright.telephony.leg import SipLeg
    from callwright.telephony.media_session import MediaSession


class Hush:
    """Of one leg's recordings. It does not know the leg, which would then be let go by the garbage collector alone."""

    __slots__ = ("_media", "_silent", "own")

    def __init__(self, media: "MediaSession") -> None:
        self._media = media
        self.own = False
        "The leg's own program does something private."

        self._silent = (False, False)

    def fall(self, silent: bool, message: bool) -> None:
        """Let recordings be silent, or hear again; `message`: a caller's message too."""
        if (silent, message) != self._silent:
            self._silent = silent, message
            self._media.mute_recordings(silent, message=message)


def own(leg: "SipLeg", on: bool) -> None:
    """A leg's own program begins something private, or has done with it."""
    leg.hush.own = on
    look(leg)


def look(leg: "SipLeg") -> None:
    """Something may have changed: with whom a leg is joined, or what their programs do."""
    joined = _joined(leg)
    private = {one for one in joined if one.hush.own}
    for one in joined:
        # A message that is private itself is what its own program wants to have.
        one.hush.fall(bool(private), message=bool(private - {one}))


def _joined(leg: "SipLeg") -> "set[SipLeg]":
    """This leg, and all that hear it or are heard, over however many calls of ours."""
    found: set[SipLeg] = set()
    ahead = [leg]
    while ahead:
        one = ahead.pop()
        if one in found or one.ended:
            continue
        found.add(one)
        if one.joint is not None:
            ahead.append(one.joint.beyond(one))
        inner = one.inner
        # Until both have taken their side, they do not hear each other.
        if inner is not None and (other := inner.other.leg) is not None and other.inner is inner.other:
            ahead.append(other)
    return found
