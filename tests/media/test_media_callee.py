"""Who answers: the rules on lines made of sounds, and the tones of machines at their limits."""

import numpy as np
import pytest

from callwright.media import g711
from callwright.media.callee import CalleeDetector
from callwright.media.callee_rules import Rules
from callwright.media.frames import FRAME_BYTES, RATE_HZ

pytestmark = pytest.mark.pure

START = 123_456
"What the plane's clock says at the answer."

NOISE = np.random.default_rng(3)


def tone(seconds, *hz, level=3000.0):
    at = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    return level * sum(np.sin(2 * np.pi * one * at) for one in hz)


def quiet(seconds):
    return np.zeros(int(seconds * RATE_HZ))


def speech(seconds, level=3000.0, pitch_hz=140):
    """Syllables: four a second, each of the harmonics of a voice that falls, and a little breath between them."""
    at = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    phase = 2 * np.pi * np.cumsum(pitch_hz - 15 * (at % 0.25) / 0.25) / RATE_HZ
    voice = sum(np.sin(n * phase) / n for n in range(2, 20))
    return level * voice * np.maximum(np.abs(np.sin(2 * np.pi * 2 * at)), 0.05)


def line(*parts, noise=15.0, seconds=6.0):
    wave = np.concatenate((*parts, quiet(seconds)))[: int(seconds * RATE_HZ)]
    return wave + NOISE.normal(scale=noise, size=len(wave))


def packets(wave):
    ulaw = g711.encode(np.clip(wave, -32768, 32767).astype(np.int16))
    return [ulaw[at : at + FRAME_BYTES] for at in range(0, len(ulaw), FRAME_BYTES)]


def found(wave, *, stamp=0xFFFFF000, lost=frozenset(), sent=None, rules=Rules()):  # noqa: B008 - it is frozen
    """Who it is, and after how many seconds it was told; the timestamps run over."""
    detector = CalleeDetector(START, rules)
    played = packets(sent) if sent is not None else []
    for number, packet in enumerate(packets(wave)):
        clock = START + (number + 1) * FRAME_BYTES
        if number < len(played):
            detector.sent(played[number], clock - FRAME_BYTES)
        if number not in lost:
            detector.hear(packet, stamp + number * FRAME_BYTES & 0xFFFFFFFF, clock)
        if (callee := detector.look(clock)) is not None:
            return callee.type, (number + 1) / 50
    raise AssertionError("nothing was told")


HELLO, GREETING = (quiet(0.6), speech(0.7)), (quiet(0.6), speech(5))


def test_a_word_and_silence_is_a_person():
    told, after_s = found(line(*HELLO))
    assert told == "voice" and after_s < 4


def test_somebody_who_talks_on_is_a_machine():
    assert found(line(*GREETING)) == ("answeringmachine", 4.0)


@pytest.mark.parametrize("level", [400, 1000, 3000, 9000])
@pytest.mark.parametrize(("parts", "label"), [(0, "voice"), (1, "answeringmachine")])
def test_loud_and_soft(parts, label, level):
    wave = line(*(HELLO, GREETING)[parts], noise=0) * level / 3000
    assert found(wave + NOISE.normal(scale=level / 100, size=len(wave)))[0] == label


def test_hello_and_again():
    assert found(line(quiet(0.5), speech(0.5), quiet(1.5), speech(0.5)))[0] == "voice"


def test_a_machine_that_pauses_after_its_first_word():
    assert found(line(quiet(0.3), speech(0.5), quiet(0.8), speech(4)))[0] == "answeringmachine"


def test_a_beep_makes_a_machine_of_a_few_words():
    assert found(line(quiet(0.5), speech(0.9), quiet(0.6), tone(0.4, 1000)))[0] == "answeringmachine"


@pytest.mark.parametrize("hz", [700, 1000, 1990])
def test_a_beep_alone_is_a_machine(hz):
    assert found(line(quiet(0.5), tone(0.3, hz)))[0] == "answeringmachine"


