"""A number that sends texts by the built-in carrier, the jobs that carry them, and applications that answer."""

import asyncio
import json
import time
import uuid
from contextlib import asynccontextmanager
from typing import Any

import pytest

from callwright.conversation.applications import Applications
from callwright.conversation.text_turn import TextTurn, Tools
from callwright.jobs.callbacks import Callbacks
from callwright.jobs.sms import Texts
from callwright.ports.carrier import ReceivedText
from callwright.providers.http import GuardedClient
from callwright.providers.integrations.soap import Soap
from callwright.providers.mail.smtp import Mailer
from callwright.providers.pool_client import PoolClient
from callwright.services import (
    applications,
    deployments,
    numbers,
    publishing,
    sms,
    sms_carriers,
    text_sessions,
)
from callwright.store.sms import Query
from callwright.store.sms_carriers import Texting

OURS, THEIRS = "2435678910", "12125550131"
START = {"name": "start", "type": "start", "exits": {"next": "first"}}
END = {"name": "end", "type": "exit"}


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
    async def run(smtp_url: str = ""):
        http = GuardedClient((), True)
        texts = Texts(db, http, "http://test")
        callbacks = Callbacks(db, http, Mailer(smtp_url, "calls@example.com"))
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


@pytest.fixture
def tools(db, tmp_path):
    """What conversations have of the world; nothing in these tests needs speech, scripts or mail."""
    http = GuardedClient((), True)
    pool = PoolClient(tmp_path / "none.sock")
    return Tools(http, Soap(http), Mailer("", "x@localhost"), pool, Applications(db), tmp_path / "messages", time.time)


@pytest.fixture
def answering(db, world, carrier):
    """`await answering(module, ...)`: the number's texts are answered by an application of these modules."""

    async def answer(*modules: dict[str, Any], wait_s: float = 3600.0, **document: Any) -> int:
        names = ["first", *(f"m{number}" for number in range(1, len(modules)))]
        joined = [
            {"exits": {"next": following}} | module | {"name": name}
            for name, following, module in zip(names, [*names[1:], "end"], modules, strict=True)
        ]
        pages = [{"name": "Main", "modules": [START, *joined, END]}]
        read = applications.read_document(json.dumps({"name": "Answers", "pages": pages, **document}))
        application_id = await applications.create(db, world.scope, read)
        await publishing.publish(db, world.scope, application_id)
        deployment_id = await deployments.create(
            db, world.scope, application_id=application_id, version=None, label="texts"
        )
        number_id = await db.pool.fetchval("SELECT id FROM numbers WHERE address = $1", OURS)
        texting = Texting(carrier.id, text_deployment_id=deployment_id, text_wait_s=wait_s)
        await sms_carriers.set_texting(db, world.scope, number_id, texting)
        return number_id

    return answer


@pytest.fixture
def says(db, carrier):
    """`await says("Hi")`: a text from THEIRS comes in."""

    async def say(body: str, *, id: str = "", sender: str = THEIRS) -> None:
        assert await sms.told(db, carrier.id, ReceivedText(id or uuid.uuid4().hex, OURS, sender, body))

    return say


@pytest.fixture
def turn(db, tools):
    """`await turn()`: whatever is due is taken, once; how many turns that were."""

    async def take() -> int:
        turns = await text_sessions.claim(db, limit=20)
        for one in turns:
            await TextTurn(db, tools, one).take()
        return len(turns)

    return take


@pytest.fixture
def heard(db, world):
    """`await heard()`: what THEIRS was sent, in order."""

    async def sent(to: str = THEIRS) -> list[str]:
        rows, _ = await sms.listed(db, world.scope, Query(limit=1000, direction="outbound", theirs=(to,)))
        return [row.body for row in sorted(rows, key=lambda row: row.id)]

    return sent
