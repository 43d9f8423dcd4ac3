"""A labelled set of answered lines, made anew each time: people, answering machines, fax machines, tones and nothing at all.

Two halves that share nothing but the kinds: other voices, other sentences, other seeds, so that what was found on the one is
measured on the other. Each line is what a media plane receives in the first seconds: levels, noise, our own prompt coming
back, µ-law, lost packets, and telephones that send nothing while nobody speaks.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bench._sentences import Half
from bench._sounds import (
    BUSY,
    DIAL,
    NOISES,
    RINGING,
    SECONDS,
    TEXTURES,
    Wave,
    answer_tone,
    cadence,
    calling_tone,
    loud,
    music,
    slow_modem,
    special_information,
    tone,
)  # fmt: skip
from bench._voices import Voices, band
from callwright.base.callee_types import CalleeType
from callwright.media import g711
from callwright.media.frames import FRAME_BYTES, RATE_HZ

LEVELS_DBM0 = (-10, -15, -20, -25, -30)
SNRS_DB = (40, 30, 20, 15, 10)
LOSSES = (0.0, 0.0, 0.01, 0.03)
PROMPT_DBM0 = -16.0
DBOV_OF_DBM0 = -6.18
"0 dBm0 is so many dB below a square wave at full scale (ITU-T G.711: a sine overloads at 3.17 dBm0)."


@dataclass(frozen=True, slots=True)
class Sample:
    """One answered line."""

    kind: str
    detail: str
    "Which music or noise."

    label: CalleeType
    received: bytes
    "µ-law."

    came: NDArray[np.bool_]
    "Of its packets of 20 ms, which arrive."

    sent: bytes
    "What we play meanwhile; may be silence."

    level_dbm0: int
    snr_db: int
    echo_db: int
    "By which our prompt is quieter when it comes back; 0: nothing is played."


@dataclass(slots=True)
class Maker:
    """Makes the lines of one half."""

    half: Half
    speak: Voices
    chance: random.Random
    voice: str = ""
    rate_wpm: int = 160
    detail: str = ""
    _said: dict[tuple[str, str, int], Wave] = field(default_factory=dict)

    def say(self, text: str) -> Wave:
        """In the voice of the line, as loud as another."""
        key = (text, self.voice, self.rate_wpm)
        if key not in self._said:
            wave = band(self.speak(text, self.voice, self.rate_wpm))
            loud = np.sort(np.abs(wave))[len(wave) // 2 :]
            self._said[key] = wave / np.sqrt(np.mean(loud**2))
        return self._said[key]

    def one_of(self, texts: tuple[str, ...]) -> Wave:
        return self.say(self.chance.choice(texts))

    def pause(self, least: float, most: float) -> Wave:
        return np.zeros(int(self.chance.uniform(least, most) * RATE_HZ))

    def beep(self) -> Wave:
        hz = self.chance.choice((440, 800, 1000, 1200, 1400, self.chance.uniform(420, 1900)))
        return tone(self.chance.uniform(0.15, 1.0), hz)

    def lines(self, each: float) -> Iterator[Sample]:
        """`each`: how many of a kind, as a factor of `KINDS`."""
        noise = np.random.default_rng(self.chance.getrandbits(32))
        for kind, (label, count, make) in KINDS.items():
            for _ in range(max(1, round(count * each))):
                self.detail = ""
                self.voice, self.rate_wpm = self.chance.choice(self.half.voices), self.chance.choice((140, 160, 180))
                yield self._line(kind, label, make(self), noise)

    def _line(self, kind: str, label: CalleeType, wave: Wave, noise: np.random.Generator) -> Sample:
        chance = self.chance
        length = int(SECONDS * RATE_HZ)
        line = np.concatenate((wave, np.zeros(length)))[:length]
        level, snr = chance.choice(LEVELS_DBM0), chance.choice(SNRS_DB)
        amplitude = 32768 * 10 ** ((level + DBOV_OF_DBM0) / 20)
        silent = np.repeat(np.abs(line).reshape(-1, FRAME_BYTES).max(axis=1) < 0.02, FRAME_BYTES)
        hiss = _noise(chance.choice(("white", "pink", "street")), length, noise) * 10 ** (-snr / 20)
        line = (line + hiss) * amplitude
        sent, echo_db = np.zeros(length), 0
        if chance.random() < 0.5:
            sent, echo_db = self._prompt(length), chance.choice((15, 20, 30, 45))
            line += _returned(sent, noise, chance) * 10 ** (-echo_db / 20)
        came = _arrivals(length // FRAME_BYTES, chance)
        if chance.random() < 0.15:
            # It sends nothing while nobody speaks.
            came &= ~silent[::FRAME_BYTES]
        return Sample(kind, self.detail, label, _ulaw(line), came, _ulaw(sent), level, snr, echo_db)

    def _prompt(self, length: int) -> Wave:
        self.voice, voice = self.half.voices[0], self.voice
        said = self.one_of(self.half.prompts) * 32768 * 10 ** ((PROMPT_DBM0 + DBOV_OF_DBM0) / 20)
        self.voice = voice
        return np.concatenate((np.zeros(int(0.2 * RATE_HZ)), said, np.zeros(length)))[:length]


def _returned(sent: Wave, noise: np.random.Generator, chance: random.Random) -> Wave:
    """As a two-wire line gives it back: late, and each sound of it over 6 ms."""
    delay = chance.randint(0, int(0.25 * RATE_HZ))
    response = np.concatenate(([1.0], noise.normal(scale=0.4, size=47) * np.exp(-np.arange(47) / 12)))
    returned = np.convolve(sent, response / np.sqrt(np.sum(response**2)))
    return np.concatenate((np.zeros(delay), returned))[: len(sent)]


def _arrivals(packets: int, chance: random.Random) -> NDArray[np.bool_]:
    """Losses come alone, or a few at once."""
    came = np.ones(packets, np.bool_)
    loss = chance.choice(LOSSES)
    for at in range(packets):
        if chance.random() < loss / 2:
            came[at : at + chance.randint(1, 3)] = False
    return came


def _ulaw(wave: Wave) -> bytes:
    return g711.encode(np.clip(wave, -32768, 32767).astype(np.int16))


def _noise(kind: str, length: int, noise: np.random.Generator) -> Wave:
    """RMS 1; `street` swells and fades."""
    wave = noise.normal(size=length)
    if kind != "white":
        spectrum = np.fft.rfft(wave)
        wave = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 1)), length)
    if kind == "street":
        at = np.arange(length) / RATE_HZ
        wave = wave * (1 + 0.4 * np.sin(2 * np.pi * noise.uniform(0.1, 0.4) * at + noise.uniform(0, 6)))
    wave = band(wave)
    made: Wave = wave / np.sqrt(np.mean(wave**2))
    return made


# -- what there is ------------------------------------------------------------------------------------


def _spoken(texts: Callable[[Half], tuple[str, ...]]) -> Callable[[Maker], Wave]:
    def make(maker: Maker) -> Wave:
        return np.concatenate((maker.pause(0.1, 1.4), maker.one_of(texts(maker.half))))

    return make


def _twice(maker: Maker) -> Wave:
    return np.concatenate(
        (maker.pause(0.1, 1), maker.one_of(maker.half.hellos), maker.pause(0.9, 2), maker.one_of(maker.half.hellos))
    )


def _machine(texts: Callable[[Half], tuple[str, ...]]) -> Callable[[Maker], Wave]:
    def make(maker: Maker) -> Wave:
        return np.concatenate(
            (maker.pause(0.2, 1.8), maker.one_of(texts(maker.half)), maker.pause(0.2, 1.0), maker.beep())
        )

    return make


def _with_a_pause(maker: Maker) -> Wave:
    first, second = maker.chance.choice(maker.half.pauses)
    return np.concatenate((maker.pause(0.2, 1.5), maker.say(first), maker.pause(0.3, 1.2), maker.say(second)))


def _beep_alone(maker: Maker) -> Wave:
    at = maker.chance.choice((700, 1000, 1400, maker.chance.uniform(700, 1900)))
    return np.concatenate((maker.pause(0.3, 2.5), tone(maker.chance.uniform(0.15, 0.9), at)))


def _over(
    behind: Callable[[Maker], Wave], least_db: int, most_db: int, then: Callable[[Maker], Wave]
) -> Callable[[Maker], Wave]:
    """Something in front of something else that is quieter, and goes on."""

    def make(maker: Maker) -> Wave:
        wave = then(maker)
        size = int(SECONDS * RATE_HZ)
        front = np.concatenate((wave, np.zeros(size)))[:size]
        return front + behind(maker)[:size] * 10 ** (-maker.chance.uniform(least_db, most_db) / 20)

    return make


def _after_ringing(then: Callable[[Maker], Wave]) -> Callable[[Maker], Wave]:
    def make(maker: Maker) -> Wave:
        ringing = cadence(maker.chance, RINGING)[: int(maker.chance.uniform(0.4, 1.2) * RATE_HZ)]
        return np.concatenate((ringing, then(maker)))

    return make


def _intercept(maker: Maker) -> Wave:
    tones = special_information(maker.chance)
    return np.concatenate((maker.pause(0, 1), tones, maker.pause(0.1, 0.5), maker.one_of(maker.half.intercepts)))


def _fax(maker: Maker) -> Wave:
    first = answer_tone(maker.chance)
    if maker.chance.random() < 0.5:
        return np.concatenate((maker.pause(0.2, 1.8), first))
    return np.concatenate((maker.pause(0.2, 1.8), first[: int(2.2 * RATE_HZ)], np.zeros(600), slow_modem(maker.chance)))


def _crowd(maker: Maker) -> Wave:
    """Seven people at once, none of whom speaks to us."""
    said = [np.concatenate([maker.one_of(maker.half.greetings) for _ in range(2)]) for _ in range(7)]
    size = int(SECONDS * RATE_HZ)
    made: Wave = sum((np.roll(one, maker.chance.randrange(len(one)))[:size] for one in said), np.zeros(size))
    return loud(band(made))


def _music(maker: Maker) -> Wave:
    instrument, texture = maker.chance.choice(maker.half.instruments), maker.chance.choice(TEXTURES)
    maker.detail = f"music: {texture}, {instrument}"
    return loud(band(music(maker.chance, instrument, texture)))


def _noise_of_a_place(maker: Maker) -> Wave:
    name = maker.chance.choice(maker.half.noises)
    maker.detail = f"noise: {name}"
    return loud(band(NOISES[name](maker.chance)))


def _behind(maker: Maker) -> Wave:
    return _crowd(maker) if maker.chance.random() < 0.3 else _noise_of_a_place(maker)


KINDS: dict[str, tuple[CalleeType, int, Callable[[Maker], Wave]]] = {
    "person: hello": ("voice", 200, _spoken(lambda half: half.hellos)),
    "person: a name or a question": ("voice", 150, _spoken(lambda half: half.names)),
    "person: hello, and again": ("voice", 60, _twice),
    "person: hello, in a noisy place": ("voice", 30, _over(_behind, 12, 20, _spoken(lambda half: half.hellos))),
    "person: at work, a sentence": ("voice", 12, _spoken(lambda half: half.work)),
    "person: talks on": ("voice", 6, _spoken(lambda half: half.talk)),
    "machine: a few words, beep": ("answeringmachine", 60, _machine(lambda half: half.short)),
    "machine: greeting": ("answeringmachine", 170, _machine(lambda half: half.greetings)),
    "machine: greeting over music": ("answeringmachine", 20, _over(_music, 10, 18, _machine(lambda half: half.greetings))),
    "machine: menu": ("answeringmachine", 20, _spoken(lambda half: half.menus)),
    "machine: of the network": ("answeringmachine", 100, _machine(lambda half: half.networks)),
    "machine: pause after a word": ("answeringmachine", 50, _with_a_pause),
    "machine: beep alone": ("answeringmachine", 30, _beep_alone),
    "fax: answers": ("fax", 50, _fax),
    "fax: begins with its modem": (
        "fax", 20, lambda maker: np.concatenate((maker.pause(0.2, 1.8), slow_modem(maker.chance))),
    ),
    "fax: calls": ("fax", 40, lambda maker: np.concatenate((maker.pause(0.2, 2.5), calling_tone(maker.chance)))),
    "ringing": ("unknown", 30, lambda maker: cadence(maker.chance, RINGING)),
    "ringing, then a person": ("voice", 20, _after_ringing(_spoken(lambda half: half.hellos))),
    "ringing, then a machine": ("answeringmachine", 15, _after_ringing(_machine(lambda half: half.greetings))),
    "busy": ("unknown", 30, lambda maker: cadence(maker.chance, BUSY)),
    "dial tone": ("unknown", 20, lambda maker: cadence(maker.chance, DIAL)),
    "intercept: three tones, announcement": ("unknown", 40, _intercept),
    "nobody speaks": ("unknown", 40, lambda maker: np.zeros(1)),
    "nobody speaks: music": ("unknown", 50, _music),
    "nobody speaks: noise of a place": ("unknown", 50, _noise_of_a_place),
    "nobody speaks: a crowd": ("unknown", 6, _crowd),
}  # fmt: skip
"What a line is, how many of it there are in a half, and how it is made."


def samples(half: Half, seed: int, each: float = 1.0) -> list[Sample]:
    with Voices() as speak:
        return list(Maker(half, speak, random.Random(seed)).lines(each))
