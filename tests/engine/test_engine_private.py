"""What is private is nowhere: a canary goes through every kind of module on a real call, and then everything that the platform
keeps is searched for it: each table, each file of the data directory, and all that its APIs and callbacks tell."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import yaml
from conftest import Running, started
from mail_server import Mailbox, delivering
from soap_service import told, wsdl
from telephones import WAIT_S, Line, Telephone, seconds_of, sides, telephone

from callwright.flow.module import REGISTRY
from callwright.ports.leg import KeyPressed, LegEnded, SpeechStarted
from callwright.providers.prompt_cache import PromptCache
from callwright.providers.tts import espeak
from callwright.testing.receiver import Answer, Received, Receiver

pytestmark = pytest.mark.wire

CANARY = "58203417"
SEEN = "77120045"
"What is not private, and is found."

FLOW = Path(__file__).parents[1] / "flow"
OTHER = {
    "name": "Other",
    "pages": [
        {
            "name": "Main",
            "modules": [
                {"name": "start", "type": "start", "exits": {"next": "asked"}},
                {
                    "name": "asked",
                    "type": "digits",
                    "private": True,
                    "prompt": "You gave {{ given }}. Yours?",
                    "exits": {"next": "end"},
                },
                {"name": "end", "type": "exit"},
            ],
        }
    ],
}
ME = "16175550123"
LOOK_S = 0.05


@pytest.fixture(scope="module")
def mailbox() -> Iterator[Mailbox]:
    with delivering() as box:
        yield box


@pytest.fixture(scope="module")
def platform(mailbox: Mailbox) -> Iterator[Running]:
    with started(*mailbox.options) as running:
        yield running


@pytest.fixture
async def phone(tmp_path: Path) -> AsyncIterator[Telephone]:
    async with telephone(tmp_path) as one:
        yield one


@pytest.fixture
async def service() -> AsyncIterator[Receiver]:
    """Answers as the transcript of the private application says."""
    answers = [
        {"pin": CANARY},
        f"not JSON but {CANARY}",
        {"found": [{"dtmf": 1, "value": CANARY, "prompt": {"en-US": f"For {CANARY}, press 1."}}]},
    ]

    def answer(request: Received) -> Answer:
        if request.path.startswith("/result"):
            return Answer()
        if request.path.endswith("wsdl"):
            return Answer(200, wsdl(receiver.port, asks="pin", tells="pin:string"), (("Content-Type", "text/xml"),))
        if request.path.startswith("/soap"):
            return Answer(200, told(pin=CANARY), (("Content-Type", "text/xml"),))
        if request.path.startswith("/done"):
            return Answer(500, f"no {CANARY}".encode())
        found = answers.pop(0)
        return Answer(200, (found if isinstance(found, str) else json.dumps(found)).encode())

    async with Receiver(answer) as receiver:
        yield receiver


def _document(service: Receiver, phone: Telephone) -> dict[str, Any]:
    """The application of the pure test, with services, far ends and a mail server that are there."""
    text = (FLOW / "private.yaml").read_text()
    text = text.replace("https://service.example/", service.url()).replace("@pbx.example", f"@{phone.address}")
    document: dict[str, Any] = yaml.safe_load(text)
    modules = {module["name"]: module for page in document["pages"] for module in page["modules"]}
    assert {module["type"] for module in modules.values()} == set(REGISTRY)
    modules["wsdl"]["wsdl"] += "?wsdl"
    for name in ("message", "caller", "home"):
        modules[name]["max_length_s"] = 2
    # Nothing private stands in a document.
    modules["hidden"]["text"] = "{{ pin }}"
    modules["noted"]["text"] += f" but {SEEN}"
    modules["throws"]["exits"] = {"next": "seen"}
    seen = {"name": "seen", "type": "call_log", "text": SEEN, "exits": {"next": "tongue"}}
    document["pages"][1]["modules"].append(seen)
    post_call = {
        "type": "rest",
        "method": "POST",
        "url": service.url("/done/{{ pin }}"),
        "parameters": [{"name": "pin", "value": "{{ pin }}"}, {"name": "audio", "value": "{{ message }}"}],
    }
    return document | {"recording": True, "post_call": post_call}


class _Journal:
    """The journal of the only call, as it grows."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def until(self, kind: str, count: int) -> None:
        """There are so many entries of a kind."""
        query = "SELECT count(*) FROM call_events WHERE body->'item'->>'type' = $1"
        for _ in range(int(WAIT_S / LOOK_S)):
            if await self._connection.fetchval(query, kind) >= count:
                return
            await asyncio.sleep(LOOK_S)
        last = await self._connection.fetch("SELECT body FROM call_events ORDER BY seq DESC LIMIT 6")
        raise AssertionError(f"no {kind} {count}; the last are {[row[0] for row in last]}")


