"""Call logs of one owner over HTTP's handlers: the first page, a deep offset, and by number, with exact totals."""

import argparse
import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from bench import _priority
from bench._ivr import processes
from callwright.base.config import Config
from callwright.cli._postgres import EmbeddedPostgres
from callwright.providers.http import GuardedClient
from callwright.providers.pool_client import PoolClient
from callwright.services import accounts, retention
from callwright.store import partitions
from callwright.store.call_counts import DAY_S, MINUTE_S
from callwright.store.database import Connection, Database
from callwright.store.migrate import migrate
from callwright.store.scope import PLATFORM, Scope
from callwright.web.app import create_app

ROWS = 20_000
"Of one piece of the COPY."

STATEMENT_S_MAX = 3_600.0
PASSWORD = "Benchmark-1"
NUMBERS = tuple(f"80055501{n:02d}" for n in range(8))
COLUMNS = [
    "id",
    "account_id",
    "user_id",
    "application_id",
    "deployment_id",
    "version_id",
    "engine_id",
    "session_id",
    "sip_call_id",
    "direction",
    "src",
    "dest",
    "number",
    "started_at",
    "ended_at",
    "outcome",
]


def main() -> int:
    options = argparse.ArgumentParser(prog="./dev bench logs", description=__doc__)
    options.add_argument("--calls", type=int, default=200_000)
    options.add_argument("--days", type=int, default=360, help="over which they are spread")
    options.add_argument("--requests", type=int, default=60, help="of each kind, after ten that warm up")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--lift", type=int, default=0, help="ask before a busy machine's other work (root): 1 to 10")
    options.add_argument(
        "--data", default=tempfile.gettempdir(), help="where the temporary cluster is made, and removed"
    )
    given = options.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="cw-logs-", dir=given.data))
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
            # So that DEV's recent logs, too, have all of them.
            await retention.set_platform_days(db, details=366, calls=366)
            begun = time.monotonic()
            now = int(time.time())
            await _fill(db, made.scope, now, given)
            print(
                f"{given.calls} calls over {given.days} days made in {time.monotonic() - begun:.0f} s, {await _size(db)}"
            )
            await _ask(folder, db, server.pid, made.email, made.developer_key, now, given)
        finally:
            await db.close()
    finally:
        await server.stop()


# -- the data ---------------------------------------------------------------------------------------


async def _fill(db: Database, scope: Scope, now: int, given: argparse.Namespace) -> None:
    """Calls, in order of time, in their partitions, with their counts. Indexes are made afterwards."""
    for day in range(0, given.days + 1, 15):
        for series in partitions.SERIES:
            if series.every == "month":
                await partitions.make(db, PLATFORM, series, now - day * DAY_S)
    async with db.pool.acquire() as connection:
        indexes = await connection.fetch(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'calls' AND indexname LIKE 'ix_%'"
        )
        for index in indexes:
            await connection.execute(f"DROP INDEX {index['indexname']}")
        await connection.copy_to_table(
            "calls", source=_lines(scope, now, given), columns=COLUMNS, format="text", timeout=STATEMENT_S_MAX
        )
        for index in indexes:
            # On the partitions too, which what PostgreSQL shows would leave out.
            await connection.execute(index["indexdef"].replace(" ON ONLY ", " ON "), timeout=STATEMENT_S_MAX)
        await _count(connection)
        await connection.execute("VACUUM ANALYZE calls", timeout=STATEMENT_S_MAX)
        await connection.execute("VACUUM ANALYZE call_counts", timeout=STATEMENT_S_MAX)


async def _lines(scope: Scope, now: int, given: argparse.Namespace) -> AsyncIterator[bytes]:
    """Rows as COPY reads them. The same seed gives the same calls, but for the moment from which they are dated."""
    chance = np.random.default_rng(given.seed)
    starts = np.sort(chance.random(given.calls)) * (given.days * DAY_S - 3600) + (now - given.days * DAY_S)
    for first in range(0, given.calls, ROWS):
        part = starts[first : first + ROWS]
        lengths = chance.gamma(2.0, 60.0, len(part)) + 1
        numbers = chance.integers(len(NUMBERS), size=len(part))
        outbound = chance.random(len(part)) < 0.3
        others = chance.integers(2_000_000_000, 9_999_999_999, size=len(part))
        pieces = []
        for n, (start, length, which, out, other) in enumerate(
            zip(part.tolist(), lengths.tolist(), numbers.tolist(), outbound.tolist(), others.tolist(), strict=True),
            first + 1,
        ):
            number = NUMBERS[which]
            party = f"outbound\tOutbound\t1{other}" if out else f"inbound\t{other}\t{number}"
            pieces.append(
                f"{n}\t{scope.account_id}\t{scope.user_id}\t1\t{which + 1}\t1\t1\t"
                f"{100_001 + n // 1000 % 900};{n % 1000:03d};{int(start)}\t{n:x}@bench\t{party}\t{number}\t"
                f"{start!r}\t{start + length!r}\texit\n"
            )
        yield "".join(pieces).encode()


