"""A bound on request lines and headers, which come before any middleware could look at a request.

Nothing in uvicorn bounds them: a client that sends a byte now and then would keep its connection, and enough of them
the whole server, for good.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_S_MAX = 10.0
"From the connection, or from the first byte of a further request on it, to the end of the headers."

HEAD_BYTES_MAX = 64 << 10


class BoundedHeads(HttpToolsProtocol):
    """uvicorn's protocol; a connection whose headers are too slow or too large is closed, the latter with 400."""

    head_s_max = HEAD_S_MAX

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._late: asyncio.TimerHandle | None = None
        "Runs while a head is awaited."

        self._head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._late = self.loop.call_later(self.head_s_max, transport.close)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._late is not None:
            # Counted only where the headers have not ended: what follows them is a body, which has a limit of its own.
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
                self.send_400_response("The request's headers are too large.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._late is None:
            self._late = self.loop.call_later(self.head_s_max, self.transport.close)

    def on_headers_complete(self) -> None:
        self._head_came()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_came()
        super().connection_lost(exc)

    def _head_came(self) -> None:
        if self._late is not None:
            self._late.cancel()
        self._late, self._head_bytes = None, 0
