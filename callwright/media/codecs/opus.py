"""Opus by PyAV, which brings libopus. Our side is narrowband speech; what the far end sends may be more, and is made that."""

from fractions import Fraction
from importlib import import_module

import numpy as np

from callwright.media import g711
from callwright.media.codec import Codec
from callwright.media.frames import FRAME_BYTES, RATE_HZ

BITS_S = 24_000
COMPLEXITY = "5"
"Of 10: half the time of the most, for a difference that nobody hears at 8000 Hz."

DECODED_HZ = 48_000


class Opus(Codec):
    """Opus (RFC 7587), mono; 20 ms packets are sent, all others are understood."""

    name = "opus"
    encoding = "opus/48000/2"
    payload_type = 96
    parameters = "maxplaybackrate=8000;sprop-maxcapturerate=8000;maxaveragebitrate=24000"
    clock_ratio = 6
    joins = False
    place = 4
    package = "av"
    extra = "opus"

    def __init__(self) -> None:
        self._av = av = import_module(self.package)
        self._encoder = av.CodecContext.create("libopus", "w")
        self._encoder.sample_rate, self._encoder.layout, self._encoder.format = RATE_HZ, "mono", "s16"
        self._encoder.bit_rate, self._encoder.time_base = BITS_S, Fraction(1, RATE_HZ)
        self._encoder.options = {"application": "voip", "frame_duration": "20", "compression_level": COMPLEXITY}
        self._decoder = av.CodecContext.create("libopus", "r")
        self._decoder.sample_rate, self._decoder.layout = DECODED_HZ, "mono"
        self._resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE_HZ)
        self._position = 0
        self._begun = False

    def encode(self, ulaw: bytes) -> bytes:
        frame = self._av.AudioFrame.from_ndarray(g711.decode(ulaw)[None, :], format="s16", layout="mono")
        frame.sample_rate, frame.pts = RATE_HZ, self._position
        self._position += len(ulaw)
        return b"".join(bytes(packet) for packet in self._encoder.encode(frame))

    def decode(self, payload: bytes) -> bytes:
        if not payload:
            # PyAV takes it for the end of the stream.
            return b""
        try:
            decoded = self._decoder.decode(self._av.Packet(payload))
        except self._av.FFmpegError:
            return b""
        heard = b""
        for frame in decoded:
            frame.pts = None
            for ready in self._resampler.resample(frame):
                heard += g711.encode(ready.to_ndarray()[0].astype(np.int16))
        if heard and not self._begun:
            # The resampler keeps a little of the first packet: what it gives lies so much later.
            self._begun = True
            heard = bytes([g711.SILENCE_BYTE]) * (-len(heard) % FRAME_BYTES) + heard
        return heard
