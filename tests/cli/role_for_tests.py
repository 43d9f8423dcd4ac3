"""A process as the supervisor's tests need it: `role_for_tests.py BEHAVIOUR`. It prints its number, and is ready."""

import asyncio
import logging
import os
import signal
import subprocess
import sys
import time

from callwright.cli import _process

log = logging.getLogger("role")
behaviour = sys.argv[1]


def start_child() -> None:
    subprocess.Popen(["sleep", "60"], preexec_fn=_process.die_with_parent(signal.SIGKILL))


async def main(stopping: _process.Stopping) -> None:
    log.info("pid %d", os.getpid())
    if behaviour == "fails":
        raise RuntimeError("no such luck")
    if behaviour == "never ready":
        await stopping.stop.wait()
    if behaviour == "has a child":
        start_child()
    log.error("an error for the terminal")
    _process.report_ready()
    if behaviour == "hangs":
        await asyncio.sleep(0.05)
        while True:
            time.sleep(0.01)  # noqa: ASYNC251
    await stopping.either()
    if stopping.drain.is_set():
        log.info("draining")
        await asyncio.wait_for(stopping.stop.wait(), 0.3)


_process.log_to_stderr()
if behaviour == "ignores":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    _process.report_ready()
    time.sleep(60)
_process.run(main)
