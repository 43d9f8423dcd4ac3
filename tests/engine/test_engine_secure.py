"""The secure environment: of a call in it nothing is kept but that it was (docs/compatibility/secure-environment.md).

One application runs twice with the same values, outside and inside: outside they are found, so the search finds what
is there; inside they are nowhere.
"""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from callwright.base.config import Config
from callwright.testing.receiver import Answer, Received, Receiver
from tests.canary import in_database, in_files

pytestmark = pytest.mark.wire

PRESSES, SPEAKS = "12125550109", "12125550107"
KEYED, QUEUED, FETCHED, SCRIPTED, POSTD = (
    "11242026",
    "canary-queued-71",
    "canary-fetched-72",
    "canary-scripted-73",
    "4417",
)
CANARIES = (KEYED, QUEUED, FETCHED, SCRIPTED)
"What the callee keys in, what the call is queued with, what a web service answers, what a script makes."

FAR_END = (r"^run/phone\.jsonl$",)
"What the callee's own telephone notes."


@pytest.fixture
async def service():
    async with Receiver(lambda _: Answer(body=json.dumps({"token": FETCHED}).encode())) as receiver:
        yield receiver


def _application(service: Receiver, name: str) -> dict:
    """Digits in every kind of module that a keyed value can go through; it ends with an error that tells a value."""
    inner = "Inner of secure"
    steps = [
        {"name": "record_on", "type": "call_recording", "action": "start", "exits": {"next": "card"}},
        {"name": "card", "type": "digits", "prompt": "Your card, {{ who }}?", "digits_min": 8, "digits_max": 8},
        {"name": "record_off", "type": "call_recording", "action": "stop"},
        {"name": "copy", "type": "set_variable", "assignments": [{"variable": "copied", "value": "{{ card }}"}]},
        {
            "name": "compared",
            "type": "compare",
            "variable": "copied",
            "rows": [{"operator": "=", "value": "x", "exit": "same"}],
            "exits": {"same": "script", "otherwise": "script"},
        },
        {"name": "script", "type": "evaluate_js", "script": "'canary-scripted-' + 73 + {{ card }}"},
        {"name": "broken", "type": "evaluate_js", "script": "throw new Error('no ' + {{ card }})"},
        {"name": "said", "type": "prompt", "prompt": "You keyed {{ card }} and {{ script }}."},
        {"name": "noted", "type": "call_log", "text": "Keyed {{ card }}"},
        {
            "name": "posted",
            "type": "rest",
            "method": "POST",
            "url": f"http://127.0.0.1:{service.port}/pay",
            "parameters": [{"name": "card", "value": "{{ card }}"}],
            "exits": {"next": "refused", "error": "refused"},
        },
        {
            "name": "refused",
            "type": "rest",
            "url": "http://127.0.0.1:1/{{ card }}?x={{ posted.token }}",
            "exits": {"next": "soap", "error": "soap"},
        },
        {
            "name": "soap",
            "type": "soap",
            "wsdl": f"http://127.0.0.1:{service.port}/wsdl/{{{{ card }}}}",
            "method": "Ask",
            "parameters": [{"name": "card", "value": "{{ card }}"}],
            "exits": {"next": "mailed", "error": "mailed"},
        },
        {
            "name": "mailed",
            "type": "email",
            "to": "ann@example.test",
            "subject": "Card {{ card }}",
            "body": "{{ posted.token }}",
            "exits": {"next": "texted", "error": "texted"},
        },
        {
            "name": "texted",
            "type": "sms",
            "sender": "8005550101",
            "to": "12125550131",
            "body": "Card {{ card }}",
            "exits": {"sent": "inner", "not_sent": "inner"},
        },
        {
            "name": "inner",
            "type": "go_to_app",
            "application": inner,
            "variables": [{"name": "of", "value": "{{ card }}"}],
        },
        {"name": "again", "type": "digits", "prompt": "Once more {{ card }}?", "exits": {"next": "end"}},
    ]
    for step, following in zip(steps, [*steps[1:], {"name": "end"}], strict=True):
        step.setdefault("exits", {"next": following["name"]})
    start = {"name": "start", "type": "start", "exits": {"next": steps[0]["name"]}}
    end = {"name": "end", "type": "exit"}
    return {
        "name": name,
        "recording": True,
        "input": {"initial_timeout_s": 3, "no_input": {"attempts": ["Hello {{ card }}?", ""]}},
        "post_call": {
            "type": "rest",
            "method": "POST",
            "url": f"http://127.0.0.1:{service.port}/after",
            "parameters": [{"name": "card", "value": "{{ card }}"}],
        },
        "pages": [{"name": "Main", "modules": [start, *steps, end]}],
    }


