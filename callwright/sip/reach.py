"""How far an IP address reaches: who, beside the machine that has it, can send something there."""

from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Literal

Reach = Literal[0, 1, 2, 3, 4]
"""0: the machine alone. 1: one link. 2: a private network. 3: the network of one carrier, which shares the address among its
customers (RFC 6598). 4: everybody."""

EVERYBODY: Reach = 4

_NARROW: tuple[tuple[Reach, tuple[str, ...]], ...] = (
    (0, ("127.0.0.0/8", "::1/128", "0.0.0.0/8", "::/128")),
    (1, ("169.254.0.0/16", "fe80::/10")),
    (2, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")),  # RFC 1918, RFC 4193
    (3, ("100.64.0.0/10",)),
)
_NETWORKS = [(ip_network(one), reach) for reach, networks in _NARROW for one in networks]


@lru_cache(maxsize=10_000)
def reach_of(host: str) -> Reach:
    """Of an IP address; 0 for one with zeros before a number, which not everybody reads alike."""
    try:
        address = ip_address(host)
    except ValueError:
        return 0
    return next((reach for network, reach in _NETWORKS if address in network), EVERYBODY)
