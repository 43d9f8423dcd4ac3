"""SIP connections (TCP, TLS) of one endpoint: opened when there is something to send, kept, and used again.

A connection is known by the address at its far end. What a peer sends on one is answered on it (RFC 3261 §18.2.2), and a peer
that says `alias` takes our requests on it too, at the port that it listens on (RFC 5923 §4): always of its own IP address.
"""

import asyncio
import logging
import os
import socket
import ssl
from collections import deque
from collections.abc import Callable

from callwright.base.errors import PeerError, ProviderError
from callwright.sip.address import Address, written
from callwright.sip.framing import PING, PONG, Framer
from callwright.sip.message import parse
from callwright.telephony.own_addresses import BOTH_FAMILIES, bound, unmapped

log = logging.getLogger(__name__)

CONNECTIONS_MAX = 1_000
"Connections at once, ours and theirs; one that comes past it is closed at once."

CONNECTIONS_OF_ONE_MAX = 200
"Of them, connections of one address: an office of telephones, or one scanner, leaves room for others."

CONNECT_S_MAX = 5.0
"A peer that takes longer to answer a connection is down; the transaction has 32 s."

WAITING_MAX = 64
"Messages for a connection that is being opened."

UNSENT_BYTES_MAX = 1 << 20
"A peer that reads nothing loses its connection past it."

KEEP_ALIVE_S = 90.0
"Between two keep-alives on connections that we opened (RFC 5626 §4.4.1: 95 to 120 s at most)."

UNACKNOWLEDGED_S_MAX = 30
"A peer whose system acknowledges nothing that was sent, keep-alives included, has gone without a word (tcp(7), TCP_USER_TIMEOUT)."

IDLE_S_MAX = 900.0
"""A connection that brought no byte for so long is closed, unless a call's requests go on it: to a telephone behind a NAT there is
no other. Calls end by themselves (RFC 4028), and it with them."""


