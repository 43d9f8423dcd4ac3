"""`callwright retention`: how long calls and their logs are kept."""

import asyncio
import time
from pathlib import Path

import click

from callwright.base.config import Config
from callwright.base.errors import RequestError
from callwright.cli._options import data_option_of
from callwright.jobs.retention import describe
from callwright.services import retention
from callwright.services.retention import DAYS_MAX
from callwright.store.database import FAILURES, Database


@click.command()
@data_option_of("Of the platform that runs.")
@click.option("--details-days", type=click.IntRange(0, DAYS_MAX), help="Keep detailed logs so long.")
@click.option("--calls-days", type=click.IntRange(1, DAYS_MAX), help="Keep calls and their errors so long.")
@click.option("--dry-run", is_flag=True, help="Tell what would be deleted now, and delete nothing.")
@click.option("--now", "at_once", is_flag=True, help="Delete now what would be deleted within the hour.")
def command(data_dir: Path, details_days: int | None, calls_days: int | None, dry_run: bool, at_once: bool) -> None:
    """Show or set how long detailed logs (5 days) and calls with their errors (366 days) are kept.

    What is older is deleted by the running platform every hour, and what an account chose to keep for less. Nothing else
    is ever deleted. A longer time does not bring back what is gone.
    """
    if dry_run and (at_once or details_days is not None or calls_days is not None):
        raise click.UsageError("--dry-run changes nothing: give it alone.")
    try:
        config = Config.load(data_dir / "run" / "config.json")
        asyncio.run(_run(config.database_url, details_days, calls_days, dry_run, at_once))
    except RequestError as error:
        raise click.ClickException(error.message) from None
    except FAILURES as error:
        raise click.ClickException(f"the database of {data_dir} cannot be used: {error}. Is it running?") from None


async def _run(url: str, details_days: int | None, calls_days: int | None, dry_run: bool, at_once: bool) -> None:
    db = await Database.open(url, size=1)
    try:
        await retention.set_platform_days(db, details=details_days, calls=calls_days)
        days = await retention.platform_days(db)
        click.echo(f"Detailed logs are kept for {days.details} days, calls and their errors for {days.calls}.")
        found = []
        if dry_run:
            found = [describe(removed) for removed in await retention.planned(db, time.time())]
            click.echo("Would be deleted now:")
        elif at_once:
            found = [describe(removed) async for removed in retention.run(db, time.time())]
            click.echo("Deleted:")
        if dry_run or at_once:
            click.echo("\n".join(f"  {line}" for line in found) or "  nothing")
    finally:
        await db.close()
