"""G.711 µ-law: what the media plane works with."""

from callwright.media.codec import Codec


class Pcmu(Codec):
    """G.711 µ-law (RFC 3551 §4.5.14)."""

    name = "pcmu"
    encoding = "PCMU/8000"
    payload_type = 0
    place = 1

    def encode(self, ulaw: bytes) -> bytes:
        return ulaw

    def decode(self, payload: bytes) -> bytes:
        return payload
