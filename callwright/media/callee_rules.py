"""What tells a person from an answering machine, and both from what is nobody's voice.

A person says something and waits to be answered. A machine talks on, or talks and beeps. So what counts is what follows the last
*sentence*, which is all that was said without a longer pause: silence is a person's, a beep a machine's, and who still speaks when
the time is over is a machine, but for two short sentences with a pause between them, as of somebody who says hello again. Tones
come first: those of a fax machine and of the network (ringing, busy, the three tones before "the number you have dialled") are
nobody's voice, nor is music, whose notes are held, nor a noise that has no pitch, or one too high (see `voicing`).

A frame is voice where it is clearly louder than the quietest that the line was around it, or a little and has a pitch; not much
quieter than the loudest; and louder than what is left of our own prompt.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from callwright.base.callee_types import CalleeType
from callwright.media import echo, tone_detection
from callwright.media.tone_detection import FRAME_S, Heard, Tone


@dataclass(frozen=True, slots=True)
class Rules:
    """What tells one callee from another. Found on the half of `./dev bench callee` that is there for it."""

    within_s: float = 4.0
    "From the answer to the result."

    pause_s: float = 1.3
    "A pause of so long is between two sentences: machines make shorter ones."

    silent_s: float = 1.1
    "Who has been silent for so long when the time is over waits for us, and is a person, however much was said before."

    silent_early_s: float = 1.8
    "Before it is over, a machine may still go on, or beep."

    stopped_s: float = 0.6
    "So does who has been silent for so long,"

    late_s: float = 1.5
    "and began no later than so: people answer at once, and who begins later may not have ended."

    again_s: float = 1.4
    first_s: float = 2.0
    "Two sentences as short as these are a person's who says hello, waits, and says it again."

    word_s: float = 0.06
    "What is shorter is a click."

    above_floor_db: float = 9.0
    "How far voice stands out of the line's noise."

    pitched_above_floor_db: float = 6.0
    "Less will do where it has a pitch."

    below_peak_db: float = 15.0
    "How far below its loudest the voice of one speaker goes."

    level_min_db: float = -52.0
    "Below that nothing is voice (0 dB: a square wave at full scale)."


RULES = Rules()


@dataclass(frozen=True, slots=True)
class Callee:
    """What was found, and in a few words why: for the log."""

    type: CalleeType
    cause: str


_BRIDGE_FRAMES = 5
"A gap of 100 ms inside a word is a stop consonant, or lost packets."

_SPURT_FRAMES = 4
"What is shorter is no word: 80 ms."

_CLICK_FRAMES = 2
"What is shorter is no sound of speech, and no bridge between two."

_ECHO_ABOVE_DB = 4.0
"By which a frame of what is left of an echo is louder than the echo is on the whole."

_STEPS = (1, 2, 4, 8, 16, 19)
"Minima of 2, 4, 8, 16 and 32 frames, and of 51."

_NOTHING_KNOWN = np.float32(200)
"Louder than anything, in dB: where nothing came, nothing is known of the line's noise."

_LOUD = np.full(25, _NOTHING_KNOWN, np.float32)
"The line's noise at a frame is the quietest within half a second before and after it."

_BEEP_SHARE = 0.75
"Noise 6 dB below a beep leaves it so much; nobody presses keys so early."

_ALONE_FRAMES = 12
"Nothing follows a beep so soon: 240 ms. The three tones before an announcement do."

_NETWORK_HZ_MAX = 650
"Ringing, busy and dial tones are not higher."

_PROGRESS, _PROGRESS_MEDIAN = 0.8, 0.9
"Share of the power where call progress is told, which only its tones have for long: in each frame, and in most."

_PROGRESS_ONLY = 0.97
_PROGRESS_SHARE = 0.45
"""Hardly a vowel has so much of it there, since it has a fundamental, or a second formant; nor so much of that in one partial, as
of two tones the stronger has. Two tones may beat, and are not steady."""

_STEADY_SHARE = 0.6
_SPREAD_DB = 3.0
"Nor do they swell and fade, as the vowels that have their power there do: between their loud and their soft quarter."

_TONE_HZ_MIN = 330
"What is lower is the fundamental of a voice."

_EDGE = 3
"Frames at each end of a tone that are of it too."

_PROGRESS_FRAMES = 11
"The shortest of them lasts 250 ms."

_GREETED_S = 0.4
"Less is noise, or a click, and no greeting."

_PITCHED_WELL = 0.7
"No noise has so much of one."

_PITCHED = 0.55
"From which on a frame has a pitch."

_PITCHED_FRAMES, _PITCHED_SHARE = 3, 0.3
"Of a word, which have one."

_SYLLABLE_FRAMES = 4
"Of the best word: 80 ms. Knocks, and rhythm, are shorter."

_HELD_FRAMES, _HELD_SHARE = 25, 0.2
"So many of all frames loud and held on are music, or a machine: who speaks on one note stops between words."

_MUSIC_BELOW_DB, _MUSIC_DB_MIN = 9.0, -52.0
"Loud is what is within so much of the loudest: a greeting stands out of the music behind it."

_CED_HZ, _CNG_HZ = 2100, 1100
_SIT_HZ = ((895, 1005), (1350, 1450), (1750, 1805))
"The special information tones' three frequencies, each of them high or low (ITU-T E.180; Telcordia SR-2275)."


@dataclass(frozen=True, slots=True)
class Line:
    """All that is known of a line since it was answered, in frames of 20 ms."""

    heard: Heard
    came: NDArray[np.bool_]
    "Something was received at all."

    pitched: NDArray[np.float32]
    held: NDArray[np.bool_]
    "As `voicing` has them."

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
        voice &= heard.level_db >= line.echo_db + echo.LEFT_DB + _ECHO_ABOVE_DB
    words = _spoken(line, _words(voice, rules))
    if (fax := _fax(heard, tones, words)) is not None:
        return fax
    if _special_information(tones):
        return Callee("unknown", "special information tones")
    if (beep := _beep(heard, tones, words)) is not None:
        return Callee("answeringmachine", f"a beep of {beep.hz:.0f} Hz")
    if _music(line, tonal):
        return Callee("unknown", "music, or a machine's hum") if over else None
    if over and (beep := _beginning(heard, tones, words)) is not None:
        return Callee("answeringmachine", f"a beep of {beep.hz:.0f} Hz begins")
    return _greeting(words, tonal, rules, over=over)


def _spoken(line: Line, words: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Those that have a pitch, as any word has; hiss, clicks and rustling have none. One of them is at least a syllable."""
    voiced = (line.pitched >= _PITCHED) & ~line.held
    counts = [int(np.count_nonzero(voiced[begin:end])) for begin, end in words]
    if max(counts, default=0) < _SYLLABLE_FRAMES:
        return []
    return [
        (begin, end)
        for (begin, end), pitched in zip(words, counts, strict=True)
        if pitched >= max(_PITCHED_FRAMES, _PITCHED_SHARE * (end - begin))
    ]


