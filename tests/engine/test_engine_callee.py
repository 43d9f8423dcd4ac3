"""Who answers outbound calls: a person, a machine, a fax machine. The test phone is each, and the program goes by it."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qs

import numpy as np
import pytest
from conftest import Running, started
from telephones import RATE_HZ, telephone

from callwright.flow import templates
from callwright.flow.application import written
from callwright.media import g711
from callwright.media.frames import FRAME_BYTES, SILENCE_FRAME, frames
from callwright.media.tones import tone
from callwright.ports.leg import LegEnded
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
    greeting = _greeting(seconds=7)
    left = await _left(
        platform, tmp_path, "442279460001", [frames(greeting), (SILENCE_FRAME,) * 30, frames(tone("beep"))]
    )
    assert "beeps" in left.transcript
    assert left.begins_s < left.machine_ended_s + 2.0, "it does not wait for more than the beep"


@pytest.mark.parametrize("rest", ["silence", "noise", "nothing is sent"])
async def test_a_message_is_left_on_a_machine_that_never_beeps(platform, tmp_path, rest):
    """Two seconds of silence after its greeting end the wait for the beep, whatever the silence sounds like."""
    after = {
        "silence": (SILENCE_FRAME,) * 1500,
        "noise": frames(g711.encode(np.random.default_rng(1).normal(scale=60, size=30 * RATE_HZ).astype(np.int16))),
        "nothing is sent": (),
    }[rest]
    number = {"silence": "442279460002", "noise": "442279460003", "nothing is sent": "442279460004"}[rest]
    left = await _left(platform, tmp_path, number, [frames(_greeting(seconds=7)), after], ends_after=1)
    assert "beeps" not in left.transcript and any(line.startswith("says ") for line in left.transcript)
    assert left.begins_s > left.machine_ended_s + 1.5, "its greeting was waited for"


async def test_a_message_is_left_on_a_machine_that_was_silent_before_it_was_known(platform, tmp_path):
    """It has beeped, or will not, while our first prompt is said: then nothing is heard for three seconds."""
    greeting = _greeting(seconds=3.8)
    left = await _left(platform, tmp_path, "442279460005", [frames(greeting), (SILENCE_FRAME,) * 1500], ends_after=1)
    assert "silence" in left.transcript


@dataclass(frozen=True)
class Left:
    """What a machine has been told."""

    transcript: list[str]
    machine_ended_s: float
    "When it had said what it says, by the clock of its tape."

    begins_s: float
    "When the message begins on it."


async def _left(platform, tmp_path, number, says, *, ends_after=None) -> Left:
    """Call a machine that answers with this, of which the first `ends_after` parts are its greeting, and leave it the message."""
    document = written(templates.application("leave_a_message"))
    ended_s = sum(map(len, says[:ends_after])) * FRAME_BYTES / RATE_HZ
    async with telephone(tmp_path) as phone, platform.client() as client:
        host, _, port = phone.address.rpartition(":")
        trunk = {"name": f"machine {number}", "host": host, "port": int(port), "prefix": number}
        assert (await client.post("/v1/trunks", json=trunk)).status_code == 201
        call_id = await platform.queue(number, deployment=await platform.deploy(document))
        line = phone.answer(await phone.rings())
        line.leg.play([part for part in says if part], 1)
        await line.until(LegEnded)
        heard = await line.heard_bytes()
        found = await platform.over(call_id)
    assert found["callee_type"] == "answeringmachine"
    transcript = (await platform.call(found["calls"][0]["session_id"]))["transcript"].splitlines()
    samples = np.abs(g711.decode(heard).astype(np.int32))
    loud = np.flatnonzero(samples[: len(samples) // 400 * 400].reshape(-1, 400).max(axis=1) > 500) / 20
    # The longest pause is that between the first prompt and the message.
    pause = int(np.argmax(np.diff(loud))) + 1
    after = loud[pause:]
    assert transcript[-2].startswith("hears   Hello, this is Acme with a message")
    assert after[0] >= ended_s, "the message does not begin before the machine has ended"
    assert after[-1] - after[0] > 3.0, "the whole message is there"
    return Left(transcript, ended_s, float(after[0]))


def _greeting(seconds: float) -> bytes:
    """Something like speech."""
    at = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    phase = 2 * np.pi * np.cumsum(140 - 15 * (at % 0.25) / 0.25) / RATE_HZ
    voice = sum(np.sin(n * phase) / n for n in range(2, 20)) * np.abs(np.sin(2 * np.pi * 2 * at))
    return g711.encode((3000 * voice).astype(np.int16))
