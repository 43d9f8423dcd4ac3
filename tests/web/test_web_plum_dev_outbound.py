"""DEV outbound: queuecall.php and queuecalls.php (docs/compatibility: dev-queue-call, dev-queue-calls)."""

import asyncio
import re
import subprocess
import sys
import time

import httpx
import pytest
from lxml import etree

from callwright.services import passwords
from callwright.testing.receiver import Answer, Receiver
from callwright.web.plum.dev_outbound import LENGTHS

pytestmark = pytest.mark.store

PIN = "98765432"
CALL, CALLS = "/webservice/queuecall.php", "/webservice/queuecalls.php"
PHONE = "phone_number is missing or invalid"
START = "start_url is missing or not a valid URL"
RESULT = "result_url is missing or not a valid URL"
RETRIES = "max_retries must be an integer between 0 and 10"
INTERVAL = "retry_interval must be an integer between 60 and 172800"
EXPIRED = "the expiration must be after the scheduled time and after now"


@pytest.fixture(autouse=True)
def no_failures_yet():
    passwords._failures._counted.clear()


@pytest.fixture
async def receiver():
    async with Receiver() as opened:
        yield opened


@pytest.fixture
async def login(db, world):
    await passwords.set_pin(db, world.scope, PIN)
    return {"login": world.account.email, "pin": PIN}


@pytest.fixture
async def fields(login, receiver):
    """What a call needs."""
    return login | {"phone_number": "+12125550101;ani=8001234567", "start_url": receiver.url("/start.php?a=1&b=2")}


async def _failed(reply: httpx.Response, status: int = 200) -> str:
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/xml"
    root = etree.fromstring(reply.content)
    assert root.get("status") == "failed"
    assert len(root) == 0
    return root.get("error") or ""


async def _stored(db, call_id: int) -> dict:
    return dict(await db.pool.fetchrow("SELECT * FROM outbound_calls WHERE id = $1", call_id))


async def test_queued(client, db, world, fields, receiver):
    client.auth = None
    reply = await client.post(CALL, data=fields)
    (call_id,) = [row["id"] for row in await db.pool.fetch("SELECT id FROM outbound_calls")]
    assert reply.text == (
        f'<?xml version="1.0"?><queuecall status="queued" call_id="{call_id}"><login>ann@example.test</login>'
        "<pin>********</pin><phone_number>+12125550101;ani=8001234567</phone_number>"
        f"<start_url>http://127.0.0.1:{receiver.port}/start.php?a=1&amp;b=2</start_url></queuecall>"
    )
    assert reply.headers["content-type"] == "application/xml"
    assert reply.headers["cache-control"] == "no-store"
    stored = await _stored(db, call_id)
    assert (stored["deployment_id"], stored["application_id"], stored["user_id"]) == (None, None, world.scope.user_id)
    assert (stored["dialled"], stored["ani"], stored["start_url"]) == ("12125550101", "8001234567", fields["start_url"])
    assert (stored["max_attempts"], stored["reattempt_wait_s"], stored["start_at"], stored["end_at"]) == (
        1,
        300,
        None,
        None,
    )
    assert stored["trunk_id"] == world.trunk.id
    assert [(one.method, one.path) for one in receiver.received] == [("GET", "/start.php?a=1&b=2")], "probed once"


@pytest.mark.parametrize("kind", ["data", "files"])
async def test_every_field(client, db, fields, receiver, kind):
    sent = fields | {
        "result_url": receiver.url("/result"),
        "message_reference": 'm<&">\u00fc',
        "call_parameters": "a=1&b=2",
        "max_retries": "10",
        "retry_interval": "172800",
        "scheduled_timestamp": "4102444800",
        "expiration_timestamp": "4102448400",
        "unknown": "ignored",
    }
    reply = await client.post(CALL, **{kind: {k: (None, v) for k, v in sent.items()} if kind == "files" else sent})
    root = etree.fromstring(reply.content)
    assert root.get("status") == "queued", reply.text
    assert root.findtext("message_reference") == 'm<&">\u00fc'
    assert root.find("unknown") is None
    stored = await _stored(db, int(root.get("call_id")))
    assert (stored["message_reference"], stored["call_parameters"]) == ('m<&">\u00fc', "a=1&b=2")
    assert (stored["max_attempts"], stored["reattempt_wait_s"]) == (11, 172800)
    assert (stored["start_at"], stored["end_at"], stored["due_at"]) == (4102444800, 4102448400, 4102444800)
    assert stored["result_url"] == receiver.url("/result")
    assert [one.path for one in receiver.received] == ["/start.php?a=1&b=2", "/result"]


