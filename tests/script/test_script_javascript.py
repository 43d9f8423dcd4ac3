"""Authors' scripts: what they see, what they keep, what they may change, how they end, and that a run can be repeated."""

import json
from typing import Any

import pytest

from callwright.base.errors import AuthorError
from callwright.script.history import SCRIPTS_MAX, History, Scripts, made
from callwright.script.javascript import Evaluation, Realm, Script, ScriptError, compiled

pytestmark = pytest.mark.pure

NOW = 1_700_000_000.5
"Tuesday, 14 November 2023, 22:13:20 UTC."


def _script(source: str, *, now: float = NOW, seed: int = 1, **scope: Any) -> Script:
    return Script(compiled(source)[0], {root: json.dumps(value) for root, value in scope.items()}, now, seed)


def _run(source: str, *libraries: str, time_zone: str = "UTC", **given: Any) -> Evaluation:
    named = [(f"library{number}.js", library) for number, library in enumerate(libraries)]
    return Realm(named, time_zone).run(_script(source, **given))


@pytest.mark.parametrize(
    ("script", "value"),
    [
        ("1 + 1", 2),
        ("'a' + 1", "a1"),
        ("0.5", 0.5),
        ("2 ** 31", 2**31),
        ("true", True),
        ("null", None),
        ("undefined", None),
        ("NaN", None),
        ("1e400", None),
        ("({a: [1, {b: 'x'}]})", {"a": [1, {"b": "x"}]}),
        ("[1, undefined, NaN]", [1, None, None]),
        ("(function () {})", None),
        ("Symbol('x')", None),
        ("return 5;", 5),
        ("if (true) {\n  return 'x';\n}\nreturn 'y';", "x"),
        ("var f = function () { return 3; }; f()", 3),
        ("'return ' + 1", "return 1"),
        ("var x = 3; x * x", 9),
        ("new Map([[1, 2]])", {}),
        ("Promise.resolve(1).then(function (x) { return x; })", {}),
        ("'\\u00e9\\u2028\\ud83d\\ude00'", "é\u2028😀"),
    ],
)
def test_the_value_of_a_script(script: str, value: object) -> None:
    assert _run(script).value == value


def test_a_script_that_evaluates_a_return_of_its_own_runs_once() -> None:
    done = _run("{{ n }} = {{ n }} + 1; try { eval('return 1'); } catch (error) { error.name; }", n=1)
    assert done == Evaluation("SyntaxError", {"n": 2})


def test_variables_of_the_application_are_read_and_written() -> None:
    done = _run("{{ a.b[0] }} += 1; {{ new }} = {x: {{ text }}}; {{ a.b.length }}", a={"b": [1, 2]}, text='"\n')
    assert done == Evaluation(2, {"a": {"b": [2, 2]}, "new": {"x": '"\n'}})
    assert _run("{{ a }}; {{ b }}", a=5.0, b=[1e-7, 2**60, "é\u007f\u0001"]).changes == {}
    assert _run("{{ a }} = undefined; delete {{ b }}; {{ c }}.x", a=5, b=[1], c={}).changes == {"a": None, "b": None}
    assert _run("typeof {{ constructor }} + typeof {{ __proto__ }}").value == "undefinedundefined"


