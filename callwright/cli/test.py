"""`callwright test`: an application against its transcripts."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from callwright.cli import _document
from callwright.flow.application import Application
from callwright.rehearsal.results import Results, rehearse
from callwright.rehearsal.transcript import BYTES_MAX

MISSED_SHOWN = 20


@click.command()
@click.argument("application", type=_document.DOCUMENT)
@click.argument("transcripts", nargs=-1, type=_document.DOCUMENT)
@click.option("--verbose", "-v", is_flag=True, help="Print each call as it went.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(application: Path, transcripts: tuple[Path, ...], verbose: bool, as_json: bool) -> None:
    """Play transcripts (.call) against an application document, and say what of it they have tried.

    Without TRANSCRIPTS: those in the document, and calls/*.call and NAME.call beside it. Applications that it goes to are
    looked for in the same folder, by the name in them. The exit status is 1 when a call went another way than its
    transcript, or a transcript cannot be read.
    """
    document = _document.read(application)
    found = list(_texts(application, document, transcripts))
    if not found:
        raise click.ClickException(f"{application} has no transcripts: write {application.with_suffix('.call')}")
    results = rehearse(document, found, others=_document.beside(application))
    if as_json:
        click.echo(json.dumps(results.as_data(), indent=2, ensure_ascii=False))
    else:
        _tell(results, verbose)
    raise SystemExit(1 if results.failed else 0)


def _texts(path: Path, application: Application, transcripts: Sequence[Path]) -> Iterator[tuple[str, str]]:
    """(name, text) of each transcript."""
    if not transcripts:
        yield from ((f"{path}: {name}", text) for name, text in application.transcripts.items())
    for file_path in transcripts or _beside(path):
        with file_path.open("rb") as file:
            # What is not UTF-8 then stands in the transcript as what no prompt says.
            yield str(file_path), file.read(BYTES_MAX + 1).decode(errors="replace")


def _beside(application: Path) -> tuple[Path, ...]:
    own = application.with_suffix(".call")
    return (*((own,) if own.is_file() else ()), *sorted((application.parent / "calls").glob("*.call")))


def _tell(results: Results, verbose: bool) -> None:
    for one in results.transcripts:
        click.echo(f"FAILED  {one.name}, {one.problem}" if one.problem else f"ok      {one.name}")
        if verbose:
            click.echo("".join(f"        {line}\n" for line in one.call), nl=False)
    coverage, count = results.coverage, len(results.transcripts)
    (tried, modules), (taken, exits) = coverage.modules, coverage.exits
    click.echo(
        f"\ntranscripts: {count}, failed: {len(results.failed)}; "
        f"tried modules {tried} of {modules}, exits {taken} of {exits}"
    )
    missed = coverage.missed
    if missed:
        more = f" and {len(missed) - MISSED_SHOWN} more" if len(missed) > MISSED_SHOWN else ""
        click.echo(f"never taken: {', '.join(missed[:MISSED_SHOWN])}{more}")
