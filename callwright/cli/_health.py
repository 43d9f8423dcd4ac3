"""Asks a started platform, from outside, whether it answers: HTTP, and SIP by OPTIONS."""

from pathlib import Path

import httpx

from callwright.base.errors import ProviderError
from callwright.cli._tls import trust
from callwright.telephony import sip_options

ANSWER_S_MAX = 10.0
"A machine that is busy with everybody's first start."


async def http_answers(url: str, cert: Path | None = None) -> None:
    """Raises `ProviderError` where the web process does not answer, or only with an error of its own.

    `cert`: the certificate that it has to show.
    """
    async with httpx.AsyncClient(verify=trust(cert) if cert else True, trust_env=False, timeout=ANSWER_S_MAX) as client:
        try:
            reply = await client.get(url)
        except httpx.HTTPError as error:
            raise ProviderError(f"{url} does not answer: {error!r}") from None
    if reply.status_code >= 500:
        raise ProviderError(f"{url} answers with {reply.status_code}")


async def sip_answers(host: str, port: int) -> None:
    """Raises `ProviderError` where the engine does not answer OPTIONS with 200."""
    status = await sip_options.ask(host, port, wait_s=ANSWER_S_MAX)
    if status != 200:
        raise ProviderError(f"the engine answers SIP on {host}:{port} with {status}")
