"""Whether a document is there: asked before a call is queued that will need it."""

import asyncio

from callwright.base.errors import ProviderError, RequestError
from callwright.providers.http import GuardedClient

PROBE_S_MAX = 10.0
"What the document gets when it is needed, too."

PROBE_BYTES_MAX = 1 << 20
AT_ONCE = 50
"Of one process: a slow server holds one of these for ten seconds, and clients of others' wait behind fifty at most."


class Probes:
    """Asks servers that users named, by the rules of `providers.http`."""

    def __init__(self, http: GuardedClient) -> None:
        self._http = http
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def require(self, field: str, url: str) -> None:
        """GET it. Raises `RequestError` where anything but 200 comes."""
        async with self._turn:
            try:
                reply = await self._http.request("GET", url, timeout_s=PROBE_S_MAX, max_bytes=PROBE_BYTES_MAX)
            except ProviderError as error:
                raise RequestError(400, f"{field} did not answer: {error}", field=field) from None
        if reply.status != 200:
            raise RequestError(400, f"{field} answered {reply.status} to GET where 200 is needed", field=field)
