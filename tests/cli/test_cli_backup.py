"""A backup, taken from a platform that runs, restored onto an empty machine."""

import asyncio
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from up_for_tests import running

from callwright.cli._postgres import EmbeddedPostgres
from callwright.media.wav import ulaw_header

pytestmark = [pytest.mark.wire, pytest.mark.timeout(300)]

RUN_S_MAX = 120.0
HANGS_UP = "12125550106"


async def _callwright(*words: str, data: Path, **env: str) -> tuple[int, str]:
    """Its status, and what it said, in one line."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "callwright", *words, "--data", str(data)),
        env={**os.environ, "COLUMNS": "200", **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(process.communicate(), RUN_S_MAX)
    assert process.returncode is not None
    return process.returncode, " ".join(said.decode().split())


class _Api:
    """What a client gets from a running platform."""

    def __init__(self, ready: dict[str, Any]) -> None:
        self.ready = ready
        self._auth = (ready["email"], ready["developer_key"])

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.ready["base_url"], auth=self._auth, trust_env=False, timeout=10)

    async def queue(self, number: str, **fields: str) -> int:
        async with self.client() as api:
            path = f"/api/apps/{self.ready['application_id']}/{self.ready['deployment_id']}/queue"
            reply = await api.post(path, data={"phone_number": number, **fields})
        assert reply.status_code == 200, reply.text
        return int(reply.json()["call_id"])

    async def over(self, call_id: int) -> dict[str, Any]:
        async with self.client() as api, asyncio.timeout(60):
            while True:
                found: dict[str, Any] = (await api.get(f"/v1/outbound/{call_id}")).json()
                if found["details"]["status"] in ("completed", "failed", "canceled", "rejected"):
                    return found
                await asyncio.sleep(0.05)

    async def answers(self, *, outbound: list[int]) -> dict[str, bytes]:
        """The bodies of everything that can be read, by path; recordings among them."""
        found: dict[str, bytes] = {}
        async with self.client() as api:

            async def ask(path: str) -> bytes:
                reply = await api.get(path)
                assert reply.status_code == 200, f"{path}: {reply.text}"
                # The addresses of another machine are its own.
                return reply.content.replace(self.ready["base_url"].encode(), b"")

            for path in ("applications", "deployments", "numbers", "calls"):
                found[path] = await ask(f"/v1/{path}")
            found["log"] = await ask("/api/calls/0/9999999999")
            for call_id in outbound:
                found[f"outbound {call_id}"] = await ask(f"/v1/outbound/{call_id}")
            for call in json.loads(found["calls"]):
                path = f"/v1/calls/{call['session_id']}"
                found[path] = await ask(path)
                found[f"{path}/recording"] = await ask(f"{path}/recording")
        return found


def _audio(data_dir: Path) -> dict[str, str]:
    """The digests of all audio files and recordings, by name."""
    return {
        str(path.relative_to(data_dir)): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in ("audio", "recordings")
        for path in (data_dir / folder).rglob("*")
        if path.is_file()
    }


@pytest.fixture
def machines(data_dir: Path) -> Iterator[tuple[Path, Path]]:
    """Two data directories, of the old machine and of the new."""
    yield data_dir / "old", data_dir / "new"


async def _slow_trunk(api: _Api) -> None:
    """One more call at once, and then one in a hundred seconds."""
    async with api.client() as client:
        (trunk,) = (await client.get("/v1/trunks")).json()
        changed = {name: value for name, value in trunk.items() if name not in ("id", "registration")} | {
            "calls_per_second": 0.01
        }
        assert (await client.put(f"/v1/trunks/{trunk['id']}", json=changed)).status_code == 204


async def test_a_round_trip_onto_an_empty_machine(machines: tuple[Path, Path], data_dir: Path) -> None:
    old, new = machines
    file = data_dir / "callwright.backup"
    async with running(old) as platform:
        api = _Api(platform.ready)
        async with api.client() as client:
            wave = ulaw_header(800, 1) + bytes(range(100)) * 8
            assert (await client.post("/v1/audio", content=wave)).status_code == 201
        done = await api.queue(HANGS_UP, metadata='{"first_name": "Ann"}')
        await api.over(done)
        await _slow_trunk(api)
        await api.over(await api.queue(HANGS_UP))
        due = await api.queue(HANGS_UP, result_url="http://127.0.0.1:1/")
        later = await api.queue(HANGS_UP, start_timestamp=str(2**31))
        status, said = await _callwright("backup", str(file), data=old)
        assert status == 0, said
        before = await api.answers(outbound=[done, later])
    assert file.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in data_dir.iterdir()) == ["callwright.backup", "old"], "nothing else is left"
    assert (await _callwright("backup", str(file), data=old))[0] != 0, "it writes over nothing"
    assert (await _callwright("backup", str(file), "--force", data=old))[0] == 0, "it needs no platform that runs"

    status, said = await _callwright("restore", str(file), data=new)
    assert status == 0 and "1 queued call(s)" in said, said
    assert _audio(new) == _audio(old) and len(_audio(new)) == 3
    for name in ("secrets.json", "sealing.key"):
        assert (new / name).read_bytes() == (old / name).read_bytes()
        assert (new / name).stat().st_mode & 0o777 == 0o600
    assert not (new / ".restoring").exists()
    async with running(new) as platform:
        api = _Api(platform.ready)
        assert await api.answers(outbound=[done, later]) == before
        doubtful = await api.over(due)
        assert (doubtful["details"]["status"], doubtful["details"]["attempts"]) == ("failed", "0")
        assert doubtful["cause"].startswith("in doubt: restored from a backup")
        found = await api.over(await api.queue(HANGS_UP))
        assert found["details"]["status"] == "completed"
        status, said = await _callwright("restore", str(file), "--force", data=new)
        assert status != 0 and "already runs" in said

    status, said = await _callwright("restore", str(file), data=new)
    assert status != 0 and "is not empty" in said
    status, said = await _callwright("restore", str(file), "--force", "--dial-due", data=new)
    assert status == 0 and "queued call(s)" not in said, said
    (aside,) = new.glob("before-restore-*")
    assert sorted(path.name for path in aside.iterdir()) == [
        "audio",
        "postgres",
        "recordings",
        "sealing.key",
        "secrets.json",
    ]
    async with running(new) as platform:
        api = _Api(platform.ready)
        assert (await api.over(due))["details"]["status"] == "completed", "it was asked for"


async def test_a_server_of_ones_own(machines: tuple[Path, Path], data_dir: Path) -> None:
    old, new = machines
    file = data_dir / "callwright.backup"
    server, other = EmbeddedPostgres(data_dir / "one"), EmbeddedPostgres(data_dir / "two")
    await server.start()
    await other.start()
    try:
        async with running(old, env={**os.environ, "DATABASE_URL": server.url}) as platform:
            call_id = await _Api(platform.ready).queue(HANGS_UP, start_timestamp=str(2**31))
        status, said = await _callwright("backup", str(file), data=old, DATABASE_URL=server.url)
        assert status == 0, said
        for words in (), ("--force",):
            status, said = await _callwright("restore", str(file), *words, data=new, DATABASE_URL=other.url)
            assert status == 0, said
            async with (
                running(new, env={**os.environ, "DATABASE_URL": other.url}) as platform,
                _Api(platform.ready).client() as client,
            ):
                assert (await client.get("/v1/outbound")).json() == [call_id]
            status, said = await _callwright("restore", str(file), data=new, DATABASE_URL=other.url)
            assert status != 0 and "is not empty" in said
        status, said = await _callwright("backup", str(file), "--force", data=new, DATABASE_URL=other.url)
        assert status == 0, said
        connection = await asyncpg.connect(other.url)
        try:
            status, said = await _callwright("restore", str(file), "--force", data=new, DATABASE_URL=other.url)
            assert status != 0 and "in use by 1 other connection" in said
            schemas = await connection.fetch("SELECT 1 FROM pg_namespace WHERE nspname LIKE 'before_restore_%'")
            assert len(schemas) == 1, "what was there is set aside"
        finally:
            await connection.close()
    finally:
        await server.stop()
        await other.stop()


async def test_nothing_to_back_up(data_dir: Path) -> None:
    status, said = await _callwright("backup", str(data_dir / "file"), data=data_dir / "nowhere")
    assert status != 0 and "there is nothing in" in said
    assert list(data_dir.iterdir()) == []
