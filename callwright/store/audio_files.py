"""Which audio files an account has. The samples lie on disk."""

from collections.abc import Collection

from callwright.store.database import Database
from callwright.store.scope import Scope


async def insert(db: Database, scope: Scope, *, file: str, samples: int) -> None:
    """Nothing changes where the account has it already."""
    await db.pool.execute(
        "INSERT INTO audio_files (account_id, file, samples, user_id) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        scope.account_id,
        file,
        samples,
        scope.user_id,
    )


async def known(db: Database, scope: Scope, files: Collection[str]) -> dict[str, int]:
    """Those of the files that the account has, with their samples."""
    rows = await db.pool.fetch(
        "SELECT file, samples FROM audio_files WHERE account_id = $1 AND file = ANY($2)", scope.account_id, list(files)
    )
    return {row["file"]: row["samples"] for row in rows}


async def total(db: Database, scope: Scope) -> int:
    """Samples of all of the account's files."""
    count: int = await db.pool.fetchval(
        "SELECT coalesce(sum(samples), 0)::bigint FROM audio_files WHERE account_id = $1", scope.account_id
    )
    return count
