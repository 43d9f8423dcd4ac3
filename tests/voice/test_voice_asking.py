"""Speech on a leg: it cuts prompts off, is recognised while keys count, and its recording stays unless it is private."""

import asyncio

import pytest
from test_voice_performer import LEGAL, PIN, TIMERS, A, B, Bench, in_virtual_time

from callwright.base.errors import ProviderError
from callwright.grammar.collector import RECOGNITION_S_MAX, UTTERANCE_S_MAX
from callwright.grammar.input import Heard, Match, NoInput, NoMatch
from callwright.media import wav
from callwright.ports.leg import KeyPressed, LegEnded, SpeechEnded, SpeechStarted
from callwright.session.commands import Collect
from callwright.session.events import HungUp

pytestmark = pytest.mark.pure

SAID = bytes(range(160)) * 50
ONE_TWO = (Heard(("one", "two"), 0.8),)


def ask(*prompts, private: bool = False, language: str = "en-US", nbest_max: int = 5) -> Collect:
    return Collect(prompts or (A,), PIN, TIMERS, private, True, language, nbest_max)


def says(bench: Bench, *answers: tuple[Heard, ...] | ProviderError, too_long: bool = False) -> None:
    """The caller speaks whenever somebody listens."""
    bench.leg.on_hear = lambda mark: [SpeechStarted(mark), SpeechEnded(mark, SAID, too_long)]
    bench.recognizer.answers.extend(answers)


@in_virtual_time
async def test_speech_cuts_the_prompt_off_and_is_recognised(bench: Bench) -> None:
    bench.during([])
    says(bench, ONE_TWO)
    result = await bench.perform(ask(A, B))
    assert isinstance(result, Match)
    assert (result.value, result.utterance, result.mode, result.confidence) == ("12", "one two", "voice", 0.8)
    assert bench.heard == ["AB"] and bench.leg.stopped == 1
    assert bench.leg.hearing == 0 or not bench.leg.waiting()
    (asked,) = bench.recognizer.utterances
    assert (asked.audio, asked.grammars, asked.language, asked.nbest_max, asked.private) == (
        SAID,
        PIN,
        "en-US",
        5,
        False,
    )


@in_virtual_time
async def test_what_was_said_can_be_played_and_sent(bench: Bench) -> None:
    says(bench, ONE_TWO, ())
    for _ in range(2):
        result = await bench.perform(ask())
        assert isinstance(result, Match | NoMatch)
        file = wav.parse(bench.messages.path(result.recording).read_bytes())
        assert (file.format, file.channels, file.rate_hz, file.data) == (wav.ULAW, 1, 8000, SAID)


@in_virtual_time
async def test_private_speech_is_nowhere(bench: Bench) -> None:
    says(bench, ONE_TWO, ProviderError("cannot pronounce 'secret'"))
    result = await bench.perform(ask(private=True))
    assert isinstance(result, Match) and result.recording == ""
    assert bench.recognizer.utterances[0].private
    assert isinstance(await bench.perform(ask(private=True)), NoMatch)
    assert not list(bench.folder.iterdir())
    assert bench.problems == ["What was said could not be recognised"]
    assert bench.leg.recordings[0] == "mute"


@in_virtual_time
async def test_a_prompt_that_all_must_hear_is_not_cut_off(bench: Bench) -> None:
    heard: list[int] = []
    bench.leg.on_hear = lambda mark: heard.append(len(bench.leg.played)) or []
    assert isinstance(await bench.perform(ask(LEGAL, A, LEGAL, B)), NoInput)
    assert bench.heard == ["legal", "A", "legal", "B"]
    assert heard == [2, 4], "it listens in A, and anew in B"


@in_virtual_time
async def test_a_key_wins_over_speech_that_is_being_recognised(bench: Bench) -> None:
    bench.recognizer.takes_s = 3
    bench.leg.on_hear = lambda mark: [SpeechStarted(mark), SpeechEnded(mark, SAID), KeyPressed("4")]
    bench.recognizer.answers.append(ONE_TWO)
    assert await bench.perform(ask()) == NoMatch(2, "4"), "one key, and the final timer"
    bench.leg.on_hear = lambda mark: []
    bench.leg.tell(KeyPressed("5"), KeyPressed("6"))
    assert await bench.perform(ask()) == Match(2, "pin", "56", "56"), "nothing of it comes later"


@in_virtual_time
async def test_a_key_during_speech_ends_the_listening(bench: Bench) -> None:
    bench.leg.on_hear = lambda mark: [SpeechStarted(mark), KeyPressed("1"), KeyPressed("2"), KeyPressed("#")]
    assert await bench.perform(ask()) == Match(0, "pin", "12", "12")
    assert bench.leg.hearing == 0 and bench.recognizer.utterances == []


@in_virtual_time
async def test_utterances_of_an_earlier_question_are_dropped(bench: Bench) -> None:
    bench.leg.on_hear = lambda mark: [SpeechStarted(mark - 1), SpeechEnded(mark - 1, SAID)]
    assert await bench.perform(ask()) == NoInput(5)
    assert bench.recognizer.utterances == []


@in_virtual_time
async def test_what_cannot_be_recognised_is_no_match_and_told(bench: Bench) -> None:
    says(bench, ProviderError("the recogniser ended while it worked"))
    result = await bench.perform(ask())
    assert isinstance(result, NoMatch) and (result.utterance, result.mode) == ("", "voice")
    assert bench.problems == ["the recogniser ended while it worked"]


@in_virtual_time
async def test_a_recogniser_that_takes_too_long(bench: Bench) -> None:
    says(bench, ONE_TWO)
    bench.recognizer.takes_s = 100
    result = await bench.perform(ask())
    assert isinstance(result, NoMatch) and result.now == RECOGNITION_S_MAX


@in_virtual_time
async def test_speech_that_is_too_long_is_not_recognised(bench: Bench) -> None:
    says(bench, ONE_TWO, too_long=True)
    assert isinstance(await bench.perform(ask()), NoMatch)
    assert bench.recognizer.utterances == []


@in_virtual_time
async def test_speech_whose_end_nobody_tells(bench: Bench) -> None:
    bench.leg.on_hear = lambda mark: [SpeechStarted(mark)]
    result = await bench.perform(ask())
    assert isinstance(result, NoMatch) and result.now == UTTERANCE_S_MAX + TIMERS.final_speech_s


@in_virtual_time
async def test_a_hang_up_while_it_is_recognised(bench: Bench) -> None:
    bench.recognizer.takes_s = 3
    bench.leg.on_hear = lambda mark: [SpeechStarted(mark), SpeechEnded(mark, SAID), LegEnded("remote")]
    assert await bench.perform(ask()) == HungUp(0, "caller")
    await asyncio.sleep(5)
    assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()], "nothing is left behind"


@in_virtual_time
async def test_a_language_that_nobody_recognises_leaves_the_keys(bench: Bench) -> None:
    says(bench, ONE_TWO)
    bench.leg.tell(KeyPressed("3"), KeyPressed("4"), KeyPressed("#"))
    assert await bench.perform(ask(language="es-ES")) == Match(0, "pin", "34", "34")
    assert await bench.perform(ask(language="es-ES")) == NoInput(5)
    assert bench.leg.hearing == 0 and bench.recognizer.utterances == []
    assert bench.problems == ["There is no speech recogniser for es-ES: callers can only press keys"], "told once"


@in_virtual_time
async def test_a_collection_without_speech_does_not_listen(bench: Bench) -> None:
    says(bench, ONE_TWO)
    assert await bench.perform(Collect((A,), PIN, TIMERS)) == NoInput(5)
    assert bench.recognizer.utterances == []
