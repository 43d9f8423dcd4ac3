"""How long things are kept: detailed logs and transcriptions five days, calls and their errors a year, unless the platform says
otherwise.

An account may choose less than the platform: it hides at once, and `run` deletes it by and by. Whatever is older than
the platform keeps goes with its whole partition. Nothing else is ever deleted here.
"""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from callwright.base.errors import RequestError
from callwright.store import partitions
from callwright.store import retention as store
from callwright.store.database import Database
from callwright.store.partitions import SERIES, Partition
from callwright.store.retention import Days, Kept
from callwright.store.scope import PLATFORM, Scope

BATCH = 1_000
"Rows deleted in one transaction: a moment's work, so that no call waits for it."

DAYS_MAX = 3_660
"Ten years: a partition a day is made and looked through."


@dataclass(frozen=True, slots=True)
class Removed:
    """What was deleted, or would be."""

    table: str
    "Of a partition: its own name."

    rows: int
    account_id: int | None = None
    "None: the whole partition was dropped."


async def kept(db: Database, scope: Scope) -> Kept:
    """What the scope may still read."""
    return await store.kept(db, scope, time.time())


async def platform_days(db: Database) -> Days:
    return await store.platform_days(db, PLATFORM)


async def set_platform_days(db: Database, *, details: int | None, calls: int | None) -> None:
    """None leaves it as it is. Raises `RequestError`."""
    now = await store.platform_days(db, PLATFORM)
    days = Days(now.details if details is None else details, now.calls if calls is None else calls)
    assert days.details is not None and days.calls is not None
    if not 0 <= days.details <= days.calls <= DAYS_MAX or days.calls < 1:
        raise RequestError(400, f"0 <= days of details <= days of calls <= {DAYS_MAX} must hold.", field="details_days")
    await store.set_platform_days(db, PLATFORM, days)


async def make_partitions(db: Database, now: float) -> list[str]:
    """Make those of the days and months to come. Their names."""
    return [name for series in SERIES for name in await partitions.make(db, PLATFORM, series, now)]


async def planned(db: Database, now: float) -> list[Removed]:
    """What `run` would delete at this moment."""
    counted = await partitions.rows(db, PLATFORM, await _outlived(db, now))
    found = [Removed(name, rows) for name, rows in counted.items()]
    platform = await store.kept(db, PLATFORM, now)
    for account_id in await store.accounts_that_keep_less(db, PLATFORM):
        account = await store.kept(db, Scope(account_id, 0, "v1"), now)
        rows_of = await store.counted(db, PLATFORM, account_id, platform, account)
        found += [Removed(table, rows, account_id) for table, rows in rows_of.items() if rows]
    return found


async def run(db: Database, now: float) -> AsyncIterator[Removed]:
    """Delete what nobody may read any more, telling of each step once it is done."""
    for partition in await _outlived(db, now):
        rows = (await partitions.rows(db, PLATFORM, [partition]))[partition.name]
        await partitions.drop(db, PLATFORM, partition)
        yield Removed(partition.name, rows)
    platform = await store.kept(db, PLATFORM, now)
    for account_id in await store.accounts_that_keep_less(db, PLATFORM):
        account = await store.kept(db, Scope(account_id, 0, "v1"), now)
        for table in ("call_events", "call_legs", "call_errors", "calls", "transcriptions"):
            rows = 0
            while done := await _batch(db, table, account_id, platform, account):
                rows += done
            if rows:
                yield Removed(table, rows, account_id)


async def _batch(db: Database, table: str, account_id: int, platform: Kept, account: Kept) -> int:
    match table:
        case "call_events":
            since, before = platform.details_since, account.details_since
            return await store.delete_details(db, PLATFORM, account_id, since=since, before=before, limit=BATCH)
        case "call_legs":
            return await store.delete_legs(db, PLATFORM, account_id, before=account.details_since, limit=BATCH)
        case "transcriptions":
            before = account.details_since
            return await store.delete_transcriptions(db, PLATFORM, account_id, before=before, limit=BATCH)
        case "call_errors":
            return await store.delete_errors(db, PLATFORM, account_id, before=account.calls_since, limit=BATCH)
        case _:
            return await store.delete_calls(db, PLATFORM, account_id, before=account.calls_since, limit=BATCH)


async def _outlived(db: Database, now: float) -> list[Partition]:
    """Partitions of which every row is older than the platform keeps."""
    platform = await store.kept(db, PLATFORM, now)
    since = {"details": platform.details_since, "calls": platform.calls_since}
    return [
        partition
        for series in SERIES
        for partition in await partitions.there(db, PLATFORM, series)
        if partition.high <= since[series.kept]
    ]
