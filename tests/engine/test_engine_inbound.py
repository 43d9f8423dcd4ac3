"""Callers: SIPp, an independent user agent, dials applications of the running platform."""

import asyncio
import shutil
from pathlib import Path

import pytest

from bench._ivr import media

pytestmark = pytest.mark.interop

SCENARIOS = Path(__file__).parents[2] / "bench" / "_ivr"


async def _sipp(platform, scenario: str, user: str, folder: Path, *, calls: int, rate: int) -> str:
    assert shutil.which("sipp"), "SIPp is missing: ./dev test installs it"
    media.caller_pcap(folder / "caller.pcap")
    shutil.copy(SCENARIOS / f"{scenario}.xml", folder / "scenario.xml")
    process = await asyncio.create_subprocess_exec(
        *("sipp", platform.ready["sip"], "-s", user, "-sf", "scenario.xml", "-i", "127.0.0.1", "-mi", "127.0.0.1"),
        *("-m", str(calls), "-r", str(rate), "-nostdin", "-timeout", "40s", "-timeout_error", "-trace_err"),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    text = output.decode(errors="replace")
    assert process.returncode == 0, text[-2000:] + "".join(f.read_text()[-1000:] for f in folder.glob("*errors.log"))
    return text


async def _calls(platform, number: str, count: int) -> list[dict]:
    """The calls to a number, once this many have been written."""
    async with platform.client() as client, asyncio.timeout(10):
        while True:
            found = (await client.get(f"/api/calls/0/9999999999?number={number}")).json()["calls"]
            if len(found) >= count:
                return found
            await asyncio.sleep(0.05)


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
    await _sipp(platform, "ivr_caller", "keys", tmp_path, calls=5, rate=5)
    for call in await _calls(platform, "keys", 5):
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
    await _sipp(platform, "setup_caller", number, tmp_path, calls=50, rate=50)
    calls = await _calls(platform, number, 50)
    assert {(await platform.call(call["session_id"]))["outcome"] for call in calls[:5]} == {"hung_up"}


async def test_a_number_that_nobody_has(platform, tmp_path):
    with pytest.raises(AssertionError, match="404"):
        await _sipp(platform, "setup_caller", "nobody", tmp_path, calls=1, rate=1)
