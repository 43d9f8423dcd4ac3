"""Queue Multiple Calls: seconds and memory for a CSV file of 100,000 rows."""

import argparse
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from bench import _priority
from bench._ivr import processes
from bench._ivr.server import serve

A_DAY_S = 86_400
REPLY_S_MAX = 60.0
SAMPLE_S = 0.05
"Between two looks at the memory: a batch takes about as long."


def main() -> int:
    options = argparse.ArgumentParser(prog="./dev bench bulk", description=__doc__)
    options.add_argument("--rows", type=int, default=100_000)
    options.add_argument("--runs", type=int, default=3)
    options.add_argument("--lift", type=int, default=0, help="run before a busy machine's other work (root): 1 to 10")
    options.add_argument("--http", default="127.0.0.1:8090")
    options.add_argument("--sip", default="127.0.0.1:5060")
    options.add_argument("--data", default=str(Path(tempfile.gettempdir()) / "callwright-bench"), help="data directory")
    given = options.parse_args()
    with serve(Path(given.data), given.sip, given.http, None) as ready:
        _measure(ready, given.rows, given.runs, given.lift)
    return 0


def _measure(ready: dict[str, Any], rows: int, runs: int, lift: int) -> None:
    path = f"/api/apps/{ready['application_id']}/{ready['deployment_id']}"
    auth = httpx.BasicAuth(ready["email"], ready["developer_key"])
    with httpx.Client(base_url=ready["base_url"], auth=auth, trust_env=False, timeout=REPLY_S_MAX) as api:
        good, bad = _contacts(rows), _contacts(rows - 1) + b'"nobody","","",""\r\n'
        print(f"{rows} rows, {len(good) / 1e6:.1f} MB")
        for name, data in [("queued", good)] * runs + [("refused", bad)]:
            fields = {"start_timestamp": str(int(time.time()) + A_DAY_S)}
            if lift:
                _priority.lift(lift, ready["pids"]["engine"])
            before = processes.usage(ready["pids"])
            with _watched(ready["pids"]) as most:
                begun = time.perf_counter()
                reply = api.post(f"{path}/bulk_queue", files={"csv": ("contacts.csv", data)}, data=fields)
                seconds = time.perf_counter() - begun
            told = f"{len(reply.json()['call_ids'])} ids" if reply.status_code == 200 else reply.text
            after = processes.usage(ready["pids"])
            cpu = {role: after[role].cpu_s - before[role].cpu_s for role in after}
            print(f"{name}: {reply.status_code} in {seconds:.2f} s ({told})")
            print("  CPU, s: " + ", ".join(f"{role} {s:.2f}" for role, s in cpu.items() if s >= 0.05))
            print("  memory at most, MB: " + ", ".join(f"{role} {mb:+.0f}" for role, mb in most.items() if mb >= 1))
        before, begun = processes.usage(ready["pids"]), time.perf_counter()
        reply = api.delete(f"{path}/cancel")
        seconds, after = time.perf_counter() - begun, processes.usage(ready["pids"])
        cpu_s = after["postgres"].cpu_s - before["postgres"].cpu_s
        print(
            f"cancelled afterwards: {reply.status_code} in {seconds:.2f} s, of it PostgreSQL's CPU {cpu_s:.2f} s; "
            f"load average {os.getloadavg()[0]:.1f}"
        )


def _contacts(rows: int) -> bytes:
    lines = ['"destination","first_name","last_name","appointment"\r\n']
    lines += (
        f'"tel:+1212{n % 10_000_000:07d};ani=2125550100","Ann {n}","Smith, jr.","Monday September 24th at 10am"\r\n'
        for n in range(rows)
    )
    return "".join(lines).encode()


@contextmanager
def _watched(pids: dict[str, int]) -> Iterator[dict[str, float]]:
    """How many MB each role had more, at most, than it had before; filled at the end."""
    before = processes.usage(pids)
    most = dict.fromkeys(pids, 0.0)
    over = threading.Event()

    def look() -> None:
        while not over.wait(SAMPLE_S):
            for role, usage in processes.usage(pids).items():
                most[role] = max(most[role], usage.rss_mb - before[role].rss_mb)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield most
    finally:
        over.set()
        looking.join()


if __name__ == "__main__":
    raise SystemExit(main())
