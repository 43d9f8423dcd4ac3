"""Texts as their owners see them: queued, received, listed."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from callwright.sms.progress import Delivery, Status
from callwright.store import sms_counts
from callwright.store.database import Connection, Database
from callwright.store.scope import Scope, visible

Direction = Literal["inbound", "outbound"]


@dataclass(frozen=True, slots=True)
class SmsNumber:
    """A number that texts come to and go out from."""

    id: int
    account_id: int
    user_id: int
    address: str
    carrier_id: int | None
    text_url: str
    "Application URL: gets each text that arrives; empty: none does."

    text_deployment_id: int | None
    "Whose application answers the texts that arrive."

    text_wait_s: float
    "How long it waits for an answer."

    texts_joined: bool
    "Long texts go as concatenated parts."

    blocks_account: bool
    "Who stops the texts of one number stops those of all numbers of its account."


@dataclass(frozen=True, slots=True)
class NewText:
    """One part of a text, to be queued or kept as it came."""

    group: uuid.UUID
    "Common to its parts."

    part: int
    parts: int
    body: str
    encoding: str
    reference: int = 0
    joined: bool = False
    status: Status = "queued"
    delivery: Delivery = ""
    cause: str = ""
    carrier_message_id: str = ""
    message_id: uuid.UUID = field(default_factory=uuid.uuid4)
    sealed: bytes | None = None
    "What is sent in place of `body`, which does not say it."


@dataclass(frozen=True, slots=True)
class SmsRow:
    """One message: a part of a text, or all of it."""

    id: int
    message_id: uuid.UUID
    direction: Direction
    ours: str
    theirs: str
    body: str
    result_url: str
    part: int
    parts: int
    status: Status
    delivery: Delivery
    cause: str
    "Why it failed, or why it is in doubt; ours, never in a reply of the compatible surface."

    requested_at: float
    responded_at: float | None

    @property
    def sender(self) -> str:
        return self.theirs if self.direction == "inbound" else self.ours

    @property
    def to(self) -> str:
        return self.ours if self.direction == "inbound" else self.theirs


@dataclass(frozen=True, slots=True)
class Query:
    """Which messages are listed."""

    limit: int
    offset: int = 0
    descending: bool = False
    start: float = 0.0
    end: float | None = None
    "Exclusive; None: no end."

    direction: Direction | None = None
    ours: tuple[str, ...] = ()
    "Spellings of a number of the owner's; empty: any."

    theirs: tuple[str, ...] = ()
    "The same of the other side's."

    either: tuple[str, ...] = ()
    "The same of either side's."

    between: tuple[tuple[str, ...], tuple[str, ...]] | None = None
    "Two numbers that have written to one another, whichever of them is the owner's."


_COLUMNS = """
    m.id, m.message_id, m.direction, m.ours, m.theirs, m.body, m.result_url, m.part, m.parts, m.status, m.delivery, m.cause,
    m.requested_at, m.responded_at
"""


_NUMBER = """
    SELECT n.id, n.account_id, n.user_id, n.address, n.carrier_id, n.text_url, n.text_deployment_id, n.text_wait_s,
        n.texts_joined, a.sms_blocks_account AS blocks_account
    FROM numbers n JOIN accounts a ON a.id = n.account_id
"""


async def number(db: Database | Connection, scope: Scope, spellings: Sequence[str]) -> SmsNumber | None:
    """The number of the scope's that can send texts and has one of these addresses."""
    mine, who = visible(scope, 1, "n")
    row = await (db.pool if isinstance(db, Database) else db).fetchrow(
        f"""
        {_NUMBER} WHERE {mine} AND n.sms AND n.address = ANY($2::text[]) ORDER BY array_position($2::text[], n.address) LIMIT 1
        """,
        who,
        spellings,
    )
    return SmsNumber(**row) if row else None


