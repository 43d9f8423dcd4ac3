"""`callwright demo`, as a newcomer starts it: a real call, shown, and what the exit status says of it."""

import asyncio
import json
import os
import re
import signal
import socket
import sys
from pathlib import Path

import httpx
import pytest

from callwright.cli._platform import STOP_S_MAX
from callwright.sms import keywords

pytestmark = pytest.mark.wire

DEMO_S_MAX = 90.0


async def _start(data_dir: Path, *options: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "callwright", "demo", "--data", str(data_dir / "d"), "--http", "127.0.0.1:0"),
        *("--sip", "127.0.0.1:0", "--phone", "127.0.0.1:0", *options),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


async def _once(data_dir: Path, *options: str) -> tuple[int | None, str]:
    process = await _start(data_dir, "--once", *options)
    try:
        output, _ = await asyncio.wait_for(process.communicate(), DEMO_S_MAX)
    except TimeoutError:
        process.kill()
        raise
    return process.returncode, output.decode()


async def test_once_shows_a_call_and_a_second_start_finds_its_data(data_dir):
    status, said = await _once(data_dir)
    assert status == 0, said
    for shown in ("hears ", "presses 1", "call ends", "curl -u", ".wav", "User input: 1 (dtmf)", "status=completed"):
        assert shown in said, (shown, said)
    told = re.findall(r"^ *\d+\.\d\d s +(\S.*)$", said[said.index("Texts, between") :], re.M)
    assert re.fullmatch(r"POST /v1/messages to 1212555\d{4} -> queued", told[0])
    assert told[1:] == [
        "handset gets: See you on Tuesday at half past ten? (delivered)",
        "handset writes: Yes, I will be there",
        "handset writes: STOP",
        f"handset gets: {keywords.STOPPED}",
        "POST /v1/messages -> failure: Attempt to send to unsubscribed recipient",
    ]
    times = [float(found) for found in re.findall(r"^ *(\d+\.\d\d) s  ", said, re.M)]
    assert len(times) >= 8 and times == sorted(times), "each step has its time"
    (recording,) = re.findall(r"(/\S+\.wav)", said)[:1]
    assert Path(recording).stat().st_size > 8000 * 2
    before = json.loads((data_dir / "d" / "secrets.json").read_text())

    status, said = await _once(data_dir, "--number", "12125550102")
    assert status == 0, said
    assert "presses 2" in said and "presses 15" in said
    assert json.loads((data_dir / "d" / "secrets.json").read_text()) == before
    (call_id,) = re.findall(r'{"call_id":(\d+)}', said)
    assert int(call_id) > 1, "the first call is still there"  # More than 2 where the server's stop was cut short.


async def test_a_call_that_fails_fails_the_demo(data_dir):
    status, said = await _once(data_dir, "--number", "12125550104")
    assert status == 1, said
    assert "FAILED" in said and "logs" in said


async def test_it_stays_up_until_it_is_stopped(data_dir):
    process = await _start(data_dir)
    assert process.stdout is not None
    said = ""
    try:
        async with asyncio.timeout(DEMO_S_MAX):
            while "Ctrl-C" not in said:
                line = (await process.stdout.readline()).decode()
                assert line, said
                said += line
        (base,) = re.findall(r"(http://127\.0\.0\.1:\d+)/docs", said)[:1]
        async with httpx.AsyncClient(trust_env=False) as client:
            assert (await client.get(f"{base}/health")).json()["status"] == "ok"
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(STOP_S_MAX + 1):
            assert await process.wait() == 0
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", int(base.rpartition(":")[2]))) != 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
