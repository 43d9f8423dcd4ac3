"""Queue Multiple Calls: a file of contacts becomes calls, all of them or none (docs/compatibility/fuse-queue-calls.md)."""

import asyncio
import json
import time

import pytest
from starlette.requests import ClientDisconnect

from callwright.base import contacts
from callwright.services import deployments, outbound
from callwright.store.database import FAILURES
from callwright.store.outbound import NewCall

pytestmark = pytest.mark.store

SAMPLE = (
    b'"destination","first_name","last_name"\n'
    b'"1234567890","Steve","Smith"\n'
    b'"tel:12223456547","Sloane","Bergeron"\n'
    b'"tel:+16177123000;ani=5553336666","Plum","Voice"\n'
    b'"19998886666","Keith","Johnston"\n'
)


def _path(world) -> str:
    return f"/api/apps/{world.application_id}/{world.deployment_id}/bulk_queue"


def _file(data: bytes) -> dict:
    return {"csv": ("contacts.csv", data, "text/csv")}


async def _queued(db) -> list:
    return await db.pool.fetch("SELECT * FROM outbound_calls ORDER BY id")


async def test_the_documented_file(client, db, world):
    now = int(time.time())
    fields = {
        "start_timestamp": now + 100,
        "end_timestamp": now + 900,
        "max_attempts": 3,
        "reattempt_wait": 60,
        "result_url": "http://example.test/done",
    }
    reply = await client.post(_path(world), files=_file(SAMPLE), data=fields)
    assert reply.status_code == 200, reply.text
    rows = await _queued(db)
    assert reply.json() == {"call_ids": [row["id"] for row in rows]}
    assert [(row["phone_number"], row["dialled"], row["ani"], json.loads(row["metadata"])) for row in rows] == [
        ("1234567890", "11234567890", "", {"first_name": "Steve", "last_name": "Smith"}),
        ("tel:12223456547", "12223456547", "", {"first_name": "Sloane", "last_name": "Bergeron"}),
        ("tel:+16177123000;ani=5553336666", "16177123000", "5553336666", {"first_name": "Plum", "last_name": "Voice"}),
        ("19998886666", "19998886666", "", {"first_name": "Keith", "last_name": "Johnston"}),
    ]
    for row in rows:
        assert (row["start_at"], row["due_at"], row["end_at"]) == (now + 100, now + 100, now + 900)
        assert (row["max_attempts"], row["reattempt_wait_s"], row["trunk_id"]) == (3, 60, world.trunk.id)
        assert (row["result_url"], row["user_id"]) == ("http://example.test/done", world.scope.user_id)
        details = (await client.get(f"/api/outbound/{row['id']}")).json()["call_details"]
        assert (details["phone_number"], details["status"]) == (row["phone_number"], "queued")
        assert [event["event"] for event in details["events"]] == ["queued"]


