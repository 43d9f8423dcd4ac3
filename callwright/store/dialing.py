"""The outbound queue, as engines see it: claim, dial, connect, finish, and what is left by an engine that died.

A call that is due is *claimed* by one engine: an attempt row is made, the call keeps the status `queued` and a
client can still cancel it. `start` turns the claim into `dialing`, but only if nobody cancelled meanwhile, and
stores the SIP Call-ID, so that from then on an INVITE may be on the wire. What an engine had claimed when it
died is queued again; what it may have dialled never is.

Trunks are locked in the order of their ids, so that engines that claim at the same time queue up behind each
other instead of deadlocking, and channels and rates hold however many engines there are. After trunks come calls,
in the order of their ids too (`LOCKED`), then what belongs to a call: whatever changes several rows keeps to that.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from callwright.base.values import Value
from callwright.sip.address import Transport
from callwright.sip.caller_id import CallerPolicy
from callwright.store.database import Connection, Database
from callwright.store.deployments import ROUTED_VERSION
from callwright.store.scope import Scope

BATCH = 20
"Calls claimed in one transaction: one at a time costs ten times as much for each (measured), many hold locks long."

TRUNKS_MAX = 200
"Trunks looked at in one claim."

TELEPHONES_LOOKED_AT = 1_000
"Due calls to telephones that are looked at in one claim."

LOCKED = """
    given AS (SELECT * FROM unnest({columns})
    ), locked AS (
        SELECT c.id, c.attempt_id FROM outbound_calls c
        WHERE c.attempt_id IN (SELECT attempt_id FROM given) ORDER BY c.id FOR NO KEY UPDATE
    )"""
"The calls of given attempts, locked in the order of their ids before anything is changed."

ERASED = """
    metadata = CASE WHEN c.is_pci AND {over} THEN '{{}}'::json ELSE c.metadata END,
    sip_headers = CASE WHEN c.is_pci AND {over} THEN '{{}}'::json ELSE c.sip_headers END,
    postd = CASE WHEN c.is_pci AND {over} THEN '' ELSE c.postd END,
    phone_number = CASE WHEN c.is_pci AND {over} THEN regexp_replace(c.phone_number, ';postd=[^;]*', '')
                        ELSE c.phone_number END
"""
"What an UPDATE does to a call of the secure environment that is `over`: what it was queued with is gone."

WAITS = "c.status = 'queued' AND c.attempt_id IS NULL"
"Of a call in the queue that no engine has claimed."

_FOR_TELEPHONE = f"c.trunk_id IS NULL AND {WAITS} AND starts_with(c.dialled, 'sip:')"
"Of one that a telephone of its account is to take."

SOON_S = 5.0
"What is queued for later than that wakes no dialer: each looks at least so often when something comes due."

_OVER = "(g.ending IN ('completed', 'rejected') OR c.attempts >= c.max_attempts)"

Ending = Literal["completed", "no_answer", "busy", "unreachable", "congestion", "rejected", "failed"]
"""How an attempt ended. After `completed` and `rejected` there is no other; `unreachable`: the peer never answered SIP;
`congestion`: it, or a network behind it, had no room; `failed`: anything else."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A call that this engine is to dial now."""

    attempt_id: int
    outbound_call_id: int
    account_id: int
    user_id: int
    deployment_id: int | None
    application_id: int | None
    version_id: int | None
    "None: nothing is published there (any more), or the call runs a document."

    start_url: str
    "The document that it runs; empty where it runs a deployment's application."

    start_url_get: bool
    "Fetched by GET and not by POST."

    message_reference: str
    call_parameters: str
    campaign_parameters: str
    is_pci: bool
    phone_number: str
    phone_id: int | None
    "The telephone that it is for; None where a trunk takes it, or the telephone has gone."

    dialled: str
    "Digits, or `sip:NAME@callwright`, a telephone of the account, which has nothing of a trunk."

    ani: str
    postd: str
    metadata: dict[str, Value]
    sip_headers: dict[str, str]
    "That the INVITE has."

    number: str
    "The first of those that lead to its deployment; empty where there is none."

    trunk_host: str
    trunk_port: int
    trunk_transport: Transport
    trunk_srtp: bool
    trunk_codecs: Sequence[str]
    trunk_certificate_authority: str
    trunk_username: str
    trunk_sealed_password: bytes | None
    caller_id: str
    policy: CallerPolicy
    "What the trunk is told of who calls."


