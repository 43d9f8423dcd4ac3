"""Session ids `serverid;channel;starttime` (docs/compatibility/fuse-call-log.md).

The engine leases a server id when it starts, so an id never repeats across engines and restarts. Inside one
engine a channel is held by one call at a time and not given out again in the second in which it was last given.
"""

from collections import deque

from callwright.base.errors import ProviderError


class Channels:
    """The channels of one engine: 0 to `count - 1`."""

    def __init__(self, server_id: int, count: int) -> None:
        assert 0 < count <= 1000, "a channel has three digits"
        self._server_id = server_id
        self._free = deque(range(count))
        self._given_at: dict[int, int] = {}

    @property
    def free(self) -> int:
        return len(self._free)

    def take(self, now: float) -> tuple[int, str]:
        """A free channel and the session id of the call on it. Raises `ProviderError` when all are taken."""
        second = int(now)
        # Least recently freed first, so the first one will do unless every channel turned over in this second.
        for _ in range(len(self._free)):
            channel = self._free.popleft()
            if self._given_at.get(channel) != second:
                self._given_at[channel] = second
                return channel, f"{self._server_id:06d};{channel:03d};{second}"
            self._free.append(channel)
        raise ProviderError("All channels of this engine are taken", retryable=True)

    def give_back(self, channel: int) -> None:
        self._free.append(channel)
