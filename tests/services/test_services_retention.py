"""What is kept, what is hidden, what is deleted, and that nothing else is (services/retention.py)."""

import time
import uuid

import pytest

from callwright.base.errors import NotFound, RequestError
from callwright.services import accounts, calls, engines, retention
from callwright.services.calls import CallBatch
from callwright.services.retention import Removed
from callwright.session.codec import encode_entry
from callwright.session.commands import Log
from callwright.session.run import Entry
from callwright.store import transcriptions
from callwright.store.calls import CallError, ClosedCall, OpenedCall, Page
from callwright.store.legs import LegRow
from callwright.store.partitions import SERIES
from callwright.store.transcriptions import Transcription

pytestmark = pytest.mark.store

DAY_S = 86_400
ALL = Page(0, 1 << 40)
AGES = (0, 1, 3, 4.9, 5.1, 7, 40, 200, 364, 400, 700)
"Days."


@pytest.fixture
async def history(db, world, other):
    """Calls of two accounts at each of the ages, with a journal of two entries and an error, and as many transcriptions."""
    now = time.time()
    await retention.make_partitions(db, now - 3 * DAY_S)
    for its in (world, other):
        moments = [now - age * DAY_S - 60 for age in AGES]
        await _calls(db, its, moments)
        for at in moments:
            made = Transcription(uuid.uuid4(), "en-US", "hello", 1.0, at, at)
            await transcriptions.insert(db, its.scope, made)
    await retention.make_partitions(db, now)
    return now


async def _calls(db, world, moments):
    engine = (await engines.register(db, "test", time.time())).id
    ids = await calls.reserve_ids(db, len(moments))
    batch = CallBatch()
    for call_id, at in zip(ids, moments, strict=True):
        scope = world.scope
        its = (scope.account_id, scope.user_id, world.application_id, world.deployment_id)
        session_id = f"{call_id};000;{int(at)}"
        batch.opened.append(
            OpenedCall(call_id, *its, 1, None, engine, session_id, "x@y", "inbound", "1", "2", at, world.number)
        )
        for seq in range(2):
            body = encode_entry(Entry(at + seq, None, Log("line", "error"))).decode()
            batch.events.append((call_id, seq, at + seq, body))
        error = (call_id, 0, at, scope.account_id, scope.user_id, session_id, "inbound", "1", "2", world.number, "line")
        batch.errors.append(CallError(*error))
        leg = LegRow(
            f"{call_id}@x", at, scope.account_id, scope.user_id, call_id, None, "caller", "", at + 2, "", "{}", b""
        )
        batch.legs.append(leg)
        batch.closed.append(ClosedCall(call_id, at + 2, "exit", "", ""))
    await calls.write(db, batch)


async def _rows(db) -> dict[str, int]:
    """Every table of the database, partitions under the name of their table."""
    rows = await db.pool.fetch(
        """
        SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition
        """
    )
    return {row["relname"]: await db.pool.fetchval(f'SELECT count(*) FROM "{row["relname"]}"') for row in rows}


async def _run(db, now) -> list[Removed]:
    return [removed async for removed in retention.run(db, now)]


async def _ages(db, scope, now) -> list[float]:
    """Of the calls that are read, the newest first; those with a readable log."""
    found, total = await calls.listed(db, scope, ALL)
    with_log, _ = await calls.listed_with_log(db, scope, ALL)
    assert total == len(found)
    assert [call.id for call in found if call.has_log] == [call.id for call in with_log]
    _, errors = await calls.errors(db, scope, ALL)
    assert errors == total
    return [round((now - 60 - call.started_at) / DAY_S, 1) for call in found], len(with_log)


async def test_five_days_and_a_year(db, world, history):
    assert await _ages(db, world.scope, history) == ([0, 1, 3, 4.9, 5.1, 7, 40, 200, 364], 4)
    found, _ = await calls.listed(db, world.scope, ALL)
    assert len(await calls.journal(db, world.scope, found[3])) == 2
    with pytest.raises(NotFound):
        await calls.journal(db, world.scope, found[4])
    with pytest.raises(NotFound):
        await calls.with_log(db, world.scope, found[4].id)
    gone = await db.pool.fetchval("SELECT session_id FROM calls WHERE started_at < $1 LIMIT 1", history - 380 * DAY_S)
    with pytest.raises(NotFound):
        await calls.get(db, world.scope, gone)


async def test_only_what_has_grown_old_goes_and_a_dry_run_tells_it(db, world, history):
    before = await _rows(db)
    planned = await retention.planned(db, history)
    assert await _rows(db) == before
    removed = await _run(db, history)
    assert removed == planned and all(one.account_id is None for one in removed)
    after = await _rows(db)
    changed = {table for table in before if before[table] != after[table]}
    assert changed == {series.table for series in SERIES} and before.keys() == after.keys()
    # Both accounts': what may be read is all there, and what is old is gone but for the rest of its day or month.
    assert await _ages(db, world.scope, history) == ([0, 1, 3, 4.9, 5.1, 7, 40, 200, 364], 4)
    assert after["call_events"] in (2 * 2 * 4, 2 * 2 * 5)
    assert after["calls"] == 2 * 9 or after["calls"] == 2 * 10
    assert await retention.planned(db, history) == await _run(db, history) == []