async def test_the_other_spellings(client, db, fields):
    fields["number"] = fields.pop("phone_number")
    reply = await client.post(CALL, data=fields | {"max_retry": "3"})
    root = etree.fromstring(reply.content)
    assert root.findtext("phone_number") == fields["number"]
    assert (await _stored(db, int(root.get("call_id"))))["max_attempts"] == 4


@pytest.mark.parametrize(
    ("words", "seconds"),
    [("now", 0), ("+3 days", 259_200), ("oct 14th, 2031 11:05PM EST", None), ("in 5 minutes", 300)],
)
async def test_times_in_words(client, db, fields, words, seconds):
    now = time.time()
    reply = await client.post(CALL, data=fields | {"scheduled_time": words, "expiration_time": "dec 31 2099 11pm"})
    stored = await _stored(db, int(etree.fromstring(reply.content).get("call_id")))
    # A day in words is one of the calendar: it has an hour more or less where clocks change.
    expected = pytest.approx(now + (seconds or 0), abs=3700)
    assert stored["start_at"] == (1_949_803_500 if seconds is None else expected)
    assert stored["end_at"] == 4_102_459_200


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("phone_number", "", PHONE),
        ("phone_number", "123", PHONE),
        ("phone_number", "617-555-1234", PHONE),
        ("phone_number", "16175551234;ani=", PHONE),
        ("phone_number", "16175551234;ani=1;ani=2", PHONE),
        ("phone_number", "16175551234\0", PHONE),
        ("phone_number", "1" * 129, "phone_number must not be longer than 128 characters"),
        ("start_url", "", START),
        ("start_url", "ftp://example.test/", START),
        ("start_url", "javascript:alert(1)", START),
        ("start_url", "http://user:secret@example.test/", START),
        ("start_url", "http://x/" + "a" * 255, "start_url must not be longer than 255 characters"),
        ("result_url", "nonsense", RESULT),
        ("result_url", "http://x/" + "a" * 255, "result_url must not be longer than 255 characters"),
        ("message_reference", "a" * 256, "message_reference must not be longer than 255 characters"),
        ("call_parameters", "a" * 256, "call_parameters must not be longer than 255 characters"),
        ("message_reference", "a\0b", "message_reference is invalid"),
        ("max_retries", "11", RETRIES),
        ("max_retries", "-1", RETRIES),
        ("max_retries", "two", RETRIES),
        ("max_retry", "11", RETRIES),
        ("retry_interval", "59", INTERVAL),
        ("retry_interval", "172801", INTERVAL),
        ("retry_interval", "1e3", INTERVAL),
        ("scheduled_timestamp", "soon", "scheduled_timestamp must be an integer between 0 and 253402300799"),
        ("expiration_timestamp", "-5", "expiration_timestamp must be an integer between 0 and 253402300799"),
        ("expiration_timestamp", "1000", EXPIRED),
        ("expiration_time", "3 days ago", EXPIRED),
        ("expiration_time", "now", EXPIRED),
        ("scheduled_time", "whenever", "scheduled_time is not a time that can be read"),
        ("expiration_time", "feb 30 2031", "expiration_time is not a time that can be read"),
        ("scheduled_time", "a" * 129, "scheduled_time must not be longer than 128 characters"),
    ],
)
async def test_one_clear_reply_for_each_wrong_field(client, db, fields, receiver, field, value, text):
    assert await _failed(await client.post(CALL, data=fields | {field: value})) == text
    assert await db.pool.fetchval("SELECT count(*) FROM outbound_calls") == 0
    assert receiver.received == [], "nobody's server is asked for a call that is refused anyway"


async def test_both_ways_to_say_when(client, fields):
    sent = fields | {"scheduled_timestamp": "4102444800", "scheduled_time": "now"}
    assert (
        await _failed(await client.post(CALL, data=sent))
        == "scheduled_timestamp and scheduled_time cannot both be given"
    )
    sent["scheduled_timestamp"] = "0"
    assert etree.fromstring((await client.post(CALL, data=sent)).content).get("status") == "queued"


