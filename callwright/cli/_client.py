"""Asking a running platform over its API, for the subcommands that work with one."""

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import httpx

from callwright.cli._options import data_option_of

ANSWER_S_MAX = 10.0

_OPTIONS = (
    click.option("--url", default="http://127.0.0.1:8080", show_default=True, help="Where the platform's API is."),
    click.option("--user", envvar="CALLWRIGHT_USER", help="E-mail of the account. Or set CALLWRIGHT_USER."),
    click.option("--key", envvar="CALLWRIGHT_KEY", help="Its developer key. Or set CALLWRIGHT_KEY."),
    data_option_of("Where the first account's secrets are read from when no key is given."),
)


class Client:
    """A platform's API as one account sees it. Whatever goes wrong ends the command with the reason."""

    def __init__(self, url: str, auth: tuple[str, str]) -> None:
        self.url = url.rstrip("/")
        self._auth = auth

    def ask(self, method: str, path: str, *, missing: str, timeout_s: float = ANSWER_S_MAX, **sent: Any) -> Any:
        """What is answered, as JSON; None for no content. `missing` is said where there is nothing at that path; `sent` is as
        httpx has it."""
        reply = self._asked(method, path, missing, timeout_s, **sent)
        return reply.json() if reply.content else None

    def download(self, path: str, *, missing: str) -> bytes:
        """The same of what is no JSON."""
        return self._asked("GET", path, missing, ANSWER_S_MAX).content

    def _asked(self, method: str, path: str, missing: str, timeout_s: float, **sent: Any) -> httpx.Response:
        try:
            reply = httpx.request(method, self.url + path, auth=self._auth, timeout=timeout_s, trust_env=False, **sent)
        except httpx.HTTPError as error:
            raise click.ClickException(
                f"{self.url} does not answer: {error}. Is `callwright up` running there?"
            ) from None
        match reply.status_code:
            case 200 | 201 | 204:
                return reply
            case 401:
                raise click.ClickException("The platform does not know this user and key.")
            case 404:
                raise click.ClickException(missing)
        raise click.ClickException(f"{self.url} answered {reply.status_code}: {_detail(reply)}")


def _detail(reply: httpx.Response) -> str:
    try:
        return str(reply.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return reply.text[:200]


def with_client(command: Callable[..., None]) -> Callable[..., None]:
    """Adds the options that say which platform, and hands the command a `client`."""

    @functools.wraps(command)
    def wrapped(url: str, user: str | None, key: str | None, data_dir: Path, **others: Any) -> None:
        auth = (user, key) if user and key else _first_account(data_dir)
        command(client=Client(url, auth), **others)

    made: Callable[..., None] = wrapped
    for option in reversed(_OPTIONS):
        made = option(made)
    return made


def _first_account(data_dir: Path) -> tuple[str, str]:
    try:
        secrets = json.loads((data_dir / "secrets.json").read_text())
        return secrets["email"], secrets["developer_key"]
    except (OSError, ValueError, KeyError):
        raise click.ClickException(
            f"{data_dir} has no secrets.json; give --user and --key, or another --data."
        ) from None
