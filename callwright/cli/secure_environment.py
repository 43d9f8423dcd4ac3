"""`callwright secure-environment`: which accounts may use it."""

import asyncio
from pathlib import Path

import click

from callwright.base.config import Config
from callwright.base.errors import NotFound
from callwright.services import accounts
from callwright.services.first_start import EMAIL
from callwright.store.database import Database


@click.command()
@click.argument("state", type=click.Choice(["on", "off"]))
@click.option("--email", default=EMAIL, show_default=True, help="A user of the account.")
@click.option(
    "--data",
    "data_dir",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default="data",
    show_default=True,
    help="The data directory of a platform that is up.",
)
def command(state: str, email: str, data_dir: Path) -> None:
    """Grant an account the secure environment (PCI), or take it back.

    Of calls in it nothing is kept but that they were: no log, no recording, nothing that was said or keyed.
    """
    file = data_dir / "run" / "config.json"
    if not file.is_file():
        raise click.ClickException(f"{file} is not there: start the platform first, with `callwright up`.")
    try:
        asyncio.run(_grant(Config.load(file), email, state == "on"))
    except NotFound:
        raise click.ClickException(f"There is no user {email}.") from None
    click.echo(f"The secure environment is {state} for the account of {email}.")


async def _grant(config: Config, email: str, granted: bool) -> None:
    db = await Database.open(config.database_url, size=1)
    try:
        await accounts.grant_secure_environment(db, email, granted)
    finally:
        await db.close()
