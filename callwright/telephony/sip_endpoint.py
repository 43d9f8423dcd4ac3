"""The SIP user agent on one UDP port of an asyncio loop, with connections beside it: a thin shell around `sip.agent`.

It holds the sockets, the clock and one alarm for the earliest timer, and nothing else. Each transport has an agent of its
own, and a call stays on the one that it began on; they know each other's calls. The UDP socket is never connected: one ICMP
error would end a connected reader on uvloop for good.
"""

import asyncio
import fcntl
import logging
import random
import secrets
import socket
import ssl
import struct
import termios
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

from callwright.base.errors import PeerError, ProviderError
from callwright.base.trust import trusting
from callwright.sip.address import EVERYWHERE, Address, Transport, uri, written
from callwright.sip.agent import Admits, Agent, OnInvite, Tells
from callwright.sip.call import SipCall
from callwright.sip.digest import Credentials
from callwright.sip.events import Answered, Confirmed, Ended, KeyInfo, Rejected, Reoffered, Ringing, SipEvent
from callwright.sip.flow import Flow
from callwright.sip.locating import Place
from callwright.sip.outages import Outages
from callwright.telephony.names import Names, address_of
from callwright.telephony.own_addresses import BOTH_FAMILIES, OwnAddresses, bound, is_ipv6, mapped, seen_as, unmapped
from callwright.telephony.redirections import Redirections
from callwright.telephony.sip_backlog import Backlog
from callwright.telephony.sip_streams import Streams
from callwright.telephony.sip_trace import SipTrace

log = logging.getLogger(__name__)

RECEIVE_BUFFER_BYTES = 4 << 20
"A second of a thousand calls a second, should the loop be held up."

AUTHORITIES_MAX = 200
"Peers with an authority of their own that are connected at once; what they trust is some 100 KB each."

CLOSE_S_MAX = 0.5
"How long `close` lets the last BYEs and CANCELs be answered."

CLOSE_PAUSE_S = 0.02