async def test_xml(client, world):
    reply = await client.post(_path(world), files=_file(SAMPLE), headers={"Accept": "application/xml"})
    first = int(reply.text.partition("<item>")[2].partition("<")[0])
    items = "".join(f"<item>{first + n}</item>" for n in range(4))
    assert reply.text == f'<?xml version="1.0"?><result><call_ids>{items}</call_ids></result>'


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbfDestination \r\n6175551234\r\n",
        b'destination\n\n6175551234;ani=8009957586\n"tel:+16175551234;ani=8009957586;postd=2"',
        'destination,note\n 6175551234 ,"commas, ""quotes""\nand é"\n'.encode(),
    ],
)
async def test_ways_to_write_a_file(client, db, world, data):
    reply = await client.post(_path(world), files=_file(data))
    assert reply.status_code == 200, reply.text
    assert len(await _queued(db)) == len(reply.json()["call_ids"]) > 0


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"phone\n6175551234\n", "The first column of the CSV must be named destination."),
        (b"destination\n6175551234\n\n123\n", "Invalid destination on line 4."),
        (b'destination,a\n6175551234,"x\ny"\nx,1\n', "Invalid destination on line 4."),
        (b"destination\n", "The CSV has no rows."),
        (b"destination,a\n6175551234\n", "Line 2 of the CSV has 1 fields where the header has 2."),
        (b"destination,a,a\n6175551234,1,2\n", "Two columns of the CSV are named a."),
        (b"destination,\n6175551234,1\n", "Column 2 of the CSV must have a name of 1 to 100 characters."),
        (b"destination\n\xe9\n", "Line 2 of the CSV is not UTF-8 text."),
        (
            b'destination,a\n6175551234,"x\n',
            "Line 2 of the CSV cannot be read: a quote or a line break is out of place.",
        ),
        (b"destination,a\n6175551234," + b"x" * 65_536, "The row on line 2 of the CSV has more than 65536 characters."),
        (b"destination,a\n6175551234," + b"x" * 300_000, "Line 2 of the CSV has more than 262144 bytes."),
        (
            b"destination\n" + b"6175551234\n" * 100_001,
            "The CSV has more than 100000 rows, the first of them on line 100002.",
        ),
        (b"", "The first column of the CSV must be named destination."),
    ],
)
async def test_a_file_is_refused_whole(client, db, world, data, text):
    reply = await client.post(_path(world), files=_file(data))
    assert (reply.status_code, reply.json()) == (400, {"error": text})
    assert await _queued(db) == []
    reply = await client.post(_path(world), files=_file(data), headers={"Accept": "application/xml"})
    assert reply.text == f'<?xml version="1.0"?><result><error>{text}</error></result>'


async def test_every_problem_has_its_text():
    from typing import get_args

    from callwright.web.plum import texts

    assert set(texts.CSV) == set(get_args(contacts.Problem))


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"max_attempts": "11"}, "max_attempts must be an integer between 1 and 10."),
        ({"max_attempts": "2"}, "reattempt_wait is required when max_attempts is greater than 1."),
        ({"reattempt_wait": "59"}, "reattempt_wait must be an integer between 60 and 86400."),
        ({"start_timestamp": "soon"}, "start_timestamp is invalid."),
        ({"end_timestamp": "1"}, "end_timestamp must be after start_timestamp."),
        ({"result_url": "ftp://x"}, "result_url is not a valid URL."),
        ({"is_pci": "2"}, "is_pci must be 0 or 1."),
    ],
)
async def test_a_wrong_field(client, db, world, fields, text):
    reply = await client.post(_path(world), files=_file(SAMPLE), data=fields)
    assert (reply.status_code, reply.json()) == (400, {"error": text})
    assert await _queued(db) == []


async def test_a_file_that_is_not_there(client, world):
    for sent in ({"data": {}}, {"files": {"max_attempts": (None, "1")}}, {"files": {"csv": (None, "")}}):
        reply = await client.post(_path(world), **sent)
        assert (reply.status_code, reply.json()) == (400, {"error": "csv is missing."})


async def test_a_file_sent_as_text(client, world):
    reply = await client.post(_path(world), files={"csv": (None, SAMPLE)})
    assert len(reply.json()["call_ids"]) == 4


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("application/json", b'{"csv":"destination\\n6175551234"}'),
        ("text/csv", SAMPLE),
        ("application/x-www-form-urlencoded", b"csv=destination"),
        ("application/xml", b"<csv/>"),
    ],
)
async def test_another_media_type(client, db, world, kind, content):
    reply = await client.post(_path(world), content=content, headers={"Content-Type": kind})
    assert (reply.status_code, reply.json()) == (415, {"error": "Content-Type must be multipart/form-data."})
    assert await _queued(db) == []


@pytest.mark.parametrize("content", [b"", b"nonsense", b"--x\r\n", b"--x\r\nContent-Disposition: form-data\r\n\r\n"])
async def test_a_multipart_body_that_cannot_be_read(client, world, content):
    for kind in ("multipart/form-data", "multipart/form-data; boundary=x"):
        reply = await client.post(_path(world), content=content, headers={"Content-Type": kind})
        assert reply.status_code == 400


