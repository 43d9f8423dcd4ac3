"""The one machine that collects input: its three timers, type-ahead, the terminator, and laws that hold for any keys."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwright.grammar.collector import KEYS_MAX, Collector
from callwright.grammar.grammars import Choices, Digits, Grammar, Number, can_grow, meaning
from callwright.grammar.input import Match, NoInput, NoMatch, Timers

pytestmark = pytest.mark.pure

TIMERS = Timers(initial_s=5, final_key_s=2)
MENU = Choices("menu", (("1", "one"), ("12", "twelve"), ("*", "star")))
PIN = Digits("pin", 2, 4)
LOOSE = Digits("loose", 1, 3, submit_on_max=False)
AMOUNT = Number("amount", 0, 2)
WHOLE = Number("whole", 0, 0)
MONEY = Number("money", 0, 2, currency=True)
POUND = Choices("pound", (("#", "pound"), ("1#", "one pound")))


def collector(*grammars: Grammar, typed: str = "", now: float = 100.0) -> Collector:
    return Collector(grammars, TIMERS, typed, now)


class TestTimers:
    def test_no_time_runs_while_prompts_play(self) -> None:
        asked = collector(PIN)
        assert asked.playing and asked.deadline is None
        asked.tick(10_000)
        assert asked.result is None

    def test_the_initial_timer_starts_when_the_prompts_end(self) -> None:
        asked = collector(PIN)
        asked.prompts_ended(103)
        assert asked.deadline == 108
        asked.tick(107.9)
        assert asked.result is None
        asked.tick(108)
        assert asked.result == NoInput(108)

    def test_each_key_starts_the_final_timer_anew(self) -> None:
        asked = collector(PIN)
        asked.key("1", 101)
        assert not asked.playing and asked.deadline == 103
        asked.prompts_ended(102)
        assert asked.deadline == 103, "prompts that were cut off start no timer"
        asked.key("2", 102.5)
        assert asked.deadline == 104.5
        asked.tick(104.5)
        assert asked.result == Match(104.5, "pin", "12", "12")

    def test_too_few_keys_are_no_match_when_time_is_over(self) -> None:
        asked = collector(PIN)
        asked.key("1", 101)
        asked.tick(103)
        assert asked.result == NoMatch(103, "1")


@pytest.mark.parametrize(
    ("grammars", "keys", "value", "utterance", "left_over"),
    [
        ((PIN,), "1234", "1234", "1234", ""),
        ((PIN,), "123456", "1234", "1234", "56"),
        ((PIN,), "12#", "12", "12", ""),
        ((PIN,), "12#34", "12", "12", "34"),
        ((LOOSE,), "123#", "123", "123", ""),
        ((MENU,), "12", "twelve", "12", ""),
        ((MENU,), "1#", "one", "1", ""),
        ((MENU,), "*9", "star", "*", "9"),
        ((POUND,), "#", "pound", "#", ""),
        ((POUND,), "1#", "one pound", "1#", ""),
        ((MENU, PIN), "12", None, None, ""),  # the PIN can still grow
        ((MENU, PIN), "12#", "twelve", "12", ""),  # the first that accepts wins
        ((PIN, MENU), "12#", "12", "12", ""),
        ((MENU, PIN), "13#", "13", "13", ""),
        ((AMOUNT,), "5*49", "5.49", "5*49", ""),
        ((AMOUNT,), "5*491", "5.49", "5*49", "1"),
        ((AMOUNT,), "005#", "5", "005", ""),
        ((AMOUNT,), "*5#", "0.5", "*5", ""),
        ((AMOUNT,), "0#", "0", "0", ""),
        ((WHOLE,), "1" * 16, "1" * 15, "1" * 15, "1"),
        ((MONEY,), "5#", "5.00", "5", ""),
        ((MONEY,), "5*4#", "5.40", "5*4", ""),
        ((MONEY, MENU), "*#", "star", "*", ""),
    ],
)
def test_keys_that_match(grammars, keys: str, value: str | None, utterance: str | None, left_over: str) -> None:
    asked = collector(*grammars)
    for key in keys:
        asked.key(key, 101)
    if value is None:
        assert asked.result is None
        return
    assert isinstance(asked.result, Match)
    assert (asked.result.value, asked.result.utterance, asked.left_over) == (value, utterance, left_over)
    assert asked.deadline is None and not asked.playing


@pytest.mark.parametrize(
    ("grammar", "keys", "utterance"),
    [
        (PIN, "1*", "1*"),
        (PIN, "*", "*"),
        (PIN, "1#", "1"),
        (PIN, "#", "#"),
        (LOOSE, "1234", "1234"),
        (MENU, "13", "13"),
        (MENU, "3", "3"),
        (AMOUNT, "5*#", "5*"),
        (AMOUNT, "*#", "*"),
        (AMOUNT, "1**", "1**"),
        (WHOLE, "1*", "1*"),
        (Number("two", 2, 2), "5*4#", "5*4"),
        (MENU, "1A", "1A"),
        (POUND, "1*", "1*"),
    ],
)
def test_keys_that_do_not(grammar: Grammar, keys: str, utterance: str) -> None:
    asked = collector(grammar)
    for key in keys:
        asked.key(key, 101)
    asked.key("7", 101.5)
    if keys in (f"{utterance}#", "#"):
        assert asked.result == NoMatch(101, utterance)
    else:
        # It may be in the middle of something longer, so it is over when nothing more comes.
        assert asked.result is None and not asked.playing and asked.deadline is not None
        asked.tick(asked.deadline)
        assert asked.result == NoMatch(101.5 + TIMERS.final_key_s, f"{utterance}7")
    assert asked.left_over == "", "what is keyed after a mistake belongs to the mistake"


def test_who_leans_on_the_telephone_gets_an_answer() -> None:
    asked = collector(MENU)
    for at in range(KEYS_MAX + 10):
        asked.key("9", 101 + at)
    assert asked.result == NoMatch(101 + KEYS_MAX - 1, "9" * KEYS_MAX)


class TestTypeAhead:
    def test_a_finished_input_needs_no_prompt(self) -> None:
        asked = collector(PIN, typed="123499")
        assert asked.result == Match(100, "pin", "1234", "1234")
        assert asked.left_over == "99"

    def test_an_unfinished_one_waits_for_the_next_key(self) -> None:
        asked = collector(PIN, typed="12")
        assert asked.result is None and not asked.playing and asked.deadline == 102

    def test_a_terminator_left_from_before_is_not_input(self) -> None:
        asked = collector(PIN, typed="#")
        assert asked.playing and asked.result is None

    def test_unless_it_is_a_choice(self) -> None:
        assert collector(POUND, typed="#").result == Match(100, "pound", "pound", "#")


KEYS = st.text("0123456789*#A", max_size=12)
GRAMMARS = st.lists(
    st.one_of(
        st.builds(
            lambda few, more, submit: Digits("d", few, few + more, submit),
            st.integers(1, 4),
            st.integers(0, 3),
            st.booleans(),
        ),
        st.builds(
            lambda fewest, more, money: Number("n", fewest, fewest + more, money),
            st.integers(0, 2),
            st.integers(0, 2),
            st.booleans(),
        ),
        st.lists(st.text("0123456789*#", min_size=1, max_size=3), min_size=1, max_size=4, unique=True).map(
            lambda keys: Choices("c", tuple((key, f"v{key}") for key in keys))
        ),
    ),
    min_size=1,
    max_size=3,
).map(tuple)


@given(GRAMMARS, KEYS)
def test_every_input_ends(grammars: tuple[Grammar, ...], keys: str) -> None:
    asked = collector(*grammars)
    for key in keys:
        asked.key(key, 101)
    asked.prompts_ended(101)
    if asked.result is None:
        assert asked.deadline is not None
        asked.tick(asked.deadline)
    match asked.result:
        case Match(grammar=name, value=value, utterance=utterance):
            first = next(g for g in grammars if meaning(g, utterance) is not None)
            assert (name, value) == (first.id, meaning(first, utterance))
            consumed = keys.removesuffix(asked.left_over) if asked.left_over else keys
            assert consumed in (utterance, utterance + "#")
        case NoMatch(utterance=utterance):
            assert all(meaning(g, utterance) is None for g in grammars) and utterance
        case NoInput():
            assert keys == ""
        case other:
            raise AssertionError(other)


@given(GRAMMARS, KEYS)
def test_typed_ahead_or_pressed_makes_no_difference(grammars: tuple[Grammar, ...], keys: str) -> None:
    if keys.startswith("#"):
        return
    ahead = collector(*grammars, typed=keys)
    pressed = collector(*grammars)
    for key in keys:
        pressed.key(key, 100.0)
    assert (ahead.result, ahead.left_over, ahead.deadline) == (pressed.result, pressed.left_over, pressed.deadline)


@given(GRAMMARS, st.text("0123456789*#", max_size=3))
def test_can_grow_says_what_meaning_says(grammars: tuple[Grammar, ...], keys: str) -> None:
    """Where no longer string means anything, waiting is refused; checked against all of up to two keys more."""
    for grammar in grammars:
        longer = ("".join(more) for n in (1, 2) for more in product("0123456789*#", repeat=n))
        if any(meaning(grammar, keys + more) is not None for more in longer):
            assert can_grow(grammar, keys)
