"""A pool process for a benchmark, as `callwright up` has it: `python -m bench._pool FOLDER`."""

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from callwright.providers.pool_server import PoolServer

SOCKET = "pool.sock"


@contextmanager
def running() -> Iterator[Path]:
    """The folder of a pool that answers."""
    with tempfile.TemporaryDirectory(prefix="callwright-bench-") as name:
        pool = subprocess.Popen([sys.executable, "-m", "bench._pool", name], stdout=subprocess.PIPE)
        try:
            assert pool.stdout is not None and pool.stdout.readline() == b"ready\n"
            yield Path(name)
        finally:
            pool.terminate()
            pool.wait()


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    asyncio.run(PoolServer(folder / SOCKET, folder / "prompts").serve(lambda: print("ready", flush=True)))
