"""DEV's credentials and envelope (docs/compatibility/dev-authentication.md)."""

import asyncio
import json
import time

import httpx
import pytest
from lxml import etree

from callwright.services import accounts, passwords
from callwright.store import accounts as stored
from callwright.web.plum import table, texts
from callwright.web.plum.dev import DevEndpoint

pytestmark = pytest.mark.store

NOW = int(time.time())
LOGS = f"/ws/calls/logs/{NOW - 1000}/{NOW}"


@pytest.fixture(autouse=True)
def nobody_has_failed():
    """Failures are counted for each process, which all tests share."""
    passwords._failures._counted.clear()


def _sample_path(endpoint: DevEndpoint) -> str:
    values = {
        "start_timestamp": NOW - 1000,
        "end_timestamp": NOW,
        "log_id": 1,
        "phone_number": "8005550111",
        "suffix": "json",
        "sms_message_id": "0" * 32,
    }
    return endpoint.path.format(**values)


DEV = [endpoint for endpoint in table.ALL if type(endpoint) is DevEndpoint]
"Those of outbound calls and of texts have manners of their own, and tests beside theirs."


async def test_success(dev_client):
    reply = await dev_client.get(LOGS)
    assert (reply.status_code, reply.headers["content-type"]) == (200, "application/json")
    assert reply.text == '{"status":"success","error":"","result":{"total_logs":"0","logs":[]}}'
    assert reply.headers["cache-control"] == "no-store"
    reply = await dev_client.get(LOGS, headers={"Accept": "application/xml"})
    assert (reply.status_code, reply.headers["content-type"]) == (200, "application/xml")
    assert reply.text == (
        '<?xml version="1.0"?><logs><status>success</status><error></error>'
        "<result><total_logs>0</total_logs><logs/></result></logs>"
    )


async def test_failure_in_band(dev_client):
    reply = await dev_client.get(f"/ws/calls/logs/{NOW}/{NOW - 1}")
    assert reply.status_code == 200
    assert reply.text == '{"status":"failure","error":"end_timestamp must be after start_timestamp"}'
    reply = await dev_client.get(f"/ws/calls/logs/{NOW}/{NOW - 1}", headers={"Accept": "application/xml"})
    assert reply.status_code == 200
    assert reply.text == (
        '<?xml version="1.0"?><logs><status>failure</status>'
        "<error>end_timestamp must be after start_timestamp</error></logs>"
    )


@pytest.mark.parametrize("endpoint", DEV, ids=lambda endpoint: endpoint.service)
@pytest.mark.parametrize("sent", [None, ("ann@example.test", "wrong"), ("nobody@example.test", "Secret-123"), ("", "")])
async def test_unauthorized(dev_client, endpoint, sent):
    dev_client.auth = None
    path = _sample_path(endpoint)
    reply = await dev_client.request(endpoint.method, path, auth=sent)
    text = f"Unauthorized access to {endpoint.service} service"
    assert (reply.status_code, reply.json()) == (401, {"status": "failure", "error": text})
    assert reply.headers["www-authenticate"] == 'Basic realm="Plum DEV"'
    reply = await dev_client.request(endpoint.method, path, auth=sent, headers={"Accept": "application/xml"})
    root = etree.fromstring(reply.content)
    assert (root.tag, [(child.tag, child.text) for child in root]) == (
        endpoint.service,
        [("status", "failure"), ("error", text)],
    )


@pytest.mark.parametrize("header", ["Basic", "Basic ???", "Bearer abc"])
async def test_malformed_header(dev_client, header):
    dev_client.auth = None
    reply = await dev_client.get(LOGS, headers={"Authorization": header})
    assert (reply.status_code, reply.json()["error"]) == (401, "Unauthorized access to logs service")


