"""result_url posts: at most three tries, at 0, 30 and 300 s; every try is kept."""

from callwright.store import callbacks as store
from callwright.store.callbacks import CallbackTry, DueCallback
from callwright.store.database import Database
from callwright.store.scope import PLATFORM, Scope

RETRIES_S = (30.0, 300.0)
"Waits before the second and the third try."


async def claim(db: Database, *, limit: int, now: float) -> list[DueCallback]:
    return await store.claim(db, PLATFORM, limit=limit, now=now)


async def record(db: Database, callback: DueCallback, made: CallbackTry, *, now: float) -> str:
    """Keep a try and decide what follows: `delivered`, `pending` (tried again later) or `failed`."""
    if made.status is not None and 200 <= made.status < 300:
        state, due_at = "delivered", now
    elif made.number <= len(RETRIES_S):
        state, due_at = "pending", now + RETRIES_S[made.number - 1]
    else:
        state, due_at = "failed", now
    await store.record(db, PLATFORM, callback.id, made, state=state, due_at=due_at)
    return state


async def next_due(db: Database) -> float | None:
    """UNIX seconds of the next try; None where nothing waits."""
    return await store.next_due(db, PLATFORM)


async def tries(db: Database, scope: Scope, outbound_call_id: int) -> list[CallbackTry]:
    return await store.tries(db, scope, outbound_call_id)


__all__ = ["CallbackTry", "DueCallback", "claim", "next_due", "record", "tries"]
