"""The way that a peer has to us because we asked it first (RFC 5626 §3.5), kept open, and watched, without I/O.

By UDP it is what a NAT between us remembers: addresses that nobody uses are forgotten, by many after half a minute. By TCP and
TLS it is the connection. The keep-alive is two CRLFs by all three: RFC 5626 has STUN for UDP, which a registrar that does not
speak it takes for rubbish, and OPTIONS is a transaction each time, which carriers count and limit; empty lines before a message
are nothing to every server (RFC 3261 §7.5), and for a NAT what goes out is enough (RFC 4787 REQ-6).
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from callwright.sip.address import Address
from callwright.sip.framing import PING
from callwright.sip.locating import Place
from callwright.sip.timers import Timer

if TYPE_CHECKING:
    from callwright.sip.agent import Agent

KEEP_ALIVE_S_MIN, KEEP_ALIVE_S_MAX = 24.0, 29.0
"Between two keep-alives, by chance (RFC 5626 §4.4.2): NATs that forget after 30 s are common."


class Flow:
    """From one of our agents to one address. `keep` it while somebody there is to reach us; `close` it after that."""

    def __init__(self, agent: "Agent", to: Address) -> None:
        self.agent, self.to = agent, to
        self._lost: Callable[[], None] | None = None
        self._timer: Timer | None = None

    @property
    def place(self) -> Place:
        return Place(self.to, self.agent.transport)

    def keep(self, lost: Callable[[], None]) -> None:
        """Send keep-alives. `lost` is called when nothing can be sent there any more; of datagrams nobody knows that."""
        self.close()
        self._lost = lost
        self.agent.wire.watchers.setdefault(self.to, set()).add(lost)
        self._wait()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        if self._lost is not None:
            watchers = self.agent.wire.watchers
            watchers[self.to].discard(self._lost)
            if not watchers[self.to]:
                del watchers[self.to]
        self._lost = None

    def _wait(self) -> None:
        pause_s = KEEP_ALIVE_S_MIN + self.agent.chance() * (KEEP_ALIVE_S_MAX - KEEP_ALIVE_S_MIN)
        self._timer = self.agent.wire.after(pause_s, self._again)

    def _again(self) -> None:
        self.agent.wire.send(PING, self.to)
        self._wait()
