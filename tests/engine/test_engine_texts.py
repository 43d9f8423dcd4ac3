"""The module SMS on real calls: a text goes by the built-in handset, or is refused, and the call goes on by the exit."""

import asyncio
from typing import Any

import pytest

pytestmark = pytest.mark.wire

ANSWERS = "12125550101"
TAKES, STOPPED = "12125550131", "12125550126"
"Recipients: one that takes texts, and one who stops them."

WAIT_S = 20.0


def _application(name: str, **note: Any) -> dict[str, Any]:
    say = "Sent {{ note }}.{{ note$.reason }}"
    modules = [
        {"name": "start", "type": "start", "exits": {"next": "note"}},
        {
            "name": "note",
            "type": "sms",
            "sender": "(800) 555-0101",
            "exits": {"sent": "say", "not_sent": "say"},
            **note,
        },
        {"name": "say", "type": "prompt", "prompt": say, "exits": {"next": "end"}},
        {"name": "end", "type": "exit"},
    ]
    return {"name": name, "pages": [{"name": "Main", "modules": modules}]}


async def _called(platform, application: dict[str, Any], **fields: Any) -> tuple[list[str], dict[str, Any]]:
    """The transcript of a call, and all that is told of it."""
    over = await platform.over(await platform.queue(ANSWERS, deployment=await platform.deploy(application), **fields))
    (call,) = over["calls"]
    shown = await platform.call(call["session_id"])
    return shown["transcript"].splitlines(), shown


async def _texts(platform, to: str, **wanted: Any) -> list[dict[str, Any]]:
    """The texts to somebody, once one of them is as wanted."""
    async with platform.client() as client, asyncio.timeout(WAIT_S):
        while True:
            found = [one for one in (await client.get("/v1/messages")).json() if one["to"] == to]
            if any(wanted.items() <= one.items() for one in found):
                return found
            await asyncio.sleep(0.05)


async def test_a_text_is_sent_and_delivered(platform):
    body = "{{ who }}, see you at 9 €"
    told, shown = await _called(
        platform, _application("Note", to="{{ where }}", body=body), metadata={"who": "Ann", "where": "(212) 555-0131"}
    )
    assert told == ["service 250", "hears   Sent true.", "call ends"]
    (text,) = await _texts(platform, TAKES, delivery="delivered")
    assert (text["sender"], text["body"]) == ("8005550101", "Ann, see you at 9 €")
    (line,) = [line for line in shown["log"] if line["line"].startswith("Text to")]
    assert line["line"] == "Text to (212) 555-0131" and line["data"]["body"] == text["body"]


async def test_a_private_text_is_sent_and_nowhere_shown(platform):
    ask = {"name": "pin", "type": "digits", "private": True, "prompt": "?", "digits_min": 1, "exits": {"next": "note"}}
    application = _application("Secret", to="12125550132", body="You pressed {{ pin }}.")
    application["pages"][0]["modules"][0]["exits"]["next"] = "pin"
    application["pages"][0]["modules"].insert(1, ask)
    told, shown = await _called(platform, application)
    assert told[-3:] == ["service 250", "hears   Sent true.", "call ends"]
    (text,) = await _texts(platform, "12125550132", delivery="delivered")
    assert text["body"] == "[private]" and "You pressed" not in str(shown)


@pytest.mark.parametrize(
    ("note", "reason"),
    [
        ({"to": STOPPED, "body": "Hi"}, "Attempt to send to unsubscribed recipient"),
        ({"to": TAKES, "body": "Hi", "sender": "8005550199"}, "from is not an SMS number of this account"),
        ({"to": "12", "body": "Hi"}, "to is missing or invalid."),
        ({"to": TAKES, "body": "{{ nothing }}"}, "body is missing."),
    ],
)
async def test_a_text_that_is_refused(platform, note, reason):
    if note["to"] == STOPPED:
        async with platform.client() as client:
            stop = {"from": STOPPED, "to": "8005550101", "body": "STOP"}
            assert (await client.post(platform.ready["sms_inbound_url"], data=stop)).status_code < 300
        await _texts(platform, STOPPED, delivery="delivered")
    told, _ = await _called(platform, _application(f"Refused {reason}", **note))
    assert told == [f"service fails {reason}", f"hears   Sent false.{reason}", "call ends"]


async def test_an_application_answers_texts(platform):
    """Through every process; a library keeps its state, though each turn runs it anew."""
    library = "var seen = 0; function next() { seen += 1; return seen; }"
    modules = [
        {"name": "start", "type": "start", "exits": {"next": "tally"}},
        {"name": "tally", "type": "evaluate_js", "script": "{{ count }} = next()", "exits": {"next": "ask"}},
        {"name": "ask", "type": "number", "prompt": "Question {{ count }}?", "exits": {"next": "again"}},
        {"name": "again", "type": "compare", "variable": "count", "exits": {"done": "bye", "otherwise": "tally"}},
        {"name": "bye", "type": "prompt", "prompt": "Bye, last was {{ ask }}.", "exits": {"next": "end"}},
        {"name": "end", "type": "exit"},
    ]
    modules[3]["rows"] = [{"operator": "=", "value": "3", "exit": "done"}]
    _, deployment_id = await platform.deploy(
        {"name": "Asks", "libraries": {"tally": library}, "pages": [{"name": "Main", "modules": modules}]}
    )
    me, number = "12125550135", "8005550102"
    async with platform.client() as client:
        made = await client.post("/v1/numbers", json={"address": number, "sms": True})
        texting = {"carrier_id": 1, "text_deployment_id": deployment_id}
        reply = await client.put(f"/v1/numbers/{made.json()['id']}/texting", json=texting)
        assert reply.status_code == 204, reply.text
        both = {**texting, "text_url": "http://127.0.0.1:1/x"}
        reply = await client.put(f"/v1/numbers/{made.json()['id']}/texting", json=both)
        assert reply.status_code == 400 and "exclude" in reply.text
        for text, answer in (
            ("Hi", "Question 1?"),
            ("1", "Question 2?"),
            ("2", "Question 3?"),
            ("3", "Bye, last was 3."),
        ):
            told = await client.post(platform.ready["sms_inbound_url"], data={"from": me, "to": number, "body": text})
            assert told.status_code < 300, told.text
            await _texts(platform, me, body=answer, delivery="delivered")
        (session,) = (await client.get("/v1/text-sessions", params={"number": me})).json()
        shown = (await client.get(f"/v1/text-sessions/{session['session_id']}")).json()
        assert (await client.get("/v1/text-sessions/x")).status_code == 404
    assert (session["ours"], session["outcome"]) == (number, "exit")
    assert shown["transcript"].splitlines()[-3:] == ["texts   3", "hears   Bye, last was 3.", "call ends"]
