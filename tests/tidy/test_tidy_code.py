"""House rules that no linter knows."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from checkout import files, lines, package, text

pytestmark = pytest.mark.pure

LINES_MAX = 500
PURE = ("base", "flow", "grammar", "media", "script", "session", "sip", "vxml")

CONTAINMENT_POINTS = {
    "callwright/conversation/text_turn.py": "one turn of a conversation by text",
    "callwright/engine/calls.py": "one call",
    "callwright/engine/dialer.py": "one call: its way out",
    "callwright/engine/inbound.py": "one call: its way in",
    "callwright/session/run.py": "one call: its program",
    "callwright/telephony/plane.py": "one call: its media",
    "callwright/telephony/recorder.py": "one call: its recording",
    "callwright/web/plum/endpoint.py": "one request",
}
"The only places that may catch `Exception`: what went wrong inside ends there, and the process lives."

SQL = re.compile(
    r"\s*(SELECT\s.+|INSERT INTO\s.+|UPDATE\s+\w+\s+SET\s.+|DELETE FROM\s.+|WITH\s+\w+\s+AS\s.+)", re.DOTALL
)
SQL_ELSEWHERE = {"callwright/cli/_postgres.py": "makes the database in which the store then lives"}


def test_files_stay_short() -> None:
    long = {str(path): count for path in files(".py") if (count := text(path).count("\n")) > LINES_MAX}
    assert not long


def test_every_module_says_what_it_is() -> None:
    silent = [str(path) for path, tree in package() if not ast.get_docstring(tree) and "migrations" not in path.parts]
    assert not silent


def test_a_constant_has_one_value() -> None:
    """No linter tells that a second assignment, far below, took the first one's place."""
    twice = [
        f"{path}: {name}"
        for path, tree in package()
        for name, count in Counter(
            target.id
            for node in tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name) and target.id.isupper()
        ).items()
        if count > 1
    ]
    assert not twice


def test_nothing_is_left_undone() -> None:
    undone = re.compile(r"\b(TODO|FIXME|XXX|HACK|NotImplementedError|NotImplemented)\b")
    here = Path(__file__).name
    found = [where for where, line in lines(".py", ".sh", ".yaml", ".toml", ".md", "dev") if undone.search(line)]
    assert not [where for where in found if here not in where]


def test_pure_packages_take_time_and_chance_from_events() -> None:
    forbidden = {"now", "utcnow", "today", "uuid1", "uuid4"}
    found = [
        f"{path}:{node.lineno} {ast.unparse(node)}"
        for path, tree in package()
        if path.parts[1] in PURE
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in forbidden
        and ast.unparse(node.func.value) in ("datetime", "datetime.datetime", "date", "datetime.date", "uuid")
    ]
    assert not found


def test_sql_stands_in_the_store_alone() -> None:
    found = [
        f"{path}:{node.lineno}"
        for path, tree in package()
        if path.parts[1] != "store" and str(path) not in SQL_ELSEWHERE
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL.fullmatch(node.value)
    ]
    assert not found


def test_exceptions_are_contained_at_named_points_alone() -> None:
    """`except BaseException` that raises again is not containment: it cleans up."""
    places = set()
    for path, tree in package():
        for handler in ast.walk(tree):
            if isinstance(handler, ast.ExceptHandler) and _catches_all(handler) and not _raises_again(handler):
                places.add(str(path))
    assert places <= CONTAINMENT_POINTS.keys()


def _catches_all(handler: ast.ExceptHandler) -> bool:
    names = (
        {ast.unparse(node) for node in ast.walk(handler.type) if isinstance(node, ast.expr)} if handler.type else {""}
    )
    return bool(names & {"", "Exception", "BaseException"})


def _raises_again(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def test_no_task_is_left_to_itself() -> None:
    """`asyncio.create_task(...)` as a statement: nobody waits for it, and nobody hears of its failure."""
    found = [f"{path}:{node.lineno}" for path, tree in package() for node in _statements(tree) if _starts_task(node)]
    assert not found


def _statements(tree: ast.Module) -> Iterator[ast.Expr]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Expr))


def _starts_task(node: ast.Expr) -> bool:
    if not isinstance(node.value, ast.Call):
        return False
    called = ast.unparse(node.value.func)
    return called in ("asyncio.create_task", "asyncio.ensure_future", "loop.create_task")


def test_migrations_form_one_line() -> None:
    """Two that follow the same one are two heads, and nothing starts any more."""
    names = [path.name for path in files(".py") if path.parts[-2] == "versions"]
    revisions = [
        re.findall(r'^(?:down_)?revision = "?(\w+)"?$', text(path), re.M) for path in files(".py") if path.name in names
    ]
    expected = [[f"{n:04d}", f"{n - 1:04d}" if n > 1 else "None"] for n in range(1, len(names) + 1)]
    assert revisions == expected
    assert [name[:4] for name in names] == [revision for revision, _ in expected]
