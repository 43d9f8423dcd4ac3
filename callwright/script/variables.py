"""The variables of a session: a tree of JSON values, read and written by paths such as `a.b[0].c`.

A value is private by its root: what a private module stored under `pin` makes all of `pin` private, and
whatever is computed from it as well.
"""

import json
import re
from collections.abc import Mapping
from copy import deepcopy
from functools import lru_cache
from itertools import pairwise

from callwright.base.errors import AuthorError
from callwright.base.values import Value

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\$?")
_STEP = re.compile(r"""\.([A-Za-z_$][A-Za-z0-9_$]*)|\[(\d{1,6})\]|\[(["'])([^"'\\{}|]{1,100})\3\]""")

DEPTH_MAX = 20
"Steps in a path."

INDEX_MAX = 10_000
"Largest list that setting an element may grow."

Path = tuple[str | int, ...]


class Missing:
    """Stands for a variable that is not there, which is not the same as null."""

    def __bool__(self) -> bool:
        return False


MISSING = Missing()


@lru_cache(maxsize=10_000)
def parse_path(text: str) -> Path:
    """`a.b[0]["c-d"]` as ("a", "b", 0, "c-d"). Raises `AuthorError`."""
    name = NAME.match(text)
    if name is None:
        raise AuthorError(f"{text!r} is not a variable: it begins with a letter, then letters, digits and _")
    steps: list[str | int] = [name[0]]
    at = name.end()
    while at < len(text):
        step = _STEP.match(text, at)
        if step is None:
            raise AuthorError(f"{text!r} is not a variable path such as order.items[0].price")
        steps.append(step[1] or step[4] or int(step[2]))
        at = step.end()
    if len(steps) > DEPTH_MAX:
        raise AuthorError(f"{text!r} has more than {DEPTH_MAX} steps")
    return tuple(steps)


class Variables:
    """The variables of one session."""

    __slots__ = ("private", "values")

    def __init__(self, values: Mapping[str, Value] | None = None) -> None:
        self.values: dict[str, Value] = dict(values or {})
        self.private: set[str] = set()
        "Roots whose value appears nowhere."

    def get(self, path: Path) -> Value | Missing:
        """The value at a path, `MISSING` where there is none."""
        value: Value | Missing = self.values.get(path[0], MISSING) if isinstance(path[0], str) else MISSING
        for step in path[1:]:
            if step == "length" and isinstance(value, list | str):
                value = len(value)
            elif isinstance(value, dict):
                # As in JavaScript, where x[0] of an object is its property "0".
                value = value.get(str(step), MISSING)
            elif isinstance(value, list) and isinstance(step, int):
                value = value[step] if step < len(value) else MISSING
            else:
                return MISSING
        return value

    def copy(self, path: Path) -> Value | Missing:
        """The value at a path as it is now: what is set later does not change it."""
        value = self.get(path)
        return deepcopy(value) if isinstance(value, dict | list) else value

    def set(self, path: Path, value: Value, *, private: bool = False) -> None:
        """Write at a path, making the objects and lists on the way. Raises `AuthorError` where one is in the way."""
        root = str(path[0])
        if private:
            self.private.add(root)
        elif len(path) == 1:
            self.private.discard(root)
        if len(path) == 1:
            self.values[root] = value
            return
        holder = self.values.setdefault(root, _empty_for(path[1]))
        for step, following in pairwise(path[1:]):
            holder = _child(holder, step, following)
        _assign(holder, path[-1], value)

    def is_private(self, path: Path) -> bool:
        root = str(path[0])
        return root in self.private or root.removesuffix("$") in self.private


def _empty_for(step: str | int) -> Value:
    return [] if isinstance(step, int) else {}


def _child(holder: Value, step: str | int, following: str | int) -> Value:
    if isinstance(holder, dict) and isinstance(step, str):
        return holder.setdefault(step, _empty_for(following))
    if isinstance(holder, list) and isinstance(step, int) and step < len(holder):
        return holder[step]
    made = _empty_for(following)
    _assign(holder, step, made)
    return made


def _assign(holder: Value, step: str | int, value: Value) -> None:
    if isinstance(holder, dict) and isinstance(step, str):
        holder[step] = value
    elif isinstance(holder, list) and isinstance(step, int) and step <= min(len(holder), INDEX_MAX):
        holder[step : step + 1] = [value]
    else:
        raise AuthorError(f"{step!r} cannot be set on a {type(holder).__name__}")


def text_of(value: "Value | Missing") -> str:
    """A value as a prompt or a request shows it, the way JavaScript prints it."""
    if isinstance(value, str):
        return value
    if value is None or value is MISSING:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e21 else repr(value)
    if isinstance(value, int):
        return str(value)
    return json.dumps(value, ensure_ascii=False)
