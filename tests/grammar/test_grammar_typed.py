"""What a text message means to each kind of grammar."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwright.grammar.grammars import Choices, Custom, Digits, Moment, Number
from callwright.grammar.input import Match, NoMatch
from callwright.grammar.typed import TEXT_MAX, typed
from callwright.grammar.words import NO, YES

pytestmark = pytest.mark.pure

ZIP = Digits("zip", 5, 9)
PHONE = Digits("phone", 10, 10)
YES_NO = Choices("sure", (("1", "yes"), ("2", "no")), ((YES, "yes"), (NO, "no")))
MENU = Choices("menu", (("1", "sales"), ("*", "back")), (("the sales desk", "sales"),))
MONEY = Number("money", 0, 2, currency=True)
WHOLE = Number("whole", 0, 0)
DAY, DAY_FIRST = Moment("day", "mmddyyyy"), Moment("day", "ddmmyyyy")
CLOCK, CLOCK_12 = Moment("clock", "", "24"), Moment("clock", "", "12")
BOTH = Moment("both", "mmddyyyy", "24")
COLOUR = Custom("colour", "jsgf", "#JSGF V1.0; grammar c; public <c> = (red | light blue) {out='warm'};")


@pytest.mark.parametrize(
    ("grammar", "text", "value"),
    [
        (ZIP, "02139", "02139"),
        (ZIP, " 02139-1234 ", "021391234"),
        (ZIP, "02139#", "02139"),
        (ZIP, "zero two one three nine", "02139"),
        (ZIP, "٠٢١٣٩", "02139"),
        (ZIP, "0213", None),
        (ZIP, "my zip is 02139", None),
        (PHONE, "(617) 555-0123", "6175550123"),
        (YES_NO, "Yes!", "yes"),
        (YES_NO, "no", "no"),
        (YES_NO, "2", "no"),
        (YES_NO, "maybe", None),
        (MENU, "The Sales desk.", "sales"),
        (MENU, "*", "back"),
        (MENU, "1#", "sales"),
        (MENU, "", None),
        (MONEY, "$1,200.50", "1200.50"),
        (MONEY, "5", "5.00"),
        (MONEY, "5.5 €", "5.50"),
        (MONEY, "5*25", "5.25"),
        (MONEY, "12,00", None),
        (MONEY, "five dollars", "5.00"),
        (WHOLE, "twelve", "12"),
        (WHOLE, "1.5", None),
        (DAY, "11/24/2026", "2026-11-24"),
        (DAY, "2026-11-24", "2026-11-24"),
        (DAY, "November twenty fourth, twenty twenty six", "2026-11-24"),
        (DAY, "13/24/2026", None),
        (DAY_FIRST, "24.11.2026", "2026-11-24"),
        (DAY_FIRST, "2026-11-24", "2026-11-24"),
        (CLOCK, "15:05", "15:05"),
        (CLOCK, "3:05 pm", "15:05"),
        (CLOCK, "12am", "00:00"),
        (CLOCK_12, "3:05 p.m.", "15:05"),
        (CLOCK_12, "12:30pm", "12:30"),
        (CLOCK, "25:00", None),
        (BOTH, "2026-11-24T15:05", "2026-11-24T15:05"),
        (BOTH, "11/24/2026 3 pm", "2026-11-24T15:00"),
        (COLOUR, "Light blue", "warm"),
        (COLOUR, "blue", None),
    ],
)
def test_what_a_text_means(grammar, text, value):
    found = typed((grammar,), text, "en-US", 5.0)
    if value is None:
        assert found == NoMatch(5.0, " ".join(text.split()), "text")
    else:
        assert found == Match(5.0, grammar.id, value, " ".join(text.split()), "text")


def test_the_first_grammar_that_takes_all_of_it_wins():
    assert typed((PHONE, ZIP, YES_NO), "02139", "en-US", 1).grammar == "zip"
    assert typed((PHONE, ZIP, YES_NO), "yes", "en-US", 1).grammar == "sure"


def test_a_long_text_is_no_answer():
    assert isinstance(typed((ZIP,), "1 " * TEXT_MAX, "en-US", 1), NoMatch)


@given(st.text(max_size=60))
def test_any_text_has_an_end(text):
    for grammar in (ZIP, YES_NO, MENU, MONEY, BOTH, CLOCK_12, COLOUR):
        found = typed((grammar,), text, "en-US", 1)
        assert found.mode == "text" and found.utterance == " ".join(text.split())
