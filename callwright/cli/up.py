"""Callwright on one machine, with one command."""

import os
from pathlib import Path

import click

from callwright.base.config import LogFormat
from callwright.base.errors import CallwrightError
from callwright.cli import _process
from callwright.cli._address import Address, AddressType
from callwright.cli._options import phone_of, place_options
from callwright.cli._platform import STOP_S_MAX, Options, Platform
from callwright.media.codecs import named
from callwright.sip.address import is_ip, plain_ip
from callwright.sip.reach import EVERYBODY, reach_of


def _ip_address(_context: click.Context, _option: click.Parameter, asked: Address | None) -> Address | None:
    if asked is not None and not (is_ip(asked.host) and asked.port):
        raise click.BadParameter(f"{asked} is not an IP address and a port, such as 192.0.2.53:53.")
    return asked


def _public_ip(_context: click.Context, _option: click.Parameter, asked: str) -> str:
    if asked and not (is_ip(asked) and reach_of(asked) == EVERYBODY):
        raise click.BadParameter(f"{asked[:100]} is no IP address that everybody reaches, such as 203.0.113.10.")
    return plain_ip(asked)


def _known_codecs(_context: click.Context, _option: click.Parameter, names: str) -> str:
    try:
        known = named(names) if names else ()
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    return ",".join(codec.name for codec in known)


@click.command()
@place_options
@click.option(
    "--sip-tcp",
    type=AddressType(),
    help="Take SIP over TCP too. Calls go out by TCP and TLS without it, as trunks say.",
)
@click.option(
    "--sip-tls",
    type=AddressType(),
    help="Take SIP over TLS too, with the certificate of --tls-cert; its usual port is 5061.",
)
@click.option(
    "--public-ip",
    metavar="ADDRESS",
    default="",
    callback=_public_ip,
    help="By which others reach this machine through a NAT that keeps ports, as in a cloud: told in SIP and for audio to all "
    "peers but those in private networks and on this machine.",
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
    "--codecs",
    metavar="NAMES",
    default="",
    callback=_known_codecs,
    help="Audio codecs by name, as they are offered: pcma,pcmu. Without it: all that are installed, PCMU first.",
)
@click.option(
    "--name-server",
    metavar="IP:PORT",
    type=AddressType(),
    callback=_ip_address,
    help="Who is asked where SIP servers are, trunks with port 0 above all. Without it: the name servers of this machine.",
)
@click.option(
    "--rtp-timeout",
    "rtp_timeout_s",
    metavar="SECONDS",
    type=click.FloatRange(0, 3600),
    default=60,
    show_default=True,
    help="A far end that has sent no audio and no RTCP for so long, and is not on hold, has gone: its call ends. 0: never.",
)
@click.option(
    "--callee-seconds",
    "callee_s",
    type=click.FloatRange(0, 10),
    default=4,
    show_default=True,
    help="After so long at most an outbound call knows who has answered: a person or a machine. 0: never.",
)
@click.option(
    "--smtp-url",
    metavar="URL",
    envvar="CALLWRIGHT_SMTP_URL",
    default="",
    help="The mail server for e-mail of applications: smtp://user:password@host:587 (STARTTLS where offered), or "
    "smtps://host:465. Or set CALLWRIGHT_SMTP_URL, which no process list shows.",
)
@click.option(
    "--mail-from", metavar="ADDRESS", default="callwright@localhost", show_default=True, help="Who sends e-mail."
)
@click.option(
    "--tls-cert",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Speak HTTPS: the certificate, with those between it and its root, in PEM form.",
)
@click.option(
    "--tls-key",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Its private key, in PEM form, without a password.",
)
@click.option(
    "--public-url",
    metavar="URL",
    default="",
    help="Where clients reach the API: https://voice.example.com. In Link headers, and in what is printed here.",
)
@click.option(
    "--behind-proxy", is_flag=True, help="Let --http listen beyond this machine: a proxy in front speaks TLS."
)
@click.option(
    "--log-format",
    type=click.Choice(["plain", "json"]),
    default="plain",
    show_default=True,
    help="What DATA/logs holds: lines for people, or a JSON object a line.",
)
@click.option("--drain", is_flag=True, help="At the first Ctrl-C or SIGTERM, let the calls in progress end first.")
def command(
    data_dir: Path,
    http: Address,
    sip: Address,
    phone: Address | None,
    sip_tcp: Address | None,
    sip_tls: Address | None,
    public_ip: str,
    ready_file: Path | None,
    allow_urls: tuple[str, ...],
    channels: int,
    ring_s: float,
    codecs: str,
    name_server: Address | None,
    rtp_timeout_s: float,
    callee_s: float,
    smtp_url: str,
    mail_from: str,
    tls_cert: Path | None,
    tls_key: Path | None,
    public_url: str,
    behind_proxy: bool,
    log_format: LogFormat,
    drain: bool,
) -> None:
    """Start Callwright on this machine, with a PostgreSQL of its own unless DATABASE_URL is set.

    Ctrl-C stops it. SIGUSR1 stops it once the calls in progress have ended, as --drain does.
    """
    options = Options(
        data_dir=data_dir,
        http=http,
        sip=sip,
        phone=phone_of(phone, sip),
        sip_tcp=sip_tcp,
        sip_tls=sip_tls,
        public_ip=public_ip,
        allow_urls=allow_urls,
        channels=channels,
        log_format=log_format,
        ring_s=ring_s,
        codecs=codecs,
        name_server=name_server,
        rtp_timeout_s=rtp_timeout_s,
        callee_s=callee_s,
        smtp_url=smtp_url,
        mail_from=mail_from,
        tls_cert=tls_cert,
        tls_key=tls_key,
        public_url=public_url,
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
            f"  API         {ready['public_url']}   (try it: {ready['public_url']}/docs)",
            f"  SIP         {ready['sip']} (UDP)",
            f"  Account     {ready['email']}",
            f"  Secrets     {platform.options.data_dir / 'secrets.json'}",
            f"  Recordings  {ready['recordings_dir']}",
            "Ctrl-C stops it.",
        )
    )
