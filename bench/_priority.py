"""Puts a benchmark before the other work of a busy machine, its processes as they stand to each other."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from callwright.cli._process import FAVOURED_NICE

NICE_MIN = -20


def lift(by: int, engine: int = 0) -> None:
    """This process and all its descendants are run before others, by so many levels of niceness; `engine` (a pid) keeps
    its lead. Needs root.

    Where sessions are scheduled as groups (sched(7), autogroup) it is the groups that count.
    """
    for pid in _with_descendants(os.getpid()):
        nice = max(-by + (FAVOURED_NICE if pid == engine else 0), NICE_MIN)
        # A process of a database comes and goes.
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{pid}/task").iterdir():
                os.setpriority(os.PRIO_PROCESS, int(task.name), nice)
            Path(f"/proc/{pid}/autogroup").write_text(str(nice))


def _with_descendants(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from _with_descendants(int(child))
