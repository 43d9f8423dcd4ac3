"""`callwright record-test`: a past call as a transcript."""

import json
from pathlib import Path

import click

from callwright.cli._client import Client, with_client
from callwright.session.redaction import PRIVATE


@click.command()
@click.argument("call")
@with_client
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write it there, not to the terminal."
)
def command(client: Client, call: str, output: Path | None) -> None:
    """Turn a past CALL, given by its session id, into a transcript for `callwright test`.

    What was private in it stands as [private]: put values of your own there. A call's details are kept for five days.
    """
    missing = f"There is no call {call}: give its session id, such as '300000;001;1700000000'."
    found = client.ask("GET", f"/v1/calls/{call}", missing=missing)
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
