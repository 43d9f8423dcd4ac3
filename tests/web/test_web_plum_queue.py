"""Queue Call: what is taken, and what each wrong field is answered (docs/compatibility/fuse-queue-call.md)."""

import json
import time

import pytest

from callwright.services import deployments, outbound

pytestmark = pytest.mark.store

PHONE = "phone_number is missing or invalid."
ATTEMPTS = "max_attempts must be an integer between 1 and 10."
WAIT = "reattempt_wait must be an integer between 60 and 86400."
METADATA = "metadata must be a JSON object."
URL = "result_url is not a valid URL."
PCI = "is_pci must be 0 or 1."


def _path(world) -> str:
    return f"/api/apps/{world.application_id}/{world.deployment_id}/queue"


@pytest.mark.parametrize(
    "number",
    [
        "6175551234",
        "tel:+16175551234",
        "16175551234;ani=8009957586",
        "16175551234;postd=2",
        "tel:+16175551234;ani=8009957586;postd=2",
        "tel:+16175551234;postd=2p,#;ani=+18009957586",
    ],
)
@pytest.mark.parametrize("kind", ["data", "files", "json"])
async def test_queued(client, db, world, number, kind):
    fields = {"phone_number": number, "metadata": '{"first_name":"Steve","n":{"deep":[1,null]}}', "max_attempts": "1"}
    sent = {kind: {name: (None, value) for name, value in fields.items()} if kind == "files" else fields}
    reply = await client.post(_path(world), **sent)
    assert reply.status_code == 200, reply.text
    call_id = reply.json()["call_id"]
    assert list(reply.json()) == ["call_id"]
    assert isinstance(call_id, int)
    assert reply.headers["link"] == f'<http://test/api/outbound/{call_id}>; rel="status"'
    stored = await db.pool.fetchrow("SELECT phone_number, metadata FROM outbound_calls WHERE id = $1", call_id)
    assert stored["phone_number"] == number
    assert json.loads(stored["metadata"]) == {"first_name": "Steve", "n": {"deep": [1, None]}}


async def test_xml(client, world):
    reply = await client.post(_path(world), data={"phone_number": "6175551234"}, headers={"Accept": "application/xml"})
    assert reply.text == f'<?xml version="1.0"?><result><call_id>{_id_of(reply)}</call_id></result>'


def _id_of(reply) -> int:
    return int(reply.headers["link"].partition(">")[0].rpartition("/")[2])


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("phone_number", None, PHONE),
        ("phone_number", "", PHONE),
        ("phone_number", "123", PHONE),
        ("phone_number", "1" * 16, PHONE),
        ("phone_number", "tel:tel:6175551234", PHONE),
        ("phone_number", "6175551234;ani=1;ani=2", PHONE),
        ("phone_number", "6175551234;ani=", PHONE),
        ("phone_number", "6175551234;postd=x", PHONE),
        ("phone_number", "6175551234;other=1", PHONE),
        ("phone_number", "617-555-1234", PHONE),
        ("phone_number", "<script>alert(1)</script>", PHONE),
        ("phone_number", "6175551234\x00", PHONE),
        ("phone_number", "٦١٧٥٥٥١٢٣٤", PHONE),
        ("phone_number", "9" * 100_000, PHONE),
        ("start_timestamp", "soon", "start_timestamp is invalid."),
        ("start_timestamp", "-1", "start_timestamp is invalid."),
        ("start_timestamp", "1e9", "start_timestamp is invalid."),
        ("start_timestamp", "9" * 30, "start_timestamp is invalid."),
        ("end_timestamp", "never", "end_timestamp is invalid."),
        ("end_timestamp", "1000000000", "end_timestamp must be after start_timestamp."),
        ("max_attempts", "0", ATTEMPTS),
        ("max_attempts", "11", ATTEMPTS),
        ("max_attempts", "2.5", ATTEMPTS),
        ("max_attempts", "two", ATTEMPTS),
        ("max_attempts", "-3", ATTEMPTS),
        ("max_attempts", "2", "reattempt_wait is required when max_attempts is greater than 1."),
        ("reattempt_wait", "59", WAIT),
        ("reattempt_wait", "86401", WAIT),
        ("reattempt_wait", "a while", WAIT),
        ("metadata", "{", METADATA),
        ("metadata", "[]", METADATA),
        ("metadata", '"text"', METADATA),
        ("metadata", "null", METADATA),
        ("metadata", "[" * 50_000, METADATA),
        ("metadata", '{"a":"\\u0000"}', METADATA),
        ("metadata", json.dumps({"a": "x" * 70_000}), "metadata must not be larger than 65536 bytes."),
        ("result_url", "example", URL),
        ("result_url", "ftp://example.test/", URL),
        ("result_url", "javascript:alert(1)", URL),
        ("result_url", "http://user:secret@example.test/", URL),
        ("result_url", "http://[::1", URL),
        ("result_url", "http://example.test:99999/", URL),
        ("result_url", "http://example.test/" + "x" * 3000, URL),
        ("is_pci", "2", PCI),
        ("is_pci", "yes", PCI),
    ],
)
async def test_refused(client, db, world, field, value, text):
    fields = {"phone_number": "6175551234", field: value}
    reply = await client.post(_path(world), data={name: v for name, v in fields.items() if v is not None})
    assert (reply.status_code, reply.json()) == (400, {"error": text})
    assert await db.pool.fetchval("SELECT count(*) FROM outbound_calls") == 0


