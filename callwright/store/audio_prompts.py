"""The audio manager: an application's prompts by name and language, each with its file and its words."""

from collections.abc import Sequence
from dataclasses import dataclass

from callwright.store.database import Database
from callwright.store.scope import Scope, visible


@dataclass(frozen=True, slots=True)
class PromptRow:
    id: int
    name: str
    language: str
    file: str | None
    "`sha256:<hex>`; None: not recorded yet."

    samples: int | None
    words: str
    changed_at: float
    changed_by: str
    "E-mail."


_PROMPT = """
    SELECT r.id, r.name, r.language, r.file, f.samples, r.words, r.changed_at, u.email AS changed_by
    FROM audio_prompts r JOIN applications p ON p.id = r.application_id JOIN users u ON u.id = r.user_id
    LEFT JOIN audio_files f ON f.account_id = r.account_id AND f.file = r.file
"""


async def listed(
    db: Database, scope: Scope, application_id: int, *, name: str, language: str, after: int, limit: int
) -> list[PromptRow]:
    """By id. `name` is a part of the name, in any case; empty names and languages mean all."""
    mine, who = visible(scope, 1, "p")
    rows = await db.pool.fetch(
        f"""
        {_PROMPT} WHERE {mine} AND r.application_id = $2 AND p.deleted_at IS NULL
          AND ($3 = '' OR strpos(lower(r.name), lower($3)) > 0) AND ($4 = '' OR r.language = $4) AND r.id > $5
        ORDER BY r.id LIMIT $6
        """,
        who,
        application_id,
        name,
        language,
        after,
        limit,
    )
    return [PromptRow(**row) for row in rows]


async def get(db: Database, scope: Scope, application_id: int, name: str, language: str) -> PromptRow | None:
    mine, who = visible(scope, 1, "p")
    row = await db.pool.fetchrow(
        f"""
        {_PROMPT} WHERE {mine} AND r.application_id = $2 AND p.deleted_at IS NULL AND r.name = $3 AND r.language = $4
        """,
        who,
        application_id,
        name,
        language,
    )
    return PromptRow(**row) if row else None


async def named(db: Database, scope: Scope, application_id: int, names: Sequence[str]) -> list[PromptRow]:
    """Those of these names, in the order in which their languages were added."""
    mine, who = visible(scope, 1, "p")
    rows = await db.pool.fetch(
        f"{_PROMPT} WHERE {mine} AND r.application_id = $2 AND r.name = ANY($3) ORDER BY r.id",
        who,
        application_id,
        names,
    )
    return [PromptRow(**row) for row in rows]


async def count(db: Database, scope: Scope, application_id: int) -> int:
    mine, who = visible(scope, 1, "p")
    found: int = await db.pool.fetchval(
        f"""
        SELECT count(*) FROM audio_prompts r JOIN applications p ON p.id = r.application_id
        WHERE {mine} AND r.application_id = $2
        """,
        who,
        application_id,
    )
    return found


async def put(
    db: Database,
    scope: Scope,
    application_id: int,
    name: str,
    language: str,
    *,
    file: str | None,
    words: str,
    now: float,
) -> None:
    """Add or replace. Whoever calls has seen that the application is the scope's, and that the account has the file."""
    await db.pool.execute(
        """
        INSERT INTO audio_prompts (account_id, application_id, name, language, file, words, user_id, changed_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (application_id, name, language)
        DO UPDATE SET file = excluded.file, words = excluded.words, user_id = excluded.user_id, changed_at = excluded.changed_at
        """,
        scope.account_id,
        application_id,
        name,
        language,
        file,
        words,
        scope.user_id,
        now,
    )


async def put_file(
    db: Database, scope: Scope, application_id: int, name: str, language: str, *, file: str, now: float
) -> None:
    """As `put`; the words that are there stay."""
    await db.pool.execute(
        """
        INSERT INTO audio_prompts (account_id, application_id, name, language, file, user_id, changed_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (application_id, name, language)
        DO UPDATE SET file = excluded.file, user_id = excluded.user_id, changed_at = excluded.changed_at
        """,
        scope.account_id,
        application_id,
        name,
        language,
        file,
        scope.user_id,
        now,
    )


async def delete(db: Database, scope: Scope, application_id: int, name: str, language: str) -> bool:
    mine, who = visible(scope, 1, "p")
    done = await db.pool.execute(
        f"""
        DELETE FROM audio_prompts r USING applications p
        WHERE p.id = r.application_id AND {mine} AND r.application_id = $2 AND r.name = $3 AND r.language = $4
        """,
        who,
        application_id,
        name,
        language,
    )
    return bool(done != "DELETE 0")


async def copy(db: Database, scope: Scope, from_id: int, to_id: int, now: float) -> None:
    """All prompts of one application of the scope into another, which has none yet."""
    mine, who = visible(scope, 1, "p")
    await db.pool.execute(
        f"""
        INSERT INTO audio_prompts (account_id, application_id, name, language, file, words, user_id, changed_at)
        SELECT r.account_id, $3, r.name, r.language, r.file, r.words, $4, $5
        FROM audio_prompts r JOIN applications p ON p.id = r.application_id
        WHERE {mine} AND r.application_id = $2 ORDER BY r.id
        """,
        who,
        from_id,
        to_id,
        scope.user_id,
        now,
    )
