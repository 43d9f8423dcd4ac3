"""Utterances: what is one, what is none (noise, clicks, our own voice coming back), and what of it is kept."""

import numpy as np
import pytest

from callwright.media import g711
from callwright.media.utterance import (
    AFTER_FRAMES,
    BEFORE_FRAMES,
    ONSET_WINDOW,
    UTTERANCE_BYTES_MAX,
    Utterance,
    UtteranceDetector,
)

pytestmark = pytest.mark.pure

FRAME = 160


def voice(seconds: float, level_db: float = -24, pitch_hz: float = 140) -> np.ndarray:
    """Something like a vowel: harmonics of a pitch under three formants, swelling four times a second."""
    at = np.arange(int(seconds * 8000)) / 8000
    wave = np.zeros(len(at))
    for number in range(1, int(3400 / pitch_hz)):
        hz = number * pitch_hz
        weight = sum(np.exp(-(((hz - formant) / 150) ** 2)) for formant in (500, 1500, 2500)) + 0.02
        wave += weight * np.sin(2 * np.pi * hz * at)
    wave *= 0.7 + 0.3 * np.sin(2 * np.pi * 4 * at)
    return scaled(wave, level_db)


def noise(seconds: float, level_db: float = -60) -> np.ndarray:
    return scaled(np.random.default_rng(5).normal(size=int(seconds * 8000)), level_db)


def scaled(wave: np.ndarray, level_db: float) -> np.ndarray:
    return wave * 32768 * 10 ** (level_db / 20) / np.sqrt(np.mean(wave**2))


def ulaw(*pieces: np.ndarray) -> bytes:
    return g711.encode(np.clip(np.concatenate(pieces), -32768, 32767).astype(np.int16))


def heard(
    audio: bytes, *, silence_s: float = 0.5, sent: bytes = b"", packet: int = FRAME
) -> list[tuple[float, object]]:
    """What is told, and after how many seconds. What is `sent` goes out at the same time."""
    detector, told = UtteranceDetector(silence_s), []
    for at in range(0, len(audio), packet):
        for part in range(at, at + packet, FRAME):
            if sent[part : part + FRAME]:
                detector.sent(sent[part : part + FRAME], at)
        change = detector.hear(audio[at : at + packet], at, at)
        if change is not None:
            told.append(((at + packet) / 8000, change))
    return told


def test_an_utterance_is_told_when_it_begins_and_given_when_it_has_ended() -> None:
    audio = ulaw(noise(1), voice(0.8), noise(2))
    (onset, began), (end, said) = heard(audio)
    assert began is True and 1.1 <= onset <= 1.3
    assert isinstance(said, Utterance) and not said.too_long
    assert 2.25 <= end <= 2.45, "half a second after the last voice"
    at = audio.index(said.audio)
    assert at <= 8000 - BEFORE_FRAMES * FRAME + 320, "it begins before the first sound"
    assert at + len(said.audio) == pytest.approx(8000 * 1.8 + AFTER_FRAMES * FRAME, abs=4 * FRAME)


def test_only_the_first_utterance_is_given() -> None:
    told = heard(ulaw(noise(1), voice(0.5), noise(1), voice(0.5), noise(1)))
    assert len(told) == 2


def test_a_pause_within_the_silence_does_not_end_it() -> None:
    told = heard(ulaw(noise(1), voice(0.4), noise(0.35), voice(0.4), noise(1)))
    assert len(told) == 2
    said = told[1][1]
    assert isinstance(said, Utterance) and len(said.audio) > 8000 * 1.1


@pytest.mark.parametrize("level_db", [-70, -55, -45, -35, -30])
def test_noise_of_the_line_is_none(level_db: float) -> None:
    assert heard(ulaw(noise(20, level_db))) == []


def test_clicks_are_none() -> None:
    quiet = noise(3)
    for at in range(1000, len(quiet), 4000):
        quiet[at : at + 240] += 20000
    assert heard(ulaw(quiet)) == []


