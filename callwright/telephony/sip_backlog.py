"""Calls that have come and wait for their turn.

Past what a core can do, messages wait: first here, then in the socket. Were they served as they come, those of calls that are
there would wait behind new ones, everybody would send again what was not answered in time, and nothing would be done but
answering twice. So new calls (INVITE, and the CANCEL that must not pass one) stand in a line of their own, which moves a few
milliseconds at a time; everything else goes before it. Whoever would wait longer than `LATE_S` is turned away on coming, which
costs a fraction of a call; and whoever has waited for nearly as long as it takes until a peer asks again, since that
second time may have been turned away.

A message that comes again while it stands in line is dropped, for it will be answered; one that was turned away is turned away
again. So a call is either taken or turned away, however long the loop was held up and whatever the socket held meanwhile.
"""

import re
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable

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

REFUSED_KEPT_S = 4.0
"Until then whoever was turned away, and did not hear it, asks again (T1 doubled three times)."

REFUSED_KEPT_MAX = 20_000

_USUAL_TO = b"\r\nTo: "
_WITHIN_A_CALL = re.compile(rb"\n(?:to|t)[ \t]*:[^\r\n]*;[ \t]*tag[ \t]*=", re.I)


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
        self._waiting: deque[tuple[float, int, Callable[[bool], None]]] = deque()
        self._standing: set[int] = set()
        "Hashes of what stands in line."

        self._refused: OrderedDict[int, float] = OrderedDict()
        "Of what was turned away, until when that is remembered."

    @property
    def is_late(self) -> bool:
        """Who comes now would wait too long."""
        if not self._waiting:
            return False
        return len(self._waiting) * self._pace_s > LATE_S or self._clock() - self._waiting[0][0] > LATE_S

    def takes(self, message: bytes) -> bool:
        """Whether it is of a kind that stands in line: INVITE or CANCEL, and not within a call."""
        return message.startswith((b"INVITE ", b"CANCEL ")) and not _is_within_a_call(message)

    def come(self, message: Hashable, serve: Callable[[bool], None], *, waits: bool = False) -> None:
        """This came, with its source. `serve` is called once, now or later, and told whether it is turned away; not at all for what
        stands in line already. `waits`: however long (CANCEL, which may not pass its INVITE)."""
        key = hash(message)
        if key in self._standing:
            return
        if not waits and (self.is_late or self._refused.get(key, 0.0) > self._clock()):
            self._refuse(key)
            serve(True)
            return
        now = self._clock()
        if not self._waiting:
            self._soon(self._turn)
            self._first_since = now
        self._standing.add(key)
        self._waiting.append((now, key, serve))

    def _refuse(self, key: int) -> None:
        now = self._clock()
        self._refused[key] = now + REFUSED_KEPT_S
        self._refused.move_to_end(key)
        while len(self._refused) > REFUSED_KEPT_MAX or next(iter(self._refused.values())) <= now:
            self._refused.popitem(last=False)

    def _turn(self) -> None:
        """Serve one at least, so that the line moves whatever comes."""
        end = self._clock() + (TURN_S if self._all_read() else 0)
        try:
            while True:
                # The first stays until it has been served: `come` asks for one turn at a time.
                came_at, key, serve = self._waiting[0]
                too_late = self._clock() - came_at > WAIT_S_MAX
                if too_late:
                    self._refuse(key)
                serve(too_late)
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
        self._standing.discard(self._waiting.popleft()[1])
        now = self._clock()
        self._pace_s += (min(now - self._first_since, STEP_S_MAX) - self._pace_s) / PACE_OF
        self._first_since = now
        return bool(self._waiting)


def _is_within_a_call(message: bytes) -> bool:
    """Whether To has a tag."""
    at = message.find(_USUAL_TO)
    if at >= 0:
        return b";tag=" in message[at : message.find(b"\r\n", at + 2)]
    return _WITHIN_A_CALL.search(message) is not None
