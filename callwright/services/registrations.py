"""Registrations at trunks, as engines share them out."""

from callwright.store import trunk_registrations as store
from callwright.store.database import Database
from callwright.store.scope import PLATFORM
from callwright.store.trunk_registrations import RegisteredTrunk

LEASE_S = 10.0
"Five looks of the engine that holds it. The same as an engine's own lease."


async def claim(db: Database, *, engine_id: int, now: float) -> list[RegisteredTrunk]:
    """What this engine is to register from here on."""
    return await store.claim(db, PLATFORM, engine_id=engine_id, now=now, lease_s=LEASE_S)


async def tell(
    db: Database, *, engine_id: int, trunk_id: int, state: str, reason: str, expires_at: float | None, now: float
) -> None:
    """`state`: `registered` or `failed`, with the reason."""
    await store.tell(
        db,
        PLATFORM,
        engine_id=engine_id,
        trunk_id=trunk_id,
        state=state,
        reason=reason,
        expires_at=expires_at,
        now=now,
    )


async def release(db: Database, *, engine_id: int, now: float) -> None:
    await store.release(db, PLATFORM, engine_id=engine_id, now=now)
