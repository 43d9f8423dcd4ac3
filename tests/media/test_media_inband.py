"""Keys as tones: what ITU-T Q.24 wants taken and refused, with spandsp as a second opinion, and speech."""

import ctypes
import ctypes.util
import itertools

import numpy as np
import pytest

from callwright.media import g711, inband
from callwright.media.dtmf import KEYS
from callwright.media.inband import ToneKeys, key_frames

QUIET = np.zeros(800)


def _tone(rng, key, ms, off=(0.0, 0.0), twist_db=0.0, level_db=-10.0):
    """`off`: how much the low and the high tone are out of tune; `twist_db`: how much stronger the high one is."""
    at = np.arange(int(ms * 8)) / 8000
    amplitude = 32767 * 10 ** (level_db / 20) / 2
    low, high = amplitude * 10 ** (-twist_db / 40), amplitude * 10 ** (twist_db / 40)
    low_hz, high_hz = inband._OF_KEY[key]
    one, two = rng.uniform(0, 2 * np.pi, 2)
    return low * np.sin(2 * np.pi * low_hz * (1 + off[0]) * at + one) + high * np.sin(
        2 * np.pi * high_hz * (1 + off[1]) * at + two
    )


def _sequence(rng, on_ms, pause_ms, snr_db=None, **tone):
    parts = [QUIET]
    for key in KEYS:
        parts += [_tone(rng, key, on_ms, **tone), np.zeros(int(pause_ms * 8) + rng.integers(0, 40))]
    audio = np.concatenate([*parts, QUIET])
    if snr_db is not None:
        power = np.mean(_tone(rng, "5", 200, **tone) ** 2)
        audio = audio + rng.normal(0, np.sqrt(power / 10 ** (snr_db / 10)), len(audio))
    return np.clip(audio, -32768, 32767).astype(np.int16)


def _found(samples, packet=160):
    ulaw, keys = g711.encode(samples), ToneKeys()
    return "".join(keys.hear(ulaw[at : at + packet]) for at in range(0, len(ulaw), packet))


@pytest.mark.pure
class TestQ24:
    @pytest.mark.parametrize(
        "given",
        [
            {"on_ms": 40, "pause_ms": 40},
            {"on_ms": 50, "pause_ms": 50, "snr_db": 12},
            {"on_ms": 40, "pause_ms": 40, "snr_db": 15},
            {"on_ms": 40, "pause_ms": 40, "twist_db": 4},
            {"on_ms": 40, "pause_ms": 40, "twist_db": -8},
            {"on_ms": 50, "pause_ms": 50, "twist_db": -8, "snr_db": 15},
            {"on_ms": 40, "pause_ms": 40, "level_db": -30},
            {"on_ms": 40, "pause_ms": 40, "level_db": -3},
            {"on_ms": 600, "pause_ms": 40},
        ],
        ids=str,
    )
    def test_every_key_is_taken_once(self, given):
        rng = np.random.default_rng(1)
        for _ in range(4):
            assert _found(_sequence(rng, **given)) == KEYS

    @pytest.mark.parametrize("signs", [one for one in itertools.product((-1, 0, 1), repeat=2) if one != (0, 0)])
    def test_how_far_a_tone_may_be_out_of_tune(self, signs):
        rng = np.random.default_rng(2)
        near = tuple(sign * 0.015 for sign in signs)
        assert _found(_sequence(rng, 50, 50, snr_db=20, off=near)) == KEYS
        far = tuple(sign * 0.035 for sign in signs)
        assert _found(_sequence(rng, 50, 50, snr_db=20, off=far)) == ""

    @pytest.mark.parametrize("on_ms", [10, 20, 23])
    def test_what_is_too_short(self, on_ms):
        rng = np.random.default_rng(3)
        for snr_db in (None, 20):
            assert _found(_sequence(rng, on_ms, 60, snr_db=snr_db)) == ""

    def test_a_break_of_10_ms_makes_no_second_key(self):
        rng = np.random.default_rng(4)
        both = np.concatenate([QUIET, _tone(rng, "7", 60), np.zeros(80), _tone(rng, "7", 60), QUIET])
        assert _found(both.astype(np.int16)) == "7"
        twice = np.concatenate([QUIET, _tone(rng, "7", 60), np.zeros(320), _tone(rng, "7", 60), QUIET])
        assert _found(twice.astype(np.int16)) == "77"

    @pytest.mark.parametrize("packet", [80, 160, 240, 320, 480, 7])
    def test_packets_of_any_length(self, packet):
        assert _found(_sequence(np.random.default_rng(5), 50, 50), packet) == KEYS

    def test_one_tone_alone_is_no_key(self):
        at = np.arange(8000) / 8000
        for hertz in (*inband.LOW_HZ, *inband.HIGH_HZ, 1100, 2100, 440):
            assert _found((9000 * np.sin(2 * np.pi * hertz * at)).astype(np.int16)) == ""
        both = 6000 * (np.sin(2 * np.pi * 350 * at) + np.sin(2 * np.pi * 440 * at))
        assert _found(both.astype(np.int16)) == ""

    def test_noise(self):
        rng = np.random.default_rng(6)
        assert _found(rng.normal(0, 6000, 8000 * 20).clip(-32768, 32767).astype(np.int16)) == ""

    def test_ours_are_understood(self):
        ulaw = b"".join(b"".join(key_frames(event)) + b"\xff" * 800 for event in range(16))
        assert _found(g711.decode(ulaw)) == KEYS


