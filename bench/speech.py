"""What the recogniser understands over a telephone line, and its cost: synthetic voices, noise, confusion matrices."""

import argparse
import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench._voices import Voices, band, has_flite
from callwright.grammar import words
from callwright.grammar.grammars import Choices, Digits, Grammar, Moment, Number
from callwright.grammar.jsgf import jsgf, longest
from callwright.grammar.words import said, spoken, words_of
from callwright.media import g711
from callwright.media.frames import FRAME_BYTES, RATE_HZ
from callwright.media.utterance import Utterance, UtteranceDetector
from callwright.providers.asr.pocketsphinx import WORDS_WITH_READINGS_MAX
from callwright.providers.asr.pocketsphinx_worker import Recogniser

LANGUAGE = "en-US"
ESPEAK = ("en-us", "en-us+m3", "en-us+m7", "en-us+f2", "en-us+f4", "en-gb-x-rp")
FLITE = ("slt", "rms", "awb", "kal16")
"Built from recordings of people, or trained on them, and never used to tune anything here."

RATES_WPM = (140, 170)
SNRS_DB = (40, 20, 10)
SPEECH_DBFS = -24.0

SURE = Choices("yes/no", (), ((words.YES, "yes"), (words.NO, "no")))
MENU_WORDS = ("sales", "support", "billing", "opening hours", "operator", "repeat", "main menu", "goodbye")
MENU = Choices("menu", (), tuple((word, word) for word in MENU_WORDS))
DIGITS = {length: Digits(f"{length} digits", length, length) for length in (1, 2, 3, 4, 5, 6)}
OPEN = Digits("1 to 16 digits", 1, 16)
NUMBER, DAY, CLOCK = Number("number", 0, 2), Moment("date", "mmddyyyy"), Moment("time", "", "12")
OTHER = (
    "what a nice day it is", "i would like to speak to somebody please", "hold on a moment", "could you say that again",
    "my dog is barking at the door", "hello", "thank you very much", "the quick brown fox", "never mind", "um",
)  # fmt: skip
AGAINST: tuple[Grammar, ...] = (SURE, MENU, DIGITS[4])


@dataclass(frozen=True, slots=True)
class Sample:
    """Something that a voice said, and the grammar that hears it. `value` is None where it is none of the grammar."""

    grammar: Grammar
    text: str
    value: str | None
    voice: str
    snr_db: int
    audio: bytes


@dataclass(frozen=True, slots=True)
class Result:
    sample: Sample
    value: str | None
    "What was understood, whatever the confidence."

    confidence: float
    cpu_s: float


def main() -> int:
    options = argparse.ArgumentParser(prog="./dev bench speech", description=__doc__)
    options.add_argument("--seed", type=int, default=1, help="of the words that are drawn (default: %(default)s)")
    given = options.parse_args()
    voices = [f"espeak {name}" for name in ESPEAK]
    if has_flite():
        voices += [f"flite {name}" for name in FLITE]
    else:
        print("flite is not installed: only the voices of espeak-ng are heard.\n")
    with Voices() as speak:
        samples = list(_samples(speak, voices, random.Random(given.seed)))
    missed = [sample for sample in samples if not sample.audio]
    heard = _recognised([sample for sample in samples if sample.audio])
    print(f"{len(samples)} utterances of {len(voices)} voices; {len(missed)} were not found on the line")
    _tables(heard)
    return 0


# -- what is said -----------------------------------------------------------------------------------


def _samples(speak: Voices, voices: list[str], chance: random.Random) -> Iterator[Sample]:
    noise = np.random.default_rng(chance.getrandbits(32))
    for voice in voices:
        for rate_wpm in RATES_WPM:
            for snr_db in SNRS_DB:
                for grammar, text, value in _drawn(chance):
                    audio = _caught(_line(speak(text, voice, rate_wpm), snr_db, noise))
                    yield Sample(grammar, text, value, voice, snr_db, audio)


