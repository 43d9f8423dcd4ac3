"""`callwright trunks`: the SIP peers that carry an account's calls."""

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from callwright.cli._client import Client, with_client

SECRET_BYTES = 15
"Of one that we make: 20 characters, as for phones."

NO_TRUNK = "There is no such trunk any more."

_SETTINGS = (
    click.option("--host", metavar="HOST", help="Where it is: a name or an IP address."),
    click.option("--port", type=click.IntRange(0, 65535), help="0: DNS says (NAPTR, SRV)."),
    click.option("--transport", type=click.Choice(["udp", "tcp", "tls"])),
    click.option("--prefix", metavar="DIGITS", help="Numbers that it takes; the longest prefix wins."),
    click.option("--channels", type=int, help="Calls at once."),
    click.option("--calls-per-second", type=float),
    click.option("--caller-id", metavar="NUMBER"),
    click.option("--enabled/--disabled", default=None),
    click.option("--username", metavar="NAME", help="Who we are to it, where it challenges."),
    click.option(
        "--password",
        envvar="CALLWRIGHT_TRUNK_PASSWORD",
        help="Or set CALLWRIGHT_TRUNK_PASSWORD, which no process list shows.",
    ),
    click.option(
        "--peer-username",
        metavar="NAME",
        help="Who it is to us: its calls show this name, from anywhere, and prove it.",
    ),
    click.option(
        "--peer-secret",
        envvar="CALLWRIGHT_TRUNK_PEER_SECRET",
        help="With which it proves them; without it a random one is made, and printed this once.",
    ),
    click.option("--peer-digest", type=click.Choice(["md5", "sha-256", "both"]), help="What it proves them with."),
    click.option("--registers/--no-registers", default=None, help="Register with it, so that it calls us there."),
    click.option(
        "--address", "addresses", metavar="CIDR", multiple=True, help="Where its calls come from too; may be repeated."
    ),
    click.option("--srtp/--no-srtp", default=None, help="Offer it SRTP and nothing else; by tls."),
    click.option(
        "--codecs",
        metavar="NAMES",
        help="In the order in which they are offered: pcma,pcmu. An empty text: the engine's.",
    ),
    click.option(
        "--authority",
        metavar="FILE",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="PEM of those that may have signed its certificate, by tls; /dev/null: those that the machine trusts.",
    ),
)


def _settings(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_SETTINGS):
        command = option(command)
    return command


@click.group()
def command() -> None:
    """SIP peers that carry the calls of an account of a running platform."""


@command.command()
@click.argument("name")
@_settings
@with_client
def add(client: Client, name: str, **settings: Any) -> None:
    """Add a trunk called NAME, and print its id. What is not said is as docs/howto/add-a-trunk has it."""
    body = {"name": name, **_said(settings)}
    secret = _made_secret(body)
    made = client.ask("POST", "/v1/trunks", missing=NO_TRUNK, json=body)
    click.echo(made["id"])
    _show(secret)


@command.command()
@click.argument("trunk_id", metavar="ID", type=int)
@click.option("--name", metavar="NAME")
@_settings
@with_client
def change(client: Client, trunk_id: int, **settings: Any) -> None:
    """Change what is said of the trunk ID; all else stays as it is."""
    kept = {
        field: value for field, value in _found(client, trunk_id).items() if field not in ("id", "registration")
    } | _said(settings)
    secret = _made_secret(kept)
    client.ask("PUT", f"/v1/trunks/{trunk_id}", missing=NO_TRUNK, json=kept)
    _show(secret)


@command.command(name="list")
@with_client
def list_(client: Client) -> None:
    """Show the trunks, and how those stand that we register with."""
    found = _all(client)
    if not found:
        click.echo("There is no trunk; `callwright trunks add NAME --host HOST` makes one.")
    for trunk in found:
        click.echo(_line(trunk))


@command.command()
@click.argument("trunk_id", metavar="ID", type=int)
@with_client
def remove(client: Client, trunk_id: int) -> None:
    """Remove the trunk ID. Calls that waited for it go by another one, or are rejected when they are due."""
    _found(client, trunk_id)
    client.ask("DELETE", f"/v1/trunks/{trunk_id}", missing=NO_TRUNK)


def _said(settings: dict[str, Any]) -> dict[str, Any]:
    """The fields of /v1 that were given."""
    said = {field: value for field, value in settings.items() if value is not None and value != ()}
    if "addresses" in said:
        said["addresses"] = list(said["addresses"])
    if "codecs" in said:
        said["codecs"] = [name.strip() for name in said["codecs"].split(",") if name.strip()]
    if (authority := said.pop("authority", None)) is not None:
        said["certificate_authority"] = _text(authority)
    return said


def _made_secret(trunk: dict[str, Any]) -> str:
    """Put a random secret into one that has a name for its calls and none yet."""
    if not trunk.get("peer_username") or trunk.get("peer_secret"):
        return ""
    trunk["peer_secret"] = secrets.token_urlsafe(SECRET_BYTES)
    return str(trunk["peer_secret"])


def _show(secret: str) -> None:
    if secret:
        click.echo(f"Secret  {secret}")


def _text(file: Path) -> str:
    try:
        return file.read_text("ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise click.BadParameter(f"{file} cannot be read as PEM: {error}", param_hint="--authority") from None


def _all(client: Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.ask("GET", "/v1/trunks", missing="This platform has no trunks.")
    return found


def _found(client: Client, trunk_id: int) -> dict[str, Any]:
    for trunk in _all(client):
        if trunk["id"] == trunk_id:
            return trunk
    raise click.ClickException(f"There is no trunk {trunk_id}.")


def _line(trunk: dict[str, Any]) -> str:
    """`7  Carrier  tls sip.example.com:5061  prefix 44, pcma pcmu, own authority, registered`."""
    port = f":{trunk['port']}" if trunk["port"] else ""
    told = [
        f"prefix {trunk['prefix']}" if trunk["prefix"] else "all numbers",
        "srtp" if trunk["srtp"] else "",
        " ".join(trunk.get("codecs", [])),
        "own authority" if trunk.get("certificate_authority") else "",
        f"calls as {trunk['peer_username']}" if trunk.get("peer_username") else "",
        "" if trunk["enabled"] else "disabled",
        f"{trunk['registration']['state']} {trunk['registration']['reason']}".strip() if trunk["registration"] else "",
    ]
    where = f"{trunk['transport']} {trunk['host']}{port}" if trunk["host"] else "is not called"
    return f"{trunk['id']:<6} {trunk['name']:16}  {where}  {', '.join(filter(None, told))}"
