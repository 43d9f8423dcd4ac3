"""By which address of ours a peer reaches us, where SIP listens at all of them (0.0.0.0, ::).

What we say of ourselves (Via, Contact, the description of our audio) needs one. It is the address that the system would send
from: nothing is sent to learn it.
"""

import socket
from collections.abc import Callable

from callwright.base.errors import ProviderError
from callwright.sip.address import Address, is_ip
from callwright.sip.reach import EVERYBODY, reach_of

BOTH_FAMILIES = "::"

KEPT_S = 10.0
"A machine that gets another address is known by it after so long; its calls keep the one that they began with."

PEERS_MAX = 10_000
"Peers whose way is remembered; under a flood of forged ones it is forgotten and found anew."

_ANY_PORT = 5060
_MAPPED = "::ffff:"
"How a socket of both families shows an IPv4 address (RFC 4291 §2.5.5.2)."


def is_ipv6(host: str) -> bool | None:
    """Of the family of an IP address; None: of both."""
    return None if host == BOTH_FAMILIES else ":" in host


class OwnAddresses:
    """Of this machine."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._found: dict[str, tuple[float, str]] = {}

    def towards(self, host: str) -> str:
        """Ours, on the way to this IP address; the last one where none can be found now. Raises `ProviderError` where there never
        was one."""
        now = self._clock()
        known = self._found.get(host)
        if known is not None and known[0] >= now:
            return known[1]
        try:
            ours = _asked(host)
        except ProviderError:
            if known is None:
                raise
            ours = known[1]
        if len(self._found) >= PEERS_MAX:
            self._found.clear()
        self._found[host] = now + KEPT_S, ours
        return ours


def seen_as(public: str, peer: str) -> bool:
    """Whether a peer at this IP address reaches us at our public one: the one of its family, empty where there is none. Those in a
    private network of ours, and on this machine, reach us at our own."""
    return bool(public) and (":" in public) == (":" in peer) and reach_of(peer) == EVERYBODY


def _asked(host: str) -> str:
    if not is_ip(host):
        # Link-local: our address there would mean nothing to anybody who is told it by somebody else.
        raise ProviderError(f"no address of ours is told to {host}")
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((host, _ANY_PORT))
            ours: str = probe.getsockname()[0]
    except OSError as error:  # no route; or no descriptor
        raise ProviderError(f"there is no way to {host}: {error.strerror or error}", retryable=True) from None
    return ours


def bound(kind: socket.SocketKind, port: int) -> socket.socket:
    """A socket at this port of all addresses, of both families. Raises `OSError`."""
    opened = socket.socket(socket.AF_INET6, kind)
    try:
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        if kind is socket.SOCK_STREAM:
            # Connections of the last run that linger (TIME_WAIT) take no port away.
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((BOTH_FAMILIES, port))
    except OSError:
        opened.close()
        raise
    return opened


def unmapped(shown: tuple[str, ...] | Address) -> Address:
    """The address of a peer as such a socket shows it, IPv4 as IPv4."""
    host, port = shown[:2]
    return str(host).removeprefix(_MAPPED), int(port)


def mapped(to: Address) -> Address:
    """The same, as such a socket takes it."""
    return to if ":" in to[0] else (_MAPPED + to[0], to[1])
