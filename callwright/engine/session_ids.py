"""Session ids `serverid;channel;starttime` (docs/compatibility/fuse-call-log.md).

The engine leases server ids of a thousand channels each when it starts, and they are never given out twice: an id does
not repeat across engines and restarts, whatever their clocks say. Inside one engine a channel is held by one call at a time,
and not given out again in the second in which its last session began. An engine has more channels than it carries calls, so
that short calls do not run out of them within a second.
"""

import heapq
from collections.abc import Sequence

CHANNELS = 1000
"Of one server id: a channel has three digits."


class Channels:
    """The channels of one engine, for `most` calls at once. `now` is UNIX seconds."""

    def __init__(self, server_ids: Sequence[int], most: int) -> None:
        assert 0 < most <= CHANNELS * len(server_ids)
        self._server_ids = server_ids
        self._most = most
        self._held = 0
        self._began = [-1] * (CHANNELS * len(server_ids))
        self._free = [(-1, channel) for channel in range(len(self._began))]
        "A heap of (second in which its last session began, channel)."

    @property
    def free(self) -> int:
        return self._most - self._held

    def take(self, now: float) -> int | None:
        """A channel for a call; None while there is none to give."""
        # The one whose last session began the longest ago: if it began in this very second, so did all others.
        if self._held == self._most or self._free[0][0] >= int(now):
            return None
        self._held += 1
        return heapq.heappop(self._free)[1]

    def begin(self, channel: int, now: float) -> str:
        """The id of the session that begins on a taken channel."""
        # A clock that was set back must not make an id that was there before.
        second = max(int(now), self._began[channel] + 1)
        self._began[channel] = second
        return f"{self._server_ids[channel // CHANNELS]:06d};{channel % CHANNELS:03d};{second}"

    def give_back(self, channel: int) -> None:
        self._held -= 1
        heapq.heappush(self._free, (self._began[channel], channel))
