"""Session ids `serverid;channel;starttime` (docs/compatibility/fuse-call-log.md).

The engine leases a server id when it starts, so an id never repeats across engines and restarts. Inside one
engine a channel is held by one call at a time, and not given out again in the second in which its last session began.
"""

from collections import deque


class Channels:
    """The channels of one engine: 0 to `count - 1`. `now` is UNIX seconds."""

    def __init__(self, server_id: int, count: int) -> None:
        assert 0 < count <= 1000, "a channel has three digits"
        self._server_id = server_id
        self._free = deque(range(count))
        self._began = [-1] * count

    @property
    def free(self) -> int:
        return len(self._free)

    def take(self, now: float) -> int | None:
        """A channel for a call; None while there is none to give."""
        # Least recently freed first: if that one was used in this very second, so were all behind it.
        if not self._free or self._began[self._free[0]] >= int(now):
            return None
        return self._free.popleft()

    def begin(self, channel: int, now: float) -> str:
        """The id of the session that begins on a taken channel."""
        # A clock that was set back must not make an id that was there before.
        second = max(int(now), self._began[channel] + 1)
        self._began[channel] = second
        return f"{self._server_id:06d};{channel:03d};{second}"

    def give_back(self, channel: int) -> None:
        self._free.append(channel)