@pytest.mark.parametrize("loss_db", [15, 20, 30])
@pytest.mark.parametrize("delay", [160, 800, 2400])
def test_our_own_voice_coming_back_is_none(loss_db: float, delay: int) -> None:
    sent = voice(6, -20)
    echo = np.concatenate([np.zeros(delay), sent])[: len(sent)] * 10 ** (-loss_db / 20)
    assert heard(ulaw(echo + noise(6)), sent=ulaw(sent)) == []


def test_a_caller_speaks_into_our_voice_and_its_echo() -> None:
    sent = voice(4, -20)
    line = sent * 10 ** (-18 / 20)
    line[16000:20000] += voice(0.5, -22, pitch_hz=210)
    (onset, began), *_ = heard(ulaw(line), sent=ulaw(sent))
    assert began is True and 2.1 <= onset <= 2.4


def test_the_echo_of_what_has_ended_is_no_longer_feared() -> None:
    sent = ulaw(voice(2, -10))
    quietly = voice(0.8, -30)
    assert heard(ulaw(noise(1.2), quietly, noise(1)), sent=sent) == [], "so quiet, it may be the echo"
    assert heard(ulaw(noise(2.5), quietly, noise(1)), sent=sent)[0][1] is True


def test_a_noisy_line() -> None:
    line = noise(6, -36)
    line[16000:24000] += voice(1)
    (onset, began), (end, said) = heard(ulaw(line))
    assert began is True and 2.1 <= onset <= 2.5
    assert isinstance(said, Utterance) and end < 4.2


def test_a_phone_that_sends_nothing_while_silent() -> None:
    audio = ulaw(noise(0.5), voice(0.6))
    detector = UtteranceDetector(0.5)
    for at in range(0, len(audio), FRAME):
        detector.hear(audio[at : at + FRAME], at, at)
    end = len(audio)
    assert detector.quiet(end + 3000) is None
    said = detector.quiet(end + 4200)
    assert isinstance(said, Utterance)
    assert detector.quiet(end + 9000) is None, "given once"


def test_what_was_not_sent_between_two_words_is_silence() -> None:
    detector = UtteranceDetector(0.5)
    first, second = ulaw(noise(0.5), voice(0.5)), ulaw(voice(0.5))
    for begin, words in ((0, first), (len(first) + 2400, second)):
        for at in range(0, len(words), FRAME):
            detector.hear(words[at : at + FRAME], begin + at, begin + at)
    said = detector.quiet(3 * len(first))
    assert isinstance(said, Utterance)
    assert bytes([g711.SILENCE_BYTE]) * 2400 in said.audio


def test_packets_that_come_late_or_anew_and_of_other_lengths() -> None:
    audio = ulaw(noise(1), voice(0.8), noise(1))
    plain = heard(audio)[1][1]
    assert isinstance(plain, Utterance)
    detector, said = UtteranceDetector(0.5), None
    for at in range(0, len(audio), 240):
        start = 0xFFFFF000 + at & 0xFFFFFFFF
        said = detector.hear(audio[at : at + 240], start, at) or said
        assert detector.hear(audio[at : at + 240], start, at) is None, "the same again is dropped"
    assert isinstance(said, Utterance)
    assert abs(len(said.audio) - len(plain.audio)) <= 2 * FRAME


def test_what_goes_on_too_long_is_cut_off() -> None:
    audio = ulaw(noise(0.5), voice(32), noise(1))
    (_, began), (end, said) = heard(audio)
    assert began is True and isinstance(said, Utterance)
    assert said.too_long and len(said.audio) == UTTERANCE_BYTES_MAX
    assert end == pytest.approx(30.5, abs=0.6)


def test_before_the_onset_nothing_is_kept_but_a_moment() -> None:
    detector = UtteranceDetector(0.5)
    quiet = ulaw(noise(60))
    for at in range(0, len(quiet), FRAME):
        detector.hear(quiet[at : at + FRAME], at, at)
    assert len(detector._before) == BEFORE_FRAMES + ONSET_WINDOW
