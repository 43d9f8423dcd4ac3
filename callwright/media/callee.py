"""Who has answered: a person, an answering machine, or a fax machine? From the first seconds of what an answered line sounds like.

The audio is put where its RTP timestamps say, into a buffer as long as the whole decision takes; so packets may be lost, or come
out of order. A few times all of it is looked at again, as `callee_rules` has it: what is loud is known better the more was heard of
the line. Our own prompt that comes back is taken away before (see `echo`).

The result is told once and then stays. At the end of the time something is said in any case: `unknown` where nothing
fits, such as a callee who is silent.
"""

import numpy as np
from numpy.typing import NDArray

from callwright.media import echo, g711, tone_detection, voicing
from callwright.media.callee_rules import RULES, Callee, Line, Rules, judge
from callwright.media.frames import FRAME_BYTES, RATE_HZ
from callwright.media.tone_detection import Heard

_LOOK = RATE_HZ * 4 // 5
"Samples between two looks: 800 ms. Each costs about the same, however much is new."

_ECHO_LOOKS = 2
"An echo is looked for at every second look."

_JUMP = RATE_HZ // 2
"RTP timestamps that go another way than the clock by so much have begun anew: half a second."


class CalleeDetector:
    """Finds out once. `hear` each packet, `sent` what is played meanwhile, and `look` now and then: it says when it knows."""

    __slots__ = (
        "_analysed", "_began", "_came", "_echo", "_echo_db", "_heard", "_held", "_looked", "_looks", "_offset", "_pitched",
        "_playing", "_received", "_rules", "_sent",
    )  # fmt: skip

    def __init__(self, clock: int, rules: Rules = RULES) -> None:
        """`clock`: when the callee answered, in samples."""
        samples = round(rules.within_s * RATE_HZ) // FRAME_BYTES * FRAME_BYTES
        self._rules = rules
        self._began = clock
        self._offset: int | None = None
        "From an RTP timestamp to its place in the buffer."

        silence = bytes([g711.SILENCE_BYTE])
        self._received = bytearray(silence * samples)
        self._sent = bytearray(silence * samples)
        self._came = bytearray(samples // FRAME_BYTES)
        "Of each frame, whether anything was received."

        self._heard: Heard = tone_detection.empty(samples // FRAME_BYTES)
        self._pitched = np.zeros(samples // FRAME_BYTES, np.float32)
        self._held = np.zeros(samples // FRAME_BYTES, np.bool_)
        self._analysed = 0
        "Frames."

        self._looked = self._looks = 0
        self._playing = False
        self._echo: echo.Echo | None = None
        self._echo_db = np.zeros(samples // FRAME_BYTES, np.float32)

    def hear(self, ulaw: bytes | memoryview, timestamp: int, clock: int) -> None:
        """Take in a packet's audio."""
        now = clock - self._began
        if self._offset is None or abs(_signed(timestamp + self._offset - now)) > _JUMP:
            self._offset = now - timestamp
        at = now + _signed(timestamp + self._offset - now)
        end = min(at + len(ulaw), len(self._received))
        if 0 <= at < end:
            self._received[at:end] = ulaw[: end - at]
            for frame in range(at // FRAME_BYTES, -(-end // FRAME_BYTES)):
                self._came[frame] = 1

    def sent(self, frame: bytes, clock: int) -> None:
        """We play this."""
        at = clock - self._began
        if 0 <= at <= len(self._sent) - len(frame):
            self._sent[at : at + len(frame)] = frame
            self._playing = True

    def look(self, clock: int) -> Callee | None:
        """Who it is, once that is known; nothing is to be asked of this detector after that."""
        now = clock - self._began
        over = now >= len(self._received)
        if now - self._looked < _LOOK and not over:
            return None
        self._looked = now
        # The newest packets may be still under way, or out of order: what is less than two frames old waits.
        until = len(self._came) if over else min(now // FRAME_BYTES - 2, len(self._came))
        self._looks += 1
        if self._playing and (over or self._looks % _ECHO_LOOKS == 0):
            self._find_echo(until)
        if until > self._analysed:
            self._analyse(until)
        return judge(self._line(), self._rules, over=over)

    def _analyse(self, until: int) -> None:
        # A frame is looked at with the one before it, and compared with an earlier one.
        before = min(self._analysed, voicing.HELD_FRAMES)
        first = self._analysed - before
        samples = self._without_echo(max(first - 1, 0), until)
        if not first:
            samples = np.concatenate((np.zeros(FRAME_BYTES, np.float32), samples))
        power = tone_detection.spectrum(samples)
        new = tone_detection.of(power[before:])
        for name in tone_detection.FIGURES:
            getattr(self._heard, name)[self._analysed : until] = getattr(new, name)
        self._pitched[self._analysed : until] = voicing.pitched(power[before:])
        self._held[self._analysed : until] = voicing.held(power)[before:]
        self._analysed = until

    def _without_echo(self, first: int, until: int) -> NDArray[np.float32]:
        """What came in these frames, less what of it is our own."""
        received = g711.decode(bytes(self._received[first * FRAME_BYTES : until * FRAME_BYTES])).astype(np.float32)
        if self._echo is None:
            return received
        returned = self._echo.of(g711.decode(bytes(self._sent[: until * FRAME_BYTES])), first * FRAME_BYTES)
        self._echo_db[first:until] = echo.levels(returned)
        # Of what did not come there is nothing to be taken away.
        returned *= np.repeat(np.frombuffer(bytes(self._came[first:until]), np.uint8), FRAME_BYTES)
        return received - returned

    def _find_echo(self, until: int) -> None:
        """What was heard so far is looked at again without it."""
        samples = until * FRAME_BYTES
        found = echo.find(g711.decode(bytes(self._received[:samples])), g711.decode(bytes(self._sent[:samples])))
        if found is not None:
            self._echo, self._analysed = found, 0

    def _line(self) -> "Line":
        known = slice(self._analysed)
        came = np.frombuffer(bytes(self._came[known]), np.bool_)
        echo_db = self._echo_db[known] if self._echo is not None else None
        return Line(self._heard[known], came, self._pitched[known], self._held[known], echo_db)


def _signed(difference: int) -> int:
    """Of RTP timestamps, which count in 32 bits."""
    return ((difference + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)
