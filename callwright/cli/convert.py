"""`callwright convert`: an application document between YAML and JSON."""

import json
from pathlib import Path

import click

from callwright.cli import _document
from callwright.flow import yaml12
from callwright.flow.migrations import newest


@click.command()
@click.argument("source", type=_document.DOCUMENT)
@click.argument("target", type=click.Path(dir_okay=False, path_type=Path), required=False)
@click.option("--to", type=click.Choice(["yaml", "json"]), help="The form, where TARGET's name does not tell it.")
@click.option("--force", is_flag=True, help="Write over TARGET where there is one.")
def command(source: Path, target: Path | None, to: str | None, force: bool) -> None:
    """Write an application document as JSON or YAML, to TARGET or the terminal. Nothing of it is lost but comments.

    The form is that of TARGET's name (.json, .yaml, .yml), else the one that SOURCE has not. A document of an older form is
    brought to the newest.
    """
    raw = _document.raw(source)
    form = to or _form(target) or ("yaml" if _form(source) == "json" else "json")
    newer = newest(raw)
    text = yaml12.dump(newer) if form == "yaml" else json.dumps(newer, indent=2, ensure_ascii=False) + "\n"
    if target is None:
        click.echo(text, nl=False)
        return
    try:
        with target.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise click.ClickException(f"{target} is there already: give --force to write over it") from None
    except OSError as error:
        raise click.ClickException(f"{target} cannot be written: {error.strerror}") from None
    click.echo(f"Saved: {target}", err=True)


def _form(path: Path | None) -> str | None:
    return {".json": "json", ".yaml": "yaml", ".yml": "yaml"}.get(path.suffix.lower()) if path else None
