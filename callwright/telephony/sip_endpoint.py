"""The SIP user agent on one UDP port of an asyncio loop: a thin shell around `sip.agent`.

The socket is never connected: one ICMP error would end a connected reader on uvloop for good.
"""

import asyncio
import logging
import secrets
import socket
import time
from collections.abc import Callable

from callwright.base.errors import ProviderError
from callwright.sip.agent import Agent
from callwright.sip.call import SipCall
from callwright.sip.events import Answered, Confirmed, Ended, KeyInfo, Rejected, Reoffered, Ringing, SipEvent
from callwright.sip.message import Address

log = logging.getLogger(__name__)

RECEIVE_BUFFER_BYTES = 4 << 20
"A second of a thousand calls a second, should the loop be held up."

CLOSE_S_MAX = 0.5
"How long `close` lets the last BYEs be answered."


class SipEndpoint(asyncio.DatagramProtocol):
    """One user agent on one port. Made by `open`."""

    def __init__(self, on_invite: Callable[[SipCall], None], accepts: Callable[[Address], bool]) -> None:
        self._on_invite = on_invite
        self._accepts = accepts
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = float("inf")
        self._closed = False

    @classmethod
    async def open(
        cls,
        host: str,
        port: int,
        *,
        on_invite: Callable[[SipCall], None],
        accepts: Callable[[Address], bool] = lambda _: True,
    ) -> "SipEndpoint":
        """Bind and serve. Raises `ProviderError` where the port is taken. `accepts`: sources that are listened to at all."""
        loop = asyncio.get_running_loop()
        try:
            transport, endpoint = await loop.create_datagram_endpoint(
                lambda: cls(on_invite, accepts), local_addr=(host, port)
            )
        except OSError as error:
            raise ProviderError(f"The SIP port {host}:{port} cannot be bound: {error.strerror or error}") from None
        sock = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        return endpoint

    @property
    def draining(self) -> bool:
        return self._agent.draining

    @draining.setter
    def draining(self, value: bool) -> None:
        self._agent.draining = value

    def invite(
        self, target: str, *, call_id: str, caller: str, sdp: str, to: Address, on_event: Callable[[SipEvent], None]
    ) -> SipCall:
        """Dial. What comes of it is told to `on_event`."""
        return self._agent.invite(target, call_id=call_id, caller=caller, sdp=sdp, to=to, on_event=on_event)

    async def close(self) -> None:
        """Hang up what is left, give the last messages a moment, and let go of the port."""
        self._agent.hang_up_all()
        if self._agent.transactions and not self._closed:
            await asyncio.sleep(CLOSE_S_MAX if self._agent.calls else 0.05)
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._transport.close()

    # -- asyncio.DatagramProtocol ---------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.DatagramTransport = transport  # type: ignore[assignment]
        self.address: Address = transport.get_extra_info("sockname")[:2]
        self._agent = Agent.build(
            self.address,
            send=self._send,
            clock=time.monotonic,
            on_invite=self._on_invite,
            new_tag=lambda: secrets.token_hex(8),
        )
        self._agent.wire.timers.sooner = self._arm

    def datagram_received(self, data: bytes, addr: Address) -> None:
        source = addr[:2]
        if self._accepts(source):
            self._agent.receive(data, source)

    def error_received(self, exc: Exception) -> None:
        # A peer that is not there (ICMP). Its transaction runs out; nothing else is concerned.
        log.debug("SIP socket: %s", exc)

    # -- sending and time -------------------------------------------------------------------------

    def _send(self, data: bytes, to: Address) -> None:
        if self._closed:
            return
        try:
            self._transport.sendto(data, to)
        except (OSError, ValueError) as error:
            log.debug("cannot send to %s:%s: %s", *to, error)

    def _arm(self) -> None:
        due = self._agent.wire.timers.next_due
        if due is None or due >= self._timer_at or self._closed:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = due
        self._timer = asyncio.get_running_loop().call_later(max(0.0, due - time.monotonic()), self._due)

    def _due(self) -> None:
        self._timer, self._timer_at = None, float("inf")
        self._agent.wire.timers.run(time.monotonic())
        self._arm()


__all__ = [
    "Answered",
    "Confirmed",
    "Ended",
    "KeyInfo",
    "Rejected",
    "Reoffered",
    "Ringing",
    "SipCall",
    "SipEndpoint",
    "SipEvent",
]
