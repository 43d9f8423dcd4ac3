"""Is a sound somebody's voice? A voice has a pitch, and its pitch moves.

Of each frame of 20 ms, from its spectrum: how much like itself the sound is one period later (the autocorrelation, at the lag of
a pitch of 70 to 400 Hz), which is near 1 for a voice, and near 0 for hiss, clicks, wind and rustling. A sound of a higher pitch (a
siren, a bark, a flute) repeats itself there too, but sooner as well. And how much the spectrum is that of 100 or 180 ms before: the
note of an instrument, a tone, the hum of a machine keep theirs, while the harmonics of somebody who speaks have moved by more
than their width by then, and the mouth has another shape.
"""

import numpy as np
from numpy.typing import NDArray

from callwright.media.frames import RATE_HZ
from callwright.media.tone_detection import FIRST, POINTS, WINDOW, WINDOW_SHAPE

_SHORTLY, HELD_FRAMES = 5, 9
"Before which the spectrum is compared: 100 ms, and 180 ms, by which time a vibrato of five times a second has come back."

_HIGH, _SHORTEST, _LONGEST = RATE_HZ // 880, RATE_HZ // 400, RATE_HZ // 70
"""Samples of a period: of a pitch too high for a voice, up to 880 Hz, and of a voice's. What is higher yet has two or three
periods in as many."""

_AS_WELL = 0.95
"""Of how much a sound repeats itself at the period of a voice: what does it sooner has a higher pitch. A strong second harmonic
alone does not reach it."""

_LOW = round(1000 / (RATE_HZ / WINDOW)) - FIRST
_LOW_SHARE = 0.1
"A voice has at least so much of its power below 1000 Hz, where its first formant is; a bell has not."

_LAGS = np.fft.irfft(np.abs(np.fft.rfft(WINDOW_SHAPE.astype(np.float64), 2 * WINDOW)) ** 2)[:WINDOW]
_FADE = (_LAGS + np.concatenate(([0.0], _LAGS[:0:-1]))) / _LAGS[0]
"The window's own: what a sound that repeats itself for ever has left of it at a lag, the transform being circular."

_CURVE = 4
"Points of the spectrum on each side: what is flat over 225 Hz is no partial."

_CURVE_BEGINS = np.maximum(np.arange(POINTS) - _CURVE, 0)
_CURVE_ENDS = np.minimum(np.arange(POINTS) + _CURVE + 1, POINTS)
_CURVE_WEIGHTS = (1 / (_CURVE_ENDS - _CURVE_BEGINS)).astype(np.float32)

_SAME_PARTIALS, _SAME_CURVE = 0.45, 0.9
"""Correlations. Who speaks on one note keeps the partials, but not the curve, which is the mouth's; rumble keeps the curve,
but has no partials."""

_UNDER = np.float32(1e-3)
"What is 30 dB below the strongest point of a frame is as good as nothing."


def pitched(power: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of each row of a spectrum from `tone_detection.spectrum`, how well it repeats itself at the period of a voice: 0 to 1."""
    whole = np.zeros((len(power), WINDOW // 2 + 1), np.float32)
    whole[:, FIRST : FIRST + power.shape[1]] = power
    alike = np.fft.irfft(whole)[:, : _LONGEST + 1]
    alike = alike[:, _HIGH:] / (_FADE[_HIGH : _LONGEST + 1] * (alike[:, :1] + 1e-12))
    voice = alike[:, _SHORTEST - _HIGH :].max(axis=1)
    high = alike[:, : _SHORTEST - _HIGH].max(axis=1) >= _AS_WELL * voice
    high |= power[:, :_LOW].sum(axis=1) < _LOW_SHARE * power.sum(axis=1)
    return np.where(high, 0, np.minimum(voice, 1)).astype(np.float32)


def held(power: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Whether each row is what was heard a tenth of a second before, or a fifth: its partials, and the curve on which they lie."""
    least = _UNDER * power.max(axis=1, keepdims=True) + np.float32(1e-12)
    shape = np.log(power + least)
    sums = np.zeros((len(shape), shape.shape[1] + 1), np.float32)
    np.cumsum(shape, axis=1, out=sums[:, 1:])
    curve = (sums[:, _CURVE_ENDS] - sums[:, _CURVE_BEGINS]) * _CURVE_WEIGHTS
    partials = _of_one_length(shape - curve)
    curve = _of_one_length(curve - curve.mean(axis=1, keepdims=True))
    alike = np.zeros(len(power), np.bool_)
    for frames in (_SHORTLY, HELD_FRAMES):
        for_both = (
            np.einsum("ij,ij->i", rows[frames:], rows[:-frames]) >= least_alike
            for rows, least_alike in ((partials, _SAME_PARTIALS), (curve, _SAME_CURVE))
        )
        alike[frames:] |= np.logical_and(*for_both)
    return alike


def _of_one_length(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths: NDArray[np.float32] = np.sqrt(np.einsum("ij,ij->i", rows, rows)) + np.float32(1e-6)
    return rows / lengths[:, None]
