"""Migrations make exactly the tables of store/tables.py, whoever runs them and how often."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.ext.asyncio import create_async_engine

from callwright.services import calls, engines, retention
from callwright.store import calls as stored_calls
from callwright.store.calls import Page
from callwright.store.database import Database
from callwright.store.migrate import alembic_config, migrate, sqlalchemy_url
from callwright.store.scope import Scope
from callwright.store.tables import metadata

pytestmark = pytest.mark.store


async def test_migrations_make_the_tables(database_url):
    engine = create_async_engine(sqlalchemy_url(database_url))
    async with engine.connect() as connection:
        options = {"include_object": _is_no_partition}
        differences = await connection.run_sync(
            lambda c: compare_metadata(MigrationContext.configure(c, opts=options), metadata)
        )
    await engine.dispose()
    assert differences == []


def _is_no_partition(item: Any, name: str, kind: str, *_: Any) -> bool:
    return kind != "table" or not name.endswith("_default")


@asynccontextmanager
async def _database(postgres_url: str, name: str) -> AsyncIterator[str]:
    """The URL of an empty one, which goes away at the end."""
    connection = await asyncpg.connect(postgres_url)
    await connection.execute(f"CREATE DATABASE {name}")
    head, _, query = postgres_url.partition("?")
    try:
        yield f"{head.rpartition('/')[0]}/{name}?{query}"
    finally:
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await connection.close()


async def test_two_starters_at_once(postgres_url):
    async with _database(postgres_url, "twice") as url:
        await asyncio.gather(migrate(url), migrate(url))
        await migrate(url)


async def test_a_published_version_never_changes(db, world):
    with pytest.raises(asyncpg.PostgresError, match="never changes"):
        await db.pool.execute("UPDATE application_versions SET document = '{}'")


async def test_calls_from_before_partitions_are_kept_and_counted(postgres_url):
    """With their journals, and found by their number; then each in its own partition."""
    async with _database(postgres_url, "from_before") as url:
        await _upgrade(url, "0002")
        old = await asyncpg.connect(url)
        await old.execute(
            """
            INSERT INTO accounts (name, webhook_secret) VALUES ('ann', 'x');
            INSERT INTO users (account_id, email, password_hash, developer_key_sha256) VALUES (1, 'ann@example.test', '', '');
            INSERT INTO applications (account_id, user_id, name) VALUES (1, 1, 'a');
            INSERT INTO deployments (account_id, user_id, application_id, label) VALUES (1, 1, 1, 'd');
            INSERT INTO numbers (account_id, user_id, address, deployment_id)
            VALUES (1, 1, '8005550111', 1), (1, 1, '8005550112', 1);
            INSERT INTO engines (host, server_id, started_at, heartbeat_at) VALUES ('h', 100001, 1, 1), ('h', 100007, 1, 1);
            INSERT INTO calls (account_id, user_id, application_id, deployment_id, version_id, engine_id, session_id,
                sip_call_id, direction, src, dest, started_at, ended_at)
            SELECT 1, 1, 1, 1, 1, 1, '100001;001;' || n, 'x', 'inbound', '2125551234', '800555011' || 1 + n % 2,
                extract(epoch from now()) - n * 86400, CASE WHEN n < 10 THEN extract(epoch from now()) - n * 86400 + 5 END
            FROM generate_series(1, 10) AS n;
            INSERT INTO call_events (call_id, seq, at, body) SELECT id, 0, started_at, '{}' FROM calls;
            """
        )
        await old.close()
        await migrate(url)
        db = await Database.open(url)
        scope = Scope(1, 1, "plum")
        found, total = await calls.listed(db, scope, Page(0, 1 << 40))
        assert (total, [call.session_id for call in found]) == (9, [f"100001;001;{n}" for n in range(1, 10)])
        _, of_number = await calls.listed(db, scope, Page(0, 1 << 40, number="8005550112"))
        assert of_number == 5
        assert len(await stored_calls.events(db, scope, found[0].id)) == 1
        assert await calls.reserve_ids(db, 1) == [12]
        assert (await engines.register(db, "h", 1.0)).server_id == 100_008
        await retention.make_partitions(db, time.time())
        for table in ("calls", "call_events", "call_counts"):
            assert await db.pool.fetchval(f"SELECT count(*) FROM {table}_default") == 0
        assert (await calls.listed(db, scope, Page(0, 1 << 40)))[1] == 9
        await db.close()


async def test_calls_that_wait_for_a_telephone_find_it(postgres_url):
    """By its extension before its name; of their own account; and those that are over are left alone."""
    async with _database(postgres_url, "to_telephones") as url:
        await _upgrade(url, "0026")
        old = await asyncpg.connect(url)
        await old.execute(
            """
            INSERT INTO accounts (name, webhook_secret) VALUES ('ann', 'x'), ('bob', 'y');
            INSERT INTO users (account_id, email, password_hash, developer_key_sha256)
            VALUES (1, 'ann@example.test', '', ''), (2, 'bob@example.test', '', 'z');
            INSERT INTO applications (account_id, user_id, name) VALUES (1, 1, 'a');
            INSERT INTO deployments (account_id, user_id, application_id, label) VALUES (1, 1, 1, 'd');
            INSERT INTO phones (id, account_id, user_id, name, extension, display_name, enabled, calls_out, digest, sealed_secret)
            VALUES (1, 1, 1, 'ann', '201', '', true, false, 'md5', ''), (2, 1, 1, '201', '202', '', true, false, 'md5', ''),
                (3, 2, 2, 'bob', '203', '', true, false, 'md5', '');
            INSERT INTO outbound_calls (account_id, user_id, application_id, deployment_id, phone_number, dialled, ani, postd,
                max_attempts, reattempt_wait_s, metadata, result_url, is_pci, queued_at, due_at, ended_at)
            SELECT 1, 1, 1, 1, 'x', dialled, '', '', 1, 60, '{}', '', false, 0, 0, CASE WHEN over THEN 1 END
            FROM (VALUES ('sip:ann@callwright', false), ('sip:201@callwright', false), ('sip:202@callwright', false),
                ('sip:bob@callwright', false), ('12125550101', false), ('sip:ann@callwright', true)) AS g (dialled, over);
            """
        )
        await old.close()
        await migrate(url)
        new = await asyncpg.connect(url)
        found = await new.fetch("SELECT phone_id FROM outbound_calls ORDER BY id")
        await new.close()
        assert [row["phone_id"] for row in found] == [1, 1, 2, None, None, None]


async def _upgrade(url: str, revision: str) -> None:
    engine = create_async_engine(sqlalchemy_url(url))
    async with engine.begin() as connection:
        await connection.run_sync(lambda c: command.upgrade(alembic_config(c), revision))
    await engine.dispose()
