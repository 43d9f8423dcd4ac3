"""The jobs process."""

import asyncio
import time
from pathlib import Path

import click

from callwright.cli import _process
from callwright.cli._address import Address
from callwright.conversation.applications import Applications
from callwright.conversation.text_turn import Tools
from callwright.jobs import audio_sweep, housekeeping, retention
from callwright.jobs import metrics as counts
from callwright.jobs.callbacks import Callbacks
from callwright.jobs.sms import Texts
from callwright.jobs.text_sessions import TextSessions
from callwright.providers.http import GuardedClient
from callwright.providers.integrations.soap import Soap
from callwright.providers.mail.smtp import Mailer
from callwright.providers.pool_client import PoolClient
from callwright.services import metrics
from callwright.store.database import Database
from callwright.store.text_sessions import CHANNEL


@click.command()
@_process.config_option
def command(config_path: Path) -> None:
    """Run background jobs: texts, result_url posts, housekeeping, and retention. Started by `callwright up`."""
    config = _process.load(config_path)

    async def main(stopping: _process.Stopping) -> None:
        db = await Database.open(config.database_url, sealing_key=config.sealing_key, replans=True)
        http = GuardedClient(config.allow_urls, config.loopback_only)
        mailer = Mailer(config.smtp_url, config.mail_from)
        callbacks = Callbacks(db, http, mailer)
        pool = PoolClient(config.pool_socket)
        tools = Tools(
            http,
            Soap(http),
            mailer,
            pool,
            Applications(db),
            config.messages_dir,
            time.time,
        )
        text_sessions = TextSessions(db, tools)
        here = Address(config.http_host, config.http_port).url(tls=bool(config.tls_cert))
        texts = Texts(db, http, config.public_url or here)
        try:
            async with metrics.published(config.metrics_dir, "jobs"), asyncio.TaskGroup() as jobs:
                running = [
                    jobs.create_task(callbacks.run()),
                    jobs.create_task(db.listen("callwright_callback", callbacks.wake)),
                    jobs.create_task(texts.run()),
                    jobs.create_task(db.listen("callwright_sms", texts.wake)),
                    jobs.create_task(text_sessions.run()),
                    jobs.create_task(db.listen(CHANNEL, text_sessions.wake)),
                    jobs.create_task(housekeeping.run(db, config.recordings_dir)),
                    jobs.create_task(retention.run(db)),
                    jobs.create_task(counts.run(db)),
                    jobs.create_task(audio_sweep.run(db, config.audio_dir)),
                ]
                _process.report_ready()
                await stopping.stop.wait()
                for job in running:
                    job.cancel()
        finally:
            await pool.close()
            await http.aclose()
            await db.close()

    _process.run(main)