@pytest.mark.interop
class TestSpandsp:
    """A detector and a generator by others."""

    @pytest.fixture
    def library(self):
        name = ctypes.util.find_library("spandsp")
        assert name, "spandsp is missing: ./dev test installs it"
        library = ctypes.CDLL(name)
        for function in (library.dtmf_rx_init, library.dtmf_tx_init):
            function.restype = ctypes.c_void_p
        return library

    def test_it_understands_ours(self, library):
        ulaw = b"".join(b"".join(key_frames(event)) + b"\xff" * 800 for event in range(16))
        samples = g711.decode(ulaw)
        state = ctypes.c_void_p(library.dtmf_rx_init(None, None, None))
        library.dtmf_rx(state, samples.ctypes.data_as(ctypes.c_void_p), len(samples))
        digits = ctypes.create_string_buffer(64)
        assert library.dtmf_rx_get(state, digits, 63) == 16
        assert digits.value.decode() == KEYS

    def test_we_understand_its(self, library):
        state = ctypes.c_void_p(library.dtmf_tx_init(None))
        library.dtmf_tx_put(state, KEYS.encode(), -1)
        samples = np.zeros(8000 * 4, np.int16)
        library.dtmf_tx(state, samples.ctypes.data_as(ctypes.c_void_p), len(samples))
        assert np.abs(samples.astype(int)).max() > 1000
        assert _found(samples) == KEYS

    @pytest.mark.parametrize("snr_db", [15, 25])
    def test_both_find_the_same(self, library, snr_db):
        rng = np.random.default_rng(7)
        for _ in range(10):
            samples = _sequence(rng, rng.integers(50, 120), rng.integers(50, 120), snr_db=snr_db)
            state = ctypes.c_void_p(library.dtmf_rx_init(None, None, None))
            library.dtmf_rx(state, samples.ctypes.data_as(ctypes.c_void_p), len(samples))
            digits = ctypes.create_string_buffer(64)
            library.dtmf_rx_get(state, digits, 63)
            assert _found(samples) == digits.value.decode() == KEYS


@pytest.mark.wire
async def test_speech_presses_no_key():
    """Three minutes of the built-in voices; `./dev bench talkoff` listens for hours."""
    from bench.talkoff import talk_off

    heard_s, _, found = await talk_off(180, seed=3)
    assert heard_s >= 180 and found == ""
