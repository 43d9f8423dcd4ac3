"""Asks a started platform, from outside, whether it answers: HTTP, and SIP by OPTIONS (RFC 3261 §11)."""

import asyncio
import secrets

import httpx

from callwright.base.errors import ProviderError

ANSWER_S_MAX = 10.0
"A machine that is busy with everybody's first start."

RESEND_S = 0.5
"OPTIONS over UDP may be lost: RFC 3261's T1."


async def http_answers(url: str) -> None:
    """Raises `ProviderError` where the web process does not answer, or only with an error of its own."""
    async with httpx.AsyncClient(trust_env=False, timeout=ANSWER_S_MAX) as client:
        try:
            reply = await client.get(url)
        except httpx.HTTPError as error:
            raise ProviderError(f"{url} does not answer: {error!r}") from None
    if reply.status_code >= 500:
        raise ProviderError(f"{url} answers with {reply.status_code}")


async def sip_answers(host: str, port: int) -> None:
    """Raises `ProviderError` where the engine does not answer OPTIONS with 200."""
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[str] = loop.create_future()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Answer(answered), local_addr=(host, 0))
    try:
        request = _options(host, port, transport.get_extra_info("sockname")[1])
        async with asyncio.timeout(ANSWER_S_MAX):
            while not answered.done():
                transport.sendto(request, (host, port))
                await asyncio.wait([answered], timeout=RESEND_S)
    except TimeoutError:
        raise ProviderError(f"the engine does not answer SIP on {host}:{port}") from None
    finally:
        transport.close()
    status = answered.result()
    if not status.startswith("SIP/2.0 200"):
        raise ProviderError(f"the engine answers SIP on {host}:{port} with {status!r}")


class _Answer(asyncio.DatagramProtocol):
    def __init__(self, answered: asyncio.Future[str]) -> None:
        self._answered = answered

    def datagram_received(self, data: bytes, addr: object) -> None:
        if not self._answered.done():
            self._answered.set_result(data.partition(b"\r\n")[0].decode(errors="replace"))


def _options(host: str, port: int, own_port: int) -> bytes:
    shown = f"[{host}]" if ":" in host else host
    name = secrets.token_hex(8)
    return "\r\n".join(
        (
            f"OPTIONS sip:{shown}:{port} SIP/2.0",
            f"Via: SIP/2.0/UDP {shown}:{own_port};branch=z9hG4bK{name};rport",
            "Max-Forwards: 70",
            f"From: <sip:up@{shown}>;tag={name}",
            f"To: <sip:{shown}:{port}>",
            f"Call-ID: {name}",
            "CSeq: 1 OPTIONS",
            f"Contact: <sip:up@{shown}:{own_port}>",
            "Content-Length: 0",
            "",
            "",
        )
    ).encode()
