"""`callwright record-test`: a past call as a transcript."""

import json
from pathlib import Path
from typing import Any

import click
import httpx

from callwright.cli._options import default_data_dir
from callwright.session.redaction import PRIVATE

ANSWER_S_MAX = 10.0


@click.command()
@click.argument("call")
@click.option("--url", default="http://127.0.0.1:8080", show_default=True, help="Where the platform's API is.")
@click.option("--user", envvar="CALLWRIGHT_USER", help="E-mail of the account. Or set CALLWRIGHT_USER.")
@click.option("--key", envvar="CALLWRIGHT_KEY", help="Its developer key. Or set CALLWRIGHT_KEY.")
@click.option(
    "--data",
    "data_dir",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="CALLWRIGHT_DATA",
    default=default_data_dir,
    show_default="~/.local/share/callwright",
    help="Where the first account's secrets are read from when no key is given.",
)
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write it there, not to the terminal."
)
def command(call: str, url: str, user: str | None, key: str | None, data_dir: Path, output: Path | None) -> None:
    """Turn a past CALL, given by its session id, into a transcript for `callwright test`.

    What was private in it stands as [private]: put values of your own there. A call's details are kept for five days.
    """
    found = _ask(url.rstrip("/"), call, (user, key) if user and key else _first_account(data_dir))
    if not found["transcript"]:
        raise click.ClickException(f"The details of {call} are no longer kept.")
    variables = "".join(
        f"variable {name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in found["variables"].items()
    )
    text = f"# Call {call}, {found['direction']}\n{variables}{found['transcript']}"
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text)
        click.echo(f"Saved: {output}", err=True)
    if PRIVATE in text:
        click.echo(f"{PRIVATE} stands where a private value was: write one of your own in its place.", err=True)


def _first_account(data_dir: Path) -> tuple[str, str]:
    try:
        secrets = json.loads((data_dir / "secrets.json").read_text())
        return secrets["email"], secrets["developer_key"]
    except (OSError, ValueError, KeyError):
        raise click.ClickException(
            f"{data_dir} has no secrets.json; give --user and --key, or another --data."
        ) from None


def _ask(url: str, call: str, auth: tuple[str, str]) -> dict[str, Any]:
    try:
        reply = httpx.get(f"{url}/v1/calls/{call}", auth=auth, timeout=ANSWER_S_MAX, trust_env=False)
    except httpx.HTTPError as error:
        raise click.ClickException(f"{url} does not answer: {error}. Is `callwright up` running there?") from None
    match reply.status_code:
        case 200:
            found: dict[str, Any] = reply.json()
            return found
        case 401:
            raise click.ClickException("The platform does not know this user and key.")
        case 404:
            raise click.ClickException(
                f"There is no call {call}: give its session id, such as '300000;001;1700000000'."
            )
    raise click.ClickException(f"{url} answered {reply.status_code}: {reply.text[:200]}")
