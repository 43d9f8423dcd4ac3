"""Servers that failed lately: they are tried last for a while (RFC 3263 §4.3, RFC 3261 §21.5.4).

Without it every call would wait anew for a server that is mute. When the time is over one call tries it again, and the others
meanwhile do not; an answer other than 503 ends it. Where all have failed, the order is that of DNS, as if none had.
"""

from collections import OrderedDict
from collections.abc import Sequence

from callwright.sip.locating import Place
from callwright.sip.message import Response, seconds

OUT_S = 30.0
"One that said nothing, that nobody could be connected to, or that answered 503 without saying for how long."

RETRY_AFTER_S_MAX = 600.0
"A 503 is believed so far: a server that means hours may be there again in minutes, and then it is found out by one call."

TRIED_S = 5.0
"While one call tries a server again: longer than a call is patient with one that says nothing."

OUTAGES_MAX = 1_000
"Servers that are remembered; the one that failed longest ago is forgotten first."


class Outages:
    """Of one engine. Times are of one clock, in seconds."""

    def __init__(self) -> None:
        self._until: OrderedDict[Place, float] = OrderedDict()
        "When each is tried again."

    def __len__(self) -> int:
        return len(self._until)

    def failed(self, place: Place, now: float, retry_after_s: float = 0) -> None:
        """`retry_after_s`: as its 503 says; 0 where it does not."""
        self._until[place] = now + (min(retry_after_s, RETRY_AFTER_S_MAX) or OUT_S)
        self._until.move_to_end(place)
        if len(self._until) > OUTAGES_MAX:
            self._until.popitem(last=False)

    def serves(self, place: Place) -> None:
        """It answered."""
        if self._until:
            self._until.pop(place, None)

    def learn(self, place: Place, answer: Response | None, now: float) -> None:
        """Of what it answered to a request; None: nothing, or nobody could be asked."""
        if answer is None or answer.status == 503:
            said_s = seconds(answer.headers, "retry-after", int(RETRY_AFTER_S_MAX)) if answer else 0
            self.failed(place, now, said_s)
        else:
            self.serves(place)

    def in_order(self, places: Sequence[Place], now: float) -> list[Place]:
        """These servers of one name as they are to be tried now."""
        if not self._until:
            return list(places)
        first, last = [], []
        for place in places:
            until = self._until.get(place)
            if until is None:
                first.append(place)
            elif until <= now and not first:
                self._until[place] = now + TRIED_S
                first.append(place)
            else:
                last.append(place)
        return first + last