def test_a_scripts_own_variables_are_not_the_applications_nor_the_next_scripts() -> None:
    realm = Realm()
    assert realm.run(_script("total = 5; var other = 6; let third = 7; function f() {} total")).changes == {}
    seen = realm.run(_script("[typeof total, typeof other, typeof third, typeof f]")).value
    assert seen == ["undefined"] * 4
    with pytest.raises(ScriptError, match="total is not defined"):
        realm.run(_script("total"))


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("d", "ReferenceError: d is not defined line 1"),
        ("var a = 1;\n\nd + a", "ReferenceError: d is not defined line 3"),
        ("var a = 1;\nreturn d;", "ReferenceError: d is not defined line 2"),
        ("throw new Error('my words')", "Error: my words line 1"),
        ("null.x", "TypeError: cannot read property 'x' of null line 1"),
        ("1;\nnew Date().no()", "TypeError: not a function line 2"),
        ("1;\n1 +* 2", "SyntaxError: unexpected token in expression: '*' line 2"),
        ("throw 5", "5"),
        ("throw null", "null was thrown, or no memory is left"),
        ("throw {}", "[object Object]"),
        ("throw {toString: null}", "Error"),
        ("10n ** 20n", "TypeError: BigInt are forbidden in JSON.stringify"),
        ("var a = {}; a.a = a", "TypeError: circular reference"),
        ("'\\ud800'", "RangeError: the result cannot be kept: it holds U+0000 or half a surrogate pair, which is no character"),
        ("'\\0'", "RangeError: the result cannot be kept: it holds the character U+0000"),
        ("'x'.repeat(600000)", "RangeError: the result is longer than 500000 characters as JSON"),
        ("eval('1;\\n\\nd')", "ReferenceError: d is not defined line 1"),
        ("import('fs'); require('fs')", "ReferenceError: require is not defined line 1"),
    ],
)  # fmt: skip
def test_errors_have_their_line(script: str, message: str) -> None:
    with pytest.raises(ScriptError) as raised:
        _run(script)
    assert raised.value.message == message


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("\narea(null)", "TypeError: cannot read property 'r' of null line 2 of library1.js"),
        ("\narea({ get r() {\n return d; } })", "ReferenceError: d is not defined line 3"),
        ("\n\nPI()", "TypeError: not a function line 3"),
    ],
)
def test_errors_in_a_library_have_its_name_and_line(script: str, message: str) -> None:
    with pytest.raises(ScriptError) as raised:
        _run(script, "var PI = 3;\n\n", "function area(circle) {\n  return PI * circle.r;\n}")
    assert raised.value.message == message


@pytest.mark.parametrize(
    ("libraries", "message"),
    [
        (["1;", "function ("], "SyntaxError: function name expected line 1 of library1.js"),
        (["1;\nd"], "ReferenceError: d is not defined line 2 of library0.js"),
        (["const a = 1;", "1;\n2; const a = 2;"], "SyntaxError: redeclaration of 'a'"),
        (["while (true) {}"], "InternalError: the script ran longer than 0.25 s"),
        (
            ["function f() { for (;;) {} }\nf()"],
            "InternalError: the script ran longer than 0.25 s line 1 of library0.js",
        ),
    ],
)
def test_a_library_that_fails_fails_every_script(libraries: list[str], message: str) -> None:
    scripts = Scripts()
    for _ in range(2):
        with pytest.raises(ScriptError) as raised:
            scripts.run(
                _script("1"), libraries=[(f"library{number}.js", source) for number, source in enumerate(libraries)]
            )
        assert raised.value.message == message


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("while (true) {}", "ran longer than 0.25 s"),
        ("try { while (true) {} } catch (e) {} finally { 1 }", "ran longer than 0.25 s"),
        ("/(a+)+$/.test('a'.repeat(40) + 'b')", "ran longer than 0.25 s"),
        ("({toJSON() { while (true) {} }})", "ran longer than 0.25 s"),
        ("({get x() { while (true) {} }})", "ran longer than 0.25 s"),
        ("{{ a }} = {toJSON() { while (true) {} }}", "ran longer than 0.25 s"),
        ("throw {toString() { while (true) {} }}", "ran longer than 0.25 s"),
        ("throw {toString: () => 'x', get stack() { while (true) {} }}", "ran longer than 0.25 s"),
        ("Error.prototype.toString = function () { while (true) {} }; while (true) {}", "ran longer than 0.25 s"),
        ("Object.prototype[Symbol.toPrimitive] = () => { while (true) {} }; while (true) {}", "ran longer than 0.25 s"),
        ("Object.defineProperty(Object.prototype, 'stack', {get() { while (true) {} }}); while (true) {}", "ran longer"),
        ("Error.prepareStackTrace = () => { while (true) {} }; null.x", "ran longer|null"),
        ("JSON.stringify = () => { while (true) {} }; String = JSON.stringify; d", "d is not defined"),
        ("JSON.parse = Reflect.ownKeys = () => { while (true) {} }; d", "d is not defined"),
        ("(async () => { while (true) {} })()", "ran longer than 0.25 s"),
        ("var a = []; while (true) { a.push('x'.repeat(1000000) + a.length); }", "out of memory"),
        ("var a = []; while (true) { try { a.push('x'.repeat(1000000) + a.length); } catch (e) {} }", "ran longer"),
        ("new Array(3e7).fill(0)", "out of memory"),
        ("'x'.repeat(600000).split('')", "no memory is left|out of memory"),
        ("function f() { f(); } f()", "Maximum call stack size exceeded"),
        ("JSON.parse('['.repeat(100000))", "Maximum call stack size exceeded"),
        ("var a = []; for (var i = 0; i < 20000; i++) a = [a]; a", "nested more than 100 deep|Maximum call stack"),
        ("Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)", "cannot block in this thread"),
    ],
)  # fmt: skip
def test_what_goes_too_far_is_an_error_of_the_script(script: str, message: str) -> None:
    with pytest.raises(ScriptError, match=message):
        _run(script)


