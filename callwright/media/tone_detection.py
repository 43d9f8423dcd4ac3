"""Tones on a line, found by spectrum: of each 20 ms how loud it is, and whether it is a tone.

A frame is looked at together with the one before it, 40 ms under a Hann window: a tone fills 100 Hz around it, and what
follows a tone is told from it within a frame. Power is counted in a telephone's band only, so mains hum is no sound. A
batch of frames costs little more than one: callers collect some and ask for all at once.

A frame is a tone where most of its power lies around a single frequency, and a *tone* of a line is a run of such frames that
keep to their frequency. Vowels do not: their power is spread over many harmonics, and these move. The tones by which a
network tells how a call goes on are two at once, too near each other to be told apart so soon; all of them lie between
300 and 660 Hz, and are as loud at their end as at their beginning.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from callwright.media.frames import FRAME_BYTES, RATE_HZ
from callwright.media.g711 import Samples

FRAME_S = FRAME_BYTES / RATE_HZ
WINDOW = 2 * FRAME_BYTES
WINDOW_SHAPE = np.hanning(WINDOW + 1)[:-1].astype(np.float32)
_HZ = RATE_HZ / WINDOW
"Between two points of the transform: 25 Hz. A tone's peak is interpolated to some 2 Hz."

FIRST, LAST = round(200 / _HZ), round(3400 / _HZ)
"The telephone's band, in points."

POINTS = LAST - FIRST + 1

_LOBE = np.arange(-2, 3)
"The points that a tone fills under the window."

_SCALE: np.float32 = np.float32(2 / (WINDOW * float((WINDOW_SHAPE**2).sum()) * 32768.0**2))
_NOTHING = np.float32(1e-12)
"Power of silence: -120 dB."


def _points(low_hz: float, high_hz: float) -> slice:
    return slice(round(low_hz / _HZ) - FIRST, round(high_hz / _HZ) - FIRST + 1)


_V21, _V21_LOWER, _V21_UPPER = _points(1575, 1925), _points(1575, 1725), _points(1800, 1925)
_PROGRESS = _points(300, 675)

TONE = 0.7
"Share of a frame's power around one frequency that makes it a tone: noise 6 dB below it is not minded."

DRIFT_HZ = 12.0
"A tone keeps to its frequency so well, from frame to frame and in all."

GAP_FRAMES = 3
"A tone that is back so soon was only disturbed: a lost packet, a turn of phase."

STEADY_DB = 2.5
"From frame to frame, a network's tone keeps to its loudness so well."


BEEP_S, BEEP_S_MAX = 0.12, 2.5
BEEP_HZ = (400, 2000)
BEEP_LEVEL_DB = -50.0
BEEP_SHARE = 0.88
"Two tones at once, as of a key, leave less to the stronger one up to a twist of 8 dB; noise 10 dB below a beep leaves more."

BEEP_DB = 3.0
"A beep keeps to its loudness so well. A vowel, however drawn out, swells and fades."


@dataclass(frozen=True, slots=True)
class Heard:
    """Frames of 20 ms: an array of each figure, all as long."""

    level_db: NDArray[np.float32]
    "Power in the telephone's band; 0 is a square wave at full scale, a sine there is -3."

    hz: NDArray[np.float32]
    "Frequency of the strongest tone."

    share: NDArray[np.float32]
    "Of the power, around it."

    progress: NDArray[np.float32]
    "Of the power, where the tones of call progress are: ringing, busy, dial."

    v21: NDArray[np.bool_]
    "Both frequencies of a fax machine's slow modem are there, and little else (ITU-T V.21 channel 2: 1650 and 1850 Hz)."

    def __getitem__(self, part: slice) -> "Heard":
        return Heard(self.level_db[part], self.hz[part], self.share[part], self.progress[part], self.v21[part])


FIGURES = ("level_db", "hz", "share", "progress", "v21")


@dataclass(frozen=True, slots=True)
class Tone:
    """A tone that the line kept to: frames `begin` to `end`."""

    hz: float
    begin: int
    end: int

    @property
    def seconds(self) -> float:
        return (self.end - self.begin) * FRAME_S


def empty(frames: int) -> Heard:
    """So many frames of silence, to be filled."""
    hz, share, progress = (np.zeros(frames, np.float32) for _ in range(3))
    return Heard(np.full(frames, -120, np.float32), hz, share, progress, np.zeros(frames, np.bool_))


def joined(before: Heard, after: Heard) -> Heard:
    """One after the other."""
    return Heard(*(np.concatenate((getattr(before, name), getattr(after, name))) for name in FIGURES))


def spectrum(samples: Samples | NDArray[np.float32]) -> NDArray[np.float32]:
    """Power at every 25 Hz of the band, of each whole frame of `samples` but the first, which is there for the second's sake."""
    whole = samples.astype(np.float32, copy=False).reshape(-1, FRAME_BYTES)
    points = np.fft.rfft(np.concatenate((whole[:-1], whole[1:]), axis=1) * WINDOW_SHAPE)[:, FIRST : LAST + 1]
    return ((points.real**2 + points.imag**2) * _SCALE).astype(np.float32, copy=False)


