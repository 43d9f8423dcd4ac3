"""Ends what nobody else will end: calls whose window has passed, numbers without a trunk, the work of lost engines."""

import asyncio
import logging
import time
from pathlib import Path

from callwright.services import dialing, engines, phones, recordings
from callwright.store.database import FAILURES, Database
from callwright.store.engines import SilentEngine

log = logging.getLogger(__name__)

EVERY_S = 2.0
RECORDINGS_EVERY_S = 60.0


async def run(db: Database, recordings_dir: Path) -> None:
    """Look every two seconds until cancelled."""
    recordings_at = 0.0
    while True:
        try:
            await bury_lost(db)
            if time.monotonic() >= recordings_at:
                recordings_at = time.monotonic() + RECORDINGS_EVERY_S
                await phones.sweep(db, time.time())
                if listed := await recordings.take_over(db, recordings_dir, time.time()):
                    log.info("%d recording(s) of calls that were cut off are listed", listed)
            if ended := await dialing.sweep(db, time.time()):
                log.info("%d outbound call(s) ended without being dialled", ended)
        except FAILURES as error:
            log.warning("housekeeping waits for the database: %s", error)
        await asyncio.sleep(EVERY_S)


async def bury_lost(db: Database) -> None:
    """Clean up after engines whose lease has run out, but for those that still answer SIP."""
    silent = await engines.silent(db, time.time())
    answers = await asyncio.gather(*(engines.answers(engine) for engine in silent))
    for engine, answered in zip(silent, answers, strict=True):
        await _decide(db, engine, answered)


async def _decide(db: Database, engine: SilentEngine, answered: bool) -> None:
    if answered:
        log.warning("engine %d answers SIP, but does not reach the database; its calls stay its own", engine.server_id)
    elif await engines.bury(db, engine.id, time.time()):
        log.warning("engine %d was lost; what it had claimed is queued again", engine.server_id)
