"""Calls of telephones in the test's hands: what is really heard and really recorded, by the samples; what a call leaves behind."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from telephones import BLOCK, Line, Telephone, blocks_of, longest, seconds_of, sides, silent, telephone

from callwright.media import g711, wav
from callwright.media.frames import FRAME_BYTES, RATE_HZ, SILENCE_FRAME, frames
from callwright.media.tones import tone
from callwright.ports.leg import KeyPressed, LegEnded, SpeechEnded, SpeechStarted
from callwright.testing.receiver import Answer, Receiver

pytestmark = pytest.mark.wire

RINGBACK = (440, 480)
A_LITTLE = 3
"""Frames of a tone of ours that nothing else has."""


@pytest.fixture
async def phone(tmp_path: Path) -> AsyncIterator[Telephone]:
    async with telephone(tmp_path) as one:
        yield one


@pytest.fixture
async def service() -> AsyncIterator[Receiver]:
    async with Receiver() as receiver:
        yield receiver


def _application(name: str, *modules: dict[str, Any], **document: Any) -> dict[str, Any]:
    start = {"name": "start", "type": "start", "exits": {"next": modules[0]["name"]}}
    end = {"name": "end", "type": "exit"}
    return {"name": name, "pages": [{"name": "Main", "modules": [start, *modules, end]}], **document}


def _frames_of(name: str, heard: bytes) -> list[int]:
    """Where frames of a tone of ours lie in what was heard, in order.

    By the frame: a machine that is too busy leaves a gap between two, but sends each as it is.
    """
    return sorted(at for frame in set(frames(tone(name))) - {SILENCE_FRAME} if (at := heard.find(frame)) >= 0)


async def test_a_bridge_carries_voices_and_keys_and_both_sides_are_recorded(platform, phone):
    desk = {
        "name": "desk",
        "type": "transfer",
        "destination": f"sip:desk@{phone.address}",
        "headers": [{"name": "x-order", "value": "7"}],
        "exits": {"next": "end"},
    }
    await platform.deploy(_application("Bridge", desk, recording=True), address="7001")
    caller = await phone.calls(platform.ready["sip"], "7001")
    call = await phone.rings()
    await caller.until(SpeechStarted)  # it hears ringing
    far_end = phone.answer(call)
    caller.says(700)
    await far_end.until(SpeechStarted)
    far_end.says(1100)
    caller.presses("5")
    assert await far_end.until(KeyPressed, LegEnded) == KeyPressed("5")
    far_end.presses("8")
    assert await caller.until(KeyPressed, LegEnded) == KeyPressed("8")
    caller.says(900, 2)
    far_end.says(1300, 2)
    await caller.said()
    await far_end.said()
    far_end.leg.hang_up()
    await caller.until(LegEnded)
    heard, at_the_desk = await caller.heard(), await far_end.heard()
    assert seconds_of(heard, *RINGBACK) > 0.1, "it rang"
    assert seconds_of(heard, 1300) > 1.7
    assert seconds_of(at_the_desk, 900) > 1.7
    assert seconds_of(heard, 700, 900) < 0.1, "nobody hears themselves"
    left, right = sides(await platform.recording("7001"))
    assert seconds_of(left, 900) > 1.7 and seconds_of(left, 1100, 1300) == 0
    assert seconds_of(right, 1300) > 1.7 and seconds_of(right, *RINGBACK) > 0.1 and seconds_of(right, 700, 900) == 0


async def test_music_is_heard_while_a_service_is_asked_and_no_longer(platform, phone, service):
    answered = asyncio.Event()
    service.answer = lambda _: Answer(after=answered)
    ask = {"name": "ask", "type": "rest", "url": service.url(), "hold_music": True, "exits": {"next": "said"}}
    said = {"name": "said", "type": "prompt", "prompt": "Thank you for waiting.", "exits": {"next": "end"}}
    await platform.deploy(_application("Music", ask, said), address="7002")
    caller = await phone.calls(platform.ready["sip"], "7002")
    await service.wait_for("/")
    await caller.until(SpeechStarted)
    answered.set()
    await caller.until(LegEnded)
    heard = await caller.heard_bytes()
    music = _frames_of("hold", heard)
    assert len(music) >= A_LITTLE
    assert (~silent((await caller.heard())[music[-1] + FRAME_BYTES :])).sum() * BLOCK / RATE_HZ > 0.5, "then it speaks"


async def test_music_in_place_of_ringing(platform, phone):
    desk = {
        "name": "desk",
        "type": "transfer",
        "destination": f"sip:desk@{phone.address}",
        "hold_music": True,
        "exits": {"next": "end"},
    }
    await platform.deploy(_application("Waiting", desk), address="7003")
    caller = await phone.calls(platform.ready["sip"], "7003")
    call = await phone.rings()
    await caller.until(SpeechStarted)
    call.reject(486)
    await caller.until(LegEnded)
    heard = await caller.heard_bytes()
    assert len(_frames_of("hold", heard)) >= A_LITTLE and not _frames_of("ringback", heard)


async def test_a_recording_is_silent_while_something_private_is_asked(platform, phone):
    def asks(name: str, following: str, **more: Any) -> dict[str, Any]:
        return {
            "name": name,
            "type": "yes_no",
            "prompt": f"Question {name}, please.",
            "exits": {"yes": following, "no": following},
        } | more

    questions = [asks("one", "two"), asks("two", "three", private=True), asks("three", "end")]
    await platform.deploy(_application("Gap", *questions, recording=True), address="7004")
    caller = await phone.calls(platform.ready["sip"], "7004")
    for _ in questions:
        await caller.until(SpeechEnded)
        caller.says(700, 1)
        await caller.said()
        caller.presses("1")
    await caller.until(LegEnded)
    heard = await caller.heard()
    assert longest(~silent(heard))[1] > 0
    left, right = sides(await platform.recording("7004"))
    tones = blocks_of(left, 700)
    begins = [at for at in range(1, len(tones)) if tones[at] and not tones[at - 1]]
    assert seconds_of(left, 700) == pytest.approx(2, abs=0.3), "the tones of two of the three answers"
    gap = slice(*longest(silent(left) & silent(right)))
    assert (gap.stop - gap.start) * BLOCK / RATE_HZ > 1.5, "the question and the tone, on both sides"
    assert begins[0] < gap.start and begins[-1] > gap.stop, "one before it and one after it"
    spoken = (~silent(heard)).sum() - (~silent(right)).sum()
    assert spoken * BLOCK / RATE_HZ > 0.5, "the caller heard the private question; the recording has not"


async def test_a_recording_of_the_programs_own_is_stopped_by_a_hang_up(platform, phone, service):
    begin = {"name": "begin", "type": "call_recording", "action": "start", "exits": {"next": "ask"}}
    ask = {"name": "ask", "type": "yes_no", "prompt": "Well?", "exits": {"yes": "end", "no": "end"}}
    post_call = {
        "type": "rest",
        "method": "POST",
        "url": service.url("/done"),
        "parameters": [{"name": "audio", "value": "{{ call_recording }}"}],
    }
    await platform.deploy(_application("Own", begin, ask, post_call=post_call), address="7005")
    caller = await phone.calls(platform.ready["sip"], "7005")
    await caller.until(SpeechStarted)
    caller.says(700, 1)
    await caller.said()
    caller.leg.hang_up()
    (posted,) = await service.wait_for("/done")
    at = posted.body.index(b"RIFF")
    assert posted.body[at + 22 : at + 24] == b"\x01\x00" and len(posted.body) > RATE_HZ
    (call,) = await platform.calls("7005", 1)
    assert (await platform.call(call["session_id"]))["transcript"] == "hears   Well?\nhangs up\nservice 200 {}\n"


async def test_a_second_recording_takes_the_place_of_the_first(platform, phone, service):
    def starts(name: str, following: str, action: str = "start") -> dict[str, Any]:
        return {"name": name, "type": "call_recording", "action": action, "exits": {"next": following}}

    def asks(name: str, following: str) -> dict[str, Any]:
        return {"name": name, "type": "yes_no", "prompt": "Well?", "exits": {"yes": following, "no": following}}

    post = {
        "name": "post",
        "type": "rest",
        "method": "POST",
        "url": service.url("/recording"),
        "parameters": [{"name": "audio", "value": "{{ call_recording }}"}],
        "exits": {"next": "end"},
    }
    modules = [starts("a", "b"), asks("b", "c"), starts("c", "d"), asks("d", "e"), starts("e", "post", "stop"), post]
    await platform.deploy(_application("Twice", *modules), address="7006")
    caller = await phone.calls(platform.ready["sip"], "7006")
    for hz in (700, 900):
        await caller.until(SpeechEnded)
        caller.says(hz, 1)
        await caller.said()
        caller.presses("1")
    await caller.until(LegEnded)
    (posted,) = await service.wait_for("/recording")
    at = posted.body.index(b"RIFF") + wav.HEADER_BYTES
    heard = g711.decode(posted.body[at:])
    assert seconds_of(heard, 900) > 0.7 and seconds_of(heard, 700) == 0


RESULTS = {
    "before it began": {"result": None, "duration": None},
    "while it rings": {"result": None, "duration": 0},
    "while they talk": {"result": None, "duration": "more"},
    "never: the longest time": {"result": "maxtime_disconnect", "duration": 1},
    "never: nobody answers": {"result": "noanswer", "duration": 0},
}


@pytest.mark.parametrize("hangs_up", RESULTS)
async def test_what_a_transfer_leaves_when_the_caller_hangs_up(platform, phone, service, hangs_up):
    number = f"71{list(RESULTS).index(hangs_up)}"
    desk = {
        "name": "desk",
        "type": "transfer",
        "prompt": "One moment, please." if hangs_up == "before it began" else "",
        "destination": f"sip:desk@{phone.address}",
        "connect_timeout_s": 1 if "answers" in hangs_up else 30,
        "duration_max_s": 1 if "longest" in hangs_up else 0,
        "exits": {"next": "end"},
    }
    body = {"result": "{{ desk }}", "duration": "{{ desk$.duration }}"}
    post_call = {"type": "rest", "method": "POST RAW", "url": service.url("/done"), "body": body}
    await platform.deploy(_application(number, desk, post_call=post_call), address=number)
    caller = await phone.calls(platform.ready["sip"], number)
    await _caller_leaves(hangs_up, caller, phone)
    (posted,) = await service.wait_for("/done", timeout_s=30)
    result = json.loads(posted.body)
    if result["result"] is None and result["duration"]:
        result["duration"] = "more"
    assert result == RESULTS[hangs_up]


async def _caller_leaves(hangs_up: str, caller: Line, phone: Telephone) -> None:
    if hangs_up == "before it began":
        await caller.until(SpeechStarted)
        caller.leg.hang_up()
        return
    call = await phone.rings()
    if hangs_up == "while it rings":
        caller.leg.hang_up()
        await phone.given_up(call)
    elif hangs_up == "never: nobody answers":
        await phone.given_up(call)
        await caller.until(LegEnded)
    else:
        far_end = phone.answer(call)
        if hangs_up == "while they talk":
            caller.says(700)
            await far_end.until(SpeechStarted)
            caller.leg.hang_up()
        await far_end.until(LegEnded)


async def test_a_callers_header_fields_are_variables(platform, phone):
    names = ("x-customer", "user-to-user", "authorization", "call-id")
    said = " ".join(f'{{{{ session.connection.protocol.sip.headers["{name}"] }}}}.' for name in names)
    says = {"name": "says", "type": "prompt", "prompt": said, "exits": {"next": "end"}}
    await platform.deploy(_application("Headers", says), address="7201")
    headers = [("X-Customer", "Ann"), ("User-to-User", "00a1"), ("Authorization", "Digest x")]
    caller = await phone.calls(platform.ready["sip"], "7201", headers)
    await caller.until(LegEnded)
    (call,) = await platform.calls("7201", 1)
    transcript = (await platform.call(call["session_id"]))["transcript"]
    assert transcript.startswith("hears   Ann. 00a1. . ") and "Digest" not in transcript


async def test_a_call_has_ended_when_it_was_hung_up(platform, phone, service):
    """Not when its post-call web service has answered."""
    answered = asyncio.Event()
    service.answer = lambda _: Answer(after=answered)
    says = {"name": "says", "type": "prompt", "prompt": "Bye.", "exits": {"next": "end"}}
    post_call = {"type": "rest", "url": service.url("/done")}
    await platform.deploy(_application("Ends", says, post_call=post_call), address="7202")
    caller = await phone.calls(platform.ready["sip"], "7202")
    await caller.until(LegEnded)
    await service.wait_for("/done")
    asked_at = time.time()
    answered.set()
    (call,) = await platform.calls("7202", 1)
    assert (await platform.call(call["session_id"]))["ended_at"] <= asked_at
