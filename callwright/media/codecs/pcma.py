"""G.711 A-law, by two tables of 256 bytes."""

import numpy as np

from callwright.media import g711
from callwright.media.codec import Codec


def _tables() -> tuple[bytes, bytes]:
    """A-law to µ-law, and back: the nearest level of the same sign. Silence becomes the level next above it."""
    every = bytes(range(256))
    levels = g711.decode_alaw(every).astype(np.int32)
    wanted = g711.decode(every).astype(np.int32)
    signed = (levels[None, :] > 0) == (np.arange(256)[:, None] >= 0x80)
    distance = np.where(signed, np.abs(levels[None, :] - wanted[:, None]), 1 << 16)
    return g711.encode(levels.astype(np.int16)), distance.argmin(axis=1).astype(np.uint8).tobytes()


_TO_ULAW, _FROM_ULAW = _tables()


class Pcma(Codec):
    """G.711 A-law (RFC 3551 §4.5.14), which most of the world but North America and Japan speaks."""

    name = "pcma"
    encoding = "PCMA/8000"
    payload_type = 8
    place = 2

    def encode(self, ulaw: bytes) -> bytes:
        return ulaw.translate(_FROM_ULAW)

    def decode(self, payload: bytes) -> bytes:
        return payload.translate(_TO_ULAW)
