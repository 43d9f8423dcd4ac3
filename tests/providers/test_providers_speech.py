"""Speech: the real espeak-ng worker, its cache, and the pool process's protocol over a real socket."""

import asyncio
import contextlib
import json
import os
import signal

import pytest

from callwright.base.errors import ProviderError
from callwright.ports.synthesizer import SpeechRequest
from callwright.providers.pool_client import PoolClient
from callwright.providers.pool_server import PoolServer
from callwright.providers.prompt_cache import PromptCache
from callwright.providers.tts.espeak import Espeak

pytestmark = pytest.mark.wire


@pytest.fixture
async def espeak():
    opened = Espeak()
    yield opened
    await opened.close()


async def test_speaks(espeak):
    short = await espeak.synthesize(SpeechRequest("One."))
    long = await espeak.synthesize(SpeechRequest("One, two, three, four, five, six, seven."))
    assert 2000 < len(short) < len(long) < 80_000
    assert len(set(long)) > 50, "it is not silence"


async def test_markup(espeak):
    plain = await espeak.synthesize(SpeechRequest("one two"))
    paused = await espeak.synthesize(SpeechRequest('<speak>one <break time="2s"/> two</speak>'))
    assert 15_000 < len(paused) - len(plain) < 17_500, "two seconds of silence more"


@pytest.mark.parametrize("text", ["<speak>not ssml</speak>", "\x01\x02", "☎ ünïcödé 電話", '"; rm -rf /', "a" * 5000])
async def test_odd_text(espeak, text):
    await espeak.synthesize(SpeechRequest(text))
    assert await espeak.synthesize(SpeechRequest("still there"))


async def test_unknown_language(espeak):
    with pytest.raises(ProviderError, match="not xx-XX"):
        await espeak.synthesize(SpeechRequest("hello", "xx-XX"))


async def test_text_too_long(espeak):
    with pytest.raises(ProviderError, match="text must be"):
        await espeak.synthesize(SpeechRequest("a" * 30_000))


async def test_a_killed_worker_is_replaced(espeak):
    first = await espeak.synthesize(SpeechRequest("hello"))
    os.kill(espeak._worker.pid, signal.SIGKILL)
    assert await espeak.synthesize(SpeechRequest("hello")) == first


@pytest.mark.parametrize(
    "line", [b"{}", b"[]", b"nonsense", b'{"text": 1, "voice": "en-us"}', b'{"text": "a", "voice": "../x"}']
)
async def test_the_worker_answers_wrong_requests(espeak, line):
    await espeak.synthesize(SpeechRequest("hello"))
    worker = espeak._worker
    worker.stdin.write(line + b"\n")
    answer = json.loads(await asyncio.wait_for(worker.stdout.readline(), 5))
    assert answer["ok"] is False
    assert await espeak.synthesize(SpeechRequest("hello"))


@pytest.fixture
async def pool(tmp_path):
    """A running pool and a client of it."""
    path = tmp_path / "pool.sock"
    ready = asyncio.Event()
    serving = asyncio.create_task(PoolServer(path, tmp_path / "prompts").serve(ready.set))
    await asyncio.wait_for(ready.wait(), 10)
    client = PoolClient(path)
    yield client, path, tmp_path / "prompts"
    await client.close()
    serving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await serving


async def test_pool(pool):
    client, path, prompts = pool
    assert path.stat().st_mode & 0o777 == 0o600
    texts = [SpeechRequest(text) for text in ("one", "two", "one", "two", "one")]
    answers = await asyncio.gather(*(client.synthesize(request) for request in texts))
    assert answers[0] == answers[2] == answers[4] != answers[1] == answers[3]
    assert len(list(prompts.rglob("*.ulaw"))) == 2


async def test_private_speech_is_never_kept(pool):
    client, _, prompts = pool
    assert await client.synthesize(SpeechRequest("secret 4711", private=True))
    assert list(prompts.rglob("*.ulaw")) == []


async def test_pool_errors_are_told(pool):
    client, _, _ = pool
    with pytest.raises(ProviderError, match="not xx-XX"):
        await client.synthesize(SpeechRequest("hello", "xx-XX"))


async def test_no_pool(tmp_path):
    with pytest.raises(ProviderError, match="cannot be reached"):
        await PoolClient(tmp_path / "none.sock").synthesize(SpeechRequest("hello"))


async def test_cache_forgets_what_was_not_used_for_longest(tmp_path):
    cache = PromptCache(tmp_path, bytes_max=2500)

    async def make(_: SpeechRequest) -> bytes:
        return b"x" * 1000

    paths = []
    for n in range(4):
        path = await cache.get(cache.key("p", "1", "v", str(n)), SpeechRequest(str(n)), make)
        os.utime(path, (n, n))
        paths.append(path)
    assert cache.sweep() == 2
    assert [path.exists() for path in paths] == [False, False, True, True]


async def test_what_is_being_made_is_made_once(tmp_path):
    cache = PromptCache(tmp_path)
    made = 0

    async def make(_: SpeechRequest) -> bytes:
        nonlocal made
        made += 1
        await asyncio.sleep(0)
        return b"x"

    key = cache.key("p", "1", "v", "hello")
    await asyncio.gather(*(cache.get(key, SpeechRequest("hello"), make) for _ in range(10)))
    assert made == 1
