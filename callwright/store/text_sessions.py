"""Conversations by text: what has come for them (*turns*), where they stand, and their journals.

A text is kept and queued as a turn in one transaction. Whoever claims a turn holds it under a lease, and while it is there no
later turn of the same pair of numbers can be claimed. What a turn came to is written in the transaction that takes the turn
away, and only by whoever claimed it last: so each text is answered once, whoever died meanwhile.
"""

import json
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from callwright.store.database import Connection, Database
from callwright.store.deployments import ROUTED_VERSION, Route
from callwright.store.scope import Scope, visible
from callwright.store.sms import SmsNumber

What = Literal["text", "stop", "expired", "after"]
"""A text; a word that stops texts; nobody has answered in time; or the session has ended, and the rest of it is to be done (its
post-call web service)."""

CHANNEL = "callwright_text_turn"


@dataclass(frozen=True, slots=True)
class DueTurn:
    """Something that was claimed for a conversation."""

    id: int
    tries: int
    "Which claim of it this is, from 1: whoever has claimed it since knows a higher one."

    number_id: int
    theirs: str
    what: What
    sms_id: int | None
    body: bytes | None
    "Sealed."


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session that waits."""

    id: int
    account_id: int
    user_id: int
    version_id: int
    checkpoint: bytes
    "Sealed."

    entries: int
    started_at: float
    waits_until: float | None
    "None where nobody has answered in time."


@dataclass(frozen=True, slots=True)
class TextSessionRow:
    """A conversation by text, as its owner sees it."""

    id: int
    session_id: uuid.UUID
    ours: str
    theirs: str
    application_id: int
    deployment_id: int
    started_at: float
    turned_at: float
    ended_at: float | None
    outcome: str
    cause: str


async def enqueue(
    connection: Connection,
    _: Scope,
    number: SmsNumber,
    theirs: str,
    what: What,
    now: float,
    *,
    sms_id: int | None = None,
    body: bytes | None = None,
) -> None:
    await connection.execute(
        "INSERT INTO text_turns (number_id, theirs, what, sms_id, body, due_at) VALUES ($1, $2, $3, $4, $5, $6)",
        number.id,
        theirs,
        what,
        sms_id,
        body,
        now,
    )
    await connection.execute(f"SELECT pg_notify('{CHANNEL}', '')")


async def lock_pair(connection: Connection, _: Scope, number_id: int, theirs: str) -> None:
    """Until the end of the transaction nobody else keeps a text of these two."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, $2))", f"text {theirs}", number_id)


async def may_be_private(connection: Connection, _: Scope, number_id: int, theirs: str) -> bool:
    """Whether a text that comes now may answer a private question: it is asked, or may be by what comes before the text."""
    found: bool = await connection.fetchval(
        """
        SELECT EXISTS (SELECT 1 FROM text_sessions s
                       WHERE s.number_id = $1 AND s.theirs = $2 AND s.ended_at IS NULL AND s.private)
            OR EXISTS (SELECT 1 FROM text_turns t WHERE t.number_id = $1 AND t.theirs = $2)
        """,
        number_id,
        theirs,
    )
    return found


async def claim(db: Database, _: Scope, *, limit: int, now: float, lease_s: float) -> list[DueTurn]:
    """Take what is due, the oldest first; nothing of a pair of which something older is still there."""
    rows = await db.pool.fetch(
        """
        WITH due AS (
            SELECT t.id FROM text_turns t
            WHERE t.due_at <= $2 AND NOT EXISTS (
                SELECT 1 FROM text_turns e WHERE e.number_id = t.number_id AND e.theirs = t.theirs AND e.id < t.id
            )
            ORDER BY t.due_at, t.id LIMIT $1 FOR UPDATE SKIP LOCKED
        )
        UPDATE text_turns t SET tries = t.tries + 1, due_at = $2 + $3::float8 FROM due WHERE t.id = due.id
        RETURNING t.id, t.tries, t.number_id, t.theirs, t.what, t.sms_id, t.body
        """,
        limit,
        now,
        lease_s,
    )
    return [DueTurn(**row) for row in sorted(rows, key=lambda row: int(row["id"]))]


