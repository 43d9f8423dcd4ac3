"""The database goes away while calls are up: they go on, and when it is back everything that happened is in it."""

import asyncio
import json
import shutil
import tempfile
from pathlib import Path

import asyncpg
import pytest
from conftest import Running, started

from callwright.cli._postgres import EmbeddedPostgres
from callwright.testing.receiver import Receiver

pytestmark = [pytest.mark.wire, pytest.mark.timeout(240)]

RESCHEDULES, IS_SILENT, HANGS_UP = "12125550102", "12125550105", "12125550106"
NOTICED_S_MAX = 60.0


@pytest.fixture
def folder():
    """A folder that others may pass, so that as root the database lies in it and goes with it."""
    made = Path(tempfile.mkdtemp(prefix="cw-"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made)


async def test_calls_go_on_without_the_database_and_nothing_is_lost(folder):
    own = EmbeddedPostgres(folder)
    await own.start()
    try:
        with started(database_url=own.url) as platform:
            await _calls_without_it(platform, own)
    finally:
        await own.stop()


async def _calls_without_it(platform: Running, own: EmbeddedPostgres) -> None:
    pids = platform.ready["pids"]
    long = await platform.deploy(_asking())
    async with Receiver() as receiver:
        result_url = receiver.url("/results")
        goes_on = await platform.queue(IS_SILENT, deployment=long, result_url=result_url)
        await _noticed(platform, IS_SILENT, "turn over")
        await platform.until(goes_on, "connected")
        ends = await platform.queue(
            RESCHEDULES, metadata={"answer_url": receiver.url("/answers")}, result_url=result_url
        )
        await _noticed(platform, RESCHEDULES, "heard")
        await platform.until(ends, "connected")

        await own.stop()
        (answer,) = await receiver.wait_for("/answers", timeout_s=NOTICED_S_MAX)
        await _noticed(platform, RESCHEDULES, "ended")
        heard = len(_of(platform, IS_SILENT, "turn over"))
        await _noticed(platform, IS_SILENT, "turn over", count=heard + 1)
        async with platform.client() as client:
            assert (await client.get("/v1/outbound")).status_code == 503
        assert receiver.received == [answer], "nothing is reported that is not written down"
        await own.start()

        later = await _queue_again(platform)
        assert (await platform.over(later))["details"]["status"] == "completed"
        reported = await receiver.wait_for("/results", count=2, timeout_s=NOTICED_S_MAX)
    for call_id, outcome in ((ends, "exit"), (goes_on, "exit")):
        found = await platform.over(call_id)
        (call,) = found["calls"]
        assert (found["details"]["status"], call["outcome"]) == ("completed", outcome)
        assert [event["event"] for event in found["details"]["events"]][-2:] == ["connected", "disconnected"]
        assert [one["status"] for one in found["callback_tries"]] == [200]
    assert json.loads(answer.body)["day"] == "15"
    assert len({post.headers["webhook-id"] for post in reported}) == 2
    (call,) = (await platform.over(ends))["calls"]
    said = (await platform.call(call["session_id"]))["transcript"].splitlines()
    assert [line for line in said if not line.startswith("hears")] == [
        "presses 2",
        "presses 15",
        "service 200 {}",
        "call ends",
    ]
    assert {role: platform.ready["pids"][role] for role in pids} == pids, "no process ended over it"
    await _no_engine_was_given_up(own)


async def _no_engine_was_given_up(own: EmbeddedPostgres) -> None:
    connection = await asyncpg.connect(own.url)
    try:
        assert await connection.fetchval("SELECT count(*) FROM engines WHERE stopped_at IS NULL") == 1
        assert await connection.fetchval("SELECT count(*) FROM outbound_attempts WHERE state <> 'ended'") == 0
    finally:
        await connection.close()


async def _queue_again(platform: Running) -> int:
    """A call, as soon as the web process has found the database again."""
    async with asyncio.timeout(NOTICED_S_MAX), platform.client() as client:
        while (await client.get("/v1/outbound")).status_code != 200:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.05)
    return await platform.queue(HANGS_UP)


def _of(platform: Running, number: str, event: str) -> list[dict]:
    """What the phone noticed of this kind in the call to a number."""
    seen = platform.phone_events()
    calls = {one["call_id"] for one in seen if one["event"] == "invited" and one["detail"].endswith(number)}
    return [one for one in seen if one["call_id"] in calls and one["event"] == event]


async def _noticed(platform: Running, number: str, event: str, *, count: int = 1) -> None:
    async with asyncio.timeout(NOTICED_S_MAX):
        while len(_of(platform, number, event)) < count:  # noqa: ASYNC110 - a file tells of nothing
            await asyncio.sleep(0.05)


def _asking() -> dict:
    """Asks again and again, with two seconds to answer."""
    ask = {
        "name": "ask",
        "type": "menu",
        "prompt": "Press 1.",
        "initial_timeout_s": 2,
        "choices": [{"keys": "1", "value": "one"}],
        "no_input": {"attempts": ["Press 1, please."] * 12},
        "exits": {"one": "end", "no_input": "end"},
    }
    start = {"name": "start", "type": "start", "exits": {"next": "ask"}}
    return {"name": "Test", "pages": [{"name": "Main", "modules": [start, ask, {"name": "end", "type": "exit"}]}]}
