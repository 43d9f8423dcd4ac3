"""Texts through npm's SMSC over one link, with receipts: how many in a second and what each costs; and what dies in between."""

import argparse
import asyncio
import shutil
import tempfile
import time
from pathlib import Path

import httpx

from bench._figures import slowness
from bench._ivr import processes
from bench._texts import OPEN, UNTOLD, Outcome, TextSite, text_site

ROLES = ("web", "jobs", "postgres", "smsc")


def main() -> int:
    options = argparse.ArgumentParser(prog="./dev bench sms", description=__doc__)
    options.add_argument("--texts", type=int, default=20_000, help="that go out while it is measured")
    options.add_argument("--waiting", type=int, default=100_000, help="queued in all, to be sent or not")
    options.add_argument("--window", type=int, default=50)
    options.add_argument("--requests", type=int, default=2_000, help="texts queued over REST")
    options.add_argument("--kills", type=int, default=0, help="instead: kill the jobs process so often")
    options.add_argument("--away", type=float, default=0, help="instead: take the SMSC away for so many seconds")
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="callwright-texts-"))
    folder.chmod(0o711)
    try:
        return asyncio.run(_run(folder, given))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _run(folder: Path, given: argparse.Namespace) -> int:
    faults = bool(given.kills or given.away)
    async with text_site(folder, window=10 if faults else given.window, remember=faults) as site:
        if given.kills:
            return _told(await site.killed(given.kills, 500, given.seed))
        if given.away:
            return _told(await site.away(given.away, 5_000))
        await _queue_over_rest(site, given.requests)
        await _send(site, given.texts, given.waiting)
    return 0


def _told(outcome: Outcome) -> int:
    print(
        f"{outcome.texts} texts, {outcome.losses} losses: {outcome.in_doubt} in doubt, of which {outcome.in_doubt_and_sent} "
        f"had gone out; {len(outcome.violations)} violations"
    )
    for violation in outcome.violations[:20]:
        print(f"  {violation}")
    return 1 if outcome.violations else 0


async def _queue_over_rest(site: TextSite, requests: int) -> None:
    """Each is sent at once."""
    auth = httpx.BasicAuth(site.ready["dev_login"], site.ready["dev_password"])
    before, begun = processes.usage(site.pids), time.perf_counter()
    async with (
        httpx.AsyncClient(base_url=site.ready["base_url"], auth=auth, trust_env=False, timeout=30) as api,
        asyncio.TaskGroup() as clients,
    ):
        left = iter(range(requests))

        async def client() -> None:
            for number in left:
                fields = {"to": f"1213{number:07d}", "from": site.ready["sms_number"], "body": f"rest {number}"}
                reply = await api.post("/ws/sms/queue.json", data=fields)
                assert reply.status_code == 200, reply.text

        for _ in range(10):
            clients.create_task(client())
    queued_s = time.perf_counter() - begun
    await site.until_zero(OPEN, 120)
    await site.until_zero(UNTOLD, 120)
    print(
        f"queued over REST: {requests / queued_s:.0f} a second; all delivered after {time.perf_counter() - begun:.1f} s"
    )
    print(f"  CPU, ms a text, from request to receipt: {_cpu(before, processes.usage(site.pids), requests)}")


async def _send(site: TextSite, texts: int, waiting: int) -> None:
    """Texts go out with `waiting` in the queue; the rest of them is left there."""
    await site.queue(waiting)
    slow = []
    start = await site.smsc.stats()
    await site.until_submitted(start["submitted"] + 1)
    before, begun, first = processes.usage(site.pids), time.perf_counter(), await site.smsc.stats()
    while (now := await site.smsc.stats())["acknowledged"] - first["acknowledged"] < min(texts, waiting - 1_000):
        slow.append(slowness())
        await asyncio.sleep(0.5)
    seconds, after = time.perf_counter() - begun, processes.usage(site.pids)
    done = now["acknowledged"] - first["acknowledged"]
    print(
        f"sent and receipts kept, {waiting} queued, one link, window {site.window}: {done} in {seconds:.1f} s, "
        f"{done / seconds:.0f} a second; slowness {sorted(slow)[len(slow) // 2]:.2f}"
    )
    print(f"  CPU, ms a text: {_cpu(before, after, done)}")
    print(f"  memory of jobs: {after['jobs'].rss_mb:.0f} MB")


def _cpu(before: dict[str, processes.Usage], after: dict[str, processes.Usage], texts: int) -> str:
    return ", ".join(f"{role} {(after[role].cpu_s - before[role].cpu_s) * 1000 / texts:.2f}" for role in ROLES)
