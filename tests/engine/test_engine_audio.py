"""Recorded prompts on real calls: the file in the call's language, and a version that sounds the same for ever."""

import io
import wave
from typing import Any

import numpy as np
import pytest
from conftest import Running

from callwright.media import g711, wav

pytestmark = pytest.mark.wire

PRESSES_TWO = "12125550102"
ENGLISH, SPANISH, NEW_ENGLISH = 400, 1000, 700
"Hertz of the tones that stand for voices."


def _tone(hertz: int, rate: int = 16_000) -> bytes:
    out = io.BytesIO()
    samples = (np.sin(2 * np.pi * hertz * np.arange(int(rate * 1.5)) / rate) * 9000).astype(np.int16)
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return out.getvalue()


def _document() -> dict[str, Any]:
    said = [{"audio": "welcome"}]
    choices = [{"keys": "1", "language": "en-US"}, {"keys": "2", "language": "es-ES"}]
    modules = [
        {"name": "start", "type": "start", "exits": {"next": "greeting"}},
        {"name": "greeting", "type": "prompt", "prompt": said, "exits": {"next": "choose"}},
        {"name": "choose", "type": "language", "prompt": "Choose.", "choices": choices, "exits": {"next": "again"}},
        {"name": "again", "type": "prompt", "prompt": said, "exits": {"next": "bye"}},
        {"name": "bye", "type": "prompt", "prompt": [{"audio": "bye"}], "exits": {"next": "end"}},
        {"name": "end", "type": "exit"},
    ]
    return {
        "name": "Recorded",
        "languages": ["es-ES"],
        "recording": True,
        "pages": [{"name": "Main", "modules": modules}],
    }


async def _heard(platform: Running, deployment: tuple[int, int]) -> list[int]:
    """The tones that a call hears, in order, each once it has lasted for a second."""
    over = await platform.over(await platform.queue(PRESSES_TWO, deployment=deployment))
    assert over["details"]["status"] == "completed", over
    (call,) = over["calls"]
    found = await platform.call(call["session_id"])
    assert found["transcript"].splitlines() == [
        "hears   welcome",
        "hears   Choose.",
        "presses 2",
        "hears   welcome",
        "hears   bye",
        "call ends",
    ]
    async with platform.client() as client:
        recording = wav.parse((await client.get(f"/v1/calls/{call['session_id']}/recording")).content)
    assert recording.channels == 2
    return _tones(g711.decode(recording.data[1::2]))


def _tones(samples: np.ndarray) -> list[int]:
    found: list[int] = []
    windows = 0
    last = 0
    for at in range(0, len(samples) - 800, 800):
        power = np.abs(np.fft.rfft(samples[at : at + 800].astype(np.float64) * np.hanning(800))) ** 2
        peak = int(np.argmax(power))
        pure = power[max(0, peak - 2) : peak + 3].sum() > 0.95 * power.sum() > 1e9
        hertz = peak * 10 if pure else 0
        windows = windows + 1 if hertz == last else 1
        last = hertz
        if hertz and windows == 10:
            found.append(hertz)
    return found


async def test_the_file_in_the_calls_language_as_it_was_published(platform):
    async with platform.client() as client:
        made = await client.post("/v1/applications", json=_document())
        application_id = made.json()["id"]
        application = f"/v1/applications/{application_id}"

        async def record(language: str, hertz: int) -> None:
            reply = await client.put(f"{application}/audio/{language}/welcome/file", content=_tone(hertz))
            assert reply.status_code == 200, reply.text

        async def publish() -> int:
            reply = await client.post(f"{application}/versions")
            assert reply.status_code == 201, reply.text
            return reply.json()["number"]

        async def deploy(version: int | None) -> tuple[int, int]:
            body = {"application_id": application_id, "label": "test", "version": version}
            return application_id, (await client.post("/v1/deployments", json=body)).json()["id"]

        await record("en-US", ENGLISH)
        await record("es-ES", SPANISH)
        # Not recorded yet: its words are spoken.
        await client.put(f"{application}/audio/en-US/bye", json={"words": "Goodbye."})
        pinned, latest = await deploy(await publish()), await deploy(None)
        assert await _heard(platform, latest) == [ENGLISH, SPANISH]
        await record("en-US", NEW_ENGLISH)
        assert await _heard(platform, latest) == [ENGLISH, SPANISH], "it is not published yet"
        await publish()
        assert await _heard(platform, latest) == [NEW_ENGLISH, SPANISH]
        assert await _heard(platform, pinned) == [ENGLISH, SPANISH], "a version never changes"