def _music(line: Line, tonal: NDArray[np.bool_]) -> bool:
    """What is loud keeps its spectrum for 100 ms too often to be speech."""
    levels = line.heard.level_db
    known = levels[line.came]
    if not len(known):
        return False
    at = len(known) * 19 // 20
    least = max(float(np.partition(known, at)[at]) - _MUSIC_BELOW_DB, _MUSIC_DB_MIN)
    loud = ~tonal & line.came & (levels >= least)
    held = np.count_nonzero(loud & line.held)
    return bool(held >= max(_HELD_FRAMES, _HELD_SHARE * len(known)))


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
    smooth = np.where(weight > 0, total / np.maximum(weight, 1), _NOTHING_KNOWN)
    # All but the loudest twentieth, in which there may be a click.
    at = np.count_nonzero(known) * 19 // 20
    peak = float(np.partition(levels[known], at)[at])
    least = max(rules.level_min_db, peak - rules.below_peak_db)
    above_db = smooth - _quietest_around(smooth)
    voiced = (line.pitched >= _PITCHED_WELL) & (above_db >= rules.pitched_above_floor_db)
    clear: NDArray[np.bool_] = known & (smooth >= least) & ((above_db >= rules.above_floor_db) | voiced)
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
    tonal = heard.v21.copy()
    network = heard.progress >= _PROGRESS
    runs = _joined(_runs(network), tone_detection.GAP_FRAMES)
    if any(_of_the_network(heard[begin:end], whole=begin > _EDGE and end < len(tonal)) for begin, end in runs):
        # Then the rest of what sounds like it is too, however short: a tone begins before the answer, and packets are lost.
        for begin, end in runs:
            tonal[max(begin - _EDGE, 0) : end + _EDGE] = True
    for tone in tones:
        if tone.seconds >= tone_detection.BEEP_S and tone.hz >= _TONE_HZ_MIN:
            tonal[max(tone.begin - _EDGE, 0) : tone.end + _EDGE] = True
    return tonal


