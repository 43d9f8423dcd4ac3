"""The docs say what the code does, and their links lead somewhere."""

import importlib.util
import re
from dataclasses import fields
from pathlib import Path
from types import ModuleType

import pytest
from checkout import ROOT, files, text

from callwright.telephony.media_events import MediaStats

pytestmark = pytest.mark.pure

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CITED = re.compile(r"docs/(?:compatibility|decisions|howto|reference|tutorial)/[\w./-]*\w\.md")


def _generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_pages_are_current() -> None:
    """`./dev docs` writes them anew."""
    for path, page in _generate().pages().items():
        assert (ROOT / "docs" / path).read_text() == page, f"docs/{path} is out of date: run ./dev docs"


def _anchors(page: str) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page, re.M)
    return {re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-") for title in titles}


def test_links_resolve() -> None:
    broken = []
    for path in files(".md"):
        for target in LINK.findall(text(path)):
            if re.match(r"[a-z]+:", target):
                continue
            name, _, anchor = target.partition("#")
            to = (ROOT / path).parent / name if name else ROOT / path
            if not to.exists() or (anchor and anchor not in _anchors(to.read_text())):
                broken.append(f"{path}: {target}")
    assert not broken


def test_cited_pages_exist() -> None:
    """Docstrings cite the pages that they follow."""
    cited = {(str(path), name) for path in files(".py", ".md", ".toml") for name in CITED.findall(text(path))}
    assert not [(where, name) for where, name in sorted(cited) if not (ROOT / name).exists()]


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = [int(path.name[:4]) for path in files(".md") if path.parent == Path("docs/decisions")]
    assert numbers == list(range(1, len(numbers) + 1))
    assert numbers


def test_every_figure_of_the_media_is_explained() -> None:
    told = (ROOT / "docs/reference/sip.md").read_text()
    assert [field.name for field in fields(MediaStats) if f"`{field.name}`" not in told] == []
