"""Whom this engine answers: the trunks' addresses and the telephones' names, by heart.

A scanner asks thousands of times a second whether somebody is there. So that this costs no query, everybody who may come in
is known beforehand: read when the engine starts, again when somebody changes something (NOTIFY), and now and then, because
names get other addresses.
"""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import NamedTuple

from callwright.base.errors import ProviderError
from callwright.services import phones, trunks
from callwright.sip.address import Transport, is_ip, plain_ip
from callwright.sip.locating import Place
from callwright.store.database import FAILURES, Database
from callwright.store.phones import CHANGED, KnownPhone
from callwright.store.trunks import KnownTrunk
from callwright.store.waking import nap

log = logging.getLogger(__name__)

EVERY_S = 60.0
"Between two looks at what names mean: as long as a short-lived DNS record."

RESOLVED_AT_ONCE = 20
"Names that are looked up at the same time."

RESOLVE_S_MAX = 5.0
"A name server that takes longer is down."

FOUND_MAX = 10_000
"Sources whose trunks are remembered; under a flood of forged ones it is forgotten and filled anew."


class Peer(NamedTuple):
    """A trunk's place, as it is written."""

    host: str
    port: int
    "0: as DNS says."

    transport: Transport


Locate = Callable[[str, int, Transport], Awaitable[list[Place]]]


class Directory:
    """`read` before anything else; `run` keeps it up to date."""

    def __init__(self, db: Database, locate: Locate) -> None:
        """`locate`: the servers of a name, as SIP finds them (RFC 3263): all from which it may call us."""
        self._db = db
        self._locate = locate
        self._phones: dict[str, KnownPhone] = {}
        self._by_contact: dict[str, KnownTrunk] = {}
        self._by_name: dict[str, KnownTrunk] = {}
        self._hosts: dict[Peer, tuple[str, ...]] = {}
        "The last addresses of each name: one that cannot be looked up now keeps them."

        self._by_host: dict[str, list[KnownTrunk]] = {}
        self._networks: list[tuple[IPv4Network | IPv6Network, KnownTrunk]] = []
        self._found: dict[str, tuple[KnownTrunk, ...]] = {}
        self._woken = asyncio.Event()

    @property
    def has_phones(self) -> bool:
        return bool(self._phones)

    def phone(self, name: str) -> KnownPhone | None:
        return self._phones.get(name)

    @property
    def has_registrations(self) -> bool:
        return bool(self._by_contact)

    def trunk_of(self, contact: str) -> KnownTrunk | None:
        """The trunk that has our Contact with this user: we are registered there."""
        return self._by_contact.get(contact)

    @property
    def has_proving_trunks(self) -> bool:
        return bool(self._by_name)

    def trunk_named(self, name: str) -> KnownTrunk | None:
        """The trunk that proves its calls, by the name that it shows."""
        return self._by_name.get(name)

    def trunks_at(self, host: str) -> tuple[KnownTrunk, ...]:
        """The trunks, of whatever account, that calls from this IP address may come by."""
        found = self._found.get(host)
        if found is None:
            if len(self._found) >= FOUND_MAX:
                self._found.clear()
            found = self._found[host] = self._look(host)
        return found

    def _look(self, host: str) -> tuple[KnownTrunk, ...]:
        address = ip_address(host.partition("%")[0])
        address = getattr(address, "ipv4_mapped", None) or address
        named = {trunk.id: trunk for trunk in self._by_host.get(str(address), ())}
        named |= {trunk.id: trunk for network, trunk in self._networks if address in network}
        return tuple(named.values())

    async def read(self, *, names: bool = True) -> None:
        """Raises one of `FAILURES` where the database does not answer; then all stays as it was. `names`: look them up."""
        telephones = await phones.known(self._db)
        known = await trunks.known(self._db)
        # One that proves its calls is known by nothing else.
        placed = [trunk for trunk in known if not trunk.peer_username]
        if names:
            self._hosts = await self._resolved({_peer(trunk) for trunk in placed if not is_ip(trunk.host)})
        by_host: dict[str, list[KnownTrunk]] = {}
        for trunk in placed:
            for host in self._hosts.get(_peer(trunk), (trunk.host,)):
                by_host.setdefault(plain_ip(host), []).append(trunk)
        self._phones = {phone.name: phone for phone in telephones}
        self._by_contact = {trunk.contact: trunk for trunk in known if trunk.contact}
        self._by_name = {trunk.peer_username: trunk for trunk in known if trunk.peer_username}
        self._by_host = by_host
        self._networks = [(ip_network(address), trunk) for trunk in placed for address in trunk.addresses]
        self._found.clear()

    async def _resolved(self, peers: set[Peer]) -> dict[Peer, tuple[str, ...]]:
        waiting = asyncio.Semaphore(RESOLVED_AT_ONCE)

        async def one(peer: Peer) -> tuple[Peer, tuple[str, ...]]:
            async with waiting:
                found = await _addresses(peer.host)
                if not peer.port:
                    with contextlib.suppress(ProviderError):
                        places = await self._locate(peer.host, 0, peer.transport)
                        found |= {place.address[0] for place in places}
            if not found:
                log.info("no address is known for the trunk %s", peer.host)
            return peer, tuple(found) or self._hosts.get(peer, ())

        return dict(await asyncio.gather(*map(one, peers)))

    async def run(self, changed: Callable[[], None] = lambda: None) -> None:
        """Read it anew when it changes, until cancelled. `changed` is called after each time."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._db.listen(CHANGED, self._woken.set))
            while True:
                await nap(self._woken, EVERY_S)
                try:
                    await self.read()
                    changed()
                except FAILURES as error:
                    log.warning("whom to answer cannot be read: %s", error)


def _peer(trunk: KnownTrunk) -> Peer:
    return Peer(trunk.host, trunk.port, trunk.transport)


async def _addresses(name: str) -> set[str]:
    """All that the name has; none where it cannot be looked up."""
    try:
        async with asyncio.timeout(RESOLVE_S_MAX):
            found = await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError, TimeoutError):
        return set()
    return {str(address[0]) for *_, address in found}
