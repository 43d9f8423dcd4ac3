"""Whose packets a stream believes.

The far end's SDP names an address, but behind NAT its packets come from another. A stream takes packets from one source only
and sends to that source (symmetric RTP, RFC 4961). A packet from the signalled address settles it at once and for good.
Before that, another address that sends `LATCH_PACKETS` is believed; what comes from third parties is dropped and counted. So
nobody who guesses a port can speak into a call whose far end sends from where it said; a re-INVITE with a new address starts
over. So a stream whose far end is where it said asks the kernel, before long, to hand it nobody else's packets.

Whoever forges the far end's address still has to know its SSRC: once one has sent `LATCH_PACKETS`, another is believed only
when that has been quiet for `QUIET_SAMPLES`, as with a far end that was changed for another.
"""

Address = tuple[str, int] | tuple[str, int, int, int]
"As a socket tells it: of IPv6 with flow and scope. So what came compares with what the SDP says, whichever it is (`place`)."

LATCH_PACKETS = 3
"Packets from an address other than the signalled one until it is believed: 60 ms, less than a key press lasts."

QUIET_SAMPLES = 480
"60 ms at 8000 Hz."


def place(host: str, port: int) -> Address:
    """The address of a description as a socket would tell it."""
    return (host, port, 0, 0) if ":" in host else (host, port)


class Latch:
    """Of one stream."""

    __slots__ = ("_candidate", "_packets", "foreign", "signalled", "source")

    def __init__(self) -> None:
        self.signalled: Address | None = None
        "Where the SDP says that the far end is."

        self.source: Address | None = None
        "Whom we believe."

        self.foreign = 0
        "Packets of others, dropped."

        self._candidate: Address | None = None
        self._packets = 0

    def signal(self, remote: Address | None) -> None:
        """The SDP names a new address."""
        self.signalled = remote
        self.source = self._candidate = None

    def admits(self, source: Address) -> bool:
        """A packet came from there: is that the far end?"""
        if source == self.source:
            return True
        if source != self.signalled:
            if self.source is not None:
                self.foreign += 1
                return False
            if source != self._candidate:
                self._candidate, self._packets = source, 0
            self._packets += 1
            if self._packets < LATCH_PACKETS:
                return False
        self.source = source
        return True
