"""A platform that sends texts by npm's SMSC, for `./dev bench sms` and for the tests of what must hold when processes die."""

import asyncio
import json
import os
import random
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from bench._smsc import NodeSmsc
from callwright.cli._postgres import EmbeddedPostgres

READY_S_MAX = 90.0
PAUSE_S = 0.05
TEXTS_PER_SECOND = 1000
"The most that an account may send."

QUEUE = """
    INSERT INTO sms_messages (message_id, account_id, user_id, number_id, carrier_id, direction, ours, theirs, body,
        result_url, group_id, part, parts, encoding, reference, joined, status, delivery, cause, carrier_message_id,
        requested_at, due_at)
    SELECT gen_random_uuid(), n.account_id, n.user_id, n.id, n.carrier_id, 'outbound', n.address,
        '1212' || lpad((g % 10000000)::text, 7, '0'), $2 || g, '', gen_random_uuid(), 1, 1, 'gsm7', 0, false, 'queued', '', '', '',
        extract(epoch FROM now()), extract(epoch FROM now())
    FROM numbers n, generate_series(1, $3::int) g WHERE n.id = $1
"""
"As `sms.queue` would, each with words of its own."

OPEN = "SELECT count(*) FROM sms_messages WHERE direction = 'outbound' AND status IN ('queued', 'sending')"
UNTOLD = """
    SELECT count(*) FROM sms_messages
    WHERE direction = 'outbound' AND delivery <> 'delivered' AND cause NOT LIKE 'in doubt:%'
"""


@dataclass
class Outcome:
    """What came of texts whose jobs process was killed, or whose SMSC was away."""

    texts: int
    in_doubt: int
    in_doubt_and_sent: int
    "Of these: the SMSC has been asked to carry them."

    losses: int
    "Processes that were killed, links that were cut."

    violations: list[str]
    "What must hold and did not."


