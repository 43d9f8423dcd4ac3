"""Calls that have come and wait for their turn.

Past what a core can do, messages wait: first here, then in the socket. Were they served as they come, those of calls that are
there would wait behind new ones, everybody would send again what was not answered in time, and nothing would be done but
answering twice. So new calls (INVITE, and the CANCEL that must not pass one) stand in a line of their own, which moves a few
milliseconds at a time; everything else goes before it. Whoever would wait longer than `LATE_S` is turned away on coming, which
costs a fraction of a call; and whoever has waited for nearly as long as it takes until a peer asks again, since that
second time may have been turned away.
"""

from collections import deque
from collections.abc import Callable

LATE_S = 0.25
"Half of what a peer waits until it asks again (RFC 3261 §17.1.1.2, T1)."

WAIT_S_MAX = 0.45
"A little less than all of it."

TURN_S = 0.005
"Then whatever has come for the calls that are there is read; the media clock steps twice in it."

PACE_OF = 32
"Calls whose pace is looked at, the last ones most."

STEP_S_MAX = 0.05
"A longer pause of the line says nothing of its pace."

_IN_LINE = (b"INVITE ", b"CANCEL ")


class Backlog:
    """The line of one user agent."""

    def __init__(
        self, clock: Callable[[], float], soon: Callable[[Callable[[], None]], object], all_read: Callable[[], bool]
    ) -> None:
        """`soon` has something done after what has come by then: a loop's `call_soon`. `all_read`: nothing waits in the socket,
        where it is not known how long it has waited."""
        self._clock, self._soon, self._all_read = clock, soon, all_read
        self._pace_s = 0.0
        "How long the first of the line stays so."

        self._first_since = 0.0
        self._waiting: deque[tuple[float, Callable[[bool], None]]] = deque()

    @property
    def is_late(self) -> bool:
        """Who comes now would wait too long."""
        if not self._waiting:
            return False
        return len(self._waiting) * self._pace_s > LATE_S or self._clock() - self._waiting[0][0] > LATE_S

    def takes(self, message: bytes) -> bool:
        """Whether it is of a kind that stands in line."""
        return message.startswith(_IN_LINE)

    def put(self, serve: Callable[[bool], None]) -> None:
        """Behind those that wait. `serve` is told whether it has been too long."""
        now = self._clock()
        if not self._waiting:
            self._soon(self._turn)
            self._first_since = now
        self._waiting.append((now, serve))

    def _turn(self) -> None:
        """Serve one at least, so that the line moves whatever comes."""
        end = self._clock() + (TURN_S if self._all_read() else 0)
        try:
            while True:
                # The first stays until it has been served: `put` asks for one turn at a time.
                came_at, serve = self._waiting[0]
                serve(self._clock() - came_at > WAIT_S_MAX)
                if not self._next() or self._first_since >= end:
                    break
        except Exception:
            self._next()
            raise
        finally:
            if self._waiting:
                self._soon(self._turn)

    def _next(self) -> bool:
        """Whether there is one."""
        self._waiting.popleft()
        now = self._clock()
        self._pace_s += (min(now - self._first_since, STEP_S_MAX) - self._pace_s) / PACE_OF
        self._first_since = now
        return bool(self._waiting)
