"""Answers of web services as values, and comparisons as JavaScript makes them."""

import math

import pytest

from callwright.flow.modules.compare import number
from callwright.flow.returned import PARSERS
from callwright.script.variables import MISSING

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("JSON", '{"a": [1, null, "x"]}', {"a": [1, None, "x"]}),
        ("JSON", "3", 3),
        ("CSV", "name,age\nAnn,30\nBob,40\n", [{"name": "Ann", "age": "30"}, {"name": "Bob", "age": "40"}]),
        ("CSV", 'a,b\r\n"x, y","z ""q"""\r\n', [{"a": "x, y", "b": 'z "q"'}]),
        ("TEXT", " as it is\n", " as it is\n"),
        ("EMPTY", "anything", None),
        ("XML", "<a><b>1</b></a>", {"b": "1"}),
        ("XML", "<a><b>1</b><b>2</b></a>", {"b": ["1", "2"]}),
    ],
)
def test_an_answer_as_a_value(kind: str, text: str, value: object) -> None:
    assert PARSERS[kind](text) == value


BOMB = (
    '<!DOCTYPE a [<!ENTITY x "xxxxxxxxxx">'
    + "".join(f'<!ENTITY x{n} "{f"&x{n - 1 if n else str()};" * 10}">' for n in range(9))
    + "]><a>&x8;</a>"
)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("JSON", ""),
        ("JSON", "{"),
        ("JSON", "[" * 100_000),
        ("JSON", '{"a": NaN}'),
        ("JSON", "1e999"),
        ("JSON", '"\\ud800"'),
        ("JSON", '["\\u0000"]'),
        ("CSV", "a,b\n" + "x" * 200_000 + ",1"),
        ("CSV", "a\n" + "1\n" * 10_001),
        ("XML", ""),
        ("XML", "<a>"),
        ("XML", "<a>" * 100_000),
        ("XML", "<a>" * 100 + "</a>" * 100),
    ],
)
def test_what_is_none_is_said(kind: str, text: str) -> None:
    with pytest.raises(ValueError):
        PARSERS[kind](text)


def test_entities_of_xml_are_not_followed() -> None:
    secret = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a><b>&x;</b></a>'
    for text in (secret, BOMB):
        with pytest.raises(ValueError):
            PARSERS["XML"](text)


@pytest.mark.parametrize(
    ("value", "as_number"),
    [
        (None, 0), ("", 0), ("  ", 0), (True, 1), (False, 0), (3, 3), ("3", 3), (" 3.5 ", 3.5), ("-1e3", -1000), (".5", 0.5),
        ("0x1F", 31), ("0o17", 15), ("0B101", 5), ("Infinity", math.inf), ("-Infinity", -math.inf), ("5.", 5), ([], 0), (["5"], 5),
        ([None], 0), ([[7]], 7),
    ],
)  # fmt: skip
def test_number(value, as_number: float) -> None:
    assert number(value) == as_number


@pytest.mark.parametrize(
    "value",
    [
        "x", "1 2", "1_000", "nan", "inf", "١", "0x١", "1,5", {}, "0x", "0x_1", "-0x1", "--1", "1e", "0b1e_", ".", [True], [1, 2],
        ["x"], MISSING,
    ],
)  # fmt: skip
def test_no_number(value) -> None:
    assert math.isnan(number(value))
