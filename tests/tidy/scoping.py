"""Reads every statement of the store and says which of them do not bind their asker (`store/scope.py`).

A statement is rendered from the source: constants, f-strings, names of constants, `.format`. Where `visible(scope, n, "c")`
has been written into it stands `⟦c⟧`; what cannot be known before it runs is `⟦?⟧`.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import sqlalchemy as sa

RUNS = {
    "fetch",
    "fetchrow",
    "fetchval",
    "fetchmany",
    "execute",
    "executemany",
    "prepare",
    "cursor",
    "copy_records_to_table",
}
UNKNOWN = "⟦?⟧"

_TOUCHED = re.compile(
    r"\b(?:FROM|JOIN|UPDATE|INTO|USING)\s+(?:ONLY\s+)?([a-z_]+)(?:\s+(?:AS\s+)?([a-z]\w*))?", re.IGNORECASE
)
_COMMON_TABLE = re.compile(r"\b([a-z_]+)\s+AS\s+\(", re.IGNORECASE)
_INSERTS = re.compile(
    r"INSERT\s+INTO\s+([a-z_]+)\s*\(([^)]*)\)\s*(?:VALUES\s*\(|SELECT\s)(.*)", re.IGNORECASE | re.DOTALL
)


@dataclass(frozen=True)
class Statement:
    """One statement, as the store hands it to the database."""

    where: str
    "`store/calls.py:listed`."

    line: int
    text: str
    arguments: tuple[str, ...]
    "The source of what is bound to `$1`, `$2`, …"

    def tables(self) -> dict[str, str]:
        """The tables that it touches, by alias (a table without one stands under its own name)."""
        common = {name.lower() for name in _COMMON_TABLE.findall(self.text)}
        found = {}
        for table, alias in _TOUCHED.findall(self.text):
            if table.lower() not in common:
                found[alias if alias and alias.isalpha() and not alias.isupper() else table] = table
        return found


def unscoped(statement: Statement, tables: sa.MetaData, of_nobody: Mapping[str, str]) -> str:
    """Why the statement may reach rows of others; empty where it cannot."""
    if statement.text == UNKNOWN:
        return "cannot be read from the source"
    touched = {alias: table for alias, table in statement.tables().items() if table in tables.tables}
    owned = {alias: table for alias, table in touched.items() if table not in of_nobody}
    if not owned and not (UNKNOWN in statement.text and not touched):
        return ""
    if any(f"⟦{alias}⟧" in statement.text for alias in owned):
        return ""
    if _gives_to_the_asker(statement, tables):
        return ""
    if (
        owned
        and all("user_id" not in tables.tables[table].c for table in owned.values())
        and _binds_account(statement, owned)
    ):
        return ""
    return f"touches {', '.join(sorted(set(owned.values())))} for anybody"


def _gives_to_the_asker(statement: Statement, tables: sa.MetaData) -> bool:
    """A new row whose owners are the asker's own."""
    found = _INSERTS.search(statement.text)
    if found is None or found[1] not in tables.tables:
        return False
    columns = [column.strip() for column in found[2].split(",")]
    values = [value.strip() for value in found[3].split(",")]
    owners = [name for name in ("account_id", "user_id") if name in tables.tables[found[1]].c]
    return bool(owners) and all(
        name in columns and _bound(statement, values[columns.index(name)].rstrip(")")) == f"scope.{name}"
        for name in owners
    )


def _binds_account(statement: Statement, owned: Mapping[str, str]) -> bool:
    """For what belongs to the account as a whole, or is the account, or the asker."""
    pairs = {"account_id": "scope.account_id", "accounts": "scope.account_id", "users": "scope.user_id"}
    for column, number in re.findall(r"\b(account_id|id)\s*=\s*(\$\d+)", statement.text):
        table = next(iter(owned.values()))
        if _bound(statement, number) == pairs.get(table if column == "id" else column):
            return True
    return False


def _bound(statement: Statement, value: str) -> str:
    found = re.match(r"\$(\d+)", value)
    at = int(found[1]) - 1 if found else len(statement.arguments)
    return statement.arguments[at] if at < len(statement.arguments) else ""


def constants(trees: Mapping[str, ast.Module]) -> dict[str, str]:
    """Texts with a name, of all files: some files use others'."""
    found: dict[str, str] = {}
    for tree in trees.values():
        for node in tree.body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                text = _render(node.value, found)
                if text != UNKNOWN:
                    found[node.targets[0].id] = text
    return found


def statements(path: str, tree: ast.Module, known: Mapping[str, str]) -> Iterator[Statement]:
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            names = _names(function, known)
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in RUNS:
                    yield _statement(f"{path}:{function.name}", node, names)


def _statement(where: str, call: ast.Call, names: Mapping[str, str]) -> Statement:
    text = _render(call.args[0], names) if call.args else UNKNOWN
    if isinstance(call.func, ast.Attribute) and call.func.attr == "copy_records_to_table":
        text = f"INSERT INTO {text}"
    return Statement(where, call.lineno, text, tuple(ast.unparse(argument) for argument in call.args[1:]))


def _names(function: ast.FunctionDef | ast.AsyncFunctionDef, known: Mapping[str, str]) -> dict[str, str]:
    """What names mean inside a function: its conditions and the texts that it makes."""
    names = dict(known)
    takes_scope = any(
        argument.arg == "scope" and argument.annotation is not None and ast.unparse(argument.annotation) == "Scope"
        for argument in (*function.args.args, *function.args.kwonlyargs)
    )
    for node in ast.walk(function):
        if not isinstance(node, ast.Assign):
            continue
        target = node.targets[0]
        if isinstance(target, ast.Tuple) and isinstance(target.elts[0], ast.Name):
            alias = _alias(node.value)
            if alias and takes_scope:
                names[target.elts[0].id] = f"⟦{alias}⟧"
        elif isinstance(target, ast.Name):
            names[target.id] = _render(node.value, names)
    return names


def _alias(node: ast.expr) -> str:
    """The alias of `visible(scope, 1, "c")`; empty for anything else."""
    if not (isinstance(node, ast.Call) and ast.unparse(node.func) == "visible" and len(node.args) == 3):
        return ""
    scope, _, alias = node.args
    return str(alias.value) if ast.unparse(scope) == "scope" and isinstance(alias, ast.Constant) else ""


def _render(node: ast.expr, names: Mapping[str, str]) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(_render(part, names) for part in parts)
        case ast.FormattedValue(value=value):
            return _render(value, names)
        case ast.Name(id=name):
            return names.get(name, UNKNOWN)
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            return _render(left, names) + _render(right, names)
        case ast.Call(func=ast.Name(id="text"), args=[argument]):
            return _render(argument, names)
        case ast.Call(func=ast.Attribute(attr="format", value=template)):
            text = _render(template, names)
            for keyword in node.keywords:
                text = text.replace(f"{{{keyword.arg}}}", _render(keyword.value, names))
            return text
    return UNKNOWN
