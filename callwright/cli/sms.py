"""`callwright sms`: text messages of a running platform, from the terminal."""

import time
from collections import OrderedDict
from typing import Any

import click

from callwright.cli._client import Client, with_client

LOOK_S = 0.5
WAIT_S_MAX = 60.0
"Until a carrier's receipt is there; some never come."

SHOWN_BEFORE = 10
PAGE = 200
PAGES_MAX = 50
KNOWN_MAX = PAGE * PAGES_MAX
"Messages whose changes are told: those that a look can reach."

NO_PAGE = "This platform is of an older release, which has no messages there."


@click.group()
def command() -> None:
    """Send text messages, and watch them come and go, on a running platform."""


@command.command()
@click.option("--to", required=True, metavar="NUMBER", help="Whom it goes to.")
@click.option("--from", "sender", required=True, metavar="NUMBER", help="A number of yours that sends texts.")
@click.option("--wait", is_flag=True, help=f"Wait until it is known what became of it, {WAIT_S_MAX:g} s at most.")
@click.argument("body")
@with_client
def send(client: Client, to: str, sender: str, wait: bool, body: str) -> None:
    """Send BODY as a text message. The exit status is 1 where it is refused, or was not delivered."""
    sent = client.ask("POST", "/v1/messages", missing=NO_PAGE, json={"sender": sender, "to": to, "body": body})[
        "messages"
    ]
    until = time.monotonic() + WAIT_S_MAX
    while wait and any(_is_open(one) for one in sent) and time.monotonic() < until:
        time.sleep(LOOK_S)
        sent = [client.ask("GET", f"/v1/messages/{one['sms_message_id']}", missing=NO_PAGE) for one in sent]
    for one in sent:
        click.echo(_line(one))
    raise SystemExit(1 if any(one["status"] == "failure" or one["delivery"] == "undelivered" for one in sent) else 0)


@command.command()
@click.option("--number", metavar="DIGITS", default="", help="Only those from or to this number.")
@with_client
def tail(client: Client, number: str) -> None:
    """Show the last messages, and each new one and what becomes of it, until Ctrl-C."""
    before = _page(client, number, 0)
    for one in reversed(before[:SHOWN_BEFORE]):
        click.echo(_line(one))
    known = OrderedDict((one["sms_message_id"], _state(one)) for one in reversed(before))
    try:
        while True:
            for one in reversed(_news(client, number, known)):
                click.echo(_line(one))
            time.sleep(LOOK_S)
    except KeyboardInterrupt:
        click.echo()


def _news(client: Client, number: str, known: OrderedDict[str, tuple[str, str]]) -> list[dict[str, Any]]:
    """What is new, or another than before; the newest first. It looks back as far as there is something new."""
    news: list[dict[str, Any]] = []
    for page in range(PAGES_MAX):
        found = _page(client, number, page * PAGE)
        new = [one for one in found if known.get(one["sms_message_id"]) != _state(one)]
        fresh = [one for one in new if one["sms_message_id"] not in known]
        known.update((one["sms_message_id"], _state(one)) for one in new)
        news += new
        if len(fresh) < PAGE:
            break
    while len(known) > KNOWN_MAX:
        known.popitem(last=False)
    return news


def _page(client: Client, number: str, offset: int) -> list[dict[str, Any]]:
    query = {"limit": PAGE, "offset": offset, "number": number}
    found: list[dict[str, Any]] = client.ask("GET", "/v1/messages", missing=NO_PAGE, params=query)
    return found


def _state(message: dict[str, Any]) -> tuple[str, str]:
    return message["status"], message["delivery"]


def _is_open(message: dict[str, Any]) -> bool:
    return message["status"] == "queued" or (message["status"] == "sent" and message["delivery"] in ("", "unconfirmed"))


def _line(message: dict[str, Any]) -> str:
    """`12:01:05  8005550101 > 12125550131  delivered  Hello`."""
    at = time.strftime("%H:%M:%S", time.localtime(message["requested_at"]))
    part = f" ({message['part']}/{message['parts']})" if message["parts"] > 1 else ""
    cause = f"  [{message['cause']}]" if message["cause"] else ""
    state = message["delivery"] or message["status"]
    body = " ".join(message["body"].split())
    return f"{at}  {message['sender']} > {message['to']}  {state:11}  {body}{part}{cause}"