async def number_of_carrier(
    connection: Connection, _: Scope, carrier_id: int, spellings: Sequence[str]
) -> SmsNumber | None:
    """The number with one of these addresses that sends by this carrier: whose a text is that the carrier tells."""
    row = await connection.fetchrow(
        f"""
        {_NUMBER} WHERE n.sms AND n.carrier_id = $1 AND n.address = ANY($2::text[])
        ORDER BY array_position($2::text[], n.address) LIMIT 1
        """,
        carrier_id,
        spellings,
    )
    return SmsNumber(**row) if row else None


async def number_by_id(db: Database, _: Scope, number_id: int) -> SmsNumber | None:
    row = await db.pool.fetchrow(f"{_NUMBER} WHERE n.id = $1 AND n.sms", number_id)
    return SmsNumber(**row) if row else None


async def take_reply(connection: Connection, _: Scope, sms_id: int) -> tuple[SmsNumber, SmsRow] | None:
    """A text that came in, and the number that it came to; None where its reply has been taken already."""
    row = await connection.fetchrow(
        f"""
        UPDATE sms_messages m SET attempts = 1 WHERE m.id = $1 AND m.direction = 'inbound' AND m.attempts = 0
        RETURNING {_COLUMNS}, m.number_id
        """,
        sms_id,
    )
    if row is None:
        return None
    number = await connection.fetchrow(f"{_NUMBER} WHERE n.id = $1 AND n.sms", row["number_id"])
    return (SmsNumber(**number), _row(row)) if number else None


_INSERT = f"""
    WITH given AS MATERIALIZED (
        SELECT nextval('sms_messages_id_seq') AS id, g.* FROM unnest(
            $10::uuid[], $11::int[], $12::int[], $13::text[], $14::text[], $15::int[], $16::bool[], $17::text[], $18::text[],
            $19::text[], $20::text[], $23::bytea[], $24::uuid[]
        ) AS g (group_id, part, parts, body, encoding, reference, joined, status, delivery, cause, carrier_message_id, sealed,
            message_id)
    ), made AS (
        INSERT INTO sms_messages AS m (id, message_id, account_id, user_id, number_id, carrier_id, direction, ours, theirs,
            result_url, requested_at, due_at, responded_at, group_id, part, parts, body, encoding, reference, joined, status,
            delivery, cause, carrier_message_id, sealed)
        SELECT g.id, g.message_id, $1, $2, $3, $4, $5, $6, $7, $8, $9::float8,
            CASE WHEN g.status = 'queued' THEN $21::float8 + (g.part - 1) * $22::float8 END,
            CASE WHEN g.status <> 'queued' THEN $9::float8 END,
            g.group_id, g.part, g.parts, g.body, g.encoding, g.reference, g.joined, g.status, g.delivery, g.cause,
            g.carrier_message_id, g.sealed
        FROM given g
        ON CONFLICT DO NOTHING
        RETURNING {_COLUMNS}
    ), woken AS (
        SELECT pg_notify('callwright_sms', '') FROM given WHERE status = 'queued' LIMIT 1
    )
    SELECT made.*, (SELECT count(*) FROM woken) FROM made ORDER BY id
"""


async def insert(
    on: Connection,
    _: Scope,
    number: SmsNumber,
    *,
    direction: Direction,
    theirs: str,
    result_url: str,
    now: float,
    texts: Sequence[NewText],
    carrier_id: int | None = None,
) -> list[SmsRow]:
    """Keep these parts of one text. An inbound text that its carrier has told before is not kept again: no row comes back."""
    due_at, apart_s = await _paced(on, number, len(texts), now) if direction == "outbound" else (now, 0.0)
    rows = await on.fetch(
        _INSERT,
        number.account_id,
        number.user_id,
        number.id,
        carrier_id if carrier_id is not None else number.carrier_id,
        direction,
        number.address,
        theirs,
        result_url,
        now,
        [text.group for text in texts],
        [text.part for text in texts],
        [text.parts for text in texts],
        [text.body for text in texts],
        [text.encoding for text in texts],
        [text.reference for text in texts],
        [text.joined for text in texts],
        [text.status for text in texts],
        [text.delivery for text in texts],
        [text.cause for text in texts],
        [text.carrier_message_id for text in texts],
        due_at,
        apart_s,
        [text.sealed for text in texts],
        [text.message_id for text in texts],
    )
    return [_row(row) for row in rows]


