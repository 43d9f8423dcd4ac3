import contextlib
import io
import wave

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwright.base.errors import AuthorError
from callwright.media import frames, g711, wav

pytestmark = pytest.mark.pure


def tone(rate_hz, seconds=0.5, hertz=440.0, peak=8000):
    return (np.sin(2 * np.pi * hertz * np.arange(int(rate_hz * seconds)) / rate_hz) * peak).astype(np.int16)


def wav_file(samples, rate_hz, *, channels=1, width=2):
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(channels)
        writer.setsampwidth(width)
        writer.setframerate(rate_hz)
        writer.writeframes(samples)
    return file.getvalue()


def is_the_tone(ulaw, hertz=440.0, peak=8000, seconds=0.5):
    samples = g711.decode(ulaw).astype(np.float64)
    assert abs(len(samples) - 8000 * seconds) <= 1
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    assert np.argmax(spectrum) * 8000 / len(samples) == pytest.approx(hertz, abs=3)
    assert np.abs(samples[400:-400]).max() == pytest.approx(peak, rel=0.06)


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


@pytest.mark.parametrize("rate_hz", [8000, 11025, 16000, 22050, 24000, 44100, 48000])
def test_wav_at_any_rate(rate_hz):
    is_the_tone(frames.ulaw_of_wav(wav_file(tone(rate_hz).tobytes(), rate_hz)))


def test_channels_are_mixed():
    left = tone(16000)
    both = np.column_stack([left, left]).tobytes()
    is_the_tone(frames.ulaw_of_wav(wav_file(both, 16000, channels=2)))


@pytest.mark.parametrize(
    ("width", "convert"),
    [
        (1, lambda s: ((s >> 8) + 128).astype(np.uint8).tobytes()),
        (3, lambda s: (s.astype("<i4") << 8).view(np.uint8).reshape(-1, 4)[:, :3].tobytes()),
        (4, lambda s: (s.astype("<i4") << 16).tobytes()),
    ],
)
def test_other_sample_widths(width, convert):
    is_the_tone(frames.ulaw_of_wav(wav_file(convert(tone(8000)), 8000, width=width)))


def test_samples_of_a_synthesizer():
    is_the_tone(frames.ulaw_of_samples(tone(22050), 22050))
    assert frames.ulaw_of_samples(tone(8000), 8000) == g711.encode(tone(8000))


def test_loud_audio_is_clipped_and_does_not_wrap():
    square = np.where(np.arange(44100) // 2205 % 2, 32767, -32768).astype(np.int16)
    halves = g711.decode(frames.ulaw_of_samples(square, 44100)).reshape(20, 400).astype(np.int32)
    near_the_edges = np.r_[3:20, 380:397]  # where the filter overshoots
    assert (halves[0::2, near_the_edges] < -25000).all()
    assert (halves[1::2, near_the_edges] > 25000).all()


def chunk(name, body):
    return name + len(body).to_bytes(4, "little") + body + b"\0" * (len(body) % 2)


def riff(tag, data, *, rate_hz=8000, bits=8, extra=b""):
    layout = b"".join(
        number.to_bytes(size, "little")
        for number, size in ((tag, 2), (1, 2), (rate_hz, 4), (rate_hz, 4), (1, 2), (bits, 2))
    )
    body = b"WAVE" + chunk(b"fmt ", layout + extra) + chunk(b"LIST", b"odd") + chunk(b"data", data)
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def test_ulaw_at_8000_is_taken_as_it_is():
    ulaw = g711.encode(tone(8000))
    assert frames.ulaw_of_wav(riff(wav.ULAW, ulaw)) == ulaw


def test_ulaw_in_an_extensible_header():
    extensible = (22).to_bytes(2, "little") + bytes(6) + bytes.fromhex("0700000000001000800000aa00389b71")
    ulaw = g711.encode(tone(8000))
    assert frames.ulaw_of_wav(riff(0xFFFE, ulaw, extra=extensible)) == ulaw


def test_alaw():
    """Codes of G.711 table 1a: the smallest and largest values, and zero's neighbours."""
    ulaw = frames.ulaw_of_wav(riff(wav.ALAW, bytes([0xAA, 0x2A, 0xD5, 0x55, 0x80])))
    assert g711.decode(ulaw).tolist() == pytest.approx([32256, -32256, 8, -8, 5504], rel=0.04)


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"ID3\x03not audio",
        b"RIFF\0\0\0\0WAVE",
        b"RIFF\0\0\0\0WAVE" + chunk(b"data", bytes(10)),
        b"RIFF\0\0\0\0WAVE" + chunk(b"fmt ", b"short") + chunk(b"data", bytes(10)),
        riff(0x55, bytes(100)),  # MP3
        riff(wav.PCM, bytes(100), bits=12),
        riff(wav.PCM, bytes(100), rate_hz=0),
    ],
)
def test_what_cannot_be_played_is_the_authors_error(file):
    with pytest.raises(AuthorError):
        frames.ulaw_of_wav(file)


@given(st.binary(max_size=80))
def test_no_file_raises_anything_else(tail):
    for file in (tail, b"RIFF\0\0\0\0WAVE" + tail, wav_file(tone(8000, 0.01).tobytes(), 8000)[:44] + tail):
        with contextlib.suppress(AuthorError):
            frames.ulaw_of_wav(file)


def test_a_file_cut_short_plays_as_far_as_it_goes():
    whole = riff(wav.ULAW, bytes(1000))
    assert frames.ulaw_of_wav(whole[:-300]) == bytes(700)


def test_the_recorders_header_is_read_back():
    data = bytes(range(200))
    parsed = wav.parse(wav.ulaw_header(100, 2) + data)
    assert parsed == wav.Wave(wav.ULAW, 2, 8000, 8, data)
    assert len(wav.ulaw_header(10**12, 2)) == wav.HEADER_BYTES, "74 hours are not the end of the writer"
