"""What may be said where a grammar listens, what it means, and the grammar that a recogniser gets for it."""

import random
import re

import pytest

from callwright.base.errors import AuthorError
from callwright.grammar.grammars import Choices, Custom, Digits, Grammar, Moment, Number
from callwright.grammar.jsgf import jsgf, tokens
from callwright.grammar.rules import Node, OneOf, Ref, Repeat, Rules, Series, Token
from callwright.grammar.text_grammars import parse_jsgf
from callwright.grammar.words import LANGUAGES, NO, YES, said, spoken, words_of

pytestmark = pytest.mark.pure

PIN = Digits("pin", 2, 4)
NUMBER, MONEY, WHOLE = Number("n", 0, 2), Number("m", 0, 2, currency=True), Number("w", 0, 0)
EXACT = Number("e", 2, 2)
DAY, AT, CLOCK = Moment("d", "mmddyyyy"), Moment("t", "", "12"), Moment("c", "", "24")
BOTH = Moment("b", "ddmmyyyy", "24")
SURE = Choices("sure", (("1", "yes"), ("2", "no")), ((YES, "yes"), (NO, "no")))
MENU = Choices("menu", (("1", "sales"),), (("sales", "sales"), ("the sales department", "sales"), ("Café!", "coffee")))
SIZE = Custom(
    "size", "jsgf", "#JSGF V1.0; grammar s; public <s> = [a] (Small {s} | extra-large {l} | 5 {five}) | x-ray+;"
)


@pytest.mark.parametrize(
    ("grammar", "text", "value"),
    [
        (PIN, "four one two oh", "4120"),
        (PIN, "Zero, zero.", "00"),
        (PIN, "four", None),
        (PIN, "one two three four five", None),
        (PIN, "forty two", None),
        (NUMBER, "zero", "0"),
        (NUMBER, "twelve", "12"),
        (NUMBER, "ninety-nine", "99"),
        (NUMBER, "a hundred", "100"),
        (NUMBER, "seven hundred and four", "704"),
        (NUMBER, "one hundred twenty-nine", "129"),
        (NUMBER, "twelve hundred five", "1205"),
        (NUMBER, "a thousand and one", "1001"),
        (NUMBER, "nine hundred ninety nine thousand nine hundred ninety nine", "999999"),
        (NUMBER, "six point oh five", "6.05"),
        (NUMBER, "point five", "0.5"),
        (NUMBER, "one point one one one", None),
        (NUMBER, "hundred", None),
        (WHOLE, "one point five", None),
        (WHOLE, "fifteen", "15"),
        (EXACT, "fifteen", None),
        (EXACT, "fifteen point one", None),
        (EXACT, "fifteen point one two", "15.12"),
        (MONEY, "five dollars", "5.00"),
        (MONEY, "one dollar and forty cents", "1.40"),
        (MONEY, "ten pounds five cents", "10.05"),
        (MONEY, "fifty cents", "0.50"),
        (MONEY, "three point five", "3.50"),
        (DAY, "November twenty-fourth, twenty twenty-six", "2026-11-24"),
        (DAY, "the first of May two thousand and nine", "2009-05-01"),
        (DAY, "may the second nineteen oh six", "1906-05-02"),
        (DAY, "june thirty first twenty twenty", None),
        (DAY, "november twenty fourth", None),
        (AT, "three thirty p.m.", "15:30"),
        (AT, "twelve o'clock a m", "00:00"),
        (AT, "twelve oh five in the afternoon", "12:05"),
        (AT, "quarter past eleven pm", "23:15"),
        (AT, "noon", "12:00"),
        (AT, "midnight", "00:00"),
        (AT, "three thirty", None),
        (CLOCK, "three thirty", "03:30"),
        (CLOCK, "twenty three fifty nine", "23:59"),
        (CLOCK, "fifteen hundred", "15:00"),
        (CLOCK, "half past three p m", "15:30"),
        (CLOCK, "zero oh one", "00:01"),
        (BOTH, "May second twenty oh six at three thirty pm", "2006-05-02T15:30"),
        (BOTH, "May second twenty oh six", None),
        (SURE, "yeah", "yes"),
        (SURE, "That’s right", "yes"),
        (SURE, "no, thank you", "no"),
        (SURE, "yes no", None),
        (MENU, "Sales", "sales"),
        (MENU, "the sales department", "sales"),
        (MENU, "café", "coffee"),
        (MENU, "the sales", None),
        (SIZE, "a small", "s"),
        (SIZE, "extra large", "l"),
        (SIZE, "x ray x ray", "x ray x ray"),
        (SIZE, "5", None),
        *((grammar, "", None) for grammar in (PIN, NUMBER, DAY, SURE, MENU, SIZE)),
    ],
)
def test_what_words_mean(grammar: Grammar, text: str, value: str | None) -> None:
    assert said(grammar, words_of(text), "en-US") == value


def test_a_long_string_of_digits() -> None:
    assert said(Digits("d", 1, 128), ("four",) * 128, "en-US") == "4" * 128