async def _count(connection: Connection) -> None:
    """What ending each call would have counted: minutes by number, then days and all numbers together from these."""
    await connection.execute("SET work_mem = '256MB'")
    key = "user_id, account_id, number, width_s, start_at"
    for read in (
        f"""
        SELECT user_id, account_id, number, {MINUTE_S}, floor(started_at / {MINUTE_S}) * {MINUTE_S}, count(*)
        FROM calls GROUP BY 1, 2, 3, 5
        """,
        f"""
        SELECT user_id, account_id, number, {DAY_S}, start_at / {DAY_S} * {DAY_S}, sum(calls)
        FROM call_counts GROUP BY 1, 2, 3, 5
        """,
        "SELECT user_id, account_id, '', width_s, start_at, sum(calls) FROM call_counts GROUP BY 1, 2, 4, 5",
    ):
        await connection.execute(f"INSERT INTO call_counts ({key}, calls) {read}", timeout=STATEMENT_S_MAX)
    await connection.execute("RESET work_mem")


async def _size(db: Database) -> str:
    rows = await db.pool.fetch(
        """
        SELECT i.inhparent::regclass::text AS name, pg_size_pretty(sum(pg_total_relation_size(i.inhrelid))) AS size
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhparent WHERE c.relname IN ('calls', 'call_counts') GROUP BY 1 ORDER BY 1
        """
    )
    return ", ".join(f"{row['name']} {row['size']}" for row in rows)


# -- the requests -----------------------------------------------------------------------------------


async def _ask(
    folder: Path, db: Database, postgres: int, email: str, key: str, now: int, given: argparse.Namespace
) -> None:
    window = f"{now - given.days * DAY_S + 7}/{now + 60}"
    deep = max(given.calls - 10_000, 0)
    of_number = max(given.calls // len(NUMBERS) - 10_000, 0)
    config = Config(data_dir=str(folder), database_url=db.url)
    app = create_app(config, db, GuardedClient((), loopback=False), PoolClient(config.pool_socket))
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; pages of 1,000; milliseconds")
    print("| path | page | total | p50 | p95 | max | CPU a request: PostgreSQL + web |\n|---|---|---|---|---|---|---|")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://bench", timeout=60) as client:
        for path, auth, total in (
            ("/api/calls", (email, key), "total_calls"),
            ("/ws/calls/logs", (email, PASSWORD), "total_logs"),
            ("/ws/calls/sessions", (email, PASSWORD), "total_sessions"),
        ):
            for name, query in (
                ("first", ""),
                (f"offset {deep:,}", f"?offset={deep}"),
                ("by number", f"?number={NUMBERS[3]}"),
                (f"by number, offset {of_number:,}", f"?number={NUMBERS[3]}&offset={of_number}"),
            ):
                url = f"{path}/{window}{query}"
                await _times(client, url, auth, 10)
                if given.lift:
                    _priority.lift(given.lift)
                before = _cpu_ms(postgres)
                times, found = await _times(client, url, auth, given.requests)
                after = _cpu_ms(postgres)
                cpu = " + ".join(f"{(b - a) / given.requests:.1f}" for a, b in zip(before, after, strict=True))
                print(
                    f"| {path} | {name} | {int(found[total]):,} | {times[len(times) // 2]:.1f} | "
                    f"{times[int(len(times) * 0.95)]:.1f} | {times[-1]:.1f} | {cpu} |",
                    flush=True,
                )


async def _times(
    client: httpx.AsyncClient, url: str, auth: tuple[str, str], requests: int
) -> tuple[list[float], dict[str, Any]]:
    """Milliseconds of each request, sorted, and what the last one answered."""
    times, reply = [], None
    for _ in range(requests):
        begun = time.perf_counter()
        reply = await client.get(url, auth=auth)
        times.append(1000 * (time.perf_counter() - begun))
        if reply.status_code != 200:
            raise SystemExit(f"{url}: {reply.status_code} {reply.text[:300]}")
    assert reply is not None
    body: dict[str, Any] = reply.json()
    return sorted(times), body.get("result", body)


def _cpu_ms(postgres: int) -> tuple[float, float]:
    """Of PostgreSQL with its children, and of this process."""
    used = processes.usage({"postgres": postgres, "web": os.getpid()})
    return 1000 * used["postgres"].cpu_s, 1000 * used["web"].cpu_s
