"""Texts of one owner over HTTP's handlers: lists with exact totals, deep offsets, by number, and conversations."""

import argparse
import asyncio
import os
import random
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from bench._figures import slowness
from bench._ivr import processes
from callwright.base.config import Config
from callwright.cli._postgres import EmbeddedPostgres
from callwright.providers.http import GuardedClient
from callwright.providers.pool_client import PoolClient
from callwright.services import accounts, numbers, sms
from callwright.store.database import Database
from callwright.store.migrate import migrate
from callwright.store.scope import Scope
from callwright.web.app import create_app

DAY_S = 86_400
STATEMENT_S_MAX = 3_600.0
PASSWORD = "Benchmark-1"
NUMBERS = tuple(f"80055501{n:02d}" for n in range(8))
PEOPLE = 500_000
"Who write and are written to."

CHATTY = "12129999999"
"Has one in 250 of all texts, with one number."

FILL = """
    INSERT INTO sms_messages (message_id, account_id, user_id, number_id, direction, ours, theirs, body, result_url, group_id,
        part, parts, encoding, reference, joined, status, delivery, cause, carrier_message_id, requested_at, responded_at)
    SELECT gen_random_uuid(), $1, $2, 1, CASE WHEN r.c < 0.3 THEN 'inbound' ELSE 'outbound' END,
        (CASE WHEN r.b < 0.004 THEN $5::text[] ELSE $6::text[] END)[1 + floor(r.a * 8)::int],
        CASE WHEN r.b < 0.004 THEN $7 ELSE '1212' || lpad(floor(r.b * $8)::text, 7, '0') END,
        'Your order is on its way and comes tomorrow.', '', gen_random_uuid(), 1, 1, 'gsm7', 0, false,
        CASE WHEN r.c < 0.3 THEN 'received' ELSE 'sent' END, CASE WHEN r.c < 0.3 THEN '' ELSE 'delivered' END, '',
        CASE WHEN r.c < 0.3 THEN '' ELSE g::text END, $3::float8 + g * $4::float8, $3::float8 + g * $4::float8 + 2
    FROM generate_series(1, $9::int) AS g, LATERAL (SELECT random() + g * 0 AS a, random() AS b, random() AS c) AS r
"""


def main() -> int:
    options = argparse.ArgumentParser(prog="./dev bench sms-lists", description=__doc__)
    options.add_argument("--texts", type=int, default=200_000)
    options.add_argument("--days", type=int, default=360, help="over which they are spread")
    options.add_argument("--requests", type=int, default=60, help="of each kind, after ten that warm up")
    options.add_argument(
        "--data", default=tempfile.gettempdir(), help="where the temporary cluster is made, and removed"
    )
    given = options.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="cw-texts-", dir=given.data))
    folder.chmod(0o711)
    try:
        asyncio.run(_measured(folder, given))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


async def _measured(folder: Path, given: argparse.Namespace) -> None:
    server = EmbeddedPostgres(folder)
    await server.start()
    try:
        await migrate(server.url)
        db = await Database.open(server.url, size=4)
        try:
            made = await accounts.create_account(db, name="bench", email="bench@example.test", password=PASSWORD)
            for number in NUMBERS:
                await numbers.create(db, made.scope, address=number, sms=True)
            begun = time.monotonic()
            await _fill(db, made.scope, given)
            filled = time.monotonic()
            await sms.count(db)
            size = await db.pool.fetchval("SELECT pg_size_pretty(pg_total_relation_size('sms_messages'))")
            counts = await db.pool.fetchval("SELECT pg_size_pretty(pg_total_relation_size('sms_counts'))")
            print(
                f"{given.texts:,} texts over {given.days} days made in {filled - begun:.0f} s ({size}), counted by the job in "
                f"{time.monotonic() - filled:.0f} s ({counts})"
            )
            await db.pool.execute("VACUUM ANALYZE sms_messages, sms_counts", timeout=STATEMENT_S_MAX)
            await _ask(folder, db, server.pid, made.email, given)
        finally:
            await db.close()
    finally:
        await server.stop()