async def _paced(on: Connection, number: SmsNumber, count: int, now: float) -> tuple[float, float]:
    """When the first of these messages may go, and how far apart they go, by the number's own rate.

    Each takes its place as it is queued, so a slow number holds up nobody else's texts.
    """
    row = await on.fetchrow(
        """
        UPDATE numbers SET text_next_at = greatest(text_next_at, $2) + $3 / texts_per_second
        WHERE id = $1 AND texts_per_second IS NOT NULL
        RETURNING text_next_at - $3 / texts_per_second AS due_at, 1 / texts_per_second AS apart_s
        """,
        number.id,
        now,
        float(count),
    )
    return (row["due_at"], row["apart_s"]) if row else (now, 0.0)


async def get(db: Database, scope: Scope, message_id: uuid.UUID) -> SmsRow | None:
    mine, who = visible(scope, 1, "m")
    row = await db.pool.fetchrow(
        f"SELECT {_COLUMNS} FROM sms_messages m WHERE {mine} AND m.message_id = $2", who, message_id
    )
    return _row(row) if row else None


async def listed(db: Database, scope: Scope, query: Query) -> tuple[list[SmsRow], int]:
    """(the page, how many there are in all), by the time at which they were asked for or came."""
    async with db.snapshot() as connection:
        query = await _of_one_side(connection, scope, query)
        total: int | None = None
        if not (query.theirs or query.either or query.between is not None):
            place = await sms_counts.locate(
                connection,
                scope,
                start=query.start,
                end=query.end,
                ours=query.ours,
                direction=query.direction or "",
                offset=query.offset,
                limit=query.limit,
                descending=query.descending,
            )
            total = place.total
            query = replace(query, start=place.low, end=place.high, offset=place.skip, limit=place.limit)
        mine, who = visible(scope, 1, "m")
        arguments: list[object] = [who, query.start]
        where = f"{mine} AND m.requested_at >= $2"

        def also(condition: str, *values: object) -> None:
            nonlocal where
            first = len(arguments) + 1
            where += " AND " + condition.format(*(f"${first + at}" for at in range(len(values))))
            arguments.extend(list(value) if isinstance(value, tuple) else value for value in values)

        if query.end is not None:
            also("m.requested_at < {}", query.end)
        if query.direction is not None:
            also("m.direction = {}", query.direction)
        if query.ours:
            also("m.ours = ANY({}::text[])", query.ours)
        if len(query.theirs) == 1:
            also("m.theirs = {}", query.theirs[0])
        elif query.theirs:
            also("m.theirs = ANY({}::text[])", query.theirs)
        if query.either:
            also("(m.ours = ANY({0}::text[]) OR m.theirs = ANY({0}::text[]))", query.either)
        if query.between is not None:
            also(
                "((m.ours = ANY({0}::text[]) AND m.theirs = ANY({1}::text[]))"
                " OR (m.ours = ANY({1}::text[]) AND m.theirs = ANY({0}::text[])))",
                *query.between,
            )
        if total is None:
            # Texts of one person, or of a few.
            total = await connection.fetchval(f"SELECT count(*) FROM sms_messages m WHERE {where}", *arguments)
        order = "DESC" if query.descending else "ASC"
        rows = await connection.fetch(
            f"""
            SELECT {_COLUMNS} FROM sms_messages m WHERE {where}
            ORDER BY m.requested_at {order}, m.id {order} LIMIT ${len(arguments) + 1} OFFSET ${len(arguments) + 2}
            """,
            *arguments,
            query.limit,
            query.offset,
        )
    return [_row(row) for row in rows], total or 0


