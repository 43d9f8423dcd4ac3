"""Keeps the processes of one machine running: starts them, waits until they are ready, restarts them, stops them.

Each role has one process at a time. Its life: *starting* (until it writes `ready` to a pipe) → *running* → *ended*.
A first start that fails is the caller's to handle: something is wrong that a second try would not mend. Once a role
has been ready, it is started again whenever it ends, after a pause that doubles with each quick death, until it is
*leaving*: told to stop, or to drain.

Nothing is left behind. Each child is sent SIGTERM by the kernel when we die; a child of ours takes at most
`_process.STOP_S_MAX` from SIGTERM to its end; and told to stop, we kill what has not ended after `STOP_S_MAX`.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Protocol

from callwright.base.errors import ProviderError
from callwright.cli._process import READY_FD, die_with_parent, ended
from callwright.cli._role_log import RoleLog

STOP_S_MAX = 3.5
"From SIGTERM to SIGKILL: after the child's own alarm."

KILLED_S_MAX = 1.0
RESTART_S_MIN = 0.2
RESTART_S_MAX = 10.0
STEADY_S = 5.0
"A process that ran this long gets the short pause again: it is not what keeps it from starting."


class Running(Protocol):
    """A process of a role."""

    @property
    def pid(self) -> int: ...

    async def ended(self) -> int:
        """Wait for its end; its status."""

    async def stop(self) -> None:
        """End it, within a bound. It may have ended."""


class Program:
    """One of our own processes."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    @classmethod
    async def start(cls, command: list[str], log: RoleLog, *, env: Mapping[str, str], ready_s_max: float) -> "Program":
        """Start it, and wait until it says that it is ready. Raises `ProviderError` where it does not."""
        read_fd, write_fd = os.pipe()
        try:
            started = cls(_spawn(command, log, write_fd, env))
            try:
                await started._until_ready(read_fd, log, ready_s_max)
            except BaseException:
                started._process.kill()
                started._process.wait(KILLED_S_MAX)
                raise
            return started
        finally:
            os.close(read_fd)

    async def _until_ready(self, read_fd: int, log: RoleLog, ready_s_max: float) -> None:
        loop = asyncio.get_running_loop()
        told = asyncio.Event()
        loop.add_reader(read_fd, told.set)
        try:
            async with asyncio.timeout(ready_s_max):
                # Readable by its word, or by its end, which closes the pipe.
                await told.wait()
        except TimeoutError:
            raise ProviderError(f"was not ready after {ready_s_max:g} s; see {log.path}") from None
        finally:
            loop.remove_reader(read_fd)
        if os.read(read_fd, 16) != b"ready\n":
            # It is on its way out; what it says last explains why.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.ended(), KILLED_S_MAX)
            log.catch_up()
            raise ProviderError(f"{_how(self._process.poll())} while starting; see {log.path}")

    @property
    def pid(self) -> int:
        return self._process.pid

    async def ended(self) -> int:
        return await ended(self._process)

    async def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self.ended(), STOP_S_MAX)
        except TimeoutError:
            self._process.kill()
            await asyncio.wait_for(self.ended(), KILLED_S_MAX)


def _spawn(command: list[str], log: RoleLog, ready_fd: int, env: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    """Start a process that holds the only open `ready_fd` from here on."""
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log.fd,
            stderr=subprocess.STDOUT,
            env={**env, READY_FD: str(ready_fd)},
            pass_fds=(ready_fd,),
            preexec_fn=die_with_parent(signal.SIGTERM),
            # Ctrl-C in a terminal is for us alone; we stop the children in order.
            start_new_session=True,
        )
    finally:
        os.close(ready_fd)


class Supervisor:
    """The roles of one machine. `async with`: at its end no child is left."""

    def __init__(self, log_dir: Path, show: Callable[[str], None], changed: Callable[[], None] = lambda: None) -> None:
        self._log_dir, self._show, self._changed = log_dir, show, changed
        self._tasks = asyncio.TaskGroup()
        self._running: dict[str, Running] = {}
        self._keeping: dict[str, asyncio.Task[None]] = {}
        self._logs: dict[str, RoleLog] = {}

    @property
    def pids(self) -> dict[str, int]:
        return {role: running.pid for role, running in self._running.items()}

    async def __aenter__(self) -> "Supervisor":
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self.stop(*list(self._running))
        finally:
            for log in self._logs.values():
                await log.close()
            # An error of the body is raised as it is, not wrapped in a group: the tasks have been cancelled above.
            if isinstance(error, asyncio.CancelledError):
                await self._tasks.__aexit__(kind, error, trace)
            else:
                await self._tasks.__aexit__(None, None, None)

    def log(self, role: str, *, show_errors: bool = True) -> RoleLog:
        """The role's log, open from its first use on."""
        if role not in self._logs:
            self._logs[role] = RoleLog(self._log_dir, role, self._show if show_errors else None)
        return self._logs[role]

    async def start(self, role: str, start: Callable[[], Awaitable[Running]]) -> None:
        """Start a role, and from then on keep it running. Raises `ProviderError` where the first start fails."""
        try:
            self._running[role] = await start()
        except ProviderError as error:
            raise ProviderError(f"{role} {error}") from None
        self._keeping[role] = self._tasks.create_task(self._keep(role, start))

    async def drain(self, role: str, *, drain_s_max: float) -> None:
        """Tell a role to end when its work is done, and wait for that. It is not started again."""
        running = self._leave(role)
        if running is not None:
            os.kill(running.pid, signal.SIGUSR1)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(running.ended(), drain_s_max)

    async def stop(self, *roles: str) -> None:
        """Stop these roles, all at the same time."""
        async with asyncio.TaskGroup() as stopping:
            for role in roles:
                running = self._leave(role)
                if running is not None:
                    stopping.create_task(self._stop(role, running))

    async def _stop(self, role: str, running: Running) -> None:
        await running.stop()
        self._running.pop(role, None)

    def _leave(self, role: str) -> Running | None:
        keeping = self._keeping.pop(role, None)
        if keeping is not None:
            keeping.cancel()
        return self._running.get(role)

    async def _keep(self, role: str, start: Callable[[], Awaitable[Running]]) -> None:
        pause_s = RESTART_S_MIN
        while True:
            since = time.monotonic()
            how = _how(await self._running[role].ended())
            del self._running[role]
            if time.monotonic() - since >= STEADY_S:
                pause_s = RESTART_S_MIN
            while role not in self._running:
                self._show(f"{role} {how}; starting it again")
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, RESTART_S_MAX)
                try:
                    self._running[role] = await start()
                except (ProviderError, OSError, TimeoutError) as error:
                    how = str(error)
            self._changed()


def _how(status: int | None) -> str:
    if status is None:
        return "gave up"
    if status >= 0:
        return f"ended with status {status}"
    return f"was ended by {signal.Signals(-status).name}"