async def _fill(db: Database, scope: Scope, given: argparse.Namespace) -> None:
    """In order of time; indexes are made afterwards."""
    async with db.pool.acquire() as connection:
        indexes = await connection.fetch(
            """
            SELECT indexname, indexdef FROM pg_indexes
            WHERE tablename = 'sms_messages' AND (indexname LIKE 'ix_%' OR indexname LIKE 'uq_%received')
            """
        )
        for index in indexes:
            await connection.execute(f"DROP INDEX {index['indexname']}")
        step = given.days * DAY_S / given.texts
        await connection.execute(
            FILL,
            scope.account_id,
            scope.user_id,
            time.time() - given.days * DAY_S,
            step,
            [NUMBERS[0]] * 9,
            [*NUMBERS, NUMBERS[0]],
            CHATTY,
            PEOPLE,
            given.texts,
            timeout=STATEMENT_S_MAX,
        )
        for index in indexes:
            await connection.execute(index["indexdef"], timeout=STATEMENT_S_MAX)


async def _ask(folder: Path, db: Database, postgres: int, email: str, given: argparse.Namespace) -> None:
    chance = random.Random(1)

    def person() -> str:
        return f"1212{chance.randrange(2_000, PEOPLE):07d}"

    half = given.texts // 2
    kinds: tuple[tuple[str, str, Callable[[], dict[str, Any]]], ...] = (
        ("messages", "first 50", dict),
        ("messages", "newest 1,000", lambda: {"order": "desc", "limit": 1000}),
        ("messages", "1,000 from the middle", lambda: {"offset": half + chance.randrange(1000), "limit": 1000}),
        ("messages", "inbound, from the middle", lambda: {"msg_type": "inbound", "offset": half // 4, "limit": 1000}),
        ("messages", "a day in the middle", lambda: _day(given, chance)),
        ("messages", "one of ours", lambda: {"phone_number": chance.choice(NUMBERS), "limit": 1000}),
        ("messages", "one of ours, deep", lambda: {"phone_number": NUMBERS[3], "offset": half // 10, "limit": 1000}),
        ("messages", "a customer", lambda: {"phone_number": person(), "limit": 1000}),
        ("conversation", "with a customer", lambda: {"phone_number1": NUMBERS[0], "phone_number2": person()}),
        (
            "conversation",
            "of one in 250",
            lambda: {"phone_number1": CHATTY, "phone_number2": NUMBERS[0], "limit": 1000},
        ),
    )
    config = Config(data_dir=str(folder), database_url=db.url)
    app = create_app(config, db, GuardedClient((), loopback=False), PoolClient(config.pool_socket))
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; milliseconds")
    print(
        "| list | page | total | p50 | p95 | max | slowness | CPU a request: PostgreSQL + web |\n|---|---|---|---|---|---|---|---|"
    )
    auth = (email, PASSWORD)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://bench", timeout=60) as client:
        for service, name, query in kinds:
            times, slow, total = [], [], 0
            for number in range(given.requests + 10):
                if number == 10:
                    before = processes.usage({"postgres": postgres, "web": os.getpid()})
                elif number < 10:
                    slow.append(slowness())
                begun = time.perf_counter()
                reply = await client.get(f"/ws/sms/{service}.json", params=query(), auth=auth)
                if number >= 10:
                    times.append(1000 * (time.perf_counter() - begun))
                if reply.status_code != 200:
                    raise SystemExit(f"{service}: {reply.status_code} {reply.text[:300]}")
                body = reply.json()
                total = max(total, int(body.get("result", body)["total"]))
            times.sort()
            after = processes.usage({"postgres": postgres, "web": os.getpid()})
            cpu = " + ".join(f"{(after[r].cpu_s - before[r].cpu_s) * 1000 / given.requests:.1f}" for r in after)
            print(
                f"| {service} | {name} | {total:,} | {times[len(times) // 2]:.1f} | {times[int(len(times) * 0.95)]:.1f} | "
                f"{times[-1]:.1f} | {sorted(slow)[len(slow) // 2]:.2f} | {cpu} ms |",
                flush=True,
            )


def _day(given: argparse.Namespace, chance: random.Random) -> dict[str, Any]:
    start = int(time.time()) - chance.randrange(2, max(given.days, 3)) * DAY_S
    return {"start_timestamp": start, "end_timestamp": start + DAY_S, "limit": 1000}


if __name__ == "__main__":
    raise SystemExit(main())
