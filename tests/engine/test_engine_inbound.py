"""Callers: SIPp, an independent user agent, dials applications of the running platform."""

import pytest

pytestmark = pytest.mark.interop


async def test_a_caller_presses_a_key(platform, tmp_path):
    ask = {
        "name": "ask",
        "type": "menu",
        "prompt": "Press 1.",
        "choices": [{"keys": "1", "value": "one"}],
        "initial_timeout_s": 10,
        "exits": {"one": "thanks"},
    }
    thanks = {"name": "thanks", "type": "prompt", "prompt": "Thank you.", "exits": {"next": "end"}}
    start = {"name": "start", "type": "start", "exits": {"next": "ask"}}
    end = {"name": "end", "type": "exit"}
    await platform.deploy(
        {"name": "Keys", "pages": [{"name": "Main", "modules": [start, ask, thanks, end]}]}, address="keys"
    )
    status, output = await platform.sipp("ivr_caller", "keys", tmp_path, "-m", "5", "-r", "5")
    assert status == 0, output
    for call in await platform.calls("keys", 5):
        shown = await platform.call(call["session_id"])
        assert shown["transcript"].splitlines() == [
            "hears   Press 1.",
            "presses 1",
            "hears   Thank you.",
            "call ends",
        ]
        assert (call["type"], call["src"], call["dest"]) == ("inbound", "2125550199", "keys")


async def test_callers_who_hang_up_at_once(platform, tmp_path):
    number = platform.ready["number"]
    status, output = await platform.sipp("setup_caller", number, tmp_path, "-m", "50", "-r", "50")
    assert status == 0, output
    calls = await platform.calls(number, 50)
    assert {(await platform.call(call["session_id"]))["outcome"] for call in calls[:5]} == {"hung_up"}


async def test_a_number_that_nobody_has(platform, tmp_path):
    status, output = await platform.sipp("setup_caller", "nobody", tmp_path, "-m", "1")
    assert status == 1 and "404" in output