def _inner() -> dict:
    ask = {"name": "told", "type": "prompt", "prompt": "Inside {{ of }}.", "exits": {"next": "end"}}
    start = {"name": "start", "type": "start", "exits": {"next": "told"}}
    return {
        "name": "Inner of secure",
        "pages": [{"name": "Main", "modules": [start, ask, {"name": "end", "type": "exit"}]}],
    }


def _folder(platform) -> Path:
    return Path(platform.ready["recordings_dir"]).parent


async def _secure(platform, state: str) -> None:
    command = (sys.executable, "-m", "callwright", "secure-environment", state, "--data", str(_folder(platform)))
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await asyncio.wait_for(process.communicate(), 30)
    assert output.decode().startswith(f"The secure environment is {state} for the account of")


async def _found(platform) -> list[str]:
    folder = _folder(platform)
    config = Config.load(folder / "run" / "config.json")
    found = await in_database(config.database_url, CANARIES)
    found += in_files(folder, CANARIES, besides=(*FAR_END, r"^postgres/", r"/pg_wal/", r"^data/"))
    if config.secure_messages_dir.exists():
        found += [f"in memory: {path}" for path in config.secure_messages_dir.rglob("*")]
    return found


async def _call(platform, service: Receiver, deployment: tuple[int, int], **fields) -> tuple[dict, Received]:
    before = len([one for one in service.received if one.path == "/result"])
    call_id = await platform.queue(
        f"{PRESSES};postd={POSTD}",
        deployment=deployment,
        metadata={"who": QUEUED},
        result_url=service.url("/result"),
        **fields,
    )
    result = (await service.wait_for("/result", count=before + 1, timeout_s=90))[-1]
    return await platform.over(call_id, timeout_s=90), result


@pytest.mark.timeout(400)
async def test_nothing_of_a_call_in_the_secure_environment_is_kept(platform, service):
    await platform.deploy(_inner())
    deployment = await platform.deploy(_application(service, "Pays"))
    await _secure(platform, "on")

    found, result = await _call(platform, service, deployment, is_pci="1")
    (call,) = found["calls"]
    paid = [one for one in service.received if one.path == "/pay"]
    assert KEYED.encode() in paid[0].body, "the application had the digits, and its web service got them"
    assert KEYED.encode() in (await service.wait_for("/after"))[0].body, "and so did the post-call web service"
    assert await _found(platform) == []
    for canary in (*CANARIES, POSTD):
        assert canary.encode() not in result.body
    # The call's record is there, and says nothing more.
    assert (call["direction"], call["dest"], call["outcome"], call["cause"]) == (
        "outbound",
        PRESSES,
        call["outcome"],
        "",
    )
    assert found["details"]["phone_number"] == PRESSES
    assert [one["event"] for one in found["details"]["events"]] == ["queued", "dialing", "connected", "disconnected"]
    shown = await platform.call(call["session_id"])
    assert (shown["log"], shown["transcript"], shown["variables"], shown["recording_url"]) == ([], "", {}, None)
    async with platform.client() as client:
        listed = (await client.get("/api/calls/0/9999999999")).json()["calls"]
        assert [one["log"] for one in listed if one["session_id"] == call["session_id"]] == [False]
        assert (await client.get(f"/api/call/{call['session_id']}")).status_code == 404

    # The same call outside: the search finds what is there.
    found, _ = await _call(platform, service, deployment)
    there = await _found(platform)
    for canary in CANARIES:
        assert any(canary in one for one in there), f"{canary} was not found where it is"
    assert f"sms_messages.body: {KEYED}" in there, "outside the text was sent"
    assert (await platform.call(found["calls"][0]["session_id"]))["recording_url"]


