"""JavaScript of authors, run in a *realm*: the one context (QuickJS) that all scripts of an application share in a session.

Libraries are evaluated when the realm is made, and stay: their functions, state and objects are the same for every
script of the session. A script has its own local variables, which are gone when it ends. `{{ path }}` in it stands for
a variable of the application, to be read and to be written:

    var total = {{ order.price }} * 2;      total is local
    {{ order.total }} = total;              the application's variable

A script that fails leaves nothing behind: no variable is changed, and the realm is to be thrown away (`history.py`
makes it again). The clock and `Math.random` come from the session, so the same scripts give the same results.

What an author's code may do to the context, such as changing the built-in objects, is seen by that session alone. Only
two things of it are called from here: the function that prelude.js gives, which answers with a string, and the
evaluation of libraries. Both are under the limits, unlike QuickJS's own conversion of objects to JSON.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import accumulate
from typing import Any

import quickjs

from callwright.base import json_text
from callwright.base.errors import AuthorError
from callwright.base.values import Value
from callwright.script.time_zones import UTC, offsets
from callwright.script.variables import Path, parse_path

SCRIPT_S_MAX = 0.25
"CPU time of one script, and of each library. Most take less than a millisecond, and others wait."

MEMORY_BYTES_MAX = 16 << 20
"Of one realm, at any moment."

KEPT_BYTES_MAX = 8 << 20
"Of one realm between scripts: what is left is room for the next script and what it is given."

STACK_BYTES_MAX = 256 << 10
TEXT_CHARACTERS_MAX = 500_000
"Of what a script is given, and of what it gives back, as JSON."

FIELD = re.compile(r"\{\{\s*(.*?)\s*\}\}")
_VARIABLES = "$callwright"
_PLACE = re.compile(r"<input>:(\d+)")
_LIBRARIES_SEED = 0x9E3779B9
"Sets the random numbers of libraries apart from those of the first script, which has the same seed."


@dataclass(frozen=True, slots=True)
class Script:
    """One script as it is run."""

    source: str
    "As `compiled` makes it."

    scope: Mapping[str, str]
    "The application's variables that it names: JSON by root."

    now: float
    "UNIX seconds: what its clock says."

    seed: int
    "Of its random numbers, 32 bits."


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a script came to. `value` is that of its last expression, or what it returns."""

    value: Value
    changes: Mapping[str, Value]
    "The application's variables that it has changed, by root."


class ScriptError(AuthorError):
    """The script threw, or reached a limit. The message is JavaScript's and the line: `TypeError: x is not a function line 3`,
    or `… line 3 of tax.js` for a line of a library."""


def compiled(source: str) -> tuple[str, tuple[Path, ...]]:
    """The script as it is run, and the variables of the application in it. Raises `AuthorError` for what is no variable."""
    paths: list[Path] = []

    def stand_in(found: re.Match[str]) -> str:
        path = parse_path(found[1])
        paths.append(path)
        return _VARIABLES + "".join(f"[{json.dumps(step)}]" for step in path)

    return FIELD.sub(stand_in, source), tuple(paths)


class Realm:
    """Where the scripts of one application run in one session."""

    __slots__ = ("_context", "_libraries", "_lines", "_offsets", "_run", "count", "memory_bytes")

    def __init__(self, libraries: Sequence[tuple[str, str]] = (), time_zone: str = UTC) -> None:
        """`libraries` are names and sources. They are evaluated with the clock of the first script."""
        self._libraries = libraries
        self._lines = _Lines(libraries)
        self._offsets = offsets(time_zone)
        self._context: quickjs.Context | None = None
        self._run: Any = None
        self.count = 0
        "Scripts that have run."
        self.memory_bytes = 0
        "What it takes since the last one."

    def run(self, script: Script) -> Evaluation:
        """Raises `ScriptError`; the realm is then of no more use."""
        scope = json.dumps(dict(script.scope))
        if len(scope) > TEXT_CHARACTERS_MAX:
            raise ScriptError(f"RangeError: the script's variables are longer than {TEXT_CHARACTERS_MAX} characters")
        try:
            if self._context is None:
                self._begin(script)
            answer = self._run(script.now * 1000.0, float(script.seed), self._lines.placed(script.source), scope)
        except quickjs.JSException as error:
            raise ScriptError(self._explained(*str(error).partition("\n")[::2])) from None
        if len(answer) > TEXT_CHARACTERS_MAX:
            raise ScriptError(f"RangeError: the result is longer than {TEXT_CHARACTERS_MAX} characters as JSON")
        try:
            told = json_text.loads(answer)
        except ValueError as error:
            raise ScriptError(f"RangeError: the result cannot be kept: {error}") from None
        assert isinstance(told, dict)
        if "thrown" in told:
            raise ScriptError(self._explained(str(told["thrown"]), str(told["stack"])))
        self._measure()
        self.count += 1
        return Evaluation(told["value"], told["changes"])  # type: ignore[arg-type]

    def _begin(self, script: Script) -> None:
        context = quickjs.Context()
        context.set_memory_limit(MEMORY_BYTES_MAX)
        context.set_max_stack_size(STACK_BYTES_MAX)
        context.set_time_limit(SCRIPT_S_MAX)
        prelude = context.eval(_source("prelude.js"))
        seed = float(script.seed ^ _LIBRARIES_SEED)
        self._run = prelude(script.now * 1000.0, seed, _source("dates.js"), _source("locale.js"), self._offsets)
        self._context = context
        for number, (_, source) in enumerate(self._libraries):
            context.eval(self._lines.placed(source, number))

    def _measure(self) -> None:
        assert self._context is not None
        self.memory_bytes = self._context.memory()["malloc_size"]
        if self.memory_bytes > KEPT_BYTES_MAX:
            self._context.gc()
            self.memory_bytes = self._context.memory()["malloc_size"]
            if self.memory_bytes > KEPT_BYTES_MAX:
                raise ScriptError(f"InternalError: scripts keep more than {KEPT_BYTES_MAX >> 20} MB between them")

    def _explained(self, message: str, stack: str) -> str:
        if message == "InternalError: interrupted":
            message = f"InternalError: the script ran longer than {SCRIPT_S_MAX:g} s"
        elif message == "null":
            # QuickJS has this for an error where there is no room for one.
            message = "null was thrown, or no memory is left"
        return message[:1000] + self._lines.named(stack)


class _Lines:
    """Whose line it is. QuickJS has one name for all that it evaluates, so the sources are set one below the other: our own,
    the libraries, the script."""

    __slots__ = ("_first", "_names")

    def __init__(self, libraries: Sequence[tuple[str, str]]) -> None:
        self._names = [name for name, _ in libraries]
        self._first = list(accumulate((source.count("\n") + 1 for _, source in libraries), initial=_own_lines()))
        "Lines above each library, and above the script."

    def placed(self, source: str, library: int = -1) -> str:
        """The source of a library by its number, or of a script, so far down as it stands."""
        return "\n" * self._first[library] + source

    def named(self, stack: str) -> str:
        """The first line of an author in a stack: ` line 3`, ` line 3 of tax.js`, or nothing."""
        for place in _PLACE.finditer(stack):
            line = int(place[1])
            if line > self._first[-1]:
                return f" line {line - self._first[-1]}"
            for above, name in zip(reversed(self._first[:-1]), reversed(self._names), strict=True):
                if line > above:
                    return f" line {line - above} of {name}"
        return ""


@cache
def _source(name: str) -> str:
    return (files("callwright.script") / name).read_text()


@cache
def _own_lines() -> int:
    return max(_source(name).count("\n") for name in ("prelude.js", "dates.js", "locale.js")) + 1
