"""JavaScript of authors: one script, in a context of its own, that sees what it is given and nothing else (QuickJS).

`{{ path }}` in a script stands for a variable of the application, to be read and to be written:

    var total = {{ order.price }} * 2;      total is local and gone afterwards
    {{ order.total }} = total;              the application's variable

The clock and `Math.random` come from the session, so the same run gives the same result.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import quickjs

from callwright.base.errors import AuthorError
from callwright.base.values import Value
from callwright.script.variables import Path, parse_path

SCRIPT_S_MAX = 1.0
"CPU time of one script, its libraries included."

MEMORY_BYTES_MAX = 32 << 20
STACK_BYTES_MAX = 512 << 10
RESULT_CHARACTERS_MAX = 500_000
"Of what a script gives back, as JSON."

FIELD = re.compile(r"\{\{\s*(.*?)\s*\}\}")
_VARIABLES = "$callwright"
_PLACE = re.compile(r"<input>:(\d+)")

_PRELUDE = """
(function (now, seed) {
  var RealDate = Date;
  function SessionDate(...given) {
    if (!new.target) return new RealDate(now).toString();
    return Reflect.construct(RealDate, given.length ? given : [now], new.target);
  }
  SessionDate.prototype = RealDate.prototype;
  SessionDate.prototype.constructor = SessionDate;
  SessionDate.now = () => now;
  SessionDate.parse = RealDate.parse;
  SessionDate.UTC = RealDate.UTC;
  globalThis.Date = SessionDate;
  var state = seed >>> 0;
  Math.random = function () {
    state = (state + 0x6d2b79f5) >>> 0;
    var mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
})
"""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a script came to. `value` is that of its last expression, or what it returns."""

    value: Value
    changes: Mapping[str, Value]
    "The application's variables that it has changed, by root."


class ScriptError(AuthorError):
    """The script threw, or reached a limit. The message is JavaScript's and the line: `TypeError: x is not a function line 3`."""


def compiled(source: str) -> tuple[str, tuple[Path, ...]]:
    """The script as it is run, and the variables of the application in it. Raises `AuthorError` for what is no variable."""
    paths: list[Path] = []

    def stand_in(found: re.Match[str]) -> str:
        path = parse_path(found[1])
        paths.append(path)
        return _VARIABLES + "".join(f"[{json.dumps(step)}]" for step in path)

    return FIELD.sub(stand_in, source), tuple(paths)


def evaluate(
    script: str, scope: Mapping[str, Value], *, libraries: Sequence[str] = (), now: float, seed: int
) -> Evaluation:
    """Run what `compiled` made. `scope` are variables of the application by root, `now` UNIX seconds.

    Raises `ScriptError`.
    """
    context = quickjs.Context()
    context.set_memory_limit(MEMORY_BYTES_MAX)
    context.set_max_stack_size(STACK_BYTES_MAX)
    context.set_time_limit(SCRIPT_S_MAX)
    try:
        context.eval(_PRELUDE)(now * 1000.0, float(seed))
        context.set(_VARIABLES, context.parse_json(json.dumps(dict(scope))))
        for library in libraries:
            context.eval(library)
        value = _as_json(context, _run(context, script))
        after = _as_json(context, context.get(_VARIABLES))
    except quickjs.JSException as error:
        raise ScriptError(_explained(str(error))) from None
    assert isinstance(after, dict)
    changes = {root: item for root, item in after.items() if root not in scope or item != scope[root]}
    return Evaluation(value, changes)


def _run(context: quickjs.Context, script: str) -> object:
    try:
        return context.eval(script)
    except quickjs.JSException as error:
        if "return not in a function" not in str(error):
            raise
    # A script that returns is the body of a function. On one line with it, so that lines keep their numbers.
    return context.eval("(function () {" + script + "\n})()")


def _as_json(context: quickjs.Context, value: object) -> Value:
    if not isinstance(value, quickjs.Object):
        return value if isinstance(value, bool | int | float | str) else None
    text = value.json()
    if text is None:
        return None
    if len(text) > RESULT_CHARACTERS_MAX:
        raise ScriptError(f"RangeError: the result is longer than {RESULT_CHARACTERS_MAX} characters as JSON")
    parsed: Value = json.loads(text)
    return parsed


def _explained(error: str) -> str:
    """`ReferenceError: d is not defined line 1`."""
    message = error.partition("\n")[0]
    place = _PLACE.search(error)
    if message == "InternalError: interrupted":
        message = f"InternalError: the script ran longer than {SCRIPT_S_MAX:g} s"
    return f"{message} line {place[1]}" if place else message