class TextSite:
    """`async with text_site(folder) as site`."""

    def __init__(
        self, url: str, postgres: int, smsc: NodeSmsc, ready: dict[str, Any], ready_file: Path, number: int, window: int
    ) -> None:
        self.url, self.smsc, self.ready, self.window = url, smsc, ready, window
        self._postgres, self._ready_file, self._number = postgres, ready_file, number
        self._queued = self._losses = 0

    @property
    def pids(self) -> dict[str, int]:
        """By role; that of `jobs` changes when it is killed."""
        found: dict[str, int] = json.loads(self._ready_file.read_text())["pids"]
        return {**found, "postgres": self._postgres, "smsc": self.smsc.process.pid}

    async def queue(self, count: int, *, words: str = "text ") -> None:
        """Queue so many texts at once, and wake who sends them. `words` are those of no other texts."""
        await self.sql(QUEUE, self._number, words, count)
        await self.sql("SELECT pg_notify('callwright_sms', '')")
        self._queued += count

    async def sql(self, query: str, *arguments: object) -> Any:
        """The first value of the first row."""
        connection = await asyncpg.connect(self.url)
        try:
            return await connection.fetchval(query, *arguments, timeout=READY_S_MAX)
        finally:
            await connection.close()

    async def until_zero(self, query: str, timeout_s: float) -> None:
        async with asyncio.timeout(timeout_s):
            while await self.sql(query):  # noqa: ASYNC110 - it is asked from outside, as an operator would
                await asyncio.sleep(4 * PAUSE_S)

    async def until_submitted(self, count: int) -> None:
        async with asyncio.timeout(READY_S_MAX):
            while (await self.smsc.stats())["submitted"] < count:  # noqa: ASYNC110 - as above
                await asyncio.sleep(PAUSE_S / 5)

    # -- faults --------------------------------------------------------------------------------------

    async def killed(self, kills: int, texts: int, seed: int) -> Outcome:
        """Kill the jobs process at random points while texts go out."""
        rng = random.Random(seed)
        await self.queue(texts)
        for number in range(kills):
            # More than the most that are waited for.
            if await self.sql(OPEN) < 10 * self.window:
                await self.queue(texts, words=f"text {number} ")
            sent = (await self.smsc.stats())["submitted"]
            await self.until_submitted(sent + rng.randrange(1, 6 * self.window))
            # Anywhere between two events, and not only behind one.
            await asyncio.sleep(rng.uniform(0, 0.02))
            pid = self.pids["jobs"]
            os.kill(pid, signal.SIGKILL)
            self._losses += 1
            async with asyncio.timeout(READY_S_MAX):
                while self.pids.get("jobs", pid) == pid:  # noqa: ASYNC110 - a file tells of nothing
                    await asyncio.sleep(PAUSE_S)
            # The leases of the one that is dead, and only these: nobody waits for a minute.
            await self.sql(
                "UPDATE sms_messages SET due_at = 1 WHERE status = 'sending' AND due_at < extract(epoch FROM now()) + 58"
            )
        return await self._outcome()

    async def away(self, seconds: float, texts: int) -> Outcome:
        """Take the SMSC away while texts go out and others are queued."""
        before = (await self.smsc.stats())["submitted"]
        await self.queue(texts, words="before it went away ")
        await self.until_submitted(before + texts // 4)
        self.smsc.away()
        self._losses += 1
        # How long it is away is what is tried; nothing tells of that but the clock.
        await asyncio.sleep(seconds)
        await self.queue(texts // 2, words="queued while it was away ")
        await self.smsc.back()
        return await self._outcome()

    async def _outcome(self) -> Outcome:
        await self.until_zero(OPEN, 2 * READY_S_MAX)
        await self.until_zero(UNTOLD, READY_S_MAX)
        stats, seen = await self.smsc.stats(), set(await self.smsc.seen())
        connection = await asyncpg.connect(self.url)
        try:
            rows = await connection.fetch(
                "SELECT theirs || ' ' || body AS text, status, delivery, cause FROM sms_messages WHERE direction = 'outbound'"
            )
        finally:
            await connection.close()
        doubtful = {row["text"] for row in rows if row["cause"].startswith("in doubt:")}
        violations = [f"sent twice: {text}" for text in stats["repeated"]]
        violations += [f"never sent: {row['text']}" for row in rows if row["text"] not in seen | doubtful]
        violations += [f"{row['status']}: {row['text']}" for row in rows if row["status"] != "sent"]
        violations += [f"unknown: {text}" for text in seen - {row["text"] for row in rows}]
        if len(rows) != self._queued:
            violations.append(f"{self._queued} texts were queued, and there are {len(rows)}")
        if len(doubtful) > self.window * self._losses:
            violations.append(f"{len(doubtful)} in doubt are more than the window at each loss")
        return Outcome(len(rows), len(doubtful), len(doubtful & seen), self._losses, violations)


@asynccontextmanager
async def text_site(folder: Path, *, window: int, remember: bool) -> AsyncIterator[TextSite]:
    """A new platform in `folder`, with an account with the SMSC by which its number sends. `remember`: the SMSC knows what
    it was asked to carry twice."""
    server = EmbeddedPostgres(folder / "own")
    await server.start()
    ready_file = folder / "ready.json"
    command = [sys.executable, "-P", "-m", "callwright", "up", "--data", str(folder / "data"), "--phone", "127.0.0.1:0"]
    command += ["--http", "127.0.0.1:0", "--sip", "127.0.0.1:0", "--ready-file", str(ready_file)]
    try:
        async with NodeSmsc(quiet=True, remember=remember) as smsc:
            with (folder / "up.log").open("ab") as log:
                up = await asyncio.create_subprocess_exec(
                    *command, stdout=log, stderr=log, env={**os.environ, "DATABASE_URL": server.url}
                )
            try:
                async with asyncio.timeout(READY_S_MAX):
                    while not ready_file.exists():  # noqa: ASYNC110 - a file tells of nothing
                        await asyncio.sleep(PAUSE_S)
                ready = json.loads(ready_file.read_text())
                number = await asyncio.to_thread(_set_up, ready, smsc.settings(window=window))
                await smsc.until(lambda one: "bound" in one)
                yield TextSite(server.url, server.pid, smsc, ready, ready_file, number, window)
            finally:
                if up.returncode is None:
                    up.terminate()
                await up.wait()
    finally:
        await server.stop()


def _set_up(ready: dict[str, Any], settings: dict[str, object]) -> int:
    """The id of the number that sends by the SMSC."""
    auth = (ready["email"], ready["developer_key"])
    with httpx.Client(base_url=ready["base_url"], auth=auth, trust_env=False, timeout=30) as api:

        def ok(reply: httpx.Response) -> Any:
            assert reply.is_success, reply.text
            return reply.json() if reply.content else None

        account = {"name": "SMSC", "type": "smpp", "settings": settings, "texts_per_second": TEXTS_PER_SECOND}
        carrier = ok(api.post("/v1/carriers", json=account))["id"]
        number: int = next(one["id"] for one in ok(api.get("/v1/numbers")) if one["address"] == ready["sms_number"])
        ok(api.put(f"/v1/numbers/{number}/texting", json={"carrier_id": carrier}))
        return number