async def _call(line: Line, phone: Telephone, journal: _Journal) -> None:
    """Do what the caller of the transcript does."""
    asked = {"collect": 0, "record": 0}
    # After the first message the program's own recording is `recorded` as well.
    recorded = iter((1, 3, 4))
    for step in (FLOW / "private.call").read_text().splitlines():
        if step.startswith("presses"):
            asked["collect"] += 1
            await journal.until("collect", asked["collect"])
            line.presses(step.split()[1])
        elif step.startswith("says"):
            asked["record"] += 1
            await journal.until("record", asked["record"])
            line.says(700)
            await journal.until("recorded", next(recorded))
            line.leg.stop_playing()
        elif step.startswith("far end 3"):
            line.says(700)
            far_end = phone.answer(await phone.rings())
            await far_end.until(SpeechStarted)
            line.presses("9")
            assert await far_end.until(KeyPressed, LegEnded) == KeyPressed("9")
            far_end.leg.hang_up()
            line.leg.stop_playing()
        elif step.startswith("far end fails"):
            (await phone.rings()).reject(404)


async def _tables(connection: asyncpg.Connection) -> dict[str, str]:
    """Every row of every table, as text."""
    names = await connection.fetch("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
    return {
        name: "\n".join(row[0] for row in await connection.fetch(f'SELECT t::text FROM "{name}" t'))
        for (name,) in names
    }


@pytest.mark.timeout(400)
async def test_a_canary_is_nowhere(platform, phone, service, mailbox):
    data = Path(platform.ready["recordings_dir"]).parent
    host, _, port = phone.address.rpartition(":")
    async with platform.client() as client:
        trunk = {"name": "desk", "host": host, "port": int(port), "prefix": "1617"}
        assert (await client.post("/v1/trunks", json=trunk)).status_code == 201
    await platform.deploy(OTHER)
    deployment = await platform.deploy(_document(service, phone))
    connection = await asyncpg.connect(json.loads((data / "run" / "config.json").read_text())["database_url"])
    call_id = await platform.queue(ME, deployment=deployment, result_url=service.url("/result"))
    line = phone.answer(await phone.rings())
    await _call(line, phone, _Journal(connection))
    await line.until(LegEnded)
    over = await platform.over(call_id)
    (told_to,) = await service.wait_for("/result")
    (call,) = over["calls"]
    shown = await platform.call(call["session_id"])

    # It did go everywhere.
    assert shown["transcript"].endswith("call ends\n" + "service 500 [private]\n" * 3), shown["transcript"]
    asked = [request.path + request.body.decode("latin-1") for request in service.received]
    assert sum(CANARY in one for one in asked) >= 7
    (mail,) = mailbox.mails
    assert CANARY in mail["Subject"]

    # And it stays nowhere.
    tables = await _tables(connection)
    await connection.close()
    assert SEEN in tables["call_events"] and SEEN not in told_to.body.decode()
    assert [name for name, rows in tables.items() if CANARY in rows] == []
    assert CANARY not in told_to.body.decode() and CANARY not in json.dumps([shown, over])
    async with platform.client() as client:
        for path in (f"/api/call/{call['session_id']}", "/api/all_logs/0/9999999999", "/api/calls/0/9999999999"):
            reply = await client.get(path)
            assert reply.status_code == 200 and CANARY not in reply.text
    files = [path for path in data.rglob("*") if path.is_file()]
    assert any(path.suffix == ".log" for path in files)
    assert any(SEEN.encode() in path.read_bytes() for path in files)
    assert [str(path) for path in files if CANARY.encode() in path.read_bytes()] == []
    assert not list((data / "messages").glob("*"))

    # Of what was spoken only the public is kept, and of what was heard nothing private.
    cache = PromptCache(data / "prompts")
    heard = [step[8:] for step in (FLOW / "private.call").read_text().splitlines() if step.startswith("hears")]
    voice = espeak.voice_of("en-US")
    kept = {text: cache.path(cache.key(espeak.NAME, espeak.VERSION, voice, text)).exists() for text in heard}
    assert kept["Your number?"] and not any(there for text, there in kept.items() if CANARY in text)
    left, right = sides(
        data / "recordings" / shown["recording"] if "recording" in shown else next((data / "recordings").rglob("*.wav"))
    )
    assert seconds_of(left, 700) == 0, "neither the messages nor what was said to the desk"
    assert len(left) == len(right)
