"""Everything that a data directory keeps, in one file."""

import asyncio
import contextlib
import os
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import IO

import click

import callwright
from callwright.base.config import Config
from callwright.base.errors import CallwrightError
from callwright.cli import _pg_tools
from callwright.cli._archive import DUMP, ArchiveWriter, private
from callwright.cli._data_dir import FILES, FOLDERS, InUse, hold, is_empty
from callwright.cli._options import data_option
from callwright.cli._postgres import EmbeddedPostgres
from callwright.cli._progress import progress
from callwright.store import copies


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@data_option
@click.option("--force", is_flag=True, help="Write over FILE where it is there already.")
def command(file: Path, data_dir: Path, force: bool) -> None:
    """Back up the database, audio files, recordings and secrets to FILE, whether the platform runs or not.

    FILE holds passwords' hashes, keys and what callers said: it is made with mode 0600; keep it so.
    """
    try:
        if file.exists() and not force:
            raise CallwrightError(f"{file} is there already; choose another name, or say --force")
        asyncio.run(_backup(data_dir.expanduser().absolute(), file))
    except CallwrightError as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"{error.filename or file}: {error.strerror or error}") from None


async def _backup(data_dir: Path, file: Path) -> None:
    async with _database(data_dir) as url:
        facts = await copies.facts(url)
        if not facts.schema:
            raise CallwrightError("there is nothing in the database: `callwright up` has never run on it")
        _pg_tools.check_version(facts)
        with _complete(file) as part, tempfile.TemporaryFile(dir=file.absolute().parent) as dumped:
            made_at = time.time()
            click.echo("Dumping the database", err=True)
            await asyncio.to_thread(_pg_tools.dump, url, dumped)
            # After the dump, so that every file which it tells of is there; what came since does no harm.
            sources = {path: path.stat().st_size for path in _kept(data_dir) if path.is_file()}
            total = os.fstat(dumped.fileno()).st_size + sum(sources.values())
            with progress(f"Writing {file.name}", total) as done:
                archive = ArchiveWriter(part, done)
                dumped.seek(0)
                archive.add(DUMP, dumped)
                for path in sources:
                    # A recording may be deleted, by retention, before it is read.
                    with contextlib.suppress(FileNotFoundError), path.open("rb") as source:
                        archive.add(str(path.relative_to(data_dir)), source)
                manifest = archive.close(
                    made_at=made_at, callwright=callwright.__version__, schema=facts.schema, postgres=facts.major
                )
    size = file.stat().st_size
    click.echo(f"{file}: the database and {len(manifest.files) - 1} files, {size / 1e6:.1f} MB", err=True)


@contextlib.asynccontextmanager
async def _database(data_dir: Path) -> AsyncIterator[str]:
    """The URL of the database: of the platform that runs, of a server of one's own, or the embedded one, started for this."""
    own = os.environ.get("DATABASE_URL", "")
    if not own and is_empty(data_dir):
        raise CallwrightError(f"there is nothing in {data_dir}; say --data DIR")
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(hold(data_dir))
        except InUse:
            own = Config.load(data_dir / "run" / "config.json").database_url
        if own:
            yield own
            return
        postgres = EmbeddedPostgres(data_dir)
        await postgres.start()
        try:
            yield postgres.url
        finally:
            await postgres.stop()


def _kept(data_dir: Path) -> Iterator[Path]:
    """Files that belong into a backup. Hidden ones are being written still."""
    for name, backed_up in FOLDERS.items():
        if backed_up:
            yield from (path for path in sorted((data_dir / name).rglob("*")) if not path.name.startswith("."))
    yield from (data_dir / name for name in FILES)


@contextlib.contextmanager
def _complete(file: Path) -> Iterator[IO[bytes]]:
    """A file of mode 0600 that has its name only once it is whole and on the disk."""
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        with open(part, "xb", opener=private) as opened:
            yield opened
            opened.flush()
            os.fsync(opened.fileno())
        part.rename(file)
    finally:
        part.unlink(missing_ok=True)
