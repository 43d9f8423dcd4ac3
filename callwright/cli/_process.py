"""What every process of the platform does alike: dies with its parent, says when it is ready, stops when told."""

import asyncio
import contextlib
import ctypes
import gc
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import FrameType
from typing import Any

import click
import uvloop

from callwright.base.config import Config, LogFormat
from callwright.cli._log_format import formatter

READY_FD = "CALLWRIGHT_READY_FD"
FAVOURED_NICE = -10
"Of the engine: on a core that is fully busy it has its turn at once, and nine tenths of the time if it wanted so much."

AUTOGROUP = Path("/proc/self/autogroup")

STOP_S_MAX = 3.0
"After SIGTERM a process has this long; then the kernel's alarm ends it, whatever it is stuck in."

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)

config_option = click.option(
    "--config",
    "config_path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help="The settings that `callwright up` wrote: DATA/run/config.json.",
)


class Stopping:
    """How a process is told to end: `stop` (SIGTERM, SIGINT) now, `drain` (SIGUSR1) when its work is done."""

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        self.drain = asyncio.Event()

    async def either(self) -> None:
        """Returns when the process is told to stop or to drain."""
        waiting = [asyncio.ensure_future(event.wait()) for event in (self.stop, self.drain)]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waiting:
                one.cancel()

    async def unless_stopped(self, work: Coroutine[Any, Any, None]) -> None:
        """Do this to its end, or until `stop`."""
        waiting = [asyncio.ensure_future(work), asyncio.ensure_future(self.stop.wait())]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if waiting[0].done():
                waiting[0].result()
        finally:
            for one in waiting:
                one.cancel()


def die_with_parent(sent: int) -> Callable[[], None]:
    """For a child to run between fork and exec: the kernel sends it `sent` when the parent dies, however it dies.

    A change of user clears it (prctl(2)), so it must come after: `subprocess` runs `preexec_fn` last. The parent is
    the *thread* that forked: a child that outlives a worker thread must not be started from one.
    """
    parent = os.getpid()

    def ask_kernel() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, sent, 0, 0, 0)
        if os.getppid() != parent:
            os.kill(os.getpid(), sent)

    return ask_kernel


def favour() -> None:
    """Have the kernel run this process before others, if it may: as root, with CAP_SYS_NICE, or where LimitNICE= allows it.

    To be called before there are threads: they inherit it. Where sessions are scheduled as groups (sched(7), autogroup)
    it is the group that must be favoured; in a container or under systemd there are none, and the file does nothing.
    """
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, FAVOURED_NICE)
        AUTOGROUP.write_text(str(FAVOURED_NICE))


def report_ready() -> None:
    """Tell the supervisor that this process does its work now."""
    fd = os.environ.pop(READY_FD, None)
    if fd is not None:
        os.write(int(fd), b"ready\n")
        os.close(int(fd))


def load(config_path: Path) -> Config:
    """The settings of this process, with logging to stderr set up."""
    config = Config.load(config_path)
    log_to_stderr(config.log_format)
    return config


def log_to_stderr(form: LogFormat = "plain") -> None:
    """Lines which `_role_log` knows the level of. CALLWRIGHT_LOG=DEBUG says more."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter(form))
    logging.basicConfig(handlers=[handler], level=os.environ.get("CALLWRIGHT_LOG", "INFO").upper())
    # One line for each request that a flow makes would hold its URL, and so perhaps a secret.
    logging.getLogger("httpx").setLevel(logging.WARNING)


async def ended(process: subprocess.Popen[bytes]) -> int:
    """Wait until a child ends; its status, as `returncode` has it."""
    loop = asyncio.get_running_loop()
    gone = asyncio.Event()
    if process.poll() is None:
        handle = os.pidfd_open(process.pid)
        loop.add_reader(handle, gone.set)
        try:
            await gone.wait()
        finally:
            loop.remove_reader(handle)
            os.close(handle)
    return process.wait()


def run(
    main: Callable[[Stopping], Coroutine[Any, Any, None]], *, stop_s_max: float = STOP_S_MAX, drains: bool = False
) -> None:
    """Run a process's coroutine on uvloop; SIGTERM and SIGINT set `stop`, SIGUSR1 sets `drain`.

    `stop_s_max` is what it may take from `stop` to its end. With `drains` the first SIGTERM or SIGINT sets `drain`.
    """

    async def with_signals() -> None:
        stopping = Stopping()
        loop = asyncio.get_running_loop()

        def told(sent: int, _: FrameType | None) -> None:
            if sent == signal.SIGUSR1 or (drains and not stopping.drain.is_set()):
                loop.call_soon_threadsafe(stopping.drain.set)
                return
            # Nobody handles SIGALRM: it ends the process even where the loop hangs. For the same reason this is
            # the interpreter's signal handler and not the loop's.
            signal.setitimer(signal.ITIMER_REAL, stop_s_max)
            loop.call_soon_threadsafe(stopping.stop.set)

        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
            signal.signal(number, told)
        await main(stopping)

    try:
        uvloop.run(with_signals())
    finally:
        # The interpreter's last collection would look at each of our objects, for half a second, to free what ends anyhow.
        gc.freeze()
