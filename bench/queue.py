"""Queue Call over REST: CPU for each request, requests in a second, and whether audio stays smooth meanwhile.

Without --rates, clients ask as fast as they are answered. With it, requests come at a constant rate whatever the
answers do, as from many clients who do not know of each other; time is counted from when a request was to be sent.
With --calls-up, SIPp keeps so many calls with two-way audio up at the same time, and the gaps between the packets
that it is sent are measured.
"""

import argparse
import asyncio
import base64
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import uvloop

from bench import _http_load, _priority, ivr
from bench._ivr import capture, media, processes
from bench._ivr.server import serve

A_DAY_S = 86_400
ANSWER_S_MAX = 30.0
HOLDS = 0.98
"A rate is held where so much of it was reached, and nothing lost."

PAGE = 1_000
WARM_S = 10.0
"Until so many calls are up as shall be."


def main() -> int:
    options = argparse.ArgumentParser(prog="./dev bench queue", description=__doc__)
    options.add_argument("--requests", type=int, default=3000)
    options.add_argument("--at-once", type=int, default=8, help="clients, each waiting for its answer")
    options.add_argument("--rates", default="", help="requests a second, comma-separated: one step after the other")
    options.add_argument("--seconds", type=float, default=60, help="length of a step")
    options.add_argument("--calls-up", type=int, default=0, help="calls with audio meanwhile (root; SIPp and tcpdump)")
    options.add_argument("--http", default="127.0.0.1:8090")
    options.add_argument("--sip", default="127.0.0.1:5060")
    options.add_argument("--data", default=str(Path(tempfile.gettempdir()) / "callwright-bench"), help="data directory")
    options.add_argument("--lift", type=int, default=0, help="run before a busy machine's other work (root): 1 to 10")
    options.add_argument("--no-pin", action="store_true", help="leave the server on all cores")
    given = options.parse_args()
    if given.calls_up and (os.geteuid() != 0 or not all(map(shutil.which, ("sipp", "tcpdump", "iptables")))):
        print("--calls-up needs root, SIPp, tcpdump and iptables", file=sys.stderr)
        return 2
    if given.lift and os.geteuid() != 0:
        print("--lift needs root", file=sys.stderr)
        return 2
    with serve(Path(given.data), given.sip, given.http, None if given.no_pin else "0") as ready:
        if not given.rates:
            asyncio.run(_closed(ready, given.requests, given.at_once))
            return 0
        if not given.no_pin:
            os.sched_setaffinity(0, {1})
        held = [_step(ready, float(rate), given) for rate in given.rates.split(",")]
    return 0 if all(held) else 1


# -- as fast as they are answered ---------------------------------------------------------------


async def _closed(ready: dict[str, Any], requests: int, at_once: int) -> None:
    pids: dict[str, int] = ready["pids"]
    auth = httpx.BasicAuth(ready["email"], ready["developer_key"])
    async with httpx.AsyncClient(base_url=ready["base_url"], auth=auth, trust_env=False, timeout=30) as api:
        await _queue(api, _path(ready), 100, at_once)  # warm
        before, begun = processes.usage(pids), time.monotonic()
        times_ms = await _queue(api, _path(ready), requests, at_once)
        seconds, after = time.monotonic() - begun, processes.usage(pids)
    _cancel(ready)
    print(
        f"{requests} requests, {at_once} at once: {requests / seconds:.0f}/s, p50 {times_ms[len(times_ms) // 2]:.1f} ms, "
        f"p99 {times_ms[int(len(times_ms) * 0.99)]:.1f} ms\nCPU a request: {_cpu(before, after, requests)}"
    )


async def _queue(api: httpx.AsyncClient, path: str, requests: int, at_once: int) -> list[float]:
    """Milliseconds of each request, sorted."""
    left = iter(range(requests))
    times_ms: list[float] = []

    async def client() -> None:
        for _ in left:
            begun = time.perf_counter()
            reply = await api.post(f"{path}/queue", data=_fields())
            times_ms.append(1000 * (time.perf_counter() - begun))
            if reply.status_code != 200:
                raise SystemExit(f"{reply.status_code} {reply.text}")

    await asyncio.gather(*(client() for _ in range(at_once)))
    return sorted(times_ms)


def _fields() -> dict[str, str]:
    """A call for tomorrow, so that none is dialled."""
    return {
        "phone_number": "12125550101",
        "metadata": '{"first_name": "Ann"}',
        "start_timestamp": str(int(time.time()) + A_DAY_S),
    }


def _path(ready: dict[str, Any]) -> str:
    return f"/api/apps/{ready['application_id']}/{ready['deployment_id']}"


def _cancel(ready: dict[str, Any]) -> None:
    with _api(ready) as api:
        api.delete(f"{_path(ready)}/cancel").raise_for_status()


