"""The web process."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import click
import uvicorn

from callwright.cli import _process
from callwright.providers.http import GuardedClient
from callwright.providers.pool_client import PoolClient
from callwright.services import metrics
from callwright.store.database import Database
from callwright.web.app import create_app
from callwright.web.heads import BoundedHeads

DATABASE_CONNECTIONS = 8
CONCURRENCY_MAX = 1_000
"Requests at once; 503 past it."

GRACE_S = 1
DATE_S = 1.0


class _Server(uvicorn.Server):
    """Says when it is ready, serves until `stop`, and leaves signals to the process."""

    def __init__(self, config: uvicorn.Config, stop: asyncio.Event) -> None:
        super().__init__(config)
        self._stop = stop

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            _process.report_ready()

    async def main_loop(self) -> None:
        """Uvicorn looks ten times a second whether it is to end. It is told here; only the Date that it writes needs a look each
        second."""
        while not self._stop.is_set():
            await self.on_tick(0)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), DATE_S)


@click.command()
@_process.config_option
def command(config_path: Path) -> None:
    """Run the web process: the API. Started by `callwright up`."""
    config = _process.load(config_path)

    async def main(stopping: _process.Stopping) -> None:
        db = await Database.open(config.database_url, size=DATABASE_CONNECTIONS, sealing_key=config.sealing_key)
        http = GuardedClient(config.allow_urls, config.loopback_only)
        pool = PoolClient(config.pool_socket)
        settings = uvicorn.Config(
            create_app(config, db, http, pool),
            host=config.http_host,
            port=config.http_port,
            ssl_certfile=config.tls_cert or None,
            ssl_keyfile=config.tls_key or None,
            http=BoundedHeads,
            access_log=False,
            log_config=None,
            lifespan="off",
            server_header=False,
            limit_concurrency=CONCURRENCY_MAX,
            timeout_graceful_shutdown=GRACE_S,
        )
        server = _Server(settings, stopping.stop)
        try:
            async with metrics.published(config.metrics_dir, "web"):
                await server.serve()
        finally:
            await pool.close()
            await http.aclose()
            await db.close()

    _process.run(main)
