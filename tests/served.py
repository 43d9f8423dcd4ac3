"""The HTTP application on a real port: in a process of its own as `callwright up` starts it, or in that of the test."""

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import replace

import uvicorn
from fastapi import FastAPI

from callwright.base.config import Config
from callwright.cli._process import READY_FD

READY_S_MAX = 60.0
GONE_S_MAX = 10.0


@contextlib.asynccontextmanager
async def served(config: Config) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """Its URL, once it answers, and its process. `http_port` is chosen here."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = replace(config, http_port=port)
    config.run_dir.mkdir(parents=True, exist_ok=True)
    file = config.run_dir / "config.json"
    config.save(file)
    read, write = os.pipe()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "callwright", "web", "--config", str(file)),
        env={**os.environ, READY_FD: str(write)},
        pass_fds=(write,),
    )
    os.close(write)
    try:
        async with asyncio.timeout(READY_S_MAX):
            said = await asyncio.to_thread(os.read, read, 100)
        assert said == b"ready\n", "the web process did not start"
        yield f"http{'s' if config.tls_cert else ''}://localhost:{port}", process
    finally:
        os.close(read)
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), GONE_S_MAX)


@contextlib.asynccontextmanager
async def served_here(app: FastAPI) -> AsyncIterator[str]:
    """Its URL. It answers in the test's own event loop."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        serving = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
        task = asyncio.create_task(serving.serve(sockets=[listening]))
        try:
            async with asyncio.timeout(GONE_S_MAX):
                while not serving.started:  # noqa: ASYNC110 - uvicorn has no event for it
                    await asyncio.sleep(0.01)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            serving.should_exit = True
            await task