class Streams:
    """The connections of one transport."""

    def __init__(
        self,
        *,
        receive: Callable[[bytes, Address], None],
        unreachable: Callable[[Address, str], None],
        accepts: Callable[[Address], bool],
        in_use: Callable[[Address], bool],
        context: ssl.SSLContext | None,
    ) -> None:
        """`receive` gets each message and the address it came from; `unreachable`: nothing more can be sent to this address, and
        why. `in_use`: a connection with it stays, however silent. `context`: checks the certificates of peers that we connect to;
        None for TCP."""
        self._receive, self._unreachable, self._accepts, self._in_use = receive, unreachable, accepts, in_use
        self._context = context
        self._names: dict[Address, str] = {}
        "What a certificate has to say, by address; else the address itself."

        self._open: dict[Address, _Connection] = {}
        self._opening: dict[Address, tuple[asyncio.Task[None], deque[bytes]]] = {}
        self._server: asyncio.Server | None = None
        self._closed = False

    async def listen(self, host: str, port: int, context: ssl.SSLContext | None) -> Address:
        """Take connections. Returns where. Raises `ProviderError` where the port is taken."""
        loop = asyncio.get_running_loop()
        try:
            if host == BOTH_FAMILIES:
                sock = bound(socket.SOCK_STREAM, port)
                self._server = await loop.create_server(lambda: _Connection(self, ours=False), sock=sock, ssl=context)
            else:
                self._server = await loop.create_server(lambda: _Connection(self, ours=False), host, port, ssl=context)
        except OSError as error:
            raise ProviderError(
                f"The SIP port {written((host, port))} cannot be bound: {error.strerror or error}"
            ) from None
        listening: Address = self._server.sockets[0].getsockname()[:2]
        return listening

    def named(self, to: Address, name: str) -> None:
        """The certificate at this address has to be for this name."""
        if len(self._names) >= CONNECTIONS_MAX:
            self._names.clear()
        self._names[to] = name

    def send(self, data: bytes, to: Address) -> None:
        """Send on the connection that there is, else on a new one."""
        if to not in self._open and data.startswith(b"SIP/2.0 "):
            # The connection that it would be the answer on has gone. Where it came from is not its sender's to say, at which port
            # the sender listens is (RFC 3261 §18.2.2).
            to = to[0], _listens_at(data, to[1])
        connection = self._open.get(to)
        if connection is not None:
            connection.send(data)
        elif to in self._opening:
            if len(self._opening[to][1]) < WAITING_MAX:
                self._opening[to][1].append(data)
        elif not self._closed and self._has_room:
            task = asyncio.get_running_loop().create_task(self._connect(to))
            self._opening[to] = task, deque([data])

    def connected(self, to: Address) -> bool:
        """There is a connection with this address, or one is being opened."""
        return to in self._open or to in self._opening

    def in_use(self, connection: "_Connection") -> bool:
        return any(one is connection and self._in_use(address) for address, one in self._open.items())

    @property
    def idle(self) -> bool:
        """There is no connection, and none is being opened."""
        return not (self._open or self._opening)

    @property
    def _has_room(self) -> bool:
        return len(self._open) + len(self._opening) < CONNECTIONS_MAX

    def _has_room_for(self, host: str) -> bool:
        return self._has_room and sum(peer[0] == host for peer in self._open) < CONNECTIONS_OF_ONE_MAX

    async def _connect(self, to: Address) -> None:
        name = self._names.get(to, to[0]) if self._context is not None else None
        why = "it was closed at once"
        try:
            async with asyncio.timeout(CONNECT_S_MAX):
                await asyncio.get_running_loop().create_connection(
                    lambda: _Connection(self, ours=True), *to, ssl=self._context, server_hostname=name
                )
        except (OSError, TimeoutError, ssl.SSLError) as error:
            why = _why(error)
            log.warning("no SIP connection to %s: %s", written(to), why)
        _, waiting = self._opening.pop(to)
        connection = self._open.get(to)
        if connection is None:
            self._unreachable(to, why)
            return
        for data in waiting:
            connection.send(data)

    async def close(self) -> None:
        self._closed = True
        if self._server is not None:
            self._server.close()
        tasks = [task for task, _ in self._opening.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for connection in set(self._open.values()):
            connection.end()

    # -- what connections tell --------------------------------------------------------------------

    def opened(self, connection: "_Connection") -> bool:
        """Whether it may stay."""
        ours = connection.ours
        if self._closed or (
            not ours and not (self._has_room_for(connection.peer[0]) and self._accepts(connection.peer))
        ):
            return False
        self._open[connection.peer] = connection
        return True

    def came(self, connection: "_Connection", data: bytes) -> None:
        if not self._closed:
            self._receive(data, connection.peer)

    def alias(self, source: Address, port: int) -> None:
        """The peer at the other end of this connection takes requests for this port of its own address on it."""
        connection = self._open.get(source)
        if connection is not None and (source[0], port) not in self._open:
            self._open[(source[0], port)] = connection

    def gone(self, connection: "_Connection") -> None:
        known = [address for address, one in self._open.items() if one is connection]
        for address in known:
            del self._open[address]
        # Only then, and where it came from last: whoever is told may have another one opened at once to where the peer listens.
        for address in reversed(known):
            if not self._closed:
                self._unreachable(address, "the connection was closed")


def _listens_at(response: bytes, port: int) -> int:
    """The port at which the sender of the request listens that this answers; this one where it cannot be read."""
    try:
        return parse(response).via.port
    except PeerError:
        return port


def _why(error: Exception) -> str:
    """Why there is no connection, in words for whoever looks after the trunk."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {error.reason or error}"
    if isinstance(error, TimeoutError):
        return "no answer"
    number = getattr(error, "errno", None)
    return os.strerror(number) if number else str(error)


class _Connection(asyncio.Protocol):
    def __init__(self, streams: Streams, *, ours: bool) -> None:
        self._streams = streams
        self.ours = ours
        self._framer = Framer()
        self._heard_at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.peer = unmapped(transport.get_extra_info("peername"))
        sock: socket.socket = transport.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_S_MAX * 1000)
        if not self._streams.opened(self):
            self._transport.abort()
            return
        self._heard_at = asyncio.get_running_loop().time()
        self._watch()

    def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        if loop.time() - self._heard_at > IDLE_S_MAX and not self._streams.in_use(self):
            self._transport.close()
            return
        if self.ours:
            self.send(PING)
        self._timer = loop.call_later(KEEP_ALIVE_S, self._watch)

    def data_received(self, data: bytes) -> None:
        self._heard_at = asyncio.get_running_loop().time()
        try:
            whole = self._framer.feed(data)
        except PeerError as error:
            log.info("SIP connection with %s closed: %s", written(self.peer), error)
            self._transport.abort()
            return
        for _ in range(self._framer.pings):
            self.send(PONG)
        self._framer.pings = 0
        for message in whole:
            self._streams.came(self, message)

    def send(self, data: bytes) -> None:
        if self._transport.get_write_buffer_size() > UNSENT_BYTES_MAX:
            log.info("SIP connection with %s closed: it reads nothing", written(self.peer))
            self._transport.abort()
        elif not self._transport.is_closing():
            self._transport.write(data)

    def end(self) -> None:
        self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._streams.gone(self)
