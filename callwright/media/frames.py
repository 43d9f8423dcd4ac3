"""Audio as the media plane sends it: 20 ms frames of µ-law, prepared once and shared by all calls."""

import numpy as np
import soxr
from numpy.typing import NDArray

from callwright.media import g711

RATE_HZ = 8000
FRAME_BYTES = 160
"20 ms."

SILENCE_FRAME = bytes([g711.SILENCE_BYTE]) * FRAME_BYTES


def frames(ulaw: bytes) -> tuple[bytes, ...]:
    """`ulaw` in frames of 160 bytes, the last one filled up with silence."""
    if left_over := len(ulaw) % FRAME_BYTES:
        ulaw += SILENCE_FRAME[left_over:]
    return tuple(ulaw[at : at + FRAME_BYTES] for at in range(0, len(ulaw), FRAME_BYTES))


def ulaw_of_samples(samples: g711.Samples, rate_hz: int) -> bytes:
    """16-bit mono samples at any rate as µ-law, 8000 Hz."""
    return g711.encode(samples if rate_hz == RATE_HZ else resample(samples.astype(np.float32), rate_hz))


def resample(samples: NDArray[np.float32], rate_hz: int) -> g711.Samples:
    """Mono samples at any rate, in the range of 16 bits, at 8000 Hz."""
    if rate_hz != RATE_HZ:
        samples = soxr.resample(samples, rate_hz, RATE_HZ)
    return to_samples(samples)


def to_samples(samples: NDArray[np.float32]) -> g711.Samples:
    """Samples in the range of 16 bits, rounded; what is louder is cut off, and does not wrap."""
    return np.clip(np.rint(samples), -32768, 32767).astype(np.int16)
