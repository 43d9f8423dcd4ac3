"""`callwright audio` against the API: a folder, a single file and an archive, and what is said of them."""

import asyncio
import io
import json
import wave
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest
from click.testing import CliRunner, Result
from served import served_here

from callwright.base.config import Config
from callwright.cli.audio import command
from callwright.providers.http import GuardedClient
from callwright.providers.pool_client import PoolClient
from callwright.web.app import create_app

pytestmark = pytest.mark.store

Callwright = Callable[..., Awaitable[Result]]


def _silence(seconds: float) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(int(seconds * 8000) * 2))
    return out.getvalue()


@pytest.fixture
async def server(db, database_url, tmp_path) -> AsyncIterator[str]:
    """The API on a free port."""
    http = GuardedClient((), True)
    config = Config(data_dir=str(tmp_path / "data"), database_url=database_url)
    app = create_app(config, db, http, PoolClient(config.pool_socket))
    async with served_here(app) as url:
        yield url
    await http.aclose()


@pytest.fixture
def callwright(server, world) -> Callwright:
    async def run(*arguments: object, fails: bool = False, key: str = "") -> Result:
        options = ["--url", server, "--user", world.account.email, "--key", key or world.account.developer_key]
        done = await asyncio.to_thread(CliRunner().invoke, command, [*(str(one) for one in arguments), *options])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        assert bool(done.exit_code) == fails, done.output
        return done

    return run


@pytest.fixture
async def application(server, world) -> int:
    modules = [
        {"name": "start", "type": "start", "exits": {"next": "say"}},
        {"name": "say", "type": "prompt", "prompt": [{"audio": "welcome"}], "exits": {"next": "end"}},
        {"name": "end", "type": "exit"},
    ]
    document = {"name": "Spoken", "languages": ["es-ES"], "pages": [{"name": "Main", "modules": modules}]}
    auth = (world.account.email, world.account.developer_key)
    async with httpx.AsyncClient(base_url=server, auth=auth, trust_env=False) as client:
        return (await client.post("/v1/applications", json=document)).json()["id"]


@pytest.fixture
def prompts(tmp_path):
    """A folder of prompts in two languages."""
    folder = tmp_path / "prompts"
    for language in ("en-US", "es"):
        (folder / language).mkdir(parents=True)
        (folder / language / "welcome.wav").write_bytes(_silence(1))
    return folder


async def test_a_folder(callwright, application, prompts):
    done = await callwright(application, prompts, "--dry-run")
    assert "nothing was changed" in done.stdout and done.stdout.count("added  ") == 2 and "Sending" in done.stderr
    assert "prompts: 0" in (await callwright(application)).stdout
    (prompts / "es" / "welcom.wav").write_bytes(_silence(1))
    done = await callwright(application, prompts, fails=True)
    assert "unknown name" in done.stdout and "added: 2" in done.stdout
    listed = (await callwright(application)).stdout
    assert "welcome" in listed and "es-ES" in listed and "1.0 s" in listed and "prompts: 2" in listed


async def test_what_is_too_much_for_one_archive_is_sent_in_several(callwright, application, prompts, monkeypatch):
    monkeypatch.setattr("callwright.cli.audio.BATCH_FILES_MAX", 1)
    done = await callwright(application, prompts)
    assert "added: 2" in done.stdout and done.stderr.count("Sending") == 2


async def test_a_file_says_its_language_by_its_folder(callwright, application, prompts):
    for given in (prompts / "es" / "welcome.wav", prompts / "es"):
        done = await callwright(application, given, "--json", "--dry-run")
        (line,) = json.loads(done.stdout)["files"]
        assert (line["status"], line["language"], line["duration_ms"]) == ("added", "es-ES", 1000)


async def test_an_archive(callwright, application, tmp_path):
    archive = tmp_path / "more.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("bye.wav", _silence(1))
    await callwright(application, archive, fails=True)
    assert "added: 1" in (await callwright(application, archive, "--new-names")).stdout
    (prompt,) = json.loads((await callwright(application, "--json")).stdout)
    assert (prompt["name"], prompt["language"]) == ("bye", "en-US")


async def test_what_goes_wrong_is_told_in_a_line(callwright, application, prompts, tmp_path):
    assert "no application 999" in (await callwright(999, prompts, fails=True)).stderr
    assert "user and key" in (await callwright(application, prompts, fails=True, key="wrong")).stderr
    (tmp_path / "readme.txt").write_text("hello")
    assert "neither a zip nor" in (await callwright(application, tmp_path / "readme.txt", fails=True)).stderr
    (tmp_path / "empty").mkdir()
    assert "no file in it" in (await callwright(application, tmp_path / "empty", fails=True)).stdout
