"""Migrations make exactly the tables of store/tables.py, whoever runs them and how often."""

import asyncio
from typing import Any

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.ext.asyncio import create_async_engine

from callwright.store.migrate import migrate, sqlalchemy_url
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


async def test_two_starters_at_once(postgres_url):
    connection = await asyncpg.connect(postgres_url)
    await connection.execute("CREATE DATABASE twice")
    head, _, query = postgres_url.partition("?")
    url = f"{head.rpartition('/')[0]}/twice?{query}"
    try:
        await asyncio.gather(migrate(url), migrate(url))
        await migrate(url)
    finally:
        await connection.execute("DROP DATABASE twice WITH (FORCE)")
        await connection.close()


async def test_a_published_version_never_changes(db, world):
    with pytest.raises(asyncpg.PostgresError, match="never changes"):
        await db.pool.execute("UPDATE application_versions SET document = '{}'")
