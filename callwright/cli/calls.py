"""`callwright calls`: what became of the calls of a running platform, what was seen of them, and another one."""

import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from callwright.cli._client import Client, with_client

NO_PAGE = "There is no such call, its log is no longer kept, or this platform is of an older release."
NO_DEPLOYMENT = "There is no such deployment."
LIST_MAX = 1000


@click.group()
def command() -> None:
    """List calls, queue one, and show what was said in them: by the parties, and by SIP."""


@command.command("list")
@click.option("--count", type=click.IntRange(1, LIST_MAX), default=20, show_default=True, help="So many.")
@with_client
def listed(client: Client, count: int) -> None:
    """The last calls, newest first: when, session id, who called whom, seconds, and how it ended."""
    for call in client.ask("GET", "/v1/calls", missing=NO_PAGE, params={"limit": count}):
        click.echo(_line(call))


@command.command()
@click.argument("call")
@click.option("--sip", "whole", is_flag=True, help="Show the SIP messages whole, and not only as a ladder.")
@click.option(
    "--pcap",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the SIP messages to this file, for Wireshark, tcpdump or sngrep.",
)
@with_client
def show(client: Client, call: str, whole: bool, pcap: Path | None) -> None:
    """Show CALL: the session id of a call, or the number of an outbound call with all of its attempts.

    Its transcript, and of each party the SIP messages and how the audio came through.
    """
    path = f"/v1/outbound/{call}" if call.isdecimal() else f"/v1/calls/{quote(call, safe='')}"
    found = client.ask("GET", path, missing=NO_PAGE)
    legs = client.ask("GET", f"{path}/legs", missing=NO_PAGE)
    for line in _outbound(found) if call.isdecimal() else _call(found):
        click.echo(line)
    for leg in legs:
        click.echo()
        for line in _leg(leg, whole):
            click.echo(line)
    if pcap is not None:
        pcap.write_bytes(client.download(f"{path}/sip.pcap", missing="No SIP message of this call is kept."))
        click.echo(f"\nSIP messages: {pcap}")


@command.command()
@click.argument("to")
@click.option("--deployment", type=int, required=True, help="What the call runs: the id of a deployment.")
@click.option("--attempts", type=click.IntRange(1, 10), default=1, show_default=True, help="As long as nobody answers.")
@click.option("--wait", type=click.IntRange(60, 86_400), default=300, show_default=True, help="Seconds between them.")
@with_client
def queue(client: Client, to: str, deployment: int, attempts: int, wait: int) -> None:
    """Queue a call to TO: a number, or `sip:NAME@callwright`, a phone of the account by name or extension. Prints its number, for
    `show`."""
    asked = {"deployment_id": deployment, "to": to, "max_attempts": attempts, "reattempt_wait_s": wait}
    click.echo(client.ask("POST", "/v1/outbound", missing=NO_DEPLOYMENT, json=asked)["id"])


def _line(call: dict[str, Any]) -> str:
    """`2026-11-25 12:01:05  123;000;1795608065  12125550131 > 8005550100  34 s  hangup`."""
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(call["started_at"]))
    seconds = f"{call['ended_at'] - call['started_at']:.0f} s" if call["ended_at"] else "goes on"
    cause = f": {call['cause']}" if call["cause"] else ""
    return f"{at}  {call['session_id']}  {call['src']} > {call['dest']}  {seconds}  {call['outcome']}{cause}"


def _call(call: dict[str, Any]) -> list[str]:
    return [_line(call), *(f"  {line}" for line in call["transcript"].splitlines())]


def _outbound(found: dict[str, Any]) -> list[str]:
    details = found["details"]
    lines = [f"outbound call {found['id']} to {details['phone_number']}: {details['status']} {found['cause']}".rstrip()]
    lines += [f"  {_line(call)}" for call in found["calls"]]
    return lines


_FIGURES = (
    ("packets_sent", "{} packets sent"),
    ("packets_received", "{} received"),
    ("lost", "{} lost"),
    ("jitter_ms", "jitter {} ms"),
    ("gap_max_ms", "longest gap {} ms"),
)
_FAR_FIGURES = (
    ("far_lost", "{} of ours lost"),
    ("far_jitter_ms", "jitter {} ms"),
    ("round_trip_ms", "round trip {} ms"),
)
"What the far end says of what it hears."


def _leg(leg: dict[str, Any], whole: bool) -> list[str]:
    media = leg["media"]
    figures = _figures(_FIGURES, media)
    answered = "" if leg["answered"] else ", not answered"
    lines = [f"{leg['role']}{answered}: {leg['ending']}", f"  Call-ID {leg['sip_call_id']}"]
    if leg["answered"]:
        lines.append(f"  audio: {figures}")
    if media.get("reports"):
        lines.append(f"  far end: {_figures(_FAR_FIGURES, media)}")
    if not leg["messages"]:
        return [*lines, "  Its SIP messages are not kept."]
    lines += [f"  {line}" for line in leg["ladder"]]
    for one in leg["messages"] if whole else ():
        way = "to" if one["sent"] else "from"
        lines += ["", f"  -- {way} {one['peer']} by {one['transport']}"]
        lines += [f"  {line}" for line in one["text"].splitlines()]
    return lines


def _figures(known: tuple[tuple[str, str], ...], media: dict[str, Any]) -> str:
    return ", ".join(text.format(media[name]) for name, text in known if media.get(name) is not None)
