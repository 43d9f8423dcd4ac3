"""PocketSphinx in its worker processes, alone and through the pool: what the synthesizer said as on a telephone line."""

import asyncio
import contextlib
import os
import signal

import pytest

from callwright.base.errors import ProviderError
from callwright.grammar import words
from callwright.grammar.grammars import Choices, Digits
from callwright.ports.recognizer import Utterance
from callwright.ports.synthesizer import SpeechRequest
from callwright.providers.asr.arpabet import arpabet
from callwright.providers.asr.pocketsphinx import PocketSphinx
from callwright.providers.pool_client import PoolClient
from callwright.providers.pool_server import PoolServer
from callwright.providers.tts.espeak import VOICES, Espeak

pytestmark = pytest.mark.wire

SURE = Choices("sure", (), ((words.YES, "yes"), (words.NO, "no")))
PIN = Digits("pin", 4, 4)


@pytest.fixture
async def espeak():
    opened = Espeak()
    yield opened
    await opened.close()


@pytest.fixture
async def recognizer(espeak):
    async def pronounce(word: str) -> str:
        return await espeak.pronounce(word, "en-US")

    opened = PocketSphinx(pronounce)
    yield opened
    await opened.close()


@pytest.fixture
def say(espeak):
    async def said(text: str) -> bytes:
        return await espeak.synthesize(SpeechRequest(text))

    return said


@pytest.mark.parametrize(
    ("text", "grammar", "value"), [("yes", SURE, "yes"), ("nope", SURE, "no"), ("one two three four", PIN, "1234")]
)
async def test_understands(recognizer, say, text, grammar, value):
    best, *_ = await recognizer.recognize(Utterance(await say(text), (SURE, PIN)))
    assert words.said(grammar, best.words, "en-US") == value
    assert best.confidence > 0.5
    assert " ".join(best.words) == text


async def test_the_same_utterance_is_understood_the_same_way(recognizer, say):
    utterance = Utterance(await say("four two one nine"), (PIN,), nbest_max=5)
    first = await recognizer.recognize(utterance)
    await recognizer.recognize(Utterance(await say("one two three four"), (PIN,)))
    assert await recognizer.recognize(utterance) == first


async def test_several_readings_of_what_is_short(recognizer, say):
    menu = Choices("menu", (), (("sales", "s"), ("sails", "t"), ("sale", "u"), ("goodbye", "g")))
    best, *others = await recognizer.recognize(Utterance(await say("sales"), (menu,), nbest_max=3))
    assert {best.words, *(other.words for other in others)} <= {("sales",), ("sails",), ("sale",)} and others
    assert all(other.confidence <= best.confidence for other in others)


async def test_a_word_that_no_dictionary_has(recognizer, say):
    menu = Choices("menu", (), (("callwright", "us"), ("goodbye", "bye")))
    best, *_ = await recognizer.recognize(Utterance(await say("callwright"), (menu,)))
    assert best.words == ("callwright",)


async def test_silence_is_nothing_of_the_grammar(recognizer):
    heard = await recognizer.recognize(Utterance(b"\xff" * 16_000, (SURE,)))
    assert all(one.confidence < 0.5 for one in heard)


async def test_what_cannot_be_asked(recognizer):
    with pytest.raises(ProviderError, match="not de-DE"):
        await recognizer.recognize(Utterance(b"\xff" * 8_000, (SURE,), "de-DE"))
    assert await recognizer.recognize(Utterance(b"\xff" * 8_000, ())) == ()


async def test_a_word_with_a_sound_that_is_not_english():
    async def pronounce(_: str) -> str:
        return "ʀ_a"

    recognizer = PocketSphinx(pronounce)
    with pytest.raises(ProviderError, match="cannot pronounce 'xyzzyx'"):
        await recognizer.recognize(Utterance(b"\xff" * 8_000, (Choices("menu", (), (("xyzzyx", "1"),)),)))
    await recognizer.close()


async def test_a_killed_worker_is_replaced(recognizer, say):
    utterance = Utterance(await say("yes"), (SURE,))
    first = await recognizer.recognize(utterance)
    for worker in recognizer._workers:
        if worker._process is not None:
            os.kill(worker._process.pid, signal.SIGKILL)
    with contextlib.suppress(ProviderError):
        # A question that the dead process got is not asked twice.
        await recognizer.recognize(utterance)
    assert await recognizer.recognize(utterance) == first


async def test_many_at_once_by_the_pool(tmp_path, say):
    ready = asyncio.Event()
    serving = asyncio.create_task(PoolServer(tmp_path / "pool.sock", tmp_path / "prompts").serve(ready.set))
    await asyncio.wait_for(ready.wait(), 10)
    client = PoolClient(tmp_path / "pool.sock")
    texts = ["yes", "no", "yeah", "nope"]
    said = [await say(text) for text in texts]
    heard = await asyncio.gather(*(client.recognize(Utterance(audio, (SURE,), private=True)) for audio in said))
    assert [words.said(SURE, best.words, "en-US") for best, *_ in heard] == ["yes", "no", "yes", "no"]
    assert list((tmp_path / "prompts").rglob("*.*")) == []
    with pytest.raises(ProviderError, match="not de-DE"):
        await client.recognize(Utterance(b"\xff" * 8_000, (SURE,), "de-DE"))
    await client.close()
    serving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await serving


@pytest.mark.parametrize("language", VOICES)
async def test_every_voice_is_there(espeak, language):
    assert await espeak.synthesize(SpeechRequest("no", language))


@pytest.mark.parametrize(
    ("ipa", "phones"),
    [
        ("k_ˈɔː_l", "K AO L"),
        ("ɹ_ˈaɪ_t", "R AY T"),
        ("t_ˈɛ_l_ɪ_f_ˌoʊ_n", "T EH L IH F OW N"),
        ("p_l_ˈʌ_m v_ˈɔɪ_s", "P L AH M V OY S"),
        ("ʀ_a", None),
        ("", None),
    ],
)
def test_pronunciations(ipa, phones):
    assert arpabet(ipa) == phones
