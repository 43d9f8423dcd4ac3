"""Calls and their journals. The engine writes them in batches; clients read them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from callwright.store import call_counts
from callwright.store.call_counts import ADD
from callwright.store.database import Connection, Database
from callwright.store.retention import Kept
from callwright.store.scope import Scope, visible

EVENTS_MAX = 20_000
"Entries of one journal that are read at once."


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list of calls or errors."""

    start: int
    "UNIX seconds, inclusive."

    end: int
    "Exclusive."

    number: str = ""
    "Only of this number of the owner's; empty: of all."

    limit: int = 1000
    offset: int = 0


@dataclass(frozen=True, slots=True)
class OpenedCall:
    """A call that has begun."""

    id: int
    account_id: int
    user_id: int
    application_id: int | None
    deployment_id: int | None
    version_id: int | None
    "All three None for a call that runs a document."

    outbound_call_id: int | None
    engine_id: int
    session_id: str
    sip_call_id: str
    direction: str
    src: str
    dest: str
    started_at: float
    number: str = ""
    "The owner's number that it belongs to; empty where there is none."

    is_pci: bool = False
    "It ran in the secure environment: this row is all that is kept."


@dataclass(frozen=True, slots=True)
class CallError:
    """Something that went wrong in a call, for the log that is kept longer than its journal."""

    call_id: int
    seq: int
    "Of its entry in the journal."

    at: float
    account_id: int
    user_id: int
    session_id: str
    direction: str
    src: str
    dest: str
    number: str
    message: str


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
    application_id: int | None
    has_log: bool
    "Its detailed log can still be read."

    is_pci: bool = False


_COLUMNS = """
    c.id, c.session_id, c.direction, c.src, c.dest, c.started_at, c.ended_at, c.outcome, c.cause, c.recording,
    c.outbound_call_id, c.application_id, c.is_pci
"""
_OPENED = tuple(OpenedCall.__dataclass_fields__)
_ERROR = tuple(CallError.__dataclass_fields__)

CALL_S_MAX = 2 * 86400.0
"No call lasts so long: bounds the partitions in which a call is looked for that ends now."


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


async def append_errors(connection: Connection, _: Scope, errors: Sequence[CallError]) -> None:
    await connection.copy_records_to_table(
        "call_errors", records=[tuple(getattr(error, name) for name in _ERROR) for error in errors], columns=_ERROR
    )


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
    """End calls and count them. One that has ended already stays as it is."""
    await connection.execute(
        f"""
        WITH given AS (
            SELECT * FROM unnest($1::bigint[], $2::float8[], $3::text[], $4::text[], $5::text[])
                AS g (id, ended_at, outcome, cause, recording)
        ), done AS (
            UPDATE calls c SET ended_at = g.ended_at, outcome = g.outcome, cause = g.cause, recording = g.recording
            FROM given g WHERE c.id = g.id AND c.ended_at IS NULL AND c.started_at > $6
            RETURNING c.user_id, c.account_id, c.number, c.started_at
        ) {ADD.format(sign="")}
        """,
        [call.id for call in closed],
        [call.ended_at for call in closed],
        [call.outcome for call in closed],
        [call.cause for call in closed],
        [call.recording for call in closed],
        min(call.ended_at for call in closed) - CALL_S_MAX,
    )


async def close_lost(connection: Connection, _: Scope, engine_id: int, *, cause: str, now: float) -> None:
    """End and count the calls that a lost engine left open."""
    await connection.execute(
        f"""
        WITH done AS (
            UPDATE calls c SET ended_at = $2, outcome = 'lost', cause = $3 WHERE engine_id = $1 AND ended_at IS NULL
            RETURNING c.user_id, c.account_id, c.number, c.started_at
        ) {ADD.format(sign="")}
        """,
        engine_id,
        now,
        cause,
    )


async def set_lost_recordings(db: Database, _: Scope, recordings: Mapping[str, str], since: float) -> list[str]:
    """Say where the recordings of these sessions lie, of those that ended with their engine. The paths that hold from now on."""
    rows = await db.pool.fetch(
        """
        UPDATE calls c SET recording = g.recording FROM unnest($1::text[], $2::text[]) AS g (session_id, recording)
        WHERE c.session_id = g.session_id AND c.outcome = 'lost' AND c.started_at > $3 AND c.recording IN ('', g.recording)
          AND c.account_id = split_part(g.recording, '/', 1)::bigint
        RETURNING c.recording
        """,
        list(recordings),
        list(recordings.values()),
        since,
    )
    return [row["recording"] for row in rows]