class SipEndpoint(asyncio.DatagramProtocol):
    """One user agent on one port. Made by `open`."""

    def __init__(
        self,
        on_invite: OnInvite,
        accepts: Callable[[Address], bool],
        admits: Admits | None,
        tells: Tells,
        keeps: Callable[[Address], bool],
        user_agent: str,
        name: str,
        public: str,
        trace: SipTrace | None,
        clock: Callable[[], float],
    ) -> None:
        self.trace = trace
        self._clock = clock
        self._on_invite = on_invite
        self._accepts = accepts
        self._admits = admits
        self._tells = tells
        self._keeps = keeps
        self._user_agent = user_agent
        self._name = name
        self._public = public
        self._agents: dict[Transport, Agent] = {}
        self._streams: dict[Transport, Streams] = {}
        self._own: dict[tuple[str, str], tuple[Agent, Streams]] = {}
        "TLS to peers that have an authority of their own, by it and the peer's name: connections for their calls alone."

        self._outages = Outages()
        self.repeated: Counter[str] = Counter()
        "What was sent again (`sip.transaction.Wire`)."

        self._names: Names
        self._redirections = Redirections(self.locate, self._to, self.us)
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = float("inf")
        self._addresses_of_ours = OwnAddresses(clock)
        self._backlog = Backlog(clock, asyncio.get_running_loop().call_soon, lambda: _all_read(self._socket))
        self._closed = False

    @classmethod
    async def open(
        cls,
        host: str,
        port: int,
        *,
        on_invite: OnInvite,
        accepts: Callable[[Address], bool] = lambda _: True,
        admits: Admits | None = None,
        tells: Tells = lambda *_: True,
        keeps: Callable[[Address], bool] = lambda _: False,
        user_agent: str = "Callwright",
        name: str = "",
        public: str = "",
        tcp: Address | None = None,
        tls: Address | None = None,
        certificate: ssl.SSLContext | None = None,
        trusted: ssl.SSLContext | None = None,
        names: Names | None = None,
        trace: SipTrace | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> "SipEndpoint":
        """Bind and serve. Raises `ProviderError` where a port is taken.

        `host`: `::` is every address of ours, IPv6 and IPv4, and 0.0.0.0 every IPv4 one; each peer is then told the one by which
        it reaches us.

        `tcp`, `tls`: where connections are taken too; calls are made by either all the same. `certificate`: that we show.
        `trusted`: what checks the certificates of peers; None: those that this machine trusts, for the peer's name.

        `names`: who is asked about hosts without a port; None: the name servers of this machine.

        `accepts`: sources that are listened to at all. `admits`: of their requests, those that are served (`sip.agent`); None:
        all, and `on_invite` gets the calls. `tells`: sources that are told of what cannot be read; the others get no answer.
        `keeps`: peers without a call whose connection stays open, however silent. `name`: `engine-…`, by which OPTIONS tells this
        process from another that comes to have its address. `public`: the address in Via and Contact for peers in no private
        network, where a NAT that keeps ports stands between. `trace`: is told of every message. `clock`: after one that jumps
        ahead, `run_due`.
        """
        loop = asyncio.get_running_loop()
        try:
            where = {"sock": bound(socket.SOCK_DGRAM, port)} if host == BOTH_FAMILIES else {"local_addr": (host, port)}
            _, endpoint = await loop.create_datagram_endpoint(
                lambda: cls(on_invite, accepts, admits, tells, keeps, user_agent, name, public, trace, clock),
                **where,
            )
        except OSError as error:
            raise ProviderError(
                f"The SIP port {written((host, port))} cannot be bound: {error.strerror or error}"
            ) from None
        endpoint._names = names or Names()
        try:
            await endpoint._open_stream("tcp", tcp, None, None)
            endpoint._let_long_ones_go_by_tcp()
            await endpoint._open_stream("tls", tls, certificate, trusted or ssl.create_default_context())
        except ProviderError:
            await endpoint.close()
            raise
        return endpoint

    async def _open_stream(
        self, transport: Transport, where: Address | None, shown: ssl.SSLContext | None, trusted: ssl.SSLContext | None
    ) -> None:
        streams = Streams(
            receive=lambda data, source: self._came(self._agents[transport], data, source),
            unreachable=lambda to, why: self._agents[transport].unreachable(to, why),
            accepts=self._accepts,
            in_use=lambda peer: self._agents[transport].uses(peer) or self._keeps(peer),
            context=trusted,
        )
        self._streams[transport] = streams
        listening = self.address if where is None else await streams.listen(*where, shown)
        self.addresses[transport] = listening
        # Without a certificate of the peer's own, nobody may take over the calls of an address by saying so.
        on_alias = streams.alias if transport == "tcp" else None
        self._agents[transport] = self._agent_of(
            transport, listening, self._traced(transport, streams.send), on_alias, streams
        )

    def _let_long_ones_go_by_tcp(self) -> None:
        """Where both are of one family: from the address that datagrams go from."""
        udp, tcp = self._agents["udp"], self._agents["tcp"]
        if is_ipv6(self.addresses["tcp"][0]) == is_ipv6(self.address[0]):
            fixed = tcp.address[0] in EVERYWHERE and udp.address[0] not in EVERYWHERE
            udp.longer = tcp.at(udp.address[0]) if fixed else tcp

    def _to(self, place: Place, host: str, authority: str) -> Agent:
        """Who sends to this place of a peer called `host`. Raises `PeerError` where the authority cannot be read, `ProviderError`
        where there are too many."""
        self._check_reaches(place)
        agent = self._agents[place.transport]
        if place.transport == "tls":
            streams = self._streams["tls"]
            if authority:
                agent, streams = self._own.get((authority, host)) or self._trusting(authority, host)
            streams.named(place.address, host)
        return self._met(agent, place.address[0])

    def _met(self, agent: Agent, peer: str) -> Agent:
        """The agent at the address by which this peer reaches us. Raises `ProviderError` where there is no way to it."""
        met = agent.at(self._addresses_of_ours.towards(peer)) if agent.address[0] in EVERYWHERE else agent
        return met.at(self._public) if self._public and seen_as(self._public, peer) else met

    def _check_reaches(self, place: Place) -> None:
        """Raises `PeerError` where the place is of a family that we do not speak."""
        ours, theirs = self.addresses[place.transport][0], place.address[0]
        if ours != BOTH_FAMILIES and (":" in ours) != (":" in theirs):
            raise PeerError(
                f"{theirs} cannot be reached from {ours}, where SIP listens: one is IPv4 and the other IPv6"
            )

    def us(self, place: Place) -> Address:
        """By which address of ours this place reaches us. Raises as `invite` does."""
        self._check_reaches(place)
        return self._met(self._agents[place.transport], place.address[0]).address

    def _trusting(self, authority: str, host: str) -> tuple[Agent, Streams]:
        for known, (_, streams) in list(self._own.items()):
            if len(self._own) >= AUTHORITIES_MAX and streams.idle:
                del self._own[known]
        if len(self._own) >= AUTHORITIES_MAX:
            raise ProviderError(f"{AUTHORITIES_MAX} peers with an authority of their own are connected already")
        try:
            context = trusting(authority)
        except (ssl.SSLError, ValueError) as error:
            raise PeerError(f"the authority of {host} cannot be read: {error}") from None
        streams = Streams(
            receive=lambda data, source: self._came(agent, data, source),
            unreachable=lambda to, why: agent.unreachable(to, why),
            accepts=self._accepts,
            in_use=lambda peer: agent.uses(peer),
            context=context,
        )
        agent = self._agent_of("tls", self.addresses["tls"], self._traced("tls", streams.send), None, streams)
        agent.draining = self.draining
        self._own[(authority, host)] = agent, streams
        return agent, streams

    @property
    def _all(self) -> list[Agent]:
        agents = [*self._agents.values(), *(agent for agent, _ in self._own.values())]
        return [one for agent in agents for one in agent.everywhere]

    @property
    def ours(self) -> list[Address]:
        """Every address by which somebody reaches us."""
        here = [agent.address for agent in self._all]
        return [*here, *((self._public, port) for _, port in self.addresses.values())] if self._public else here

    @property
    def draining(self) -> bool:
        """OPTIONS and INVITE get 503; calls go on."""
        return self._agent.draining

    @draining.setter
    def draining(self, value: bool) -> None:
        for agent in self._all:
            agent.draining = value

    @property
    def calls(self) -> int:
        """Calls at this moment, whatever their state."""
        return self._agent.calls

    @property
    def shed(self) -> int:
        """INVITEs turned away because there were too many at once."""
        return sum(agent.shed for agent in self._all)

    @property
    def unreadable(self) -> tuple[int, int]:
        """Messages that could not be read: requests that were told so, and what got no answer."""
        return sum(agent.unreadable for agent in self._all), sum(agent.dropped for agent in self._all)

    def invite(
        self,
        target: str,
        *,
        call_id: str,
        caller: str,
        sdp: str,
        to: Address,
        on_event: Callable[[SipEvent], None],
        extra: Sequence[tuple[str, str]] = (),
        credentials: Credentials | None = None,
        permits: Callable[[str], bool] = lambda _: True,
        transport: Transport = "udp",
        others: Sequence[Place] = (),
        authority: str = "",
    ) -> SipCall:
        """Call `target` by way of `to`, with the header fields of `extra`. Raises `PeerError` where these are no SIP URI and no
        IP address.

        `credentials`: for a peer that challenges. `permits`: whether it may send us on to this IP address. By `tls` its
        certificate has to be for the host of `target`, and signed by `authority` (PEM) where there is one. `others`: where else it
        is, should nobody be there (`locate`).
        """
        host = uri(target).host if transport == "tls" or others else ""
        return self._to(Place(to, transport), host, authority).invite(
            target,
            call_id=call_id,
            caller=caller,
            sdp=sdp,
            to=to,
            on_event=on_event,
            extra=extra,
            credentials=credentials,
            permits=permits,
            look_up=self._redirections.of(Place(to, transport), authority, permits),
            ways=[(self._to(place, host, authority), place.address) for place in others],
        )

    def flow(self, place: Place, host: str, *, authority: str = "") -> Flow:
        """The way to a registrar; by TLS its certificate has to be for `host`, and signed by `authority` where there is one. Raises
        as `invite` does."""
        return Flow(self._to(place, host, authority), place.address)

    async def locate(self, host: str, port: int, transport: Transport) -> list[Place]:
        """Where a peer given by name is called: at those of its `places` that we reach, last where it failed lately, of one family,
        that of the first: what we offer a call names one address of ours. Raises `ProviderError`, which is worth another try."""
        ways, failure = [], ""
        for place in await self.places(host, port, transport):
            try:
                self.us(place)
                ways.append(place)
            except (PeerError, ProviderError) as error:
                failure = str(error)
        if not ways:
            raise ProviderError(failure, retryable=True)
        ways = self._outages.in_order(ways, self._clock())
        six = ":" in ways[0].address[0]
        return [place for place in ways if (":" in place.address[0]) == six]

    async def places(self, host: str, port: int, transport: Transport) -> list[Place]:
        """Where a peer given by name is: at this port, or where its port is 0, at the places that DNS says (RFC 3263), in the order
        in which they are tried, of every family that we speak. Raises `ProviderError`, which is worth another try."""
        ipv6 = is_ipv6(self.addresses[transport][0])
        if port:
            return [Place(await address_of(host, port, ipv6=ipv6), transport)]
        return await self._names.locate(host, transport, ipv6=ipv6)

    async def close(self) -> None:
        """Hang up what is left, give the last messages a moment, and let go of the port."""
        if self._closed:
            return
        self._agent.hang_up_all()
        left_s = CLOSE_S_MAX
        while self._busy and left_s > 0:
            await asyncio.sleep(CLOSE_PAUSE_S)
            left_s -= CLOSE_PAUSE_S
        self._closed = True
        if self._alarm is not None:
            self._alarm.cancel()
        for streams in (*self._streams.values(), *(own for _, own in self._own.values())):
            await streams.close()
        self._transport.close()

    @property
    def _busy(self) -> bool:
        return bool(self._agent.calls) or any(agent.transactions.unanswered for agent in self._all)

    # -- asyncio.DatagramProtocol ---------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transport is no asyncio.DatagramTransport, but does the same.
        self._transport: asyncio.DatagramTransport = transport  # type: ignore[assignment]
        where: Address = transport.get_extra_info("sockname")[:2]
        self.address = where
        self.addresses: dict[Transport, Address] = {"udp": where}
        "Where each transport listens."

        self._socket: socket.socket = transport.get_extra_info("socket")
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        self._is_both = where[0] == BOTH_FAMILIES
        transmit = self._transmit_to_both if self._is_both else self._transmit
        self._agent = self._agents["udp"] = self._agent_of("udp", where, self._traced("udp", transmit), None)
        self._agent.wire.timers.sooner = self._arm

    def _agent_of(
        self,
        transport: Transport,
        where: Address,
        transmit: Callable[[bytes, Address], None],
        on_alias: Callable[[Address, int], None] | None,
        streams: Streams | None = None,
    ) -> Agent:
        agent = Agent(
            where,
            transmit=transmit,
            clock=self._clock,
            on_invite=self._on_invite,
            admits=self._admits,
            tells=self._tells,
            new_tag=lambda: secrets.token_hex(8),
            chance=random.random,
            transport=transport,
            connected=streams.connected if streams else lambda _: True,
            beside=self._agents.get("udp"),
            on_alias=on_alias,
            user_agent=self._user_agent,
            name=self._name,
        )
        agent.wire.outages, agent.wire.repeated = self._outages, self.repeated
        return agent

    def datagram_received(self, data: bytes, addr: Address) -> None:
        source = unmapped(addr) if self._is_both else addr[:2]
        if not self._closed and self._accepts(source):
            self._came(self._agent, data, source)

    def _came(self, agent: Agent, data: bytes, source: Address) -> None:
        is_met = True
        try:
            agent = self._met(agent, source[0])
        except ProviderError as error:
            log.debug("no new call: %s", error)
            if not error.retryable:
                return
            # What belongs to a call is that call's, whose agent has its address.
            is_met = False
        if self.trace is not None:
            self.trace.passed(data, agent.transport, source, sent=False)
        if not self._backlog.takes(data):
            agent.receive(data, source, busy=not is_met)
            return
        serve = partial(self._serve, agent, data, source, is_met)
        self._backlog.come((data, source), serve, waits=data.startswith(b"CANCEL "))

    def _serve(self, agent: Agent, data: bytes, source: Address, is_met: bool, busy: bool) -> None:
        if not self._closed:
            agent.receive(data, source, busy=busy or not is_met)

    def error_received(self, exc: Exception) -> None:
        # A peer that is not there (ICMP). Its transaction runs out; nothing else is concerned.
        log.debug("SIP socket: %s", exc)

    def _traced(
        self, transport: Transport, transmit: Callable[[bytes, Address], None]
    ) -> Callable[[bytes, Address], None]:
        trace = self.trace
        if trace is None:
            return transmit

        def traced(data: bytes, to: Address) -> None:
            trace.passed(data, transport, to, sent=True)
            transmit(data, to)

        return traced

    # -- sending and time -------------------------------------------------------------------------

    def _transmit(self, data: bytes, to: Address) -> None:
        if self._closed:
            return
        try:
            self._transport.sendto(data, to)
        except (OSError, ValueError) as error:
            log.debug("cannot send to %s: %s", written(to), error)

    def _transmit_to_both(self, data: bytes, to: Address) -> None:
        self._transmit(data, mapped(to))

    def _arm(self) -> None:
        due = self._agent.wire.timers.next_due
        if due is None or due >= self._alarm_at or self._closed:
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm_at = due
        self._alarm = asyncio.get_running_loop().call_later(max(0.0, due - self._clock()), self.run_due)

    def run_due(self) -> None:
        """Do what is due by the clock now; the alarm does, when it goes off."""
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm, self._alarm_at = None, float("inf")
        try:
            self._agent.wire.timers.run(self._clock())
        finally:
            # A mistake in one call's timer must not stop everybody's.
            self._arm()


def _all_read(sock: socket.socket) -> bool:
    """No datagram waits, or an empty one (udp(7), FIONREAD)."""
    (size,) = struct.unpack("i", fcntl.ioctl(sock, termios.FIONREAD, bytes(4)))
    return not size


__all__ = [
    "Answered",
    "Confirmed",
    "Credentials",
    "Ended",
    "KeyInfo",
    "Rejected",
    "Reoffered",
    "Ringing",
    "SipCall",
    "SipEndpoint",
    "SipEvent",
]
