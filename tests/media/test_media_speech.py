import pytest

from callwright.media.speech import SpeechDetector

pytestmark = pytest.mark.pure

YES = [36, 37, 37, 40, 50, 60, 57, 54, 52, 46, 49, 21, 17, 15, 17, 17, 4]
"Loudness of each 20 ms of espeak-ng saying `Yes.`."

AGENT = """
60 76 76 51 30 29 42 48 51 66 51 25 26 18 22 46 57 65 77 70 55 56 52 6 0 22 24 9 0 5 21 26 53 61 49 8 22 21 18 4
30 44 65 72 62 51 5 0 23 24 9 0 5 20 25 49 68 54 48 51 42 50 47 54 53 52 51 50 39 33 34 41 52 52 41 40 38 33 1 0
13 25 21 0 0 27 27 37 40 47 58 61 71 69 66 60 50 44 38 30 24 27 28 17 15 1"""
"`I would like to speak to an agent please.`"


def changes(levels, *, silence_s=0.5):
    """(started?, at which frame) for frames of these loudnesses."""
    detector, told = SpeechDetector(silence_s), []
    for number, level in enumerate(levels):
        change = detector.hear(bytes([~level & 0xFF]) * 160, number * 160)
        if change is not None:
            told.append((change, number))
    return told


def test_a_short_word_starts_after_200_ms_and_ends_after_the_silence():
    told = changes([0] * 50 + YES + [0] * 100)
    assert told == [(True, 50 + 9), (False, 50 + 15 + 25)]


def test_the_pauses_of_a_sentence_do_not_end_it():
    levels = [int(level) for level in AGENT.split()]
    told = changes([0] * 20 + levels + [0] * 100)
    assert [started for started, _ in told] == [True, False]
    assert told[0][1] <= 20 + 12
    assert told[1][1] >= 20 + len(levels)


def test_a_second_sentence_is_told_again():
    assert [started for started, _ in changes(YES + [0] * 40 + YES + [0] * 40)] == [True, False, True, False]


def test_clicks_and_silence_are_no_speech():
    assert changes(([80] * 3 + [0] * 30) * 20) == []
    assert changes([15] * 500) == []


def test_a_noisy_line_is_believed_and_speech_above_it_is_heard():
    steady = changes([40] * 1000)
    assert steady[-1][0] is False
    assert steady[-1][1] < 400, "noise passes for speech some seconds at most"
    told = changes([40] * 1000 + [level + 30 for level in YES] + [40] * 100)[len(steady) :]
    assert [started for started, _ in told] == [True, False]


def test_a_phone_that_sends_nothing_while_silent():
    detector = SpeechDetector(1.0)
    for number, level in enumerate(YES):
        detector.hear(bytes([~level & 0xFF]) * 160, number * 160)
    assert detector.speaking
    assert detector.quiet(10 * 160 + 7999) is None
    assert detector.quiet(10 * 160 + 8000) is False
    assert detector.quiet(90000) is None


def test_packets_of_other_lengths():
    detector, clock = SpeechDetector(0.5), 0
    assert detector.hear(b"", 0) is None
    told = []
    for _ in range(8):
        clock += 240
        told.append(detector.hear(bytes([~60 & 0xFF]) * 240, clock))
    assert told.index(True) == 6, "210 ms in packets of 30 ms"
