"""`callwright test`: an application against its transcripts."""

from pathlib import Path

import click

from callwright.cli import _document
from callwright.flow.application import Application
from callwright.rehearsal.coverage import Coverage
from callwright.rehearsal.transcript import BYTES_MAX, TranscriptError, parse, play
from callwright.session.transcript import transcript

MISSED_SHOWN = 20


@click.command()
@click.argument("application", type=_document.DOCUMENT)
@click.argument("transcripts", nargs=-1, type=_document.DOCUMENT)
@click.option("--verbose", "-v", is_flag=True, help="Print each call as it went.")
def command(application: Path, transcripts: tuple[Path, ...], verbose: bool) -> None:
    """Play transcripts (.call) against an application document, and say what of it they have tried.

    Without transcripts: calls/*.call and NAME.call beside the document. The exit status is 1 when a call went
    another way than its transcript, or a transcript cannot be read.
    """
    document = _document.read(application)
    found = transcripts or _beside(application)
    if not found:
        raise click.ClickException(f"{application} has no transcripts: write {application.with_suffix('.call')}")
    coverage = Coverage(document)
    failed = sum(not _plays(document, path, coverage, verbose) for path in found)
    _tell(coverage, len(found), failed)
    raise SystemExit(1 if failed else 0)


def _beside(application: Path) -> tuple[Path, ...]:
    own = application.with_suffix(".call")
    return (*((own,) if own.is_file() else ()), *sorted((application.parent / "calls").glob("*.call")))


def _plays(document: Application, path: Path, coverage: Coverage, verbose: bool) -> bool:
    try:
        with path.open("rb") as file:
            script = parse(file.read(BYTES_MAX + 1).decode())
    except (TranscriptError, UnicodeDecodeError) as error:
        click.echo(f"FAILED  {path}\n    {error}")
        return False
    played = play(document, script)
    coverage.add(played.exits)
    click.echo(f"FAILED  {path}, {played.mismatch}" if played.mismatch else f"ok      {path}")
    if verbose:
        # A call that was given up half-way has not ended, whatever its transcript would say.
        text = transcript(played.journal)
        lines = text.splitlines()[: -1 if played.mismatch else None]
        click.echo("".join(f"        {line}\n" for line in lines), nl=False)
    return played.mismatch is None


def _tell(coverage: Coverage, count: int, failed: int) -> None:
    (visited, modules), (taken, exits) = coverage.modules, coverage.exits
    click.echo(
        f"\ntranscripts: {count}, failed: {failed}; tried modules {visited} of {modules}, exits {taken} of {exits}"
    )
    missed = coverage.missed
    if missed:
        more = f" and {len(missed) - MISSED_SHOWN} more" if len(missed) > MISSED_SHOWN else ""
        click.echo(f"never taken: {', '.join(missed[:MISSED_SHOWN])}{more}")
