"""Callwright on one machine, with one command."""

import os
from pathlib import Path

import click

from callwright.base.errors import CallwrightError
from callwright.cli import _process
from callwright.cli._address import Address, AddressType
from callwright.cli._platform import Options, Platform

STOP_S_MAX = 5.0
"Then the kernel ends us, and by that the children."


def default_data_dir() -> Path:
    """~/.local/share/callwright, or where the XDG base directory specification says."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "callwright"


@click.command()
@click.option(
    "--data",
    "data_dir",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="CALLWRIGHT_DATA",
    default=default_data_dir,
    show_default="~/.local/share/callwright",
    help="Where everything is kept: database, recordings, prompts, logs, secrets. Or set CALLWRIGHT_DATA.",
)
@click.option("--http", type=AddressType(), default="127.0.0.1:8080", show_default=True, help="Where the API listens.")
@click.option("--sip", type=AddressType(), default="127.0.0.1:5060", show_default=True, help="Where SIP listens (UDP).")
@click.option(
    "--phone",
    type=AddressType(),
    show_default="127.0.0.1:5062, or a free port with --sip HOST:0",
    help="Where the built-in test phone listens (UDP).",
)
@click.option(
    "--ready-file",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write addresses, secrets, ids and process numbers there as JSON (mode 0600), once everything answers.",
)
@click.option(
    "--allow-url",
    "allow_urls",
    metavar="CIDR",
    multiple=True,
    help="A private network that URLs in applications and API calls may reach, such as 10.1.0.0/16. May be repeated.",
)
@click.option(
    "--channels",
    type=click.IntRange(1, 1000),
    default=1000,
    show_default=True,
    help="Calls at once, in and out; past them callers get 503 and the queue waits.",
)
@click.option(
    "--ring-seconds",
    "ring_s",
    type=click.FloatRange(1, 180),
    default=60,
    show_default=True,
    help="How long a telephone rings before an outbound call counts as not answered.",
)
@click.option(
    "--behind-proxy", is_flag=True, help="Let --http listen beyond this machine: a proxy in front speaks TLS."
)
@click.option("--drain", is_flag=True, help="At the first Ctrl-C or SIGTERM, let the calls in progress end first.")
def command(
    data_dir: Path,
    http: Address,
    sip: Address,
    phone: Address | None,
    ready_file: Path | None,
    allow_urls: tuple[str, ...],
    channels: int,
    ring_s: float,
    behind_proxy: bool,
    drain: bool,
) -> None:
    """Start Callwright on this machine, with a PostgreSQL of its own unless DATABASE_URL is set.

    Ctrl-C stops it. SIGUSR1 stops it once the calls in progress have ended, as --drain does.
    """
    options = Options(
        data_dir=data_dir,
        http=http,
        sip=sip,
        phone=phone or Address("127.0.0.1", 5062 if sip.port else 0),
        allow_urls=allow_urls,
        channels=channels,
        ring_s=ring_s,
        behind_proxy=behind_proxy,
        database_url=os.environ.get("DATABASE_URL", ""),
        ready_file=ready_file,
    )

    async def main(stopping: _process.Stopping) -> None:
        async with Platform(options, say) as platform:
            say(welcome(platform))
            await stopping.either()
            if not stopping.stop.is_set():
                say("Letting the calls in progress end; Ctrl-C stops them now")
                await stopping.unless_stopped(platform.drain())
            say("Stopping")

    try:
        _process.run(main, stop_s_max=STOP_S_MAX, drains=drain)
    except CallwrightError as error:
        raise click.ClickException(str(error)) from None


def say(line: str) -> None:
    click.echo(line, err=True)


def welcome(platform: Platform) -> str:
    """What to know, in a few lines."""
    ready = platform.ready
    return "\n".join(
        (
            "",
            "Callwright is up.",
            f"  API         {ready['base_url']}   (try it: {ready['base_url']}/docs)",
            f"  SIP         {ready['sip']} (UDP)",
            f"  Account     {ready['email']}",
            f"  Secrets     {platform.options.data_dir / 'secrets.json'}",
            f"  Recordings  {ready['recordings_dir']}",
            "Ctrl-C stops it.",
        )
    )
