"""Performs world-facing commands: what a program asks of web services, mail servers and the account's applications."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

import httpx

from callwright.base.errors import CallwrightError, ProviderError
from callwright.ports.evaluator import SessionScripts
from callwright.providers.http import GuardedClient
from callwright.providers.integrations.soap import Soap, SoapRequest
from callwright.providers.mail.smtp import Attachment, Mailer
from callwright.session.commands import Evaluate, Fetch, Invoke, Load, Log, Send, SendText, WorldCommand
from callwright.session.events import (
    Done,
    EvaluationFailed,
    Event,
    Fetched,
    FetchFailed,
    Invoked,
    InvokeFailed,
    Loaded,
    LoadFailed,
    SendFailed,
    Sent,
)
from callwright.session.prompts import RECORDING
from callwright.store.database import FAILURES
from callwright.voice.messages import Messages

FETCH_BYTES_MAX = 1 << 20
"A web service's answer that a flow reads is at most this long."

FETCH_REDIRECTS_MAX = 3


@dataclass(frozen=True, slots=True)
class World:
    """What one call has of the world."""

    http: GuardedClient
    soap: Soap
    mailer: Mailer
    messages: Messages
    scripts: SessionScripts
    load: Callable[[Load], Awaitable[Loaded | LoadFailed]]
    text: Callable[[SendText], Awaitable[str]]
    "Queues a text; its id. Raises `CallwrightError` with the reason where it is not sent."

    clock: Callable[[], float]

    async def perform(self, command: WorldCommand) -> Event:
        match command:
            case Log():
                return Done(self.clock())
            case Fetch():
                await asyncio.sleep(command.delay_s)
                return await fetch(command, self.http, self.clock, self.messages)
            case Invoke():
                await asyncio.sleep(command.delay_s)
                return await self._invoke(command)
            case Send():
                return await self._send(command)
            case SendText():
                return await self._text(command)
            case Evaluate():
                try:
                    return replace(await self.scripts.evaluate(command), now=self.clock())
                except ProviderError as error:
                    return EvaluationFailed(self.clock(), str(error))
            case Load():
                return replace(await self.load(command), now=self.clock())

    async def _invoke(self, command: Invoke) -> Invoked | InvokeFailed:
        arguments = dict(command.arguments)
        parameters = arguments.get("parameters")
        try:
            if command.integration != "soap":
                raise ProviderError(f"there is no integration {command.integration!r}")
            request = SoapRequest(
                str(arguments.get("wsdl")),
                command.operation,
                parameters if isinstance(parameters, dict) else {},
                str(arguments.get("version")),
                command.timeout_s,
            )
            return Invoked(self.clock(), await self.soap.call(request))
        except ProviderError as error:
            return InvokeFailed(self.clock(), str(error))

    async def _send(self, command: Send) -> Sent | SendFailed:
        try:
            attachments = [
                Attachment(name, await asyncio.to_thread(self.messages.path(ref).read_bytes))
                for name, ref in command.attachments
            ]
            number = await self.mailer.send(
                command.to, command.subject, command.body, reply_to=command.reply_to, attachments=attachments
            )
        except (ProviderError, OSError) as error:
            return SendFailed(self.clock(), str(error))
        return Sent(self.clock(), number)

    async def _text(self, command: SendText) -> Sent | SendFailed:
        try:
            async with asyncio.timeout(command.timeout_s):
                return Sent(self.clock(), await self.text(command))
        except CallwrightError as error:
            return SendFailed(self.clock(), str(error))
        except FAILURES as error:
            return SendFailed(self.clock(), f"the queue of texts did not answer: {type(error).__name__}")


async def fetch(
    command: Fetch, http: GuardedClient, clock: Callable[[], float], messages: Messages | None = None
) -> Fetched | FetchFailed:
    """Send one request of a program, within the limits of a conversation."""
    try:
        content, headers = await _content(command, messages)
        reply = await http.request(
            command.method,
            command.url,
            headers=headers,
            content=content,
            timeout_s=command.timeout_s,
            max_bytes=FETCH_BYTES_MAX,
            redirects_max=FETCH_REDIRECTS_MAX,
        )
    except (ProviderError, OSError) as error:
        return FetchFailed(clock(), str(error))
    media_type, charset = _content_type(reply.headers)
    return Fetched(
        clock(),
        status=reply.status,
        media_type=media_type,
        body=_decode(reply.body, charset),
        url=reply.url,
    )


async def _content(command: Fetch, messages: Messages | None) -> tuple[bytes, Sequence[tuple[str, str]]]:
    """The body and its headers. A form with a recording in it is `multipart/form-data` (RFC 7578)."""
    if not command.fields:
        return command.body.encode(), command.headers
    data: dict[str, list[str]] = {}
    files: list[tuple[str, tuple[str, bytes, str]]] = []
    for name, value in command.fields:
        if messages is not None and RECORDING.fullmatch(value):
            content = await asyncio.to_thread(messages.path(value).read_bytes)
            files.append((name, (f"{name}.wav", content, "audio/wav")))
        else:
            data.setdefault(name, []).append(value)
    form = httpx.Request("POST", "http://form", data=data, files=files)
    headers = tuple((name, value) for name, value in command.headers if name.lower() != "content-type")
    return form.read(), (*headers, ("Content-Type", form.headers["Content-Type"]))


def _content_type(headers: Sequence[tuple[str, str]]) -> tuple[str, str]:
    value = next((value for name, value in headers if name.lower() == "content-type"), "")
    media_type, *parameters = (piece.strip() for piece in value.split(";"))
    charset = next((p.partition("=")[2].strip("\"' ") for p in parameters if p.lower().startswith("charset=")), "utf-8")
    return media_type.lower(), charset


def _decode(body: bytes, charset: str) -> str:
    try:
        return body.decode(charset, errors="replace")
    except LookupError:
        return body.decode("utf-8", errors="replace")
