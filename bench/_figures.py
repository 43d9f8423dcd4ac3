"""What every figure needs: how slow the machine is just now, its spread, and whether a target is met."""

import statistics
import time
from collections.abc import Callable, Sequence

LOOP_MS = 0.9
"CPU of `_loop` on the machine of docs/reference/performance.md in a quick hour: slowness 1."


def slowness() -> float:
    """How many times as long the same work takes now as on a quick machine. Best asked often, while a figure is taken."""
    before = time.thread_time()
    _loop()
    return (time.thread_time() - before) * 1000 / LOOP_MS


def _loop() -> None:
    x = 0
    for i in range(20_000):
        x = (x * 31 + i) & 0xFFFFFF


def repeated(work: Callable[[], object], times: int, clock: Callable[[], float] = time.process_time) -> "Figure":
    """The seconds of each of so many runs, with the slowness around them."""
    seconds, slow = [], []
    for _ in range(times):
        slow.append(slowness())
        before = clock()
        work()
        seconds.append(clock() - before)
    return Figure(seconds, slow)


class Figure:
    """Seconds that were measured, and the slowness meanwhile."""

    def __init__(self, seconds: Sequence[float], slow: Sequence[float]) -> None:
        self._seconds = sorted(seconds)
        self.slowness = statistics.median(slow)

    def ms(self, percentile: int) -> float:
        return self._seconds[min(len(self._seconds) * percentile // 100, len(self._seconds) - 1)] * 1000

    def __str__(self) -> str:
        return f"p50 {self.ms(50):7.2f} ms   p99 {self.ms(99):7.2f} ms   slowness {self.slowness:.2f}"


def verdict(value: float, target: float, slow: float, *, at_least: bool = False) -> str:
    """Whether a figure is on the right side of its target: as it was measured, or else on a quick machine."""

    def met(value: float) -> bool:
        return value >= target if at_least else value < target

    if met(value):
        return "met"
    return "met at slowness 1 only" if met(value * slow if at_least else value / slow) else "MISSED"
