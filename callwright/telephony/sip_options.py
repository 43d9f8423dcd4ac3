"""Asks a SIP user agent whether it is there, by OPTIONS (RFC 3261 §11)."""

import asyncio
import secrets
import socket

from callwright.base.errors import ProviderError
from callwright.sip.address import bracketed

RESEND_S = 0.5
"OPTIONS over UDP may be lost: RFC 3261's T1."


async def ask(host: str, port: int, *, name: str = "up", wait_s: float) -> int:
    """The status that it answers with. `name` is the user part that is asked for.

    Raises `ProviderError` where nothing answers within `wait_s`, or nothing listens there at all.
    """
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[str] = loop.create_future()
    transport = None
    try:
        transport, _ = await loop.create_datagram_endpoint(lambda: _Answer(answered), local_addr=_own(host, port))
        request = _options(host, port, name, transport.get_extra_info("sockname"))
        async with asyncio.timeout(wait_s):
            while not answered.done():
                transport.sendto(request, (host, port))
                await asyncio.wait([answered], timeout=RESEND_S)
    except TimeoutError:
        raise ProviderError(f"nothing answers SIP on {host}:{port}") from None
    except OSError as error:
        raise ProviderError(f"SIP on {host}:{port} cannot be asked: {error.strerror or error}") from None
    finally:
        if transport is not None:
            transport.close()
    line = answered.result()
    status = line.removeprefix("SIP/2.0 ")[:3]
    if not line.startswith("SIP/2.0 ") or not status.isdigit():
        raise ProviderError(f"{host}:{port} answers SIP with {line[:80]!r}")
    return int(status)


class _Answer(asyncio.DatagramProtocol):
    def __init__(self, answered: asyncio.Future[str]) -> None:
        self._answered = answered

    def datagram_received(self, data: bytes, addr: object) -> None:
        if not self._answered.done():
            self._answered.set_result(data.partition(b"\r\n")[0].decode(errors="replace"))


def _own(host: str, port: int) -> tuple[str, int]:
    """Our address on the way there, with any port. The socket that asks is not connected itself: one ICMP error ends
    the reader of a connected one."""
    family, kind, _, _, to = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST)[0]
    with socket.socket(family, kind) as probe:
        probe.connect(to)
        return probe.getsockname()[0], 0


def _options(host: str, port: int, name: str, own: tuple[str, int]) -> bytes:
    shown, own_host = bracketed(host), bracketed(own[0])
    token = secrets.token_hex(8)
    return "\r\n".join(
        (
            f"OPTIONS sip:{name}@{shown}:{port} SIP/2.0",
            f"Via: SIP/2.0/UDP {own_host}:{own[1]};branch=z9hG4bK{token};rport",
            "Max-Forwards: 70",
            f"From: <sip:{name}@{own_host}>;tag={token}",
            f"To: <sip:{name}@{shown}:{port}>",
            f"Call-ID: {token}",
            "CSeq: 1 OPTIONS",
            f"Contact: <sip:{name}@{own_host}:{own[1]}>",
            "Content-Length: 0",
            "",
            "",
        )
    ).encode()