async def listed(db: Database, scope: Scope, asked: Page, kept: Kept) -> tuple[list[CallRow], int]:
    """Ended calls, newest first, and how many there are in all. Both are of one moment."""
    mine, who = visible(scope, 1, "c")
    start = max(asked.start, kept.calls_since)
    async with db.snapshot() as connection:
        place = await call_counts.locate(connection, scope, start, asked.end, asked.number, asked.offset, asked.limit)
        rows = []
        if asked.offset < place.total:
            rows = await connection.fetch(
                f"""
                SELECT {_COLUMNS} FROM calls c
                WHERE {mine} AND c.started_at >= $2 AND c.started_at < $3 AND c.ended_at IS NOT NULL
                  {"AND c.number = $6" if asked.number else ""}
                ORDER BY c.started_at DESC, c.id DESC LIMIT $4 OFFSET $5
                """,
                *(who, place.low, place.high, asked.limit, place.skip),
                *((asked.number,) if asked.number else ()),
            )
    return [_call(row, kept) for row in rows], place.total


async def errors(db: Database, scope: Scope, asked: Page, kept: Kept) -> tuple[list[CallError], int]:
    """What went wrong, newest first, and how much there is in all."""
    mine, who = visible(scope, 1, "e")
    condition = f"{mine} AND e.at >= $2 AND e.at < $3 AND ($4 = '' OR e.number = $4)"
    given = (who, float(max(asked.start, kept.calls_since)), float(asked.end), asked.number)
    async with db.snapshot() as connection:
        total = await connection.fetchval(f"SELECT count(*) FROM call_errors e WHERE {condition}", *given)
        rows = await connection.fetch(
            f"""
            SELECT {", ".join(_ERROR)} FROM call_errors e WHERE {condition}
            ORDER BY e.at DESC, e.call_id DESC, e.seq DESC LIMIT $5 OFFSET $6
            """,
            *given,
            asked.limit,
            asked.offset,
        )
    return [CallError(**row) for row in rows], total


async def get(db: Database, scope: Scope, kept: Kept, *, session_id: str = "", call_id: int = 0) -> CallRow | None:
    """By its session id or its own."""
    mine, who = visible(scope, 1, "c")
    row = await db.pool.fetchrow(
        f"SELECT {_COLUMNS} FROM calls c WHERE {mine} AND c.started_at >= $2 AND c.{'id' if call_id else 'session_id'} = $3",
        who,
        float(kept.calls_since),
        call_id or session_id,
    )
    return _call(row, kept) if row else None


async def of_outbound(db: Database, scope: Scope, outbound_call_id: int, kept: Kept) -> list[CallRow]:
    """The calls that an outbound call led to, one for each attempt that was answered."""
    mine, who = visible(scope, 1, "c")
    rows = await db.pool.fetch(
        f"""
        SELECT {_COLUMNS} FROM calls c WHERE {mine} AND c.started_at >= $2 AND c.outbound_call_id = $3
        ORDER BY c.id LIMIT 20
        """,
        who,
        float(kept.calls_since),
        outbound_call_id,
    )
    return [_call(row, kept) for row in rows]


async def events(db: Database, scope: Scope, call_id: int) -> list[tuple[float, dict[str, Any]]]:
    """The journal of a call: (UNIX seconds, entry), oldest first."""
    mine, who = visible(scope, 1, "c")
    rows = await db.pool.fetch(
        f"""
        SELECT e.at, e.body FROM calls c JOIN call_events e ON e.call_id = c.id
        WHERE {mine} AND c.id = $2 ORDER BY e.seq LIMIT {EVENTS_MAX}
        """,
        who,
        call_id,
    )
    return [(row["at"], json.loads(row["body"])) for row in rows]


async def journals(
    db: Database, scope: Scope, call_ids: Sequence[int], since: float
) -> list[list[tuple[float, dict[str, Any]]]]:
    """The journals of these calls, which began at `since` or later: of as many of the first ones as `EVENTS_MAX` entries
    hold, and of one at least."""
    mine, who = visible(scope, 1, "c")
    rows = await db.pool.fetch(
        f"""
        SELECT o.place, e.at, e.body
        FROM unnest($2::bigint[]) WITH ORDINALITY AS o (id, place)
        JOIN calls c ON c.id = o.id AND c.started_at >= $3
        JOIN call_events e ON e.call_id = c.id AND e.at >= $3 - {CALL_S_MAX}
        WHERE {mine} ORDER BY o.place, e.seq LIMIT {EVENTS_MAX + 1}
        """,
        who,
        call_ids,
        since,
    )
    is_cut = len(rows) > EVENTS_MAX
    whole = max(1, rows[-1]["place"] - 1) if is_cut else len(call_ids)
    found: list[list[tuple[float, dict[str, Any]]]] = [[] for _ in range(whole)]
    for row in rows[:EVENTS_MAX]:
        if row["place"] <= whole:
            found[row["place"] - 1].append((row["at"], json.loads(row["body"])))
    return found


def _call(row: Any, kept: Kept) -> CallRow:
    return CallRow(**row, has_log=not row["is_pci"] and row["started_at"] >= kept.details_since)
