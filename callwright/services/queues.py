"""How much waits."""

from callwright.store import queues as store
from callwright.store.database import Database
from callwright.store.queues import COUNTED_MAX
from callwright.store.scope import PLATFORM

__all__ = ["COUNTED_MAX", "waiting"]


async def waiting(db: Database) -> dict[str, int]:
    """Outbound calls, texts and posts of everybody that are not over: `calls`, `texts`, `posts`; each at most `COUNTED_MAX`."""
    return await store.waiting(db, PLATFORM)
