"""Tones that the platform makes itself: the beep, ringing, and music for those who wait. µ-law, 8000 Hz, mono."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from callwright.base.errors import ProviderError
from callwright.media import g711
from callwright.media.frames import RATE_HZ

PEAK = 0.25 * 32767
"-12 dBFS, well below speech."

_FADE_S = 0.01
"A tone that begins at once would click."

_NOTES_HZ = (262, 330, 392, 523, 392, 330, 294, 349, 440, 587, 440, 349)
_NOTE_S = 0.6


@lru_cache(maxsize=8)
def tone(name: str) -> bytes:
    """`beep`, `ringback` (2 s on, 4 s off, 440 and 480 Hz, ANSI T1.401), `hold` (a few soft chords, to be repeated) or `fax` (the
    answer tone of a fax machine, 3 s of 2100 Hz, ITU-T T.30).

    Raises `ProviderError` for any other name.
    """
    match name:
        case "beep":
            return _ulaw(_sound(0.25, 1000))
        case "fax":
            return _ulaw(_sound(3.0, 2100))
        case "ringback":
            return _ulaw(np.concatenate((_sound(2.0, 440, 480), np.zeros(4 * RATE_HZ, np.float64))))
        case "hold":
            return _ulaw(np.concatenate([_note(hz) for hz in _NOTES_HZ]))
    raise ProviderError(f"there is no tone {name!r}; there are beep, fax, hold and ringback")


def _sound(seconds: float, *frequencies_hz: float) -> NDArray[np.float64]:
    at = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    wave = sum(np.sin(2 * np.pi * hz * at) for hz in frequencies_hz) / len(frequencies_hz)
    fade = np.minimum(1, np.minimum(at, at[::-1]) / _FADE_S)
    faded: NDArray[np.float64] = wave * fade
    return faded


def _note(hz: float) -> NDArray[np.float64]:
    """A plucked string that dies away, with its fifth."""
    at = np.arange(int(_NOTE_S * RATE_HZ)) / RATE_HZ
    return _sound(_NOTE_S, hz, 1.5 * hz) * np.exp(-3 * at)


def _ulaw(wave: NDArray[np.float64]) -> bytes:
    return g711.encode((wave * PEAK).astype(np.int16))
