"""DEV's transcription API on a real recogniser in a real pool (docs/compatibility/dev-transcription.md)."""

import asyncio
import contextlib
import time

import pytest

from callwright.media import wav
from callwright.ports.synthesizer import SpeechRequest
from callwright.providers.pool_server import PoolServer
from callwright.providers.tts.espeak import Espeak
from callwright.services import passwords, retention, transcriptions

pytestmark = pytest.mark.store

TRANSCRIBE = "/ws/transcription/transcribe.json"
SILENCE = b"\xff" * 8000


@pytest.fixture(autouse=True)
def nobody_has_failed():
    passwords._failures._counted.clear()


@pytest.fixture
async def pool(config):
    """Where the web process looks for it."""
    config.pool_socket.parent.mkdir(parents=True, exist_ok=True)
    server = PoolServer(config.pool_socket, config.pool_socket.parent / "prompts")
    ready = asyncio.Event()
    serving = asyncio.create_task(server.serve(ready.set))
    await asyncio.wait_for(ready.wait(), 10)
    yield
    serving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await serving


@pytest.fixture
async def speech():
    """A sentence, a second of silence, and another one, as on a telephone line."""
    espeak = Espeak()
    said = [
        await espeak.synthesize(SpeechRequest(text))
        for text in ("the meeting is on monday morning at nine", "i would like to speak to a manager")
    ]
    await espeak.close()
    return SILENCE.join(said)


async def _transcribe(client, audio, *, name="message", language="en-US", path=TRANSCRIBE):
    return await client.post(path, data={"language": language}, files={"audio": (name, audio)})


def _error(reply):
    told = reply.json()
    assert list(told) == ["status", "error"] and told["status"] == "failure"
    return reply.status_code, told["error"]


async def test_bare_samples(dev_client, pool, speech):
    begun = int(time.time())
    reply = await _transcribe(dev_client, speech)
    assert reply.status_code == 200, reply.text
    told = reply.json()
    assert (list(told), told["status"], told["error"]) == (["status", "error", "result"], "success", "")
    result = told["result"]
    assert list(result) == [
        "transcription_id", "message", "duration", "language", "workflow", "request_timestamp", "response_timestamp",
        "result_url", "status",
    ]  # fmt: skip
    words = result["message"].split()
    # A synthesizer's voice is far from what the model knows (docs/reference/speech.md), but not that far.
    assert words.index("monday") + 1 == words.index("morning") < words.index("would") == words.index("like") - 1
    assert len(result["transcription_id"]) == 32
    assert result["duration"] == round(len(speech) / 8000)
    assert (result["language"], result["result_url"], result["status"]) == ("en-US", "", "complete")
    assert begun <= result["request_timestamp"] <= result["response_timestamp"] <= time.time()
    again = await dev_client.get(f"/ws/transcription/status.json/{result['transcription_id']}")
    assert again.json() == told


async def test_a_recording_with_a_header(dev_client, pool, speech):
    bare = (await _transcribe(dev_client, speech)).json()["result"]
    headed = (await _transcribe(dev_client, wav.ulaw_header(len(speech), 1) + speech, name="x.wav")).json()["result"]
    assert (headed["message"], headed["duration"]) == (bare["message"], bare["duration"])
    reply = await _transcribe(dev_client, SILENCE, path="/ws/transcription/transcribe.xml")
    assert reply.headers["content-type"].startswith("application/xml")
    assert "<transcribe><status>success</status>" in reply.text and "<message/>" in reply.text.replace(
        "<message></message>", "<message/>"
    )


