"""Timers without a clock: a heap of moments, and what to do at each. The shell asks when the next one is due."""

import heapq
from collections.abc import Callable
from itertools import count

T1 = 0.5
"Round-trip estimate, seconds (RFC 3261 §17.1.1.1)."

T2 = 4.0
"Longest pause between retransmissions."

T4 = 5.0
"How long a message may linger in the network."

GIVE_UP = 64 * T1


class Timer:
    """One moment; `cancel` and it does nothing."""

    __slots__ = ("due",)

    def __init__(self, due: Callable[[], None]) -> None:
        self.due: Callable[[], None] | None = due

    def cancel(self) -> None:
        # The entry stays in the heap until its moment, but holds nothing alive.
        self.due = None


class Timers:
    """All timers of one agent."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = count()
        self.sooner: Callable[[], None] = lambda: None
        "Called when a timer is due before all others: the shell sets its alarm anew."

    def at(self, when: float, due: Callable[[], None]) -> Timer:
        timer = Timer(due)
        heapq.heappush(self._heap, (when, next(self._order), timer))
        if self._heap[0][2] is timer:
            self.sooner()
        return timer

    @property
    def next_due(self) -> float | None:
        while self._heap and self._heap[0][2].due is None:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def run(self, now: float) -> None:
        """Do everything that is due."""
        while self._heap and self._heap[0][0] <= now:
            _, _, timer = heapq.heappop(self._heap)
            due, timer.due = timer.due, None
            if due is not None:
                due()
