"""`callwright phones`: telephones that register with a running platform."""

import time
from typing import Any

import click

from callwright.cli._client import Client, with_client

PAGE = 1_000
NO_PAGE = "This platform is of an older release, which has no phones."


@click.group()
def command() -> None:
    """Telephones that register with a running platform, call its numbers, and are called."""


@command.command()
@click.argument("name")
@click.option(
    "--extension", metavar="DIGITS", default="", help="2 to 6 digits, by which phones and applications call it."
)
@click.option("--display-name", metavar="NAME", default="", help="Whose it is.")
@click.option("--calls-out", is_flag=True, help="It may call by the account's trunks.")
@click.option(
    "--digest",
    type=click.Choice(["md5", "sha-256", "both"]),
    default="md5",
    show_default=True,
    help="What it answers challenges with. Some phones cannot register where they are offered SHA-256 at all.",
)
@click.option(
    "--secret",
    envvar="CALLWRIGHT_PHONE_SECRET",
    default="",
    help="Its password; without it a random one is made. Or set CALLWRIGHT_PHONE_SECRET, which no process list shows.",
)
@with_client
def add(
    client: Client, name: str, extension: str, display_name: str, calls_out: bool, digest: str, secret: str
) -> None:
    """Add a phone with the user name NAME, and print its secret."""
    body = {"name": name, "extension": extension, "display_name": display_name, "calls_out": calls_out}
    made = client.ask("POST", "/v1/phones", missing=NO_PAGE, json={**body, "digest": digest, "secret": secret})
    click.echo(f"Name    {name}\nSecret  {made['secret']}")


@command.command(name="list")
@with_client
def list_(client: Client) -> None:
    """Show the phones, and where they are registered."""
    found = _all(client)
    if not found:
        click.echo("There is no phone; `callwright phones add NAME` makes one.")
    for phone in found:
        click.echo(_line(phone))
        if phone["registered"]:
            for binding in client.ask("GET", f"/v1/phones/{phone['id']}", missing=NO_PAGE)["bindings"]:
                click.echo(_where(binding))


@command.command()
@click.argument("name")
@with_client
def remove(client: Client, name: str) -> None:
    """Remove the phone NAME: it can no longer register, call or be called."""
    for phone in _all(client):
        if phone["name"] == name:
            client.ask("DELETE", f"/v1/phones/{phone['id']}", missing=f"There is no phone {name}.")
            return
    raise click.ClickException(f"There is no phone {name}.")


def _all(client: Client) -> list[dict[str, Any]]:
    """An account has a page of them at most."""
    found: list[dict[str, Any]] = client.ask("GET", "/v1/phones", missing=NO_PAGE, params={"limit": PAGE})
    return found


def _line(phone: dict[str, Any]) -> str:
    """`ann  201  "Ann at the desk"  registered`."""
    state = "registered" if phone["registered"] else "not registered" if phone["enabled"] else "disabled"
    shown = f'"{phone["display_name"]}"  ' if phone["display_name"] else ""
    out = ", calls out" if phone["calls_out"] else ""
    return f"{phone['name']:16}  {phone['extension'] or '-':6}  {shown}{state}{out}"


def _where(binding: dict[str, Any]) -> str:
    left_s = max(0, round(binding["expires_at"] - time.time()))
    return f"    {binding['transport']} {binding['host']}:{binding['port']}, for {left_s} s more  {binding['user_agent']}".rstrip()
