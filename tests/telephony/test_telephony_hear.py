"""Utterances on the wire: told by mark, handed over whole, and heard only while somebody waits for one."""

import asyncio

import numpy as np
import pytest
from rtp_peer import Call

from callwright.media import g711
from callwright.media.frames import frames
from callwright.ports.leg import PlayEnded, SpeechEnded, SpeechStarted
from callwright.telephony.plane import Closed

pytestmark = pytest.mark.wire


def vowel(seconds: float, level: float) -> tuple[bytes, ...]:
    at = np.arange(int(seconds * 8000)) / 8000
    tones = (np.sin(2 * np.pi * 140 * n * at) * np.exp(-(((140 * n - 600) / 500) ** 2)) for n in range(1, 20))
    wave = np.sum(list(tones), axis=0)
    return frames(g711.encode((wave / np.max(np.abs(wave)) * level).astype(np.int16)))


WORD, MURMUR = vowel(0.6, 12_000), vowel(3, 1_200)


@pytest.fixture
async def call(plane):
    call = Call(plane)
    yield call
    call.session.close()
    await call.told.event(Closed)
    call.peer.close()


async def says(call: Call, audio: tuple[bytes, ...]) -> None:
    """At the pace of speech, with a second of quiet in front."""
    for frame in (*((b"\xff" * 160,) * 50), *audio):
        call.peer.send(call.session, frame)
        await asyncio.sleep(0.02)


async def test_an_utterance_is_handed_over(call):
    call.session.hear(0.3, 7)
    await says(call, WORD)
    assert await call.told.event(SpeechStarted) == SpeechStarted(7)
    ended = await call.told.event(SpeechEnded)
    assert (ended.mark, ended.too_long) == (7, False)
    # The window of the onset may begin inside of the word's first frame; the rest of it is there, byte for byte.
    assert b"".join(WORD) in ended.audio
    await says(call, WORD)
    assert len(call.told.of(SpeechStarted)) == 1, "one was asked for"


async def test_nothing_is_heard_before_and_after(call):
    await says(call, WORD)
    call.session.hear(0.3, 1)
    call.session.hear(0, 0)
    await says(call, WORD)
    call.session.play([MURMUR[:2]], 1)
    await call.told.event(PlayEnded)
    assert not call.told.of(SpeechStarted)


async def test_what_we_play_coming_back_is_not_heard(call):
    call.session.hear(0.3, 1)
    loud = vowel(3, 20_000)
    call.session.play([loud], 2)
    for frame in MURMUR[:140]:
        call.peer.send(call.session, frame)
        await asyncio.sleep(0.02)
    assert not call.told.of(SpeechStarted)
    call.session.stop_playing()
    await says(call, WORD)
    assert await call.told.event(SpeechStarted) == SpeechStarted(1)


async def test_a_recording_goes_on_beside_it(call, tmp_path):
    call.session.start_recording(str(tmp_path / "call.wav"))
    call.session.hear(0.3, 1)
    await says(call, WORD)
    await call.told.event(SpeechEnded)
    call.session.stop_recording()
    call.session.close()
    await call.told.event(Closed)
    assert (tmp_path / "call.wav").stat().st_size > 2 * 8000