@pytest.mark.parametrize(
    ("language", "audio", "error"),
    [
        ("", SILENCE, "language is missing or invalid"),
        ("en-us", SILENCE, "language is missing or invalid"),
        ("tlh-XX", SILENCE, "language is missing or invalid"),
        *(
            (language, SILENCE, f"there is no speech recognizer for {language}, only for en-AU, en-GB, en-US")
            for language in ("de-DE", "es-ES", "es-MX", "es-US", "fr-CA", "fr-FR", "ja-JP", "pt-BR", "zh-CN")
        ),
        ("en-US", b"", "audio cannot be used: it is empty"),
        ("en-US", b"OggS" + SILENCE, "audio cannot be used: it is Ogg, and"),
        ("en-US", SILENCE * 61, "audio must not be longer than 60 seconds"),
    ],
)
async def test_refused(dev_client, db, language, audio, error):
    """Before anybody listens: no pool is there."""
    status, told = _error(await _transcribe(dev_client, audio, language=language))
    assert status == 200 and told.startswith(error)
    assert await db.pool.fetchval("SELECT count(*) FROM transcriptions") == 0


async def test_no_audio(dev_client):
    reply = await dev_client.post(TRANSCRIBE, data={"language": "en-US", "audio": "not a file"})
    assert _error(reply) == (200, "audio is missing")


async def test_no_recogniser(dev_client):
    status, told = _error(await _transcribe(dev_client, SILENCE))
    assert status == 503 and told.startswith("the speech recognizer cannot be asked now, try again later: ")


async def test_more_than_are_served_at_once(dev_client, pool, speech):
    replies = await asyncio.gather(*(_transcribe(dev_client, speech) for _ in range(4)))
    assert sorted(reply.status_code for reply in replies) == [200, 200, 503, 503]


async def test_another_form_is_no_page(dev_client):
    reply = await _transcribe(dev_client, SILENCE, path="/ws/transcription/transcribe.csv")
    assert _error(reply)[0] == 200


@pytest.fixture
async def made(db, world):
    """A transcription of six days ago, and one of a moment ago."""

    class Listener:
        def knows(self, _: str) -> bool:
            return True

        async def transcribe(self, audio: bytes, language: str) -> str:
            return "hello"

    found = [await transcriptions.transcribe(db, world.scope, Listener(), SILENCE, "en-US") for _ in range(2)]
    await db.pool.execute(
        "UPDATE transcriptions SET requested_at = requested_at - 6 * 86400 WHERE transcription_id = $1",
        found[0].transcription_id,
    )
    return found


async def test_it_is_its_owners_for_five_days(dev_client, app, db, made, other, colleague):
    old, new = (f"/ws/transcription/status.json/{one.transcription_id.hex}" for one in made)
    assert (await dev_client.get(new)).json()["result"]["message"] == "hello"
    assert _error(await dev_client.get(old)) == (200, "transcription not found")
    assert _error(await dev_client.get("/ws/transcription/status.json/x")) == (200, "transcription not found")
    colleague.auth = ("carol@example.test", "Secret-123")
    assert _error(await colleague.get(new)) == (200, "transcription not found")
    removed = [one async for one in retention.run(db, time.time())]
    assert all(one.table != "transcriptions" for one in removed), "there is no partition yet that is old enough"
    await retention.make_partitions(db, time.time())
    planned = await retention.planned(db, time.time())
    removed = [one async for one in retention.run(db, time.time())]
    assert [one.rows for one in removed if one.table.startswith("transcriptions")] == [1]
    assert planned == removed
    assert await db.pool.fetchval("SELECT count(*) FROM transcriptions") == 1


async def test_an_account_that_keeps_less(dev_client, db, world, made):
    await db.pool.execute("UPDATE accounts SET details_days = 0 WHERE id = $1", world.scope.account_id)
    await db.pool.execute("UPDATE transcriptions SET requested_at = requested_at - 2")
    new = f"/ws/transcription/status.json/{made[1].transcription_id.hex}"
    assert _error(await dev_client.get(new)) == (200, "transcription not found")
    removed = [one async for one in retention.run(db, time.time() + 1)]
    assert [(one.table, one.rows) for one in removed] == [("transcriptions", 2)]