async def test_the_secure_environment_is_nobodys_yet(client, db, world):
    reply = await client.post(_path(world), data={"phone_number": "6175551234", "is_pci": "1"})
    assert reply.status_code == 403
    assert reply.json() == {"error": "You do not have permission to use the secure environment."}
    assert await db.pool.fetchval("SELECT count(*) FROM outbound_calls") == 0


@pytest.mark.parametrize("value", [True, None, [], {"a": 1}, 1.5])
async def test_json_of_the_wrong_type(client, world, value):
    reply = await client.post(_path(world), json={"phone_number": value})
    assert (reply.status_code, reply.json()) == (400, {"error": PHONE})


@pytest.mark.parametrize(
    ("content", "kind"), [("{", "application/json"), ("[1]", "application/json"), ("x", "multipart/form-data")]
)
async def test_body_that_cannot_be_read(client, world, content, kind):
    reply = await client.post(_path(world), content=content, headers={"Content-Type": kind})
    assert (reply.status_code, reply.json()) == (400, {"error": "The request body cannot be read."})


async def test_limits_at_both_ends(client, world):
    now = int(time.time())
    for attempts, wait in (("10", "60"), ("2", "86400")):
        fields = {"phone_number": "6175551234", "max_attempts": attempts, "reattempt_wait": wait}
        reply = await client.post(_path(world), data=fields | {"start_timestamp": now, "end_timestamp": now + 60})
        assert reply.status_code == 200, reply.text


async def test_unknown_fields_are_ignored(client, world):
    reply = await client.post(_path(world), data={"phone_number": "6175551234", "colour": "blue", "call_id": "7"})
    assert reply.status_code == 200


async def test_a_body_over_the_limit(client, world):
    reply = await client.post(_path(world), content=b"x" * (3 << 20))
    assert reply.status_code == 413

    async def endless():
        for _ in range(100):
            yield b"x" * 100_000

    reply = await client.post(_path(world), content=endless(), headers={"Content-Type": "application/json"})
    assert reply.status_code == 413


NO_DEPLOYMENT = "No deployment was found by that application id and deployment id."


@pytest.mark.parametrize(
    "path",
    [
        "/api/apps/{a}/999/queue",
        "/api/apps/999/{d}/queue",
        "/api/apps/x/y/queue",
        "/api/apps/{a}/99999999999999999999999999/queue",
        "/api/apps/1%20OR%201=1/1/queue",
        "/api/apps/<script>/{d}/queue",
        "/api/apps/${{7*7}}/{d}/queue",
        "/api/apps/-1/{d}/queue",
    ],
)
async def test_no_such_deployment_comes_before_the_fields(client, world, path):
    reply = await client.post(path.replace("{a}", str(world.application_id)).replace("{d}", str(world.deployment_id)))
    assert (reply.status_code, reply.json()) == (404, {"error": NO_DEPLOYMENT})
    reply = await client.post(path, headers={"Accept": "application/xml"})
    assert reply.text == f'<?xml version="1.0"?><result><error>{NO_DEPLOYMENT}</error></result>'


async def test_another_accounts_deployment(stranger, world):
    reply = await stranger.post(_path(world), data={"phone_number": "nonsense"})
    assert (reply.status_code, reply.json()) == (
        403,
        {"error": "You do not have permission to queue calls for this deployment."},
    )


async def test_deleted(client, db, world):
    await deployments.delete(db, world.scope, world.deployment_id)
    reply = await client.post(_path(world))
    assert (reply.status_code, reply.json()) == (409, {"error": "The deployment has been deleted."})


async def test_deleted_application(client, db, world):
    await db.pool.execute("UPDATE applications SET deleted_at = 1")
    reply = await client.post(_path(world))
    assert (reply.status_code, reply.json()) == (409, {"error": "The application has been deleted."})


async def test_database_gone(client, db, world):
    await client.get("/api/outbound/1")  # The credentials are known now.
    await db.close()
    reply = await client.post(_path(world))
    assert (reply.status_code, reply.json()) == (500, {"error": "Database error."})


async def test_the_owner_of_the_call_is_who_queued_it(client, db, world):
    reply = await client.post(_path(world), data={"phone_number": "6175551234"})
    assert await outbound.listed(db, world.scope.through("plum"), before=10**9, limit=5) == [_id_of(reply)]
