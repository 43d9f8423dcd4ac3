"""`callwright diff`: what has changed between two application documents, in words."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from callwright.cli import _document
from callwright.flow.differences import differences


@click.command()
@click.argument("old", type=_document.DOCUMENT)
@click.argument("new", type=_document.DOCUMENT)
@click.option("--json", "as_json", is_flag=True, help="Print the changes as JSON.")
def command(old: Path, new: Path, as_json: bool) -> None:
    """Tell what has changed from one application document to another, module by module.

    The exit status is 1 where there is a difference. Comments, the order of modules and defaults written out are none.
    """
    found = differences(_document.read(old), _document.read(new))
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found], indent=2, ensure_ascii=False))
    else:
        for one in found:
            click.echo(str(one))
    raise SystemExit(1 if found else 0)
