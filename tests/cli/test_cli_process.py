"""What all processes do alike: signals, the parent's death, readiness."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from callwright.cli._process import FAVOURED_NICE, READY_FD, STOP_S_MAX

pytestmark = pytest.mark.wire

END_S_MAX = 20.0

_WAITING = """
import asyncio, sys
from callwright.cli import _process

async def main(stopping):
    _process.report_ready()
    await stopping.either()
    print("drains" if stopping.drain.is_set() else "stops", flush=True)
    if not stopping.stop.is_set():
        await stopping.unless_stopped(asyncio.sleep(60))
    print("stopped" if stopping.stop.is_set() else "done", flush=True)

_process.run(main, drains=sys.argv[1] == "drains")
"""

_STUCK = """
import time
from callwright.cli import _process

async def main(stopping):
    _process.report_ready()
    while True:
        time.sleep(0.01)

_process.run(main)
"""

_ORPHAN = """
import os, signal, subprocess, sys, time
from callwright.cli._process import die_with_parent

ask_kernel = die_with_parent(signal.SIGKILL)
child = os.fork()
if not child:
    # The parent dies before the child has asked the kernel to tell it.
    while os.getppid() == int(sys.argv[1]):
        time.sleep(0.005)
    print("orphan", flush=True)
    ask_kernel()
    print("survived", flush=True)
"""


class _Started:
    """A Python program that has said it is ready."""

    def __init__(self, program: str, *arguments: str) -> None:
        read_fd, write_fd = os.pipe()
        self.process = subprocess.Popen(
            [sys.executable, "-c", program, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            pass_fds=(write_fd,),
            env={**os.environ, READY_FD: str(write_fd)},
        )
        os.close(write_fd)
        with os.fdopen(read_fd) as ready:
            assert ready.readline() == "ready\n"

    def end(self) -> tuple[int, str]:
        said, errors = self.process.communicate(timeout=END_S_MAX)
        assert errors == ""
        return self.process.returncode, said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops(number: signal.Signals) -> None:
    waiting = _Started(_WAITING, "")
    waiting.process.send_signal(number)
    assert waiting.end() == (0, "stops\nstopped\n")


def test_a_draining_process_can_be_stopped_after_all() -> None:
    waiting = _Started(_WAITING, "")
    assert waiting.process.stdout is not None
    waiting.process.send_signal(signal.SIGUSR1)
    assert waiting.process.stdout.readline() == "drains\n"
    waiting.process.send_signal(signal.SIGTERM)
    assert waiting.end() == (0, "stopped\n")


def test_with_drains_the_first_signal_drains_and_the_second_stops() -> None:
    waiting = _Started(_WAITING, "drains")
    assert waiting.process.stdout is not None
    waiting.process.send_signal(signal.SIGINT)
    assert waiting.process.stdout.readline() == "drains\n"
    waiting.process.send_signal(signal.SIGINT)
    assert waiting.end() == (0, "stopped\n")


def test_a_process_that_is_stuck_is_ended_by_the_kernel() -> None:
    stuck = _Started(_STUCK)
    started = time.monotonic()
    stuck.process.terminate()
    assert stuck.end() == (-signal.SIGALRM, "")
    assert STOP_S_MAX - 0.5 < time.monotonic() - started < STOP_S_MAX + 1.0


def test_a_child_whose_parent_died_before_it_asked_dies_too() -> None:
    """The parent is a shell's child, so that its death leaves an orphan behind."""
    program = f"import os, subprocess, sys\nsys.argv[1] = str(os.getpid())\n{_ORPHAN}"
    ended = subprocess.run(
        [sys.executable, "-c", program, "0"], capture_output=True, text=True, timeout=END_S_MAX, cwd=Path("/")
    )
    assert (ended.stdout, ended.stderr) == ("orphan\n", "")


_FAVOURED = """
import os, sys, threading
from callwright.cli import _process

os.setuid(int(sys.argv[1]))
_process.favour()
nice = []
thread = threading.Thread(target=lambda: nice.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id())))
thread.start()
thread.join()
print(*nice)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_process_is_favoured_where_it_may_be():
    for user, nice in ((0, FAVOURED_NICE), (65_534, os.getpriority(os.PRIO_PROCESS, 0))):
        command = [sys.executable, "-c", _FAVOURED, str(user)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=END_S_MAX, start_new_session=True)
        assert (done.stdout.strip(), done.returncode) == (str(nice), 0), done.stderr
