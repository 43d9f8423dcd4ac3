"""DEV's SMS API by the samples of its document: key order, types of values, limits (docs/compatibility/dev-sms.md)."""

import json
import time
import uuid

import httpx
import pytest
from lxml import etree

from callwright.ports.carrier import Receipt, ReceivedText, Taken
from callwright.services import numbers, passwords, sms, sms_carriers
from callwright.store.sms_carriers import Texting

pytestmark = pytest.mark.store

OURS, THEIRS = "2435678910", "19998881234"


@pytest.fixture(autouse=True)
def nobody_has_failed():
    passwords._failures._counted.clear()


@pytest.fixture
async def carrier(db, world):
    number_id = await numbers.create(db, world.scope, address=OURS, sms=True)
    carrier_id = await sms_carriers.create(db, world.scope, name="x", type="loopback", settings={})
    await sms_carriers.set_texting(db, world.scope, number_id, Texting(carrier_id))
    return await sms_carriers.get(db, world.scope, carrier_id)


async def _queue(client, form="json", **fields):
    given = {"to": THEIRS, "from": OURS, "body": "This is a notification"} | fields
    return await client.post(f"/ws/sms/queue.{form}", data=given)


def _result(reply):
    assert reply.status_code == 200, reply.text
    told = reply.json()
    assert list(told) == ["status", "error", "result"] and told["status"] == "success", told
    return told["result"]


def _error(reply):
    assert reply.status_code == 200
    told = reply.json()
    assert list(told) == ["status", "error"] and told["status"] == "failure"
    return told["error"]


class TestQueue:
    async def test_the_sample(self, dev_client, carrier):
        url = "http://myserver.test/storesmsresults.php"
        reply = await _queue(dev_client, result_url=url)
        (message,) = _result(reply)["sms_messages"]
        assert list(message) == [
            "sms_message_id", "to", "from", "body", "request_timestamp", "result_url", "status"
        ]  # fmt: skip
        assert uuid.UUID(hex=message["sms_message_id"]) and len(message["sms_message_id"]) == 32
        assert abs(message["request_timestamp"] - time.time()) < 60 and isinstance(message["request_timestamp"], int)
        assert (message["to"], message["from"], message["status"]) == (THEIRS, OURS, "queued")
        assert f'"result_url":"{url}"' in reply.text, "slashes as in the sample"

    async def test_xml(self, dev_client, carrier):
        reply = await _queue(dev_client, "xml")
        assert reply.headers["content-type"] == "application/xml"
        top = etree.fromstring(reply.content)
        assert [top.tag, top.findtext("status"), top.findtext("error")] == ["queue", "success", ""]
        (message,) = top.findall("result/sms_messages/sms_message")
        assert [one.tag for one in message][:3] == ["sms_message_id", "to", "from"]

    @pytest.mark.parametrize("to", ["9998881234", "+19998881234", "(999) 888-1234", THEIRS])
    async def test_ways_to_write_a_number(self, dev_client, carrier, to):
        (message,) = _result(await _queue(dev_client, to=to))["sms_messages"]
        assert message["to"] == THEIRS

    async def test_bodies_as_clients_send_them(self, dev_client, carrier):
        files = {name: (None, value) for name, value in {"to": THEIRS, "from": OURS, "body": "x"}.items()}
        assert _result(await dev_client.post("/ws/sms/queue.json", files=files))
        assert _result(await _queue(dev_client, sms_format="json")), "unknown fields do not matter"
        reply = await dev_client.post("/ws/sms/queue.json", json={"to": THEIRS, "from": OURS, "body": "x"})
        assert _result(reply)

    async def test_a_long_body_has_an_element_for_each_part(self, dev_client, carrier):
        messages = _result(await _queue(dev_client, body="x" * 321))["sms_messages"]
        assert [len(one["body"]) for one in messages] == [160, 160, 1]
        assert len({one["sms_message_id"] for one in messages}) == 3

    @pytest.mark.parametrize(
        ("change", "error"),
        [
            ({"to": ""}, "to is missing or invalid."),
            ({"body": ""}, "body is missing."),
            ({"from": "8005550111"}, "from is not an SMS number of this account"),
            ({"result_url": "ftp://x"}, "result_url is not a valid URL."),
            (
                {"body": "x" * 3201},
                "body is too long: the text is 21 messages (160 characters each); at most 20 are sent.",
            ),
        ],
    )
    async def test_failures_are_told_in_the_envelope(self, dev_client, carrier, change, error):
        assert _error(await _queue(dev_client, **change)) == error

    async def test_who_wants_none_is_told_elsewhere(self, db, dev_client, carrier):
        await sms.told(db, carrier.id, ReceivedText("m", OURS, THEIRS, "STOP"))
        (message,) = _result(await _queue(dev_client))["sms_messages"]
        assert message["status"] == "queued"
        found = _result(await dev_client.get(f"/ws/sms/status.json/{message['sms_message_id']}"))
        assert (found["status"], found["delivery_status"]) == ("failure", "undelivered")
        await db.pool.execute("UPDATE accounts SET sms_refusal_in_response = true")
        assert _error(await _queue(dev_client)) == "Attempt to send to unsubscribed recipient"

    async def test_not_let_in(self, client, app, carrier):
        reply = await _queue(client)
        assert reply.status_code == 401
        assert reply.json() == {"status": "failure", "error": "Unauthorized access to queue service"}

    async def test_another_suffix_and_another_method(self, dev_client, carrier):
        assert (await dev_client.post("/ws/sms/queue.csv", data={})).json()["status"] == "failure"
        assert (await dev_client.get("/ws/sms/queue.json")).status_code == 405


