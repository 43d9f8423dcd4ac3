"""`callwright check`: is this document an application, and what is odd about it?"""

import json
from dataclasses import asdict
from pathlib import Path

import click

from callwright.cli import _document
from callwright.flow.inspection import dependencies, inspect


@click.command()
@click.argument("application", type=_document.DOCUMENT)
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def command(application: Path, as_json: bool) -> None:
    """Check an application document, in JSON or YAML. Every error is told, with its page, module and field.

    Of a valid document it tells what is odd: variables that nobody sets, modules that no call comes to, loops that ask
    nothing, prompts that a language lacks, and what it needs from outside. Whether the audio manager has the files that it
    names only a platform knows, when it is published. The exit status is 1 where there is an error.
    """
    document = _document.read(application)
    findings = inspect(document)
    needs = dependencies(document)
    errors = sum(finding.level == "error" for finding in findings)
    if as_json:
        told = {"findings": [asdict(finding) for finding in findings], "dependencies": asdict(needs)}
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
        raise SystemExit(1 if errors else 0)
    for finding in findings:
        click.echo(str(finding))
    for what, names in asdict(needs).items():
        if names:
            unknown = " (not looked for: the audio manager has them or not)" if what == "audio" else ""
            click.echo(f"needs {what}: {', '.join(names)}{unknown}")
    modules = sum(len(page.modules) for page in document.pages)
    found = f"errors: {errors}, warnings: {len(findings) - errors}"
    valid = "is valid" if not errors else "cannot be published"
    click.echo(f'{application}: "{document.name}" {valid}; modules: {modules}, pages: {len(document.pages)}, {found}')
    raise SystemExit(1 if errors else 0)
