"""What the jobs process tells Prometheus: what it did, and how much waits."""

import asyncio
import logging

from prometheus_client import Counter, Gauge

from callwright.services import queues
from callwright.services.metrics import REGISTRY
from callwright.store.database import FAILURES, Database

log = logging.getLogger(__name__)

EVERY_S = 15.0

TEXTS = Counter("callwright_texts", "Texts that a carrier answered for.", ["answer"], registry=REGISTRY)
RECEIPTS = Counter("callwright_receipts", "Receipts that linked carriers told.", ["delivery"], registry=REGISTRY)
TEXTS_RECEIVED = Counter("callwright_texts_received", "Texts that linked carriers told.", registry=REGISTRY)
POSTS = Counter("callwright_posts", "Tries to post to a result_url or a texts' URL.", ["state"], registry=REGISTRY)
WAITING = Gauge(
    "callwright_waiting",
    f"What waits in the database, of the whole platform; counted up to {queues.COUNTED_MAX:,}.",
    ["queue"],
    registry=REGISTRY,
)


async def run(db: Database) -> None:
    """Count what waits, until cancelled."""
    while True:
        try:
            for queue, count in (await queues.waiting(db)).items():
                WAITING.labels(queue).set(count)
        except FAILURES as error:
            log.warning("the queues cannot be counted: %s", error)
        await asyncio.sleep(EVERY_S)
