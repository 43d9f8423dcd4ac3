"""What strangers may ask of us: limits for each source address, and which of them are not listened to for a while.

A stranger is whoever is neither a trunk's address nor a telephone that is registered. Scanners try thousands of user names
and passwords from one address; they get no answer after the first few, and then cost one look into a dictionary for each
datagram. An IPv6 source is its /64, since whoever has one address there has them all.
"""

from collections import OrderedDict
from dataclasses import dataclass
from ipaddress import IPv6Address

REQUESTS_PER_S = 20.0
"""Of one source. A telephone sends a few requests when it starts and one a minute after; an office of hundreds behind one
address stays below it."""

BURST = 60.0
"Requests at once: an office whose power comes back."

SILENT_S = 10.0
"How long a source that asks more is not listened to."

FAILURES_MAX = 10
"Wrong passwords and unknown users of one source in `FAILURES_S`: more than a person mistypes, less than a guess needs."

FAILURES_S = 300.0
BANNED_S = 600.0
"Then it is not listened to for so long."

SOURCES_MAX = 10_000
"Sources that are known at once, the least recently heard goes first: under a flood of forged addresses it costs a few MB."


@dataclass(slots=True)
class _Source:
    tokens: float
    at: float
    failures: int = 0
    failures_since: float = 0.0
    silent_until: float = 0.0


class Sources:
    """The strangers. Times are of one clock, in seconds."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, _Source] = OrderedDict()
        self._silent_until = 0.0
        "Nobody is silent for longer."

        self.silenced = 0
        "How often a source was silenced."

    def is_silent(self, host: str, now: float) -> bool:
        """Whether it is not listened to now."""
        if now >= self._silent_until:
            return False
        known = self._known.get(_of(host))
        return known is not None and now < known.silent_until

    def take(self, host: str, now: float) -> bool:
        """One more request of a source; False where that is too many, and it is silent from here on."""
        source = self._source(host, now)
        source.tokens = min(BURST, source.tokens + (now - source.at) * REQUESTS_PER_S)
        source.at = now
        if source.tokens < 1:
            self._silence(source, now + SILENT_S)
            return False
        source.tokens -= 1
        return True

    def failed(self, host: str, now: float) -> None:
        """It said a wrong password, or asked for a user that is not there."""
        source = self._source(host, now)
        if now - source.failures_since > FAILURES_S:
            source.failures, source.failures_since = 0, now
        source.failures += 1
        if source.failures >= FAILURES_MAX:
            source.failures = 0
            self._silence(source, now + BANNED_S)

    def _silence(self, source: _Source, until: float) -> None:
        self.silenced += 1
        source.silent_until = max(source.silent_until, until)
        self._silent_until = max(self._silent_until, until)

    def _source(self, host: str, now: float) -> _Source:
        key = _of(host)
        source = self._known.get(key)
        if source is None:
            source = self._known[key] = _Source(BURST, now)
            if len(self._known) > SOURCES_MAX:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(key)
        return source


def _of(host: str) -> str:
    if ":" not in host:
        return host
    address = IPv6Address(host.partition("%")[0])
    return str(address.ipv4_mapped) if address.ipv4_mapped else address.packed[:8].hex()
