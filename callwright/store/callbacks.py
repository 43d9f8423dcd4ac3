"""result_url posts that are due, and what came of each try."""

import json
from dataclasses import dataclass

from callwright.store.database import Database
from callwright.store.scope import Scope, visible

LEASE_S = 60.0
"A process that took a post and died leaves it to be tried again after this; longer than any try lasts."


@dataclass(frozen=True, slots=True)
class DueCallback:
    """A post to be tried now."""

    id: int
    account_id: int
    outbound_call_id: int | None
    "The call whose details are posted; None: a text's `fields` are."

    sms_id: int | None
    fields: dict[str, str] | None
    fields_json: bool
    "They are posted as JSON."

    reads_reply: bool
    "The answer holds texts to be sent."

    url: str
    number: int
    "Which try this is, from 1."

    webhook_secret: bytes


@dataclass(frozen=True, slots=True)
class CallbackTry:
    """What came of one try."""

    number: int
    at: float
    status: int | None
    "Of HTTP or SMTP; None where no answer came."

    error: str
    duration_ms: int


async def claim(db: Database, _: Scope, *, limit: int, now: float) -> list[DueCallback]:
    """Take due posts; each is out of others' reach for `LEASE_S`."""
    rows = await db.pool.fetch(
        """
        WITH due AS (
            SELECT id FROM callbacks WHERE state = 'pending' AND due_at <= $1 ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED
        )
        UPDATE callbacks b SET due_at = $1 + $3, attempts = b.attempts + 1 FROM due, accounts a
        WHERE b.id = due.id AND a.id = b.account_id
        RETURNING b.id, b.account_id, b.outbound_call_id, b.sms_id, b.fields, b.fields_json, b.reads_reply, b.url,
            b.attempts AS number, a.webhook_secret
        """,
        now,
        limit,
        LEASE_S,
    )
    return [DueCallback(**{**row, "fields": row["fields"] and json.loads(row["fields"])}) for row in rows]


async def record(db: Database, _: Scope, callback_id: int, made: CallbackTry, *, state: str, due_at: float) -> None:
    """Keep a try. `state`: `pending` (again at `due_at`), `delivered` or `failed`."""
    async with db.transaction() as connection:
        await connection.execute(
            """
            INSERT INTO callback_attempts (callback_id, number, at, status, error, duration_ms)
            VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING
            """,
            callback_id,
            made.number,
            made.at,
            made.status,
            made.error,
            made.duration_ms,
        )
        await connection.execute(
            "UPDATE callbacks SET state = $2, due_at = $3 WHERE id = $1", callback_id, state, due_at
        )


async def next_due(db: Database, _: Scope) -> float | None:
    due: float | None = await db.pool.fetchval("SELECT min(due_at) FROM callbacks WHERE state = 'pending'")
    return due


async def tries(db: Database, scope: Scope, outbound_call_id: int) -> list[CallbackTry]:
    mine, who = visible(scope, 1, "c")
    rows = await db.pool.fetch(
        f"""
        SELECT t.number, t.at, t.status, t.error, t.duration_ms FROM callback_attempts t
        JOIN callbacks b ON b.id = t.callback_id JOIN outbound_calls c ON c.id = b.outbound_call_id
        WHERE {mine} AND c.id = $2 ORDER BY b.id, t.number LIMIT 100
        """,
        who,
        outbound_call_id,
    )
    return [CallbackTry(**row) for row in rows]