def test_a_script_is_given_only_so_much() -> None:
    with pytest.raises(ScriptError, match="variables are longer than 500000"):
        _run("{{ a }}", a="x" * 500_001)


def test_a_realm_keeps_only_so_much() -> None:
    scripts, library = Scripts(), [("keep.js", "var kept = []; function keep(n) { kept.push(new Array(n).fill(0)); }")]
    scripts.run(_script("keep(250000)"), libraries=library)
    with pytest.raises(ScriptError, match="scripts keep more than 8 MB between them"):
        scripts.run(_script("keep(500000)"), libraries=library)
    assert scripts.run(_script("kept.length"), libraries=library).value == 1


def test_a_script_reaches_nothing_outside() -> None:
    machine = "require process fetch std os XMLHttpRequest performance setTimeout WeakRef FinalizationRegistry"
    inside = "clock seed kept direct runnable before variables source given own offsets locale machine stringify"
    for name in f"{machine} {inside}".split():
        assert _run(f"typeof {name}").value == "undefined", name


# -- what is kept -----------------------------------------------------------------------------

COUNTER = [("counter.js", "var count = 0; const made = {}; function next() { return ++count; }")]


def test_libraries_keep_their_state_and_identity() -> None:
    scripts = Scripts()
    assert scripts.run(_script("{{ same }} = made; next()"), libraries=COUNTER).value == 1
    done = scripts.run(_script("made.x = 1; [next(), {{ same }} === made, next]", same={}), libraries=COUNTER)
    assert done == Evaluation([2, True, None], {"same": {"x": 1}})


def test_functions_and_dates_in_variables_stay_until_the_flow_changes_them() -> None:
    realm = Realm()
    realm.run(_script("{{ f }} = x => x * 2; {{ at }} = new Date(5)"))
    assert realm.run(_script("{{ f }}(4) + {{ at }}.getTime()", f=None, at="1970-01-01T00:00:00.005Z")).value == 13
    with pytest.raises(ScriptError, match="not a function"):
        realm.run(_script("{{ f }}(4)", f=1))


def test_a_script_that_fails_leaves_nothing_behind() -> None:
    scripts = Scripts()
    scripts.run(_script("next(); {{ a }} = {n: 1}"), libraries=COUNTER)
    for failing in ("next(); {{ a }}.n = 2; d", "next(); while (true) {}"):
        with pytest.raises(ScriptError):
            scripts.run(_script(failing, a={"n": 1}), libraries=COUNTER)
    assert scripts.run(_script("[next(), {{ a.n }}]", a={"n": 1}), libraries=COUNTER).value == [2, 1]


def test_a_realm_made_again_is_the_same() -> None:
    library = [
        (
            "dice.js",
            "var start = [Date.now(), Math.random()]; var rolls = []; function roll() { rolls.push(Math.random()); }",
        )
    ]
    past = [_script("roll()", now=NOW + n, seed=n, a=n) for n in range(5)]
    last = _script("[start, rolls, Date.now(), Math.random()]", seed=9)
    first = made(library, "UTC", past).run(last)
    assert made(library, "UTC", past).run(last) == first
    assert made(library, "UTC", past[1:]).run(last) != first


