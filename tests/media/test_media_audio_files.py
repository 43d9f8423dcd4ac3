"""Audio files that people bring: what each form sounds like afterwards, and what is said of those that cannot be read.

`tone.mp3` is half a second of 440 Hz, encoded by LAME at 22,050 Hz.
"""

import contextlib
import io
import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwright.base.errors import AuthorError
from callwright.media import audio_files, g711, wav

pytestmark = pytest.mark.pure

MP3 = (Path(__file__).parent / "tone.mp3").read_bytes()
ID3 = b"ID3\x04\x00\x00\x00\x00\x00\x0aTIT2" + bytes(6)
"A tag of twenty bytes in front, as every player of music writes it."


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


def chunk(name, body):
    return name + len(body).to_bytes(4, "little") + body + b"\0" * (len(body) % 2)


def riff(tag, data, *, rate_hz=8000, bits=8, channels=1, extra=b""):
    layout = b"".join(
        number.to_bytes(size, "little")
        for number, size in ((tag, 2), (channels, 2), (rate_hz, 4), (rate_hz, 4), (1, 2), (bits, 2))
    )
    body = b"WAVE" + chunk(b"fmt ", layout + extra) + chunk(b"LIST", b"odd") + chunk(b"data", data)
    return b"RIFF" + len(body).to_bytes(4, "little") + body


class TestWav:
    @pytest.mark.parametrize("rate_hz", [8000, 11025, 16000, 22050, 24000, 44100, 48000, 192000])
    def test_any_rate(self, rate_hz):
        is_the_tone(audio_files.ulaw_of(wav_file(tone(rate_hz).tobytes(), rate_hz)))

    def test_more_than_one_block(self, monkeypatch):
        whole = audio_files.ulaw_of(wav_file(tone(44100).tobytes(), 44100))
        monkeypatch.setattr(audio_files, "BLOCK", 1000)
        assert audio_files.ulaw_of(wav_file(tone(44100).tobytes(), 44100)) == whole
        is_the_tone(whole)

    def test_channels_are_mixed(self):
        left = tone(16000)
        both = np.column_stack([left, left]).tobytes()
        is_the_tone(audio_files.ulaw_of(wav_file(both, 16000, channels=2)))
        opposite = np.column_stack([left, -left]).tobytes()
        assert set(audio_files.ulaw_of(wav_file(opposite, 8000, channels=2))) == {0xFF}

    @pytest.mark.parametrize(
        ("width", "convert"),
        [
            (1, lambda s: ((s >> 8) + 128).astype(np.uint8).tobytes()),
            (3, lambda s: (s.astype("<i4") << 8).view(np.uint8).reshape(-1, 4)[:, :3].tobytes()),
            (4, lambda s: (s.astype("<i4") << 16).tobytes()),
        ],
    )
    def test_other_widths(self, width, convert):
        is_the_tone(audio_files.ulaw_of(wav_file(convert(tone(8000)), 8000, width=width)))

    @pytest.mark.parametrize(("kind", "bits"), [("<f4", 32), ("<f8", 64)])
    def test_floating_point(self, kind, bits):
        samples = (tone(16000) / 32767).astype(kind)
        is_the_tone(audio_files.ulaw_of(riff(wav.FLOAT, samples.tobytes(), rate_hz=16000, bits=bits)))
        samples[100:103] = [np.nan, np.inf, 70]
        spoiled = g711.decode(audio_files.ulaw_of(riff(wav.FLOAT, samples.tobytes(), bits=bits)))
        assert spoiled[100] == 0 and spoiled[101] == spoiled[102] > 32000
        assert (spoiled[103:] == g711.decode(g711.encode(tone(16000)))[103:]).mean() > 0.98

    def test_ulaw_at_8000_is_taken_as_it_is(self):
        ulaw = g711.encode(tone(8000))
        assert audio_files.ulaw_of(riff(wav.ULAW, ulaw)) == ulaw

    def test_ulaw_in_an_extensible_header(self):
        extensible = (22).to_bytes(2, "little") + bytes(6) + bytes.fromhex("0700000000001000800000aa00389b71")
        ulaw = g711.encode(tone(8000))
        assert audio_files.ulaw_of(riff(0xFFFE, ulaw, extra=extensible)) == ulaw

    def test_ulaw_at_another_rate(self):
        is_the_tone(audio_files.ulaw_of(riff(wav.ULAW, g711.encode(tone(16000)), rate_hz=16000)))

    def test_alaw(self):
        """Codes of G.711 table 1a: the smallest and largest values, and zero's neighbours."""
        codes = bytes([0xAA, 0x2A, 0xD5, 0x55, 0x80])
        ulaw = audio_files.ulaw_of(riff(wav.ALAW, codes))
        assert g711.decode(ulaw).tolist() == pytest.approx([32256, -32256, 8, -8, 5504], rel=0.04)
        assert audio_files.ulaw_of(codes, "codes.al") == audio_files.ulaw_of(codes, "codes.ALAW") == ulaw

    def test_a_file_cut_short_plays_as_far_as_it_goes(self):
        whole = riff(wav.ULAW, bytes(1000))
        assert audio_files.ulaw_of(whole[:-300]) == bytes(700)


