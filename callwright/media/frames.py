"""Audio as the media plane sends it: 20 ms frames of µ-law, prepared once and shared by all calls."""

from collections.abc import Callable

import numpy as np
import soxr
from numpy.typing import NDArray

from callwright.base.errors import AuthorError
from callwright.media import g711, wav

RATE_HZ = 8000
FRAME_BYTES = 160
"20 ms."

SILENCE_FRAME = bytes([g711.SILENCE_BYTE]) * FRAME_BYTES


def frames(ulaw: bytes) -> tuple[bytes, ...]:
    """`ulaw` in frames of 160 bytes, the last one filled up with silence."""
    if left_over := len(ulaw) % FRAME_BYTES:
        ulaw += SILENCE_FRAME[left_over:]
    return tuple(ulaw[at : at + FRAME_BYTES] for at in range(0, len(ulaw), FRAME_BYTES))


def ulaw_of_wav(file: bytes) -> bytes:
    """A WAV file (PCM of 8 to 32 bits, A-law or µ-law; any rate; channels are mixed) as µ-law, 8000 Hz, mono.

    Raises `AuthorError` where it is something else.
    """
    wave = wav.parse(file)
    if (wave.format, wave.channels, wave.rate_hz) == (wav.ULAW, 1, RATE_HZ):
        return wave.data
    read = _READERS.get((wave.format, wave.bits))
    if read is None:
        raise AuthorError(f"a WAV file of format {wave.format} with {wave.bits} bits cannot be played; PCM can")
    usable = len(wave.data) - len(wave.data) % (wave.channels * wave.bits // 8)
    mixed = read(wave.data[:usable]).reshape(-1, wave.channels).mean(axis=1, dtype=np.float32)
    return g711.encode(resample(mixed, wave.rate_hz))


def ulaw_of_samples(samples: g711.Samples, rate_hz: int) -> bytes:
    """16-bit mono samples at any rate as µ-law, 8000 Hz."""
    return g711.encode(samples if rate_hz == RATE_HZ else resample(samples.astype(np.float32), rate_hz))


def resample(samples: NDArray[np.float32], rate_hz: int) -> g711.Samples:
    """Mono samples at any rate, in the range of 16 bits, at 8000 Hz."""
    if rate_hz != RATE_HZ:
        samples = soxr.resample(samples, rate_hz, RATE_HZ)
    return np.clip(np.rint(samples), -32768, 32767).astype(np.int16)


def _pcm8(data: bytes) -> NDArray[np.float32]:
    return (np.frombuffer(data, np.uint8).astype(np.float32) - 128) * 256


def _pcm16(data: bytes) -> NDArray[np.float32]:
    return np.frombuffer(data, "<i2").astype(np.float32)


def _pcm24(data: bytes) -> NDArray[np.float32]:
    triples = np.frombuffer(data, np.uint8).reshape(-1, 3)
    return (triples[:, 1:].copy().view("<i2")[:, 0].astype(np.float32) + triples[:, 0] / np.float32(256)).astype(
        np.float32
    )


def _pcm32(data: bytes) -> NDArray[np.float32]:
    return (np.frombuffer(data, "<i4") / 65536).astype(np.float32)


def _ulaw(data: bytes) -> NDArray[np.float32]:
    return g711.decode(data).astype(np.float32)


def _alaw(data: bytes) -> NDArray[np.float32]:
    codes = np.frombuffer(data, np.uint8).astype(np.int32) ^ 0x55
    segments, mantissas = (codes >> 4) & 0x07, (codes & 0x0F) << 4
    magnitudes = np.where(segments == 0, mantissas + 8, (mantissas + 0x108) << np.maximum(segments - 1, 0))
    return np.where(codes & 0x80, magnitudes, -magnitudes).astype(np.float32)


_READERS: dict[tuple[int, int], Callable[[bytes], NDArray[np.float32]]] = {
    (wav.PCM, 8): _pcm8,
    (wav.PCM, 16): _pcm16,
    (wav.PCM, 24): _pcm24,
    (wav.PCM, 32): _pcm32,
    (wav.ULAW, 8): _ulaw,
    (wav.ALAW, 8): _alaw,
}
