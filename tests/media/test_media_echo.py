"""Our own prompt, found in what comes back and taken away."""

import numpy as np
import pytest

from callwright.media import echo
from callwright.media.frames import FRAME_BYTES, RATE_HZ

pytestmark = pytest.mark.pure

NOISE = np.random.default_rng(5)
SECONDS = 4


def voice(seed):
    """Noise with a telephone's long-term spectrum, that swells and fades four times a second."""
    noise = np.random.default_rng(seed).normal(size=SECONDS * RATE_HZ)
    low = np.convolve(noise, np.exp(-np.arange(12) / 3), "same")
    return 2500 * low * np.abs(np.sin(2 * np.pi * 2 * np.arange(len(low)) / RATE_HZ))


def returned(sent, delay, loss_db, response=(1.0,)):
    late = np.concatenate((np.zeros(delay), np.convolve(sent, response)))[: len(sent)]
    return late * 10 ** (-loss_db / 20)


def left_db(back, taken):
    return 10 * np.log10(np.mean((back - taken) ** 2) / np.mean(back**2))


@pytest.mark.parametrize("delay", [0, 3, 160, 801, 3900])
@pytest.mark.parametrize("response", [(1.0,), (0.2, 1.0, -0.5, 0.3, 0.1, -0.2)])
def test_most_of_an_echo_is_taken_away(delay, response):
    sent = voice(1)
    back = returned(sent, delay, 15, response)
    found = echo.find(back.astype(np.int16), sent.astype(np.int16))
    assert found is not None
    assert left_db(back, found.of(sent.astype(np.int16), 0)) < echo.LEFT_DB


def test_it_is_found_while_somebody_speaks_as_loud():
    sent, theirs = voice(1), voice(2)
    back = returned(sent, 500, 12)
    theirs *= np.sqrt(np.mean(back**2) / np.mean(theirs**2))
    found = echo.find((back + theirs).astype(np.int16), sent.astype(np.int16))
    assert found is not None and left_db(back, found.of(sent.astype(np.int16), 0)) < echo.LEFT_DB


@pytest.mark.parametrize("first", [0, 160, 16_000, 31_840])
def test_a_part_of_it_is_that_part_of_the_whole(first):
    sent = voice(1).astype(np.int16)
    found = echo.Echo(700, NOISE.normal(size=56).astype(np.float32))
    assert found.of(sent, first) == pytest.approx(found.of(sent, 0)[first:], abs=1)
    assert len(found.of(sent, first)) == len(sent) - first


def test_nothing_is_found_where_nothing_comes_back():
    sent = voice(1).astype(np.int16)
    assert echo.find(voice(2).astype(np.int16), sent) is None
    assert echo.find(voice(2).astype(np.int16), np.zeros_like(sent)) is None
    assert echo.find(np.zeros_like(sent), sent) is None


@pytest.mark.parametrize("frames", [1, 2, 6, 20])
def test_shortly_after_the_answer_there_is_too_little_to_tell(frames):
    size = frames * FRAME_BYTES
    sent = voice(1).astype(np.int16)[:size]
    found = echo.find((sent * 0.1).astype(np.int16), sent)
    assert found is None or len(found.of(sent, 0)) == size


def test_how_loud_it_is():
    wave = np.zeros(4 * FRAME_BYTES, np.float32)
    wave[FRAME_BYTES : 2 * FRAME_BYTES] = 3276.8
    assert echo.levels(wave) == pytest.approx([-120, -20, -20, -120], abs=0.1)