class TestMp3:
    @pytest.mark.parametrize("file", [MP3, ID3 + MP3])
    def test_it_is_decoded(self, file):
        samples = g711.decode(audio_files.ulaw_of(file, "tone.mp3")).astype(np.float64)
        # An encoder of MP3 puts some silence around the sound.
        loud = samples[np.abs(samples) > 3000]
        assert 0.5 <= len(samples) / 8000 <= 0.65 and len(loud) > 2000
        spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
        assert np.argmax(spectrum) * 8000 / len(samples) == pytest.approx(440, abs=3)

    def test_longer_than_it_may_be(self, monkeypatch):
        monkeypatch.setattr(audio_files, "SECONDS_MAX", 0.4)
        with pytest.raises(AuthorError, match="longer than"):
            audio_files.ulaw_of(MP3)

    def test_a_header_and_nothing_behind_it(self):
        for file in (ID3, ID3 + b"not audio" * 100, b"\xff\xfb" + bytes(500)):
            with pytest.raises(AuthorError, match="MP3"):
                audio_files.ulaw_of(file)


class TestBareSamples:
    @pytest.mark.parametrize("name", ["a.ul", "a.ulaw", "dir/A.MULAW"])
    def test_ulaw(self, name):
        ulaw = g711.encode(tone(8000))
        assert audio_files.ulaw_of(ulaw, name) == ulaw

    def test_silence_in_ulaw_is_not_taken_for_mp3(self):
        quiet = b"\xff\xfb" + b"\xff" * 800
        assert audio_files.ulaw_of(quiet, "quiet.ul") == quiet

    @pytest.mark.parametrize(("name", "order"), [("a.sln", "<i2"), ("a.l16", "<i2"), ("a.l16", ">i2")])
    def test_sixteen_bits(self, name, order):
        samples = tone(8000)
        assert audio_files.ulaw_of(samples.astype(order).tobytes() + b"\1", name) == g711.encode(samples)


class TestRefusals:
    @pytest.mark.parametrize(
        ("file", "reason"),
        [
            (b"", "empty"),
            (b"hello there", "neither WAV nor MP3"),
            (b"RIFF\0\0\0\0WAVE", "without audio"),
            (b"RIFF\0\0\0\0WAVE" + chunk(b"data", bytes(10)), "without audio"),
            (b"RIFF\0\0\0\0WAVE" + chunk(b"fmt ", b"short") + chunk(b"data", bytes(10)), "broken header"),
            (riff(0x55, bytes(100)), "WAV file with MP3"),
            (riff(49, bytes(100)), "WAV file with GSM"),
            (riff(wav.PCM, bytes(100), bits=12), "12 bits"),
            (riff(wav.PCM, bytes(100), rate_hz=0), "0 Hz"),
            (riff(wav.PCM, bytes(100), rate_hz=999_999), "999999 Hz"),
            (riff(wav.PCM, bytes(100), channels=9), "9 channels"),
            (riff(wav.PCM, b"", bits=16), "no sound"),
            (riff(wav.PCM, b"\0", bits=16), "no sound"),
            (b"OggS" + bytes(100), "it is Ogg"),
            (b"fLaC" + bytes(100), "it is FLAC"),
            (b"\0\0\0\x20ftypM4A " + bytes(100), "it is MPEG-4"),
        ],
    )
    def test_each_is_told_its_reason(self, file, reason):
        with pytest.raises(AuthorError, match=reason):
            audio_files.ulaw_of(file, "welcome.wav")

    def test_limits(self):
        hours = riff(wav.PCM, bytes(601 * 1000), rate_hz=1000)
        for file, name, reason in (
            (hours, "", "longer than 600 seconds"),
            (bytes(601 * 8000), "a.ul", "longer than 600 seconds"),
            (bytes(audio_files.BYTES_MAX + 1), "a.ul", "bytes"),
        ):
            with pytest.raises(AuthorError, match=reason):
                audio_files.ulaw_of(file, name)

    @given(st.binary(max_size=80), st.sampled_from(["", "a.ul", "a.l16", "a.wav"]))
    def test_no_file_raises_anything_else(self, tail, name):
        starts = (b"", b"RIFF\0\0\0\0WAVE", wav_file(tone(8000, 0.01).tobytes(), 8000)[:44], MP3[:200], ID3)
        for start in starts:
            with contextlib.suppress(AuthorError):
                audio_files.ulaw_of(start + tail, name)
