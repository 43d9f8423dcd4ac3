"""`callwright test`: an application against its transcripts."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
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
    coverage = Coverage(document)
    others = _document.beside(application)
    results = []
    for name, text in found:
        result = _played(document, name, text, coverage, others)
        results.append(result)
        if not as_json:
            click.echo(f"FAILED  {name}{result.problem}" if result.problem else f"ok      {name}")
            if verbose:
                click.echo("".join(f"        {line}\n" for line in result.went), nl=False)
    failed = sum(bool(result.problem) for result in results)
    if as_json:
        click.echo(json.dumps(_data(coverage, results), indent=2, ensure_ascii=False))
    else:
        _tell(coverage, len(results), failed)
    raise SystemExit(1 if failed else 0)


@dataclass(frozen=True, slots=True)
class _Result:
    name: str
    problem: str = ""
    "As it is printed behind the name; empty where the call went as it should."

    went: list[str] = field(default_factory=list)
    "The call, line by line."


def _texts(
    path: Path, application: Application, transcripts: Sequence[Path]
) -> Iterator[tuple[str, str | UnicodeDecodeError]]:
    """(name, text) of each transcript."""
    if not transcripts:
        yield from ((f"{path}: {name}", text) for name, text in application.transcripts.items())
    for file_path in transcripts or _beside(path):
        with file_path.open("rb") as file:
            try:
                yield str(file_path), file.read(BYTES_MAX + 1).decode()
            except UnicodeDecodeError as error:
                yield str(file_path), error


def _beside(application: Path) -> tuple[Path, ...]:
    own = application.with_suffix(".call")
    return (*((own,) if own.is_file() else ()), *sorted((application.parent / "calls").glob("*.call")))


def _played(
    document: Application,
    name: str,
    text: str | UnicodeDecodeError,
    coverage: Coverage,
    others: Sequence[Application],
) -> _Result:
    try:
        if isinstance(text, UnicodeDecodeError):
            raise text
        script = parse(text)
    except (TranscriptError, UnicodeDecodeError) as error:
        return _Result(name, f"\n    {error}")
    played = play(document, script, others=others)
    coverage.add(played.exits)
    # A call that was given up half-way has not ended, whatever its transcript would say.
    lines = transcript(played.journal).splitlines()[: -1 if played.mismatch else None]
    return _Result(name, f", {played.mismatch}" if played.mismatch else "", lines)


def _data(coverage: Coverage, results: Sequence[_Result]) -> dict[str, object]:
    (visited, modules), (taken, exits) = coverage.modules, coverage.exits
    return {
        "transcripts": [
            {"name": one.name, "passed": not one.problem, "problem": one.problem.strip(", \n"), "call": one.went}
            for one in results
        ],
        "modules": {"tried": visited, "all": modules},
        "exits": {"taken": taken, "all": exits, "missed": coverage.missed},
    }


def _tell(coverage: Coverage, count: int, failed: int) -> None:
    (visited, modules), (taken, exits) = coverage.modules, coverage.exits
    click.echo(
        f"\ntranscripts: {count}, failed: {failed}; tried modules {visited} of {modules}, exits {taken} of {exits}"
    )
    missed = coverage.missed
    if missed:
        more = f" and {len(missed) - MISSED_SHOWN} more" if len(missed) > MISSED_SHOWN else ""
        click.echo(f"never taken: {', '.join(missed[:MISSED_SHOWN])}{more}")
