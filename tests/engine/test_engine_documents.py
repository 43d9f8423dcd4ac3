"""Calls that run a document, whole: queued over DEV outbound, placed over SIP, reported.

docs/compatibility/dev-queue-call.md
"""

from urllib.parse import parse_qsl

import pytest
from lxml import etree

from callwright.testing.receiver import Answer, Received, Receiver
from callwright.vxml.program import NO_INTERPRETER

pytestmark = pytest.mark.wire

CONFIRMS, IS_BUSY, IS_SILENT = "12125550101", "12125550104", "12125550105"


async def _queue(platform, receiver: Receiver, number: str, **fields: str) -> int:
    sent = {
        "login": platform.ready["dev_login"],
        "pin": platform.ready["dev_pin"],
        "phone_number": number,
        "start_url": receiver.url("/start?x=1"),
        "result_url": receiver.url("/result"),
    }
    async with platform.client() as client:
        reply = await client.post("/webservice/queuecall.php", data=sent | fields, auth=("", ""))
    root = etree.fromstring(reply.content)
    assert root.get("status") == "queued", reply.text
    return int(root.get("call_id"))


def _form(request: Received) -> dict[str, str]:
    return dict(parse_qsl(request.body.decode(), keep_blank_values=True))


async def test_a_document_is_fetched_when_the_call_connects_and_the_log_says_why_it_did_not_run(platform):
    async with Receiver() as receiver:
        call_id = await _queue(
            platform, receiver, f"{CONFIRMS};ani=2125550100", message_reference="m & 1", call_parameters="a=1"
        )
        _, start = await receiver.wait_for("/start", count=2, timeout_s=40)
        _, result = await receiver.wait_for("/result", count=2, timeout_s=40)
    assert (start.method, start.path) == ("POST", "/start?x=1")
    assert start.headers["content-type"] == "application/x-www-form-urlencoded"
    assert _form(start) == {
        "phone_number": f"{CONFIRMS};ani=2125550100",
        "message_reference": "m & 1",
        "call_id": str(call_id),
        "call_parameters": "a=1",
        "campaign_parameters": "",
    }
    found = await platform.over(call_id)
    (call,) = found["calls"]
    told = _form(result)
    assert told.pop("last_attempt_timestamp") == str(found["details"]["events"][1]["timestamp"])
    assert 0 < int(told.pop("duration")) < 30
    assert told == {
        "phone_number": f"{CONFIRMS};ani=2125550100",
        "message_reference": "m & 1",
        "call_id": str(call_id),
        "result": "completed",
        "callee_type": "unknown",
        "attempts": "1",
    }
    assert (call["outcome"], call["cause"], call["application_id"]) == ("error", NO_INTERPRETER, None)
    shown = await platform.call(call["session_id"])
    assert [line["line"] for line in shown["log"] if line["level"] == "error"] == [NO_INTERPRETER]
    assert "hears   We are sorry. An error has occurred. Goodbye." in shown["transcript"]
    async with platform.client() as client:
        listed = (await client.get("/api/calls/0/9999999999")).json()["calls"]
    assert call["session_id"] in [one["session_id"] for one in listed]


async def test_by_get_where_the_account_wants_it(platform):
    async with platform.client() as client:
        assert (await client.put("/v1/dev-outbound/start-url", json={"method": "GET"})).status_code == 204
        async with Receiver() as receiver:
            call_id = await _queue(platform, receiver, CONFIRMS, call_parameters="a=1&b")
            _, start = await receiver.wait_for("/start", count=2, timeout_s=40)
            await receiver.wait_for("/result", count=2, timeout_s=40)
        assert (await client.put("/v1/dev-outbound/start-url", json={"method": "POST"})).status_code == 204
    assert start.method == "GET"
    query = dict(parse_qsl(start.path.partition("?")[2], keep_blank_values=True))
    assert (query["x"], query["call_id"], query["call_parameters"]) == ("1", str(call_id), "a=1&b")


async def test_a_document_that_is_gone_when_the_call_connects(platform):
    def answer(asked: Received) -> Answer:
        return Answer(status=503 if asked.method == "POST" and asked.path.startswith("/start") else 200)

    async with Receiver(answer) as receiver:
        found = await platform.over(await _queue(platform, receiver, IS_SILENT))
    assert found["calls"][0]["cause"] == "start_url answered 503"
    assert found["details"]["status"] == "completed"


async def test_who_is_not_reached_is_reported_after_the_last_attempt(platform):
    async with Receiver() as receiver:
        call_id = await _queue(platform, receiver, IS_BUSY, message_reference="busy")
        _, result = await receiver.wait_for("/result", count=2, timeout_s=40)
        assert len([one for one in receiver.received if one.path.startswith("/start")]) == 1, "only the probe"
    told = _form(result)
    assert (told["result"], told["attempts"], told["duration"], told["call_id"]) == ("failed", "1", "0", str(call_id))


async def test_a_campaign_tells_its_columns(platform):
    csv = f"destination,first_name,call_parameters\n{CONFIRMS},Sl\u00f6ane,p=2\n"
    async with Receiver() as receiver, platform.client() as client:
        sent = {
            "login": platform.ready["dev_login"],
            "pin": platform.ready["dev_pin"],
            "campaign_name": "Autumn",
            "campaign_parameters": "c=1",
            "start_url": receiver.url("/start"),
        }
        files = {"phone_numbers": ("list.csv", csv.encode(), "text/csv")}
        reply = await client.post("/webservice/queuecalls.php", data=sent, files=files)
        call_id = int(etree.fromstring(reply.content).find("call").get("call_id"))
        _, start = await receiver.wait_for("/start", count=2, timeout_s=40)
        await platform.over(call_id)
        campaigns = (await client.get("/v1/campaigns")).json()
    told = _form(start)
    assert (told["campaign_parameters"], told["call_parameters"], told["first_name"]) == ("c=1", "p=2", "Sl\u00f6ane")
    assert [one["calls"] for one in campaigns if one["name"] == "Autumn"] == [{"completed": 1}]
