"""`callwright up`, in processes of its own, for the tests of this folder."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

READY_S_MAX = 60.0
GONE_S_MAX = 5.0


@dataclass
class Up:
    """A platform that answers."""

    process: asyncio.subprocess.Process
    ready_file: Path
    ready: dict[str, Any]

    async def ended(self) -> int:
        return await asyncio.wait_for(self.process.wait(), GONE_S_MAX)


@contextlib.asynccontextmanager
async def running(data_dir: Path, *options: str, env: Mapping[str, str] = os.environ) -> AsyncIterator[Up]:
    ready_file = data_dir / "ready.json"
    command = [sys.executable, "-P", "-m", "callwright", "up", "--data", str(data_dir), "--ready-file", str(ready_file)]
    process = await asyncio.create_subprocess_exec(
        *command, "--http", "127.0.0.1:0", "--sip", "127.0.0.1:0", *options, env=env, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    said: list[str] = []

    async def read() -> None:
        assert process.stderr is not None
        async for line in process.stderr:
            said.append(line.decode())

    reading = asyncio.create_task(read())
    try:
        await until(lambda: ready_file.exists() or process.returncode is not None, READY_S_MAX)
        assert process.returncode is None, "".join(said)
        yield Up(process, ready_file, json.loads(ready_file.read_text()))
    finally:
        if process.returncode is None:
            process.terminate()
            await asyncio.wait_for(process.wait(), 2 * GONE_S_MAX)
        await asyncio.wait_for(reading, GONE_S_MAX)


async def until(condition: Callable[[], bool], bound_s: float) -> None:
    async with asyncio.timeout(bound_s):
        # Neither a file nor a process that is not our child tells of itself.
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)
