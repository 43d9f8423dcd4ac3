"""What holds for every request and reply, before and after anything reads them."""

import asyncio
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
    (re.compile(r"/ws/transcription/transcribe\.\w+"), 16 << 20),
    (re.compile(r"/v1/applications/\d+/audio/archive"), audio_archive.BYTES_MAX),
    (re.compile(r".*/bulk_queue|/webservice/queuecalls\.php"), 64 << 20),
)
"Of paths that take more: audio files, a minute of them to be transcribed, archives; 100,000 contacts with some 600 bytes each."

BODY_S_MAX = 30.0
"From the beginning of a request to the end of its body."

BODY_BYTES_PER_S_MIN = 64 << 10
"A body over `BODY_BYTES_MAX` may take longer: as long as its limit takes at this rate."


class BodyTooLarge(Exception):
    """More came than a body may have, or it came too slowly. Raised to whoever reads it; the answer is 413 or 408, whatever
    is made of it there."""


class BodyLimit:
    """Refuses bodies over the limit: by their Content-Length, when more comes than was said, or when they come too slowly.

    `refusal` makes the answer in the form of the surface that was asked, from the scope, the status, and the limit: bytes
    for 413, seconds for 408.
    """

    def __init__(
        self, app: ASGIApp, refusal: Callable[[Scope, int, int], Response], seconds_max: float = BODY_S_MAX
    ) -> None:
        self._app, self._refusal, self._seconds_max = app, refusal, seconds_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = next((more for path, more in BODY_BYTES_MAX_OF if path.fullmatch(scope["path"])), BODY_BYTES_MAX)
        seconds = self._seconds_max if limit <= BODY_BYTES_MAX else max(self._seconds_max, limit / BODY_BYTES_PER_S_MIN)

        async def refuse(status: int) -> None:
            answer = self._refusal(scope, status, limit if status == 413 else int(seconds))
            answer.headers["Connection"] = "close"
            await answer(scope, receive, send)

        length = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        if length.isdigit() and int(length[:20]) > limit:
            await refuse(413)
            return
        until = asyncio.get_running_loop().time() + seconds
        came = 0
        ended = started = False
        wrong = 0

        async def counted() -> Message:
            nonlocal came, ended, wrong
            if ended:
                # What comes now tells only that the client goes.
                return await receive()
            try:
                async with asyncio.timeout_at(until):
                    message = await receive()
            except TimeoutError:
                wrong = 408
                raise BodyTooLarge from None
            came += len(message.get("body", b""))
            if came > limit:
                wrong = 413
                raise BodyTooLarge
            ended = not message.get("more_body", False)
            return message

        async def noted(message: Message) -> None:
            # What an application answers to a body that it could not read to its end is not the reason.
            nonlocal started
            if not wrong or started:
                started = True
                await send(message)

        with contextlib.suppress(BodyTooLarge):
            await self._app(scope, counted, noted)
        if wrong and not started:
            await refuse(wrong)


class SafeHeaders:
    """No reply is taken for another type than it says, and no cache keeps an account's data."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        private = scope["type"] == "http" and scope["path"].startswith(("/api/", "/ws/", "/webservice/", "/v1/"))

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Content-Type-Options"] = "nosniff"
                if private:
                    headers["Cache-Control"] = "no-store"
            await send(message)

        await self._app(scope, receive, marked)
