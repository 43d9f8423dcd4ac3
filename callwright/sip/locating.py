"""Where the servers of a name are, by what DNS says of it (RFC 3263, RFC 2782): the order, without asking anybody."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from callwright.sip.address import DEFAULT_PORT, DEFAULT_TLS_PORT, Address, Transport

SERVICES: dict[str, Transport] = {"SIP+D2U": "udp", "SIP+D2T": "tcp", "SIPS+D2T": "tls"}
"NAPTR services that we speak (RFC 3263 §4.1)."

LABELS: dict[Transport, str] = {"udp": "_sip._udp.", "tcp": "_sip._tcp.", "tls": "_sips._tcp."}
"What stands before a name to ask for its SRV."

PLACES_MAX = 8
"Servers of one name that a call tries; what a longer list holds beyond is never asked."


@dataclass(frozen=True, slots=True)
class Place:
    """A server, and how it is spoken to."""

    address: Address
    transport: Transport


@dataclass(frozen=True, slots=True)
class Naptr:
    """A NAPTR record: of the lowest order, the lowest preference comes first."""

    order: int
    preference: int
    flags: str
    service: str
    replacement: str


@dataclass(frozen=True, slots=True)
class Srv:
    """An SRV record. `target` is a host name; `.` says that there is no such service."""

    priority: int
    weight: int
    port: int
    target: str


def default_port(transport: Transport) -> int:
    return DEFAULT_TLS_PORT if transport == "tls" else DEFAULT_PORT


def services(records: Sequence[Naptr], wanted: Sequence[Transport]) -> list[tuple[Transport, str]]:
    """Which SRV names to ask, best first, of the transports that are wanted."""
    found: list[tuple[Transport, str]] = []
    for record in sorted(records, key=lambda one: (one.order, one.preference)):
        transport = SERVICES.get(record.service.upper())
        if transport in wanted and record.flags.lower() == "s" and transport is not None:
            found.append((transport, record.replacement))
    return found


def in_order(records: Sequence[Srv], chance: Callable[[], float]) -> list[Srv]:
    """Lowest priority first; within one, each as often first as its weight says (RFC 2782). `chance`: 0 to 1."""
    ordered: list[Srv] = []
    usable = [one for one in records if one.target.strip(".") and 0 < one.port < 65536]
    for priority in sorted({one.priority for one in usable}):
        # Those without a weight stand in front, where they have a small chance to be chosen.
        left = sorted((one for one in usable if one.priority == priority), key=lambda one: one.weight > 0)
        while left:
            mark = chance() * sum(one.weight for one in left)
            for one in left:
                mark -= one.weight
                if mark <= 0:
                    break
            ordered.append(one)
            left.remove(one)
    return ordered