@pytest.mark.parametrize("field", sorted(LENGTHS.keys() - {"login", "pin", "phone_number", "campaign_name"}))
async def test_the_longest_that_is_allowed(client, fields, receiver, field):
    longest = {"start_url": receiver.url("/"), "result_url": receiver.url("/")}.get(field, "")
    value = longest.ljust(LENGTHS[field], "a")
    if field.endswith("_time"):
        value = "+3 days".rjust(LENGTHS[field])
    assert etree.fromstring((await client.post(CALL, data=fields | {field: value})).content).get("status") == "queued"


# -- who asks ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"login": ""},
        {"pin": ""},
        {"pin": "98765433"},
        {"login": "nobody@example.test"},
        {"login": "x" * 129},
        {"pin": "9" * 17},
        {"login": "'; DROP TABLE users; --"},
        {"login": "ann@example.test\0"},
        {"pin": "Secret-123"},
    ],
)
@pytest.mark.parametrize(("path", "service"), [(CALL, "queuecall"), (CALLS, "queuecalls")])
async def test_refused(client, fields, receiver, wrong, path, service):
    reply = await client.post(path, data=fields | wrong)
    assert await _failed(reply, 401) == f"Unauthorized access to {service} service"
    assert reply.text.startswith(f'<?xml version="1.0"?><{service} status="failed"')
    assert receiver.received == []


async def test_basic_credentials_are_not_the_forms(client, fields):
    """The developer key opens Fuse, not DEV."""
    del fields["login"], fields["pin"]
    await _failed(await client.post(CALL, data=fields), 401)


async def test_nobody_has_a_pin_before_it_is_set(client, db, world, receiver):
    sent = {"login": world.account.email, "pin": "98765432", "phone_number": "12125550101", "start_url": receiver.url()}
    await _failed(await client.post(CALL, data=sent), 401)
    assert (await client.put("/v1/dev-outbound/pin", json={"pin": "short"})).status_code == 422
    assert (await client.put("/v1/dev-outbound/pin", json={"pin": "98765432"})).status_code == 204
    assert etree.fromstring((await client.post(CALL, data=sent)).content).get("status") == "queued"
    await client.put("/v1/dev-outbound/pin", json={"pin": "12345678"})
    await _failed(await client.post(CALL, data=sent), 401)


async def test_guessing_ends(client, fields):
    for guess in range(passwords.FAILURES_MAX):
        await _failed(await client.post(CALL, data=fields | {"pin": f"guess{guess}"}), 401)
    assert await _failed(await client.post(CALL, data=fields | {"pin": "another"}), 429)


async def test_inactive_account(client, db, fields):
    await db.pool.execute("UPDATE users SET active = false")
    await _failed(await client.post(CALL, data=fields), 401)


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_wrong_method(client, method):
    reply = await client.request(method, CALL)
    assert await _failed(reply, 405) == "Invalid HTTP method, only POST is allowed."
    assert reply.headers["allow"] == "POST"


async def test_database_gone(client, db, fields):
    await client.post(CALL, data=fields)
    await db.close()
    assert await _failed(await client.post(CALL, data=fields), 500) == "Database error."


@pytest.mark.parametrize("body", [b"\xff\xfe", b"login=%ff%fe&pin=\xff", b"--x\r\nContent-Disposition: form-data"])
@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/xml"])
async def test_bodies_that_are_none(client, body, kind):
    reply = await client.post(CALL, content=body, headers={"Content-Type": kind})
    assert reply.status_code in (200, 401)
    assert etree.fromstring(reply.content).get("status") == "failed"


async def test_a_body_over_the_limit(client):
    reply = await client.post(CALL, data={"login": "x" * (3 << 20)})
    assert "larger than" in await _failed(reply, 413)


# -- probes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [404, 500, 301, 204])
@pytest.mark.parametrize("which", ["start_url", "result_url"])
async def test_what_does_not_answer_200_is_refused(client, db, fields, receiver, which, status):
    receiver.answer = lambda asked: Answer(status=status if asked.path == "/bad" else 200)
    text = await _failed(await client.post(CALL, data=fields | {which: receiver.url("/bad")}))
    assert text == f"{which} answered {status} to GET where 200 is needed"
    assert await db.pool.fetchval("SELECT count(*) FROM outbound_calls") == 0


