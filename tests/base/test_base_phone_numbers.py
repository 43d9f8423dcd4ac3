"""The syntax of telephone numbers against its grammar (docs/compatibility/fuse-queue-call.md)."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callwright.base import phone_numbers

pytestmark = pytest.mark.pure

GRAMMAR = re.compile(r"(tel:)?\+?[0-9]{7,15}(;(ani=\+?[0-9]{3,15}|postd=[0-9A-D*#p,]+))*")

DIGITS = "0123456789"
ANI = st.builds(str.__add__, st.sampled_from(["", "+"]), st.text(DIGITS, min_size=3, max_size=15))
POSTD = st.text(DIGITS + "ABCD*#p,", min_size=1, max_size=128)
NUMBER = st.builds(str.__add__, st.sampled_from(["", "+"]), st.text(DIGITS, min_size=7, max_size=15))


@given(st.sampled_from(["", "tel:"]), NUMBER, st.none() | ANI, st.none() | POSTD, st.booleans())
def test_what_the_grammar_makes_is_taken(prefix, number, ani, postd, swapped):
    parameters = [f";{name}={value}" for name, value in (("ani", ani), ("postd", postd)) if value is not None]
    text = prefix + number + "".join(reversed(parameters) if swapped else parameters)
    parsed = phone_numbers.parse(text)
    assert parsed is not None
    assert parsed.given == text
    assert (parsed.ani, parsed.postd) == ((ani or "").lstrip("+"), postd or "")
    digits = number.lstrip("+")
    national = len(digits) == 10 and not number.startswith("+")
    assert parsed.dialled == ("1" + digits if national else digits)


NEAR = st.lists(
    st.sampled_from(["tel:", "+", "617", "5551234", ";ani=", ";postd=", "2", "p", ";", "=", "x", "٦", "\n", " "])
)


@settings(max_examples=200)
@given(NEAR.map("".join) | st.text(max_size=20))
def test_nothing_else_is(text):
    parsed = phone_numbers.parse(text)
    repeated = any(text.count(f";{name}=") > 1 for name in ("ani", "postd"))
    longest = max(map(len, re.findall(r"postd=([^;]*)", text)), default=0)
    fits = bool(GRAMMAR.fullmatch(text)) and not repeated and longest <= 128 and len(text) <= phone_numbers.TEXT_MAX
    assert (parsed is not None) == fits


@given(NUMBER, ANI, st.sampled_from(["ani", "postd"]))
def test_a_parameter_stands_once(number, value, name):
    value = value.lstrip("+")
    assert phone_numbers.parse(f"{number};{name}={value}") is not None
    assert phone_numbers.parse(f"{number};{name}={value};{name}={value}") is None


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("+12125550100", "+12125550100"), ("+1-212-555-0100", "+12125550100"), ("(212) 555.0100", "2125550100"),
        ("0044 20 7946 0018", "+442079460018"), ("011442079460018", "+442079460018"), ("0012345", "0012345"),
        ("020-7946-0018;phone-context=+44", "+442079460018"), ("+12125550100;npdi=yes;rn=+1", "+12125550100"),
        ("12125550100;phone-context=example.com", "12125550100"), ("support", "support"), ("a.b-1", "a.b-1"), ("", ""),
    ],
)  # fmt: skip
def test_numbers_as_networks_write_them(written, number):
    assert phone_numbers.heard(written) == number
