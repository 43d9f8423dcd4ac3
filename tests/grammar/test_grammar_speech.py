"""Speech in the collector: what stops the prompt, what a key does to it, and what the words are taken for."""

import pytest

from callwright.grammar.collector import RECOGNITION_S_MAX, UTTERANCE_S_MAX, Collector
from callwright.grammar.grammars import Choices, Digits, Grammar
from callwright.grammar.input import Heard, Match, NoInput, NoMatch, Reading, Timers
from callwright.grammar.words import NO, YES

pytestmark = pytest.mark.pure

TIMERS = Timers(initial_s=5, final_key_s=2, final_speech_s=1)
PIN = Digits("pin", 2, 4)
SURE = Choices("sure", (("1", "yes"), ("2", "no")), ((YES, "yes"), (NO, "no")))


def collector(*grammars: Grammar, typed: str = "", speech: bool = True, nbest_max: int = 5) -> Collector:
    return Collector(grammars, TIMERS, typed, 100.0, speech=speech, nbest_max=nbest_max)


def heard(*words: str) -> tuple[Heard, ...]:
    """Hypotheses, each less likely than the one before."""
    return tuple(Heard(tuple(text.split()), 0.9 - 0.1 * number) for number, text in enumerate(words))


def said(asked: Collector, *words: str) -> None:
    asked.speech_started(101)
    asked.speech_ended(103)
    asked.heard(heard(*words), 104)


def test_speech_stops_the_prompts_and_is_recognised_when_it_has_ended() -> None:
    asked = collector(PIN)
    assert asked.listening and asked.playing
    asked.speech_started(101)
    assert asked.listening and not asked.playing and not asked.recognising
    asked.speech_ended(103)
    assert asked.recognising and not asked.listening
    asked.heard(heard("one two"), 103.2)
    assert asked.result == Match(103.2, "pin", "12", "one two", "voice", 0.9)
    assert asked.deadline is None and not asked.recognising


def test_the_initial_timer_stops_for_speech() -> None:
    asked = collector(PIN)
    asked.prompts_ended(102)
    asked.speech_started(106)
    asked.tick(107)
    assert asked.result is None, "whoever begins to speak in time may end later"


def test_silence_is_no_input() -> None:
    asked = collector(PIN)
    asked.prompts_ended(102)
    asked.tick(107)
    assert asked.result == NoInput(107)


def test_a_collection_without_speech_hears_none() -> None:
    asked = collector(PIN, speech=False)
    assert not asked.listening
    said(asked, "one two")
    assert asked.playing and asked.result is None


@pytest.mark.parametrize("speaking", [True, False])
def test_a_key_wins_over_speech_and_over_its_recognition(speaking: bool) -> None:
    asked = collector(PIN)
    asked.speech_started(101)
    if not speaking:
        asked.speech_ended(102)
    asked.key("4", 102.5)
    assert not asked.listening and not asked.recognising and asked.deadline == 104.5
    asked.speech_ended(103)
    asked.heard(heard("one two"), 103)
    assert asked.result is None
    asked.key("5", 103)
    asked.tick(105)
    assert asked.result == Match(105, "pin", "45", "45")


def test_keys_typed_ahead_leave_nothing_to_say() -> None:
    asked = collector(PIN, typed="1")
    assert not asked.listening
    asked.speech_started(101)
    assert asked.deadline == 102, "the final timer of the keys"


def test_several_wordings_of_one_meaning_are_one_reading() -> None:
    asked = collector(SURE)
    said(asked, "yep", "no", "yeah", "maybe")
    assert asked.result == Match(
        104, "sure", "yes", "yep", "voice", 0.9, (Reading("sure", "no", "no", pytest.approx(0.8)),)
    )


def test_readings_of_several_grammars_and_no_more_than_wanted() -> None:
    asked = collector(PIN, SURE, nbest_max=2)
    said(asked, "nine nine nine nine nine", "no", "one two", "yes")
    result = asked.result
    assert isinstance(result, Match)
    assert (result.grammar, result.value) == ("sure", "no")
    assert [(other.grammar, other.value) for other in result.others] == [("pin", "12")]


def test_what_no_grammar_takes_is_no_match_with_what_was_understood() -> None:
    asked = collector(PIN)
    said(asked, "nine", "five")
    assert asked.result == NoMatch(104, "nine", "voice", 0.9, (Reading("", "", "five", pytest.approx(0.8)),))


def test_what_is_not_sure_enough_is_no_match() -> None:
    asked = Collector((PIN,), TIMERS, "", 100.0, speech=True, nbest_max=5, confidence_min=0.8)
    said(asked, "one two", "one three", "one four")
    assert isinstance(asked.result, Match) and [other.value for other in asked.result.others] == ["13"]
    asked = Collector((PIN,), TIMERS, "", 100.0, speech=True, confidence_min=0.95)
    said(asked, "one two")
    assert asked.result == NoMatch(104, "one two", "voice", 0.9)


def test_nothing_understood_is_no_match() -> None:
    asked = collector(PIN)
    said(asked)
    assert asked.result == NoMatch(104, "", "voice")


def test_keys_after_a_match_in_speech_are_for_whoever_asks_next() -> None:
    asked = collector(PIN)
    said(asked, "one two")
    asked.key("7", 105)
    assert asked.left_over == "7"


def test_speech_without_end_and_recognition_without_answer_are_no_match() -> None:
    asked = collector(PIN)
    asked.speech_started(101)
    assert asked.deadline == 101 + UTTERANCE_S_MAX + 1
    asked.tick(asked.deadline)
    assert asked.result == NoMatch(132, "", "voice")
    asked = collector(PIN)
    asked.speech_started(101)
    asked.speech_ended(102)
    assert asked.deadline == 102 + RECOGNITION_S_MAX
    asked.tick(asked.deadline)
    assert asked.result == NoMatch(112, "", "voice")
    asked.heard(heard("one two"), 113)
    assert asked.result == NoMatch(112, "", "voice"), "too late"
