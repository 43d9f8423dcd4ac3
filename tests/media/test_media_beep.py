"""Beeps: what is one and what is not, told once and when it is over."""

import numpy as np
import pytest

from callwright.media import g711
from callwright.media.beep import BeepDetector
from callwright.media.frames import FRAME_BYTES, RATE_HZ

pytestmark = pytest.mark.pure

NOISE = np.random.default_rng(5)


def tone(seconds, *hz, level=3000.0):
    at = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    return level * sum(np.sin(2 * np.pi * one * at) for one in hz)


def beeps(*parts, noise=10.0, lost=frozenset(), stops=False):
    """When beeps are told, in seconds; `stops`: nothing is sent any more after that."""
    wave = np.concatenate((np.zeros(4000), *parts, np.zeros(0 if stops else 8000)))
    wave = np.concatenate((wave, np.zeros(-len(wave) % FRAME_BYTES)))
    ulaw = g711.encode((wave + NOISE.normal(scale=noise, size=len(wave))).astype(np.int16))
    detector, told = BeepDetector(), []
    for number in range(len(ulaw) // FRAME_BYTES + 25):
        at, clock = number * FRAME_BYTES, (number + 1) * FRAME_BYTES
        if at < len(ulaw) and number not in lost and detector.hear(ulaw[at:clock], 0xFFFFFF00 + at & 0xFFFFFFFF, clock):
            told.append(number / 50)
        if detector.quiet(clock):
            told.append(number / 50)
    return told


@pytest.mark.parametrize("hz", [410, 440, 700, 1000, 1400, 1990])
@pytest.mark.parametrize("seconds", [0.16, 0.5, 2.0])
def test_a_beep_is_told_once_when_it_is_over(hz, seconds):
    (at,) = beeps(tone(seconds, hz))
    assert 0.5 + seconds <= at < 0.5 + seconds + 0.3


@pytest.mark.parametrize("hz", [350, 2080, 2100])
def test_other_frequencies_are_none(hz):
    assert beeps(tone(0.5, hz)) == []


@pytest.mark.parametrize("seconds", [0.02, 0.05, 0.08])
def test_what_is_too_short_is_none(seconds):
    assert beeps(tone(seconds, 1000)) == []


def test_what_goes_on_is_none():
    assert beeps(tone(4, 1000)) == []


def test_two_beeps_are_two():
    assert len(beeps(tone(0.3, 1000), np.zeros(4000), tone(0.3, 1000))) == 2


@pytest.mark.parametrize("level", [200, 1000, 20000])
def test_loud_and_soft(level):
    assert len(beeps(tone(0.4, 1000, level=level), noise=level / 50)) == 1


def test_a_beep_in_noise_10_db_below_it():
    assert len(beeps(tone(0.4, 1000), noise=3000 / 2**0.5 / 10**0.5)) == 1


@pytest.mark.parametrize("twist_db", [-8, -4, 0, 4, 8])
def test_the_two_tones_of_a_key_are_no_beep(twist_db):
    for low in (697, 770, 852, 941):
        for high in (1209, 1336, 1477):
            assert beeps(tone(0.3, low) + tone(0.3, high) * 10 ** (twist_db / 20)) == []


def test_ringing_and_busy_are_no_beep():
    assert beeps(tone(2, 440, 480), np.zeros(8000), tone(0.5, 480, 620)) == []


def test_lost_packets_in_a_beep():
    assert len(beeps(tone(0.6, 1000), lost={30, 41, 42})) == 1


def test_a_far_end_that_sends_nothing_after_its_beep():
    (at,) = beeps(tone(0.4, 1000), stops=True)
    assert 0.9 <= at < 1.3


def test_talk_off():
    """A minute of voices, sung vowels among them, is no beep."""
    at = np.arange(60 * RATE_HZ) / RATE_HZ
    for pitch, formants in ((110, (500, 1500)), (180, (700, 1100)), (240, (300, 2300))):
        phase = 2 * np.pi * np.cumsum(pitch * (1 + 0.08 * np.sin(2 * np.pi * 0.7 * at))) / RATE_HZ
        weights = [sum(np.exp(-(((n * pitch - f) / 150) ** 2)) for f in formants) + 0.05 for n in range(1, 16)]
        voice = sum(w * np.sin(n * phase) for n, w in enumerate(weights, 1))
        syllables = np.maximum(np.sin(2 * np.pi * 1.3 * at), 0.02)
        assert beeps(1500 * voice * syllables) == []