def test_an_application_inside_another_has_a_realm_of_its_own() -> None:
    scripts = Scripts()
    assert scripts.run(_script("next()"), libraries=COUNTER).value == 1
    assert scripts.run(_script("next()"), path=(1,), libraries=COUNTER).value == 1
    assert scripts.run(_script("next()"), path=(1, 1), libraries=COUNTER).value == 1
    assert scripts.run(_script("next()"), path=(1,), libraries=COUNTER).value == 2
    assert scripts.run(_script("next()"), libraries=COUNTER).value == 2
    assert scripts.run(_script("next()"), path=(1,), libraries=COUNTER).value == 1, "it had been left"


def test_sessions_do_not_see_what_others_do_to_built_in_objects() -> None:
    spoils = "Object.prototype.price = 0; Array.prototype.push = null; JSON.stringify = null; globalThis.Math = null; 1"
    spoilt = Realm()
    spoilt.run(_script(spoils))
    assert spoilt.run(_script("[].price + 1")).value == 1
    assert Realm().run(_script("[[].price, typeof [].push, typeof JSON.stringify, typeof Math]")).value == [
        None, "function", "function", "object",
    ]  # fmt: skip


def test_a_history_that_is_too_long_is_not_kept() -> None:
    past = History().enter(())
    for _ in range(SCRIPTS_MAX):
        past.add(_script("1"))
    assert len(past.again()) == past.count == SCRIPTS_MAX
    past.add(_script("1"))
    with pytest.raises(ScriptError, match="too much to run again"):
        past.again()
    assert past.count == 0 and past.again() == ()
    past.add(_script("1"), seconds=0.6)
    with pytest.raises(ScriptError, match="too much to run again"):
        past.again()


# -- clock and chance -------------------------------------------------------------------------


def test_the_clock_is_the_sessions() -> None:
    assert _run("Date.now()").value == NOW * 1000
    assert _run("new Date().getTime()").value == NOW * 1000
    assert _run("new Date(2020, 1, 29).getDate()").value == 29
    assert _run("new Date() instanceof Date && Date.UTC(1970, 0, 2)").value == 86_400_000
    realm = Realm()
    assert realm.run(_script("Date.now()")).value == NOW * 1000
    assert realm.run(_script("Date.now()", now=5)).value == 5000


@pytest.mark.parametrize(
    ("script", "value"),
    [
        ("Date()", "Tue Nov 14 2023 17:13:20 GMT-0500"),
        ("new Date(2023, 6, 4).toString()", "Tue Jul 04 2023 00:00:00 GMT-0400"),
        ("new Date(2023, 6, 4).getTimezoneOffset()", 240),
        ("new Date().getDay() + ' ' + new Date().getHours()", "2 17"),
        ("new Date('2023-07-04').toISOString()", "2023-07-04T00:00:00.000Z"),
        ("new Date('2023-07-04T12:00').toISOString()", "2023-07-04T16:00:00.000Z"),
        ("new Date('2023-07-04T12:00-02:00').toISOString()", "2023-07-04T14:00:00.000Z"),
        ("new Date('July 4, 2023 12:00').toISOString()", "2023-07-04T16:00:00.000Z"),
        ("new Date('Tue Jul 04 2023 00:00:00 GMT-0400').getTime() == new Date(2023, 6, 4).getTime()", True),
        # Twice, and never: the hours of the clock changes.
        ("new Date(2023, 10, 5, 1, 30).toISOString()", "2023-11-05T05:30:00.000Z"),
        ("new Date(2023, 2, 12, 2, 30).toISOString()", "2023-03-12T07:30:00.000Z"),
        ("var d = new Date(2023, 10, 4, 12); d.setDate(d.getDate() + 1); d.getHours()", 12),
        ("var d = new Date(2023, 0, 31); d.setMonth(1); d.toDateString()", "Fri Mar 03 2023"),
        ("var d = new Date(NaN); d.setFullYear(2023); d.toISOString()", "2023-01-01T05:00:00.000Z"),
        ("var d = new Date(NaN); [d.setHours(1), d.getDay(), d.getTimezoneOffset()].join() + d", "NaN,NaN,NaNInvalid Date"),
        ("new Date(2023, 0, 1).getYear()", 123),
        ("new Date(95, 0).getFullYear()", 1995),
        ("class Day extends Date {}; new Day(2023, 0, 2).getDate()", 2),
        ("new Date(new Date(5)).getTime()", 5),
        ("Object.keys(new Date()).length + Object.keys(Date).length", 0),
        ("Date = 5; Date", 5),
    ],
)  # fmt: skip
def test_dates_are_in_the_applications_time_zone(script: str, value: object) -> None:
    assert _run(script, time_zone="America/New_York").value == value