async def _of_one_side(connection: Connection, scope: Scope, query: Query) -> Query:
    """The same, where a number is only ever the owner's, or only ever the other side's: that is found by an index. And of its
    spellings only those that there are: mostly that is one, and then the index has its texts in their order."""
    if query.either:
        theirs = await _known(connection, scope, "theirs", query.either)
        ours = await _known(connection, scope, "ours", query.either) if theirs else query.either
        if not theirs or not ours:
            return replace(query, ours=() if theirs else ours, theirs=theirs, either=())
    if query.between is not None:
        one, other = query.between
        their_one = await _known(connection, scope, "theirs", one)
        their_other = await _known(connection, scope, "theirs", other)
        if not their_one or not their_other:
            ours, theirs = (one, their_other) if not their_one else (other, their_one)
            return replace(query, ours=ours, theirs=theirs or other, between=None)
    if query.theirs:
        return replace(query, theirs=await _known(connection, scope, "theirs", query.theirs) or query.theirs)
    return query


async def _known(
    connection: Connection, scope: Scope, side: Literal["ours", "theirs"], spellings: Sequence[str]
) -> tuple[str, ...]:
    """Which of these that side is in any text. The first that is not before it is looked at, as the index has them: of few
    numbers and many texts, asked for one that is none of these, the planner would look at every text."""
    mine, who = visible(scope, 1, "m")
    rows = await connection.fetch(
        f"""
        SELECT t.spelling FROM unnest($2::text[]) AS t (spelling) CROSS JOIN LATERAL (
            SELECT m.{side} AS first FROM sms_messages m WHERE {mine} AND m.{side} >= t.spelling
            ORDER BY m.{side}, m.requested_at, m.id LIMIT 1
        ) AS f WHERE f.first = t.spelling
        """,
        who,
        spellings,
    )
    return tuple(row["spelling"] for row in rows)


# -- who wants no texts ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Consent:
    """A word by which somebody stopped texts, or let them come again."""

    theirs: str
    ours: str
    "The number that it was sent to."

    stopped: bool
    word: str
    at: float


async def consent(
    on: Connection, _: Scope, number: SmsNumber, theirs: str, stopped: bool, word: str, now: float
) -> None:
    """Keep the word. What was kept before stays: who, when and by which word can always be shown."""
    await on.execute(
        """
        INSERT INTO sms_consents (account_id, user_id, ours, theirs, stopped, word, at) VALUES ($1, $2, $3, $4, $5, $6, $7)
        """,
        number.account_id,
        number.user_id,
        number.address,
        theirs,
        stopped,
        word,
        now,
    )


async def is_blocked(on: Connection, scope: Scope, number: SmsNumber, theirs: str) -> bool:
    """Whether the last word of these people was to stop: to this number, or to any of the account where one stops all."""
    found: bool | None = await on.fetchval(
        """
        SELECT c.stopped FROM sms_consents c
        WHERE c.account_id = $1 AND c.theirs = $2 AND ($3 OR c.ours = $4) ORDER BY c.id DESC LIMIT 1
        """,
        number.account_id,
        theirs,
        number.blocks_account,
        number.address,
    )
    return bool(found)


async def consents(db: Database, scope: Scope, *, theirs: str, after: int, limit: int) -> list[tuple[int, Consent]]:
    """(id, word) by id, of these people or, with an empty number, of all."""
    mine, who = visible(scope, 1, "c")
    rows = await db.pool.fetch(
        f"""
        SELECT c.id, c.theirs, c.ours, c.stopped, c.word, c.at FROM sms_consents c
        WHERE {mine} AND ($2 = '' OR c.theirs = $2) AND c.id > $3 ORDER BY c.id LIMIT $4
        """,
        who,
        theirs,
        after,
        limit,
    )
    return [(row["id"], Consent(**{name: row[name] for name in Consent.__dataclass_fields__})) for row in rows]


def _row(row: Mapping[str, Any]) -> SmsRow:
    return SmsRow(**{name: row[name] for name in SmsRow.__dataclass_fields__})
