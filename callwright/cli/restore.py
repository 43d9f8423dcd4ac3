"""A backup, put back into a data directory."""

import asyncio
import os
import shutil
import time
from pathlib import Path

import click

from callwright.base.errors import CallwrightError
from callwright.cli import _pg_tools
from callwright.cli._archive import DUMP, Manifest, check, extract
from callwright.cli._data_dir import DATABASE, hold, is_empty, kept, make_folder
from callwright.cli._options import data_option
from callwright.cli._postgres import EmbeddedPostgres
from callwright.cli._progress import progress
from callwright.services import dialing
from callwright.store import copies
from callwright.store.database import Database
from callwright.store.migrate import migrate, revisions

STAGING = ".restoring"
"Where everything is put together, in the data directory, so that one move each brings it to its place."


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@data_option
@click.option("--force", is_flag=True, help="Set aside what is there already, as before-restore-…, and restore.")
@click.option(
    "--dial-due",
    is_flag=True,
    help="Dial queued calls that have come due since the backup, though they may have been dialled already.",
)
def command(file: Path, data_dir: Path, force: bool, dial_due: bool) -> None:
    """Restore the backup FILE into an empty data directory; the platform must not run there.

    FILE is read whole and compared with its checksums before anything is changed. Queued calls that have come due since
    the backup end as failed, `in doubt`: nobody knows whether they were dialled.
    """
    try:
        asyncio.run(_restore(file, data_dir.expanduser().absolute(), force=force, dial_due=dial_due))
    except CallwrightError as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"{error.filename or file}: {error.strerror or error}") from None


async def _restore(file: Path, data_dir: Path, *, force: bool, dial_due: bool) -> None:
    size = file.stat().st_size
    with progress(f"Checking {file.name}", size) as done:
        manifest = check(file, done)
    if manifest.schema not in revisions():
        raise CallwrightError(f"{file} was made by Callwright {manifest.callwright}, which is newer than this one")
    if not force and not is_empty(data_dir):
        raise CallwrightError(
            f"{data_dir} is not empty; choose another --data, or say --force to set aside what is there"
        )
    own = os.environ.get("DATABASE_URL", "")
    with hold(data_dir):
        aside = f"{copies.SET_ASIDE}{time.strftime('%Y%m%dt%H%M%S', time.gmtime())}"
        set_aside = await _set_aside(own, aside, force=force) if own else ""
        staging = data_dir / STAGING
        _remove(staging)
        make_folder(staging)
        try:
            with progress("Extracting", size) as done:
                extract(file, staging, done)
            click.echo("Loading the database", err=True)
            if own:
                in_doubt = await _load(own, staging / DUMP, manifest, set_aside, dial_due=dial_due)
            else:
                in_doubt = await _load_embedded(staging, manifest, dial_due=dial_due)
            (staging / DUMP).unlink()
            if not is_empty(data_dir):
                _move(data_dir, data_dir / aside.replace("_", "-"))
                click.echo(f"What was there is in {data_dir / aside.replace('_', '-')}", err=True)
            _move(staging, data_dir)
        finally:
            _remove(staging)
    made_at = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(manifest.made_at))
    click.echo(f"{data_dir} is as it was at {made_at}: the database and {len(manifest.files) - 1} files", err=True)
    if set_aside:
        click.echo(f"The tables that were there are in the schema {aside}; drop it when nothing is missed", err=True)
    if in_doubt:
        click.echo(f"{in_doubt} queued call(s) had come due since: they ended as failed, in doubt", err=True)


async def _set_aside(url: str, aside: str, *, force: bool) -> str:
    """The SQL that takes tables out of the way in a server of one's own; empty where there are none."""
    found = await copies.facts(url)
    if found.others:
        raise CallwrightError(f"the database of DATABASE_URL is in use by {found.others} other connection(s)")
    if not found.tables:
        return ""
    if not force:
        raise CallwrightError("the database of DATABASE_URL is not empty; say --force to set aside what is there")
    return copies.set_aside(aside)


async def _load_embedded(staging: Path, manifest: Manifest, *, dial_due: bool) -> int:
    postgres = EmbeddedPostgres(staging)
    await postgres.start()
    try:
        return await _load(postgres.url, staging / DUMP, manifest, "", dial_due=dial_due)
    finally:
        await postgres.stop()


async def _load(url: str, dumped: Path, manifest: Manifest, first: str, *, dial_due: bool) -> int:
    """Fill the database, and bring it to this release's schema. How many calls are in doubt."""
    found = await copies.facts(url)
    await asyncio.to_thread(_pg_tools.load, url, dumped, major=found.major, first=first)
    await migrate(url)
    if dial_due:
        return 0
    db = await Database.open(url, size=1)
    try:
        return await dialing.doubt_due(db, time.time())
    finally:
        await db.close()


def _move(source: Path, to: Path) -> None:
    """Everything that a data directory keeps. What is empty at its place makes room."""
    make_folder(to)
    for name in kept():
        if os.path.lexists(source / name):
            if (to / name).is_dir() and not (to / name).is_symlink():
                (to / name).rmdir()
            (source / name).rename(to / name)


def _remove(staging: Path) -> None:
    """With the database of a restore that was cut off, wherever it lies."""
    database = staging / DATABASE
    if database.is_symlink():
        shutil.rmtree(database.resolve(), ignore_errors=True)
    shutil.rmtree(staging, ignore_errors=True)
