"""Who has answered: a person, an answering machine, or a fax machine? From the first seconds of what an answered line sounds like.

A person says a short word or two and waits to be answered. A machine talks on, or talks and beeps. So what is measured is
the *greeting*: from the first word to the first longer pause. One that is long is a machine's; one that is short and
followed by silence is a person's. Tones come first: those of a fax machine and of the network (ringing, busy, the three
tones before "the number you have dialled") are nobody's voice, and a beep is a machine's even where its greeting was short.

The audio is put where its RTP timestamps say, into a buffer as long as the whole decision takes; so packets may be lost, or come
out of order. A few times a second all of it is looked at again: what is loud is known better the more was heard of the
line. A frame is voice where it is clearly louder than the quietest that the line was, not much quieter than the loudest, and
louder than our own prompt comes back: whether and how it does is found by correlating what is received with what was sent.

The result is told once and then stays. At the end of the time something is said in any case: `unknown` where nothing
fits, such as a callee who is silent.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from callwright.base.callee_types import CalleeType
from callwright.media import g711, tone_detection
from callwright.media.frames import FRAME_BYTES, RATE_HZ
from callwright.media.tone_detection import FRAME_S, Heard, Tone


@dataclass(frozen=True, slots=True)
class Rules:
    """What tells one callee from another. Found on the half of `./dev bench callee` that is there for it."""

    within_s: float = 4.0
    "From the answer to the result."

    greeting_s: float = 2.4
    "A greeting of so long is a machine's."

    spoken_share: float = 0.5
    "So much of it is speech: who says hello, waits and says it again has said less."

    after_greeting_s: float = 1.4
    "A pause of so long ends the greeting."

    late_s: float = 2.6
    "Who begins to speak only so long after the answer is a machine: a person would have hung up, or said something."

    cut_off_s: float = 0.9
    "Who has been silent for less when the time is over may not have ended."

    cut_off_greeting_s: float = 0.9
    "Then a greeting that was so long by then is a machine's."

    cut_off_spoken_s: float = 1.8
    "So does one with so much speech in it, whether it has ended or not."

    word_s: float = 0.06
    "What is shorter is a click."

    above_floor_db: float = 9.0
    "How far voice stands out of the line's noise."

    below_peak_db: float = 16.0
    "How far below its loudest the voice of one speaker goes."

    level_min_db: float = -52.0
    "Below that nothing is voice (0 dB: a square wave at full scale)."


@dataclass(frozen=True, slots=True)
class Callee:
    """What was found, and in a few words why: for the log."""

    type: CalleeType
    cause: str


_LOOK = RATE_HZ * 2 // 5
"Samples between two looks: 400 ms. Each costs about the same, however much is new."

_BRIDGE_FRAMES = 5
"A gap of 100 ms inside a word is a stop consonant, or lost packets."

_SPURT_FRAMES = 4
"What is shorter is no word: 80 ms."

_CLICK_FRAMES = 2
"What is shorter is no sound of speech, and no bridge between two."

_ECHO_LOOKS = 2
"An echo is looked for at every second look."

_ECHO_S, _ECHO_DELAY_S = 2.0, 0.5
"In the last so many seconds; it comes within half of one."

_ECHO_CORRELATION = 0.2
"Of what is received with what was sent, from which on it is an echo. Voices have less to do with each other."

_ECHO_ABOVE_DB = 4.0
"By which a frame of echo is louder than the echo is on the whole."

_JUMP = RATE_HZ // 2
"RTP timestamps that go another way than the clock by so much have begun anew: half a second."

_STEPS = (1, 2, 4, 8, 16, 19)
"Minima of 2, 4, 8, 16 and 32 frames, and of 51."

_LOUD = np.full(25, np.inf, np.float32)
"The line's noise at a frame is the quietest within half a second before and after it."

_BEEP_SHARE = 0.75
"Noise 6 dB below a beep leaves it so much; nobody presses keys so early."

_ALONE_FRAMES = 12
"Nothing follows a beep so soon: 240 ms. The three tones before an announcement do."

_NETWORK_HZ_MAX = 650
"Ringing, busy and dial tones are not higher."

_PROGRESS, _PROGRESS_MEDIAN = 0.8, 0.9
"Share of the power where call progress is told, which only its tones have for long: in each frame, and in most."

_STEADY_SHARE = 0.6
_SPREAD_DB = 3.0
"Nor do they swell and fade, as the vowels that have their power there do: between their loud and their soft quarter."

_EDGE = 3
"Frames at each end of a tone that are of it too."

_PROGRESS_FRAMES = 11
"The shortest of them lasts 250 ms."

_GREETED_S = 0.4
"Less is noise, or a click, and no greeting."

_CED_HZ, _CNG_HZ = 2100, 1100
_SIT_HZ = ((895, 1005), (1350, 1450), (1750, 1805))
"The special information tones' three frequencies, each of them high or low (ITU-T E.180; Telcordia SR-2275)."


class CalleeDetector:
    """Finds out once. `hear` each packet, `sent` what is played meanwhile, and `look` now and then: it says when it knows."""

    __slots__ = (
        "_analysed", "_began", "_came", "_echo", "_heard", "_looked", "_looks", "_offset", "_playing",
        "_received", "_rules", "_sent",
    )  # fmt: skip

    def __init__(self, clock: int, rules: Rules = Rules()) -> None:
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
        self._analysed = 0
        "Frames."

        self._looked = self._looks = 0
        self._playing = False
        self._echo: Echo | None = None

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
        if until > self._analysed:
            self._analyse(until)
        return judge(self._line(), self._rules, over=over)

    def _analyse(self, until: int) -> None:
        first = max(self._analysed - 1, 0)
        samples = g711.decode(bytes(self._received[first * FRAME_BYTES : until * FRAME_BYTES]))
        if not self._analysed:
            samples = np.concatenate((np.zeros(FRAME_BYTES, np.int16), samples))
        new = tone_detection.hear(samples)
        for name in tone_detection.FIGURES:
            getattr(self._heard, name)[self._analysed : until] = getattr(new, name)
        self._analysed = until

    def _line(self) -> "Line":
        samples = self._analysed * FRAME_BYTES
        echo_db = None
        if self._playing:
            self._looks += 1
            sent = g711.decode(bytes(self._sent[:samples]))
            if self._looks % _ECHO_LOOKS == 0:
                self._echo = find_echo(g711.decode(bytes(self._received[:samples])), sent) or self._echo
            echo_db = self._echo.levels(sent) if self._echo is not None else None
        came = np.frombuffer(bytes(self._came[: self._analysed]), np.bool_)
        return Line(self._heard[: self._analysed], came, echo_db)


@dataclass(frozen=True, slots=True)
class Echo:
    """How what we play comes back."""

    delay: int
    "Samples."

    gain: float

    def levels(self, sent: g711.Samples) -> NDArray[np.float32]:
        """How loud the echo of this is, in dB, by frames."""
        late = np.concatenate((np.zeros(self.delay, np.float32), sent.astype(np.float32)))[: len(sent)]
        frames = (late * np.float32(self.gain / 32768)).reshape(-1, FRAME_BYTES)
        power = np.einsum("ij,ij->i", frames, frames) / FRAME_BYTES
        # Spread over two frames, as the levels of what is heard are.
        power[1:] = np.maximum(power[1:], power[:-1])
        levels: NDArray[np.float32] = 10 * np.log10(power + np.float32(1e-12))
        return levels


def find_echo(received: g711.Samples, sent: g711.Samples) -> Echo | None:
    """By correlation, at half the rate: a telephone's speech is mostly below 2 kHz."""
    size = min(int(_ECHO_S * RATE_HZ), len(sent))
    here, there = (_halved(samples[-size:]) for samples in (received, sent))
    power = float(here @ here) * float(there @ there)
    if not power:
        return None
    points = 1 << (len(here) + int(_ECHO_DELAY_S * RATE_HZ / 2)).bit_length()
    together = np.fft.irfft(np.fft.rfft(here, points) * np.fft.rfft(there, points).conj())[
        : int(_ECHO_DELAY_S * RATE_HZ / 2)
    ]
    delay = int(np.abs(together).argmax())
    found = float(abs(together[delay]))
    if found < _ECHO_CORRELATION * power**0.5:
        return None
    return Echo(2 * delay, found / float(there @ there))