def _of_the_network(heard: Heard, *, whole: bool) -> bool:
    """Frames with their power where call progress is told; `whole`: they have begun and ended."""
    # One that goes on now, or went on before, may be longer than is known.
    if len(heard.hz) < (_PROGRESS_FRAMES if whole else 3):
        return False
    middle = float(np.median(heard.progress))
    if middle >= _PROGRESS_ONLY and float(np.median(heard.share)) >= _PROGRESS_SHARE:
        return True
    steady = np.count_nonzero(np.abs(np.diff(heard.level_db)) <= tone_detection.STEADY_DB)
    levels = np.sort(heard.level_db)
    spread_db = float(levels[9 * len(levels) // 10] - levels[len(levels) // 4])
    return bool(middle >= _PROGRESS_MEDIAN and spread_db <= _SPREAD_DB and steady >= _STEADY_SHARE * len(levels))


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
    for tone in tones:
        if abs(tone.hz - _CNG_HZ) <= 38 and 0.35 <= tone.seconds <= 0.75 and not _greeted(words, tone):
            # There are three seconds of silence around it; a note has others before and after.
            others = (one for one in tones if one.seconds >= tone_detection.BEEP_S and abs(one.hz - _CNG_HZ) > 38)
            if all(
                other.end < tone.begin - _ALONE_FRAMES or other.begin > tone.end + _ALONE_FRAMES for other in others
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
        # At its edges a tone in the band of that modem may look like it.
        if 4 * np.count_nonzero(heard.v21[tone.begin : tone.end]) > tone.end - tone.begin:
            continue
        # Without a greeting it may be a fax machine's or the network's, and is not believed before it is over, and alone.
        following = next((later.begin for later in tones if later.begin >= tone.end), len(heard.hz))
        if _greeted(words, tone) or (following - tone.end >= _ALONE_FRAMES and tone.hz >= _NETWORK_HZ_MAX):
            return tone
    return None


def _beginning(heard: Heard, tones: list[Tone], words: list[tuple[int, int]]) -> Tone | None:
    """A beep that is not over when the time is: one tone and nothing else, after a greeting and a pause."""
    last = tones[-1] if tones else None
    if (
        last is None
        or last.end < len(heard.hz)
        or not tone_detection.BEEP_HZ[0] <= last.hz <= tone_detection.BEEP_HZ[1]
    ):
        return None
    paused = not words or last.begin - words[-1][1] >= _BRIDGE_FRAMES
    alone = float(np.median(heard.share[last.begin : last.end])) >= tone_detection.BEEP_SHARE
    return last if paused and alone and _greeted(words, last) else None


def _greeting(words: list[tuple[int, int]], tonal: NDArray[np.bool_], rules: Rules, *, over: bool) -> Callee | None:
    """From when something was said: sentences, which are words without a longer pause between them."""
    sentences = [
        (begin, end) for begin, end in _joined(words, round(rules.pause_s / FRAME_S)) if end - begin >= _SPURT_FRAMES
    ]
    if not sentences:
        return Callee("unknown", "hardly anything was said") if over else None
    begin, end = sentences[-1]
    # A tone is no silence: it may become a beep.
    silent_s = (len(tonal) - end - int(tonal[end:].sum())) * FRAME_S
    long_s = (end - begin) * FRAME_S
    if silent_s >= (rules.silent_s if over else rules.silent_early_s):
        return Callee("voice", f"{long_s:.1f} s of speech, and then silence")
    if not over:
        return None
    if (
        len(sentences) > 1
        and long_s < rules.again_s
        and all((e - b) * FRAME_S < rules.first_s for b, e in sentences[:-1])
    ):
        return Callee("voice", f"a few words, and again after {(begin - sentences[-2][1]) * FRAME_S:.1f} s")
    if silent_s >= rules.stopped_s and begin * FRAME_S < rules.late_s:
        return Callee("voice", f"{long_s:.1f} s of speech, and {silent_s:.1f} s of silence")
    return Callee(
        "answeringmachine", f"speech that began after {begin * FRAME_S:.1f} s, and went on for {long_s:.1f} s and more"
    )


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