@pytest.mark.parametrize("noise", [0.0, 15.0, 300.0])
def test_nobody_is_unknown_when_the_time_is_over(noise):
    assert found(line(noise=noise)) == ("unknown", 4.0)


def test_nothing_received_at_all():
    assert found(line(), lost=set(range(400))) == ("unknown", 4.0)


@pytest.mark.parametrize("hz", [2085, 2100, 2115])
def test_a_fax_answers(hz):
    assert found(line(quiet(0.5), tone(3, hz)))[0] == "fax"


def test_an_answer_tone_that_turns_its_phase():
    wave = tone(3, 2100)
    turns = np.arange(len(wave)) // int(0.45 * RATE_HZ) % 2
    assert found(line(quiet(0.5), np.where(turns, wave, -wave)))[0] == "fax"


@pytest.mark.parametrize("hz", [2050, 2150])
def test_another_tone_is_no_fax(hz):
    assert found(line(quiet(0.5), tone(3, hz)))[0] != "fax"


@pytest.mark.parametrize("hz", [1065, 1100, 1135])
def test_a_fax_calls(hz):
    assert found(line(quiet(0.5), tone(0.5, hz), quiet(3)))[0] == "fax"


def test_a_short_beep_at_the_frequency_of_a_fax_is_a_machine():
    assert found(line(quiet(0.5), tone(0.25, 1100)))[0] == "answeringmachine"


def test_a_fax_that_begins_with_its_modem():
    bits = np.tile([0, 1, 1, 1, 1, 1, 1, 0], 60)
    hz = np.repeat(np.where(bits == 1, 1650, 1850), 26)
    assert found(line(quiet(0.5), 3000 * np.sin(2 * np.pi * np.cumsum(hz) / RATE_HZ)))[0] == "fax"


RINGS, BUSY, DIAL = (
    (tone(2, 440, 480, level=1500), quiet(4)),
    (tone(0.5, 480, 620, level=1500), quiet(0.5)),
    (tone(6, 350, 440),),
)


@pytest.mark.parametrize(
    "parts", [RINGS, BUSY * 6, DIAL, (tone(1, 425), quiet(4)), (tone(0.25, 425), quiet(0.25)) * 12]
)
def test_tones_of_the_network_are_nobody(parts):
    assert found(line(*parts)) == ("unknown", 4.0)


def test_ringing_and_then_somebody():
    assert found(line(tone(1, 440, 480, level=1500), *HELLO))[0] == "voice"


@pytest.mark.parametrize(("first", "second"), [(913.8, 1370.6), (985.2, 1428.5)])
def test_three_tones_and_an_announcement_are_nobody(first, second):
    three = (tone(0.33, first), tone(0.33, second), tone(0.33, 1776.7))
    assert found(line(quiet(0.3), *three, quiet(0.2), speech(4)))[0] == "unknown"


@pytest.mark.parametrize("parts", [HELLO, GREETING])
def test_lost_packets_change_nothing(parts):
    lost = {number for number in range(300) if NOISE.random() < 0.05}
    assert found(line(*parts), lost=lost)[0] == found(line(*parts))[0]


def test_packets_out_of_order_and_timestamps_that_begin_anew():
    detector = CalleeDetector(0)
    sounds = packets(line(*HELLO))
    for number in range(0, 200, 2):
        # The second half has another source, with timestamps of its own.
        base = 5000 if number < 100 else 3_000_000_000
        for one in (number + 1, number):
            detector.hear(sounds[one], base + one * FRAME_BYTES, (number + 2) * FRAME_BYTES)
        if (callee := detector.look((number + 2) * FRAME_BYTES)) is not None:
            break
    assert callee is not None and callee.type == "voice"


@pytest.mark.parametrize("loss_db", [12, 20, 30])
def test_our_own_prompt_that_comes_back_is_nobody(loss_db):
    said = line(quiet(0.2), speech(5), noise=0)
    back = np.concatenate((quiet(0.09), said))[: len(said)] * 10 ** (-loss_db / 20)
    assert found(back + NOISE.normal(scale=10, size=len(back)), sent=said) == ("unknown", 4.0)