def _halved(samples: g711.Samples) -> NDArray[np.float32]:
    halved: NDArray[np.float32] = samples.astype(np.float32).reshape(-1, 2).sum(axis=1)
    return halved


@dataclass(frozen=True, slots=True)
class Line:
    """All that is known of a line since it was answered, in frames of 20 ms."""

    heard: Heard
    came: NDArray[np.bool_]
    "Something was received at all."

    echo_db: NDArray[np.float32] | None = None
    "How loud what we play comes back."


def judge(line: Line, rules: Rules, *, over: bool) -> Callee | None:
    """Who it is, as far as the line tells by now; `over`: no more comes, so something is said."""
    heard = line.heard
    if not len(heard.hz):
        return Callee("unknown", "nothing was received") if over else None
    clear = _clear(line, rules)
    tones = [
        tone
        for tone in tone_detection.tones(heard, tone_detection.BEEP_S / 2)
        if 2 * np.count_nonzero(clear[tone.begin : tone.end]) > tone.end - tone.begin
    ]
    tonal = _tonal(heard, tones)
    voice = clear & ~tonal
    if line.echo_db is not None:
        voice &= heard.level_db >= line.echo_db + _ECHO_ABOVE_DB
    words = _words(voice, rules)
    if (fax := _fax(heard, tones, words)) is not None:
        return fax
    if _special_information(tones):
        return Callee("unknown", "special information tones")
    if (beep := _beep(heard, tones, words)) is not None:
        return Callee("answeringmachine", f"a beep of {beep.hz:.0f} Hz")
    return _greeting(words, tonal, rules, over=over)


