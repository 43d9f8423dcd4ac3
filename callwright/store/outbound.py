"""The outbound queue, as clients see it: queue, cancel, status."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from callwright.base.phone_numbers import PhoneNumber
from callwright.base.values import Value
from callwright.store.database import Connection, Database
from callwright.store.deployments import DeploymentRow
from callwright.store.dialing import ERASED, SOON_S
from callwright.store.scope import Scope, visible
from callwright.store.trunks import TRUNK_FOR

CANCEL_BATCH = 2_000
"A fifth of a second."

EVENTS_MAX = 100
"Events shown of one call: ten attempts make thirty."


@dataclass(frozen=True, slots=True)
class NewCall:
    """A call to be queued, already checked."""

    number: PhoneNumber
    metadata: Mapping[str, Value]
    start_at: float | None = None
    end_at: float | None = None
    max_attempts: int = 1
    reattempt_wait_s: int = 300
    result_url: str = ""
    is_pci: bool = False
    message_reference: str = ""
    call_parameters: str = ""
    "These two are told to the document that it runs."

    phone_id: int | None = None
    "The telephone that it is for, where its number names one."

    sip_headers: Mapping[str, str] = field(default_factory=dict)
    "That its INVITE has (`sip.custom_headers`)."


@dataclass(frozen=True, slots=True)
class Document:
    """What calls run that have no deployment: whatever `url` answers when they connect."""

    url: str
    campaign_id: int


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One attempt at a call, since its INVITE was sent."""

    dialed_at: float
    connected_at: float | None
    ended_at: float | None
    outcome: str
    sip_status: int | None
    cause: str
    sip_call_id: str


@dataclass(frozen=True, slots=True)
class OutboundRow:
    """One outbound call and where it stands."""

    id: int
    account_id: int
    user_id: int
    phone_number: str
    status: str
    cause: str
    "Why it ended as it did; our own, never in a Plum reply."

    attempts: int
    max_attempts: int
    reattempt_wait_s: int
    queued_at: float
    start_at: float | None
    end_at: float | None
    connected_at: float | None
    ended_at: float | None
    events: tuple[tuple[str, float], ...]
    "(event, UNIX seconds), oldest first."

    callee_type: str
    "Who has answered, once the call is over; empty where nobody did."

    start_url: str
    "The document that it runs; empty for a deployment's application."

    message_reference: str
    result_url_json: bool
    "The account wants result_url posts as JSON."


_QUEUE = f"""
    WITH given AS MATERIALIZED (
        -- A function scan keeps the order of its arrays, so the ids are in the order of the calls.
        SELECT nextval('outbound_calls_id_seq') AS id, g.* FROM unnest(
            $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::int[], $12::int[], $13::text[], $14::bool[],
            $15::float8[], $16::float8[], $17::text[], $18::text[], $21::bigint[],
            $22::text[]
        ) AS g (phone_number, dialled, ani, postd, metadata, max_attempts, reattempt_wait_s, result_url, is_pci, start_at, end_at,
            message_reference, call_parameters, phone_id, sip_headers)
    ), queued AS (
        INSERT INTO outbound_calls (id, account_id, user_id, application_id, deployment_id, trunk_id, phone_number, dialled,
            ani, postd, max_attempts, reattempt_wait_s, metadata, result_url, is_pci, queued_at, due_at, start_at, end_at,
            message_reference, call_parameters, start_url, campaign_id, phone_id, sip_headers)
        SELECT g.id, $1, $2, $3, $4, {TRUNK_FOR.format(account="$1", number="g.dialled")}, g.phone_number, g.dialled,
            g.ani, g.postd, g.max_attempts, g.reattempt_wait_s, g.metadata::json, g.result_url, g.is_pci, $5::float8,
            greatest($5::float8, coalesce(g.start_at, 0)), g.start_at, g.end_at,
            g.message_reference, g.call_parameters, $19, $20, g.phone_id, g.sip_headers::json
        FROM given g
    ), event AS (
        INSERT INTO outbound_events (outbound_call_id, at, event) SELECT id, $5::float8, 'queued' FROM given ORDER BY id
    ), woken AS (
        SELECT pg_notify('callwright_due', '') FROM given WHERE coalesce(start_at, 0) <= $5::float8 + {SOON_S} LIMIT 1
    )
    SELECT id, (SELECT count(*) FROM woken) AS woken FROM given ORDER BY id
"""


async def insert(
    on: Database | Connection, scope: Scope, runs: DeploymentRow | Document, calls: Sequence[NewCall], now: float
) -> list[int]:
    """Queue these calls, all or none. Their ids, in the order of the calls, which is that of the ids too.

    `on` a connection they are part of its transaction.
    """
    rows = await (on.pool if isinstance(on, Database) else on).fetch(
        _QUEUE,
        scope.account_id,
        scope.user_id,
        runs.application_id if isinstance(runs, DeploymentRow) else None,
        runs.id if isinstance(runs, DeploymentRow) else None,
        now,
        [call.number.given for call in calls],
        [call.number.dialled for call in calls],
        [call.number.ani for call in calls],
        [call.number.postd for call in calls],
        [json.dumps(call.metadata) for call in calls],
        [call.max_attempts for call in calls],
        [call.reattempt_wait_s for call in calls],
        [call.result_url for call in calls],
        [call.is_pci for call in calls],
        [call.start_at for call in calls],
        [call.end_at for call in calls],
        [call.message_reference for call in calls],
        [call.call_parameters for call in calls],
        runs.url if isinstance(runs, Document) else "",
        runs.campaign_id if isinstance(runs, Document) else None,
        [call.phone_id for call in calls],
        [json.dumps(dict(call.sip_headers)) if call.sip_headers else "{}" for call in calls],
    )
    return [row["id"] for row in rows]