@pytest.mark.parametrize("endpoint", DEV, ids=lambda endpoint: endpoint.service)
@pytest.mark.parametrize("wrong", ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS"])
async def test_wrong_method_comes_first(dev_client, endpoint, wrong):
    if wrong == endpoint.method:
        return
    dev_client.auth = None
    reply = await dev_client.request(wrong, _sample_path(endpoint))
    assert (reply.status_code, reply.headers["allow"]) == (405, endpoint.method)
    if wrong != "HEAD":
        assert reply.json()["status"] == "failure"


async def test_the_developer_key_is_no_password(dev_client, client, world):
    reply = await dev_client.get(LOGS, auth=(world.account.email, world.account.developer_key))
    assert reply.status_code == 401
    reply = await client.get(f"/api/calls/0/{NOW}", auth=(world.account.email, "Secret-123"))
    assert reply.status_code == 401


async def test_the_login_is_an_email_in_any_case(dev_client, world):
    assert (await dev_client.get(LOGS, auth=(world.account.email.upper(), "Secret-123"))).status_code == 200


async def test_an_inactive_account_is_refused_at_once(dev_client, db, world):
    assert (await dev_client.get(LOGS)).status_code == 200
    await stored.set_active(db, world.scope, False)
    assert (await dev_client.get(LOGS)).status_code == 401


async def test_a_changed_password_counts_at_once(dev_client, db, world):
    assert (await dev_client.get(LOGS)).status_code == 200
    await passwords.change(db, world.scope, "Another-1")
    assert (await dev_client.get(LOGS)).status_code == 401
    assert (await dev_client.get(LOGS, auth=(world.account.email, "Another-1"))).status_code == 200


async def test_a_right_password_is_hashed_once_a_minute(dev_client, monkeypatch):
    hashes = []
    monkeypatch.setattr(passwords, "_verify", lambda *a, real=passwords._verify: hashes.append(1) or real(*a))
    for _ in range(20):
        assert (await dev_client.get(LOGS)).status_code == 200
    assert len(hashes) == 1
    for digest in passwords._known:
        passwords._known[digest] = time.monotonic() - 1
    assert (await dev_client.get(LOGS)).status_code == 200
    assert len(hashes) == 2


async def test_guessing_is_refused_and_keeps_nobody_out(dev_client, app, world, other):
    async def guess(n: int, login: str = world.account.email) -> int:
        return (await dev_client.get(LOGS, auth=(login, f"guess-{n}"))).status_code

    assert (await dev_client.get(LOGS)).status_code == 200
    # At the same time, so that none has failed yet when the others begin.
    statuses = await asyncio.gather(*(guess(n) for n in range(20)))
    assert sorted(statuses) == [401] * passwords.FAILURES_MAX + [429] * 10
    refused = await dev_client.get(LOGS, auth=(world.account.email, "guess"))
    assert refused.json() == {"status": "failure", "error": "Too many failed attempts, try again in a minute."}
    # Who is known, who asks from elsewhere, and other logins are let in.
    assert (await dev_client.get(LOGS)).status_code == 200
    passwords._known.clear()
    assert (await dev_client.get(LOGS)).status_code == 429
    elsewhere = httpx.ASGITransport(app, client=("192.0.2.1", 1))
    async with httpx.AsyncClient(transport=elsewhere, base_url="http://test") as client:
        assert (await client.get(LOGS, auth=(world.account.email, "Secret-123"))).status_code == 200
    assert (await dev_client.get(LOGS, auth=(other.account.email, "Secret-123"))).status_code == 200
    # Neither does one client guess at many logins.
    statuses = [await guess(n, f"user{n}@example.test") for n in range(passwords.CLIENT_FAILURES_MAX)]
    assert statuses[0] == 401 and statuses[-1] == 429


async def test_right_attempts_are_not_failures(dev_client, world):
    for _ in range(2 * passwords.FAILURES_MAX):
        passwords._known.clear()
        assert (await dev_client.get(LOGS)).status_code == 200


async def test_hashes_never_pile_up(dev_client, monkeypatch):
    monkeypatch.setattr(passwords, "_waiting", passwords.WAITING_MAX)
    reply = await dev_client.get(LOGS)
    assert (reply.status_code, reply.json()["status"]) == (503, "failure")


async def test_what_is_remembered_is_bounded(db, world, monkeypatch):
    monkeypatch.setattr(passwords, "KNOWN_MAX", 2)
    monkeypatch.setattr(passwords, "CLIENTS_MAX", 5)
    for n in range(4):
        await accounts.create_user(db, world.scope, email=f"u{n}@example.test", password="Secret-123")
        await passwords.authenticate(db, f"u{n}@example.test", "Secret-123", client=f"192.0.2.{n}")
    assert len(passwords._known) <= 2
    assert len(passwords._failures._counted) <= 5


async def test_database_down(dev_client, db):
    await db.close()
    reply = await dev_client.get(LOGS)
    assert (reply.status_code, reply.json()) == (500, {"status": "failure", "error": texts.DATABASE})


async def test_slashes_are_escaped_as_php_does(dev_client):
    reply = await dev_client.get("/ws/calls/logs/1/2")
    assert json.loads(reply.text)["error"] == "start_timestamp must be within the last year"
    (endpoint,) = (one for one in DEV if one.service == "logs")
    told = b"".join([piece async for piece in endpoint.succeeded({"a": "b/ü"}, "json")])
    assert told == b'{"status":"success","error":"","result":{"a":"b\\/\\u00fc"}}'