async def test_the_order_of_checks(client, stranger, db, world):
    body = {"content": b"x", "headers": {"Content-Type": "text/plain"}}
    assert (await client.post("/api/apps/1/999/bulk_queue", **body)).status_code == 404
    assert (await stranger.post(_path(world), **body)).status_code == 403
    assert (await client.post(_path(world), **body)).status_code == 415
    reply = await client.post(_path(world), files=_file(SAMPLE), data={"is_pci": "1"})
    assert (reply.status_code, reply.json()) == (
        403,
        {"error": "You do not have permission to use the secure environment."},
    )
    await deployments.delete(db, world.scope, world.deployment_id)
    assert (await client.post(_path(world), **body)).status_code == 409
    assert (await client.put(_path(world))).status_code == 405
    client.auth = None
    assert (await client.post(_path(world), **body)).status_code == 401


async def test_a_body_over_the_limit(client, world):
    headers = {"Content-Type": "multipart/form-data; boundary=x", "Content-Length": str((64 << 20) + 1)}
    reply = await client.post(_path(world), content=b"x", headers=headers)
    assert (reply.status_code, reply.json()) == (413, {"error": "The request body is larger than 67108864 bytes."})


def _rows(tmp_path, count: int):
    path = tmp_path / "contacts.csv"
    path.write_bytes(b"destination\n" + b"6175551234\n" * count)
    return path.open("rb")


def _call(contact) -> NewCall:
    return NewCall(contact.number, contact.variables)


async def test_a_client_that_goes_away_has_queued_nothing(db, world, tmp_path):
    deployment = await deployments.get(db, world.scope, world.deployment_id)
    batches = 0

    async def goes_after_two_batches() -> None:
        nonlocal batches
        batches += 1
        if batches == 2:
            raise ClientDisconnect

    with _rows(tmp_path, 3 * outbound.BATCH) as file, pytest.raises(ClientDisconnect):
        await outbound.queue_calls(db, world.scope, deployment, file, _call, confirm=goes_after_two_batches)
    assert batches == 2
    assert await _queued(db) == []


async def test_a_database_that_is_lost_midway_has_queued_nothing(client, db, world, tmp_path):
    """The server's process for this connection is ended after the first batch, as a crash would."""
    deployment = await deployments.get(db, world.scope, world.deployment_id)

    async def ended() -> None:
        killed = await db.pool.fetchval(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE state = 'idle in transaction'"
            " AND datname = current_database()"
        )
        assert killed == 1

    with _rows(tmp_path, 2 * outbound.BATCH) as file, pytest.raises(FAILURES):
        await outbound.queue_calls(db, world.scope, deployment, file, _call, confirm=ended)
    assert await _queued(db) == []


async def test_nothing_of_it_can_be_dialled_before_all_of_it(db, world, tmp_path):
    from callwright.services import dialing, engines

    deployment = await deployments.get(db, world.scope, world.deployment_id)
    engine = (await engines.register(db, "test", time.time())).id

    async def none_is_due() -> None:
        assert await dialing.claim(db, engine_id=engine, free=5, now=time.time()) == []

    with _rows(tmp_path, outbound.BATCH + 1) as file:
        ids = await outbound.queue_calls(db, world.scope, deployment, file, _call, confirm=none_is_due)
    assert ids == sorted(ids) and len(ids) == outbound.BATCH + 1
    assert len(await dialing.claim(db, engine_id=engine, free=5, now=time.time())) == 5


async def test_files_at_the_same_time(client, db, world):
    replies = await asyncio.gather(*(client.post(_path(world), files=_file(SAMPLE)) for _ in range(8)))
    ids = [reply.json()["call_ids"] for reply in replies]
    assert all(one == sorted(one) for one in ids)
    assert len({call for one in ids for call in one}) == 32