class TestStatus:
    async def _sent(self, db, client, carrier):
        (message,) = _result(await _queue(client))["sms_messages"]
        (text,) = await sms.claim(db, carrier.id, whole=False, limit=1)
        await sms.answered(db, carrier.id, text, Taken("c1"))
        return message["sms_message_id"]

    async def _status(self, client, message_id):
        return _result(await client.get(f"/ws/sms/status.json/{message_id}"))

    async def test_the_sample(self, db, dev_client, carrier):
        message_id = await self._sent(db, dev_client, carrier)
        await sms.told(db, carrier.id, Receipt("c1", "delivered"))
        told = await self._status(dev_client, message_id)
        assert list(told) == [
            "sms_message_id", "to", "from", "body", "request_timestamp", "response_timestamp", "status", "delivery_status"
        ]  # fmt: skip
        assert all(isinstance(value, str) for value in told.values())
        assert (told["status"], told["delivery_status"]) == ("sent", "delivered")

    async def test_before_it_is_sent_and_before_a_receipt(self, db, dev_client, carrier):
        (message,) = _result(await _queue(dev_client))["sms_messages"]
        told = await self._status(dev_client, message["sms_message_id"])
        assert (told["status"], told["response_timestamp"]) == ("queued", "") and "delivery_status" not in told
        (text,) = await sms.claim(db, carrier.id, whole=False, limit=1)
        assert (await self._status(dev_client, text.message_id))["status"] == "queued"
        await sms.answered(db, carrier.id, text, Taken("c1"))
        assert (await self._status(dev_client, text.message_id))["delivery_status"] == "unconfirmed"

    async def test_a_delivery_is_shown_for_seven_days(self, db, dev_client, carrier):
        message_id = await self._sent(db, dev_client, carrier)
        await db.pool.execute("UPDATE sms_messages SET requested_at = requested_at - 7 * 86400")
        assert "delivery_status" not in await self._status(dev_client, message_id)

    @pytest.mark.parametrize("message_id", ["0" * 32, "x", "e7f41fdc813d481081ec2840d68838b5", "{}"])
    async def test_a_message_that_is_not_there(self, dev_client, carrier, message_id):
        assert _error(await dev_client.get(f"/ws/sms/status.json/{message_id}")) == "message not found"

    async def test_another_accounts_message(self, db, app, other, dev_client, carrier):
        message_id = await self._sent(db, dev_client, carrier)
        transport = httpx.ASGITransport(app)
        auth = (other.account.email, "Secret-123")
        async with httpx.AsyncClient(transport=transport, base_url="http://test", auth=auth) as stranger:
            assert _error(await stranger.get(f"/ws/sms/status.json/{message_id}")) == "message not found"
            told = _result(await stranger.get("/ws/sms/messages.json"))
            assert told["total"] == "0"


@pytest.fixture
async def history(db, world, carrier):
    """Three out, two in, with two people, a second apart."""
    for to, body in ((THEIRS, "one"), ("12125550102", "two"), (THEIRS, "three")):
        await sms.queue(db, world.scope, sender=OURS, to=to, body=body)
    for number, (sender, body) in enumerate(((THEIRS, "four"), ("12125550102", "five"))):
        await sms.told(db, carrier.id, ReceivedText(f"m{number}", OURS, sender, body))
    await db.pool.execute("UPDATE sms_messages SET requested_at = 1700000000 + id")
    first = await db.pool.fetchval("SELECT min(id) FROM sms_messages")
    return 1_700_000_000 + first


