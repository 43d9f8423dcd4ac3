"""Our own prompt that comes back from the far end: where two wires become four, or from a loudspeaker to its microphone.

It is found by correlating what is received with what was sent, and then estimated as a short filter by least squares (Wiener): what
is received, less what that filter makes of what was sent, is what the far end says of itself. Whoever speaks meanwhile hardly
disturbs it, since two seconds tell only a few dozen numbers.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from callwright.media.frames import FRAME_BYTES, RATE_HZ
from callwright.media.g711 import Samples

HEARD_S, DELAY_S = 2.0, 0.5
"It is looked for in the last so many seconds, and comes within half of one."

_CORRELATION = 0.2
"Of what is received with what was sent, from which on it is an echo. Voices have less to do with each other."

_BEFORE, _AFTER = 8, 48
"Samples before and after the strongest part of the echo that are of it too: together 7 ms, as of a two-wire line."

_LOADING = 1e-3
"Of the power, added to the equations: a telephone's band leaves some of them empty."

LEFT_DB = -10.0
"What is taken away leaves so much of it, or less: codecs and loudspeakers are no filters."


@dataclass(frozen=True, slots=True)
class Echo:
    """How what we play comes back."""

    delay: int
    "Samples until the first of `response`."

    response: NDArray[np.float32]

    def of(self, sent: Samples, first: int) -> NDArray[np.float32]:
        """What comes back of this, from its sample `first` on."""
        begin, end = first - self.delay - len(self.response) + 1, len(sent) - self.delay
        heard = np.zeros(end - begin, np.float32)
        if end > 0:
            heard[max(-begin, 0) :] = sent[max(begin, 0) : end]
        returned: NDArray[np.float32] = np.convolve(heard, self.response, "valid")
        return returned


def levels(returned: NDArray[np.float32]) -> NDArray[np.float32]:
    """How loud it is, in dB, by frames; spread over two, as the levels of what is heard are."""
    frames = returned.reshape(-1, FRAME_BYTES) * np.float32(1 / 32768)
    power = np.einsum("ij,ij->i", frames, frames) / FRAME_BYTES
    power[1:] = np.maximum(power[1:], power[:-1])
    decibels: NDArray[np.float32] = 10 * np.log10(power + np.float32(1e-12))
    return decibels


def find(received: Samples, sent: Samples) -> Echo | None:
    """None where nothing comes back that matters."""
    size = min(int(HEARD_S * RATE_HZ), len(sent)) // 2 * 2
    here, there = (samples[len(samples) - size :].astype(np.float32) for samples in (received, sent))
    # At half the rate: a telephone's speech is mostly below 2 kHz.
    low, high = (samples.reshape(-1, 2).sum(axis=1) for samples in (here, there))
    power = float(low @ low) * float(high @ high)
    if not power:
        return None
    lags = min(int(DELAY_S * RATE_HZ / 2), size // 4)
    points = 1 << (size // 2 + lags - 1).bit_length()
    together = np.fft.irfft(np.fft.rfft(low, points) * np.fft.rfft(high, points).conj())[:lags]
    lag = int(np.abs(together).argmax())
    if abs(float(together[lag])) < _CORRELATION * power**0.5:
        return None
    delay = max(2 * lag - _BEFORE, 0)
    taps = _BEFORE + _AFTER
    if size <= delay + 2 * taps:
        return None
    with_itself = _lags(there, there, taps)
    with_it = _lags(here[delay:], there[: size - delay], taps)
    equations = with_itself[np.abs(np.subtract.outer(np.arange(taps), np.arange(taps)))]
    equations[np.diag_indices(taps)] += _LOADING * with_itself[0]
    return Echo(delay, np.linalg.solve(equations, with_it).astype(np.float32))


def _lags(late: NDArray[np.float32], early: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """How much the one is the other, 0 to `count` samples later."""
    return np.correlate(late, early[: len(early) - count + 1], "valid")
