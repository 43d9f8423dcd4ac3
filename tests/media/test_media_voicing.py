"""What has the pitch of a voice, and what is held like a note: on sounds made for it."""

import numpy as np
import pytest

from callwright.media import tone_detection, voicing
from callwright.media.frames import FRAME_BYTES, RATE_HZ

pytestmark = pytest.mark.pure

AT = np.arange(2 * RATE_HZ) / RATE_HZ
NOISE = np.random.default_rng(4)
EDGE = voicing.HELD_FRAMES
"Before which nothing can be compared."


def harmonics(hz, count=18):
    """`hz` may change in time."""
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(hz, len(AT))) / RATE_HZ
    return 2000 * sum(np.sin(n * phase) / n for n in range(1, count))


def power(wave, noise=10.0):
    heard = wave + NOISE.normal(scale=noise, size=len(wave))
    return tone_detection.spectrum(np.concatenate((np.zeros(FRAME_BYTES), heard)).astype(np.float32))


def share(frames):
    return np.count_nonzero(frames[EDGE:]) / len(frames[EDGE:])


SPEAKS = 150 + 30 * np.sin(2 * np.pi * 1.5 * AT)
"Hz: up and down, as somebody speaks."


@pytest.mark.parametrize("hz", [90, 120, 200, 300, 380])
def test_a_voice_has_a_pitch(hz):
    assert share(voicing.pitched(power(harmonics(hz))) > 0.7) > 0.9


def test_in_noise_too():
    voice = harmonics(SPEAKS)
    assert share(voicing.pitched(power(voice, noise=np.sqrt(np.mean(voice**2) / 10))) > 0.6) > 0.9


def test_noise_has_none():
    assert share(voicing.pitched(power(np.zeros(len(AT)), noise=2000)) > 0.55) < 0.02


def test_clicks_have_none():
    clicks = np.where(NOISE.random(len(AT)) < 0.002, 8000.0, 0.0)
    assert share(voicing.pitched(power(clicks)) > 0.55) < 0.3


@pytest.mark.parametrize("hz", [450, 500, 700, 1000, 1500])
def test_a_pitch_too_high_for_a_voice_is_none(hz):
    assert share(voicing.pitched(power(harmonics(hz, 3))) > 0) < 0.05


def test_a_bell_has_nothing_where_a_voice_has_its_first_formant():
    assert not voicing.pitched(power(harmonics(1200, 3))).any()


@pytest.mark.parametrize("hz", [220, 330, 440])
def test_a_note_is_held(hz):
    assert share(voicing.held(power(harmonics(hz)))) > 0.95


def test_a_vibrato_is_held():
    vibrato = 440 * (1 + 0.01 * np.sin(2 * np.pi * 5.5 * AT))
    assert share(voicing.held(power(harmonics(vibrato)))) > 0.7


def test_who_speaks_does_not_hold():
    # So much that the harmonics around 2000 Hz move by their distance within 100 ms.
    assert share(voicing.held(power(harmonics(SPEAKS)))) < 0.3


def test_rumble_is_not_held():
    rumble = np.cumsum(NOISE.normal(size=len(AT)))
    rumble = 300 * (rumble - np.convolve(rumble, np.ones(400) / 400, "same"))
    assert share(voicing.held(power(rumble))) < 0.05


@pytest.mark.parametrize("frames", [1, 4, 5, 9])
def test_the_first_frames_of_a_line_hold_nothing(frames):
    assert not voicing.held(power(harmonics(220))[:frames])[:5].any()
