"""Speech on real calls: the test phone says words over RTP, the engine hears them, and PocketSphinx understands."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from conftest import Running

from callwright.media import wav
from callwright.testing.receiver import Receiver

pytestmark = pytest.mark.wire

SAYS, INTERRUPTS, SAYS_SOMETHING_ELSE = "12125550110", "12125550111", "12125550112"
START = {"name": "start", "type": "start", "exits": {"next": "ask"}}
END = {"name": "end", "type": "exit"}


@pytest.fixture
async def service() -> AsyncIterator[Receiver]:
    async with Receiver() as receiver:
        yield receiver


def _application(name: str, *modules: dict[str, Any], **settings: Any) -> dict[str, Any]:
    return {"name": name, "pages": [{"name": "Main", "modules": [START, *modules, END]}], **settings}


async def _call(platform: Running, application: dict[str, Any], number: str, **fields: Any) -> dict[str, Any]:
    deployment = await platform.deploy(application)
    over = await platform.over(await platform.queue(number, deployment=deployment, **fields))
    assert over["details"]["status"] == "completed", over
    (call,) = over["calls"]
    return await platform.call(call["session_id"])


def _said(line: str) -> str:
    """A line of what was said without its confidence."""
    return line.partition(" (confidence")[0]


async def test_a_yes_a_menu_and_four_digits_by_voice(platform):
    ask = {
        "name": "ask",
        "type": "yes_no",
        "speech": True,
        "prompt": "Are you well?",
        "exits": {"yes": "what", "no": "end"},
    }
    what = {
        "name": "what",
        "type": "menu",
        "speech": True,
        "prompt": "Sales or support?",
        "choices": [{"keys": "1", "value": "sales"}, {"keys": "2", "value": "support", "utterance": "support, help"}],
        "exits": {"sales": "pin", "support": "end"},
    }
    pin = {
        "name": "pin",
        "type": "digits",
        "speech": True,
        "digits_min": 4,
        "digits_max": 4,
        "prompt": "Your number?",
        "exits": {"next": "told"},
    }
    told = {"name": "told", "type": "prompt", "prompt": "{{ ask }} {{ what }} {{ pin }}", "exits": {"next": "end"}}
    call = await _call(platform, _application("By voice", ask, what, pin, told), SAYS)
    heard = call["transcript"].splitlines()
    assert [_said(line) for line in heard[1::2]][1:3] == ["says    sales", "says    one two three four"]
    assert heard[6] == "hears   yes sales 1234"


async def test_speech_cuts_off_a_long_prompt(platform):
    long = "Please listen carefully, as our options have changed, and this goes on for quite a while. " * 4
    ask = {"name": "ask", "type": "yes_no", "speech": True, "prompt": long, "exits": {"yes": "told", "no": "end"}}
    told = {"name": "told", "type": "prompt", "prompt": "{{ ask$.inputmode }}", "exits": {"next": "end"}}
    call = await _call(platform, _application("Barge-in", ask, told), INTERRUPTS)
    assert call["transcript"].splitlines()[-2:] == ["hears   voice", "call ends"]
    events = platform.phone_events()
    last = [event["call_id"] for event in events if event["detail"].endswith(f"calls {INTERRUPTS}")][-1]
    mine = [event for event in events if event["call_id"] == last]
    heard, said, over = (next(e["at"] for e in mine if e["event"] == what) for what in ("heard", "said", "turn over"))
    assert heard <= said < over < heard + 8, "the prompt alone takes more than 20 s"


async def test_a_prompt_that_all_must_hear_is_not_cut_off(platform):
    legal = "This call is recorded for quality and training, and you have no choice but to hear all of this."
    ask = {
        "name": "ask",
        "type": "yes_no",
        "speech": True,
        "barge_in": False,
        "initial_timeout_s": 1,
        "prompt": legal,
        "exits": {"yes": "end", "no": "end", "no_input": "end"},
        "no_input": {"attempts": [""]},
    }
    call = await _call(platform, _application("No barge-in", ask), INTERRUPTS)
    assert call["transcript"].splitlines() == [f"hears   {legal}", "silence", "call ends"]


async def test_what_is_no_answer_is_no_match_and_its_recording_is_played(platform):
    ask = {
        "name": "ask",
        "type": "yes_no",
        "speech": True,
        "prompt": "Are you well?",
        "exits": {"yes": "end", "no": "told", "no_match": "end"},
        "no_match": {"attempts": ["Pardon?", "Pardon?", "Pardon?"]},
    }
    told = {
        "name": "told",
        "type": "prompt",
        "prompt": "{{ lastresult$.interpretation }} {{ lastresult$.recording }}",
        "exits": {"next": "end"},
    }
    call = await _call(platform, _application("Pardon", ask, told), SAYS_SOMETHING_ELSE)
    heard = call["transcript"].splitlines()
    assert heard[0] == "hears   Are you well?"
    assert heard[1].startswith("says    ")
    assert heard[2:4] == ["hears   Pardon?", "hears   Are you well?"]
    assert _said(heard[4]) in ("says    no", "says    nope")
    assert heard[5:] == ["hears   no (recording)", "call ends"]


async def test_private_speech_leaves_nothing(platform, service):
    ask = {
        "name": "ask",
        "type": "menu",
        "speech": True,
        "private": True,
        "prompt": "Well?",
        "choices": [{"keys": "1", "value": "v1", "utterance": "yes"}, {"keys": "2", "value": "v2", "utterance": "no"}],
        "exits": {"v1": "told", "v2": "end"},
    }
    told = {
        "name": "told",
        "type": "prompt",
        "prompt": "{{ lastresult$.recording }}{{ ask }}",
        "exits": {"next": "end"},
    }
    call = await _call(platform, _application("Private", ask, told), INTERRUPTS)
    heard = call["transcript"].splitlines()
    assert [heard[0], _said(heard[1]), *heard[2:]] == [
        "hears   Well?",
        "says    [private]",
        "hears   [private]",
        "call ends",
    ]
    assert "recorded:" not in str(call) and "v1" not in str(call)


async def test_what_was_said_is_sent_as_a_file(platform, service):
    ask = {"name": "ask", "type": "yes_no", "speech": True, "prompt": "Well?", "exits": {"yes": "post", "no": "end"}}
    post = {
        "name": "post",
        "type": "rest",
        "method": "POST",
        "url": f"http://127.0.0.1:{service.port}/said",
        "parameters": [{"name": "audio", "value": "{{ lastresult$.recording }}"}],
        "exits": {"next": "end", "error": "end"},
    }
    await _call(platform, _application("Sent", ask, post), SAYS)
    body = service.received[0].body
    sent = wav.parse(body[body.index(b"RIFF") : body.rindex(b"\r\n--")])
    assert (sent.format, sent.channels, sent.rate_hz) == (wav.ULAW, 1, 8000)
    assert 0.3 < len(sent.data) / 8000 < 2.5 and len(set(sent.data)) > 50


async def test_a_language_without_a_recogniser_leaves_the_keys(platform):
    ask = {
        "name": "ask",
        "type": "yes_no",
        "speech": True,
        "initial_timeout_s": 1,
        "prompt": "¿Está bien?",
        "exits": {"yes": "end", "no": "end", "no_input": "end"},
        "no_input": {"attempts": [""]},
    }
    call = await _call(platform, _application("Spanish", ask, language="es-ES"), INTERRUPTS)
    assert call["transcript"].splitlines() == ["hears   ¿Está bien?", "silence", "call ends"]
    assert "There is no speech recogniser for es-ES: callers can only press keys" in str(call)
