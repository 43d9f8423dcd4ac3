"""Sounds of a telephone line that are nobody's voice: tones of networks and fax machines, music, and noises of places.

All are synthesised, at 8000 Hz, and about as loud as each other (RMS 1). Cadences and frequencies are those of ITU-T E.180
supplement 2, of Telcordia SR-2275, and of ITU-T T.30, V.8 and V.21.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from callwright.media.frames import RATE_HZ

Wave = NDArray[np.float64]
SECONDS = 6.0

Plan = tuple[tuple[float, ...], tuple[float, ...]]
"Frequencies, and seconds on and off in turn."

RINGING: tuple[Plan, ...] = (
    ((440, 480), (2, 4)), ((425,), (1, 4)), ((400, 450), (0.4, 0.2, 0.4, 2)), ((440,), (1.5, 3.5)), ((425,), (1, 3)),
    ((384, 416), (1, 2)), ((400, 417), (0.4, 0.2, 0.4, 2)),
)  # fmt: skip
BUSY: tuple[Plan, ...] = (
    ((480, 620), (0.5, 0.5)), ((480, 620), (0.25, 0.25)), ((425,), (0.48, 0.48)), ((425,), (0.24, 0.24)), ((425,), (0.5, 0.5)),
    ((400,), (0.375, 0.375)), ((400,), (0.5, 0.5)), ((400,), (0.4, 0.35, 0.225, 0.525)),
)  # fmt: skip
DIAL: tuple[Plan, ...] = (((350, 440), (8, 0)), ((425,), (8, 0)), ((350, 450), (0.75, 0.75)), ((400,), (8, 0)))
"Continuous, stuttering, and the one of a number that does not exist."


def tone(seconds: float, *frequencies_hz: float) -> Wave:
    at = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    wave = sum((np.sin(2 * np.pi * hz * at) for hz in frequencies_hz), np.zeros(len(at))) * np.sqrt(
        2 / len(frequencies_hz)
    )
    made: Wave = wave * np.minimum(1, np.minimum(at, at[::-1]) / 0.004)
    return made


def cadence(chance: random.Random, plans: tuple[Plan, ...]) -> Wave:
    """One of the plans; it begins somewhere in it."""
    frequencies, times = chance.choice(plans)
    once = np.concatenate(
        [tone(s, *frequencies) if at % 2 == 0 else np.zeros(int(s * RATE_HZ)) for at, s in enumerate(times)]
    )
    many = np.tile(once, int(SECONDS * RATE_HZ / len(once)) + 2)
    return many[chance.randrange(len(once)) :]


def special_information(chance: random.Random) -> Wave:
    """The three tones before an announcement of the network."""
    first, second = chance.choice(((913.8, 1370.6), (985.2, 1428.5), (913.8, 1428.5), (985.2, 1370.6), (950, 1400)))
    return np.concatenate([tone(chance.choice((0.276, 0.380)), hz) for hz in (first, second, 1776.7)])


def answer_tone(chance: random.Random) -> Wave:
    """CED, or V.8's ANSam: its phase turns every 450 ms, and its loudness moves 15 times a second."""
    at = np.arange(int(chance.uniform(2.6, 4) * RATE_HZ)) / RATE_HZ
    wave = np.sin(2 * np.pi * (2100 + chance.uniform(-15, 15)) * at)
    if chance.random() < 0.5:
        wave = wave * np.where(at // 0.45 % 2 == 0, 1, -1)
        if chance.random() < 0.5:
            wave = wave * (1 + 0.2 * np.sin(2 * np.pi * 15 * at))
    made: Wave = wave * np.sqrt(2)
    return made


def slow_modem(chance: random.Random) -> Wave:
    """A second of flags at 300 bit/s on channel 2 of V.21, as before each frame of T.30: 1 is 1650 Hz, 0 is 1850."""
    bits = np.tile([0, 1, 1, 1, 1, 1, 1, 0], 60)
    hz = np.repeat(np.where(bits == 1, 1650, 1850), RATE_HZ // 300 + 1)[: int(1.5 * RATE_HZ)] + chance.uniform(-6, 6)
    made: Wave = np.sin(2 * np.pi * np.cumsum(hz) / RATE_HZ) * np.sqrt(2)
    return made


def calling_tone(chance: random.Random) -> Wave:
    """CNG."""
    once = np.concatenate((tone(0.5, 1100 + chance.uniform(-30, 30)), np.zeros(3 * RATE_HZ)))
    return np.concatenate((once, once))


# -- music --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Instrument:
    """What a note of it is."""

    partials: tuple[tuple[float, float], ...]
    "Multiples of the note's frequency, and how strong each is."

    attack_s: float = 0.005
    decay: float = 0.0
    "By how many e-folds a second it fades."

    vibrato: float = 0.0
    "By what share its frequency goes up and down, some five times a second."

    breath: float = 0.0
    "Noise in it."


def _harmonics(*strengths: float) -> tuple[tuple[float, float], ...]:
    return tuple((n + 1.0, strength) for n, strength in enumerate(strengths))


INSTRUMENTS = {
    "piano": Instrument(_harmonics(1, 0.5, 0.35, 0.2, 0.12, 0.06), decay=2.5),
    "organ": Instrument(_harmonics(1, 0.8, 0.3, 0.6, 0.1, 0.3, 0, 0.3), 0.03),
    "strings": Instrument(_harmonics(*(1 / n for n in range(1, 13))), 0.15, vibrato=0.008),
    "flute": Instrument(_harmonics(1, 0.2, 0.06), 0.06, vibrato=0.01, breath=0.05),
    "music box": Instrument(((1, 1), (2.76, 0.5), (5.4, 0.3)), decay=5),
    "marimba": Instrument(((1, 1), (3.9, 0.35), (9.2, 0.1)), decay=9),
    "brass": Instrument(_harmonics(0.8, 1, 1, 0.8, 0.7, 0.5, 0.4, 0.3, 0.2), 0.05),
    "guitar": Instrument(_harmonics(*(1 / n for n in range(1, 9))), decay=4),
    "synthesizer": Instrument(_harmonics(*(1 / n for n in range(1, 16))), 0.01, decay=1),
    "choir": Instrument(_harmonics(0.6, 0.9, 1, 0.9, 0.6, 0.3, 0.15, 0.1), 0.12, vibrato=0.012),
    "accordion": Instrument(((1, 1), (1.006, 0.8), (2, 0.7), (3, 0.5), (4, 0.4), (5, 0.2)), 0.04),
    "violin": Instrument(_harmonics(1, 0.9, 0.6, 0.7, 0.4, 0.4, 0.2, 0.15), 0.08, vibrato=0.015, breath=0.03),
    "clarinet": Instrument(_harmonics(1, 0.03, 0.6, 0.03, 0.4, 0.03, 0.2), 0.03, breath=0.02),
    "bass guitar": Instrument(((0.25, 0.6), (0.5, 1), (0.75, 0.7), (1, 0.5), (1.5, 0.2), (2, 0.1)), decay=2),
    "harmonica": Instrument(
        ((1, 1), (1.004, 0.9), (2, 0.9), (3, 0.8), (4, 0.5), (5, 0.5), (6, 0.2)), 0.04, breath=0.04
    ),
    "electric piano": Instrument(((1, 1), (2, 0.15), (4, 0.35), (14, 0.05)), decay=1.5, vibrato=0.003),
    "harp": Instrument(_harmonics(1, 0.4, 0.2, 0.1), decay=3),
    "bells": Instrument(((0.5, 0.5), (1, 1), (1.19, 0.7), (1.5, 0.4), (2, 0.6), (2.74, 0.3)), decay=1.5),
}
TEXTURES = ("chords", "arpeggio", "melody", "pad", "band")


def note(instrument: Instrument, hz: float, seconds: float, chance: random.Random) -> Wave:
    at = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    per_s = chance.uniform(4.5, 6.5)
    phase = 2 * np.pi * hz * (at - instrument.vibrato / (2 * np.pi * per_s) * np.cos(2 * np.pi * per_s * at))
    wave = np.zeros(len(at))
    for multiple, strength in instrument.partials:
        if hz * multiple < 3700:
            wave += strength * np.sin(multiple * phase + chance.uniform(0, 6.28))
    wave += instrument.breath * _random(chance).normal(size=len(at))
    ends = np.minimum(1, np.minimum(at / instrument.attack_s, at[::-1] / 0.02))
    made: Wave = wave * ends * np.exp(-instrument.decay * at)
    return made


def music(chance: random.Random, name: str, texture: str) -> Wave:
    """Something in a key and a tempo, on this instrument and in this manner."""
    instrument = INSTRUMENTS[name]
    root = 220 * 2 ** (chance.randrange(-5, 7) / 12)
    scale = root * 2 ** (np.array(chance.choice(((0, 2, 4, 5, 7, 9, 11, 12), (0, 2, 3, 5, 7, 8, 10, 12)))) / 12)
    beat_s = chance.uniform(0.3, 0.7)
    parts: list[Wave] = []
    seconds = 0.0
    while seconds < SECONDS + 2:
        degree = chance.choice((0, 3, 4, 0, 1, 5))
        chord = [scale[(degree + step) % 7] * (2 if degree + step > 6 else 1) for step in (0, 2, 4)]
        if texture == "chords":
            bar = [_together(instrument, chord, beat_s, chance) for _ in range(2)]
        elif texture == "pad":
            bar = [_together(instrument, chord, 4 * beat_s, chance)]
        elif texture == "arpeggio":
            bar = [note(instrument, chord[n % 3] * (1 + n // 3), beat_s / 2, chance) for n in (0, 1, 2, 3, 2, 1)]
        elif texture == "melody":
            bar = [
                note(instrument, chance.choice(scale) * 2, beat_s * chance.choice((0.5, 1, 1.5)), chance)
                for _ in range(3)
            ]
        else:
            bar = [_with_drums(instrument, chord, beat_s, chance) for _ in range(4)]
        parts += bar
        seconds += sum(len(one) for one in bar) / RATE_HZ
    return loud(np.concatenate(parts)[chance.randrange(RATE_HZ) :])


def _together(instrument: Instrument, chord: list[float], seconds: float, chance: random.Random) -> Wave:
    made: Wave = sum((note(instrument, hz, seconds, chance) for hz in chord), np.zeros(int(seconds * RATE_HZ)))
    return made


def _with_drums(instrument: Instrument, chord: list[float], seconds: float, chance: random.Random) -> Wave:
    """A beat: a bass drum, something like a cymbal, and a note of the chord over its root an octave lower."""
    at = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    drum = 2 * np.sin(2 * np.pi * (60 * at + 4 * (1 - np.exp(-30 * at)))) * np.exp(-12 * at)
    cymbal = 0.7 * _random(chance).normal(size=len(at)) * np.exp(-25 * np.abs(at - seconds / 2))
    made: Wave = (
        drum
        + cymbal
        + note(instrument, chance.choice(chord), seconds, chance)
        + note(instrument, chord[0] / 2, seconds, chance)
    )
    return made


# -- noises -------------------------------------------------------------------------------------------


def _random(chance: random.Random) -> np.random.Generator:
    return np.random.default_rng(chance.getrandbits(32))


def loud(wave: Wave) -> Wave:
    """RMS 1, in what is not silent of it."""
    frames = np.sqrt((wave[: len(wave) // 160 * 160].reshape(-1, 160) ** 2).mean(axis=1))
    heard = frames[frames >= frames.max() / 10]
    made: Wave = wave / np.sqrt(np.mean(heard**2))
    return made


def _size() -> int:
    return int(SECONDS * RATE_HZ)


def _at() -> Wave:
    made: Wave = np.arange(_size()) / RATE_HZ
    return made


def shaped(noise: np.random.Generator, size: int, low_hz: float, high_hz: float, slope: float = 0.0) -> Wave:
    """Noise of a band; `slope` 1 is pink, 2 is brown."""
    spectrum = np.fft.rfft(noise.normal(size=size))
    hz = np.fft.rfftfreq(size, 1 / RATE_HZ)
    keep = (hz >= low_hz) & (hz <= high_hz)
    wave = np.fft.irfft(spectrum * keep / np.maximum(hz, 20) ** (slope / 2), size)
    made: Wave = wave / np.sqrt(np.mean(wave**2))
    return made


def _swelling(chance: random.Random, least: float, per_s: float) -> Wave:
    """Between `least` and 1, going up and down no more often a second than so."""
    course = shaped(_random(chance), _size(), 1 / SECONDS, per_s)
    made: Wave = least + (1 - least) * (course - course.min()) / np.ptp(course)
    return made


def _bursts(chance: random.Random, every_s: tuple[float, float], make: Callable[[], Wave]) -> Wave:
    """Sounds now and then."""
    wave = np.zeros(_size())
    at = int(chance.uniform(0, every_s[1]) * RATE_HZ)
    while at < len(wave):
        burst = make()[: len(wave) - at]
        wave[at : at + len(burst)] += burst * chance.uniform(0.6, 1)
        at += len(burst) + int(chance.uniform(*every_s) * RATE_HZ)
    return wave


def _struck(chance: random.Random, hz: tuple[float, ...], seconds: float, decay: float) -> Wave:
    at = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    made: Wave = sum(
        (np.sin(2 * np.pi * one * chance.uniform(0.95, 1.05) * at) for one in hz), np.zeros(len(at))
    ) * np.exp(-decay * at)
    return made


def _puff(chance: random.Random, seconds: float, low_hz: float, high_hz: float) -> Wave:
    """A burst of noise that comes and goes."""
    size = int(seconds * RATE_HZ)
    made: Wave = shaped(_random(chance), size, low_hz, high_hz) * np.sin(np.pi * np.arange(size) / size) ** 2
    return made


def _click(chance: random.Random) -> Wave:
    size = chance.randint(8, 60)
    made: Wave = _random(chance).normal(size=size) * np.exp(-np.arange(size) / 12) * 4
    return made


def _cry(chance: random.Random, hz: tuple[float, float, float], seconds: float) -> Wave:
    """An animal or a baby: harmonics that go up and down between three frequencies."""
    size = int(seconds * RATE_HZ)
    course = np.interp(np.arange(size), (0, size / 2, size), hz)
    phase = 2 * np.pi * np.cumsum(course) / RATE_HZ
    made: Wave = sum((np.sin(n * phase) / n for n in range(1, 7)), np.zeros(size)) * np.sin(
        np.pi * np.arange(size) / size
    )
    return made


def _bell(chance: random.Random) -> Wave:
    """An old telephone's, in the room: a clapper strikes two gongs, twenty times a second."""
    strokes = [_struck(chance, (1200, 1950) if n % 2 else (1420, 2300), 0.05, 12) for n in range(30)]
    return np.concatenate(strokes)


def _rattle(chance: random.Random, per_s: float, seconds: float) -> Wave:
    """Noise that is cut up so often a second."""
    wave = _puff(chance, seconds, 150, 3000)
    made: Wave = wave * np.maximum(0.05, np.sin(np.pi * per_s * np.arange(len(wave)) / RATE_HZ)) ** 4
    return made


def _hum(chance: random.Random) -> Wave:
    mains = chance.choice((50, 60))
    made: Wave = sum(
        (np.sin(2 * np.pi * mains * n * _at()) * chance.uniform(0.2, 1) for n in range(2, 14)), np.zeros(_size())
    )
    return made


def _fan(chance: random.Random) -> Wave:
    blade = chance.uniform(90, 180)
    made: Wave = shaped(_random(chance), _size(), 50, 3800, 1) + 0.4 * np.sin(2 * np.pi * blade * _at())
    return made


def _car(chance: random.Random) -> Wave:
    engine = chance.uniform(25, 45) * (1 + 0.1 * np.sin(2 * np.pi * 0.15 * _at()))
    phase = 2 * np.pi * np.cumsum(engine) / RATE_HZ
    made: Wave = shaped(_random(chance), _size(), 50, 2000, 2) + 0.3 * sum(np.sin(n * phase) for n in range(4, 12))
    return made


def _train(chance: random.Random) -> Wave:
    clack = _bursts(chance, (0.45, 0.55), lambda: _struck(chance, (350, 700, 1100), 0.12, 30))
    made: Wave = shaped(_random(chance), _size(), 50, 1500, 1) * 0.6 + clack
    return made


def _siren(chance: random.Random) -> Wave:
    low, high, per_s = chance.uniform(500, 700), chance.uniform(1000, 1500), chance.uniform(0.2, 0.5)
    hz = low + (high - low) * (0.5 + 0.5 * np.sin(2 * np.pi * per_s * _at() + chance.uniform(0, 6)))
    made: Wave = np.sin(2 * np.pi * np.cumsum(hz) / RATE_HZ)
    return made


def _mobile_buzz(chance: random.Random) -> Wave:
    """A mobile phone near a loudspeaker: bursts 217 times a second."""
    pulses = (_at() * 217 % 1 < 0.15).astype(np.float64) - 0.15
    made: Wave = pulses * np.repeat(_random(chance).random(_size() // 800) < 0.5, 800)
    return made


def _comfort_noise(chance: random.Random) -> Wave:
    """As decoders make it up: steps of loudness when a new description comes."""
    steps = np.repeat(10 ** (_random(chance).uniform(-6, 0, 60) / 20), _size() // 60)
    made: Wave = shaped(_random(chance), _size(), 100, 3600, chance.choice((0, 1))) * steps
    return made


NOISES: dict[str, Callable[[random.Random], Wave]] = {
    "hum": _hum,
    "fan": _fan,
    "wind": lambda chance: shaped(_random(chance), _size(), 50, 900, 2) * _swelling(chance, 0.05, 1.0),
    "rain": lambda chance: shaped(_random(chance), _size(), 300, 3800) + _bursts(chance, (0.01, 0.1), lambda: _click(chance)),
    "traffic": lambda chance: shaped(_random(chance), _size(), 60, 2500, 1) * _swelling(chance, 0.15, 0.5),
    "car": _car,
    "train": _train,
    "crackle": lambda chance: _bursts(chance, (0.02, 0.5), lambda: _click(chance)),
    "keyboard": lambda chance: _bursts(chance, (0.06, 0.3), lambda: _click(chance)),
    "steps": lambda chance: _bursts(chance, (0.4, 0.5), lambda: _struck(chance, (130, 260, 410), 0.08, 45)),
    "rustle": lambda chance: _bursts(chance, (0.1, 0.8), lambda: _puff(chance, chance.uniform(0.05, 0.3), 500, 3500)),
    "breath": lambda chance: _bursts(chance, (0.8, 1.6), lambda: _puff(chance, chance.uniform(0.7, 1.3), 400, 3000)),
    "knocks": lambda chance: _bursts(chance, (0.15, 1.5), lambda: _struck(chance, (180, 340, 600), 0.07, 50)),
    "dishes": lambda chance: _bursts(chance, (0.1, 0.9), lambda: _struck(chance, (1250, 2130, 2950), 0.25, 14)),
    "dog": lambda chance: _bursts(chance, (0.2, 0.8), lambda: _cry(chance, (420, 620, 350), 0.17)),
    "baby": lambda chance: _bursts(chance, (0.2, 0.5), lambda: _cry(chance, (380, 520, 400), chance.uniform(0.7, 1.1))),
    "siren": _siren,
    "mobile phone": _mobile_buzz,
    "saw": lambda chance: _cry(chance, (140, 190, 150), SECONDS) + shaped(_random(chance), _size(), 500, 3500) * 0.5,
    "water": lambda chance: shaped(_random(chance), _size(), 800, 3800) * _swelling(chance, 0.5, 4.0),
    "line faults": lambda chance: _bursts(chance, (0.3, 1.5), lambda: _puff(chance, chance.uniform(0.02, 0.12), 200, 3800)),
    "comfort noise": _comfort_noise,
    "bell": lambda chance: _bursts(chance, (1.5, 2.5), lambda: _bell(chance)),
    "applause": lambda chance: _bursts(chance, (0.0, 0.012), lambda: _puff(chance, 0.02, 600, 3500)),
    "clock": lambda chance: _bursts(chance, (0.45, 0.5), lambda: _struck(chance, (900, 1800, 2900), 0.03, 150)),
    "buzzer": lambda chance: _bursts(chance, (0.3, 0.6), lambda: _cry(chance, (120, 120, 120), chance.uniform(0.4, 1.2))),
    "snore": lambda chance: _bursts(chance, (1.0, 1.8), lambda: _rattle(chance, 32, chance.uniform(0.6, 1.1))),
    "cough": lambda chance: _bursts(chance, (0.25, 1.8), lambda: _puff(chance, chance.uniform(0.12, 0.25), 250, 2500)),
    "cat": lambda chance: _bursts(chance, (0.8, 1.6), lambda: _cry(chance, (500, 780, 450), chance.uniform(0.5, 0.9))),
    "vacuum cleaner": lambda chance: shaped(_random(chance), _size(), 100, 3800) + 0.8 * _cry(chance, (330, 335, 332), SECONDS),
    "helicopter": lambda chance: _bursts(chance, (0.02, 0.03), lambda: _puff(chance, 0.05, 80, 1200)),
    "hammer": lambda chance: _bursts(chance, (0.35, 0.6), lambda: _struck(chance, (240, 800, 1900), 0.1, 40)),
    "kettle": lambda chance: shaped(_random(chance), _size(), 300, 3500) * 0.3 + _cry(chance, (1500, 1900, 2000), SECONDS),
    "birds": lambda chance: _bursts(chance, (0.05, 0.5), lambda: _cry(chance, (2200, 3300, 2600), chance.uniform(0.05, 0.15))),
    "drill": lambda chance: _bursts(chance, (0.5, 1.0), lambda: _rattle(chance, 55, chance.uniform(0.8, 1.6))),
}  # fmt: skip
"What is heard where somebody has a telephone, or of the telephone itself."
