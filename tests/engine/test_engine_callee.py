"""Who answers outbound calls: a person, a machine, a fax machine. The test phone is each, and the program goes by it."""

import asyncio
from collections.abc import Iterator
from urllib.parse import parse_qs

import numpy as np
import pytest
from conftest import Running, started
from telephones import RATE_HZ, telephone

from callwright.flow import templates
from callwright.flow.application import written
from callwright.media import g711
from callwright.media.frames import SILENCE_FRAME, frames
from callwright.media.tones import tone
from callwright.ports.leg import LegEnded, PlayEnded
from callwright.testing.receiver import Receiver

pytestmark = pytest.mark.wire

SAYS_NOTHING, PERSON, MACHINE, FAX = "12125550105", "12125550113", "12125550114", "12125550115"
START, END = {"name": "start", "type": "start", "exits": {"next": "hello"}}, {"name": "end", "type": "exit"}
HELLO = {
    "name": "hello",
    "type": "prompt",
    "prompt": "Good day. This is a call from Acme, the company that you have bought your new machine from a week ago.",
    "barge_in": False,
    "exits": {"next": "who"},
}
WHO = {
    "name": "who",
    "type": "compare",
    "variable": "session.connection.callee_type",
    "rows": [{"value": one, "exit": one} for one in ("voice", "answeringmachine", "fax", "unknown")],
    "exits": {one: f"is_{one}" for one in ("voice", "answeringmachine", "fax", "unknown")} | {"otherwise": "is_other"},
}
SAID = [
    {"name": f"is_{one}", "type": "prompt", "prompt": f"It is {one}.", "exits": {"next": "end"}}
    for one in ("voice", "answeringmachine", "fax", "unknown", "other")
]
ASKS = {"name": "Who", "pages": [{"name": "Main", "modules": [START, HELLO, WHO, *SAID, END]}]}


@pytest.fixture(scope="module")
def platform() -> Iterator[Running]:
    with started("--callee-seconds", "4") as running:
        yield running


@pytest.mark.parametrize(
    ("number", "callee"),
    [(PERSON, "voice"), (MACHINE, "answeringmachine"), (FAX, "fax"), (SAYS_NOTHING, "unknown")],
)
async def test_the_program_goes_by_who_has_answered(platform, number, callee):
    found = await platform.over(await platform.queue(number, deployment=await platform.deploy(ASKS)))
    (call,) = found["calls"]
    shown = await platform.call(call["session_id"])
    assert f"hears   It is {callee}." in shown["transcript"]
    assert f"callee  {callee}" in shown["transcript"].splitlines()
    (line,) = [one for one in shown["log"] if one["line"].startswith("Callee type")]
    assert line["line"] == f"Callee type: {callee}" and line["data"]["cause"]
    assert found["callee_type"] == callee


async def test_a_call_that_is_over_before_it_is_known(platform):
    short = {"name": "hello", "type": "prompt", "prompt": "Hello.", "exits": {"next": "end"}}
    document = {"name": "Short", "pages": [{"name": "Main", "modules": [START, short, END]}]}
    found = await platform.over(await platform.queue(SAYS_NOTHING, deployment=await platform.deploy(document)))
    assert (found["details"]["status"], found["callee_type"]) == ("completed", "unknown")


async def test_nobody_has_answered(platform):
    assert (await platform.over(await platform.queue("12125550104")))["callee_type"] == ""


async def test_the_receiver_of_a_document_is_told(platform):
    async with Receiver() as receiver:
        login = {"login": platform.ready["dev_login"], "pin": platform.ready["dev_pin"]}
        call = {"phone_number": FAX, "start_url": receiver.url("/start"), "result_url": receiver.url("/result")}
        async with platform.client() as client:
            reply = await client.post("/webservice/queuecall.php", data=login | call, auth=("", ""), timeout=30)
        assert 'status="queued"' in reply.text, reply.text
        _, result = await receiver.wait_for("/result", count=2, timeout_s=40)
    assert parse_qs(result.body.decode())["callee_type"] == ["fax"]


async def test_a_message_is_left_after_the_beep(platform, tmp_path):
    """An answering machine's own tape: its beep, and then the whole message."""
    document = written(templates.application("leave_a_message"))
    async with telephone(tmp_path) as phone, platform.client() as client:
        host, _, port = phone.address.rpartition(":")
        trunk = {"name": "machine", "host": host, "port": int(port), "prefix": "4422"}
        assert (await client.post("/v1/trunks", json=trunk)).status_code == 201
        call_id = await platform.queue("442279460001", deployment=await platform.deploy(document))
        line = phone.answer(await phone.rings())
        greeting = _greeting(seconds=7)
        began = asyncio.get_running_loop().time()
        line.leg.play([frames(greeting), (SILENCE_FRAME,) * 30, frames(tone("beep"))], 1)
        await line.until(PlayEnded)
        beeped_s = asyncio.get_running_loop().time() - began
        await line.until(LegEnded)
        heard = await line.heard_bytes()
        found = await platform.over(call_id)
    samples = np.abs(g711.decode(heard).astype(np.int32))
    loud = np.flatnonzero(samples[: len(samples) // 400 * 400].reshape(-1, 400).max(axis=1) > 500) / 20
    after = loud[loud > beeped_s - 0.2]
    assert found["callee_type"] == "answeringmachine"
    transcript = (await platform.call(found["calls"][0]["session_id"]))["transcript"].splitlines()
    assert "beeps" in transcript and transcript[-2].startswith("hears   Hello, this is Acme with a message")
    assert after[0] >= beeped_s, "nothing was said between the prompt and the beep"
    assert after[0] < beeped_s + 2.0 and after[-1] - after[0] > 3.0, "the whole message is behind it"


def _greeting(seconds: float) -> bytes:
    """Something like speech."""
    at = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    phase = 2 * np.pi * np.cumsum(140 - 15 * (at % 0.25) / 0.25) / RATE_HZ
    voice = sum(np.sin(n * phase) / n for n in range(2, 20)) * np.abs(np.sin(2 * np.pi * 2 * at))
    return g711.encode((3000 * voice).astype(np.int16))
