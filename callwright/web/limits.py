"""What holds for every request and reply, before and after anything reads them."""

import contextlib
import re
from collections.abc import Callable

from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from callwright.media import audio_files
from callwright.services import audio_archive

BODY_BYTES_MAX = 2 << 20
BODY_BYTES_MAX_OF = (
    (re.compile(r"/v1/audio|/v1/applications/\d+/audio/[^/]+/[^/]+/file"), audio_files.BYTES_MAX),
    (re.compile(r"/v1/applications/\d+/audio/archive"), audio_archive.BYTES_MAX),
    (re.compile(r".*/bulk_queue"), 64 << 20),
)
"Of paths that take more: audio files, archives of them; 100,000 contacts with some 600 bytes each."


class BodyTooLarge(Exception):
    """More came than a body may have. Raised to whoever reads it; the answer is 413 whatever is made of it there."""


class BodyLimit:
    """Refuses bodies over the limit: by their Content-Length, or when more comes than was said.

    `refusal` makes the answer in the form of the surface that was asked, from the scope and the limit.
    """

    def __init__(self, app: ASGIApp, refusal: Callable[[Scope, int], Response]) -> None:
        self._app, self._refusal = app, refusal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = next((more for path, more in BODY_BYTES_MAX_OF if path.fullmatch(scope["path"])), BODY_BYTES_MAX)
        refuse = self._refusal(scope, limit)
        refuse.headers["Connection"] = "close"
        length = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        if length.isdigit() and int(length[:20]) > limit:
            await refuse(scope, receive, send)
            return
        came = 0
        started = False

        async def counted() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            if came > limit:
                raise BodyTooLarge
            return message

        async def noted(message: Message) -> None:
            # What an application answers to a body that it could not read to its end is not the reason.
            nonlocal started
            if came <= limit or started:
                started = True
                await send(message)

        with contextlib.suppress(BodyTooLarge):
            await self._app(scope, counted, noted)
        if came > limit and not started:
            await refuse(scope, receive, send)


class SafeHeaders:
    """No reply is taken for another type than it says, and no cache keeps an account's data."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        private = scope["type"] == "http" and scope["path"].startswith(("/api/", "/ws/", "/v1/"))

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Content-Type-Options"] = "nosniff"
                if private:
                    headers["Cache-Control"] = "no-store"
            await send(message)

        await self._app(scope, receive, marked)