@pytest.mark.parametrize(
    ("call", "text"),
    [
        ("toLocaleDateString()", "11/14/2023"),
        ("toLocaleTimeString()", "11:13:20 PM"),
        ("toLocaleString()", "11/14/2023, 11:13:20 PM"),
        ("toLocaleDateString('en-GB')", "14/11/2023"),
        ("toLocaleDateString('de-DE')", "14.11.2023"),
        ("toLocaleDateString('es')", "14/11/2023"),
        ("toLocaleDateString('fr-CA')", "14/11/2023"),
        ("toLocaleDateString('sv-SE')", "2023-11-14"),
        ("toLocaleDateString('en-US', {weekday: 'long'})", "Tuesday"),
        ("toLocaleDateString('en-US', {month: 'long', day: 'numeric'})", "November 14"),
        ("toLocaleDateString('en-US', {dateStyle: 'full'})", "Tuesday, November 14, 2023"),
        ("toLocaleDateString('en-GB', {dateStyle: 'full'})", "Tuesday 14 November 2023"),
        ("toLocaleDateString('de-DE', {dateStyle: 'full'})", "Dienstag, 14. November 2023"),
        ("toLocaleDateString('es-MX', {dateStyle: 'full'})", "martes, 14 de noviembre de 2023"),
        ("toLocaleDateString('fr-FR', {dateStyle: 'full'})", "mardi 14 novembre 2023"),
        ("toLocaleDateString('de-DE', {weekday: 'long', day: 'numeric', month: 'numeric'})", "Dienstag, 14.11"),
        ("toLocaleDateString('es-ES', {month: 'long', year: 'numeric'})", "noviembre de 2023"),
        ("toLocaleTimeString('en-US', {hour: 'numeric', minute: '2-digit'})", "11:13 PM"),
        ("toLocaleTimeString('de-DE', {timeStyle: 'short'})", "23:13"),
        ("toLocaleTimeString('en-US', {hour12: false})", "23:13:20"),
    ],
)  # fmt: skip
def test_dates_are_shown_in_the_languages_of_prompts(call: str, text: str) -> None:
    assert _run(f"new Date().{call}", time_zone="Europe/Paris").value == text
    assert _run(f"new Date(NaN).{call}").value == "Invalid Date"


def test_random_numbers_are_the_sessions() -> None:
    numbers = "[Math.random(), Math.random(), Math.random()]"
    first = _run(numbers, seed=7).value
    assert first == _run(numbers, seed=7).value != _run(numbers, seed=8).value
    assert isinstance(first, list) and all(0 <= number < 1 for number in first)  # type: ignore[operator]
    even = _run("var n = 0; for (var i = 0; i < 10000; i++) n += Math.random(); n / 10000", seed=3).value
    assert 0.48 < even < 0.52  # type: ignore[operator]
    apart = _run("[early, Math.random()]", "var early = Math.random();", seed=7).value
    assert apart == [apart[0], first[0]] and apart[0] != first[0]  # type: ignore[index]


def test_libraries_come_first() -> None:
    assert _run("area(3)", "var PI = 3;", "function area(r) { return PI * r * r; }").value == 27


def test_a_field_that_is_no_variable() -> None:
    with pytest.raises(AuthorError, match="not a variable"):
        compiled("{{ 5x }}")
