"""What was seen of legs, in partitions by day, kept as long as detailed logs. The engine writes it in batches."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from callwright.store.database import Connection, Database
from callwright.store.scope import Scope, visible

Role = Literal["caller", "called", "transfer"]

LEGS_MAX = 200
"Of one call that are read."


@dataclass(frozen=True, slots=True)
class LegRow:
    """One party's signalling and media, once it is over."""

    sip_call_id: str
    began_at: float
    "UNIX seconds."

    account_id: int
    user_id: int
    call_id: int | None
    "None of an attempt that nobody answered."

    outbound_call_id: int | None
    role: Role
    us: str
    "IP address and port of ours, `127.0.0.1:5060`, `[::1]:5060`; empty where no message was seen."

    ended_at: float
    ending: str
    "Who ended it and why, `remote: BYE`."

    media: str
    "JSON of `MediaStats`."

    messages: bytes
    "`sip.ladder.packed`; empty in the secure environment, and of a private transfer."


_COLUMNS = tuple(LegRow.__dataclass_fields__)


async def insert(connection: Connection, _: Scope, legs: Sequence[LegRow]) -> None:
    await connection.copy_records_to_table(
        "call_legs", records=[tuple(getattr(leg, name) for name in _COLUMNS) for leg in legs], columns=_COLUMNS
    )


async def is_there(db: Database, _: Scope, leg: LegRow) -> bool:
    found: bool = await db.pool.fetchval(
        "SELECT EXISTS (SELECT 1 FROM call_legs WHERE sip_call_id = $1 AND began_at = $2)",
        leg.sip_call_id,
        leg.began_at,
    )
    return found


async def of(
    db: Database, scope: Scope, *, call_id: int | None = None, outbound_call_id: int | None = None, since: float
) -> list[LegRow]:
    """Legs of a call, or of all attempts of an outbound call, that began since then; the oldest first."""
    mine, who = visible(scope, 1, "l")
    column, value = ("call_id", call_id) if call_id is not None else ("outbound_call_id", outbound_call_id)
    rows: list[Any] = await db.pool.fetch(
        f"""
        SELECT {", ".join(f"l.{name}" for name in _COLUMNS)} FROM call_legs l
        WHERE {mine} AND l.{column} = $2 AND l.began_at >= $3 ORDER BY l.began_at LIMIT {LEGS_MAX}
        """,
        who,
        value,
        since,
    )
    return [LegRow(**row) for row in rows]