async def test_an_account_may_keep_less(db, world, other, history):
    await _run(db, history)
    before = await _rows(db)
    await accounts.set_logging(db, world.scope, time_zone="UTC", details_days=2, calls_days=30)
    # Hidden at once,
    assert await _rows(db) == before
    assert await _ages(db, world.scope, history) == ([0, 1, 3, 4.9, 5.1, 7], 2)
    # then deleted, and only its own.
    planned = await retention.planned(db, history)
    assert {one.account_id for one in planned} == {world.scope.account_id}
    assert await _rows(db) == before
    removed = await _run(db, history)
    assert sorted((one.table, one.rows) for one in removed) == sorted((one.table, one.rows) for one in planned)
    after = await _rows(db)
    # (Counts go down, and stay as rows.)
    changed = {table for table in before if before[table] != after[table]}
    assert changed == {"calls", "call_events", "call_legs", "call_errors", "transcriptions"}
    assert await _ages(db, world.scope, history) == ([0, 1, 3, 4.9, 5.1, 7], 2)
    assert await _ages(db, other.scope, history) == ([0, 1, 3, 4.9, 5.1, 7, 40, 200, 364], 4)
    # It is gone, also for one who would read it again.
    await accounts.set_logging(db, world.scope, time_zone="UTC", details_days=None, calls_days=None)
    assert (await _ages(db, world.scope, history))[0] == [0, 1, 3, 4.9, 5.1, 7]
    assert await retention.planned(db, history) == []


async def test_batches(db, world, history, monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 1)
    await accounts.set_logging(db, world.scope, time_zone="UTC", details_days=0, calls_days=1)
    removed = {one.table: one.rows for one in await _run(db, history) if one.account_id}
    assert removed["call_events"] in (8, 10) and removed["calls"] >= 8
    found, with_log = await _ages(db, world.scope, history)
    assert (found, with_log) == ([0], 0)


async def test_details_go_before_their_call_does(db, world, history):
    """An account that keeps calls for less time than the platform keeps details."""
    await accounts.set_logging(db, world.scope, time_zone="UTC", details_days=None, calls_days=2)
    await _run(db, history)
    assert await _ages(db, world.scope, history) == ([0, 1], 2)
    left = "SELECT count(*) FROM call_events e WHERE NOT EXISTS (SELECT 1 FROM calls c WHERE c.id = e.call_id) AND e.at > $1"
    assert await db.pool.fetchval(left, history - 5 * DAY_S) == 0


async def test_the_platform_may_keep_more(db, world, history):
    await retention.set_platform_days(db, details=100, calls=720)
    assert await _ages(db, world.scope, history) == (list(map(float, AGES)), 7)
    assert [one for one in await retention.planned(db, history) if one.table.startswith("calls")] == []
    found, _ = await calls.listed(db, world.scope, ALL)
    assert len(await calls.journal(db, world.scope, found[6])) == 2


@pytest.mark.parametrize(("details", "calls_days"), [(6, 5), (-1, None), (None, 0), (None, 4), (None, 100_000)])
async def test_what_the_platform_cannot_keep(db, details, calls_days):
    with pytest.raises(RequestError):
        await retention.set_platform_days(db, details=details, calls=calls_days)
    assert await retention.platform_days(db) == retention.Days(5, 366)


@pytest.mark.parametrize(
    ("field", "value"),
    [("details_days", 6), ("details_days", -1), ("calls_days", 0), ("calls_days", 367), ("time_zone", "Mars/Olympus")],
)
async def test_an_account_cannot_keep_more(db, world, field, value):
    given = {"time_zone": "UTC", "details_days": None, "calls_days": None} | {field: value}
    with pytest.raises(RequestError) as error:
        await accounts.set_logging(db, world.scope, **given)
    assert (error.value.status, error.value.field) == (422, field)


async def test_a_call_that_lasts_is_not_deleted(db, world, history):
    """However old: it has not ended."""
    await db.pool.execute("UPDATE calls SET ended_at = NULL WHERE started_at < $1", history - 6 * DAY_S)
    await accounts.set_logging(db, world.scope, time_zone="UTC", details_days=0, calls_days=1)
    opened = await db.pool.fetchval(
        "SELECT count(*) FROM calls WHERE ended_at IS NULL AND started_at > $1", history - 300 * DAY_S
    )
    await _run(db, history)
    left = "SELECT count(*) FROM calls WHERE ended_at IS NULL AND started_at > $1"
    assert await db.pool.fetchval(left, history - 300 * DAY_S) == opened > 0
