"""Ends what nobody else will end: calls whose window has passed, numbers without a trunk, the work of lost engines."""

import asyncio
import logging
import time

from callwright.services import dialing, engines
from callwright.store.database import FAILURES, Database

log = logging.getLogger(__name__)

EVERY_S = 2.0


async def run(db: Database) -> None:
    """Look every two seconds until cancelled."""
    while True:
        try:
            now = time.time()
            if lost := await engines.bury(db, now):
                log.warning("%d engine(s) were lost; what they had claimed is queued again", lost)
            if ended := await dialing.sweep(db, now):
                log.info("%d outbound call(s) ended without being dialled", ended)
        except FAILURES as error:
            log.warning("housekeeping waits for the database: %s", error)
        await asyncio.sleep(EVERY_S)
