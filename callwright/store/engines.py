"""Engines: each leases a server id for its session ids, says every few seconds that it lives, and is cleaned up after.

`bury` is what happens to the work of an engine that was lost. Claims go back to the queue. A call that
may have been dialled ends as failed with the cause `in doubt`, because nobody knows whether a telephone rang; a
call that was connected ends as completed, because it was answered. Neither is dialled again.
"""

from dataclasses import dataclass

from callwright.store.calls import close_lost
from callwright.store.database import Connection, Database
from callwright.store.dialing import Finish, finish
from callwright.store.scope import Scope

IN_DOUBT = "in doubt: the engine was lost while it dialled"
LOST = "the engine was lost"


@dataclass(frozen=True, slots=True)
class EngineLease:
    id: int
    server_ids: tuple[int, ...]
    "First parts of its session ids, 6 digits; never given out twice."

    @property
    def server_id(self) -> int:
        """Its first one: what it is called."""
        return self.server_ids[0]


@dataclass(frozen=True, slots=True)
class SilentEngine:
    """An engine whose lease has run out: it is lost, or only cut off from the database."""

    id: int
    server_id: int
    sip: str
    "host:port; empty where it has none."


async def register(db: Database, _: Scope, *, host: str, sip: str, now: float, server_ids: int) -> EngineLease:
    # A sequence never gives a number twice, also where what took it is rolled back.
    leased = await db.pool.fetch("SELECT nextval('server_ids') AS id FROM generate_series(1, $1::int)", server_ids)
    ids = tuple(row["id"] for row in leased)
    engine_id = await db.pool.fetchval(
        """
        INSERT INTO engines (host, server_id, sip, started_at, heartbeat_at) VALUES ($1, $2, $3, $4, $4) RETURNING id
        """,
        host,
        ids[0],
        sip,
        now,
    )
    return EngineLease(engine_id, ids)


async def heartbeat(db: Database, _: Scope, engine_id: int, now: float, *, dials: bool) -> bool:
    """`dials`: it takes calls of the queue. False: it has been buried and must end, its calls are no longer its own."""
    done = await db.pool.execute(
        "UPDATE engines SET heartbeat_at = $2, dials = $3 WHERE id = $1 AND stopped_at IS NULL", engine_id, now, dials
    )
    return bool(done != "UPDATE 0")


async def stop(db: Database, _: Scope, engine_id: int, now: float) -> None:
    """A clean end: whatever it still holds is cleaned up as after a loss."""
    async with db.transaction() as connection:
        await _bury(connection, _, engine_id, now)


async def silent(db: Database, _: Scope, *, since: float, limit: int) -> list[SilentEngine]:
    """Engines without a heartbeat since then, the longest silent first."""
    rows = await db.pool.fetch(
        """
        SELECT id, server_id, sip FROM engines WHERE stopped_at IS NULL AND heartbeat_at < $1
        ORDER BY heartbeat_at LIMIT $2
        """,
        since,
        limit,
    )
    return [SilentEngine(**row) for row in rows]


async def bury(db: Database, scope: Scope, engine_id: int, *, silent_since: float, now: float) -> bool:
    """Clean up after an engine, unless it has told of itself since then, or somebody else cleans up."""
    async with db.transaction() as connection:
        found = await connection.fetchval(
            """
            SELECT id FROM engines WHERE id = $1 AND stopped_at IS NULL AND heartbeat_at < $2 FOR UPDATE SKIP LOCKED
            """,
            engine_id,
            silent_since,
        )
        if found is not None:
            await _bury(connection, scope, engine_id, now)
    return found is not None


async def _bury(connection: Connection, scope: Scope, engine_id: int, now: float) -> None:
    await connection.execute("UPDATE engines SET stopped_at = $2 WHERE id = $1", engine_id, now)
    # Calls before attempts, in the order of their ids (`dialing`).
    await connection.execute(
        """
        SELECT c.id FROM outbound_calls c JOIN outbound_attempts a ON a.id = c.attempt_id
        WHERE a.engine_id = $1 AND a.state <> 'ended' ORDER BY c.id FOR NO KEY UPDATE OF c
        """,
        engine_id,
    )
    await connection.execute(
        """
        WITH lost AS (
            UPDATE outbound_attempts SET state = 'ended', outcome = 'lost', cause = $2, ended_at = $3
            WHERE engine_id = $1 AND state = 'claimed' RETURNING id
        ), call AS (
            UPDATE outbound_calls c SET attempt_id = NULL FROM lost WHERE c.attempt_id = lost.id RETURNING c.id
        )
        SELECT pg_notify('callwright_due', '') FROM call LIMIT 1
        """,
        engine_id,
        LOST,
        now,
    )
    # Not retried even where attempts are left: a second ring at the same person is worse than none.
    doubtful = await connection.fetch(
        """
        UPDATE outbound_calls c SET max_attempts = greatest(c.attempts, 1) FROM outbound_attempts a
        WHERE a.engine_id = $1 AND a.state IN ('dialing', 'connected') AND c.attempt_id = a.id
        RETURNING a.id, a.state
        """,
        engine_id,
    )
    await finish(
        connection,
        scope,
        [
            Finish(
                row["id"],
                "completed" if row["state"] == "connected" else "failed",
                LOST if row["state"] == "connected" else IN_DOUBT,
                now,
            )
            for row in doubtful
        ],
    )
    await close_lost(connection, scope, engine_id, cause=LOST, now=now)
