"""Texts that arrive in parts: kept part by part, each before its carrier is answered, and one text once all are there.

A carrier may tell a part twice, and in any order; a reference comes back after 256 texts of a handset, or sooner. So a part that
is like one that waits, its words too, is a double; where none waits, one that is like a part of the last minutes is. A part that
only has the number of one that waits begins another text.

What a part says is sealed: the text may be the answer to a private question.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from callwright.ports.carrier import ReceivedText
from callwright.store.database import Connection
from callwright.store.scope import Scope
from callwright.store.sealing import Sealer

WAIT_S = 600.0
"From the first part of a text until it is taken as it is; and until a part that is told again is no double any more."

MISSING = "…"
"Stands for the parts that have not come."

SEALED_PART = "part of a text"
"Purpose of the seal."

LAPSES_MAX = 100
"Texts that are given up in one go."


@dataclass(frozen=True, slots=True)
class _Key:
    """What the parts of a text have in common."""

    carrier_id: int
    ours: str
    theirs: str
    reference: int


@dataclass(frozen=True, slots=True)
class _Part:
    id: int
    part: int
    parts: int
    body: str
    carrier_message_id: str
    joined: bool


async def add(
    connection: Connection, _: Scope, sealer: Sealer, carrier_id: int, text: ReceivedText, now: float
) -> list[ReceivedText]:
    """Keep a part. What is a text now: the whole of it, or what came before of another one that it has cut off."""
    key = _Key(carrier_id, text.to, text.sender, text.reference)
    await _lock(connection, key)
    found = await connection.fetch(
        """
        SELECT p.id, p.part, p.parts, p.body, p.carrier_message_id, p.joined FROM sms_parts p
        WHERE p.carrier_id = $1 AND p.ours = $2 AND p.theirs = $3 AND p.reference = $4 AND (NOT p.joined OR p.at > $5)
        ORDER BY p.id
        """,
        key.carrier_id,
        key.ours,
        key.theirs,
        key.reference,
        now - WAIT_S,
    )
    rows = [_part(row, sealer) for row in found]
    texts: list[ReceivedText] = []
    waiting = [row for row in rows if not row.joined]
    if any((row.part, row.parts, row.body) == (text.part, text.parts, text.body) for row in waiting or rows):
        return texts
    if any(row.part == text.part or row.parts != text.parts for row in waiting):
        texts.append(await _join(connection, key, waiting))
        waiting = []
    row = await connection.fetchrow(
        """
        INSERT INTO sms_parts (carrier_id, ours, theirs, reference, parts, part, body, carrier_message_id, at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id, part, parts, body, carrier_message_id, joined
        """,
        key.carrier_id,
        key.ours,
        key.theirs,
        key.reference,
        text.parts,
        text.part,
        sealer.seal(text.body.encode(), SEALED_PART),
        text.carrier_message_id,
        now,
    )
    waiting.append(_part(row, sealer))
    if len(waiting) == text.parts:
        texts.append(await _join(connection, key, waiting))
    return texts


async def lapse(connection: Connection, _: Scope, sealer: Sealer, now: float) -> list[tuple[int, ReceivedText]]:
    """(carrier, text) of texts that have waited for a part long enough; and forget those that nobody can tell again."""
    await connection.execute("DELETE FROM sms_parts WHERE joined AND at < $1", now - WAIT_S)
    keys = await connection.fetch(
        """
        SELECT DISTINCT p.carrier_id, p.ours, p.theirs, p.reference FROM sms_parts p
        WHERE NOT p.joined AND p.at < $1 LIMIT $2
        """,
        now - WAIT_S,
        LAPSES_MAX,
    )
    texts = []
    for key in sorted(
        (_Key(**row) for row in keys), key=lambda key: (key.carrier_id, key.ours, key.theirs, key.reference)
    ):
        await _lock(connection, key)
        waiting = await connection.fetch(
            """
            SELECT p.id, p.part, p.parts, p.body, p.carrier_message_id, p.joined FROM sms_parts p
            WHERE p.carrier_id = $1 AND p.ours = $2 AND p.theirs = $3 AND p.reference = $4 AND NOT p.joined ORDER BY p.id
            """,
            key.carrier_id,
            key.ours,
            key.theirs,
            key.reference,
        )
        if waiting:
            parts = [_part(row, sealer) for row in waiting]
            texts.append((key.carrier_id, await _join(connection, key, parts)))
    return texts


async def _join(connection: Connection, key: _Key, parts: Sequence[_Part]) -> ReceivedText:
    await connection.execute(
        "UPDATE sms_parts SET joined = true WHERE id = ANY($1::bigint[])", [part.id for part in parts]
    )
    bodies = {part.part: part.body for part in parts}
    body = ""
    for number in range(1, parts[0].parts + 1):
        # One mark for a gap, however many parts are missing.
        body += bodies.get(number, "" if number - 1 not in bodies and number > 1 else MISSING)
    named = next((part.carrier_message_id for part in parts if part.carrier_message_id), "")
    return ReceivedText(named, key.ours, key.theirs, body)


def _part(row: Any, sealer: Sealer) -> _Part:
    return _Part(**{**row, "body": sealer.unseal(row["body"], SEALED_PART).decode()})


async def _lock(connection: Connection, key: _Key) -> None:
    text = f"{key.ours} {key.theirs} {key.reference}"
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, $2))", text, key.carrier_id)
