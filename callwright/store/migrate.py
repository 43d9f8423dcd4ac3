"""Brings a database to this release's schema, under an advisory lock, so that any number of starters may try at once."""

import asyncio
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

_LOCK = 7_222_014_411
"Our advisory lock: any number, but always the same."


def alembic_config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def _upgrade(connection: Connection) -> None:
    command.upgrade(alembic_config(connection), "head")


async def migrate(url: str, *, timeout_s: float = 300.0) -> None:
    """`url` is postgresql://… as asyncpg takes it. Raises `TimeoutError` where another starter holds the lock too long."""
    engine = create_async_engine(sqlalchemy_url(url), poolclass=NullPool)
    try:
        async with asyncio.timeout(timeout_s), engine.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            await connection.run_sync(_upgrade)
    finally:
        await engine.dispose()


def revisions() -> set[str]:
    """Every schema that this release can bring to its own."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}


def sqlalchemy_url(url: str) -> str:
    _, _, rest = url.partition("://")
    return f"postgresql+asyncpg://{rest}"
