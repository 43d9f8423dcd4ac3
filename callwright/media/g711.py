"""G.711 (ITU-T G.711) between bytes and 16-bit samples, by table: µ-law both ways, A-law as it is read."""

import numpy as np
from numpy.typing import NDArray

SILENCE_BYTE = 0xFF
"The µ-law code of sample 0."

Samples = NDArray[np.int16]

_BIAS = 33
_BIASED_MAX = 0x1FFF
"Largest magnitude in 14 bits, the bias included."


def _decode_table() -> Samples:
    codes = ~np.arange(256, dtype=np.int32) & 0xFF
    magnitudes = ((((codes & 0x0F) << 1) + _BIAS) << ((codes >> 4) & 0x07)) - _BIAS
    return np.where(codes & 0x80, -magnitudes * 4, magnitudes * 4).astype(np.int16)


def _encode_table() -> NDArray[np.uint8]:
    """The code of each sample, at the sample's value as an unsigned 16-bit index."""
    samples = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32) >> 2
    biased = np.minimum(np.abs(samples) + _BIAS, _BIASED_MAX)
    segments = np.floor(np.log2(biased)).astype(np.int32) - 5
    codes = (segments << 4) | ((biased >> (segments + 1)) & 0x0F)
    table: NDArray[np.uint8] = (~np.where(samples < 0, codes | 0x80, codes) & 0xFF).astype(np.uint8)
    return table


def _alaw_table() -> Samples:
    codes = np.arange(256, dtype=np.int32) ^ 0x55
    segments, mantissas = (codes >> 4) & 0x07, (codes & 0x0F) << 4
    magnitudes = np.where(segments == 0, mantissas + 8, (mantissas + 0x108) << np.maximum(segments - 1, 0))
    return np.where(codes & 0x80, magnitudes, -magnitudes).astype(np.int16)


_DECODED = _decode_table()
_ALAW = _alaw_table()
_ENCODED = _encode_table()


def decode(ulaw: bytes) -> Samples:
    """µ-law bytes as 16-bit samples."""
    return _DECODED[np.frombuffer(ulaw, np.uint8)]


def decode_alaw(alaw: bytes) -> Samples:
    """A-law bytes as 16-bit samples."""
    return _ALAW[np.frombuffer(alaw, np.uint8)]


def encode(samples: Samples) -> bytes:
    """16-bit samples as µ-law bytes."""
    return _ENCODED[np.ascontiguousarray(samples, np.int16).view(np.uint16)].tobytes()