def test_a_grammar_of_keys_cannot_be_said() -> None:
    keys = Custom("k", "abnf", "#ABNF 1.0; mode dtmf; root $r; $r = 1 2;")
    assert spoken(keys, "en-US") is None
    assert said(keys, ("1", "2"), "en-US") is None


def test_in_a_language_without_words_only_what_the_author_wrote_is_said() -> None:
    assert LANGUAGES == ("en",)
    assert spoken(PIN, "es-ES") is None
    assert said(PIN, ("four", "one"), "es-ES") is None
    assert said(SURE, ("yes",), "es-ES") is None
    assert said(MENU, ("sales",), "es-ES") == "sales"
    assert said(SIZE, ("small",), "es-ES") == "s"


def _rules(*grammars: Grammar) -> list[Rules]:
    return [rules for grammar in grammars if (rules := spoken(grammar, "en-US")) is not None]


@pytest.mark.parametrize(
    ("grammar", "lines"),
    [
        (SURE, ["<g0_said> = (<g0_yes> | <g0_no>);", "<g0_no> = (no | nope | (no thanks) | (no thank you) | wrong);"]),
        (PIN, ["<g0_said> = (<g0_digit> <g0_digit> [<g0_digit> [<g0_digit>]]);"]),
        (Digits("d", 2, 2), ["<g0_said> = (<g0_digit> <g0_digit>);"]),
        (MENU, ["<g0_said> = (sales | (the sales department) | café);"]),
        (SIZE, ["<g0_s> = (([a] (small | (extra large))) | ((x ray) (x ray)*));"]),
    ],
)
def test_the_grammar_of_a_recogniser(grammar: Grammar, lines: list[str]) -> None:
    text = jsgf(_rules(grammar))
    assert text.startswith("#JSGF V1.0;\ngrammar said;\npublic <all> = <g0_")
    for line in lines:
        assert line in text
    assert "{" not in text, "what it means stays here"


def test_several_grammars_are_alternatives_that_do_not_touch_each_other() -> None:
    text = jsgf(_rules(PIN, SURE))
    assert "public <all> = <g0_said> | <g1_said>;" in text
    names = re.findall(r"^<(\w+)> =", text, re.MULTILINE)
    assert len(set(names)) == len(names)
    assert not set(re.findall(r"<(g\d_\w+)>", text)) - set(names)


def test_what_can_never_be_said_is_no_part_of_it() -> None:
    source = "#JSGF V1.0; grammar s; public <s> = <a> | 1; <a> = <b> one | <VOID> two | (3 | three); <b> = <VOID>; <c> = four;"
    rules = _rules(Custom("c", "jsgf", source))
    assert jsgf(rules).splitlines()[2:] == [
        "public <all> = <g0_s>;",
        "<g0_s> = <g0_a>;",
        "<g0_a> = ((<g0_b> one) | three);",
        "<g0_b> = <VOID>;",
    ]
    assert jsgf(_rules(Custom("c", "jsgf", "#JSGF V1.0; grammar s; public <s> = 1 | 2;"))) == ""
    assert jsgf([]) == ""


def test_every_word() -> None:
    words = "correct no nope please right thank thanks that's wrong yeah yep yes you"
    assert sorted(tokens(_rules(SURE))) == words.split()


def test_a_grammar_that_is_too_large() -> None:
    source = (
        "#JSGF V1.0; grammar s; public <s> = " + " ".join("<a>" for _ in range(6_000)) + "; <a> = " + "word " * 8 + ";"
    )
    large = Custom("c", "abnf", "#ABNF 1.0; root $r; $r = ($a<1-200>)<1-200>; $a = one two three;")
    with pytest.raises(AuthorError, match="too large"):
        jsgf(_rules(large))
    assert len(jsgf(_rules(Custom("c", "jsgf", source)))) < 100_000


@pytest.mark.parametrize("grammar", [PIN, NUMBER, WHOLE, MONEY, EXACT, DAY, AT, CLOCK, BOTH, SURE, MENU], ids=repr)
def test_all_that_the_recogniser_may_hear_means_something(grammar: Grammar) -> None:
    """Sentences drawn from the grammar that a recogniser gets are accepted, but for days that a month has not."""
    rules = parse_jsgf(jsgf(_rules(grammar)))
    chance = random.Random(7)
    refused = 0
    for _ in range(200):
        words = _sentence(rules, rules.root, chance)
        refused += said(grammar, words, "en-US") is None
    assert refused <= (40 if isinstance(grammar, Moment) and grammar.date else 0)


def _sentence(rules: Rules, name: str, chance: random.Random) -> tuple[str, ...]:
    def drawn(node: Node) -> list[str]:
        match node:
            case Token(text=text):
                return [text]
            case Ref(rule=rule):
                return drawn(rules.rules[rule])
            case OneOf(items=items):
                return drawn(chance.choice(items))
            case Series(items=items):
                return [word for item in items for word in drawn(item)]
            case Repeat(item=item, least=least, most=most):
                times = chance.randint(least, least + 1 if most is None else most)
                return [word for _ in range(times) for word in drawn(item)]
        return []

    return tuple(drawn(rules.rules[name]))
