"""Calls: written by engines in batches, read by their owners."""

import time
from dataclasses import dataclass, field

from callwright.base.errors import NotFound
from callwright.session.codec import decode_entry
from callwright.session.run import Entry
from callwright.store import calls as store
from callwright.store import dialing
from callwright.store.calls import CallRow, ClosedCall, OpenedCall
from callwright.store.database import Database
from callwright.store.dialing import Finish
from callwright.store.scope import PLATFORM, Scope

DETAILS_KEPT_S = 5 * 86400.0
"How long a call's detailed log can be read (docs/compatibility/fuse-call-log.md)."


@dataclass(slots=True)
class CallBatch:
    """What an engine has to write: everything of one moment, in one transaction."""

    opened: list[OpenedCall] = field(default_factory=list)
    events: list[tuple[int, int, float, str]] = field(default_factory=list)
    "(call id, sequence number, UNIX seconds, JSON of the entry)."

    closed: list[ClosedCall] = field(default_factory=list)
    connected: list[tuple[int, float]] = field(default_factory=list)
    "(attempt id, UNIX seconds)."

    finished: list[Finish] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.opened) + len(self.events) + len(self.closed) + len(self.connected) + len(self.finished)


async def write(db: Database, batch: CallBatch) -> None:
    """All of the batch or nothing of it."""
    async with db.transaction() as connection:
        if batch.opened:
            await store.insert(connection, PLATFORM, batch.opened)
        if batch.connected:
            await dialing.connected(connection, PLATFORM, batch.connected)
        if batch.events:
            await store.append_events(connection, PLATFORM, batch.events)
        if batch.closed:
            await store.close(connection, PLATFORM, batch.closed)
        if batch.finished:
            await dialing.finish(connection, PLATFORM, batch.finished)


async def is_written(db: Database, batch: CallBatch) -> bool:
    """Whether a batch was committed though its `write` failed: the connection may have been lost after the commit.

    One row tells for all. Only what is inserted is asked for; to repeat the rest changes nothing.
    """
    if batch.opened:
        return await store.is_there(db, PLATFORM, call_id=batch.opened[0].id, seq=None)
    if batch.events:
        call_id, seq, _, _ = batch.events[0]
        return await store.is_there(db, PLATFORM, call_id=call_id, seq=seq)
    return False


async def reserve_ids(db: Database, count: int) -> list[int]:
    return await store.reserve_ids(db, PLATFORM, count)


async def listed(
    db: Database, scope: Scope, *, start: float, end: float, number: str = "", limit: int = 1000, offset: int = 0
) -> tuple[list[CallRow], int]:
    """Ended calls that began in [start, end), newest first, and how many match in all."""
    return await store.listed(db, scope, start=start, end=end, number=number, limit=limit, offset=offset)


async def get(db: Database, scope: Scope, session_id: str) -> CallRow:
    found = await store.get(db, scope, session_id)
    if found is None:
        raise NotFound("call log")
    return found


async def of_outbound(db: Database, scope: Scope, outbound_call_id: int) -> list[CallRow]:
    return await store.of_outbound(db, scope, outbound_call_id)


def has_details(call: CallRow, now: float) -> bool:
    """Whether the detailed log can still be read."""
    return call.started_at > now - DETAILS_KEPT_S


async def journal(db: Database, scope: Scope, session_id: str) -> list[Entry]:
    """The journal of a call. Raises `NotFound` where there is none, or none any more."""
    call = await get(db, scope, session_id)
    if not has_details(call, time.time()):
        raise NotFound("call log")
    return [decode_entry(at, body) for at, body in await store.events(db, scope, session_id)]
