"""What was written down for clients, in partitions by day, kept as long as detailed logs."""

import uuid
from dataclasses import dataclass

from callwright.store.database import Database
from callwright.store.scope import Scope, visible


@dataclass(frozen=True, slots=True)
class Transcription:
    """Audio of a client as text. The audio itself is not kept."""

    transcription_id: uuid.UUID
    language: str
    message: str
    "What was said."

    duration_s: float
    requested_at: float
    responded_at: float


async def insert(db: Database, scope: Scope, made: Transcription) -> None:
    await db.pool.execute(
        """
        INSERT INTO transcriptions (
            account_id, user_id, transcription_id, language, message, duration_s, requested_at, responded_at
        ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        """,
        scope.account_id,
        scope.user_id,
        made.transcription_id,
        made.language,
        made.message,
        made.duration_s,
        made.requested_at,
        made.responded_at,
    )


async def get(db: Database, scope: Scope, transcription_id: uuid.UUID, *, since: float) -> Transcription | None:
    """One that was made since then."""
    mine, who = visible(scope, 1, "t")
    row = await db.pool.fetchrow(
        f"""
        SELECT t.transcription_id, t.language, t.message, t.duration_s, t.requested_at, t.responded_at
        FROM transcriptions t WHERE {mine} AND t.transcription_id = $2 AND t.requested_at >= $3
        """,
        who,
        transcription_id,
        since,
    )
    return None if row is None else Transcription(**row)