def _kept(ready: dict[str, Any], ids: set[int]) -> int:
    """How many of these calls are in the queue."""
    found: set[int] = set()
    with _api(ready) as api:
        before = max(ids, default=0) + 1
        while before > min(ids, default=0):
            page = api.get("/v1/outbound", params={"limit": PAGE, "before": before}).raise_for_status().json()
            if not page:
                break
            found.update(page)
            before = page[-1]
    return len(found & ids)


def _api(ready: dict[str, Any]) -> httpx.Client:
    auth = (ready["email"], ready["developer_key"])
    return httpx.Client(base_url=ready["base_url"], auth=auth, trust_env=False, timeout=ANSWER_S_MAX)


def _cpu(before: dict[str, processes.Usage], after: dict[str, processes.Usage], requests: int) -> str:
    cpu_ms = {role: 1000 * (after[role].cpu_s - before[role].cpu_s) / requests for role in after}
    by_role = ", ".join(f"{role} {ms:.2f}" for role, ms in cpu_ms.items() if ms >= 0.005)
    return f"{sum(cpu_ms.values()):.2f} ms ({by_role})"


# -- at a constant rate --------------------------------------------------------------------------


def _step(ready: dict[str, Any], rate: float, given: argparse.Namespace) -> bool:
    """One rate; whether it was held."""
    seconds, calls_up = float(given.seconds), int(given.calls_up)
    pids: dict[str, int] = ready["pids"]
    with tempfile.TemporaryDirectory(prefix="callwright-bench-") as folder:
        with _calls(ready, calls_up, seconds, Path(folder)):
            if given.lift:
                _priority.lift(given.lift, pids["engine"])
            before = processes.usage(pids)
            answers = uvloop.run(_http_load.at_rate(ready["base_url"], _request(ready), rate, seconds))
            after, load = processes.usage(pids), os.getloadavg()[0]
        gaps = capture.rtp(Path(folder) / "rtp.pcap").gaps_ms if calls_up else []
    asked = round(rate * seconds)
    ids = {int(json.loads(body)["call_id"]) for body in answers.bodies}
    kept = _kept(ready, ids)
    _cancel(ready)
    reached = len(ids) / max(answers.seconds, seconds)
    print(
        f"asked {rate:.0f}/s for {seconds:.0f} s: {reached:.0f}/s, {len(ids)} of {asked} answered with an id, "
        f"{answers.refused} refused, {kept} found in the queue afterwards; "
        f"p50 {capture.percentile(answers.times_ms, 0.5):.1f} ms, p99 {capture.percentile(answers.times_ms, 0.99):.1f} ms\n"
        f"  CPU: {_cpu(before, after, asked)} a request with all else; asking took {1000 * answers.cpu_s / asked:.2f} ms; "
        f"load average {load:.1f}"
    )
    if calls_up:
        print(
            f"  {calls_up} calls up: gaps p50 {capture.percentile(gaps, 0.5):.1f} ms, p99 {capture.percentile(gaps, 0.99):.1f} ms, "
            f"max {max(gaps, default=float('nan')):.1f} ms over {len(gaps)} packets"
        )
    sys.stdout.flush()
    return kept == len(ids) == asked and reached >= HOLDS * rate


def _request(ready: dict[str, Any]) -> bytes:
    """One request, whole. A client library would take as much of the machine as the server does."""
    body = urlencode(_fields()).encode()
    credentials = base64.b64encode(f"{ready['email']}:{ready['developer_key']}".encode()).decode()
    lines = [
        f"POST {_path(ready)}/queue HTTP/1.1",
        f"Host: {urlsplit(ready['base_url']).netloc}",
        f"Authorization: Basic {credentials}",
        "Accept: application/json",
        "Content-Type: application/x-www-form-urlencoded",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


@contextlib.contextmanager
def _calls(ready: dict[str, Any], at_once: int, seconds: float, work: Path) -> Iterator[None]:
    """Calls with audio, kept up by SIPp, while the block runs; what it is sent is in `rtp.pcap`."""
    if not at_once:
        yield
        return
    media.caller_pcap(work / "caller.pcap")
    shutil.copy(ivr.HERE / "ivr_caller.xml", work / "scenario.xml")
    rate = at_once / ivr.CALL_S * 1.03
    load = ivr.Load(
        "ivr_caller", "ivr", rate, round(rate * (seconds + WARM_S + _http_load.ANSWER_S_MAX + ivr.CALL_S)), at_once
    )
    with ivr.rtp_dropped():
        sipp = ivr.sipp(str(ready["sip"]), load, work)
        try:
            time.sleep(WARM_S)
            with ivr.captured(work / "rtp.pcap", ivr.RTP_FILTER, 66):
                yield
            if sipp.poll() is not None:
                raise SystemExit(f"SIPp ended early: {(work / 'sipp.out').read_text()[-500:]}")
        finally:
            sipp.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                sipp.wait(5)
            sipp.kill()


if __name__ == "__main__":
    sys.exit(main())