async def renew(db: Database, _: Scope, turns: Collection[DueTurn], until: float) -> None:
    """Hold what was claimed for longer."""
    await db.pool.execute(
        """
        UPDATE text_turns t SET due_at = $3 FROM unnest($1::bigint[], $2::int[]) AS mine (id, tries)
        WHERE t.id = mine.id AND t.tries = mine.tries
        """,
        [turn.id for turn in turns],
        [turn.tries for turn in turns],
        until,
    )


async def next_due(db: Database, _: Scope) -> float | None:
    due: float | None = await db.pool.fetchval("SELECT min(due_at) FROM text_turns")
    return due


async def take_away(connection: Connection, _: Scope, turn: DueTurn) -> bool:
    """The turn is done. False where somebody else has claimed it since."""
    done = await connection.execute("DELETE FROM text_turns WHERE id = $1 AND tries = $2", turn.id, turn.tries)
    return bool(done != "DELETE 0")


async def go_on_after(connection: Connection, _: Scope, turn: DueTurn) -> bool:
    """The session has ended, and the rest of it is still to be done under the same claim."""
    done = await connection.execute(
        "UPDATE text_turns SET what = 'after', sms_id = NULL, body = NULL WHERE id = $1 AND tries = $2",
        turn.id,
        turn.tries,
    )
    return bool(done != "UPDATE 0")


async def route(db: Database, _: Scope, number_id: int) -> Route | None:
    """What answers the texts of a number; None where nothing published does."""
    row = await db.pool.fetchrow(
        f"""
        SELECT n.account_id, n.user_id, d.id AS deployment_id, d.application_id, {ROUTED_VERSION} AS version_id,
            n.address AS number, n.is_pci
        FROM numbers n JOIN deployments d ON d.id = n.text_deployment_id JOIN applications p ON p.id = d.application_id
        JOIN accounts a ON a.id = n.account_id JOIN users u ON u.id = n.user_id
        WHERE n.id = $1 AND d.deleted_at IS NULL AND p.deleted_at IS NULL AND a.active AND u.active AND u.deleted_at IS NULL
        """,
        number_id,
    )
    return Route(**row) if row and row["version_id"] is not None else None


async def waiting(db: Database, _: Scope, number_id: int, theirs: str) -> OpenSession | None:
    """The session of these two that has not ended."""
    row = await db.pool.fetchrow(
        """
        SELECT s.id, s.account_id, s.user_id, s.version_id, s.checkpoint, s.entries, s.started_at, s.waits_until
        FROM text_sessions s WHERE s.number_id = $1 AND s.theirs = $2 AND s.ended_at IS NULL
        """,
        number_id,
        theirs,
    )
    return OpenSession(**row) if row else None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a session is after a turn."""

    now: float
    checkpoint: bytes | None
    "Sealed; None: it has ended."

    waits_until: float | None = None
    private: bool = False
    outcome: str = ""
    cause: str = ""


async def begin(
    connection: Connection,
    _: Scope,
    session_id: uuid.UUID,
    route: Route,
    number: SmsNumber,
    theirs: str,
    started_at: float,
    standing: Standing,
) -> int:
    """A new session. Returns its id."""
    made: int = await connection.fetchval(
        """
        INSERT INTO text_sessions (session_id, account_id, user_id, number_id, ours, theirs, application_id, deployment_id,
            version_id, started_at, turned_at, waits_until, ended_at, outcome, cause, private, checkpoint)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, CASE WHEN $16::bytea IS NULL THEN $11::float8 END,
            $13, $14, $15, $16)
        RETURNING id
        """,
        session_id,
        route.account_id,
        route.user_id,
        number.id,
        number.address,
        theirs,
        route.application_id,
        route.deployment_id,
        route.version_id,
        started_at,
        standing.now,
        standing.waits_until,
        standing.outcome,
        standing.cause,
        standing.private,
        standing.checkpoint,
    )
    return made


async def stand(connection: Connection, _: Scope, id: int, standing: Standing) -> None:
    await connection.execute(
        """
        UPDATE text_sessions SET turned_at = $2, waits_until = $3, outcome = $4, cause = $5, private = $6, checkpoint = $7,
            ended_at = CASE WHEN $7::bytea IS NULL THEN $2::float8 END
        WHERE id = $1
        """,
        id,
        standing.now,
        standing.waits_until,
        standing.outcome,
        standing.cause,
        standing.private,
        standing.checkpoint,
    )


async def append(connection: Connection, _: Scope, id: int, entries: Sequence[tuple[float, str]]) -> None:
    """Lengthen the journal by (UNIX seconds, JSON of the entry)."""
    first: int = await connection.fetchval(
        "UPDATE text_sessions SET entries = entries + $2 WHERE id = $1 RETURNING entries - $2", id, len(entries)
    )
    await connection.executemany(
        "INSERT INTO text_events (text_session_id, seq, at, body) VALUES ($1, $2, $3, $4)",
        [(id, first + at, when, body) for at, (when, body) in enumerate(entries)],
    )


async def show(connection: Connection, _: Scope, sms_id: int, body: str) -> None:
    """A text was no private answer, and may be read."""
    await connection.execute("UPDATE sms_messages SET body = $2 WHERE id = $1", sms_id, body)


async def expire(db: Database, _: Scope, *, limit: int, now: float) -> int:
    """Have those ended whose answer has not come in time. How many."""
    done: int = await db.pool.fetchval(
        f"""
        WITH late AS (
            SELECT s.id FROM text_sessions s WHERE s.waits_until <= $1 ORDER BY s.waits_until LIMIT $2 FOR UPDATE SKIP LOCKED
        ), told AS (
            UPDATE text_sessions s SET waits_until = NULL FROM late WHERE s.id = late.id RETURNING s.number_id, s.theirs
        ), made AS (
            INSERT INTO text_turns (number_id, theirs, what, due_at) SELECT number_id, theirs, 'expired', $1 FROM told RETURNING 1
        )
        SELECT count(*) FROM (SELECT pg_notify('{CHANNEL}', '') FROM made) AS notified
        """,
        now,
        limit,
    )
    return done


_OUTLIVED = """
    SELECT s.id FROM text_sessions s JOIN accounts a ON a.id = s.account_id CROSS JOIN retention r
    WHERE s.ended_at < $1::float8 - least(r.details_days, a.details_days, a.calls_days) * 86400.0
