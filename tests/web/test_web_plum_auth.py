"""Who may ask, by what header, and in what form the answer comes (docs/compatibility/fuse-authentication.md)."""

import base64

import pytest

from callwright.services import accounts as accounts_service
from callwright.store import accounts as stored

pytestmark = pytest.mark.store

PATHS = [
    ("POST", "/api/apps/1/1/queue"),
    ("GET", "/api/outbound/1"),
    ("DELETE", "/api/apps/1/1/cancel"),
    ("GET", "/api/calls/0/1"),
    ("GET", "/api/call/1;2;3"),
    ("GET", "/api/all_logs/0/1"),
    ("POST", "/api/apps/1/1/bulk_queue"),
]


def _basic(user: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()


@pytest.mark.parametrize(("method", "path"), PATHS)
@pytest.mark.parametrize(
    ("header", "text"),
    [
        (None, "Authorization header is missing."),
        ("Basic", "Authorization header is malformed."),
        ("Basic ???", "Authorization header is malformed."),
        ("Bearer abc", "Authorization header is malformed."),
        (_basic("ann@example.test", "wrong"), "Invalid email or developer key."),
        (_basic("nobody@example.test", "wrong"), "Invalid email or developer key."),
        (_basic("'; DROP TABLE users; --", "x"), "Invalid email or developer key."),
    ],
)
async def test_refused(client, method, path, header, text):
    client.auth = None
    reply = await client.request(method, path, headers={"Authorization": header} if header else {})
    assert (reply.status_code, reply.json()) == (401, {"error": text})
    assert reply.headers["www-authenticate"] == 'Basic realm="Plum Fuse"'


async def test_inactive_account(client, db, world):
    await stored.set_active(db, world.scope, False)
    reply = await client.get("/api/outbound/1", headers={"Accept": "application/xml"})
    assert (reply.status_code, reply.text) == (
        401,
        '<?xml version="1.0"?><result><error>Account is inactive.</error></result>',
    )


async def test_the_misspelt_header_is_read_too(client, world):
    client.auth = None
    sent = _basic(world.account.email, world.account.developer_key)
    assert (await client.get("/api/outbound/1", headers={"Authentication": sent})).status_code == 404


async def test_a_rotated_key_is_refused(client, db, world):
    assert (await client.get("/api/outbound/1")).status_code == 404
    await accounts_service.rotate_developer_key(db, world.scope)
    assert (await client.get("/api/outbound/1")).status_code == 401


@pytest.mark.parametrize(("method", "path"), PATHS)
@pytest.mark.parametrize("wrong", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_wrong_method_comes_before_credentials(client, method, path, wrong):
    if wrong == method:
        return
    client.auth = None
    reply = await client.request(wrong, path)
    assert reply.status_code == 405
    assert reply.json() == {"error": f"Invalid HTTP method, only {method} is allowed."}
    assert reply.headers["allow"] == method


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/html", "application/json"),
        ("application/xml", "application/xml"),
        ("application/json", "application/json"),
        ("application/xml, application/json", "application/xml"),
        ("application/xml;q=0.5, application/json", "application/json"),
        ("application/xml;q=nonsense", "application/json"),
        ("text/xml", "application/json"),
    ],
)
async def test_form_of_the_reply(client, accept, media_type):
    reply = await client.get("/api/outbound/1", headers={"Accept": accept})
    assert reply.headers["content-type"].startswith(media_type)
