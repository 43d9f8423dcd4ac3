import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwright.media import frames, g711, wav

pytestmark = pytest.mark.pure


@given(st.binary(max_size=2000))
def test_frames_are_the_audio_filled_up_with_silence(ulaw):
    made = frames.frames(ulaw)
    assert all(len(frame) == 160 for frame in made)
    joined = b"".join(made)
    assert joined[: len(ulaw)] == ulaw
    assert len(joined) - len(ulaw) < 160
    assert set(joined[len(ulaw) :]) <= {0xFF}


def test_four_seconds_are_two_hundred_frames():
    assert len(frames.frames(bytes(32000))) == 200


def test_samples_of_a_synthesizer():
    tone = (np.sin(2 * np.pi * 440 * np.arange(11025) / 22050) * 8000).astype(np.int16)
    samples = g711.decode(frames.ulaw_of_samples(tone, 22050)).astype(np.float64)
    assert len(samples) == 4000
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    assert np.argmax(spectrum) * 2 == pytest.approx(440, abs=3)
    assert frames.ulaw_of_samples(tone, 8000) == g711.encode(tone)


def test_loud_audio_is_clipped_and_does_not_wrap():
    square = np.where(np.arange(44100) // 2205 % 2, 32767, -32768).astype(np.int16)
    halves = g711.decode(frames.ulaw_of_samples(square, 44100)).reshape(20, 400).astype(np.int32)
    near_the_edges = np.r_[3:20, 380:397]  # where the filter overshoots
    assert (halves[0::2, near_the_edges] < -25000).all()
    assert (halves[1::2, near_the_edges] > 25000).all()


def test_the_recorders_header_is_read_back():
    data = bytes(range(200))
    parsed = wav.parse(wav.ulaw_header(100, 2) + data)
    assert parsed == wav.Wave(wav.ULAW, 2, 8000, 8, data)
    assert len(wav.ulaw_header(10**12, 2)) == wav.HEADER_BYTES, "74 hours are not the end of the writer"
