"""Which audio files an account has. The samples lie on disk."""

from collections.abc import Collection

from callwright.store.database import Database
from callwright.store.scope import Scope

_NAMED = """(
    SELECT m[1] AS file
    FROM applications p
    CROSS JOIN LATERAL (
        SELECT p.draft::text UNION ALL SELECT v.document::text FROM application_versions v WHERE v.application_id = p.id
    ) AS d (document)
    CROSS JOIN LATERAL regexp_matches(d.document, 'sha256:[0-9a-f]{64}', 'g') AS m
    WHERE p.account_id = $1
    UNION
    SELECT r.file FROM audio_prompts r WHERE r.account_id = $1 AND r.file IS NOT NULL
)"""
"What the account's drafts, versions and audio managers name, those of deleted applications too."


async def insert(db: Database, scope: Scope, *, file: str, samples: int) -> None:
    """Where the account has it already it is as young as a new one."""
    await db.pool.execute(
        """
        INSERT INTO audio_files (account_id, file, samples, user_id) VALUES ($1, $2, $3, $4)
        ON CONFLICT (account_id, file) DO UPDATE SET created_at = excluded.created_at
        """,
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


async def forget_unnamed(db: Database, scope: Scope, before: float) -> list[str]:
    """Take from the account the files that it was given before that and that it does not name. They are returned."""
    rows = await db.pool.fetch(
        f"""
        DELETE FROM audio_files f WHERE f.account_id = $1 AND f.created_at < $2
          AND NOT EXISTS (SELECT FROM {_NAMED} AS n WHERE n.file = f.file)
        RETURNING f.file
        """,
        scope.account_id,
        before,
    )
    return [row["file"] for row in rows]


async def wanted(db: Database, scope: Scope, files: Collection[str]) -> set[str]:
    """Those of the files that are the account's, or that it names all the same."""
    rows = await db.pool.fetch(
        f"""
        SELECT f.file FROM audio_files f WHERE f.account_id = $1 AND f.file = ANY($2)
        UNION SELECT n.file FROM {_NAMED} AS n WHERE n.file = ANY($2)
        """,
        scope.account_id,
        list(files),
    )
    return {row["file"] for row in rows}
