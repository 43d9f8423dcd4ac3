"""Outbound calls, whole: queued over REST, placed over SIP to the real test phone, logged and reported."""

import asyncio
import json
import os
import signal
from pathlib import Path

import pytest

from callwright.media import wav
from callwright.testing.receiver import Receiver

pytestmark = pytest.mark.wire

CONFIRMS, RESCHEDULES, NEVER_ANSWERS, IS_BUSY, IS_SILENT, HANGS_UP = (f"1212555010{n}" for n in range(1, 7))


async def test_a_call_is_placed_logged_and_reported(platform):
    async with Receiver() as receiver:
        call_id = await platform.queue(
            CONFIRMS,
            metadata={"first_name": "Ann", "appointment": "today", "answer_url": receiver.url("/answers")},
            result_url=receiver.url("/results"),
        )
        (answer,) = await receiver.wait_for("/answers", timeout_s=40)
        (result,) = await receiver.wait_for("/results", timeout_s=40)
    found = await platform.over(call_id)
    (call,) = found["calls"]
    assert json.loads(answer.body) == {"session_id": call["session_id"], "answer": "confirmed", "day": None}
    assert b"status=completed" in result.body
    assert [event["event"] for event in found["details"]["events"]] == [
        "queued",
        "dialing",
        "connected",
        "disconnected",
    ]
    assert found["callback_tries"][0]["status"] == 200
    shown = await platform.call(call["session_id"])
    assert shown["transcript"].splitlines() == [
        "hears   Hello Ann. This is a reminder of your appointment, today.",
        "hears   To confirm, press 1. To choose another day, press 2.",
        "presses 1",
        "service 200 {}",
        "hears   Thank you, your appointment is confirmed. Goodbye.",
        "call ends",
    ]
    assert (shown["outcome"], shown["src"], shown["dest"]) == ("exit", "Outbound", CONFIRMS)
    async with platform.client() as client:
        recording = await client.get(shown["recording_url"])
        assert (recording.status_code, recording.content[:4]) == (200, b"RIFF")
    seconds = len(recording.content) / 16000
    assert seconds == pytest.approx(shown["ended_at"] - shown["started_at"], abs=1)


async def test_keys_lead_elsewhere(platform):
    async with Receiver() as receiver:
        await platform.queue(RESCHEDULES, metadata={"answer_url": receiver.url("/answers")})
        (answer,) = await receiver.wait_for("/answers", timeout_s=40)
    body = json.loads(answer.body)
    assert (body["answer"], body["day"]) == ("reschedule", "15")


async def test_a_busy_callee(platform):
    found = await platform.over(await platform.queue(IS_BUSY))
    assert (found["details"]["status"], found["cause"], found["calls"]) == ("failed", "486 Busy Here", [])
    (attempt,) = found["attempts"]
    assert (attempt["outcome"], attempt["sip_status"], attempt["cause"]) == ("busy", 486, "486 Busy Here")
    assert attempt["sip_call_id"] and attempt["dialed_at"] <= attempt["ended_at"] and attempt["connected_at"] is None
    assert [event["event"] for event in found["details"]["events"]] == ["queued", "dialing", "failed"]


async def test_a_number_that_the_peer_does_not_know(platform):
    found = await platform.over(await platform.queue("12125550100"))
    assert (found["details"]["status"], found["cause"]) == ("rejected", "404 Not Found")
    assert [(made["outcome"], made["sip_status"]) for made in found["attempts"]] == [("rejected", 404)]


async def test_a_number_without_a_trunk(platform):
    found = await platform.over(await platform.queue("442079460000"))
    assert found["details"]["status"] == "rejected"


async def test_a_callee_who_says_nothing(platform):
    quick = {"initial_timeout_s": 0.5, "no_input": {"attempts": ["Hello?", ""]}}
    deployment = await platform.deploy(_asking("Press 1.") | {"input": quick})
    found = await platform.over(await platform.queue(IS_SILENT, deployment=deployment))
    (call,) = found["calls"]
    assert found["details"]["status"] == "completed"
    assert (await platform.call(call["session_id"]))["transcript"].count("silence") == 2


async def test_a_callee_who_hangs_up(platform):
    found = await platform.over(await platform.queue(HANGS_UP))
    (call,) = found["calls"]
    assert (found["details"]["status"], call["outcome"]) == ("completed", "hung_up")


async def test_a_call_whose_service_hangs_or_is_private(platform):
    deployment = await platform.deploy(_fetching("http://10.255.255.1/"))
    found = await platform.over(await platform.queue(CONFIRMS, deployment=deployment))
    shown = await platform.call(found["calls"][0]["session_id"])
    assert "10.255.255.1 is at the private address" in shown["transcript"]
    assert shown["outcome"] == "exit"


async def test_an_engine_killed_in_a_call_and_while_it_dials(platform):
    """Nothing is lost, and nobody's telephone rings twice."""
    connected, dialling = (
        await platform.queue(IS_SILENT),
        await platform.queue(NEVER_ANSWERS, max_attempts="3", reattempt_wait="60"),
    )
    await platform.until(connected, "connected")
    await platform.until(dialling, "dialing")
    os.kill(platform.ready["pids"]["engine"], signal.SIGKILL)
    later = await platform.queue(HANGS_UP)
    answered, doubtful = await platform.over(connected), await platform.over(dialling)
    assert (answered["details"]["status"], answered["cause"]) == ("completed", "the engine was lost")
    assert (doubtful["details"]["status"], doubtful["cause"]) == (
        "failed",
        "in doubt: the engine was lost while it dialled",
    )
    assert (await platform.over(later))["details"]["status"] == "completed", "the next engine takes what waited"
    invited = [event["detail"] for event in platform.phone_events() if event["event"] == "invited"]
    assert sum(NEVER_ANSWERS in detail for detail in invited) == 1
    (lost,) = answered["calls"]
    assert lost["outcome"] == "lost"
    assert (await platform.call(lost["session_id"]))["log"], "what had happened until then is there"


async def test_many_calls_at_once(platform):
    ids = [await platform.queue(HANGS_UP) for _ in range(12)]
    found = await asyncio.gather(*(platform.over(call_id) for call_id in ids))
    assert {call["details"]["status"] for call in found} == {"completed"}
    sessions = {call["calls"][0]["session_id"] for call in found}
    assert len(sessions) == 12


async def test_recordings_are_whole(platform):
    """Their headers say what their lengths are, also of a call that was cut."""
    files = sorted(Path(platform.ready["recordings_dir"]).rglob("*.wav"))
    assert files
    for file in files:
        assert len(wav.parse(file.read_bytes()).data) % 2 == 0


def _asking(prompt: str) -> dict:
    return _page(
        {
            "name": "ask",
            "type": "menu",
            "prompt": prompt,
            "choices": [{"keys": "1", "value": "one"}],
            "exits": {"one": "end"},
        }
    )


def _fetching(url: str) -> dict:
    return _page({"name": "fetch", "type": "rest", "url": url, "timeout_s": 2, "exits": {"next": "end"}})


def _page(module: dict) -> dict:
    start = {"name": "start", "type": "start", "exits": {"next": module["name"]}}
    return {"name": "Test", "pages": [{"name": "Main", "modules": [start, module, {"name": "end", "type": "exit"}]}]}
