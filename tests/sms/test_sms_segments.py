"""What fits into a message, by vectors of our own: every character of GSM-7, and both sides of every limit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwright.base.errors import AuthorError
from callwright.sms.alphabet import CODES, decode, encode, is_gsm7
from callwright.sms.segments import PARTS_MAX, UNITS, UNITS_CONCATENATED, split, units

pytestmark = pytest.mark.pure

# 3GPP TS 23.038 §6.2.1, row by row of the standard's table; ␛ stands for the escape.
TABLE = [
    "@£$¥èéùìòÇ\nØø\rÅå", "Δ_ΦΓΛΩΠΨΣΘΞ␛ÆæßÉ", " !\"#¤%&'()*+,-./", "0123456789:;<=>?",
    "¡ABCDEFGHIJKLMNO", "PQRSTUVWXYZÄÖÑÜ§", "¿abcdefghijklmno", "pqrstuvwxyzäöñüà",
]  # fmt: skip
EXTENSION = {
    0x0A: "\f",
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}


@pytest.mark.parametrize(
    ("code", "character"),
    [(row * 16 + at, character) for row, line in enumerate(TABLE) for at, character in enumerate(line)],
)
def test_every_character_of_the_default_table(code, character):
    if character == "␛":
        assert code == 0x1B and not is_gsm7("\x1b")
        return
    assert encode(character) == bytes([code]) and decode(bytes([code])) == character
    assert split(character * 160).parts == (character * 160,)
    assert split(character * 161).parts == (character * 160, character)


@pytest.mark.parametrize(("code", "character"), EXTENSION.items())
def test_every_character_of_the_extension_table(code, character):
    assert encode(character) == bytes([0x1B, code]) and decode(bytes([0x1B, code])) == character
    assert split(character * 80).parts == (character * 80,)
    assert split(character * 81).parts == (character * 80, character)
    # An escape would be the last septet: it goes with what it escapes.
    assert split("x" * 159 + character).parts == ("x" * 159, character)
    assert split("x" * 158 + character).parts == ("x" * 158 + character,)
    assert split("x" * 152 + character + "x" * 20, concatenated=True).parts[0] == "x" * 152


def test_nothing_else_is_gsm7():
    assert len(CODES) == 127 + 10
    for character in "`ç’“”–…ÀÈčő中😀\t\x00\x1b":
        assert not is_gsm7(character) and split(character).encoding == "ucs2"


@pytest.mark.parametrize(
    ("text", "concatenated", "lengths"),
    [
        ("", False, [0]),
        ("x" * 160, False, [160]),
        ("x" * 160, True, [160]),
        ("x" * 161, False, [160, 1]),
        ("x" * 161, True, [153, 8]),
        ("x" * 306, True, [153, 153]),
        ("x" * 307, True, [153, 153, 1]),
        ("x" * 320, False, [160, 160]),
        ("x" * 321, False, [160, 160, 1]),
        ("ж" * 70, False, [70]),
        ("ж" * 70, True, [70]),
        ("ж" * 71, False, [70, 1]),
        ("ж" * 71, True, [67, 4]),
        ("ж" * 134, True, [67, 67]),
        ("ж" * 135, True, [67, 67, 1]),
        ("😀" * 35, False, [35]),
        ("😀" * 36, False, [35, 1]),
        ("ж" * 69 + "😀", False, [69, 1]),
        ("ж" * 66 + "😀" + "ж" * 10, True, [66, 11]),
        # One character beyond GSM-7 makes all of it UCS-2.
        ("x" * 160 + "ж", False, [70, 70, 21]),
    ],
)
def test_both_sides_of_every_limit(text, concatenated, lengths):
    segments = split(text, concatenated=concatenated)
    assert [len(part) for part in segments.parts] == lengths and "".join(segments.parts) == text
    assert segments.concatenated == (concatenated and len(lengths) > 1)


def test_too_long():
    assert len(split("x" * 160 * PARTS_MAX).parts) == PARTS_MAX
    with pytest.raises(AuthorError, match=f"is {PARTS_MAX + 1} messages.*at most {PARTS_MAX}"):
        split("x" * (160 * PARTS_MAX + 1))


@given(st.text(st.sampled_from("ax€[ж中😀\n"), max_size=400), st.booleans())
def test_parts_are_full_whole_and_in_order(text, concatenated):
    segments = split(text, concatenated=concatenated)
    assert "".join(segments.parts) == text
    room = (UNITS_CONCATENATED if segments.concatenated else UNITS)[segments.encoding]
    for part, following in zip(segments.parts, (*segments.parts[1:], ""), strict=True):
        used = units(part, segments.encoding)
        assert used <= room
        assert not following or used + units(following[0], segments.encoding) > room, "none is shorter than it must be"
        part.encode("utf-16-be")  # Raises for half a pair.


@given(st.text(st.sampled_from(sorted(CODES))))
def test_gsm7_there_and_back(text):
    assert decode(encode(text)) == text


@given(st.binary())
def test_whatever_arrives_is_read(septets):
    assert len(decode(septets)) <= len(septets)
