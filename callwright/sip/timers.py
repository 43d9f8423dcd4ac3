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
"Timers B, D, F, H, J, L and M: nothing is retransmitted for longer."

CANCELLED_MIN = 1_000
"Fewer cancelled timers than this are not worth sweeping out."


class Timer:
    """One moment; `cancel` and it does nothing."""

    __slots__ = ("_timers", "due")

    def __init__(self, timers: "Timers", due: Callable[[], None]) -> None:
        self._timers = timers
        self.due: Callable[[], None] | None = due

    def cancel(self) -> None:
        # The entry stays in the heap until it is swept or its moment comes, but holds nothing alive.
        if self.due is not None:
            self.due = None
            self._timers.was_cancelled()


class Timers:
    """All timers of one agent. Setting and cancelling one costs O(log n) at most, on average."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = count()
        self._cancelled = 0
        self.sooner: Callable[[], None] = lambda: None
        "Called when a timer is due before all others: the shell sets its alarm anew."

    def __len__(self) -> int:
        return len(self._heap) - self._cancelled

    def at(self, when: float, due: Callable[[], None]) -> Timer:
        timer = Timer(self, due)
        heapq.heappush(self._heap, (when, next(self._order), timer))
        if self._heap[0][2] is timer:
            self.sooner()
        return timer

    def was_cancelled(self) -> None:
        """Most timers of a call never come due. Once they are half of the heap they are swept out in one go."""
        self._cancelled += 1
        if self._cancelled > CANCELLED_MIN and self._cancelled * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].due is not None]
            heapq.heapify(self._heap)
            self._cancelled = 0

    @property
    def next_due(self) -> float | None:
        while self._heap and self._heap[0][2].due is None:
            heapq.heappop(self._heap)
            self._cancelled -= 1
        return self._heap[0][0] if self._heap else None

    def run(self, now: float) -> None:
        """Do everything that is due."""
        while self._heap and self._heap[0][0] <= now:
            _, _, timer = heapq.heappop(self._heap)
            due, timer.due = timer.due, None
            if due is None:
                self._cancelled -= 1
            else:
                due()
