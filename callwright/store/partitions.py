"""Tables that are kept for a time, in partitions by day or month (UTC), so that what has grown old is dropped, not deleted.

Partitions are made ahead (`AHEAD`). What comes when none was made, as in the first moments of a new database or after
long days without the jobs process, lies in the table's default partition until its own is made.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from callwright.store.database import Database
from callwright.store.scope import Scope

LOCK_S_MAX = 2
"How long a partition waits for its table: calls that write wait behind it."

MOVE_S_MAX = 600.0
"How long it may take to move rows out of the default partition."

PERIODS_MAX = 5_000
"Periods whose rows are moved out of the default partition in one go: over 13 years of days."


@dataclass(frozen=True, slots=True)
class Series:
    """A table in partitions."""

    table: str
    column: str
    every: Literal["day", "month"]
    kept: Literal["details", "calls"]
    ahead: int
    "How many periods after this one have their partition already."

    fillfactor: int = 100


SERIES = (
    Series("call_events", "at", "day", "details", 7),
    Series("calls", "started_at", "month", "calls", 2, 80),
    Series("call_errors", "at", "month", "calls", 2),
    Series("call_counts", "start_at", "month", "calls", 2, 50),
    Series("call_legs", "began_at", "day", "details", 7),
    Series("transcriptions", "requested_at", "day", "details", 7),
)


@dataclass(frozen=True, slots=True)
class Partition:
    """One period of a table: [low, high) in UNIX seconds."""

    series: Series
    low: int
    high: int

    @property
    def name(self) -> str:
        day = datetime.fromtimestamp(self.low, UTC)
        return f"{self.series.table}_{day:%Y%m%d}" if self.series.every == "day" else f"{self.series.table}_{day:%Y%m}"


def of(series: Series, at: float) -> Partition:
    """The partition in which that moment lies."""
    day = datetime.fromtimestamp(at, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if series.every == "day":
        return Partition(series, int(day.timestamp()), int(day.timestamp()) + 86_400)
    first = day.replace(day=1)
    return Partition(series, int(first.timestamp()), int((first + timedelta(days=32)).replace(day=1).timestamp()))


def wanted(series: Series, now: float) -> list[Partition]:
    """This period's and those ahead."""
    found = [of(series, now)]
    while len(found) <= series.ahead:
        found.append(of(series, found[-1].high))
    return found


async def there(db: Database, _: Scope, series: Series) -> list[Partition]:
    """The partitions of a table, oldest first, without its default one."""
    rows = await db.pool.fetch(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = $1::text::regclass",
        series.table,
    )
    form = "%Y%m%d" if series.every == "day" else "%Y%m"
    stamps = [found[1] for row in rows if (found := re.fullmatch(rf"{series.table}_([0-9]+)", row["relname"]))]
    return [of(series, datetime.strptime(stamp, form).replace(tzinfo=UTC).timestamp()) for stamp in sorted(stamps)]


async def make(db: Database, scope: Scope, series: Series, now: float) -> list[str]:
    """Make what is missing, ahead and for what lies in the default partition. Names of those made.

    Raises one of `FAILURES` where the table stayed locked; the next try goes on.
    """
    made = []
    present = {partition.name for partition in await there(db, scope, series)}
    for partition in wanted(series, now):
        if partition.name not in present:
            await _make(db, partition)
            made.append(partition.name)
    for _ in range(PERIODS_MAX):
        at = await db.pool.fetchval(f"SELECT {series.column} FROM {series.table}_default LIMIT 1")
        if at is None:
            break
        await _make(db, of(series, at))
        made.append(of(series, at).name)
    return made


async def _make(db: Database, partition: Partition) -> None:
    table, column, name = partition.series.table, partition.series.column, partition.name
    async with db.transaction() as connection:
        await connection.execute(f"SET LOCAL lock_timeout = '{LOCK_S_MAX}s'")
        # Nobody writes meanwhile: a row on its way into the default partition would find that it belongs there no more.
        await connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        if await connection.fetchval("SELECT to_regclass($1) IS NOT NULL", name):
            return  # Another machine's job was quicker.
        await connection.execute(
            f"""
            CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES)
            WITH (fillfactor = {partition.series.fillfactor})
            """
        )
        await connection.execute(
            f"""
            WITH moved AS (
                DELETE FROM {table}_default WHERE {column} >= {partition.low} AND {column} < {partition.high} RETURNING *
            ) INSERT INTO {name} SELECT * FROM moved
            """,
            timeout=MOVE_S_MAX,
        )
        await connection.execute(
            f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ({partition.low}) TO ({partition.high})",
            timeout=MOVE_S_MAX,
        )


async def rows(db: Database, _: Scope, partitions: Sequence[Partition]) -> dict[str, int]:
    """How many rows each has."""
    return {
        partition.name: await db.pool.fetchval(f"SELECT count(*) FROM {partition.name}", timeout=MOVE_S_MAX)
        for partition in partitions
    }


async def drop(db: Database, _: Scope, partition: Partition) -> None:
    """Raises one of `FAILURES` where the table stayed locked."""
    async with db.transaction() as connection:
        await connection.execute(f"SET LOCAL lock_timeout = '{LOCK_S_MAX}s'")
        await connection.execute(f"DROP TABLE IF EXISTS {partition.name}")
