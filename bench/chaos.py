"""Kills every kind of process at random points under a queue of calls, and checks that no call is lost or repeated."""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from bench._chaos import Outcome, site

SETTLE_S_MAX = 420.0
"A post that failed twice is tried again after 300 s."


def main() -> int:
    options = argparse.ArgumentParser(prog="./dev bench chaos", description=__doc__)
    options.add_argument("--calls", type=int, default=200)
    options.add_argument("--kills", type=int, default=20)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="callwright-chaos-") as folder:
        Path(folder).chmod(0o711)
        outcome = asyncio.run(_run(Path(folder), given))
    _show(outcome)
    return 1 if outcome.violations else 0


async def _run(folder: Path, given: argparse.Namespace) -> Outcome:
    begun = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - begun:6.1f} s  {line}", file=sys.stderr, flush=True)

    async with site(folder, seed=given.seed, say=say) as running:
        return await running.run(calls=given.calls, kills=given.kills, settle_s_max=SETTLE_S_MAX)


def _show(outcome: Outcome) -> None:
    for name, value in asdict(outcome).items():
        if name != "violations":
            print(f"{name:18} {value:.0f}" if isinstance(value, float) else f"{name:18} {value}")
    for violation in outcome.violations:
        print(f"VIOLATION: {violation}")
    print("every call ended once, none was dialled unmarked" if not outcome.violations else "IT DOES NOT HOLD")
    print(f"load average {os.getloadavg()[0]:.1f}")