async def cancel_pending(
    db: Database, scope: Scope, what: Literal["deployment_id", "campaign_id"], id: int, now: float
) -> int:
    """Cancel what is queued of a deployment or a campaign, claimed or not: a claim that has not dialled finds its call
    gone (`dialing.start`).

    A batch in each transaction, so that no engine waits long for a call that it has claimed. What is queued meanwhile
    is left alone, else it might never end.
    """
    mine, who = visible(scope, 1, "c")
    last = await db.pool.fetchval(
        f"SELECT max(c.id) FROM outbound_calls c WHERE {mine} AND c.{what} = $2 AND c.status = 'queued'", who, id
    )
    canceled, batch = 0, CANCEL_BATCH
    while last is not None and batch == CANCEL_BATCH:
        batch = await _cancel_batch(db, scope, what, id, last, now)
        canceled += batch
    return canceled


async def _cancel_batch(
    db: Database, scope: Scope, what: Literal["deployment_id", "campaign_id"], id: int, last: int, now: float
) -> int:
    mine, who = visible(scope, 1, "c")
    rows = await db.pool.fetch(
        f"""
        WITH locked AS (
            SELECT c.id FROM outbound_calls c WHERE {mine} AND c.{what} = $2 AND c.status = 'queued' AND c.id <= $4
            ORDER BY c.id LIMIT {CANCEL_BATCH} FOR NO KEY UPDATE
        ), canceled AS (
            UPDATE outbound_calls c SET status = 'canceled', cause = 'canceled by the client', ended_at = $3,
                {ERASED.format(over="true")}
            -- Not a join: where few were queued when the planner last looked, it would compare each with all.
            WHERE c.id = ANY(ARRAY(SELECT id FROM locked)) RETURNING c.id, c.account_id, c.result_url
        ), event AS (
            INSERT INTO outbound_events (outbound_call_id, at, event) SELECT id, $3, 'canceled' FROM canceled
        ), callback AS (
            INSERT INTO callbacks (account_id, outbound_call_id, url, due_at)
            SELECT account_id, id, result_url, $3 FROM canceled WHERE result_url <> '' RETURNING id
        )
        SELECT id, (SELECT pg_notify('callwright_callback', '') FROM callback LIMIT 1) FROM canceled
        """,
        who,
        id,
        now,
        last,
    )
    return len(rows)


async def get(db: Database, scope: Scope, call_id: int) -> OutboundRow | None:
    mine, who = visible(scope, 1, "c")
    row = await db.pool.fetchrow(
        f"""
        SELECT c.id, c.account_id, c.user_id, c.phone_number, c.status, c.cause, c.attempts, c.max_attempts, c.reattempt_wait_s,
               c.queued_at, c.start_at, c.end_at, c.connected_at, c.ended_at,
               c.callee_type, c.start_url, c.message_reference, a.result_url_json,
               (SELECT json_agg(json_build_array(e.event, e.at) ORDER BY e.id) FROM
                (SELECT * FROM outbound_events WHERE outbound_call_id = c.id ORDER BY id LIMIT {EVENTS_MAX}) e) AS events
        FROM outbound_calls c JOIN accounts a ON a.id = c.account_id WHERE {mine} AND c.id = $2
        """,
        who,
        call_id,
    )
    if row is None:
        return None
    events = tuple((event, at) for event, at in json.loads(row["events"] or "[]"))
    return OutboundRow(**{**row, "events": events})


async def attempts(db: Database, scope: Scope, call_id: int) -> list[AttemptRow]:
    """What was dialled for one call, oldest first."""
    mine, who = visible(scope, 1, "c")
    rows = await db.pool.fetch(
        f"""
        SELECT t.dialed_at, t.connected_at, t.ended_at, t.outcome, t.sip_status, t.cause, t.sip_call_id
        FROM outbound_attempts t JOIN outbound_calls c ON c.id = t.outbound_call_id
        WHERE {mine} AND c.id = $2 AND t.dialed_at IS NOT NULL ORDER BY t.id LIMIT {EVENTS_MAX}
        """,
        who,
        call_id,
    )
    return [AttemptRow(**row) for row in rows]


async def listed(db: Database, scope: Scope, *, before: int, limit: int) -> list[int]:
    """Ids of outbound calls, newest first, below `before`."""
    mine, who = visible(scope, 1, "c")
    rows = await db.pool.fetch(
        f"SELECT c.id FROM outbound_calls c WHERE {mine} AND c.id < $2 ORDER BY c.id DESC LIMIT $3", who, before, limit
    )
    return [row["id"] for row in rows]


async def metadata(db: Database, scope: Scope, call_id: int) -> dict[str, Value]:
    """The variables that a call was queued with; none of a call in the secure environment."""
    mine, who = visible(scope, 1, "o")
    text = await db.pool.fetchval(
        f"SELECT o.metadata FROM outbound_calls o WHERE {mine} AND o.id = $2 AND NOT o.is_pci", who, call_id
    )
    found: dict[str, Value] = json.loads(text) if text else {}
    return found
