"""What engines report, and what is done when one falls silent."""

from callwright.store import engines as store
from callwright.store.database import Database
from callwright.store.engines import EngineLease
from callwright.store.scope import PLATFORM

HEARTBEAT_S = 2.0
SILENT_S = 10.0
"An engine without a heartbeat for this long is lost. Five beats: a busy database must not cost an engine its calls."


async def register(db: Database, host: str, now: float) -> EngineLease:
    return await store.register(db, PLATFORM, host=host, now=now)


async def heartbeat(db: Database, engine_id: int, now: float) -> bool:
    """False: the engine was given up for lost and must end."""
    return await store.heartbeat(db, PLATFORM, engine_id, now)


async def stop(db: Database, engine_id: int, now: float) -> None:
    await store.stop(db, PLATFORM, engine_id, now)


async def bury(db: Database, now: float) -> int:
    """Clean up after engines that were lost. Returns how many."""
    return await store.bury(db, PLATFORM, silent_since=now - SILENT_S, now=now)
