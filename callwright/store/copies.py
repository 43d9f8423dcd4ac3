"""What has to be known of a database before it is copied, and how its tables make way for a copy."""

from dataclasses import dataclass

import asyncpg

from callwright.base.errors import ProviderError
from callwright.store.database import CONNECT_TIMEOUT_S, FAILURES

SET_ASIDE = "before_restore_"
"How the name begins of the schema that a restore put the tables before it in. No backup holds those."


@dataclass(frozen=True, slots=True)
class Facts:
    """Of one database."""

    major: int
    "The server's version."

    schema: str
    "The revision of our tables; empty where there are none."

    tables: int
    others: int
    "Other connections to it."


async def facts(url: str) -> Facts:
    """Raises `ProviderError` where the database cannot be asked."""
    try:
        connection = await asyncpg.connect(url, timeout=CONNECT_TIMEOUT_S)
        try:
            ours = await connection.fetchval("SELECT to_regclass('public.alembic_version') IS NOT NULL")
            return Facts(
                major=connection.get_server_version().major,
                schema=await connection.fetchval("SELECT version_num FROM public.alembic_version") if ours else "",
                tables=await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"),
                others=await connection.fetchval(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
                ),
            )
        finally:
            await connection.close()
    except FAILURES as error:
        raise ProviderError(f"the database cannot be asked: {error}") from None


def set_aside(name: str) -> str:
    """The SQL that moves all tables into a schema of this name, and leaves room for others."""
    return f"ALTER SCHEMA public RENAME TO {name}; CREATE SCHEMA public;\n"
