"""The documented rules, checked against any server."""

import asyncio
import json
import ssl
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import httpx
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from callwright.base import phone_numbers
from callwright.base.errors import CallwrightError
from callwright.base.trust import trusting
from callwright.cli._tls import BadTLS, public_url
from callwright.conformance import suite
from callwright.conformance.rule import RULES, Result
from callwright.conformance.target import Target

REPLY_S_MAX = 30.0
STYLES = {"pass": "green", "fail": "bold red", "skipped": "yellow"}


@click.command()
@click.option("--base-url", metavar="URL", required=True, help="The server: https://voice.example.com.")
@click.option("--user", metavar="EMAIL", required=True, envvar="CALLWRIGHT_USER", help="The Fuse user.")
@click.option(
    "--key",
    metavar="KEY",
    required=True,
    envvar="CALLWRIGHT_KEY",
    help="Its developer key. Or set CALLWRIGHT_KEY, which no process list shows.",
)
@click.option(
    "--application", type=click.IntRange(min=1), default=None, help="An application's id, for rules about queueing."
)
@click.option("--deployment", type=click.IntRange(min=1), default=None, help="The id of a deployment of it.")
@click.option(
    "--number",
    metavar="NUMBER",
    default="",
    help="Let it queue calls to this number, each for tomorrow. In the end EVERYTHING that waits on the deployment is "
    "cancelled: give it a deployment of its own. Without this no call is queued.",
)
@click.option("--dev-login", metavar="LOGIN", default="", help="A login of DEV, for the rules of /ws.")
@click.option("--dev-password", metavar="PASSWORD", envvar="CALLWRIGHT_DEV_PASSWORD", default="", help="Its password.")
@click.option(
    "--dev-pin", metavar="PIN", envvar="CALLWRIGHT_DEV_PIN", default="", help="The login's PIN, for DEV outbound."
)
@click.option(
    "--ca",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Trust the certificates of this authority (PEM).",
)
@click.option("--page", "pages", metavar="NAME", multiple=True, help="Only rules of this page, such as fuse-call-logs.")
@click.option("--documented-only", is_flag=True, help="Leave out rules where Plum's documents are silent.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def command(
    base_url: str,
    user: str,
    key: str,
    application: int | None,
    deployment: int | None,
    number: str,
    dev_login: str,
    dev_password: str,
    dev_pin: str,
    ca: Path | None,
    pages: tuple[str, ...],
    documented_only: bool,
    as_json: bool,
) -> None:
    """Check the documented rules of the Plum APIs against any server, from outside.

    Prints a table: each rule, what became of it, and the page that documents it. Ends with 0 where no rule failed, 1 where
    one did, 2 where the server cannot be asked.
    """
    if (application is None) != (deployment is None):
        raise click.UsageError("--application and --deployment belong together.")
    if number and deployment is None:
        raise click.UsageError("--number needs --application and --deployment.")
    parsed = phone_numbers.parse(number) if number else None
    if number and (parsed is None or parsed.ani or parsed.postd):
        raise click.UsageError(f"--number {number} is not a telephone number without parameters.")
    if bool(dev_login) != bool(dev_password or dev_pin):
        raise click.UsageError("--dev-login belongs with --dev-password or --dev-pin.")
    unknown = set(pages) - {rule.page for rule in RULES}
    if unknown:
        raise click.UsageError(f"No rule has the page {', '.join(sorted(unknown))}.")

    async def main() -> list[Result]:
        try:
            verify = trusting(ca.read_text("ascii", "replace")) if ca else True
        except (ssl.SSLError, ValueError):
            raise BadTLS(f"--ca {ca} holds no certificate in PEM form") from None
        async with httpx.AsyncClient(
            base_url=public_url(base_url, "--base-url"), verify=verify, trust_env=False, timeout=REPLY_S_MAX
        ) as client:
            target = Target(
                client, user, key, application or 0, deployment or 0, number, dev_login, dev_password, dev_pin
            )
            return await suite.run(target, documented_only=documented_only, pages=pages)

    try:
        results = asyncio.run(main())
    except BadTLS as error:
        raise click.UsageError(str(error)) from None
    except CallwrightError as error:
        click.echo(f"Error: {error}", err=True)
        raise SystemExit(2) from None
    click.echo(json.dumps(_as_json(base_url, results), indent=2)) if as_json else _print(results)
    if any(result.verdict == "fail" for result in results):
        raise SystemExit(1)


def _as_json(base_url: str, results: Sequence[Result]) -> dict[str, Any]:
    return {
        "base_url": base_url,
        **_counted(results),
        "rules": [
            {
                "rule": result.rule.name,
                "title": result.rule.title,
                "result": result.verdict,
                "reason": result.reason,
                "page": f"docs/compatibility/{result.rule.page}.md",
                "inferred": result.rule.inferred,
            }
            for result in results
        ],
    }


def _counted(results: Sequence[Result]) -> dict[str, int]:
    counts = Counter(result.verdict for result in results)
    return {"passed": counts["pass"], "failed": counts["fail"], "skipped": counts["skipped"]}


def _print(results: Sequence[Result]) -> None:
    table = Table("rule", "result", "page", box=None, pad_edge=False)
    for result in results:
        title = escape(result.rule.title) + (" [dim](inferred)[/dim]" if result.rule.inferred else "")
        reason = f"\n[dim]{escape(result.reason)}[/dim]" if result.reason else ""
        style = STYLES[result.verdict]
        table.add_row(title + reason, f"[{style}]{result.verdict}[/{style}]", result.rule.page)
    console = Console(highlight=False)
    console.print(table)
    counts = _counted(results)
    console.print(", ".join(f"{count} {name}" for name, count in counts.items()))