def _clear(line: Line, rules: Rules) -> NDArray[np.bool_]:
    """Frames that are louder than the line's noise, which may swell and fade, though more slowly than speech."""
    levels = line.heard.level_db
    # Who sends nothing while nobody speaks has a quiet line; a packet that is lost says nothing about it.
    known = line.came if 2 * np.count_nonzero(line.came) >= len(levels) else np.ones(len(levels), np.bool_)
    # Over 60 ms: low noise goes up and down a good deal from frame to frame.
    weight, total = known.astype(np.float32), np.where(known, levels, np.float32(0))
    for figure in (weight, total):
        middle = figure.copy()
        figure[1:] += middle[:-1]
        figure[:-1] += middle[1:]
    smooth = np.where(weight > 0, total / np.maximum(weight, 1), np.float32(np.inf))
    # All but the loudest twentieth, in which there may be a click.
    at = np.count_nonzero(known) * 19 // 20
    peak = float(np.partition(levels[known], at)[at])
    least = max(rules.level_min_db, peak - rules.below_peak_db)
    clear: NDArray[np.bool_] = known & (smooth >= np.maximum(least, _quietest_around(smooth) + rules.above_floor_db))
    tonal: NDArray[np.bool_] = (levels >= least) & _steady_tone(line.heard)
    return clear | tonal


def _quietest_around(levels: NDArray[np.float32]) -> NDArray[np.float32]:
    """The least of the frames up to half a second before and after each."""
    least = np.concatenate((_LOUD, levels, _LOUD))
    for step in _STEPS:
        least = np.minimum(least[:-step], least[step:])
    return least


def _steady_tone(heard: Heard) -> NDArray[np.bool_]:
    """A tone that goes on has no quieter moments to be compared with."""
    return heard.share >= tone_detection.TONE