def test_somebody_speaks_while_our_prompt_comes_back():
    said = line(quiet(0.2), speech(5, pitch_hz=190), noise=0)
    assert found(line(*HELLO) + said * 0.05, sent=said)[0] == "voice"


def test_a_whole_sentence_and_then_silence_is_a_person():
    """As a company answers: only what follows it tells."""
    assert found(line(quiet(0.2), speech(2.6)))[0] == "voice"


def test_who_stops_late_may_be_a_machine():
    assert found(line(quiet(1.8), speech(1.5)))[0] == "answeringmachine"


def test_a_beep_that_is_not_over_when_the_time_is():
    assert found(line(quiet(0.9), speech(1.5), quiet(1.4), tone(1.0, 1000)))[0] == "answeringmachine"
    assert found(line(quiet(0.9), speech(1.5), quiet(1.6)))[0] == "voice"


def test_a_beep_in_the_band_of_a_fax_modem():
    assert found(line(quiet(0.2), speech(0.9), quiet(0.4), tone(0.4, 1750)))[0] == "answeringmachine"


@pytest.mark.parametrize("hz", [(384, 416), (400, 417), (400, 450)])
def test_a_ringing_tone_that_beats_is_nobody(hz):
    once = (tone(0.4, *hz, level=1500), quiet(0.2), tone(0.4, *hz, level=1500), quiet(2))
    assert found(line(*once, *once)) == ("unknown", 4.0)


def test_a_ringing_tone_of_which_the_answer_has_cut_off_most():
    assert found(line(tone(0.12, 400, 450, level=1500), quiet(0.2), tone(0.4, 400, 450, level=1500)))[0] == "unknown"


def notes(*chords, seconds=0.4, level=2000):
    return [sum(tone(seconds, hz * n, level=level / n) for hz in chord for n in (1, 2, 3)) for chord in chords]


def test_music_is_nobody():
    chords = ((220, 277, 330), (247, 294, 370), (196, 247, 294)) * 4
    assert found(line(*notes(*chords)))[0] == "unknown"


def test_a_greeting_over_music_is_a_machine():
    music = np.concatenate(notes(*((220, 277, 330), (247, 294, 370), (196, 247, 294)) * 5, level=100))
    wave = line(*GREETING)
    assert found(wave + music[: len(wave)])[0] == "answeringmachine"


def test_a_note_of_music_is_no_fax_that_calls():
    assert found(line(*notes((880,)), tone(0.5, 1100), *notes((990,), (880,), (784,))))[0] != "fax"


@pytest.mark.parametrize("every_s", [0.1, 0.3])
def test_knocks_and_clicks_are_nobody(every_s):
    knock = tone(0.05, 180, 340, 600, level=4000) * np.exp(-60 * np.arange(400) / RATE_HZ)
    assert found(line(*(np.concatenate((knock, quiet(every_s))),) * 30))[0] == "unknown"


def test_hiss_that_comes_and_goes_is_nobody():
    wave = line(noise=0)
    breath = NOISE.normal(scale=2000, size=len(wave)) * (np.arange(len(wave)) // 4000 % 2)
    assert found(wave + breath)[0] == "unknown"


def test_a_siren_is_nobody():
    at = np.arange(6 * RATE_HZ) / RATE_HZ
    hz = 900 + 300 * np.sin(2 * np.pi * 0.4 * at)
    assert found(line(3000 * np.sin(2 * np.pi * np.cumsum(hz) / RATE_HZ)))[0] == "unknown"


def test_who_is_as_soft_as_our_prompt_comes_back_is_heard():
    """It is taken away, and what it leaves is far below."""
    said = line(quiet(0.2), speech(5, pitch_hz=190), noise=0)
    back = np.concatenate((quiet(0.06), said))[: len(said)] * 0.2
    assert found(line(quiet(0.6), speech(0.7, level=700)) + back, sent=said)[0] == "voice"
    assert found(line() + back, sent=said)[0] == "unknown"


def test_the_time_can_be_shorter():
    assert found(line(), rules=Rules(within_s=2.0)) == ("unknown", 2.0)
