"""Applications and their published versions."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from callwright.store.database import Database
from callwright.store.scope import Scope, visible


@dataclass(frozen=True, slots=True)
class ApplicationRow:
    id: int
    name: str
    created_at: float
    latest_version: int | None
    deleted_at: float | None


@dataclass(frozen=True, slots=True)
class DraftRow:
    document: dict[str, Any]
    revision: int
    "One more with each change."


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A published version. It never changes."""

    id: int
    application_id: int
    number: int
    document: dict[str, Any]
    created_at: float


_APPLICATION = """
    SELECT p.id, p.name, p.created_at, p.deleted_at,
           (SELECT max(v.number) FROM application_versions v WHERE v.application_id = p.id) AS latest_version
    FROM applications p
"""


async def insert(db: Database, scope: Scope, *, name: str, draft: dict[str, Any] | None) -> int:
    application_id: int = await db.pool.fetchval(
        "INSERT INTO applications (account_id, user_id, name, draft) VALUES ($1, $2, $3, $4) RETURNING id",
        scope.account_id,
        scope.user_id,
        name,
        json.dumps(draft) if draft is not None else None,
    )
    return application_id


async def listed(db: Database, scope: Scope, *, after: int, limit: int) -> list[ApplicationRow]:
    mine, who = visible(scope, 1, "p")
    rows = await db.pool.fetch(
        f"{_APPLICATION} WHERE {mine} AND p.deleted_at IS NULL AND p.id > $2 ORDER BY p.id LIMIT $3", who, after, limit
    )
    return [ApplicationRow(**row) for row in rows]


async def get(db: Database, scope: Scope, application_id: int) -> ApplicationRow | None:
    mine, who = visible(scope, 1, "p")
    row = await db.pool.fetchrow(
        f"{_APPLICATION} WHERE {mine} AND p.id = $2 AND p.deleted_at IS NULL", who, application_id
    )
    return ApplicationRow(**row) if row else None


async def draft(db: Database, scope: Scope, application_id: int) -> DraftRow | None:
    mine, who = visible(scope, 1, "p")
    row = await db.pool.fetchrow(
        f"""
        SELECT p.draft, p.draft_revision FROM applications p
        WHERE {mine} AND p.id = $2 AND p.deleted_at IS NULL AND p.draft IS NOT NULL
        """,
        who,
        application_id,
    )
    return DraftRow(json.loads(row["draft"]), row["draft_revision"]) if row else None


async def save_draft(
    db: Database,
    scope: Scope,
    application_id: int,
    *,
    name: str,
    document: dict[str, Any],
    revisions: Collection[int] | None,
) -> int | None:
    """The new revision; None where there is no such application, or its draft is at none of `revisions` (None: at any)."""
    mine, who = visible(scope, 1, "p")
    revision: int | None = await db.pool.fetchval(
        f"""
        UPDATE applications p SET draft = $3, name = $4, draft_revision = draft_revision + 1
        WHERE {mine} AND p.id = $2 AND p.deleted_at IS NULL AND ($5::bigint[] IS NULL OR draft_revision = ANY($5))
        RETURNING draft_revision
        """,
        who,
        application_id,
        json.dumps(document),
        name,
        list(revisions) if revisions is not None else None,
    )
    return revision


async def insert_version(db: Database, scope: Scope, application_id: int, document: dict[str, Any]) -> int | None:
    """The new version's number, counted from 1; None where there is no such application."""
    mine, who = visible(scope, 1, "p")
    async with db.transaction() as connection:
        locked = await connection.fetchval(
            f"SELECT p.id FROM applications p WHERE {mine} AND p.id = $2 AND p.deleted_at IS NULL FOR UPDATE",
            who,
            application_id,
        )
        if locked is None:
            return None
        number: int = await connection.fetchval(
            """
            INSERT INTO application_versions (application_id, number, document)
            SELECT $1, coalesce(max(number), 0) + 1, $2 FROM application_versions WHERE application_id = $1 RETURNING number
            """,
            application_id,
            json.dumps(document),
        )
    return number


async def versions(db: Database, scope: Scope, application_id: int) -> list[tuple[int, float]]:
    """(number, created_at), newest first; at most 1000."""
    mine, who = visible(scope, 1, "p")
    rows = await db.pool.fetch(
        f"""
        SELECT v.number, v.created_at FROM application_versions v JOIN applications p ON p.id = v.application_id
        WHERE {mine} AND p.id = $2 AND p.deleted_at IS NULL ORDER BY v.number DESC LIMIT 1000
        """,
        who,
        application_id,
    )
    return [(row["number"], row["created_at"]) for row in rows]


async def version(db: Database, scope: Scope, application_id: int, number: int) -> VersionRow | None:
    mine, who = visible(scope, 1, "p")
    row = await db.pool.fetchrow(
        f"""
        SELECT v.id, v.application_id, v.number, v.document, v.created_at
        FROM application_versions v JOIN applications p ON p.id = v.application_id
        WHERE {mine} AND p.id = $2 AND v.number = $3 AND p.deleted_at IS NULL
        """,
        who,
        application_id,
        number,
    )
    return _version(row) if row else None


async def version_by_id(db: Database, scope: Scope, version_id: int) -> VersionRow | None:
    mine, who = visible(scope, 1, "p")
    row = await db.pool.fetchrow(
        f"""
        SELECT v.id, v.application_id, v.number, v.document, v.created_at
        FROM application_versions v JOIN applications p ON p.id = v.application_id WHERE {mine} AND v.id = $2
        """,
        who,
        version_id,
    )
    return _version(row) if row else None


async def published(db: Database, account_id: int, application: str, number: int | None) -> VersionRow | None:
    """By id or name within the account; where several have the name, the oldest. `number` None: the latest version."""
    row = await db.pool.fetchrow(
        """
        SELECT v.id, v.application_id, v.number, v.document, v.created_at
        FROM application_versions v JOIN applications p ON p.id = v.application_id
        WHERE p.account_id = $1 AND p.deleted_at IS NULL AND (p.name = $2 OR p.id::text = $2)
          AND ($3::int IS NULL OR v.number = $3)
        ORDER BY p.id::text = $2 DESC, p.id, v.number DESC LIMIT 1
        """,
        account_id,
        application,
        number,
    )
    return _version(row) if row else None


async def delete(db: Database, scope: Scope, application_id: int, now: float) -> bool:
    mine, who = visible(scope, 1, "p")
    done = await db.pool.execute(
        f"UPDATE applications p SET deleted_at = $3 WHERE {mine} AND p.id = $2 AND p.deleted_at IS NULL",
        who,
        application_id,
        now,
    )
    return bool(done != "UPDATE 0")


def _version(row: Any) -> VersionRow:
    return VersionRow(row["id"], row["application_id"], row["number"], json.loads(row["document"]), row["created_at"])
