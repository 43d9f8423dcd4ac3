"""`callwright sms` against the API: what is sent, what is refused, and what is seen of both."""

import asyncio
import re
import signal
import sys
from collections.abc import AsyncIterator

import pytest
from click.testing import CliRunner, Result
from served import served_here

from callwright.base.config import Config
from callwright.cli.sms import command
from callwright.ports.carrier import Receipt, ReceivedText, Taken
from callwright.providers.http import GuardedClient
from callwright.providers.pool_client import PoolClient
from callwright.services import numbers, sms, sms_carriers
from callwright.store.sms_carriers import Texting
from callwright.web.app import create_app

pytestmark = pytest.mark.store

OURS, THEIRS = "2435678910", "12125550131"
SEEN_S_MAX = 20.0


@pytest.fixture
async def server(db, database_url, tmp_path) -> AsyncIterator[str]:
    """The API on a free port."""
    http = GuardedClient((), True)
    config = Config(data_dir=str(tmp_path / "data"), database_url=database_url)
    app = create_app(config, db, http, PoolClient(config.pool_socket))
    async with served_here(app) as url:
        yield url
    await http.aclose()


@pytest.fixture
async def carrier_id(db, world) -> int:
    number_id = await numbers.create(db, world.scope, address=OURS, sms=True)
    carrier_id = await sms_carriers.create(
        db, world.scope, name="handset", type="loopback", settings={}, texts_per_second=100
    )
    await sms_carriers.set_texting(db, world.scope, number_id, Texting(carrier_id))
    return carrier_id


@pytest.fixture
def options(server, world) -> list[str]:
    return ["--url", server, "--user", world.account.email, "--key", world.account.developer_key]


async def _callwright(*arguments: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, command, list(arguments))


def _send(*body: str, sender: str = OURS, to: str = THEIRS) -> list[str]:
    return ["send", "--from", sender, "--to", to, *body]


async def _carried(db, carrier_id: int, delivery: str) -> None:
    """The next text goes, and comes to this."""
    async with asyncio.timeout(SEEN_S_MAX):
        while not (texts := await sms.claim(db, carrier_id, whole=False, limit=1)):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.02)
    await sms.answered(db, carrier_id, texts[0], Taken("c1"))
    await sms.told(db, carrier_id, Receipt("c1", delivery, "switched off" if delivery == "undelivered" else ""))


async def test_a_text_is_queued(options, carrier_id, db):
    done = await _callwright(*_send("Hello there"), *options)
    assert done.exit_code == 0, done.output
    assert re.fullmatch(rf"\d\d:\d\d:\d\d  {OURS} > {THEIRS}  queued       Hello there\n", done.output)


@pytest.mark.parametrize(("delivery", "status"), [("delivered", 0), ("undelivered", 1)])
async def test_waiting_tells_what_became_of_it(options, carrier_id, db, delivery, status):
    sending = asyncio.create_task(_callwright(*_send("Hello", "--wait"), *options))
    await _carried(db, carrier_id, delivery)
    done = await sending
    assert done.exit_code == status and f"  {delivery}  " in done.output, done.output


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (_send("x" * 3300), "at most 20"),
        (_send("Hi", sender="9995550100"), "from is not an SMS number"),
        (_send("Hi", to="12"), "to is missing or invalid"),
    ],
)
async def test_what_cannot_be_sent(options, carrier_id, sent, told):
    done = await _callwright(*sent, *options)
    assert done.exit_code == 1 and told in done.output


async def test_a_text_to_somebody_who_has_stopped_them(options, carrier_id, db):
    await sms.told(db, carrier_id, ReceivedText("m1", OURS, THEIRS, "STOP"))
    done = await _callwright(*_send("Hi"), *options)
    assert done.exit_code == 1 and "undelivered  Hi  [Attempt to send to unsubscribed recipient]" in done.output


async def test_a_live_view(options, carrier_id, db, world):
    await sms.queue(db, world.scope, sender=OURS, to=THEIRS, body="before")
    await sms.queue(db, world.scope, sender=OURS, to="12125550199", body="of another")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-u", "-m", "callwright", "sms", "tail", "--number", THEIRS, *options),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None

    async def line() -> str:
        async with asyncio.timeout(SEEN_S_MAX):
            return (await process.stdout.readline()).decode().rstrip()

    try:
        assert (await line()).endswith(f"{OURS} > {THEIRS}  queued       before")
        await sms.told(db, carrier_id, ReceivedText("m1", OURS, THEIRS, "I write\nback"))
        assert (await line()).endswith(f"{THEIRS} > {OURS}  received     I write back")
        await _carried(db, carrier_id, "delivered")
        seen = await line()
        assert seen.endswith("before") and (" sent " in seen or " delivered " in seen)
        if " sent " in seen:
            assert (await line()).endswith("delivered    before")
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(SEEN_S_MAX):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_another_account_sends_and_sees_nothing(server, other, carrier_id, db, world):
    await sms.queue(db, world.scope, sender=OURS, to=THEIRS, body="Hi")
    options = ["--url", server, "--user", other.account.email, "--key", other.account.developer_key]
    done = await _callwright(*_send("Hi"), *options)
    assert done.exit_code == 1 and "from is not" in done.output
    assert await sms.listed(db, other.scope, sms.Query(limit=10)) == ([], 0)
