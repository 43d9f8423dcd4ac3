"""The audio manager over our own API: one prompt, many at once, and what publishing makes of them."""

import asyncio
import io
import json
import tarfile
import wave
import zipfile
from typing import Any

import httpx
import numpy as np
import pytest

from callwright.media import audio_files as forms
from callwright.media import g711, wav
from callwright.services import archives, audio_files, audio_prompts

pytestmark = pytest.mark.store


def _tone(hertz: float, seconds: float = 0.3, *, rate: int = 8000) -> bytes:
    out = io.BytesIO()
    samples = (np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate) * 8000).astype(np.int16)
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return out.getvalue()


ONE, TWO, THREE = _tone(400), _tone(600), _tone(800)


def _document(prompt: Any = None, **more: Any) -> dict:
    modules = [
        {"name": "start", "type": "start", "exits": {"next": "say"}},
        {"name": "say", "type": "prompt", "prompt": prompt or [{"audio": "welcome"}], "exits": {"next": "end"}},
        {"name": "end", "type": "exit"},
    ]
    return {"name": "Spoken", "languages": ["es-ES"], "pages": [{"name": "Main", "modules": modules}], **more}


@pytest.fixture
async def application(client) -> str:
    return await _create(client, _document())


async def _create(client: httpx.AsyncClient, document: dict) -> str:
    made = await client.post("/v1/applications", json=document)
    assert made.status_code == 201, made.text
    return f"/v1/applications/{made.json()['id']}"


def _problem(reply: httpx.Response, status: int) -> str:
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    return reply.json()["detail"]