def _drawn(chance: random.Random) -> Iterator[tuple[Grammar, str, str | None]]:
    sentences: list[tuple[Grammar, str]] = [
        *((SURE, text) for text in ("yes", "no", chance.choice(("yeah", "yep", "nope", "no thanks")))),
        *((MENU, text) for text in chance.sample(MENU_WORDS, 3)),
        *((grammar, _digits(length, chance)) for length, grammar in DIGITS.items()),
        (OPEN, _digits(chance.randint(3, 8), chance)),
        (NUMBER, _number(chance)),
        (
            DAY,
            f"{chance.choice(MONTHS)} {chance.choice(DAYS)} twenty twenty {chance.choice(('six', 'seven', 'eight'))}",
        ),
        (
            CLOCK,
            f"{chance.choice(UNITS)} {chance.choice(('fifteen', 'thirty', 'oh five'))} {chance.choice(('a m', 'p m'))}",
        ),
    ]
    for grammar, text in sentences:
        value = said(grammar, words_of(text), LANGUAGE)
        assert value is not None, text
        yield grammar, text, value
    for grammar in AGAINST:
        yield grammar, chance.choice(OTHER), None


UNITS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
DAYS = ["first", "second", "third", "fifth", "twelfth", "nineteenth", "twentieth"]
MONTHS = ["january", "march", "may", "august", "november"]


def _digits(length: int, chance: random.Random) -> str:
    return " ".join(chance.choice(["zero", *UNITS]) for _ in range(length))


def _number(chance: random.Random) -> str:
    whole = chance.choice(
        ("seventeen", "forty two", "one hundred twenty nine", "six hundred", "two thousand five hundred")
    )
    return whole + chance.choice(("", "", f" point {chance.choice(UNITS)}"))


# -- the line ---------------------------------------------------------------------------------------


def _line(samples: NDArray[np.float64], snr_db: int, noise: np.random.Generator) -> bytes:
    """Said into a telephone after a second and a half of silence, with white noise in the band."""
    quiet = np.zeros(int(1.5 * RATE_HZ))
    voice = band(samples)
    voice *= 32768 * 10 ** (SPEECH_DBFS / 20) / np.sqrt(np.mean(voice**2))
    line = np.concatenate([quiet, voice, quiet])
    hiss = band(noise.normal(size=len(line)))
    line += hiss * 32768 * 10 ** ((SPEECH_DBFS - snr_db) / 20) / np.sqrt(np.mean(hiss**2))
    return g711.encode(np.clip(line, -32768, 32767).astype(np.int16))


def _caught(line: bytes) -> bytes:
    """What the media plane hands over; empty where it hears nobody."""
    detector = UtteranceDetector(1.0)
    for at in range(0, len(line), FRAME_BYTES):
        change = detector.hear(line[at : at + FRAME_BYTES], at, at)
        if isinstance(change, Utterance):
            return change.audio
    return b""


# -- what is understood -----------------------------------------------------------------------------


def _recognised(samples: list[Sample]) -> list[Result]:
    recogniser = Recogniser()
    results = []
    for sample in samples:
        rules = spoken(sample.grammar, LANGUAGE)
        assert rules is not None
        grammar = jsgf([rules])
        if not recogniser.use(grammar):
            recogniser.compile(grammar)
            recogniser.use(grammar)
        begun = time.process_time()
        heard = recogniser.hear(sample.audio, 5 if longest(rules) <= WORDS_WITH_READINGS_MAX else 1)
        cpu_s = time.process_time() - begun
        best, confidence = heard[0] if heard else ([], 0.0)
        results.append(Result(sample, said(sample.grammar, best, LANGUAGE), confidence, cpu_s))
    return results


# -- the tables ---------------------------------------------------------------------------------------


