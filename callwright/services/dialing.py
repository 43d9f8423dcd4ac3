"""The engine's side of the outbound queue."""

from collections.abc import Sequence

from callwright.services import engines
from callwright.store import dialing as store
from callwright.store import undialled
from callwright.store.database import Database
from callwright.store.dialing import BATCH, SOON_S, Claim, Ending, Finish
from callwright.store.scope import PLATFORM

_BUSY = frozenset({486, 600})
_NO_ANSWER = frozenset({408, 480, 487})
_CONGESTION = frozenset({500, 502, 503, 504, 580})
_PASSES = frozenset({409, 423, 429, 430, 481, 482, 483, 491, 494, 513})
"What may go by itself: loops of a route that is being changed, limits, and races."


def ending_of(status: int, *, heard: bool = True) -> Ending:
    """What a final SIP status other than 2xx means for an attempt; `heard`: the peer said anything at all.

    `rejected` is final: another attempt will not change that a number does not exist (404, 410, 484, 604), that the callee
    does not want the call (603, 607), that we may not make it (401, 403, 407), or that it went elsewhere (3xx).
    """
    if not heard:
        return "unreachable"
    if status in _BUSY:
        return "busy"
    if status in _NO_ANSWER:
        return "no_answer"
    if status in _CONGESTION:
        return "congestion"
    return "failed" if status in _PASSES or (500 <= status < 600 and status not in (501, 505)) else "rejected"


async def next_due(db: Database, *, until: float) -> float | None:
    """When there is something that an engine could claim, if it had room (UNIX seconds, perhaps of the past); None: nothing
    comes due until then."""
    return await store.next_due(db, PLATFORM, until)


async def claim(db: Database, *, engine_id: int, free: int, now: float) -> list[Claim]:
    """Take due calls, as many as are `free`. One to a telephone that another engine reaches, which dials, is left to it."""
    return await store.claim(db, PLATFORM, engine_id=engine_id, free=free, now=now, silent_since=now - engines.SILENT_S)


async def start(db: Database, dialled: Sequence[tuple[int, str]], now: float) -> set[int]:
    return await store.start(db, PLATFORM, dialled, now)


async def give_back(db: Database, *, engine_id: int, undialled: Sequence[int], now: float) -> int:
    """Queue again what this engine holds but has not dialled; not to be called between its `claim` and `start`."""
    return await store.give_back(db, PLATFORM, engine_id=engine_id, undialled=undialled, now=now)


async def doubt_due(db: Database, now: float) -> int:
    """In a database that was just restored: end the queued calls that are due, in doubt. Returns how many."""
    ended = 0
    while more := await undialled.doubt_due(db, PLATFORM, now):
        ended += more
    return ended


async def sweep(db: Database, now: float) -> int:
    """End what can no longer be dialled: windows that passed, numbers that no trunk takes. Returns how many."""
    if not await undialled.is_hopeless(db, PLATFORM, now):
        return 0
    return await undialled.expire_windows(db, PLATFORM, now) + await undialled.reject_unroutable(db, PLATFORM, now)


__all__ = [
    "BATCH",
    "SOON_S",
    "Claim",
    "Ending",
    "Finish",
    "claim",
    "doubt_due",
    "ending_of",
    "give_back",
    "next_due",
    "start",
    "sweep",
]
