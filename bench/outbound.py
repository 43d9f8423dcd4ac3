"""Outbound calls from the queue to SIPp: answered calls in a second, CPU for each, the whole product counted."""

import argparse
import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

from bench._ivr import processes
from bench._ivr.server import page, serve

HERE = Path(__file__).parent / "_ivr"
ANSWERER = ("127.0.0.2", 5070)
PREFIX = "1646555"
QUEUE_AT_ONCE = 8
CALL_S_MAX = 60.0


def main() -> int:
    options = argparse.ArgumentParser(prog="./dev bench outbound", description=__doc__)
    options.add_argument("--calls", type=int, default=2000)
    options.add_argument("--rates", default="100,200,300", help="calls dialled in a second, comma-separated")
    options.add_argument("--http", default="127.0.0.1:8090")
    options.add_argument("--sip", default="127.0.0.1:5060")
    options.add_argument("--data", default=str(Path(tempfile.gettempdir()) / "callwright-bench"), help="data directory")
    options.add_argument("--no-pin", action="store_true", help="leave the server on all cores")
    given = options.parse_args()
    if shutil.which("sipp") is None:
        print("sipp is missing: apt-get install sip-tester", file=sys.stderr)
        return 2
    with serve(Path(given.data), given.sip, given.http, None if given.no_pin else "0") as ready:
        for rate in given.rates.split(","):
            asyncio.run(_measure(ready, given.calls, float(rate)))
    return 0


async def _measure(ready: dict[str, Any], calls: int, rate: float) -> None:
    pids: dict[str, int] = ready["pids"]
    auth = httpx.BasicAuth(ready["email"], ready["developer_key"])
    async with httpx.AsyncClient(base_url=ready["base_url"], auth=auth, trust_env=False, timeout=30) as api:
        application, deployment, trunk = await _seed(api, rate)
        with tempfile.TemporaryDirectory(prefix="callwright-bench-") as folder:
            answerer = _answerer(Path(folder), calls)
            try:
                begins = int(time.time()) + 3 + calls // 250
                last = await _queue(api, f"/api/apps/{application}/{deployment}/queue", calls, begins)
                await asyncio.sleep(max(0.0, begins - 0.5 - time.time()))
                before = processes.usage(pids)
                answerer.wait(calls / rate + CALL_S_MAX)
                seconds = time.time() - begins
                after = processes.usage(pids)
            finally:
                answerer.kill()
        answered = calls - answerer.returncode if answerer.returncode in (0, 1) else 0
        status = await _status(api, last)
        await api.delete(f"/v1/trunks/{trunk}")
    cpu_ms = {role: 1000 * (after[role].cpu_s - before[role].cpu_s) / calls for role in after}
    by_role = ", ".join(f"{role} {ms:.2f}" for role, ms in cpu_ms.items() if ms >= 0.005)
    print(
        f"asked {rate:.0f}/s: {'all' if answered == calls else 'NOT all'} of {calls} answered and ended by SIPp's count, "
        f"{calls / seconds:.0f}/s, the last is {status}; CPU a call {sum(cpu_ms.values()):.2f} ms ({by_role})",
        flush=True,
    )


async def _status(api: httpx.AsyncClient, call_id: int) -> str:
    """What has become of a call, once it is over; what an engine knows is written a moment later."""
    until = time.monotonic() + 5
    while True:
        status = str((await api.get(f"/v1/outbound/{call_id}")).json()["details"]["status"])
        if status == "completed" or time.monotonic() > until:
            return status
        await asyncio.sleep(0.1)


async def _seed(api: httpx.AsyncClient, rate: float) -> tuple[int, int, int]:
    """An application that hangs up at once, its deployment, and a trunk to the answerer."""

    async def made(path: str, body: dict[str, Any] | None = None) -> int:
        reply = await api.post(path, json=body)
        if reply.is_error:
            raise SystemExit(f"POST {path}: {reply.status_code} {reply.text}")
        return int(reply.json().get("id", 0))

    application = await made("/v1/applications", page("Benchmark: hang up"))
    await made(f"/v1/applications/{application}/versions")
    deployment = await made("/v1/deployments", {"application_id": application, "label": "outbound"})
    host, port = ANSWERER
    trunk = {
        "name": "answerer",
        "host": host,
        "port": port,
        "prefix": PREFIX,
        "channels": 1000,
        "calls_per_second": rate,
    }
    return application, deployment, await made("/v1/trunks", trunk)


def _answerer(folder: Path, calls: int) -> "subprocess.Popen[bytes]":
    shutil.copy(HERE / "answerer.xml", folder / "scenario.xml")
    host, port = ANSWERER
    command = [
        "sipp", "-sf", "scenario.xml", "-i", host, "-mi", host, "-p", str(port), "-m", str(calls), "-nostdin",
        "-buff_size", "2097152",
    ]  # fmt: skip
    pinned = ["taskset", "-c", "1"] if (os.cpu_count() or 1) > 1 else []
    return subprocess.Popen([*pinned, *command], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


async def _queue(api: httpx.AsyncClient, path: str, calls: int, begins: int) -> int:
    """Queue calls that are all due at the same second. The id of the last."""
    left = iter(range(calls))
    ids: list[int] = []

    async def client() -> None:
        for number in left:
            fields = {"phone_number": f"{PREFIX}{number % 10_000:04d}", "start_timestamp": str(begins)}
            reply = await api.post(path, data=fields)
            if reply.status_code != 200:
                raise SystemExit(f"{reply.status_code} {reply.text}")
            ids.append(int(reply.json()["call_id"]))

    await asyncio.gather(*(client() for _ in range(QUEUE_AT_ONCE)))
    return max(ids)
