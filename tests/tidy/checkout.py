"""The files of the checkout, as git would commit them."""

import ast
import functools
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]


@functools.cache
def files(*suffixes: str) -> tuple[Path, ...]:
    """Tracked or new, but not ignored; relative to the root."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    found = (Path(name) for name in sorted(set(filter(None, listed.split("\0")))))
    return tuple(path for path in found if path.name.endswith(suffixes or ("",)) and (ROOT / path).is_file())


@functools.cache
def text(path: Path) -> str:
    """A file's text; empty for one that is not text."""
    try:
        return (ROOT / path).read_text()
    except UnicodeDecodeError:
        return ""


def lines(*suffixes: str) -> Iterator[tuple[str, str]]:
    """Every line of these files, with where it stands."""
    for path in files(*suffixes):
        for number, line in enumerate(text(path).splitlines(), 1):
            yield f"{path}:{number}", line


@functools.cache
def package() -> tuple[tuple[Path, ast.Module], ...]:
    """Every module of callwright, parsed."""
    return tuple((path, ast.parse(text(path))) for path in files(".py") if path.parts[0] == "callwright")
