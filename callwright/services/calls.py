"""Calls: written by engines in batches, read by their owners."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, fields, replace

from callwright.base.errors import NotFound
from callwright.services import numbers, retention
from callwright.session.codec import decode_entry
from callwright.session.run import Entry
from callwright.store import calls as store
from callwright.store import dialing, legs
from callwright.store.calls import CallError, CallRow, ClosedCall, OpenedCall, Page
from callwright.store.database import Database
from callwright.store.dialing import Finish
from callwright.store.legs import LegRow
from callwright.store.scope import PLATFORM, Scope

JOURNALS_AT_ONCE = 100
"Calls of a long list whose journals are in memory at the same time: some thousand entries."


@dataclass(slots=True)
class CallBatch:
    """What an engine has to write: everything of one moment, in one transaction."""

    opened: list[OpenedCall] = field(default_factory=list)
    events: list[tuple[int, int, float, str]] = field(default_factory=list)
    "(call id, sequence number, UNIX seconds, JSON of the entry)."

    errors: list[CallError] = field(default_factory=list)
    closed: list[ClosedCall] = field(default_factory=list)
    legs: list[LegRow] = field(default_factory=list)
    connected: list[tuple[int, float]] = field(default_factory=list)
    "(attempt id, UNIX seconds)."

    finished: list[Finish] = field(default_factory=list)

    def __len__(self) -> int:
        return sum(len(getattr(self, kind.name)) for kind in fields(self))


async def write(db: Database, batch: CallBatch) -> None:
    """All of the batch or nothing of it."""
    async with db.transaction() as connection:
        if batch.opened:
            await store.insert(connection, PLATFORM, batch.opened)
        if batch.connected:
            await dialing.connected(connection, PLATFORM, batch.connected)
        if batch.events:
            await store.append_events(connection, PLATFORM, batch.events)
        if batch.errors:
            await store.append_errors(connection, PLATFORM, batch.errors)
        if batch.legs:
            await legs.insert(connection, PLATFORM, batch.legs)
        if batch.finished:
            await dialing.finish(connection, PLATFORM, batch.finished)
        if batch.closed:
            # Last: it counts, and whoever counts the same minute waits for the end of this transaction.
            await store.close(connection, PLATFORM, batch.closed)


async def is_written(db: Database, batch: CallBatch) -> bool:
    """Whether a batch was committed though its `write` failed: the connection may have been lost after the commit.

    One row tells for all. Only what is inserted is asked for; to repeat the rest changes nothing.
    """
    if batch.opened:
        return await store.is_there(db, PLATFORM, call_id=batch.opened[0].id, seq=None)
    if batch.events:
        call_id, seq, _, _ = batch.events[0]
        return await store.is_there(db, PLATFORM, call_id=call_id, seq=seq)
    return bool(batch.legs) and await legs.is_there(db, PLATFORM, batch.legs[0])


async def reserve_ids(db: Database, count: int) -> list[int]:
    return await store.reserve_ids(db, PLATFORM, count)


async def listed(db: Database, scope: Scope, page: Page) -> tuple[list[CallRow], int]:
    """Ended calls, newest first, and how many match in all."""
    kept = await retention.kept(db, scope)
    return await store.listed(db, scope, await _of_ours(db, scope, page), kept)


async def listed_with_log(db: Database, scope: Scope, page: Page) -> tuple[list[CallRow], int]:
    """The same, only those whose detailed log can still be read."""
    kept = await retention.kept(db, scope)
    kept = replace(kept, calls_since=max(kept.calls_since, kept.details_since))
    return await store.listed(db, scope, await _of_ours(db, scope, page), kept)


async def errors(db: Database, scope: Scope, page: Page) -> tuple[list[CallError], int]:
    """What went wrong in calls, newest first, and how much matches in all."""
    kept = await retention.kept(db, scope)
    return await store.errors(db, scope, await _of_ours(db, scope, page), kept)


async def _of_ours(db: Database, scope: Scope, page: Page) -> Page:
    """The page with its number as we write it."""
    return replace(page, number=await numbers.known_as(db, scope, page.number)) if page.number else page


async def get(db: Database, scope: Scope, session_id: str) -> CallRow:
    found = await store.get(db, scope, await retention.kept(db, scope), session_id=session_id)
    if found is None:
        raise NotFound("call log")
    return found


async def of_outbound(db: Database, scope: Scope, outbound_call_id: int) -> list[CallRow]:
    return await store.of_outbound(db, scope, outbound_call_id, await retention.kept(db, scope))


async def journal(db: Database, scope: Scope, call: CallRow) -> list[Entry]:
    """The journal of a call. Raises `NotFound` where there is none any more."""
    if not call.has_log:
        raise NotFound("call log")
    return [decode_entry(at, body) for at, body in await store.events(db, scope, call.id)]


async def journals(db: Database, scope: Scope, found: Sequence[CallRow]) -> AsyncIterator[tuple[CallRow, list[Entry]]]:
    """Each of these calls with its journal, read from the database a few at a time."""
    at = 0
    while at < len(found):
        few = found[at : at + JOURNALS_AT_ONCE]
        since = min(call.started_at for call in few)
        for call, rows in zip(few, await store.journals(db, scope, [call.id for call in few], since), strict=False):
            yield call, [decode_entry(when, body) for when, body in rows]
            at += 1


async def with_log(db: Database, scope: Scope, call_id: int) -> tuple[CallRow, list[Entry]]:
    """A call by its own id, with its journal. Raises `NotFound` where either is not there (any more)."""
    call = await store.get(db, scope, await retention.kept(db, scope), call_id=call_id)
    if call is None:
        raise NotFound("call log")
    return call, await journal(db, scope, call)
