"""Takes the database away while calls are up, and checks afterwards that every call went on and is written down whole."""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from bench._chaos import IS_SILENT, Site, site
from bench._ivr.server import page
from callwright.cli._postgres import EmbeddedPostgres

ASKS = 14
"Of each call, three seconds or more from one to the next."

CALL_S_MAX = 120.0
WRITTEN_S_MAX = 120.0


def main() -> int:
    options = argparse.ArgumentParser(prog="./dev bench outage", description=__doc__)
    options.add_argument("--calls", type=int, default=40)
    options.add_argument("--seconds", type=float, default=12, help="how long the database is away")
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="callwright-outage-") as folder:
        Path(folder).chmod(0o711)
        return asyncio.run(_run(Path(folder), given.calls, given.seconds))


async def _run(folder: Path, calls: int, seconds: float) -> int:
    server = EmbeddedPostgres(folder / "own")
    await server.start()
    try:
        async with site(
            folder, seed=0, database_url=server.url, document=_application(), call_s_max=CALL_S_MAX
        ) as running:
            return await _measure(running, server, calls, seconds)
    finally:
        await server.stop()


async def _measure(running: Site, server: EmbeddedPostgres, calls: int, seconds: float) -> int:
    for number in range(calls):
        await running.queue_one(number, IS_SILENT)
    await running.noticed_count("answered", calls)
    pids = (await running.ready())["pids"]
    await server.stop()
    heard = running.count("turn over")
    # How long it is away is what is measured; nothing tells of that but the clock.
    await asyncio.sleep(seconds)
    asked, ended = running.count("turn over") - heard, running.count("ended")
    await server.start()
    back = time.monotonic()
    await running.noticed_count("ended", calls)
    await running.settled(WRITTEN_S_MAX)
    written_s = time.monotonic() - back
    found = await running.all_calls()
    wrong = [said for call_id, call in found.items() for said in running.wrong(call_id, call)]
    silences = Counter([(await running.transcript(call)).count("silence") for call in found.values()])
    same = (await running.ready())["pids"] == pids
    whole = silences == {ASKS: calls}
    print(
        f"{calls} calls up, the database away for {seconds:g} s: {asked} questions were asked meanwhile and {ended} calls ended; "
        f"afterwards {sum(call['details']['status'] == 'completed' for call in found.values())} are completed, "
        f"{'all' if whole else 'NOT all'} with each of their {ASKS} questions in the log; nothing was open "
        f"{written_s:.1f} s after it was back; processes: {'the same' if same else 'NOT the same'}; "
        f"load average {os.getloadavg()[0]:.1f}"
    )
    for said in wrong:
        print(f"VIOLATION: {said}")
    return 0 if whole and same and not wrong and not ended else 1


def _application() -> dict[str, Any]:
    """Asks, and asks again."""
    ask = {
        "name": "ask",
        "type": "menu",
        "prompt": "Press 1.",
        "initial_timeout_s": 2,
        "choices": [{"keys": "1", "value": "one"}],
        "no_input": {"attempts": ["Press 1."] * (ASKS - 1) + [""]},
        "exits": {"one": "end", "no_input": "end"},
    }
    return page("Outage", ask)


if __name__ == "__main__":
    sys.exit(main())