def _tonal(heard: Heard, tones: list[Tone]) -> NDArray[np.bool_]:
    """Frames that are tones of a machine or of the network, and the frames at their edges."""
    steady = np.zeros(len(heard.hz), np.bool_)
    steady[1:] = np.abs(heard.level_db[1:] - heard.level_db[:-1]) <= tone_detection.STEADY_DB
    tonal = heard.v21.copy()
    for begin, end in _joined(_runs(heard.progress >= _PROGRESS), tone_detection.GAP_FRAMES):
        # One that goes on now, or went on before, may be longer than is known.
        least = _PROGRESS_FRAMES if begin > _EDGE and end < len(tonal) else 3
        if end - begin < least or float(np.median(heard.progress[begin:end])) < _PROGRESS_MEDIAN:
            continue
        levels = np.sort(heard.level_db[begin:end])
        spread_db = float(levels[9 * len(levels) // 10] - levels[len(levels) // 4])
        if spread_db <= _SPREAD_DB and np.count_nonzero(steady[begin:end]) >= _STEADY_SHARE * len(levels):
            tonal[max(begin - _EDGE, 0) : end + _EDGE] = True
    for tone in tones:
        if tone.seconds >= tone_detection.BEEP_S:
            tonal[max(tone.begin - _EDGE, 0) : tone.end + _EDGE] = True
    return tonal


def _words(voice: NDArray[np.bool_], rules: Rules) -> list[tuple[int, int]]:
    """Where something is said: frames from, to. Short gaps are bridged, clicks left out."""
    least = round(rules.word_s / FRAME_S)
    loud = [run for run in _runs(voice) if run[1] - run[0] >= _CLICK_FRAMES]
    return [(begin, end) for begin, end in _joined(loud, _BRIDGE_FRAMES) if end - begin >= least]


def _fax(heard: Heard, tones: list[Tone], words: list[tuple[int, int]]) -> Callee | None:
    """The tones of ITU-T T.30 and V.8. A machine that greets and then lets a fax through takes longer to be believed."""
    # The answer tone turns its phase every 450 ms (V.8's ANSam), which for a frame or two is no tone.
    answer = [tone for tone in tones if abs(tone.hz - _CED_HZ) <= 20]
    if sum(tone.seconds for tone in answer) >= (1.2 if answer and _greeted(words, answer[0]) else 0.5):
        return Callee("fax", "the answer tone of a fax machine, 2100 Hz")
    if heard.v21.sum() * FRAME_S >= 0.3:
        return Callee("fax", "the slow modem of a fax machine, V.21")
    if any(
        abs(tone.hz - _CNG_HZ) <= 38 and 0.35 <= tone.seconds <= 0.75 and not _greeted(words, tone) for tone in tones
    ):
        return Callee("fax", "the calling tone of a fax machine, 1100 Hz")
    return None


def _greeted(words: list[tuple[int, int]], tone: Tone) -> bool:
    """Something was said before the tone."""
    return sum(end - begin for begin, end in words if end <= tone.begin + 2) * FRAME_S >= _GREETED_S


def _special_information(tones: list[Tone]) -> bool:
    """Three tones, each higher than the one before, without a gap."""
    return any(
        all(low <= tone.hz <= high and 0.15 <= tone.seconds <= 0.5 for tone, (low, high) in zip(three, _SIT_HZ, strict=True))
        and all(later.begin - sooner.end <= 5 for sooner, later in pairwise(three))
        for three in zip(tones, tones[1:], tones[2:], strict=False)
    )  # fmt: skip


def _beep(heard: Heard, tones: list[Tone], words: list[tuple[int, int]]) -> Tone | None:
    """The beep after a greeting, or in place of one."""
    for tone in tone_detection.beeps(heard, _BEEP_SHARE):
        if heard.v21[tone.begin : tone.end].any():
            continue
        # Without a greeting it may be a fax machine's or the network's, and is not believed before it is over, and alone.
        following = next((later.begin for later in tones if later.begin >= tone.end), len(heard.hz))
        if _greeted(words, tone) or (following - tone.end >= _ALONE_FRAMES and tone.hz >= _NETWORK_HZ_MAX):
            return tone
    return None


def _greeting(words: list[tuple[int, int]], tonal: NDArray[np.bool_], rules: Rules, *, over: bool) -> Callee | None:
    if not words:
        return Callee("unknown", "nothing was said") if over else None
    pause = round(rules.after_greeting_s / FRAME_S)
    spurts = _joined(words, pause - 1)
    # A click or two before somebody speaks are no greeting.
    begin, end = next((one for one in spurts if one[1] - one[0] >= _SPURT_FRAMES), (0, 0))
    spoken = sum(until - since for since, until in words if begin <= since < end)
    if not end:
        return Callee("unknown", "hardly anything was said") if over else None
    # A tone is no silence: it may become a beep.
    silent = len(tonal) - end - int(tonal[end:].sum())
    spoken_s, silent_s = (end - begin) * FRAME_S, silent * FRAME_S
    if spoken_s >= rules.greeting_s and spoken >= rules.spoken_share * (end - begin):
        return Callee("answeringmachine", f"a greeting of {spoken_s:.1f} s and more")
    if silent >= pause:
        return Callee("voice", f"{spoken_s:.1f} s of speech and then silence")
    if not over:
        return None
    if spoken * FRAME_S >= rules.cut_off_spoken_s or (
        silent_s < rules.cut_off_s and (begin * FRAME_S >= rules.late_s or spoken_s >= rules.cut_off_greeting_s)
    ):
        return Callee("answeringmachine", f"speech that began after {begin * FRAME_S:.1f} s and went on")
    return Callee("voice", f"{spoken_s:.1f} s of speech")


def _joined(runs: list[tuple[int, int]], gap: int) -> list[tuple[int, int]]:
    """Those with no more than so many frames between them are one."""
    joined: list[tuple[int, int]] = []
    for begin, end in runs:
        if joined and begin - joined[-1][1] <= gap:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((begin, end))
    return joined


def _runs(frames: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Where frames are true: from, to."""
    within = np.zeros(len(frames) + 2, np.bool_)
    within[1:-1] = frames
    edges = np.flatnonzero(within[1:] != within[:-1])
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _signed(difference: int) -> int:
    """Of RTP timestamps, which count in 32 bits."""
    return ((difference + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)
