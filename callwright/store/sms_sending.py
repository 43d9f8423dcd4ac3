"""Texts on their way: claimed for a carrier, answered by it, and what it tells of them afterwards.

A claimed message is `sending` under a lease. Whoever claimed it and died before the carrier's answer was kept leaves it in
doubt: it counts as sent and unconfirmed, and is never sent again by itself. A receipt may come before the carrier's own answer
is kept; so both are written under one lock, of the carrier's message id, and each looks for the other.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from callwright.ports.carrier import InDoubt, NotNow, Receipt, Refused
from callwright.sms.progress import DELIVERIES, Delivery, Status
from callwright.store.database import Connection, Database
from callwright.store.scope import Scope

LEASE_S = 60.0
"Longer than any carrier's answer is waited for (`SEND_S_MAX` of each)."

ATTEMPTS_MAX = 50
"Times that a carrier may say `not now`; at most a minute apart, and then it is given up."

LOST = "its sender has gone before the carrier's answer was kept: it may be on its way"
NOT_MOBILE = "not mobile: "
"Before the cause of a text to a number that takes none."

_RANK = "array_position(ARRAY[" + ", ".join(f"'{one}'" for one in DELIVERIES) + "]::text[], {})"


@dataclass(frozen=True, slots=True)
class CarrierRow:
    """An account with a carrier."""

    id: int
    account_id: int
    name: str
    type: str
    settings: dict[str, Any]
    token: str
    "Part of the URL at which it tells us things."

    texts_per_second: float
    enabled: bool


@dataclass(frozen=True, slots=True)
class DueText:
    """A message to be handed over now; or all parts of a text, for a carrier that parts it itself."""

    ids: tuple[int, ...]
    message_id: str
    to: str
    sender: str
    bodies: tuple[str, ...]
    sealed: tuple[bytes | None, ...]
    "What is sent in place of each body, where that is private."

    encoding: str
    part: int
    parts: int
    reference: int
    joined: bool


@dataclass(frozen=True, slots=True)
class Changed:
    """A message whose status or delivery is another one now."""

    id: int
    account_id: int
    message_id: str
    to: str
    result_url: str
    status: Status
    delivery: Delivery
    cause: str


async def carriers(db: Database, _: Scope) -> list[CarrierRow]:
    """All that are in use."""
    rows = await db.pool.fetch(
        """
        SELECT c.id, c.account_id, c.name, c.type, c.settings, c.token, c.texts_per_second, c.enabled
        FROM sms_carriers c JOIN accounts a ON a.id = c.account_id WHERE c.enabled AND a.active ORDER BY c.id LIMIT 1000
        """
    )
    return [CarrierRow(**{**row, "settings": json.loads(row["settings"])}) for row in rows]


async def carrier(db: Database, _: Scope, carrier_id: int) -> CarrierRow | None:
    """Whoever tells us something by its URL is known by its token alone."""
    row = await db.pool.fetchrow(
        """
        SELECT c.id, c.account_id, c.name, c.type, c.settings, c.token, c.texts_per_second, c.enabled
        FROM sms_carriers c JOIN accounts a ON a.id = c.account_id WHERE c.id = $1 AND c.enabled AND a.active
        """,
        carrier_id,
    )
    return CarrierRow(**{**row, "settings": json.loads(row["settings"])}) if row else None


async def claim(db: Database, _: Scope, carrier_id: int, *, whole: bool, limit: int, now: float) -> list[DueText]:
    """Take what is due for a carrier, as far as its rate allows. `whole`: joined parts are taken together, as one text."""
    async with db.transaction() as connection:
        rate = await connection.fetchrow(
            "SELECT texts_per_second, tokens, tokens_at, held_until FROM sms_carriers WHERE id = $1 FOR NO KEY UPDATE",
            carrier_id,
        )
        if rate is None or rate["held_until"] > now:
            return []
        saved = rate["tokens"] + (now - rate["tokens_at"]) * rate["texts_per_second"]
        tokens = min(max(rate["texts_per_second"], 1.0), saved)
        allowed = min(limit, int(tokens))
        if allowed <= 0:
            return []
        rows = await connection.fetch(
            """
            WITH due AS (
                SELECT m.id, m.group_id, m.joined FROM sms_messages m
                WHERE m.carrier_id = $1 AND m.status = 'queued' AND m.due_at <= $2 AND NOT ($5 AND m.joined AND m.part > 1)
                ORDER BY m.due_at, m.id LIMIT $3 FOR UPDATE SKIP LOCKED
            ), taken AS (
                SELECT id FROM due UNION
                SELECT m.id FROM due JOIN sms_messages m ON m.group_id = due.group_id
                WHERE $5 AND due.joined AND m.status = 'queued'
            )
            UPDATE sms_messages m SET status = 'sending', attempts = m.attempts + 1, due_at = $2 + $4::float8
            -- Here and below not a join: planned while few texts were there, it would read all of them for ever after.
            WHERE m.id = ANY(ARRAY(SELECT id FROM taken))
            RETURNING m.id, m.message_id, m.group_id, m.theirs, m.ours, m.body, m.sealed, m.encoding, m.part, m.parts, m.reference,
                m.joined
            """,
            carrier_id,
            now,
            allowed,
            LEASE_S,
            whole,
        )
        await connection.execute(
            "UPDATE sms_carriers SET tokens = $2, tokens_at = $3 WHERE id = $1", carrier_id, tokens - len(rows), now
        )
    return _due(sorted(rows, key=lambda row: int(row["id"])), whole)


def _due(rows: Sequence[Any], whole: bool) -> list[DueText]:
    texts: dict[Any, list[Any]] = {}
    for row in rows:
        texts.setdefault(row["group_id"] if whole and row["joined"] else row["id"], []).append(row)
    return [
        DueText(
            tuple(row["id"] for row in parts),
            parts[0]["message_id"].hex,
            parts[0]["theirs"],
            parts[0]["ours"],
            tuple(row["body"] for row in parts),
            tuple(row["sealed"] for row in parts),
            parts[0]["encoding"],
            parts[0]["part"],
            parts[0]["parts"],
            parts[0]["reference"],
            parts[0]["joined"],
        )
        for parts in texts.values()
    ]


async def next_due(db: Database, _: Scope, carrier_id: int) -> float | None:
    """UNIX seconds at which something may be claimed; None where nothing waits."""
    due: float | None = await db.pool.fetchval(
        """
        SELECT greatest(m.due_at, c.held_until) FROM sms_messages m JOIN sms_carriers c ON c.id = m.carrier_id
        WHERE m.carrier_id = $1 AND m.status = 'queued' ORDER BY m.due_at, m.id LIMIT 1
        """,
        carrier_id,
    )
    return due


_CHANGED = "m.id, m.account_id, m.message_id, m.theirs, m.result_url, m.status, m.delivery, m.cause"


async def answered(
    connection: Connection,
    _: Scope,
    carrier_id: int,
    ids: Sequence[int],
    answer: Refused | InDoubt | NotNow,
    now: float,
) -> list[Changed]:
    """Keep what the carrier said, where it has not taken them (`taken`). Messages that are no longer `sending`, for their lease ran
    out, stay as they are."""
    match answer:
        case Refused(reason=reason, not_mobile=not_mobile):
            cause = f"{NOT_MOBILE if not_mobile else ''}{reason}"
            rows = await _end(connection, ids, "failure", "undelivered", cause, now)
        case InDoubt(reason=reason):
            rows = await _end(connection, ids, "sent", "unconfirmed", f"in doubt: {reason}", now)
        case NotNow(reason=reason, wait_s=wait_s):
            rows = await _later(connection, carrier_id, ids, reason, now + wait_s, now)
    return [_changed(row) for row in rows]


async def taken(
    connection: Connection, _: Scope, carrier_id: int, answers: Sequence[tuple[Sequence[int], str]], now: float
) -> list[Changed]:
    """The carrier has these messages, and calls them so. Those whose lease ran out are as they were, but for the carrier's id, by
    which their receipts find them."""
    pairs = [(id, told) for ids, told in answers for id in ids]
    await _lock(connection, carrier_id, [told for _, told in pairs])
    rows = await connection.fetch(
        f"""
        UPDATE sms_messages m SET carrier_message_id = a.told, status = 'sent', due_at = NULL, responded_at = $4,
            cause = coalesce(r.reason, ''), sealed = NULL,
            delivery = coalesce(r.delivery, CASE WHEN m.status = 'sending' THEN '' ELSE m.delivery END)
        FROM unnest($2::bigint[], $3::text[]) AS a (id, told)
        JOIN sms_messages before ON before.id = a.id AND before.id = ANY($2)
        LEFT JOIN LATERAL (
            SELECT r.delivery, r.reason FROM sms_receipts r WHERE r.carrier_id = $1 AND r.carrier_message_id = a.told
            ORDER BY {_RANK.format("r.delivery")} DESC, r.id LIMIT 1
        ) AS r ON true
        WHERE m.id = a.id AND m.id = ANY($2) AND m.status IN ('sending', 'sent') AND m.carrier_message_id = ''
        RETURNING {_CHANGED}, (before.status, before.delivery) IS DISTINCT FROM (m.status, m.delivery) AS differs
        """,
        carrier_id,
        [id for id, _ in pairs],
        [told for _, told in pairs],
        now,
    )
    # One whose sender was given up may have been told of as sent already.
    return [_changed(row) for row in rows if row["differs"]]


async def _end(
    connection: Connection, ids: Sequence[int], status: str, delivery: str, cause: str, now: float
) -> list[Any]:
    rows: list[Any] = await connection.fetch(
        f"""
        UPDATE sms_messages m SET status = $2, delivery = $3, cause = $4, due_at = NULL, responded_at = $5, sealed = NULL
        WHERE m.id = ANY($1::bigint[]) AND m.status = 'sending' RETURNING {_CHANGED}
        """,
        ids,
        status,
        delivery,
        cause[:1000],
        now,
    )
    return rows


async def _later(
    connection: Connection, carrier_id: int, ids: Sequence[int], reason: str, due_at: float, now: float
) -> list[Any]:
    """Back into the queue; what has been there too often is given up."""
    await connection.execute(
        "UPDATE sms_carriers SET held_until = greatest(held_until, $2) WHERE id = $1", carrier_id, due_at
    )
    given_up = await connection.fetch(
        "SELECT m.id FROM sms_messages m WHERE m.id = ANY($1::bigint[]) AND m.attempts >= $2", ids, ATTEMPTS_MAX
    )
    await connection.execute(
        """
        UPDATE sms_messages m SET status = 'queued', due_at = $2, cause = $3
        WHERE m.id = ANY($1::bigint[]) AND m.status = 'sending' AND m.attempts < $4
        """,
        ids,
        due_at,
        reason[:1000],
        ATTEMPTS_MAX,
    )
    return await _end(connection, [row["id"] for row in given_up], "failure", "undelivered", reason, now)


async def lapse(connection: Connection, _: Scope, now: float) -> list[Changed]:
    """Messages whose sender has gone are in doubt from now on."""
    rows = await connection.fetch(
        f"""
        WITH lost AS (
            SELECT id FROM sms_messages WHERE status = 'sending' AND due_at < $1 ORDER BY id LIMIT 1000 FOR UPDATE SKIP LOCKED
        )
        UPDATE sms_messages m SET status = 'sent', delivery = 'unconfirmed', cause = $2, due_at = NULL, responded_at = $1,
            sealed = NULL
        WHERE m.id = ANY(ARRAY(SELECT id FROM lost)) RETURNING {_CHANGED}
        """,
        now,
        f"in doubt: {LOST}",
    )
    return [_changed(row) for row in rows]


async def receipts(
    connection: Connection, _: Scope, carrier_id: int, told: Sequence[Receipt], now: float
) -> list[Changed]:
    """Keep receipts, and what they change. A double, and one that says less than what is known, change nothing."""
    ids = [one.carrier_message_id for one in told]
    await _lock(connection, carrier_id, ids)
    rows = await connection.fetch(
        f"""
        WITH told AS (
            INSERT INTO sms_receipts (carrier_id, carrier_message_id, delivery, reason, at)
            SELECT $1, t.id, t.delivery, t.reason, $5 FROM unnest($2::text[], $3::text[], $4::text[]) AS t (id, delivery, reason)
            RETURNING id, carrier_message_id, delivery, reason
        ), best AS (
            SELECT DISTINCT ON (t.carrier_message_id) t.carrier_message_id, t.delivery, t.reason FROM told t
            ORDER BY t.carrier_message_id, {_RANK.format("t.delivery")} DESC, t.id
        )
        UPDATE sms_messages m SET delivery = b.delivery, cause = b.reason FROM best b
        -- The ids by name as well: else the planner may read all that the carrier has ever called by one.
        WHERE m.carrier_id = $1 AND m.carrier_message_id = ANY($2) AND m.carrier_message_id <> ''
          AND m.carrier_message_id = b.carrier_message_id AND m.direction = 'outbound'
          AND {_RANK.format("b.delivery")} > {_RANK.format("m.delivery")}
        RETURNING {_CHANGED}
        """,
        carrier_id,
        ids,
        [one.delivery for one in told],
        [f"{NOT_MOBILE if one.not_mobile else ''}{one.reason}"[:1000] for one in told],
        now,
    )
    return [_changed(row) for row in rows]


async def post(
    connection: Connection,
    _: Scope,
    changed: Changed,
    url: str,
    fields: Mapping[str, str],
    *,
    as_json: bool,
    reads_reply: bool = False,
) -> None:
    """Have these fields posted by the job of result_url posts. `reads_reply`: its answer holds texts to be sent."""
    await connection.execute(
        """
        INSERT INTO callbacks (account_id, sms_id, url, fields, fields_json, reads_reply, due_at)
        VALUES ($1, $2, $3, $4, $5, $6, extract(epoch from now()))
        """,
        changed.account_id,
        changed.id,
        url,
        json.dumps(fields),
        as_json,
        reads_reply,
    )
    await connection.execute("SELECT pg_notify('callwright_callback', '')")


async def notified(connection: Connection, _: Scope, account_id: int) -> list[str]:
    """Where an account is told of texts that were refused: URLs of http, https and mailto."""
    row = await connection.fetchrow(
        "SELECT notification_url, notification_email FROM accounts WHERE id = $1", account_id
    )
    mail = f"mailto:{row['notification_email']}" if row["notification_email"] else ""
    return [url for url in (row["notification_url"], mail) if url]


async def _lock(connection: Connection, carrier_id: int, carrier_message_ids: Sequence[str]) -> None:
    """In one order, so that two who lock several do not wait for each other in a circle."""
    await connection.execute(
        """
        SELECT pg_advisory_xact_lock(k.key) FROM (
            SELECT DISTINCT hashtextextended(t.id, $2) AS key FROM unnest($1::text[]) AS t (id) ORDER BY 1
        ) AS k
        """,
        carrier_message_ids,
        carrier_id,
    )


def _changed(row: Any) -> Changed:
    return Changed(
        row["id"], row["account_id"], row["message_id"].hex, row["theirs"], row["result_url"], row["status"], row["delivery"],
        row["cause"],
    )  # fmt: skip
