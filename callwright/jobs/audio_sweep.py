"""Takes audio files from the disk that nobody names any more."""

import asyncio
import logging
import time
from pathlib import Path

from callwright.services import audio_sweep
from callwright.store.database import FAILURES, Database

log = logging.getLogger(__name__)

EVERY_S = 6 * 3600.0
"It reads every version of every application that is there."


async def run(db: Database, audio_dir: Path) -> None:
    """Look every six hours until cancelled. Any number of these may run."""
    while True:
        try:
            if removed := await audio_sweep.sweep(db, audio_dir, time.time()):
                log.info("%d audio file(s) that nobody names were taken from the disk", removed)
        except FAILURES as error:
            log.warning("audio files are not swept: %s", error)
        await asyncio.sleep(EVERY_S)
