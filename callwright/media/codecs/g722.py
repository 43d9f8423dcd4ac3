"""G.722 by the package of that name (libg722). It is told to work at 8000 Hz: the lower of the two bands is all there is."""

from importlib import import_module

import numpy as np

from callwright.media import g711
from callwright.media.codec import Codec

_BITS_S = 64_000


class G722(Codec):
    """G.722 (RFC 3551 §4.5.2), whose RTP clock says 8000 Hz, though it is 16000."""

    name = "g722"
    encoding = "G722/8000"
    payload_type = 9
    place = 3
    package = "G722"
    extra = "g722"

    def __init__(self) -> None:
        library = import_module(self.package)
        self._encoder, self._decoder = (library.G722(8000, _BITS_S) for _ in range(2))

    def encode(self, ulaw: bytes) -> bytes:
        payload: bytes = self._encoder.encode(g711.decode(ulaw))
        return payload

    def decode(self, payload: bytes) -> bytes:
        return g711.encode(np.asarray(self._decoder.decode(payload), np.int16))