def hear(samples: Samples) -> Heard:
    """Each whole frame of `samples` but the first."""
    return of(spectrum(samples))


def of(power: NDArray[np.float32]) -> Heard:
    """What a spectrum tells."""
    total = power.sum(axis=1) + _NOTHING
    lower, upper = (power[:, points].sum(axis=1) / total for points in (_V21_LOWER, _V21_UPPER))
    v21 = (power[:, _V21].sum(axis=1) >= 0.85 * total) & (lower >= 0.1) & (upper >= 0.03)
    hz, around = _strongest(power)
    return Heard(10 * np.log10(total), hz, around / total, power[:, _PROGRESS].sum(axis=1) / total, v21)


def tones(heard: Heard, least_s: float) -> list[Tone]:
    """The tones that lasted at least so long, in order; one that goes on ends with the last frame."""
    is_tone = heard.share >= TONE
    if not is_tone.any():
        return []
    # A run ends where a frame is no tone, or is another one.
    keeps = np.zeros(len(is_tone) + 1, np.bool_)
    keeps[1:-1] = is_tone[1:] & is_tone[:-1] & (np.abs(heard.hz[1:] - heard.hz[:-1]) <= DRIFT_HZ)
    begins = np.flatnonzero(is_tone & ~keeps[:-1])
    ends = np.flatnonzero(is_tone & ~keeps[1:]) + 1
    found: list[Tone] = []
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        hz = heard.hz[begin:end]
        middle = float(np.median(hz)) if end - begin > 2 else float(hz[-1])
        # A slide is no tone, though each step of it is small. At its edges a tone may seem to be another.
        if end - begin < 2 or np.abs(hz[1:-1] - middle).max(initial=0) > DRIFT_HZ:
            continue
        before = found[-1] if found else None
        if before is not None and begin - before.end <= GAP_FRAMES and abs(before.hz - middle) <= DRIFT_HZ:
            found[-1] = Tone(before.hz, before.begin, end)
        else:
            found.append(Tone(middle, begin, end))
    return [tone for tone in found if tone.seconds >= least_s]


def beeps(heard: Heard, share: float = BEEP_SHARE) -> list[Tone]:
    """The tones that are beeps, unless they go on: loud enough, neither low nor high, as loud at their end as before, and with
    so much of the power."""
    found = []
    for tone in tones(heard, 0.0):
        if BEEP_S < tone.seconds <= BEEP_S_MAX and BEEP_HZ[0] <= tone.hz <= BEEP_HZ[1]:
            levels = heard.level_db[tone.begin + 1 : tone.end - 1]
            loudest = float(levels.max())
            steady = np.count_nonzero(levels >= loudest - BEEP_DB)
            clean = float(np.median(heard.share[tone.begin : tone.end]))
            # Lost packets take a few frames out of it.
            if loudest >= BEEP_LEVEL_DB and steady >= 0.7 * len(levels) and clean >= share:
                found.append(tone)
    return found


def _strongest(power: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Of each row the strongest tone: its frequency and its power."""
    last = power.shape[1] - 1
    peak = power.argmax(axis=1)
    rows = np.arange(0, power.size, last + 1)
    points = peak[:, None] + _LOBE
    within = np.minimum(np.maximum(points, 0), last)
    # What would lie outside of the band counts as nothing.
    found = power.ravel()[rows[:, None] + within] * (points == within)
    # The peak between the points: a parabola through the logarithms.
    below, middle, above = np.log(found[:, 1:4].T + _NOTHING)
    offset = 0.5 * (below - above) / np.minimum(below - 2 * middle + above, np.float32(-1e-3))
    return (peak + FIRST + offset) * np.float32(_HZ), found.sum(axis=1)
