"""The engine's side of the outbound queue."""

from collections.abc import Sequence

from callwright.store import dialing as store
from callwright.store.database import Database
from callwright.store.dialing import BATCH, Claim, Ending, Finish
from callwright.store.scope import PLATFORM

_REFUSED = frozenset({400, 401, 403, 404, 405, 407, 410, 413, 414, 415, 416, 420, 484, 485, 488, 501, 505, 604, 606})
"Answers that another attempt will not change."


def ending_of(status: int) -> Ending:
    """What a final SIP status other than 2xx means for an attempt."""
    if status in (486, 600, 603):
        return "busy"
    if status in (408, 480, 487):
        return "no_answer"
    return "rejected" if status in _REFUSED else "failed"


async def claim(db: Database, *, engine_id: int, free: int, now: float) -> list[Claim]:
    return await store.claim(db, PLATFORM, engine_id=engine_id, free=free, now=now)


async def start(db: Database, dialled: Sequence[tuple[int, str]], now: float) -> set[int]:
    return await store.start(db, PLATFORM, dialled, now)


async def give_back(db: Database, *, engine_id: int, undialled: Sequence[int], now: float) -> int:
    """Queue again what this engine holds but has not dialled; not to be called between its `claim` and `start`."""
    return await store.give_back(db, PLATFORM, engine_id=engine_id, undialled=undialled, now=now)


async def doubt_due(db: Database, now: float) -> int:
    """In a database that was just restored: end the queued calls that are due, in doubt. Returns how many."""
    ended = 0
    while more := await store.doubt_due(db, PLATFORM, now):
        ended += more
    return ended


async def sweep(db: Database, now: float) -> int:
    """End what can no longer be dialled: windows that passed, numbers that no trunk takes. Returns how many."""
    return await store.expire_windows(db, PLATFORM, now) + await store.reject_unroutable(db, PLATFORM, now)


__all__ = ["BATCH", "Claim", "Ending", "Finish", "claim", "doubt_due", "ending_of", "give_back", "start", "sweep"]
