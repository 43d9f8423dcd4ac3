"""A number that sends texts by the built-in carrier, and the jobs that carry them."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from callwright.jobs.callbacks import Callbacks
from callwright.jobs.sms import Texts
from callwright.providers.http import GuardedClient
from callwright.services import numbers, sms_carriers
from callwright.store.sms_carriers import Texting

OURS = "2435678910"


@pytest.fixture
async def carrier(db, world):
    """The built-in carrier of `world`, whose number 2435678910 sends by it."""
    number_id = await numbers.create(db, world.scope, address=OURS, sms=True)
    carrier_id = await sms_carriers.create(
        db, world.scope, name="handset", type="loopback", settings={}, texts_per_second=1000
    )
    await sms_carriers.set_texting(db, world.scope, number_id, Texting(carrier_id))
    return await sms_carriers.get(db, world.scope, carrier_id)


@pytest.fixture
def running(db):
    """`async with running() as wake`: the jobs that send texts and post what became of them."""

    @asynccontextmanager
    async def run():
        http = GuardedClient((), True)
        texts, callbacks = Texts(db, http, "http://test"), Callbacks(db, http)
        tasks = [
            asyncio.create_task(job)
            for job in (
                texts.run(),
                callbacks.run(),
                db.listen("callwright_sms", texts.wake),
                db.listen("callwright_callback", callbacks.wake),
            )
        ]
        try:
            yield texts
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            await http.aclose()

    return run