async def test_what_a_caller_says_is_in_memory_until_the_call_ends(platform, service):
    await _secure(platform, "on")
    ask = {
        "name": "message",
        "type": "record",
        "prompt": "Speak.",
        "exits": {"next": "post"},
    }
    post = {
        "name": "post",
        "type": "rest",
        "method": "POST",
        "url": service.url("/voice"),
        "parameters": [{"name": "audio", "value": "{{ message }}"}],
        "exits": {"next": "end", "error": "end"},
    }
    start = {"name": "start", "type": "start", "exits": {"next": "message"}}
    page = {"name": "Main", "modules": [start, ask, post, {"name": "end", "type": "exit"}]}
    folder = _folder(platform)
    seen: list[str] = []
    others = set((folder / "messages").rglob("*.wav"))

    def answer(asked: Received) -> Answer:
        if asked.path == "/voice":
            seen.extend(str(path) for path in set((folder / "messages").rglob("*.wav")) - others)
        return Answer()

    service.answer = answer
    deployment = await platform.deploy({"name": "Speaks", "pages": [page]})
    call_id = await platform.queue(SPEAKS, deployment=deployment, is_pci="1")
    (voice,) = await service.wait_for("/voice", timeout_s=40)
    await platform.over(call_id)
    assert b"RIFF" in voice.body, "the message was sent"
    assert seen == [], "and was on no disk meanwhile"
    assert not list(Config.load(folder / "run" / "config.json").secure_messages_dir.rglob("*.wav"))


async def test_without_it_numbers_and_calls_are_refused(platform):
    forbidden = "You do not have permission to use the secure environment."
    await _secure(platform, "off")
    async with platform.client() as client:
        reply = await client.post("/v1/numbers", json={"address": "8005550178", "is_pci": True})
        assert (reply.status_code, reply.json()["detail"]) == (403, forbidden)
        path = f"/api/apps/{platform.ready['application_id']}/{platform.ready['deployment_id']}/queue"
        reply = await client.post(path, data={"phone_number": PRESSES, "is_pci": "1"})
        assert (reply.status_code, reply.json()) == (403, {"error": forbidden})


@pytest.mark.interop
async def test_callers_of_a_number_in_the_secure_environment(platform, tmp_path):
    await _secure(platform, "on")
    ask = {
        "name": "ask",
        "type": "menu",
        "prompt": "Press 1.",
        "choices": [{"keys": "1", "value": "one"}],
        "initial_timeout_s": 10,
        "exits": {"one": "end"},
    }
    start = {"name": "start", "type": "start", "exits": {"next": "ask"}}
    page = {"name": "Main", "modules": [start, ask, {"name": "end", "type": "exit"}]}
    _, deployment = await platform.deploy({"name": "Inbound", "recording": True, "pages": [page]})
    async with platform.client() as client:
        body = {"address": "secure", "is_pci": True, "deployment_id": deployment}
        reply = await client.post("/v1/numbers", json=body | {"sms": True})
        assert (reply.status_code, reply.json()["detail"]) == (400, "A number in the secure environment takes no SMS.")
        assert (await client.post("/v1/numbers", json=body)).status_code == 201
        assert [one["is_pci"] for one in (await client.get("/v1/numbers")).json() if one["address"] == "secure"] == [
            True
        ]
    status, output = await platform.sipp("ivr_caller", "secure", tmp_path, "-m", "1")
    assert status == 0, output
    (call,) = await platform.calls("secure", 1)
    assert (call["type"], call["src"], call["dest"], call["log"]) == ("inbound", "2125550199", "secure", False)
    shown = await platform.call(call["session_id"])
    assert (shown["outcome"], shown["log"], shown["transcript"], shown["recording_url"]) == ("exit", [], "", None)
