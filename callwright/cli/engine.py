"""The engine process."""

from pathlib import Path

import click

from callwright.cli import _process
from callwright.engine.engine import run_engine
from callwright.services import metrics


@click.command()
@_process.config_option
def command(config_path: Path) -> None:
    """Run the engine: SIP, media, calls and the dialer. Started by `callwright up`."""
    config = _process.load(config_path)
    # A packet that is late is heard; a request that is late is only late.
    _process.favour()

    async def main(stopping: _process.Stopping) -> None:
        async with metrics.published(config.metrics_dir, "engine"):
            await run_engine(config, stopping.stop, stopping.drain, _process.report_ready)

    _process.run(main)
