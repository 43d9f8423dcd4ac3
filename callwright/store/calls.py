"""Calls and their journals. The engine writes them in batches; clients read them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from callwright.store.database import Connection, Database
from callwright.store.scope import Scope, visible

EVENTS_MAX = 20_000
"Entries of one journal that are read at once."


@dataclass(frozen=True, slots=True)
class OpenedCall:
    """A call that has begun."""

    id: int
    account_id: int
    user_id: int
    application_id: int
    deployment_id: int
    version_id: int
    outbound_call_id: int | None
    engine_id: int
    session_id: str
    sip_call_id: str
    direction: str
    src: str
    dest: str
    started_at: float


@dataclass(frozen=True, slots=True)
class ClosedCall:
    """How a call ended."""

    id: int
    ended_at: float
    outcome: str
    cause: str
    recording: str
    "Path below the recordings directory; empty where nothing was recorded."


@dataclass(frozen=True, slots=True)
class CallRow:
    """One call, as lists show it."""

    id: int
    session_id: str
    direction: str
    src: str
    dest: str
    started_at: float
    ended_at: float | None
    outcome: str
    cause: str
    recording: str
    outbound_call_id: int | None
    application_id: int


_COLUMNS = """
    c.id, c.session_id, c.direction, c.src, c.dest, c.started_at, c.ended_at, c.outcome, c.cause, c.recording,
    c.outbound_call_id, c.application_id
"""
_OPENED = tuple(OpenedCall.__dataclass_fields__)


async def reserve_ids(db: Database, _: Scope, count: int) -> list[int]:
    """Ids for calls to come, so that beginning a call needs no round trip."""
    rows = await db.pool.fetch(
        "SELECT nextval(pg_get_serial_sequence('calls', 'id')) AS id FROM generate_series(1, $1::int)", count
    )
    return [row["id"] for row in rows]


async def insert(connection: Connection, _: Scope, opened: Sequence[OpenedCall]) -> None:
    await connection.copy_records_to_table(
        "calls", records=[tuple(getattr(call, name) for name in _OPENED) for call in opened], columns=_OPENED
    )


async def append_events(connection: Connection, _: Scope, events: Sequence[tuple[int, int, float, str]]) -> None:
    """(call id, sequence number, UNIX seconds, JSON of the entry)."""
    await connection.copy_records_to_table("call_events", records=events, columns=("call_id", "seq", "at", "body"))


async def is_there(db: Database, _: Scope, *, call_id: int, seq: int | None) -> bool:
    """Whether this call has been inserted or, with `seq`, this event of it appended."""
    found: bool = await db.pool.fetchval(
        """
        SELECT CASE WHEN $2::int IS NULL THEN EXISTS (SELECT 1 FROM calls WHERE id = $1)
                    ELSE EXISTS (SELECT 1 FROM call_events WHERE call_id = $1 AND seq = $2) END
        """,
        call_id,
        seq,
    )
    return found


async def close(connection: Connection, _: Scope, closed: Sequence[ClosedCall]) -> None:
    await connection.execute(
        """
        UPDATE calls c SET ended_at = g.ended_at, outcome = g.outcome, cause = g.cause, recording = g.recording
        FROM unnest($1::bigint[], $2::float8[], $3::text[], $4::text[], $5::text[]) AS g (id, ended_at, outcome, cause, recording)
        WHERE c.id = g.id
        """,
        [call.id for call in closed],
        [call.ended_at for call in closed],
        [call.outcome for call in closed],
        [call.cause for call in closed],
        [call.recording for call in closed],
    )


async def listed(
    db: Database, scope: Scope, *, start: float, end: float, number: str, limit: int, offset: int
) -> tuple[list[CallRow], int]:
    """Ended calls that began in [start, end), newest first, and how many there are in all. `number`: one deployment's
    number; empty for all."""
    mine, who = visible(scope, 1, "c")
    condition = f"""
        {mine} AND c.started_at >= $2 AND c.started_at < $3 AND c.ended_at IS NOT NULL
        AND ($4 = '' OR c.dest = $4 OR EXISTS (
            SELECT 1 FROM numbers n WHERE n.deployment_id = c.deployment_id AND n.address = $4 AND n.account_id = c.account_id))
    """
    rows = await db.pool.fetch(
        f"SELECT {_COLUMNS} FROM calls c WHERE {condition} ORDER BY c.started_at DESC, c.id DESC LIMIT $5 OFFSET $6",
        who,
        start,
        end,
        number,
        limit,
        offset,
    )
    if offset == 0 and len(rows) < limit:
        return [CallRow(**row) for row in rows], len(rows)
    total: int = await db.pool.fetchval(f"SELECT count(*) FROM calls c WHERE {condition}", who, start, end, number)
    return [CallRow(**row) for row in rows], total


async def get(db: Database, scope: Scope, session_id: str) -> CallRow | None:
    mine, who = visible(scope, 1, "c")
    row = await db.pool.fetchrow(f"SELECT {_COLUMNS} FROM calls c WHERE {mine} AND c.session_id = $2", who, session_id)
    return CallRow(**row) if row else None


async def of_outbound(db: Database, scope: Scope, outbound_call_id: int) -> list[CallRow]:
    """The calls that an outbound call led to, one for each attempt that was answered."""
    mine, who = visible(scope, 1, "c")
    rows = await db.pool.fetch(
        f"SELECT {_COLUMNS} FROM calls c WHERE {mine} AND c.outbound_call_id = $2 ORDER BY c.id LIMIT 20",
        who,
        outbound_call_id,
    )
    return [CallRow(**row) for row in rows]


async def events(db: Database, scope: Scope, session_id: str) -> list[tuple[float, dict[str, Any]]]:
    """The journal of a call: (UNIX seconds, entry), oldest first."""
    mine, who = visible(scope, 1, "c")
    rows = await db.pool.fetch(
        f"""
        SELECT e.at, e.body FROM calls c JOIN call_events e ON e.call_id = c.id
        WHERE {mine} AND c.session_id = $2 ORDER BY e.seq LIMIT {EVENTS_MAX}
        """,
        who,
        session_id,
    )
    return [(row["at"], json.loads(row["body"])) for row in rows]
