"""Status and cancel, to the key and the type (docs/compatibility/fuse-call-status.md, fuse-cancel.md)."""

import time

import pytest

from callwright.services import calls, dialing, engines
from callwright.services.calls import CallBatch
from callwright.services.dialing import Finish

pytestmark = pytest.mark.store

KEYS = [
    "max_attempts",
    "attempts",
    "events",
    "phone_number",
    "status",
    "queued_timestamp",
    "start_timestamp",
    "end_timestamp",
    "reattempt_wait",
    "duration",
]


def _path(world, what: str) -> str:
    return f"/api/apps/{world.application_id}/{world.deployment_id}/{what}"


async def _queue(client, world, **fields) -> int:
    reply = await client.post(_path(world, "queue"), data={"phone_number": "tel:+16175551234", **fields})
    return reply.json()["call_id"]


async def test_a_waiting_call(client, world):
    now = int(time.time())
    call_id = await _queue(client, world, start_timestamp=now + 500, end_timestamp=now + 900)
    details = (await client.get(f"/api/outbound/{call_id}")).json()["call_details"]
    assert list(details) == KEYS
    assert details["events"] == [{"event": "queued", "timestamp": int(details["queued_timestamp"])}]
    assert (details["max_attempts"], details["attempts"], details["reattempt_wait"]) == ("1", "0", "300")
    assert (details["status"], details["duration"]) == ("queued", 0)
    assert (details["start_timestamp"], details["end_timestamp"]) == (str(now + 500), str(now + 900))
    assert details["phone_number"] == "tel:+16175551234"


async def test_a_completed_call(client, db, world):
    call_id = await _queue(client, world)
    engine = (await engines.register(db, "test", time.time())).id
    (claim,) = await dialing.claim(db, engine_id=engine, free=1, now=time.time())
    await dialing.start(db, [(claim.attempt_id, "a@b")], time.time())
    await calls.write(db, CallBatch(connected=[(claim.attempt_id, 1_700_000_000.0)]))
    await calls.write(db, CallBatch(finished=[Finish(claim.attempt_id, "completed", "exit", 1_700_000_003.9)]))
    details = (await client.get(f"/api/outbound/{call_id}")).json()["call_details"]
    assert [event["event"] for event in details["events"]] == ["queued", "dialing", "connected", "disconnected"]
    assert (details["start_timestamp"], details["end_timestamp"], details["duration"]) == (
        "1700000000",
        "1700000003",
        3,
    )
    assert (details["status"], details["attempts"]) == ("completed", "1")
    xml = (await client.get(f"/api/outbound/{call_id}", headers={"Accept": "application/xml"})).text
    assert xml.startswith(
        '<?xml version="1.0"?><result><call_details><max_attempts>1</max_attempts><attempts>1</attempts>'
        "<events><item><event>queued</event><timestamp>"
    )
    assert xml.endswith("<reattempt_wait>300</reattempt_wait><duration>3</duration></call_details></result>")


@pytest.mark.parametrize("call_id", ["999", "x", "1;drop", "9" * 40, "-1", "%00"])
async def test_no_such_call(client, call_id):
    reply = await client.get(f"/api/outbound/{call_id}")
    assert (reply.status_code, reply.json()) == (404, {"error": "No outbound call was found by that call id."})


async def test_another_users_call(client, stranger, world):
    reply = await stranger.get(f"/api/outbound/{await _queue(client, world)}")
    assert (reply.status_code, reply.json()) == (
        403,
        {"error": "You do not have permission to view this outbound call."},
    )


async def test_cancel(client, db, world):
    ids = [await _queue(client, world, result_url="http://example.test/") for _ in range(3)]
    for _ in range(2):
        reply = await client.delete(_path(world, "cancel"))
        assert (reply.status_code, reply.content) == (202, b"")
    for call_id in ids:
        details = (await client.get(f"/api/outbound/{call_id}")).json()["call_details"]
        assert details["status"] == "canceled"
        assert [event["event"] for event in details["events"]] == ["queued", "canceled"]
    assert await db.pool.fetchval("SELECT count(*) FROM callbacks") == 3


async def test_cancel_refused(client, stranger, world):
    text = "No deployment was found by that application id and deployment id."
    reply = await client.delete("/api/apps/1/999/cancel", headers={"Accept": "application/xml"})
    assert (reply.status_code, reply.text) == (404, f'<?xml version="1.0"?><result><error>{text}</error></result>')
    reply = await stranger.delete(_path(world, "cancel"))
    assert (reply.status_code, reply.json()) == (
        403,
        {"error": "You do not have permission to cancel calls for this deployment."},
    )
