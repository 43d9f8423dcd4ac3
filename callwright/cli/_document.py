"""Reading an application document for the subcommands that work on files."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from callwright.flow.application import DOCUMENT_BYTES_MAX, Application, DocumentError, build, parse, values

BESIDE_MAX = 50
"Files of a folder that are looked at."

DOCUMENT = click.Path(exists=True, dir_okay=False, path_type=Path)


def read(path: Path) -> Application:
    """The application in a file. Ends the command with every error of the document, each with its place."""
    return _read(path)[1]


def raw(path: Path) -> dict[str, Any]:
    """The document in a file as plain values, as its author wrote them. It is one of an application, as in `read`."""
    return _read(path)[0]


def _read(path: Path) -> tuple[dict[str, Any], Application]:
    try:
        # One byte more than a document may have, so that a huge file is refused and not read.
        with path.open("rb") as file:
            written = values(file.read(DOCUMENT_BYTES_MAX + 1).decode())
        return written, build(written)
    except UnicodeDecodeError:
        raise click.ClickException(f"{path} is not UTF-8") from None
    except DocumentError as error:
        told = "\n".join(f"  {one}" for one in error.errors)
        raise click.ClickException(f"{path}\n{told}") from None


def beside(path: Path) -> list[Application]:
    """The other applications in the same folder: those that one may go to. What is no application is passed by."""
    found = []
    for other in sorted(path.parent.glob("*.yaml"))[:BESIDE_MAX]:
        if other != path and other.stat().st_size <= DOCUMENT_BYTES_MAX:
            with suppress(DocumentError, UnicodeDecodeError):
                found.append(parse(other.read_text()))
    return found
