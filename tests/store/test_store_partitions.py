"""Partitions are made ahead, take what came before them, and go whole (store/partitions.py)."""

from datetime import UTC, datetime

import asyncpg
import pytest

from callwright.store import partitions
from callwright.store.partitions import SERIES
from callwright.store.scope import PLATFORM

EVENTS, CALLS, *_ = SERIES
FEBRUARY = datetime(2028, 2, 29, 23, 59, 59, tzinfo=UTC).timestamp()


@pytest.mark.pure
def test_periods() -> None:
    day, month = partitions.of(EVENTS, FEBRUARY), partitions.of(CALLS, FEBRUARY)
    assert (day.name, day.high - day.low) == ("call_events_20280229", 86_400)
    assert (month.name, month.high - month.low) == ("calls_202802", 29 * 86_400)
    assert [one.name for one in partitions.wanted(CALLS, FEBRUARY)] == ["calls_202802", "calls_202803", "calls_202804"]
    assert len(partitions.wanted(EVENTS, FEBRUARY)) == 8
    assert partitions.of(CALLS, month.high).low == month.high


async def _entry(db, call_id: int, at: float) -> None:
    await db.pool.execute("INSERT INTO call_events (call_id, seq, at, body) VALUES ($1, 0, $2, '{}')", call_id, at)


@pytest.mark.store
async def test_made_ahead_once(db):
    for series in SERIES:
        made = await partitions.make(db, PLATFORM, series, FEBRUARY)
        assert made == [one.name for one in partitions.wanted(series, FEBRUARY)]
        assert await partitions.make(db, PLATFORM, series, FEBRUARY) == []
        assert [one.name for one in await partitions.there(db, PLATFORM, series)] == made
    await _entry(db, 1, FEBRUARY)
    rows = await partitions.rows(db, PLATFORM, await partitions.there(db, PLATFORM, EVENTS))
    assert (rows.pop("call_events_20280229"), set(rows.values())) == (1, {0})


@pytest.mark.store
async def test_what_came_before_its_partition_moves_into_it(db):
    """Nobody made partitions for a long time, or a clock was wrong."""
    for n, days in enumerate((-400, -1, 0, 30)):
        await _entry(db, n, FEBRUARY + days * 86_400)
    await partitions.make(db, PLATFORM, EVENTS, FEBRUARY)
    assert await db.pool.fetchval("SELECT count(*) FROM call_events_default") == 0
    assert [row["call_id"] for row in await db.pool.fetch("SELECT call_id FROM call_events ORDER BY at")] == [
        0,
        1,
        2,
        3,
    ]
    names = {one.name for one in await partitions.there(db, PLATFORM, EVENTS)}
    assert {"call_events_20270125", "call_events_20280228", "call_events_20280330"} < names


@pytest.mark.store
async def test_a_partition_goes_whole_and_alone(db):
    await partitions.make(db, PLATFORM, EVENTS, FEBRUARY)
    await _entry(db, 1, FEBRUARY)
    await _entry(db, 2, FEBRUARY + 86_400)
    await partitions.drop(db, PLATFORM, partitions.of(EVENTS, FEBRUARY))
    assert await db.pool.fetchval("SELECT array_agg(call_id) FROM call_events") == [2]


@pytest.mark.store
async def test_a_table_that_stays_locked_is_left_for_the_next_time(db, monkeypatch):
    monkeypatch.setattr(partitions, "LOCK_S_MAX", 1)
    async with db.transaction() as connection:
        await connection.execute("INSERT INTO call_events (call_id, seq, at, body) VALUES (1, 0, 1, '{}')")
        with pytest.raises(asyncpg.LockNotAvailableError):
            await partitions.make(db, PLATFORM, EVENTS, FEBRUARY)
    assert await partitions.make(db, PLATFORM, EVENTS, FEBRUARY)


@pytest.mark.store
async def test_a_partition_has_the_indexes_of_its_table(db):
    """So that it is attached without being read, and read as quickly."""
    for series in SERIES:
        await partitions.make(db, PLATFORM, series, FEBRUARY)
        assert await _indexes(db, partitions.of(series, FEBRUARY).name) == await _indexes(db, series.table), series


async def _indexes(db, table: str) -> list[str]:
    rows = await db.pool.fetch("SELECT indexdef FROM pg_indexes WHERE tablename = $1", table)
    return sorted(row["indexdef"].partition(" USING ")[2] + str("UNIQUE" in row["indexdef"]) for row in rows)


@pytest.mark.store
async def test_every_table_in_partitions_is_looked_after(db):
    rows = await db.pool.fetch("SELECT relname FROM pg_class WHERE relkind = 'p'")
    assert {row["relname"] for row in rows} == {series.table for series in SERIES}
