"""The built-in test phone, as a process of its own."""

import asyncio
from pathlib import Path

import click

from callwright.cli import _process
from callwright.providers.pool_client import PoolClient
from callwright.testing.phone import EventFile, TestPhone

RTP_PORTS = (19_000, 19_998)
"Its own, apart from the engine's."


@click.command()
@_process.config_option
def command(config_path: Path) -> None:
    """Run the test phone: a SIP user agent that answers, presses keys and says words. Started by `callwright up`."""
    config = _process.load(config_path)

    async def main(stopping: _process.Stopping) -> None:
        events = EventFile(config.phone_events)
        voice = PoolClient(config.pool_socket)
        phone = TestPhone(config.phone_host, config.phone_port, rtp_ports=RTP_PORTS, tell=events, voice=voice)
        async with phone:
            _process.report_ready()
            async with asyncio.TaskGroup() as tasks:
                serving = tasks.create_task(phone.serve())
                await stopping.stop.wait()
                serving.cancel()
        await voice.close()
        events.close()

    _process.run(main)
