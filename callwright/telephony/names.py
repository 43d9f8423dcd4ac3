"""Asks DNS where the SIP servers of a name are (RFC 3263): NAPTR, SRV, then addresses; answers are kept as long as DNS says.

A host with a port is looked up by its address alone, by what the machine knows (`/etc/hosts` included). Everything that
comes from DNS is bounded: records, servers, time, and how long it is believed.
"""

import asyncio
import logging
import random
import socket
import time
from collections import OrderedDict
from collections.abc import Sequence

import dns.asyncresolver
import dns.exception
import dns.rdatatype
import dns.resolver

from callwright.base.errors import ProviderError
from callwright.sip.address import Address, Transport, is_ip, plain_ip
from callwright.sip.locating import LABELS, PLACES_MAX, Naptr, Place, Srv, default_port, in_order, services

log = logging.getLogger(__name__)

RESOLVE_S_MAX = 5.0
"All questions for one name together; a name server that takes longer is down."

RECORDS_MAX = 20
"Of one kind for one name that are looked at."

KEPT_S_MIN, KEPT_S_MAX = 5.0, 300.0
"""What DNS says is believed for its TTL, within these: a TTL of 0 must not ask for each call, and one of a day must not outlive
a move."""

KEPT_MAX = 1_000
"Names whose servers are known."

ALL: tuple[Transport, ...] = ("tls", "tcp", "udp")


class Names:
    """The name service of one engine."""

    def __init__(self, servers: Sequence[Address] = ()) -> None:
        """`servers`: to be asked, all at the port of the first; none: those of the machine."""
        self._resolver = _resolver(servers)
        self._kept: OrderedDict[tuple[str, Transport], tuple[float, list[tuple[Transport, Srv]]]] = OrderedDict()

    async def locate(self, host: str, transport: Transport, *, ipv6: bool | None) -> list[Place]:
        """The servers of a name without a port, in the order in which they are tried; by chance among equals, so it differs from
        call to call. `transport` `udp` leaves the choice to DNS, the others do not. `ipv6`: its IPv6 addresses, else the IPv4
        ones; None: both. Raises `ProviderError`."""
        if is_ip(host) or "." not in host.strip("."):
            # Of a name without a domain (`localhost`, a container's) only this machine knows.
            return [Place(await address_of(host, default_port(transport), ipv6=ipv6), transport)]
        try:
            async with asyncio.timeout(RESOLVE_S_MAX):
                return await self._servers(host.rstrip(".").lower(), transport, ipv6)
        except TimeoutError:
            raise ProviderError(f"no name server told of {host} within {RESOLVE_S_MAX:g} s", retryable=True) from None

    async def _servers(self, host: str, transport: Transport, ipv6: bool | None) -> list[Place]:
        places: list[Place] = []
        for how, record in await self._known(host, transport):
            for address in await self._addresses(record.target, ipv6):
                place = Place((address, record.port), how)
                if place not in places and len(places) < PLACES_MAX:
                    places.append(place)
        if not places:
            raise ProviderError(f"no address is known for {host}", retryable=True)
        return places

    async def _known(self, host: str, transport: Transport) -> list[tuple[Transport, Srv]]:
        """Servers by name, in order."""
        key, moment = (host, transport), time.monotonic()
        kept = self._kept.get(key)
        if kept is None or kept[0] <= moment:
            found, ttl_s = await self._asked(host, transport)
            kept = moment + min(max(ttl_s, KEPT_S_MIN), KEPT_S_MAX), found
            self._kept[key] = kept
            self._kept.move_to_end(key)
            if len(self._kept) > KEPT_MAX:
                self._kept.popitem(last=False)
        ordered: list[tuple[Transport, Srv]] = []
        for how in dict.fromkeys(how for how, _ in kept[1]):
            ordered += [(how, one) for one in in_order([one for of, one in kept[1] if of == how], random.random)]
        return ordered

    async def _asked(self, host: str, transport: Transport) -> tuple[list[tuple[Transport, Srv]], float]:
        """SRV records by transport, best first, and how long they hold; the name itself where it has none."""
        wanted: tuple[Transport, ...] = ALL if transport == "udp" else (transport,)
        records, ttl_s = await self._ask(host, "NAPTR") if transport == "udp" else ([], KEPT_S_MAX)
        naptr = [
            Naptr(one.order, one.preference, one.flags.decode("ascii", "replace"), one.service.decode("ascii", "replace"),
                  one.replacement.to_text(omit_final_dot=True))
            for one in records
        ]  # fmt: skip
        asking = services(naptr, wanted) or [(transport, LABELS[transport] + host)]
        found: list[tuple[Transport, Srv]] = []
        for how, name in asking[: len(ALL)]:
            told, holds_s = await self._ask(name, "SRV")
            ttl_s = min(ttl_s, holds_s)
            found += [
                (how, Srv(one.priority, one.weight, one.port, one.target.to_text(omit_final_dot=True))) for one in told
            ]
        if not found:
            found = [(transport, Srv(0, 0, default_port(transport), host))]
        return found, ttl_s

    async def _addresses(self, name: str, ipv6: bool | None) -> list[str]:
        if is_ip(name):
            return [plain_ip(name)]
        found = []
        for kind in {True: ("AAAA",), False: ("A",), None: ("AAAA", "A")}[ipv6]:
            told, _ = await self._ask(name, kind)
            found += [plain_ip(one.address) for one in told]
        if found:
            return found
        try:
            return [(await address_of(name, 0, ipv6=ipv6))[0]]
        except ProviderError:
            return []

    async def _ask(self, name: str, kind: str) -> tuple[list, float]:  # type: ignore[type-arg]
        """Records, none where there are none or nobody tells; and how long that holds, in seconds."""
        if self._resolver is None:
            return [], KEPT_S_MIN
        try:
            answer = await self._resolver.resolve(name, kind, search=False, lifetime=RESOLVE_S_MAX)
        except dns.resolver.NoAnswer:
            return [], KEPT_S_MAX
        except dns.exception.DNSException as error:
            log.debug("DNS: %s of %s: %s", kind, name, error)
            return [], KEPT_S_MIN
        records = list(answer)[:RECORDS_MAX]
        return records, float(answer.rrset.ttl if answer.rrset is not None else KEPT_S_MIN)


def _resolver(servers: Sequence[Address]) -> dns.asyncresolver.Resolver | None:
    """None where the machine has no name server."""
    try:
        resolver = dns.asyncresolver.Resolver(configure=not servers)
    except dns.resolver.NoResolverConfiguration:
        return None
    if servers:
        resolver.nameservers = [host for host, _ in servers]
        resolver.port = servers[0][1]
    resolver.timeout = 2.0
    return resolver


async def address_of(host: str, port: int, *, ipv6: bool | None) -> Address:
    """The address of a host, as the machine knows it, the best one where `ipv6` is None. Raises `ProviderError`, which is worth
    another try."""
    if is_ip(host):
        return plain_ip(host), port
    family = {True: socket.AF_INET6, False: socket.AF_INET, None: socket.AF_UNSPEC}[ipv6]
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(RESOLVE_S_MAX):
            found = await loop.getaddrinfo(host, port, family=family, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError, TimeoutError) as error:
        raise ProviderError(f"no address is known for {host}: {error}", retryable=True) from None
    return str(found[0][4][0]), port
