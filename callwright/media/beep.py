"""Has the far end beeped? An answering machine does, when its greeting is over and it begins to record.

A beep is one tone of 400 to 2000 Hz that keeps to its frequency and its loudness for more than 120 ms, and then is over: a
tone that goes on for seconds is a fax machine's or the network's. It is looked for every 100 ms, in what the last seconds
brought.
"""

from callwright.media import g711, tone_detection
from callwright.media.frames import FRAME_BYTES, SILENCE_FRAME
from callwright.media.tone_detection import GAP_FRAMES, Heard

_BATCH_FRAMES = 5
_KEPT_FRAMES = 150
"3 s: more than the longest beep."

_QUIET = 5 * FRAME_BYTES
"A far end that has sent nothing for 100 ms is silent."


class BeepDetector:
    """`hear` each packet, `quiet` now and then; both say True when a beep is over."""

    __slots__ = ("_audio", "_before", "_due", "_heard", "_heard_at", "_told")

    def __init__(self) -> None:
        self._audio = bytearray()
        self._before = SILENCE_FRAME
        self._due: int | None = None
        "RTP timestamp of what comes next."

        self._heard: Heard = tone_detection.empty(0)
        self._heard_at: int | None = None
        self._told = 0
        "Up to this frame of what is kept everything has been told."

    def hear(self, ulaw: bytes, timestamp: int, clock: int) -> bool:
        """Take in a packet's audio."""
        self._heard_at = clock
        gap = 0 if self._due is None else (timestamp - self._due) & 0xFFFFFFFF
        if gap >= 1 << 31:
            return False  # it comes too late
        self._due = (timestamp + len(ulaw)) & 0xFFFFFFFF
        self._audio += SILENCE_FRAME * min(gap // FRAME_BYTES, _BATCH_FRAMES)
        self._audio += ulaw
        return self._look()

    def quiet(self, clock: int) -> bool:
        """Nothing may come any more that could say so."""
        if self._heard_at is None or clock - self._heard_at < _QUIET:
            return False
        self._heard_at = self._due = None
        self._audio += SILENCE_FRAME * _BATCH_FRAMES
        return self._look()

    def _look(self) -> bool:
        if len(self._audio) < _BATCH_FRAMES * FRAME_BYTES:
            return False
        whole = len(self._audio) // FRAME_BYTES * FRAME_BYTES
        audio = self._before + bytes(self._audio[:whole])
        self._before = audio[-FRAME_BYTES:]
        del self._audio[:whole]
        heard = tone_detection.joined(self._heard, tone_detection.hear(g711.decode(audio)))
        forgotten = max(len(heard.hz) - _KEPT_FRAMES, 0)
        self._heard = heard[forgotten:]
        self._told = max(self._told - forgotten, 0)
        over = len(self._heard.hz) - GAP_FRAMES - 1
        # What begins with what is kept may have begun long before.
        found = (beep for beep in tone_detection.beeps(self._heard) if beep.begin or not forgotten)
        ended = [beep.end for beep in found if self._told < beep.end <= over]
        self._told = max(ended, default=self._told)
        return bool(ended)