@dataclass(frozen=True, slots=True)
class Finish:
    """How an attempt ended."""

    attempt_id: int
    ending: Ending
    cause: str
    at: float
    sip_status: int | None = None
    "That the peer refused it with; None where it was answered, or nothing came back."

    callee_type: str = ""
    "Who answered; empty where nobody did."


async def next_due(db: Database, _: Scope, until: float) -> float | None:
    """When the next call comes due, or came, at a trunk or a telephone; None where none does until then.

    The bound is one of the statement's parameters: one that has none keeps the plan of an empty queue for ever.
    """
    due: float | None = await db.pool.fetchval(
        f"""
        SELECT least(
            (SELECT min(first.due_at) FROM trunks t CROSS JOIN LATERAL (
                SELECT c.due_at FROM outbound_calls c WHERE c.trunk_id = t.id AND {WAITS} AND c.due_at <= $1
                ORDER BY c.due_at, c.id LIMIT 1
            ) first WHERE t.enabled),
            (SELECT min(c.due_at) FROM outbound_calls c WHERE {_FOR_TELEPHONE} AND c.due_at <= $1)
        )
        """,
        until,
    )
    return due


async def claim(db: Database, _: Scope, *, engine_id: int, free: int, now: float, silent_since: float) -> list[Claim]:
    """Take at most `free` due calls (and at most `BATCH`), as far as the trunks' channels and rates allow.

    `silent_since`: an engine that has not told of itself since then does not dial.
    """
    limit = min(free, BATCH)
    if limit <= 0:
        return []
    async with db.transaction() as connection:
        due = await _due_trunks(connection, now)
        # First, and at most half: a trunk's long queue would leave them nothing where channels are short.
        claims = await _take_telephones(connection, engine_id, limit - limit // 2, now, silent_since)
        for trunk in due:
            tokens = min(
                max(trunk["calls_per_second"], 1.0),
                trunk["tokens"] + (now - trunk["tokens_at"]) * trunk["calls_per_second"],
            )
            allowed = min(limit - len(claims), trunk["channels"] - trunk["busy"], int(tokens))
            if allowed <= 0:
                continue
            taken = await _take(connection, trunk, engine_id, allowed, now)
            await connection.execute(
                "UPDATE trunks SET tokens = $2, tokens_at = $3 WHERE id = $1", trunk["id"], tokens - len(taken), now
            )
            claims += taken
            if len(claims) >= limit:
                break
    return claims


async def _due_trunks(connection: Connection, now: float) -> list[Any]:
    rows: list[Any] = await connection.fetch(
        f"""
        SELECT t.id, t.host, t.port, t.channels, t.calls_per_second, t.caller_id, t.username, t.sealed_password, t.transport,
            t.from_user, t.asserts_identity, t.remote_party_id, t.withholds_caller, t.srtp, t.codecs, t.certificate_authority,
            t.tokens, t.tokens_at
        FROM trunks t
        WHERE t.enabled AND EXISTS (SELECT 1 FROM outbound_calls c WHERE c.trunk_id = t.id AND {WAITS} AND c.due_at <= $1)
        ORDER BY t.id LIMIT {TRUNKS_MAX} FOR NO KEY UPDATE
        """,
        now,
    )
    if not rows:
        return []
    busy = await connection.fetch(
        """
        SELECT trunk_id, count(*) AS busy FROM outbound_attempts
        WHERE trunk_id = ANY($1::bigint[]) AND state <> 'ended' GROUP BY trunk_id
        """,
        [row["id"] for row in rows],
    )
    counted = {row["trunk_id"]: row["busy"] for row in busy}
    # The least busy first, so that one account's long queue does not keep others waiting.
    return sorted(({**row, "busy": counted.get(row["id"], 0)} for row in rows), key=lambda trunk: trunk["busy"])


_DUE = f"""
        due AS (
            SELECT c.id FROM outbound_calls c
            WHERE c.trunk_id = $1 AND {WAITS} AND c.due_at <= $2
              AND (c.end_at IS NULL OR c.end_at > $2)
            ORDER BY c.due_at, c.id LIMIT $3 FOR UPDATE SKIP LOCKED
        )"""

_TELEPHONE = "coalesce(c.phone_id::text, c.account_id || ' ' || c.dialled)"
"Which one a call is for. Where it has gone, the one that has its name or extension now."

_DUE_AT_TELEPHONES = f"""
        busy AS MATERIALIZED (
            SELECT {_TELEPHONE} AS telephone FROM outbound_attempts a JOIN outbound_calls c ON c.id = a.outbound_call_id
            WHERE a.trunk_id IS NULL AND a.state <> 'ended'
        ), elsewhere AS MATERIALIZED (
            -- Telephones that this engine does not reach by a connection or a proxy, and another one does that dials.
            SELECT b.phone_id FROM phone_bindings b JOIN engines e ON e.id = b.engine_id
            WHERE b.expires_at > $2 GROUP BY b.phone_id
            HAVING NOT bool_or(b.engine_id = $4 OR b.path <> '{{}}')
                AND bool_or(e.dials AND e.stopped_at IS NULL AND e.heartbeat_at > $5)
        ), waiting AS (
            -- Without those of telephones that have a call: a long queue of one keeps nobody else's from being looked at.
            SELECT c.id, {_TELEPHONE} AS telephone, c.due_at FROM outbound_calls c
            WHERE {_FOR_TELEPHONE} AND c.due_at <= $2 AND (c.end_at IS NULL OR c.end_at > $2)
              AND NOT EXISTS (SELECT 1 FROM busy b WHERE b.telephone = {_TELEPHONE})
              AND NOT EXISTS (SELECT 1 FROM elsewhere e WHERE e.phone_id = c.phone_id)
            ORDER BY c.due_at, c.id LIMIT {TELEPHONES_LOOKED_AT}
        ), first AS (
            -- One call of each telephone: so two engines do not take two of them, for the second finds this one locked or taken.
            SELECT DISTINCT ON (w.telephone) w.id FROM waiting w ORDER BY w.telephone, w.due_at, w.id
        ), due AS (
            SELECT c.id FROM outbound_calls c
            WHERE c.id = ANY(ARRAY(SELECT id FROM first)) AND {WAITS}
            ORDER BY c.due_at, c.id LIMIT $3 FOR UPDATE SKIP LOCKED
        )"""
"A telephone has no channels and no rate, but one call of the queue at a time."


_NO_TRUNK: dict[str, Any] = {
    **dict.fromkeys(("trunk_host", "trunk_certificate_authority", "trunk_username", "caller_id"), ""),
    "trunk_port": 0,
    "trunk_transport": "udp",
    "trunk_srtp": False,
    "trunk_codecs": (),
    "trunk_sealed_password": None,
    "policy": CallerPolicy(),
}


async def _take_telephones(
    connection: Connection, engine_id: int, allowed: int, now: float, silent_since: float
) -> list[Claim]:
    rows = await _taken(connection, _DUE_AT_TELEPHONES, None, engine_id, allowed, now, silent_since)
    return [Claim(**row, **_NO_TRUNK) for row in rows]


async def _taken(
    connection: Connection, due: str, trunk_id: int | None, engine_id: int, allowed: int, now: float, *more: float
) -> list[dict[str, Any]]:
    """Claims what is `due`: the columns of `Claim` that are the call's own."""
    rows = await connection.fetch(
        f"""
        WITH {due}, attempt AS (
            INSERT INTO outbound_attempts (outbound_call_id, trunk_id, engine_id, claimed_at)
            SELECT id, $1::bigint, $4, $2 FROM due RETURNING id, outbound_call_id
        )
        UPDATE outbound_calls c SET attempt_id = attempt.id
        FROM attempt, accounts a WHERE c.id = attempt.outbound_call_id AND a.id = c.account_id
        RETURNING attempt.id AS attempt_id, c.id AS outbound_call_id, c.account_id, c.user_id, c.deployment_id, c.application_id,
            (SELECT {ROUTED_VERSION} FROM deployments d WHERE d.id = c.deployment_id) AS version_id,
            c.start_url, a.start_url_get, c.message_reference, c.call_parameters,
            coalesce((SELECT g.parameters FROM campaigns g WHERE g.id = c.campaign_id), '') AS campaign_parameters,
            c.is_pci, c.phone_number, c.phone_id, c.dialled, c.ani, c.postd, c.metadata, c.sip_headers,
            coalesce((SELECT n.address FROM numbers n WHERE n.deployment_id = c.deployment_id ORDER BY n.id LIMIT 1), '') AS number
        """,
        trunk_id,
        now,
        allowed,
        engine_id,
        *more,
    )
    rows.sort(key=lambda row: row["attempt_id"])
    kept = ("metadata", "sip_headers")
    return [{**row, **{name: json.loads(row[name]) for name in kept}} for row in rows]


async def _take(connection: Connection, trunk: Any, engine_id: int, allowed: int, now: float) -> list[Claim]:
    rows = await _taken(connection, _DUE, trunk["id"], engine_id, allowed, now)
    return [
        Claim(
            **row,
            trunk_host=trunk["host"],
            trunk_port=trunk["port"],
            trunk_transport=trunk["transport"],
            trunk_srtp=trunk["srtp"],
            trunk_codecs=trunk["codecs"],
            trunk_certificate_authority=trunk["certificate_authority"],
            trunk_username=trunk["username"],
            trunk_sealed_password=trunk["sealed_password"],
            caller_id=trunk["caller_id"],
            policy=CallerPolicy(
                trunk["from_user"], trunk["asserts_identity"], trunk["remote_party_id"], trunk["withholds_caller"]
            ),
        )
        for row in rows
    ]


async def start(db: Database, _: Scope, dialled: Sequence[tuple[int, str]], now: float) -> set[int]:
    """Turn claims into dialling, by (attempt id, SIP Call-ID). Returns the attempts that may be dialled: the others' calls
    were cancelled meanwhile."""
    rows = await db.pool.fetch(
        f"""
        WITH {LOCKED.format(columns="$1::bigint[], $2::text[]) AS g (attempt_id, sip_call_id")}, call AS (
            UPDATE outbound_calls c SET status = 'dialing', attempts = c.attempts + 1
            FROM locked l JOIN given g ON g.attempt_id = l.attempt_id
            WHERE c.id = l.id AND c.attempt_id = g.attempt_id AND c.status = 'queued'
            RETURNING c.id, c.attempt_id, g.sip_call_id
        ), attempt AS (
            UPDATE outbound_attempts a SET state = 'dialing', sip_call_id = call.sip_call_id, dialed_at = $3
            FROM call WHERE a.id = call.attempt_id
        ), canceled AS (
            UPDATE outbound_attempts a SET state = 'ended', outcome = 'canceled', ended_at = $3
            FROM given g WHERE a.id = g.attempt_id AND NOT EXISTS (SELECT 1 FROM call WHERE call.attempt_id = g.attempt_id)
        ), event AS (
            INSERT INTO outbound_events (outbound_call_id, at, event) SELECT id, $3, 'dialing' FROM call
        )
        SELECT attempt_id FROM call
        """,
        [attempt_id for attempt_id, _ in dialled],
        [sip_call_id for _, sip_call_id in dialled],
        now,
    )
    return {row["attempt_id"] for row in rows}


async def give_back(db: Database, _: Scope, *, engine_id: int, undialled: Sequence[int], now: float) -> int:
    """Queue again what this engine holds but has not dialled: every attempt that is only claimed, and those of
    `undialled`, whose `start` may have been committed though no INVITE followed. These count as no attempt. Returns how
    many calls."""
    rows = await db.pool.fetch(
        """
        WITH locked AS (
            SELECT c.id, c.status, a.id AS attempt_id, a.dialed_at
            FROM outbound_attempts a JOIN outbound_calls c ON c.attempt_id = a.id
            WHERE a.engine_id = $1 AND (a.state = 'claimed' OR a.state = 'dialing' AND a.id = ANY($2::bigint[]))
            ORDER BY c.id FOR NO KEY UPDATE OF c
        ), attempt AS (
            UPDATE outbound_attempts a SET state = 'ended', outcome = 'lost', cause = 'not dialled', ended_at = $3
            WHERE a.engine_id = $1 AND (a.state = 'claimed' OR a.state = 'dialing' AND a.id = ANY($2::bigint[]))
        ), event AS (
            DELETE FROM outbound_events e USING locked l
            WHERE e.outbound_call_id = l.id AND e.event = 'dialing' AND e.at = l.dialed_at
        ), call AS (
            UPDATE outbound_calls c SET attempt_id = NULL,
                status = CASE WHEN c.status = 'dialing' THEN 'queued' ELSE c.status END,
                attempts = c.attempts - CASE WHEN c.status = 'dialing' THEN 1 ELSE 0 END
            FROM locked l WHERE c.id = l.id AND c.attempt_id = l.attempt_id RETURNING c.id
        )
        SELECT id, (SELECT pg_notify('callwright_due', '') FROM call LIMIT 1) FROM call
        """,
        engine_id,
        list(undialled),
        now,
    )
    return len(rows)


async def connected(connection: Connection, _: Scope, attempts: Sequence[tuple[int, float]]) -> None:
    """The far end answered, by (attempt id, when)."""
    await connection.execute(
        f"""
        WITH {LOCKED.format(columns="$1::bigint[], $2::float8[]) AS g (attempt_id, at")}, call AS (
            UPDATE outbound_calls c SET status = 'connected', connected_at = g.at
            FROM locked l JOIN given g ON g.attempt_id = l.attempt_id
            WHERE c.id = l.id AND c.attempt_id = g.attempt_id AND c.status = 'dialing'
            RETURNING c.id, c.attempt_id, g.at
        ), attempt AS (
            UPDATE outbound_attempts a SET state = 'connected', connected_at = call.at FROM call
            WHERE a.id = call.attempt_id AND a.state = 'dialing'
        )
        INSERT INTO outbound_events (outbound_call_id, at, event) SELECT id, at, 'connected' FROM call
        """,
        [attempt_id for attempt_id, _ in attempts],
        [at for _, at in attempts],
    )


_FINISHES = (
    "$1::bigint[], $2::text[], $3::text[], $4::float8[], $5::int[], $6::text[]) "
    "AS g (attempt_id, ending, cause, at, sip_status, callee_type"
)


async def finish(connection: Connection, _: Scope, finishes: Sequence[Finish]) -> None:
    """Attempts are over. Each call is completed, waits for its next attempt, or has failed; a call that is over gets
    its result_url post in the same transaction. An attempt that is over already is left as it is."""
    await connection.execute(
        f"""
        WITH {LOCKED.format(columns=_FINISHES)}, call AS (
            UPDATE outbound_calls c SET
                attempt_id = NULL, cause = g.cause, callee_type = g.callee_type,
                status = CASE WHEN g.ending IN ('completed', 'rejected') THEN g.ending
                              WHEN c.attempts < c.max_attempts THEN 'queued' ELSE 'failed' END,
                due_at = g.at + c.reattempt_wait_s,
                ended_at = CASE WHEN {_OVER} THEN g.at END,
                {ERASED.format(over=_OVER)}
            FROM locked l JOIN given g ON g.attempt_id = l.attempt_id
            WHERE c.id = l.id AND c.attempt_id = g.attempt_id AND c.status IN ('queued', 'dialing', 'connected')
            RETURNING c.id, c.account_id, c.result_url, c.status, c.ended_at, g.ending, g.at
        ), attempt AS (
            UPDATE outbound_attempts a SET state = 'ended', outcome = g.ending, cause = g.cause, ended_at = g.at,
                sip_status = g.sip_status
            FROM given g LEFT JOIN locked l ON l.attempt_id = g.attempt_id
            WHERE a.id = g.attempt_id AND a.state <> 'ended'
        ), event AS (
            INSERT INTO outbound_events (outbound_call_id, at, event)
            SELECT id, at, CASE WHEN ending = 'completed' THEN 'disconnected' ELSE 'failed' END FROM call
        ), callback AS (
            INSERT INTO callbacks (account_id, outbound_call_id, url, due_at)
            SELECT account_id, id, result_url, at FROM call WHERE ended_at IS NOT NULL AND result_url <> '' RETURNING id
        )
        SELECT (SELECT pg_notify('callwright_callback', '') FROM callback LIMIT 1),
               (SELECT pg_notify('callwright_due', '') FROM call LIMIT 1)
        """,
        [finish.attempt_id for finish in finishes],
        [finish.ending for finish in finishes],
        [finish.cause for finish in finishes],
        [finish.at for finish in finishes],
        [finish.sip_status for finish in finishes],
        [finish.callee_type for finish in finishes],
    )