async def test_redirects_are_followed(client, fields, receiver):
    def answer(asked):
        return Answer(status=302, headers=(("Location", "/there"),)) if asked.path == "/moved" else Answer()

    receiver.answer = answer
    reply = await client.post(CALL, data=fields | {"start_url": receiver.url("/moved")})
    assert etree.fromstring(reply.content).get("status") == "queued"


async def test_nothing_listens(client, fields):
    text = await _failed(await client.post(CALL, data=fields | {"start_url": "http://127.0.0.1:1/"}))
    assert text.startswith("start_url did not answer: 127.0.0.1:1 cannot be reached")


@pytest.mark.parametrize(
    "url",
    ["http://10.0.0.1/", "http://169.254.169.254/latest", "http://[::ffff:10.0.0.1]/", "http://192.168.0.1:8080/"],
)
async def test_private_addresses_are_not_probed(client, fields, url):
    assert "is at the private address" in await _failed(await client.post(CALL, data=fields | {"start_url": url}))


async def test_a_server_that_hangs(client, fields, receiver, monkeypatch):
    monkeypatch.setattr("callwright.services.probes.PROBE_S_MAX", 0.3)
    receiver.answer = lambda _: Answer(hangs=True)
    assert await _failed(await client.post(CALL, data=fields)) == "start_url did not answer: no answer within 0.3 s"


# -- campaigns -----------------------------------------------------------------------------------

CSV = (
    b'\xef\xbb\xbf"destination","first_name","message_reference"\r\n"12125550101","Steve","m1"\r\n\r\n'
    b'"tel:+16177123000;ani=5553336666","Sl\xc3\xb6ane, ""B""","m2"\r\n'
)


async def _campaign(client, fields, csv: bytes = CSV, **more: str) -> httpx.Response:
    sent = {k: v for k, v in fields.items() if k != "phone_number"} | {"campaign_name": "Autumn & Co"} | more
    return await client.post(CALLS, data=sent, files={"phone_numbers": ("list.csv", csv, "text/csv")})


async def test_a_campaign(client, db, world, fields, receiver):
    reply = await _campaign(client, fields, campaign_parameters="p=1", max_retries="2")
    campaign = await db.pool.fetchrow("SELECT * FROM campaigns")
    rows = await db.pool.fetch("SELECT * FROM outbound_calls ORDER BY id")
    assert reply.text == (
        f'<?xml version="1.0"?><queuecalls status="queued" campaign_id="{campaign["id"]}"><login>ann@example.test</login>'
        "<pin>********</pin><campaign_name>Autumn &amp; Co</campaign_name>"
        f"<start_url>http://127.0.0.1:{receiver.port}/start.php?a=1&amp;b=2</start_url>"
        "<campaign_parameters>p=1</campaign_parameters><max_retries>2</max_retries>"
        f'<call phone_number="12125550101" call_id="{rows[0]["id"]}"/>'
        f'<call phone_number="tel:+16177123000;ani=5553336666" call_id="{rows[1]["id"]}"/></queuecalls>'
    )
    assert (campaign["name"], campaign["parameters"], campaign["user_id"]) == (
        "Autumn & Co",
        "p=1",
        world.scope.user_id,
    )
    assert [row["message_reference"] for row in rows] == ["m1", "m2"]
    assert rows[1]["metadata"] == '{"first_name": "Sl\\u00f6ane, \\"B\\""}'
    assert {row["campaign_id"] for row in rows} == {campaign["id"]}
    assert {row["max_attempts"] for row in rows} == {3}
    assert len(receiver.received) == 1, "probed once, however many rows"


@pytest.mark.parametrize(
    ("csv", "text"),
    [
        (b"", "phone_numbers is missing"),
        (b"number\n12125550101\n", "The first column of the CSV must be named destination."),
        (b"destination\n12125550101\nnobody\n", "Invalid destination on line 3."),
        (b"destination\n", "The CSV has no rows."),
    ],
)
async def test_a_file_that_is_wrong_is_refused_whole(client, db, fields, csv, text):
    if csv:
        assert await _failed(await _campaign(client, fields, csv)) == text
    else:
        assert await _failed(await client.post(CALLS, data=fields | {"campaign_name": "x"})) == text
    assert await db.pool.fetchval("SELECT count(*) FROM outbound_calls") == 0
    assert await db.pool.fetchval("SELECT count(*) FROM campaigns") == 0


