"""Makes partitions ahead, and deletes what nobody may read any more."""

import asyncio
import logging
import time

from callwright.services import retention
from callwright.store.database import FAILURES, Database

log = logging.getLogger(__name__)

EVERY_S = 3600.0
"What an account no longer wants to keep is hidden at once; an hour later it is gone."

AGAIN_S = 30.0
"After a table that was locked, or a database that was away."


async def run(db: Database) -> None:
    """Look every hour until cancelled. Any number of these may run: what one has done, the next finds done."""
    while True:
        try:
            if made := await retention.make_partitions(db, time.time()):
                log.info("made %s", ", ".join(made))
            async for removed in retention.run(db, time.time()):
                log.info("%s", describe(removed))
            wait_s = EVERY_S
        except FAILURES as error:
            log.warning("retention waits for the database: %s", error)
            wait_s = AGAIN_S
        await asyncio.sleep(wait_s)


def describe(removed: retention.Removed) -> str:
    """For people: what was deleted, or would be."""
    if removed.account_id is None:
        return f"{removed.table}: the whole partition, {removed.rows} rows"
    return f"{removed.table}: {removed.rows} rows of account {removed.account_id}, which keeps less"