class TestOnePrompt:
    async def test_from_words_to_a_recording(self, client, application, world):
        prompt = f"{application}/audio/en-US/welcome"
        written = (await client.put(prompt, json={"words": "Welcome to Acme."})).json()
        assert (written["audio"], written["duration_ms"], written["words"]) == (None, None, "Welcome to Acme.")
        _problem(await client.get(f"{prompt}/file"), 404)
        recorded = await client.put(f"{prompt}/file", content=ONE)
        assert recorded.status_code == 200, recorded.text
        told = recorded.json()
        assert told | {"id": 0, "changed_at": 0, "audio": ""} == {
            "id": 0,
            "name": "welcome",
            "language": "en-US",
            "audio": "",
            "words": "Welcome to Acme.",
            "duration_ms": 300,
            "changed_at": 0,
            "changed_by": world.account.email,
        }
        assert (await client.get(prompt)).json() == told
        reply = await client.get(f"{prompt}/file")
        assert reply.headers["content-type"] == "audio/wav" and "welcome.en-US.wav" in str(reply.headers)
        heard = wav.parse(reply.content)
        assert (heard.format, heard.rate_hz, len(heard.data)) == (wav.ULAW, 8000, 2400)
        assert heard.data == forms.ulaw_of(ONE)
        assert (await client.get(f"/v1/audio/{told['audio']}")).content == reply.content
        again = (await client.put(f"{prompt}/file", content=TWO)).json()
        assert again["audio"] != told["audio"] and again["words"] == "Welcome to Acme." and again["id"] == told["id"]

    async def test_a_file_that_the_account_has_already(self, client, application):
        audio = (await client.post("/v1/audio", content=ONE)).json()["audio"]
        prompt = f"{application}/audio/es-ES/welcome"
        assert (await client.put(prompt, json={"audio": audio})).json()["duration_ms"] == 300
        unknown = "sha256:" + "0" * 64
        assert unknown in _problem(await client.put(prompt, json={"audio": unknown}), 400)
        for wrong in (
            {"audio": "/etc/passwd"},
            {"words": "<speak>x</speak>"},
            {"words": "\0"},
            {"words": "\ud800"},
            {"x": 1},
        ):
            reply = await client.put(prompt, content=json.dumps(wrong), headers={"Content-Type": "application/json"})
            _problem(reply, 422)

    @pytest.mark.parametrize("place", ["en/welcome", "en-US/%2e%2e", "en-US/-x", "en-US/" + "x" * 101, "EN-us/x"])
    async def test_what_is_no_language_or_name(self, client, application, place):
        _problem(await client.put(f"{application}/audio/{place}", json={}), 422)

    async def test_what_cannot_be_read(self, client, application):
        path = f"{application}/audio/en-US/welcome/file"
        told = _problem(await client.put(f"{path}?file_name=welcome.ogg", content=b"OggS" + bytes(99)), 400)
        assert "welcome.ogg" in told and "Ogg" in told
        _problem(await client.put(path, content=bytes(forms.BYTES_MAX + 1)), 413)
        _problem(await client.get(f"{application}/audio/en-US/welcome"), 404)

    async def test_lists_are_filtered_and_paged(self, client, application):
        for place in ("en-US/welcome", "es-ES/welcome", "en-US/Well", "en-US/bye"):
            await client.put(f"{application}/audio/{place}", json={"words": place})

        async def found(**query: Any) -> list[str]:
            reply = await client.get(f"{application}/audio", params=query)
            assert reply.status_code == 200, reply.text
            return [f"{one['language']}/{one['name']}" for one in reply.json()]

        assert await found() == ["en-US/welcome", "es-ES/welcome", "en-US/Well", "en-US/bye"]
        assert await found(name="WEL") == ["en-US/welcome", "es-ES/welcome", "en-US/Well"]
        assert await found(name="wel", language="en-US") == ["en-US/welcome", "en-US/Well"]
        assert await found(name="%") == []
        second = (await client.get(f"{application}/audio?limit=2")).json()[1]["id"]
        assert await found(after=second, limit=1) == ["en-US/Well"]
        _problem(await client.get(f"{application}/audio?language=english"), 422)

    async def test_what_the_draft_speaks_is_not_deleted(self, client, application):
        for place in ("en-US/welcome", "fr-FR/welcome", "en-US/old"):
            await client.put(f"{application}/audio/{place}", json={"words": "x"})
        assert "module 'say'" in _problem(await client.delete(f"{application}/audio/en-US/welcome"), 409)
        assert (await client.delete(f"{application}/audio/fr-FR/welcome")).status_code == 204, "it speaks no French"
        assert (await client.delete(f"{application}/audio/en-US/old")).status_code == 204
        _problem(await client.delete(f"{application}/audio/en-US/old"), 404)
        await client.put(f"{application}/draft", json=_document("Hello."))
        assert (await client.delete(f"{application}/audio/en-US/welcome")).status_code == 204
        assert (await client.get(f"{application}/audio")).json() == []

    async def test_limits_of_an_application_and_an_account(self, client, application, monkeypatch):
        monkeypatch.setattr(audio_prompts, "PROMPTS_MAX", 1)
        assert (await client.put(f"{application}/audio/en-US/a", json={})).status_code == 200
        assert (await client.put(f"{application}/audio/en-US/a/file", content=ONE)).status_code == 200
        assert "at most 1" in _problem(await client.put(f"{application}/audio/en-US/b", json={}), 409)
        monkeypatch.setattr(audio_files, "ACCOUNT_S_MAX", 0.5)
        assert "longer than" in _problem(await client.post("/v1/audio", content=TWO), 409)
        assert (await client.post("/v1/audio", content=ONE)).status_code == 201, "it is there already"

    async def test_many_writers_at_once(self, client, application):
        path = f"{application}/audio/en-US/welcome"
        replies = await asyncio.gather(*(client.put(f"{path}/file", content=file) for file in (ONE, TWO, THREE) * 3))
        assert {reply.status_code for reply in replies} == {200}
        (only,) = (await client.get(f"{application}/audio")).json()
        assert (await client.get(f"{path}/file")).content[-2400:] in {forms.ulaw_of(file) for file in (ONE, TWO, THREE)}
        assert only["duration_ms"] == 300


