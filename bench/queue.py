"""Queue Call over REST: CPU for each request, and requests in a second."""

import argparse
import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

from bench._ivr import processes
from bench._ivr.server import serve

A_DAY_S = 86_400


def main() -> int:
    options = argparse.ArgumentParser(prog="./dev bench queue", description=__doc__)
    options.add_argument("--requests", type=int, default=3000)
    options.add_argument("--at-once", type=int, default=8, help="clients, each waiting for its answer")
    options.add_argument("--http", default="127.0.0.1:8090")
    options.add_argument("--sip", default="127.0.0.1:5060")
    options.add_argument("--data", default=str(Path(tempfile.gettempdir()) / "callwright-bench"), help="data directory")
    options.add_argument("--no-pin", action="store_true", help="leave the server on all cores")
    given = options.parse_args()
    with serve(Path(given.data), given.sip, given.http, None if given.no_pin else "0") as ready:
        asyncio.run(_measure(ready, given.requests, given.at_once))
    return 0


async def _measure(ready: dict[str, Any], requests: int, at_once: int) -> None:
    pids: dict[str, int] = ready["pids"]
    path = f"/api/apps/{ready['application_id']}/{ready['deployment_id']}"
    auth = httpx.BasicAuth(ready["email"], ready["developer_key"])
    async with httpx.AsyncClient(base_url=ready["base_url"], auth=auth, trust_env=False, timeout=30) as api:
        await _queue(api, path, 100, at_once)  # warm
        before, begun = processes.usage(pids), time.monotonic()
        times_ms = await _queue(api, path, requests, at_once)
        seconds, after = time.monotonic() - begun, processes.usage(pids)
        reply = await api.delete(f"{path}/cancel")
        print(f"cancelled afterwards: {reply.status_code} {reply.text}")
    cpu_ms = {role: 1000 * (after[role].cpu_s - before[role].cpu_s) / requests for role in after}
    by_role = ", ".join(f"{role} {ms:.2f}" for role, ms in cpu_ms.items() if ms >= 0.005)
    print(
        f"{requests} requests, {at_once} at once: {requests / seconds:.0f}/s, p50 {times_ms[len(times_ms) // 2]:.1f} ms, "
        f"p99 {times_ms[int(len(times_ms) * 0.99)]:.1f} ms\nCPU a request: {sum(cpu_ms.values()):.2f} ms ({by_role})"
    )


async def _queue(api: httpx.AsyncClient, path: str, requests: int, at_once: int) -> list[float]:
    """Queue calls for tomorrow, so that none is dialled. Milliseconds of each, sorted."""
    left = iter(range(requests))
    fields = {
        "phone_number": "12125550101",
        "metadata": '{"first_name": "Ann"}',
        "start_timestamp": str(int(time.time()) + A_DAY_S),
    }
    times_ms: list[float] = []

    async def client() -> None:
        for _ in left:
            begun = time.perf_counter()
            reply = await api.post(f"{path}/queue", data=fields)
            times_ms.append(1000 * (time.perf_counter() - begun))
            if reply.status_code != 200:
                raise SystemExit(f"{reply.status_code} {reply.text}")

    await asyncio.gather(*(client() for _ in range(at_once)))
    return sorted(times_ms)
