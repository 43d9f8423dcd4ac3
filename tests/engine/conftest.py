"""The whole platform, started once for the tests of a module as a user starts it."""

import asyncio
import json
import os
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from bench._ivr import media
from callwright.base.config import Config
from callwright.base.trust import trusting
from callwright.sip.address import host_port, written
from callwright.sip.events import Answered, Rejected, SipEvent
from callwright.store.database import Database
from callwright.telephony.sip_endpoint import SipEndpoint

START_S_MAX = 60.0
DESCRIPTION = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
SCENARIOS = Path(__file__).parents[2] / "bench" / "_ivr"


class Running:
    """A running platform, and what a client does with it."""

    def __init__(self, ready_file: Path, ca: Path | None = None) -> None:
        self._ready_file = ready_file
        self._trusted: ssl.SSLContext | bool = trusting(ca.read_text()) if ca else True
        self.auth = (self.ready["email"], self.ready["developer_key"])

    @property
    def ready(self) -> dict[str, Any]:
        return json.loads(self._ready_file.read_text())

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=self.ready["base_url"], auth=self.auth, trust_env=False, timeout=10, verify=self._trusted
        )

    @asynccontextmanager
    async def database(self) -> AsyncIterator[Database]:
        config = Config.load(Path(self.ready["recordings_dir"]).parent / "run" / "config.json")
        db = await Database.open(config.database_url, sealing_key=config.sealing_key)
        try:
            yield db
        finally:
            await db.close()

    async def queue(self, number: str, *, deployment: tuple[int, int] | None = None, **fields: Any) -> int:
        application_id, deployment_id = deployment or (self.ready["application_id"], self.ready["deployment_id"])
        async with self.client() as client:
            reply = await client.post(
                f"/api/apps/{application_id}/{deployment_id}/queue",
                data={"phone_number": number}
                | {k: v if isinstance(v, str) else json.dumps(v) for k, v in fields.items()},
            )
        assert reply.status_code == 200, reply.text
        return int(reply.json()["call_id"])

    async def queue_at(self, telephone: str, **fields: Any) -> int:
        """A call to a telephone of the account, by name or extension."""
        body = {"deployment_id": self.ready["deployment_id"], "to": f"sip:{telephone}@callwright"} | fields
        async with self.client() as client:
            reply = await client.post("/v1/outbound", json=body)
        assert reply.status_code == 201, reply.text
        return int(reply.json()["id"])

    async def until(self, call_id: int, *statuses: str, timeout_s: float = 60) -> dict[str, Any]:
        """The call, once it has one of these statuses."""
        async with self.client() as client, asyncio.timeout(timeout_s):
            while True:
                found = (await client.get(f"/v1/outbound/{call_id}")).json()
                if found["details"]["status"] in statuses:
                    return found
                await asyncio.sleep(0.05)

    async def over(self, call_id: int, *, timeout_s: float = 60) -> dict[str, Any]:
        return await self.until(call_id, "completed", "failed", "canceled", "rejected", timeout_s=timeout_s)

    async def call(self, session_id: str) -> dict[str, Any]:
        async with self.client() as client:
            return (await client.get(f"/v1/calls/{session_id}")).json()

    async def deploy(self, document: dict[str, Any], *, address: str | None = None) -> tuple[int, int]:
        """Publish and deploy a document: (application id, deployment id)."""
        async with self.client() as client:
            reply = await client.post("/v1/applications", json=document)
            assert reply.status_code == 201, reply.text
            application_id = reply.json()["id"]
            await client.post(f"/v1/applications/{application_id}/versions")
            body = {"application_id": application_id, "label": "test"}
            deployment_id = (await client.post("/v1/deployments", json=body)).json()["id"]
            if address:
                body = {"address": address, "deployment_id": deployment_id}
                assert (await client.post("/v1/numbers", json=body)).status_code == 201
        return application_id, deployment_id

    async def sipp(
        self, scenario: str, user: str, folder: Path, *options: str, host: str = "127.0.0.1", timeout_s: float = 60
    ) -> tuple[int, str]:
        """Run one of the benchmark's SIPp callers, at `host`, against a user there: its exit status (0: every call was as it should
        be) and what it printed."""
        assert shutil.which("sipp"), "SIPp is missing: ./dev test installs it"
        media.caller_pcap(folder / "caller.pcap")
        shutil.copy(SCENARIOS / f"{scenario}.xml", folder / "scenario.xml")
        process = await asyncio.create_subprocess_exec(
            *("sipp", self.at(host), "-s", user, "-sf", "scenario.xml", "-i", host, "-mi", host),
            *("-nostdin", "-timeout", "40s", "-timeout_error", "-trace_err", *options),
            cwd=folder,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await asyncio.wait_for(process.communicate(), timeout_s)
        errors = "".join(file.read_text()[-2000:] for file in folder.glob("*errors.log"))
        return process.returncode or 0, output.decode(errors="replace")[-4000:] + errors

    def at(self, host: str, transport: str = "udp") -> str:
        """Where SIP is at this address of the machine."""
        return written((host, host_port(self.ready["sip" if transport == "udp" else f"sip_{transport}"])[1]))

    async def recording(self, number: str) -> Path:
        """The recording of the only call to a number, once it is over."""
        (call,) = await self.calls(number, 1)
        (path,) = Path(self.ready["recordings_dir"]).rglob(f"{call['session_id'].replace(';', '-')}.wav")
        return path

    async def calls(self, number: str, count: int) -> list[dict[str, Any]]:
        """The calls to a number, once this many have been written."""
        async with self.client() as client, asyncio.timeout(10):
            while True:
                found = (await client.get(f"/api/calls/0/9999999999?number={number}")).json()["calls"]
                if len(found) >= count:
                    return found
                await asyncio.sleep(0.05)

    async def add_phone(self, name: str, **fields: object) -> tuple[int, str]:
        """Its id and its secret."""
        async with self.client() as client:
            reply = await client.post("/v1/phones", json={"name": name, **fields})
            assert reply.status_code == 201, reply.text
            return reply.json()["id"], reply.json()["secret"]

    async def legs_of(self, caller: str, count: int) -> list[dict[str, Any]]:
        """Of the newest call of this caller, once they have been written."""
        async with self.client() as client, asyncio.timeout(30):
            while True:
                for call in [one for one in (await client.get("/v1/calls")).json() if one["src"] == caller][:1]:
                    legs = (await client.get(f"/v1/calls/{call['session_id']}/legs")).json()
                    if len(legs) >= count:
                        return legs
                await asyncio.sleep(0.1)

    async def until_registration(self, trunk_id: int, state: str) -> dict[str, Any]:
        """Ours with a trunk, once it stands so."""
        async with self.client() as client, asyncio.timeout(30):
            while True:
                (found,) = [one for one in (await client.get("/v1/trunks")).json() if one["id"] == trunk_id]
                if found["registration"] and found["registration"]["state"] == state:
                    return found["registration"]
                await asyncio.sleep(0.05)

    async def called(self, source: str, number: str, *, caller: str = "6175550100", **options: Any) -> int:
        """The status that a call from this address gets; 0 for none in three seconds. `options`: of `SipEndpoint.invite`."""
        events: asyncio.Queue[SipEvent] = asyncio.Queue()
        endpoint = await SipEndpoint.open(source, 0, on_invite=lambda _: None)
        host, port = to = host_port(self.ready["sip"])
        try:
            call = endpoint.invite(
                f"sip:{number}@{host}:{port}", call_id=secrets.token_hex(8), caller=caller, sdp=DESCRIPTION, to=to,
                on_event=events.put_nowait, **options,
            )  # fmt: skip
            try:
                async with asyncio.timeout(3):
                    while not isinstance(event := await events.get(), Answered | Rejected):
                        pass
            except TimeoutError:
                return 0
            call.hang_up()
            return 200 if isinstance(event, Answered) else event.status
        finally:
            await endpoint.close()

    def phone_events(self) -> list[dict[str, Any]]:
        """What the test phone has noticed so far."""
        file = Path(self.ready["recordings_dir"]).parent / "run" / "phone.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def own_address() -> str:
    """An address of this machine that others reach."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no network")
        return str(probe.getsockname()[0])


@pytest.fixture(scope="module")
def platform() -> Iterator[Running]:
    with started() as running:
        yield running


@contextmanager
def started(*options: str, database_url: str = "", ca: Path | None = None) -> Iterator[Running]:
    """`callwright up` with these options, on free ports, in a new data directory. `ca`: who signed its certificate."""
    folder = Path(tempfile.mkdtemp(prefix="cw-"))
    folder.chmod(0o711)
    ready_file = folder / "ready.json"
    command = [sys.executable, "-m", "callwright", "up", "--data", str(folder / "d"), "--http", "127.0.0.1:0"]
    command += ["--sip", "127.0.0.1:0", "--phone", "127.0.0.1:0", "--ready-file", str(ready_file)]
    # When it is found out who has answered depends on the machine, and transcripts are compared line by line.
    command += ["--callee-seconds", "0", *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ, "DATABASE_URL": database_url})
    try:
        until = time.monotonic() + START_S_MAX
        while not ready_file.exists():
            assert process.poll() is None, "the platform ended while it started"
            assert time.monotonic() < until, "the platform was not ready in time"
            time.sleep(0.05)
        yield Running(ready_file, ca)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        finally:
            process.kill()
            shutil.rmtree(folder, ignore_errors=True)
