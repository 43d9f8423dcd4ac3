"""Keys as tones in the audio (ITU-T Q.23), made and found (Q.24), for far ends that agreed on no telephone events.

Finding. Every 5 ms the last 20 ms are looked at through a Hann window, which keeps the two tones of a key out of each
other's way. Of each group of four the strongest tone is taken, its frequency read off what the spectrum shows on both sides
of it; a key is there where both are near enough to what they should be, neither is much stronger than the other, and hardly
any energy is elsewhere. How long it lasts is counted in blocks of 5 ms that are about as loud as the rest of it, since a
window says that too late. A key is told once it has lasted `BLOCKS_MIN`. Speech has tones too, but not two of them, of those
frequencies, alone and steady for so long.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from callwright.media import g711
from callwright.media.dtmf import KEY_FRAMES, KEYS
from callwright.media.frames import FRAME_BYTES, RATE_HZ

LOW_HZ = (697, 770, 852, 941)
HIGH_HZ = (1209, 1336, 1477, 1633)
_GRID = ("123A", "456B", "789C", "*0#D")
_OF_KEY = {key: (LOW_HZ[row], HIGH_HZ[column]) for row, keys in enumerate(_GRID) for column, key in enumerate(keys)}

LEVEL = 5_800
"Amplitude of each tone that we send: -12 dBm0."

BLOCK = 40
WINDOW = 160
BLOCKS_MIN = 7
"35 ms: 40 ms are a key, 23 ms are none."

HITS_MIN = 3
"Windows in which the key was seen."

GAP_BLOCKS = 8
"So many windows without the key are its end. A break of 10 ms, which Q.24 wants passed over, is seen in six; one of 30 ms in ten."

DETUNED_MAX = 0.025
"Between what must be taken, 1.5 %, and what must not be, 3.5 %."

DETUNED_ONCE_MAX = 0.04
"In a single window."

TWIST_DB = (-9.5, 5.5)
"How much stronger the high tone may be: -8 to 4 dB must be taken."

PURE_MIN = 0.8
"Share of the energy that is the two tones'; noise 12 dB below leaves them 0.94."

STEADY_MIN = 0.5
"A block that is less loud than this share of the key's blocks is not part of it."

AMPLITUDE_MIN = 150.0
"Of either tone: -47 dBFS."

LIKELY = 0.5
"Share of the energy at the very frequencies below which a window is not looked at more closely."

_ASIDE = 0.02
"How far from its frequency, as a share of it, a tone is looked at on both sides."

_OFF = np.linspace(-DETUNED_ONCE_MAX, DETUNED_ONCE_MAX, 81)
"Detunings, as shares, for which it is worked out what the sides then show."

_LITTLE = 1e-6
"Where there is nothing there is no logarithm."

Floats = NDArray[np.float64]
_NOT_OFF = np.zeros(2)
_HANN = np.hanning(WINDOW + 1)[:WINDOW]
_SQUARES = _HANN**2
_ENERGY = float(_SQUARES.sum()) / 2
"Of a windowed tone of amplitude 1."


def _waves(aside: float) -> Floats:
    """Windowed waves beside the eight frequencies: (WINDOW, 16), cosines and sines."""
    hertz = np.array(LOW_HZ + HIGH_HZ) * (1 + aside)
    phases = 2 * np.pi * np.arange(WINDOW)[:, None] * hertz[None, :] / RATE_HZ
    waves: Floats = np.concatenate([np.cos(phases), np.sin(phases)], axis=1) * _HANN[:, None] * 2 / _HANN.sum()
    return waves


_AT, _BELOW, _ABOVE = _waves(0), _waves(-_ASIDE), _waves(_ASIDE)


def _lobes() -> tuple[Floats, Floats]:
    """For each of the eight tones, detuned by each of `_OFF`: the logarithm of what is above it over what is below, which
    rises with the detuning, and the power at its proper place."""
    ratios, shares = [], []
    for number, hertz in enumerate(LOW_HZ + HIGH_HZ):
        phases = 2 * np.pi * np.arange(WINDOW)[None, :] * hertz * (1 + _OFF[:, None]) / RATE_HZ
        at, below, above = (
            (np.exp(1j * phases) @ (waves[:, number] - 1j * waves[:, 8 + number])) for waves in (_AT, _BELOW, _ABOVE)
        )
        ratios.append(np.log(np.abs(above) / np.abs(below)))
        shares.append(np.abs(at / 2) ** 2)
    return np.array(ratios), np.array(shares)


_RATIOS, _SHARES = _lobes()
_PLACES = np.arange(WINDOW)[None, :] + BLOCK * np.arange(4)[:, None]
"Of the samples of four windows that follow each other."


class ToneKeys:
    """Finds keys in one stream of µ-law."""

    __slots__ = ("_blocks", "_detuned", "_hits", "_key", "_loud", "_misses", "_past", "_told")

    def __init__(self) -> None:
        self._past: Floats = np.zeros(WINDOW - BLOCK)
        "What came before, and what is no whole block yet."

        self._forget()

    def _forget(self) -> None:
        self._key = ""
        self._blocks = self._hits = self._misses = 0
        self._detuned = np.zeros(2)
        self._loud = 0.0
        "Energy of the key's blocks, on average."

        self._told = False

    def hear(self, ulaw: bytes) -> str:
        """The keys that were found in this audio; nearly always none."""
        samples = np.concatenate([self._past, g711.decode(ulaw)])
        count = max(0, (len(samples) - WINDOW) // BLOCK + 1)
        self._past = samples[count * BLOCK :]
        found = ""
        for first in range(0, count, len(_PLACES)):
            some = samples[first * BLOCK : (min(count, first + len(_PLACES)) + 3) * BLOCK]
            found += self._windows(some)
        return found

    def _windows(self, samples: Floats) -> str:
        """Look at up to four windows."""
        windows = samples[_PLACES[: len(samples) // BLOCK - 3]]
        totals = (windows * windows) @ _SQUARES
        if not self._key and totals.max() < AMPLITUDE_MIN**2 * _ENERGY:
            return ""
        powers = _powers(windows, _AT).reshape(-1, 2, 4)
        likely = powers.max(axis=2).sum(axis=1) * _ENERGY > LIKELY * totals
        if not likely.any():
            return self._nothing(len(windows))
        energies = (samples.reshape(-1, BLOCK) ** 2).sum(axis=1)
        found = ""
        for number in range(len(windows)):
            key, detuned = _seen(windows[number], powers[number], totals[number]) if likely[number] else ("", _NOT_OFF)
            found += self._block(key, detuned, energies[number : number + 4])
        return found

    def _nothing(self, windows: int) -> str:
        """No key in so many windows."""
        if self._key:
            self._misses += windows
            if self._misses >= GAP_BLOCKS:
                self._forget()
        return ""

    def _block(self, key: str, detuned: Floats, energies: Floats) -> str:
        """Take in what the window says of which `energies` are the four blocks. The key, where it is news."""
        newest = float(energies[-1])
        if key and key != self._key:
            self._forget()
            self._key = key
            self._loud = float(energies.max())
            self._blocks = int((energies[:-1] >= STEADY_MIN * self._loud).sum())
        if not self._key:
            return ""
        if key and newest >= STEADY_MIN * self._loud:
            self._misses = 0
            self._blocks += 1
            self._hits += 1
            self._detuned += detuned
            self._loud += (newest - self._loud) / min(self._hits, 8)
        else:
            return self._nothing(1)
        if self._told or self._blocks < BLOCKS_MIN or self._hits < HITS_MIN:
            return ""
        if np.abs(self._detuned / self._hits).max() > DETUNED_MAX:
            return ""
        self._told = True
        return self._key


def _powers(windows: Floats, waves: Floats) -> Floats:
    """Squares of the amplitudes at the eight frequencies."""
    parts = windows @ waves
    parts *= parts
    powers: Floats = parts[..., :8] + parts[..., 8:]
    return powers


def _seen(window: Floats, powers: Floats, total: float) -> tuple[str, Floats]:
    """The key in one window, or an empty string, and by how much its tones are off, as shares of their frequency."""
    row, column = int(powers[0].argmax()), int(powers[1].argmax())
    tones = np.array([row, 4 + column])
    below, above = (_powers(window, waves)[tones] + _LITTLE for waves in (_BELOW, _ABOVE))
    ratios = np.log(above / below) / 2
    detuned = np.array([np.interp(ratio, _RATIOS[tone], _OFF) for ratio, tone in zip(ratios, tones, strict=True)])
    low, high = (
        powers.reshape(8)[tone] / np.interp(off, _OFF, _SHARES[tone]) for off, tone in zip(detuned, tones, strict=True)
    )
    is_key = (
        min(low, high) >= AMPLITUDE_MIN**2
        and (low + high) * _ENERGY >= PURE_MIN * total
        and TWIST_DB[0] <= 10 * np.log10(high / low) <= TWIST_DB[1]
        and np.abs(detuned).max() < DETUNED_ONCE_MAX
    )
    return _GRID[row][column] if is_key else "", detuned


def tones(key: str, samples: int) -> NDArray[np.int16]:
    """Both tones of a key, as they are sent."""
    at = np.arange(samples) / RATE_HZ
    both = sum(LEVEL * np.sin(2 * np.pi * hertz * at) for hertz in _OF_KEY[key])
    return np.rint(both).astype(np.int16)


@lru_cache(maxsize=len(KEYS))
def key_frames(event: int) -> tuple[bytes, ...]:
    """A key by its code in RFC 4733, as 20 ms frames of µ-law: 160 ms."""
    ulaw = g711.encode(tones(KEYS[event], KEY_FRAMES * FRAME_BYTES))
    return tuple(ulaw[at : at + FRAME_BYTES] for at in range(0, len(ulaw), FRAME_BYTES))