async def test_a_campaigns_name_is_its_own(client, db, fields):
    assert etree.fromstring((await _campaign(client, fields)).content).get("status") == "queued"
    assert await _failed(await _campaign(client, fields)) == "There is a campaign named Autumn & Co already."
    assert await db.pool.fetchval("SELECT count(*) FROM outbound_calls") == 2
    assert await _failed(await _campaign(client, fields, campaign_name="")) == "campaign_name is missing"
    long = await _failed(await _campaign(client, fields, campaign_name="a" * 256))
    assert long == "campaign_name must not be longer than 255 characters"


async def test_numbers_may_come_as_a_field(client, fields):
    sent = {k: v for k, v in fields.items() if k != "phone_number"}
    sent |= {"campaign_name": "x", "numbers": "destination\n12125550101\n"}
    assert etree.fromstring((await client.post(CALLS, data=sent)).content).find("call") is not None


async def test_campaigns_over_v1(client, colleague, stranger, db, fields):
    await client.post(CALL, data=fields)
    await _campaign(client, fields)
    listed = (await colleague.get("/v1/campaigns")).json()
    assert [(one["name"], one["calls"]) for one in listed] == [("", {"queued": 1}), ("Autumn & Co", {"queued": 2})]
    assert (await stranger.get("/v1/campaigns")).json() == []
    path = f"/v1/campaigns/{listed[1]['id']}/cancel"
    assert (await stranger.post(path)).status_code == 404
    assert (await client.post("/v1/campaigns/0/cancel")).status_code == 404
    assert (await client.post(path)).json() == {"canceled": 2}
    assert [one["calls"] for one in (await client.get("/v1/campaigns")).json()] == [{"queued": 1}, {"canceled": 2}]


async def test_single_calls_that_come_at_once_share_a_campaign(client, db, fields):
    await asyncio.gather(*(client.post(CALL, data=fields) for _ in range(8)))
    assert await db.pool.fetchval("SELECT count(*) FROM outbound_calls") == 8
    assert await db.pool.fetchval("SELECT count(*) FROM campaigns") == 1


async def test_another_users_campaign_may_have_the_name(client, db, other, fields):
    await _campaign(client, fields)
    await passwords.set_pin(db, other.scope, PIN)
    reply = await _campaign(client, fields | {"login": other.account.email})
    assert etree.fromstring(reply.content).get("status") == "queued"


ODD = [
    "<queuecall/>",
    "]]>",
    "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>&e;",
    "&#0;&amp;&lt;",
    "a\x01\x1f\x7f b",
    "\ufffe\uffff",
    "\U0001f4de \u00fc \u4e09",
    "'\"--><script>alert(1)</script>",
    "{{ 7*7 }}${7*7}",
    "\r\n\tx\r\n",
]

# -- any text ------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["phone_number", "start_url", "message_reference", "scheduled_time", "login", "pin"])
async def test_any_text_gets_one_well_formed_reply(client, fields, field):
    """Whatever is sent, the reply is XML that a strict parser takes; what XML cannot hold is replaced."""
    for text in ODD:
        reply = await client.post(CALL, data=fields | {field: text})
        root = etree.fromstring(reply.content, etree.XMLParser(recover=False))
        assert root.tag == "queuecall"
        if root.get("status") == "queued":
            assert root.findtext(field) == re.sub("[\x01\x1f\ufffe\uffff]", "\ufffd", text.strip())


def test_the_library_for_dates_is_not_loaded_before_it_is_needed():
    """It takes a second and 20 MB, which most machines never need."""
    code = (
        "import sys, zoneinfo\n"
        "from callwright.web import app\nfrom callwright.web.plum.natural_times import parse\n"
        "assert parse('+3 days', 0.0, zoneinfo.ZoneInfo('UTC')) == 259200\n"
        "assert 'dateparser' not in sys.modules\n"
        "assert parse('oct 14 2031 5pm', 0.0, zoneinfo.ZoneInfo('UTC'))\nassert 'dateparser' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
