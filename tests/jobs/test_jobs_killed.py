"""The process of jobs is killed in the middle of conversations by text, again and again: each text is answered once."""

import asyncio
import os
import random
import sys
from contextlib import suppress

import pytest

from callwright.base.config import Config
from callwright.cli._process import READY_FD
from callwright.services import text_sessions
from callwright.testing.receiver import Answer, Receiver

pytestmark = pytest.mark.wire

PEOPLE = [f"121255503{number}" for number in range(10, 18)]
"Whose handsets take texts, and answer none by themselves."

KILLS = 8
READY_S_MAX = 60.0


async def _jobs(config: Config, file) -> asyncio.subprocess.Process:
    """The process, once it is ready."""
    read, write = os.pipe()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "callwright", "jobs", "--config", str(file)),
        env={**os.environ, READY_FD: str(write)},
        pass_fds=(write,),
    )
    os.close(write)
    async with asyncio.timeout(READY_S_MAX):
        assert await asyncio.to_thread(os.read, read, 100) == b"ready\n"
    os.close(read)
    return process


@pytest.mark.timeout(300)
async def test_each_text_is_answered_once(db, database_url, world, answering, says, heard, tmp_path):
    chance = random.Random(5)
    asked = asyncio.Event()

    def answer(_):
        asked.set()
        return Answer(body=b'{"price": 7}')

    async with Receiver(answer) as receiver:
        await answering(
            {"type": "number", "prompt": "How many?"},
            {"type": "rest", "url": receiver.url("/price")},
            {"type": "yes_no", "prompt": "{{ first }} for {{ m1.price }}?", "exits": {"yes": "m3", "no": "m3"}},
            {"type": "prompt", "prompt": "Done: {{ m2 }}."},
            post_call={"type": "rest", "method": "POST", "url": receiver.url("/done")},
        )
        config = Config(
            data_dir=str(tmp_path), database_url=database_url, allow_urls=("127.0.0.0/8",), sealing_key=db.sealing_key
        )
        config.run_dir.mkdir(parents=True)
        file = config.run_dir / "config.json"
        config.save(file)
        for text in ("Hi", "3", "yes"):
            for person in PEOPLE:
                await says(text, sender=person)
        kills = 0
        while await db.pool.fetchval("SELECT count(*) FROM text_turns"):
            asked.clear()
            process = await _jobs(config, file)
            try:
                if kills < KILLS:
                    with suppress(TimeoutError):
                        # In the middle of a turn that asks the service, or wherever it is a moment later.
                        await asyncio.wait_for(asked.wait(), 2)
                    await asyncio.sleep(chance.choice([0, 0, 0.002, 0.01, 0.05]))  # where it is killed is chance
                    kills += 1
                else:
                    async with asyncio.timeout(90):
                        while await db.pool.fetchval("SELECT count(*) FROM text_turns"):  # noqa: ASYNC110 - it does it
                            await asyncio.sleep(0.05)
            finally:
                process.kill()
                await process.wait()
            # Nobody holds these leases any more.
            await db.pool.execute("UPDATE text_turns SET due_at = 0")
        done = [request for request in receiver.received if request.path == "/done"]
    assert kills >= 3, "it was killed in the middle"
    for person in PEOPLE:
        assert await heard(person) == ["How many?", "3 for 7?", "Done: yes."]
    ended = await text_sessions.listed(db, world.scope, before=2**63 - 1, limit=100)
    assert [row.outcome for row in ended] == ["exit"] * len(PEOPLE)
    assert len(done) >= len(PEOPLE)
    assert await db.pool.fetchval("SELECT max(attempts) FROM sms_messages WHERE direction = 'outbound'") == 1