class TestLists:
    async def _bodies(self, client, **query):
        told = _result(await client.get("/ws/sms/messages.json", params=query))
        return [one["body"] for one in told["sms_messages"]]

    async def test_the_sample(self, dev_client, history):
        told = _result(await dev_client.get("/ws/sms/messages.json"))
        assert (told["offset"], told["limit"], told["total"]) == (0, 50, "5")
        assert list(told["sms_messages"][0]) == [
            "sms_message_id", "to", "from", "body", "request_timestamp", "response_timestamp", "result_url", "status"
        ]  # fmt: skip
        assert [one["body"] for one in told["sms_messages"]] == ["one", "two", "three", "four", "five"]
        inbound = told["sms_messages"][3]
        assert (inbound["from"], inbound["to"], inbound["status"]) == (THEIRS, OURS, "received")

    @pytest.mark.parametrize(
        ("query", "bodies"),
        [
            ({"order": "desc"}, ["five", "four", "three", "two", "one"]),
            ({"offset": 3}, ["four", "five"]),
            ({"msg_type": "inbound"}, ["four", "five"]),
            ({"msg_type": "all"}, ["one", "two", "three", "four", "five"]),
            ({"msg_type": "outbound", "phone_number": THEIRS, "number_type": "customer"}, ["one", "three"]),
            ({"msg_type": "outbound", "phone_number": THEIRS, "number_type": "account"}, []),
            ({"msg_type": "inbound", "phone_number": "1" + OURS, "number_type": "account"}, ["four", "five"]),
            ({"phone_number": "2125550102"}, ["two", "five"]),
        ],
    )
    async def test_filters(self, dev_client, history, query, bodies):
        assert await self._bodies(dev_client, **query) == bodies

    async def test_times(self, dev_client, history):
        assert await self._bodies(dev_client, start_timestamp=history + 3) == ["four", "five"]
        assert await self._bodies(dev_client, start_timestamp=history + 1, end_timestamp=history + 3) == [
            "two",
            "three",
        ]
        assert len(await self._bodies(dev_client, start_timestamp=0, end_timestamp=0)) == 5

    @pytest.mark.parametrize(
        ("query", "error"),
        [
            ({"limit": 49}, "limit must be between 50 and 1000"),
            ({"limit": 1001}, "limit must be between 50 and 1000"),
            ({"order": "up"}, "order must be asc, desc or blank"),
            ({"msg_type": "x"}, "msg_type must be inbound, outbound, all or blank"),
            ({"start_timestamp": 5, "end_timestamp": 5}, "end_timestamp must be after start_timestamp"),
            ({"start_timestamp": "x"}, "start_timestamp must be a UNIX timestamp"),
            ({"msg_type": "inbound", "phone_number": THEIRS}, "number_type must be"),
            ({"msg_type": "all", "phone_number": THEIRS, "number_type": "account"}, "number_type must be"),
            ({"number_type": "account"}, "number_type must be"),
        ],
    )
    async def test_limits(self, dev_client, history, query, error):
        assert _error(await dev_client.get("/ws/sms/messages.json", params=query)).startswith(error)

    async def test_conversation(self, dev_client, history):
        query = {"phone_number1": THEIRS, "phone_number2": OURS}
        told = _result(await dev_client.get("/ws/sms/conversation.json", params=query))
        assert (told["offset"], told["limit"], told["total"]) == ("0", "50", "3")
        assert [(one["body"], one["type"]) for one in told["sms_messages"]] == [
            ("one", "outbound"), ("three", "outbound"), ("four", "inbound")
        ]  # fmt: skip
        assert list(told["sms_messages"][0])[-3:] == ["result_url", "type", "status"]
        swapped = {"phone_number1": OURS, "phone_number2": THEIRS}
        again = await dev_client.get("/ws/sms/conversation.json", params=swapped)
        assert json.dumps(_result(again)) == json.dumps(told)
        reply = await dev_client.get("/ws/sms/conversation.json", params={"phone_number1": THEIRS})
        assert _error(reply) == "phone_number2 is missing"


