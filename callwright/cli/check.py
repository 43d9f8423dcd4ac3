"""`callwright check`: is this document an application?"""

from pathlib import Path

import click

from callwright.cli import _document


@click.command()
@click.argument("application", type=_document.DOCUMENT)
def command(application: Path) -> None:
    """Check an application document, in JSON or YAML. Every error is told, with its page, module and field."""
    document = _document.read(application)
    modules = sum(len(page.modules) for page in document.pages)
    click.echo(f'{application}: "{document.name}" is valid; modules: {modules}, pages: {len(document.pages)}')
