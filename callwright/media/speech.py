"""Is the far end speaking? By the loudness of µ-law frames.

The code of a µ-law byte is nearly the logarithm of its sample's size, so the mean of the codes is a loudness that no
single click can raise, and it costs two C calls per frame. A frame is *loud* where it lies clearly above the
quietest that the line has lately been. Loud frames fill a bucket and quiet ones empty it; a full bucket is the start
of speech, and speech ends after so much time without a loud frame: whether quiet frames came or, from a phone that
sends nothing while nobody speaks, none at all."""

from callwright.media.frames import RATE_HZ

ONSET_SAMPLES = RATE_HZ // 5
"Speech of 200 ms, less what it pauses, is told."

_LEVELS = bytes(~code & 0x7F for code in range(256))
"Loudness of a µ-law code: 0 (silence) to 127."

_LEVEL_MIN = 16
"Below about -50 dBFS nothing is speech, however quiet the line."

_ABOVE_FLOOR = 12
"How far speech stands out of the line's noise: about 5 dB."

_FLOOR_RISE = 0.1
"Per 20 ms: a line that became noisier is believed within some seconds."


class SpeechDetector:
    """`hear` each packet and `quiet` now and then; both say True for a start, False for an end, None for no change."""

    __slots__ = ("_bucket", "_floor", "_loud_at", "_silence", "speaking")

    def __init__(self, silence_s: float) -> None:
        self.speaking = False
        self._silence = int(silence_s * RATE_HZ)
        self._floor = float(_LEVEL_MIN)
        self._bucket = 0
        self._loud_at = 0

    def hear(self, ulaw: bytes, clock: int) -> bool | None:
        """Take in a packet's audio that arrived at `clock`, in samples."""
        samples = len(ulaw)
        if not samples:
            return None
        level = sum(ulaw.translate(_LEVELS)) / samples
        loud = level >= max(_LEVEL_MIN, self._floor + _ABOVE_FLOOR)
        self._floor = min(level, self._floor + _FLOOR_RISE)
        if not loud:
            self._bucket = max(0, self._bucket - samples)
            return self.quiet(clock)
        self._loud_at = clock
        self._bucket = min(ONSET_SAMPLES, self._bucket + samples)
        if self.speaking or self._bucket < ONSET_SAMPLES:
            return None
        self.speaking = True
        return True

    def quiet(self, clock: int) -> bool | None:
        """Has speech ended by now?"""
        if not self.speaking or clock - self._loud_at < self._silence:
            return None
        self.speaking = False
        self._bucket = 0
        return False