"""


async def delete_outlived(db: Database, _: Scope, *, limit: int, now: float) -> int:
    """Sessions are kept as long after their end as the detailed logs of calls. How many went, with their journals."""
    done: str = await db.pool.execute(
        f"DELETE FROM text_sessions WHERE id IN ({_OUTLIVED} ORDER BY s.ended_at LIMIT $2)", now, limit
    )
    return int(done.removeprefix("DELETE "))


# -- what their owners read ------------------------------------------------------------------------

_SHOWN = """
    SELECT s.id, s.session_id, s.ours, s.theirs, s.application_id, s.deployment_id, s.started_at, s.turned_at, s.ended_at,
        s.outcome, s.cause
    FROM text_sessions s
"""


async def listed(
    db: Database, scope: Scope, *, since: float, before: int, limit: int, theirs: str
) -> list[TextSessionRow]:
    """Newest first, with ids below `before`; none that ended before `since`."""
    mine, who = visible(scope, 1, "s")
    rows = await db.pool.fetch(
        f"""
        {_SHOWN} WHERE {mine} AND s.id < $2 AND (s.ended_at IS NULL OR s.ended_at >= $3) AND ($5 = '' OR s.theirs = $5)
        ORDER BY s.id DESC LIMIT $4
        """,
        who,
        before,
        since,
        limit,
        theirs,
    )
    return [TextSessionRow(**row) for row in rows]


async def get(db: Database, scope: Scope, session_id: uuid.UUID, *, since: float) -> TextSessionRow | None:
    mine, who = visible(scope, 1, "s")
    row = await db.pool.fetchrow(
        f"{_SHOWN} WHERE {mine} AND s.session_id = $2 AND (s.ended_at IS NULL OR s.ended_at >= $3)",
        who,
        session_id,
        since,
    )
    return TextSessionRow(**row) if row else None


async def events(db: Database, scope: Scope, session_id: uuid.UUID) -> list[tuple[float, Mapping[str, Any]]]:
    """The journal: (UNIX seconds, the entry as parsed JSON)."""
    mine, who = visible(scope, 1, "s")
    rows = await db.pool.fetch(
        f"""
        SELECT e.at, e.body FROM text_events e JOIN text_sessions s ON s.id = e.text_session_id
        WHERE {mine} AND s.session_id = $2 ORDER BY e.seq
        """,
        who,
        session_id,
    )
    return [(row["at"], json.loads(row["body"])) for row in rows]