def _tables(results: list[Result]) -> None:
    valid = [result for result in results if result.sample.value is not None]
    _accuracy(valid)
    for grammar in (SURE, MENU):
        pairs = Counter(
            (str(result.sample.value), result.value or "–") for result in valid if result.sample.grammar is grammar
        )
        _matrix(f"{grammar.id}: said (down), understood (across)", pairs)
    _matrix("digits one by one, of strings of the right length: said (down), understood (across)", _digit_pairs(valid))
    _rejection(results)
    _cost(results)


def _accuracy(valid: list[Result]) -> None:
    """Rightly understood, whatever the confidence, by grammar, noise and kind of voice."""
    columns = [*(f"{snr} dB" for snr in SNRS_DB), "espeak", "flite", "all"]
    right: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for result in valid:
        good = result.value == result.sample.value
        for column in (f"{result.sample.snr_db} dB", result.sample.voice.split()[0], "all"):
            right[result.sample.grammar.id, column].append(good)
    print("\n| understood rightly | " + " | ".join(columns) + " | of |\n|" + "---|" * (len(columns) + 2))
    for name in dict.fromkeys(result.sample.grammar.id for result in valid):
        cells = [right[name, column] for column in columns]
        shown = [f"{100 * sum(cell) / len(cell):.0f} %" if cell else "–" for cell in cells]
        print(f"| {name} | " + " | ".join(shown) + f" | {len(cells[-1])} |")


def _digit_pairs(valid: list[Result]) -> Counter[tuple[str, str]]:
    pairs: Counter[tuple[str, str]] = Counter()
    for result in valid:
        meant, understood = result.sample.value or "", result.value or ""
        if result.sample.grammar in DIGITS.values() and len(meant) == len(understood):
            pairs.update(zip(meant, understood, strict=True))
    return pairs


def _matrix(title: str, pairs: Counter[tuple[str, str]]) -> None:
    down, across = sorted({one for one, _ in pairs}), sorted({other for _, other in pairs})
    print(f"\n{title}\n\n| | " + " | ".join(across) + " |\n|" + "---|" * (len(across) + 1))
    for one in down:
        print(f"| {one} | " + " | ".join(str(pairs[one, other] or "") for other in across) + " |")


def _rejection(results: list[Result]) -> None:
    """What is taken for an answer at a least confidence."""
    kinds = {
        "right": [r for r in results if r.sample.value is not None and r.value == r.sample.value],
        "wrong": [r for r in results if r.sample.value is not None and r.value not in (None, r.sample.value)],
        **{
            f"other speech to {grammar.id}": [
                r for r in results if r.sample.value is None and r.sample.grammar is grammar
            ]
            for grammar in AGAINST
        },
    }
    print("\n| taken at confidence of at least | " + " | ".join(kinds) + " |\n|" + "---|" * (len(kinds) + 1))
    for least in (0.0, 0.3, 0.5, 0.7, 0.9):
        taken = [
            sum(r.value is not None and r.confidence >= least for r in found) / max(len(found), 1)
            for found in kinds.values()
        ]
        print(f"| {least:g} | " + " | ".join(f"{100 * portion:.0f} %" for portion in taken) + " |")
    print("| utterances | " + " | ".join(str(len(found)) for found in kinds.values()) + " |")


def _cost(results: list[Result]) -> None:
    spent: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for result in results:
        seconds = len(result.sample.audio) / RATE_HZ
        for name in (result.sample.grammar.id, "all"):
            spent[name].append((result.cpu_s, seconds))
    print("\n| CPU | utterances | audio | an utterance | p95 | a second of audio |\n|---|---|---|---|---|---|")
    for name, pairs in spent.items():
        cpu, audio = sum(one for one, _ in pairs), sum(seconds for _, seconds in pairs)
        p95 = sorted(one for one, _ in pairs)[int(len(pairs) * 0.95)]
        print(
            f"| {name} | {len(pairs)} | {audio / len(pairs):.1f} s | {1000 * cpu / len(pairs):.0f} ms "
            f"| {1000 * p95:.0f} ms | {1000 * cpu / audio:.0f} ms |"
        )
