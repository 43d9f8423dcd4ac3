"""What the far end says, from a little before its first sound to the silence after its last: found, and kept for a recogniser.

Frames of 20 ms are voice or not by WebRTC's detector, and by two more things that it cannot know. A frame must be louder than a
quiet line's hiss. And while we play something, our own voice comes back from telephones and two-wire lines some
ten decibels quieter: a frame counts only if it is louder than that would be (Geigel's rule of echo cancellers). Enough
voice within a short window is the onset; the utterance ends after so much time without voice, be it heard as quiet frames or
not at all, as from a phone that sends nothing while nobody speaks."""

from collections import deque
from dataclasses import dataclass

import webrtcvad

from callwright.media import g711
from callwright.media.frames import FRAME_BYTES, RATE_HZ, SILENCE_FRAME

AGGRESSIVENESS = 3
"Of WebRTC's detector, 0 to 3."

ONSET_FRAMES = 6
ONSET_WINDOW = 10
"So many frames of voice in so many are the onset: 120 ms in 200."

BEFORE_FRAMES = 15
"Kept from before the onset's window: 300 ms, for soft first sounds."

AFTER_FRAMES = 15
"Kept of the silence at the end."

UTTERANCE_BYTES_MAX = 30 * RATE_HZ
"What is longer is cut off and given as it is: 30 s."

ECHO_LEVELS = 36
"How much louder than our own voice coming back: 36 codes, 13 dB below what we play, is still its echo."

ECHO_FRAMES = 20
"An echo comes within 400 ms."

ABOVE_FLOOR = 8
"How far voice stands out of the line's noise: 3 dB."

FLOOR_RISE = 0.1
"In a frame: a line that became noisier is believed within some seconds."

LEVEL_MIN = 20
"Below about -48 dBFS nothing is voice."

GAP_FRAMES_MAX = 50
"Silence that is put in for what was not sent, or lost: 1 s."

_LEVELS = bytes(~code & 0x7F for code in range(256))
"Loudness of a µ-law code: 0 (silence) to 127, 16 for each 6 dB."


def loudness(ulaw: bytes) -> float:
    """Mean of the codes' loudness: nearly logarithmic, and no single click can raise it."""
    return sum(ulaw.translate(_LEVELS)) / len(ulaw)


@dataclass(frozen=True, slots=True)
class Utterance:
    """What was said."""

    audio: bytes
    "µ-law."

    too_long: bool = False


class UtteranceDetector:
    """Finds one utterance. `hear` each packet, `sent` what is played meanwhile, `quiet` now and then."""

    __slots__ = (
        "_audio", "_before", "_due", "_floor", "_partial", "_sent", "_sent_at", "_silence", "_vad", "_voice_at",
        "_voice_end", "_voiced", "over",
    )  # fmt: skip

    def __init__(self, silence_s: float) -> None:
        self._vad = webrtcvad.Vad(AGGRESSIVENESS)
        self._silence = int(silence_s * RATE_HZ)
        self._before: deque[bytes] = deque(maxlen=BEFORE_FRAMES + ONSET_WINDOW)
        self._voiced: deque[bool] = deque(maxlen=ONSET_WINDOW)
        self._audio: bytearray | None = None
        "From the onset on."

        self._partial = b""
        self._due: int | None = None
        "RTP timestamp of what comes next."

        self._sent: deque[float] = deque(maxlen=ECHO_FRAMES)
        self._sent_at = -RATE_HZ
        self._floor = float(len(_LEVELS))
        self._voice_at = 0
        self._voice_end = 0
        "Of the kept audio, behind the last voice."

        self.over = False
        "The utterance has ended; nothing more is found."

    def sent(self, frame: bytes, clock: int) -> None:
        """We play this."""
        self._sent.append(loudness(frame))
        self._sent_at = clock

    def hear(self, ulaw: bytes, timestamp: int, clock: int) -> bool | Utterance | None:
        """Take in a packet's audio: True for the onset, the utterance at its end, None for no change."""
        if self.over:
            return None
        missing = self._missing(timestamp, len(ulaw))
        if missing is None:
            return None
        audio = self._partial + missing + ulaw
        whole = len(audio) - len(audio) % FRAME_BYTES
        self._partial = audio[whole:]
        change: bool | Utterance | None = None
        for at in range(0, whole, FRAME_BYTES):
            change = self._frame(audio[at : at + FRAME_BYTES], clock) or change
        return change or self.quiet(clock)

    def quiet(self, clock: int) -> Utterance | None:
        """Has it ended by now?"""
        if self._audio is None or self.over or clock - self._voice_at < self._silence:
            return None
        return self._end(too_long=False)

    def _missing(self, timestamp: int, samples: int) -> bytes | None:
        """Silence for what did not come before this packet; None where the packet itself comes too late."""
        gap = 0 if self._due is None else ((timestamp - self._due + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)
        if -GAP_FRAMES_MAX * FRAME_BYTES < gap < 0:
            return None
        self._due = (timestamp + samples) & 0xFFFFFFFF
        if gap <= 0:
            # A jump far back is a far end that counts anew.
            return b""
        return SILENCE_FRAME * min(gap // FRAME_BYTES, GAP_FRAMES_MAX)

    def _frame(self, frame: bytes, clock: int) -> bool | Utterance | None:
        voiced = self._is_voice(frame, clock)
        begins = False
        if self._audio is None:
            self._before.append(frame)
            self._voiced.append(voiced)
            begins = sum(self._voiced) >= ONSET_FRAMES
            if not begins:
                return None
            self._audio = bytearray(b"".join(self._before))
        else:
            self._audio += frame
        if voiced:
            self._voice_at, self._voice_end = clock, len(self._audio)
        if len(self._audio) >= UTTERANCE_BYTES_MAX:
            return self._end(too_long=True)
        return True if begins else None

    def _is_voice(self, frame: bytes, clock: int) -> bool:
        level = loudness(frame)
        self._floor = min(level, self._floor + FLOOR_RISE)
        if level < max(LEVEL_MIN, self._floor + ABOVE_FLOOR):
            return False
        if clock - self._sent_at < ECHO_FRAMES * FRAME_BYTES and level < max(self._sent) - ECHO_LEVELS:
            return False
        return bool(self._vad.is_speech(g711.decode(frame).tobytes(), RATE_HZ))

    def _end(self, *, too_long: bool) -> Utterance:
        assert self._audio is not None
        self.over = True
        return Utterance(bytes(self._audio[: self._voice_end + AFTER_FRAMES * FRAME_BYTES]), too_long)
