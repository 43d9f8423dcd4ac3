"""Drives a Run to its end: caller-facing commands go to the performer, world-facing ones are performed here.

A caller who hangs up during a world-facing command does not stop it: the answer comes with `caller_gone`, and
the program finds out at its next boundary.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from callwright.base.errors import ProviderError
from callwright.providers.http import GuardedClient
from callwright.session.commands import CallerCommand, Command, Fetch, Log
from callwright.session.events import Done, Event, Fetched, FetchFailed, Started
from callwright.session.run import Outcome, Run

FETCH_BYTES_MAX = 1 << 20
"A web service's answer that a flow reads is at most this long."

FETCH_REDIRECTS_MAX = 3


class CallerSide(Protocol):
    """Who performs caller-facing commands: the voice layer, a simulator."""

    @property
    def gone(self) -> bool: ...

    async def perform(self, command: CallerCommand) -> Event: ...


async def converse(run: Run, caller: CallerSide, http: GuardedClient, clock: Callable[[], float]) -> Outcome:
    """Run the program to its end and say how it ended."""
    command = run.start(Started(clock()))
    while command is not None:
        command = run.send(await _perform(command, caller, http, clock))
    assert run.outcome is not None
    return run.outcome


async def _perform(command: Command, caller: CallerSide, http: GuardedClient, clock: Callable[[], float]) -> Event:
    match command:
        case Log():
            return Done(clock(), caller_gone=caller.gone)
        case Fetch():
            answer = await fetch(command, http, clock)
            return replace(answer, caller_gone=caller.gone)
        case _:
            return await caller.perform(command)


async def fetch(command: Fetch, http: GuardedClient, clock: Callable[[], float]) -> Fetched | FetchFailed:
    """Send one request of a program, within the limits of a conversation."""
    try:
        reply = await http.request(
            command.method,
            command.url,
            headers=command.headers,
            content=command.body.encode(),
            timeout_s=command.timeout_s,
            max_bytes=FETCH_BYTES_MAX,
            redirects_max=FETCH_REDIRECTS_MAX,
        )
    except ProviderError as error:
        return FetchFailed(clock(), str(error))
    media_type, charset = _content_type(reply.headers)
    return Fetched(
        clock(),
        status=reply.status,
        media_type=media_type,
        body=_decode(reply.body, charset),
        url=reply.url,
    )


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