def _zip(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return out.getvalue()


def _tar(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for path, content in files.items():
            info = tarfile.TarInfo(path)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


async def _upload(client: httpx.AsyncClient, application: str, archive: bytes, **query: Any) -> dict:
    reply = await client.post(f"{application}/audio/archive", content=archive, params=query)
    assert reply.status_code == 200, reply.text
    return reply.json()


def _became(report: dict) -> dict[str, tuple[str, str]]:
    return {one["file"]: (one["status"], f"{one['language']}/{one['name']}") for one in report["files"]}


class TestArchive:
    @pytest.mark.parametrize("pack", [_zip, _tar])
    async def test_files_are_matched_by_name(self, client, application, pack):
        await client.put(f"{application}/audio/en-US/menu.v2", json={"words": "For sales, press 1."})
        files = {
            "prompts/es/welcome.wav": ONE,
            "welcome.WAV": TWO,
            "prompts/menu.v2.es-ES.wav": THREE,
            "ivr/menu.v2.wav": ONE,
            "welcome_de-DE.wav": ONE,
            "fr/welcome.wav": ONE,
            "welcom.wav": ONE,
            "readme.txt": b"hello",
            "../../en-US/welcome.wav": ONE,
            "en-US/welcome.wav": ONE,
            "__MACOSX/._welcome.wav": b"junk",
            "es-ES/menu.v2.mp3": b"ID3 no sound",
        }
        dry = await _upload(client, application, pack(files), dry_run=True)
        assert len((await client.get(f"{application}/audio")).json()) == 1, "nothing was changed"
        report = await _upload(client, application, pack(files))
        assert report["files"] == dry["files"] and (dry["dry_run"], report["dry_run"]) == (True, False)
        assert _became(report) == {
            "prompts/es/welcome.wav": ("added", "es-ES/welcome"),
            "welcome.WAV": ("added", "en-US/welcome"),
            "prompts/menu.v2.es-ES.wav": ("added", "es-ES/menu.v2"),
            "ivr/menu.v2.wav": ("added", "en-US/menu.v2"),
            "welcome_de-DE.wav": ("unknown_language", "de-DE/welcome"),
            "fr/welcome.wav": ("unknown_language", "fr/welcome"),
            "welcom.wav": ("unknown_name", "en-US/welcom"),
            "readme.txt": ("unreadable", "/"),
            "../../en-US/welcome.wav": ("unreadable", "/"),
            "en-US/welcome.wav": ("unreadable", "en-US/welcome"),
            "es-ES/menu.v2.mp3": ("unreadable", "es-ES/menu.v2"),
        }
        reasons = {one["file"]: one["reason"] for one in report["files"]}
        assert "out of the archive" in reasons["../../en-US/welcome.wav"] and "MP3" in reasons["es-ES/menu.v2.mp3"]
        assert "another file for this prompt" in reasons["en-US/welcome.wav"]
        assert "en-US, es-ES" in reasons["fr/welcome.wav"]
        assert report["counts"] == {"added": 4, "unknown_language": 2, "unknown_name": 1, "unreadable": 4}
        (kept,) = (await client.get(f"{application}/audio?name=menu.v2&language=en-US")).json()
        assert kept["words"] == "For sales, press 1." and kept["duration_ms"] == 300

    async def test_a_second_time(self, client, application):
        files = {"en-US/welcome.wav": ONE, "es-ES/welcome.wav": TWO}
        assert (await _upload(client, application, _zip(files)))["counts"] == {"added": 2}
        before = (await client.get(f"{application}/audio")).json()
        again = await _upload(client, application, _tar({**files, "es-ES/welcome.wav": THREE}))
        assert again["counts"] == {"unchanged": 1, "replaced": 1}
        after = (await client.get(f"{application}/audio")).json()
        assert after[0] == before[0] and after[1]["audio"] != before[1]["audio"]

    async def test_names_that_nobody_knows_yet(self, client, application):
        report = await _upload(client, application, _zip({"new one.wav": ONE, "é.wav": TWO}), new_names=True)
        assert _became(report) == {"new one.wav": ("added", "en-US/new one"), "é.wav": ("unknown_name", "en-US/é")}
        assert (await client.get(f"{application}/audio/en-US/new%20one")).status_code == 200

    async def test_what_is_no_archive(self, client, application):
        for archive in (b"", b"hello", _zip({"a.wav": ONE})[:-30]):
            _problem(await client.post(f"{application}/audio/archive", content=archive), 400)

    async def test_limits(self, client, application, monkeypatch):
        monkeypatch.setattr(archives, "ENTRIES_MAX", 1)
        told = _problem(
            await client.post(f"{application}/audio/archive", content=_zip({"a.wav": ONE, "b.wav": ONE})), 400
        )
        assert "more than 1 files" in told
        # Of a tar, files are seen one after the other.
        report = await _upload(client, application, _tar({"welcome.wav": ONE, "b.wav": ONE}))
        assert [one["status"] for one in report["files"]] == ["added", "unreadable"]
        assert "the rest" in report["files"][1]["reason"]

    async def test_a_body_over_the_limit(self, client, application):
        async def endless():
            for _ in range(200):
                yield bytes(1 << 20)

        _problem(await client.post(f"{application}/audio/archive", content=endless()), 413)

    async def test_an_upload_does_not_hold_up_others(self, client, application):
        files = {f"en-US/p{n}.wav": _tone(300 + n, 30, rate=44_100) for n in range(6)}
        sending = asyncio.create_task(_upload(client, application, _zip(files), new_names=True))
        answered = 0
        while not sending.done():
            assert (await client.get("/health")).status_code == 200
            answered += 1
        assert (await sending)["counts"] == {"added": 6} and answered > 10


class TestPublishing:
    async def test_missing_audio_is_an_error_without_words_and_a_warning_with(self, client, application):
        told = _problem(await client.post(f"{application}/versions"), 409)
        assert "there is no audio file 'welcome'" in told
        (finding,) = (await client.get(f"{application}/inspection")).json()["findings"]
        assert (finding["level"], finding["kind"], finding["module"]) == ("error", "audio", "say")
        await client.put(f"{application}/audio/en-US/welcome", json={"words": "Welcome."})
        (warning,) = (await client.post(f"{application}/versions")).json()["warnings"]
        assert "its words are spoken" in warning["message"]
        await client.put(f"{application}/audio/en-US/welcome/file", content=ONE)
        (warning,) = (await client.post(f"{application}/versions")).json()["warnings"]
        assert "missing in es-ES" in warning["message"]
        await client.put(f"{application}/audio/es-ES/welcome/file", content=TWO)
        assert (await client.post(f"{application}/versions")).json() == {"number": 3, "warnings": []}

    async def test_a_file_that_is_named_itself(self, client):
        unknown = await _create(client, _document([{"audio": "sha256:" + "0" * 64}]))
        assert "no audio file 'sha256:000" in _problem(await client.post(f"{unknown}/versions"), 409)
        audio = (await client.post("/v1/audio", content=ONE)).json()["audio"]
        known = await _create(client, _document([{"audio": audio}]))
        assert (await client.post(f"{known}/versions")).json() == {"number": 1, "warnings": []}

    async def test_a_version_keeps_the_files_that_it_was_published_with(self, client, application):
        await client.put(f"{application}/audio/en-US/welcome/file", content=ONE)
        await client.put(f"{application}/audio/es-ES/welcome", json={"words": "Bienvenido."})
        first = (await client.get(f"{application}/audio/en-US/welcome")).json()["audio"]
        await client.post(f"{application}/versions")
        second = (await client.put(f"{application}/audio/en-US/welcome/file", content=TWO)).json()["audio"]
        await client.post(f"{application}/versions")

        async def part(number: int) -> dict:
            document = (await client.get(f"{application}/versions/{number}")).json()["document"]
            return document["pages"][0]["modules"][1]["prompt"][0]

        assert (await part(1))["files"] == {"en-US": first} and (await part(2))["files"] == {"en-US": second}
        assert (await part(1))["words"] == {"es-ES": "Bienvenido."}
        assert (await client.get(f"/v1/audio/{first}")).content[-2400:] == forms.ulaw_of(ONE)
        changes = (await client.get(f"{application}/versions/1/differences/2")).json()
        assert [(one["module"], "files.en-US" in one["message"]) for one in changes] == [("say", True)]
        assert (await client.get(f"{application}/versions/2/differences/draft")).json() == []

    async def test_the_draft_names_audio_and_not_files(self, client, application):
        await client.put(f"{application}/audio/en-US/welcome/file", content=ONE)
        await client.post(f"{application}/versions")
        assert (await client.get(f"{application}/draft")).json()["pages"] == _document()["pages"]
        assert (await client.post(f"{application}/versions/1/restore")).status_code == 204
        assert (await client.get(f"{application}/draft")).json()["pages"] == _document()["pages"]

    async def test_a_copy_has_the_prompts(self, client, application):
        await client.put(f"{application}/audio/en-US/welcome/file", content=ONE)
        made = await client.post(f"{application}/copies", json={"name": "Copy"})
        copy = f"/v1/applications/{made.json()['id']}"
        (mine,), (copied,) = [(await client.get(f"{one}/audio")).json() for one in (application, copy)]
        assert copied["audio"] == mine["audio"] and copied["id"] != mine["id"]
        assert (await client.post(f"{copy}/versions")).status_code == 201


async def test_nothing_of_another_account(client, stranger, application):
    await client.put(f"{application}/audio/en-US/welcome/file", content=ONE)
    audio = (await client.get(f"{application}/audio/en-US/welcome")).json()["audio"]
    prompt = f"{application}/audio/en-US/welcome"
    for method, path, body in (
        ("GET", f"/v1/audio/{audio}", None),
        ("GET", f"{application}/audio", None),
        ("GET", prompt, None),
        ("PUT", prompt, {"words": "mine"}),
        ("DELETE", prompt, None),
        ("GET", f"{prompt}/file", None),
    ):
        _problem(await stranger.request(method, path, json=body), 404)
    _problem(await stranger.put(f"{prompt}/file", content=TWO), 404)
    _problem(await stranger.post(f"{application}/audio/archive", content=_zip({"welcome.wav": TWO})), 404)
    # Nor is a file theirs because they know its name: they have to bring its sound.
    mine = await _create(stranger, _document([{"audio": audio}]))
    assert "no audio file" in _problem(await stranger.post(f"{mine}/versions"), 409)
    _problem(await stranger.put(f"{mine}/audio/en-US/welcome", json={"audio": audio}), 400)
    assert (await client.get(f"{prompt}/file")).content[-2400:] == forms.ulaw_of(ONE)


@pytest.mark.parametrize("audio", ["sha256:..%2f..%2fsecrets", "sha256:" + "0" * 64, "x%00", "tone:beep"])
async def test_what_is_no_file(client, audio):
    _problem(await client.get(f"/v1/audio/{audio}"), 404)


async def test_a_file_that_is_gone_from_the_disk_is_written_again(client, config):
    first = (await client.post("/v1/audio", content=ONE)).json()["audio"]
    (file,) = config.audio_dir.rglob("*.ulaw")
    file.unlink()
    _problem(await client.get(f"/v1/audio/{first}"), 404)
    assert (await client.post("/v1/audio", content=ONE)).json()["audio"] == first
    assert g711.decode((await client.get(f"/v1/audio/{first}")).content[-2400:]).max() > 7000
