"""Authors' scripts: what they see, what they may change, how they end, and that a run can be repeated."""

from typing import Any

import pytest

from callwright.base.errors import AuthorError
from callwright.script.javascript import Evaluation, ScriptError, compiled, evaluate

pytestmark = pytest.mark.pure

NOW = 1_700_000_000.5


def _run(script: str, *libraries: str, seed: int = 1, **scope: Any) -> Evaluation:
    return evaluate(compiled(script)[0], scope, libraries=libraries, now=NOW, seed=seed)


@pytest.mark.parametrize(
    ("script", "value"),
    [
        ("1 + 1", 2),
        ("'a' + 1", "a1"),
        ("0.5", 0.5),
        ("true", True),
        ("null", None),
        ("undefined", None),
        ("({a: [1, {b: 'x'}]})", {"a": [1, {"b": "x"}]}),
        ("[1, undefined, NaN]", [1, None, None]),
        ("(function () {})", None),
        ("return 5;", 5),
        ("if (true) {\n  return 'x';\n}\nreturn 'y';", "x"),
        ("var x = 3; x * x", 9),
    ],
)
def test_the_value_of_a_script(script: str, value: object) -> None:
    assert _run(script).value == value


def test_variables_of_the_application_are_read_and_written() -> None:
    done = _run("{{ a.b[0] }} += 1; {{ new }} = {x: {{ text }}}; {{ a.b.length }}", a={"b": [1, 2]}, text='"\n')
    assert done == Evaluation(2, {"a": {"b": [2, 2]}, "new": {"x": '"\n'}})
    assert _run("{{ a }}", a=5).changes == {}


def test_a_scripts_own_variables_are_not_the_applications() -> None:
    assert _run("total = 5; var other = 6; total").changes == {}
    with pytest.raises(ScriptError, match="total is not defined"):
        _run("total")


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("d", "ReferenceError: d is not defined line 1"),
        ("var a = 1;\n\nd + a", "ReferenceError: d is not defined line 3"),
        ("var a = 1;\nreturn d;", "ReferenceError: d is not defined line 2"),
        ("throw new Error('my words')", "Error: my words line 1"),
        ("null.x", "TypeError: cannot read property 'x' of null line 1"),
        ("while (true) {}", "InternalError: the script ran longer than 1 s line 1"),
    ],
)
def test_errors_have_their_line(script: str, message: str) -> None:
    with pytest.raises(ScriptError) as raised:
        _run(script)
    assert raised.value.message == message


@pytest.mark.parametrize(
    "script",
    [
        "function f() { f(); } f()",
        "var a = []; while (true) { a.push('x'.repeat(1000000) + a.length); }",
        "'x'.repeat(600000).split('')",
        "1 +",
        "throw 5",
    ],
)
def test_what_goes_too_far_is_an_error_of_the_script(script: str) -> None:
    with pytest.raises(ScriptError):
        _run(script)


def test_a_script_reaches_nothing_outside() -> None:
    seen = _run("[typeof require, typeof process, typeof fetch, typeof std, typeof os, typeof XMLHttpRequest]").value
    assert set(seen) == {"undefined"}  # type: ignore[arg-type]


def test_the_clock_is_the_sessions() -> None:
    assert _run("Date.now()").value == NOW * 1000
    assert _run("new Date().getTime()").value == NOW * 1000
    assert _run("new Date(2020, 1, 29).getDate()").value == 29
    assert _run("new Date() instanceof Date && Date.UTC(1970, 0, 2)").value == 86_400_000


def test_random_numbers_are_the_sessions() -> None:
    numbers = "[Math.random(), Math.random(), Math.random()]"
    first = _run(numbers, seed=7).value
    assert first == _run(numbers, seed=7).value != _run(numbers, seed=8).value
    assert isinstance(first, list) and all(0 <= number < 1 for number in first)  # type: ignore[operator]
    even = _run("var n = 0; for (var i = 0; i < 10000; i++) n += Math.random(); n / 10000", seed=3).value
    assert 0.48 < even < 0.52  # type: ignore[operator]


def test_libraries_come_first() -> None:
    assert _run("area(3)", "var PI = 3;", "function area(r) { return PI * r * r; }").value == 27
    with pytest.raises(ScriptError, match="SyntaxError"):
        _run("1", "function (")


def test_a_field_that_is_no_variable() -> None:
    with pytest.raises(AuthorError, match="not a variable"):
        compiled("{{ 5x }}")