class TestWebhooks:
    async def test_the_handsets_texts(self, db, dev_client, client, carrier):
        path = f"/carriers/{carrier.id}/{carrier.token}/texts"
        reply = await client.post(path, data={"from": THEIRS, "to": OURS, "body": "Hi"})
        assert (reply.status_code, reply.content) == (204, b"")
        assert (await client.post(path, json={"from": THEIRS, "to": OURS, "body": "Hi"})).status_code == 204
        told = _result(await dev_client.get("/ws/sms/messages.json"))
        assert [one["body"] for one in told["sms_messages"]] == ["Hi", "Hi"]

    async def test_what_is_not_believed(self, db, world, client, carrier):
        fields = {"from": THEIRS, "to": OURS, "body": "Hi"}
        assert (await client.post(f"/carriers/{carrier.id}/x/texts", data=fields)).status_code == 404
        assert (await client.post(f"/carriers/99/{carrier.token}/texts", data=fields)).status_code == 404
        path = f"/carriers/{carrier.id}/{carrier.token}/texts"
        assert (await client.post(path, data={"from": THEIRS, "to": "8005550111"})).status_code == 404
        assert (await client.post(path, data={"from": THEIRS})).status_code == 400
        twilio = await sms_carriers.create(
            db, world.scope, name="t", type="twilio", settings={"account_sid": "AC", "auth_token": "t"}
        )
        row = await sms_carriers.get(db, world.scope, twilio)
        reply = await client.post(f"/carriers/{twilio}/{row.token}/texts", data=fields)
        assert reply.status_code == 403
        assert await db.pool.fetchval("SELECT count(*) FROM sms_messages") == 0


class TestOwners:
    async def test_a_carriers_secrets_are_not_shown_again(self, client, stranger, carrier):
        body = {"name": "T", "type": "twilio", "settings": {"account_sid": "AC1", "auth_token": "canary"}}
        reply = await client.post("/v1/carriers", json=body)
        assert reply.status_code == 201
        carrier_id = reply.json()["id"]
        shown = next(one for one in (await client.get("/v1/carriers")).json() if one["id"] == carrier_id)
        assert shown["settings"]["auth_token"] == "***" and shown["settings"]["account_sid"] == "AC1"
        changed = {"name": "T2", "settings": {"account_sid": "AC2", "auth_token": "***"}}
        assert (await client.put(f"/v1/carriers/{carrier_id}", json=changed)).status_code == 204
        assert (await stranger.put(f"/v1/carriers/{carrier_id}", json=changed)).status_code == 404
        assert (await stranger.get("/v1/carriers")).json() == []

    async def test_the_secret_is_kept(self, db, world, client, carrier):
        settings = {"account_sid": "AC1", "auth_token": "canary"}
        carrier_id = await sms_carriers.create(db, world.scope, name="t", type="twilio", settings=settings)
        body = {"name": "T", "settings": {"account_sid": "AC1", "auth_token": "***"}}
        assert (await client.put(f"/v1/carriers/{carrier_id}", json=body)).status_code == 204
        assert (await sms_carriers.get(db, world.scope, carrier_id)).settings["auth_token"] == "canary"

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"name": "x", "type": "pigeon"}, "type"),
            ({"name": "x", "type": "twilio", "settings": {"account_sid": "AC"}}, "settings.auth_token"),
            ({"name": "x", "type": "loopback", "settings": {"speed": 1}}, "settings.speed"),
        ],
    )
    async def test_settings_that_are_none(self, client, body, field):
        reply = await client.post("/v1/carriers", json=body)
        assert reply.status_code == 400 and field in reply.text, reply.text

    async def test_messages_and_consents(self, db, client, stranger, carrier, history):
        await sms.told(db, carrier.id, ReceivedText("stop", OURS, THEIRS, "stop"))
        messages = (await client.get("/v1/messages")).json()
        assert {one["body"] for one in messages} >= {"one", "four", "stop"}
        (consent,) = (await client.get("/v1/consents")).json()
        assert (consent["theirs"], consent["word"], consent["stopped"]) == (THEIRS, "STOP", True)
        assert (await stranger.get("/v1/messages")).json() == (await stranger.get("/v1/consents")).json() == []

    async def test_only_a_number_for_texts(self, client, carrier, world):
        voice = next(one for one in (await client.get("/v1/numbers")).json() if not one["sms"])
        reply = await client.put(f"/v1/numbers/{voice['id']}/texting", json={"carrier_id": carrier.id})
        assert reply.status_code == 404
        texting = next(one for one in (await client.get("/v1/numbers")).json() if one["sms"])
        path = f"/v1/numbers/{texting['id']}/texting"
        assert (await client.put(path, json={"carrier_id": 10**6})).status_code == 404
        assert (await client.put(path, json={"carrier_id": None, "text_url": "x"})).status_code == 400
        body = {"carrier_id": carrier.id, "text_url": "https://x.test/"}
        assert (await client.put(path, json=body)).status_code == 204
