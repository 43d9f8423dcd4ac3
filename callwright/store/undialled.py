"""Calls of the queue that end without being dialled (any more): nobody else would end them."""

from callwright.store.database import Database
from callwright.store.dialing import ERASED, WAITS
from callwright.store.scope import Scope

RESTORED = "in doubt: restored from a backup, and perhaps dialled since it was made"

_WINDOW_PASSED = "c.end_at <= $1"
_UNROUTABLE = "c.trunk_id IS NULL AND NOT starts_with(c.dialled, 'sip:') AND c.due_at <= $1"


async def is_hopeless(db: Database, _: Scope, now: float) -> bool:
    """Is there a call that `expire_windows` or `reject_unroutable` would end?"""
    found: bool = await db.pool.fetchval(
        f"""
        -- The least of an index, where a planner that thinks of many would read the table for one.
        SELECT coalesce((SELECT min(c.end_at) FROM outbound_calls c WHERE {WAITS} AND c.end_at IS NOT NULL) <= $1, false)
            OR EXISTS (SELECT 1 FROM outbound_calls c WHERE {WAITS} AND {_UNROUTABLE})
        """,
        now,
    )
    return found


async def expire_windows(db: Database, _: Scope, now: float) -> int:
    """End calls whose window has passed: `failed` where an attempt was made, else `canceled`."""
    return await _end_queued(
        db,
        _WINDOW_PASSED,
        "CASE WHEN c.attempts > 0 THEN 'failed' ELSE 'canceled' END",
        "the end of its window has passed",
        now,
    )


async def reject_unroutable(db: Database, _: Scope, now: float) -> int:
    """End due calls that no trunk takes."""
    return await _end_queued(
        db,
        _UNROUTABLE,
        "'rejected'",
        "no trunk takes this number",
        now,
    )


async def doubt_due(db: Database, _: Scope, now: float) -> int:
    """End queued calls that are due, as failed: a database that was restored does not know whether they were dialled."""
    return await _end_queued(db, "c.due_at <= $1", "'failed'", RESTORED, now)


async def _end_queued(db: Database, which: str, status: str, cause: str, now: float) -> int:
    rows = await db.pool.fetch(
        f"""
        WITH over AS (
            SELECT c.id FROM outbound_calls c WHERE {WAITS} AND {which}
            ORDER BY c.id LIMIT 500 FOR UPDATE SKIP LOCKED
        ), call AS (
            UPDATE outbound_calls c SET status = {status}, cause = $2, ended_at = $1, {ERASED.format(over="true")}
            FROM over WHERE c.id = over.id
            RETURNING c.id, c.account_id, c.result_url, c.status
        ), event AS (
            INSERT INTO outbound_events (outbound_call_id, at, event)
            SELECT id, $1, CASE WHEN status = 'canceled' THEN 'canceled' ELSE 'failed' END FROM call
        ), callback AS (
            INSERT INTO callbacks (account_id, outbound_call_id, url, due_at)
            SELECT account_id, id, result_url, $1 FROM call WHERE result_url <> '' RETURNING id
        )
        SELECT id, (SELECT pg_notify('callwright_callback', '') FROM callback LIMIT 1) FROM call
        """,
        now,
        cause,
    )
    return len(rows)
