"""The supervisor with real child processes: readiness, logs, crashes, draining, stopping, the kill of the parent."""

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from callwright.base.errors import ProviderError
from callwright.cli._supervisor import Program, Supervisor

pytestmark = pytest.mark.wire

HERE = Path(__file__).parent
GONE_S_MAX = 5.0

_PARENT = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_cli_supervisor import supervised

async def main():
    async with supervised(Path(sys.argv[1])) as (supervisor, start, shown):
        for role in sys.argv[3:]:
            await start(role)
        print(*supervisor.pids.values(), flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


@contextlib.asynccontextmanager
async def supervised(folder: Path) -> AsyncIterator[tuple[Supervisor, Callable[..., object], list[str]]]:
    shown: list[str] = []
    changed = asyncio.Event()
    async with Supervisor(folder, shown.append, changed.set) as supervisor:

        async def start(behaviour: str, ready_s_max: float = 20.0) -> None:
            command = [sys.executable, str(HERE / "role_for_tests.py"), behaviour]
            log = supervisor.log(behaviour)
            await supervisor.start(
                behaviour, lambda: Program.start(command, log, env=os.environ, ready_s_max=ready_s_max)
            )

        start.changed = changed  # type: ignore[attr-defined]
        yield supervisor, start, shown


def _is_gone(pid: int) -> bool:
    """Dead, or a zombie whose parent has not looked yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


async def _until(condition: Callable[[], bool], bound_s: float = GONE_S_MAX) -> None:
    async with asyncio.timeout(bound_s):
        # Neither a log nor a process that is not our child tells of itself.
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_logs_are_kept_and_errors_shown(tmp_path: Path) -> None:
    async with supervised(tmp_path) as (supervisor, start, shown):
        await start("works")
        pid = supervisor.pids["works"]
    assert _is_gone(pid)
    assert f"pid {pid}" in (tmp_path / "works.log").read_text()
    assert [line for line in shown if "an error for the terminal" in line]
    assert not [line for line in shown if "pid" in line]


async def test_a_process_that_fails_to_start_says_why(tmp_path: Path) -> None:
    async with supervised(tmp_path) as (supervisor, start, shown):
        with pytest.raises(ProviderError, match=r"^fails ended with status 1 while starting; see .*fails\.log"):
            await start("fails")
        assert supervisor.pids == {}
    assert [line for line in shown if line.endswith("RuntimeError: no such luck")]


async def test_a_process_that_is_never_ready_is_ended(tmp_path: Path) -> None:
    async with supervised(tmp_path) as (_, start, _shown):
        with pytest.raises(ProviderError, match=r"never ready was not ready after 2 s"):
            await start("never ready", ready_s_max=2.0)
    pid = int(re.findall(r"pid (\d+)", (tmp_path / "never ready.log").read_text())[0])
    assert _is_gone(pid)


async def test_a_killed_process_is_started_again(tmp_path: Path) -> None:
    async with supervised(tmp_path) as (supervisor, start, shown):
        await start("works")
        first = supervisor.pids["works"]
        os.kill(first, signal.SIGKILL)
        await asyncio.wait_for(start.changed.wait(), 20)
        second = supervisor.pids["works"]
        assert second != first and not _is_gone(second)
        assert "works was ended by SIGKILL; starting it again" in shown
    assert _is_gone(second)


async def test_a_drained_process_ends_its_work_and_stays_away(tmp_path: Path) -> None:
    async with supervised(tmp_path) as (supervisor, start, _):
        await start("works")
        pid = supervisor.pids["works"]
        started = time.monotonic()
        await supervisor.drain("works", drain_s_max=10.0)
        assert 0.2 < time.monotonic() - started < 5.0
        assert _is_gone(pid)
    assert "draining" in (tmp_path / "works.log").read_text()


@pytest.mark.parametrize("behaviour", ["works", "hangs", "ignores", "has a child"])
async def test_every_process_stops_within_the_bound(tmp_path: Path, behaviour: str) -> None:
    async with supervised(tmp_path) as (supervisor, start, _):
        await start(behaviour)
        pid = supervisor.pids[behaviour]
        family = [pid, *_children(pid)]
        assert len(family) == (2 if behaviour == "has a child" else 1)
        started = time.monotonic()
        await supervisor.stop(behaviour)
        assert time.monotonic() - started < 4.5
        assert supervisor.pids == {}
    await _until(lambda: all(map(_is_gone, family)), 0.5)


async def test_nothing_survives_the_kill_of_the_parent(tmp_path: Path) -> None:
    """`hangs` blocks its loop for good; the grandchild belongs to a process that is only told by its parent's death."""
    parent = subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, "-c", _PARENT, str(tmp_path), str(HERE), "works", "hangs", "has a child"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert parent.stdout is not None
        line = await asyncio.wait_for(asyncio.to_thread(parent.stdout.readline), 30)
        family = [int(pid) for pid in line.split()]
        assert len(family) == 3
        family += [grandchild for child in family for grandchild in _children(child)]
        assert len(family) == 4
    finally:
        parent.kill()
    started = time.monotonic()
    await _until(lambda: all(map(_is_gone, family)))
    assert time.monotonic() - started < GONE_S_MAX
    parent.wait(1)
