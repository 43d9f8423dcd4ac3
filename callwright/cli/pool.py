"""The pool process."""

import asyncio
from pathlib import Path

import click

from callwright.cli import _process
from callwright.providers.pool_server import PoolServer
from callwright.services import metrics


@click.command()
@_process.config_option
def command(config_path: Path) -> None:
    """Run the pool: speech for the engine. Started by `callwright up`."""
    config = _process.load(config_path)

    async def main(stopping: _process.Stopping) -> None:
        server = PoolServer(config.pool_socket, Path(config.data_dir) / "prompts")
        serving = asyncio.ensure_future(server.serve(_process.report_ready))
        stopped = asyncio.ensure_future(stopping.either())
        async with metrics.published(config.metrics_dir, "pool"):
            done, _ = await asyncio.wait([serving, stopped], return_when=asyncio.FIRST_COMPLETED)
        serving.cancel()
        await asyncio.wait([serving])
        if serving in done:
            serving.result()

    _process.run(main)
