"""Counts of calls are exact, and an offset is found by them: checked against counting one by one."""

import asyncio
import random
import time

import pytest

from callwright.services import calls, engines
from callwright.services.calls import CallBatch
from callwright.store import calls as store
from callwright.store import retention as stored_retention
from callwright.store.call_counts import DAY_S, MINUTE_S
from callwright.store.calls import ClosedCall, OpenedCall, Page
from callwright.store.engines import LOST

pytestmark = pytest.mark.store

NOON = int(time.time()) // DAY_S * DAY_S - DAY_S // 2


async def _write(db, world, moments: list[tuple[float, str]], *, close: bool = True) -> list[ClosedCall]:
    engine = (await engines.register(db, "test", time.time())).id
    ids = await calls.reserve_ids(db, len(moments))
    opened = [
        OpenedCall(
            id=call_id,
            account_id=world.scope.account_id,
            user_id=world.scope.user_id,
            application_id=world.application_id,
            deployment_id=world.deployment_id,
            version_id=1,
            outbound_call_id=None,
            engine_id=engine,
            session_id=f"{call_id};000;1",
            sip_call_id="x@y",
            direction="inbound",
            src="1",
            dest=number or "2",
            number=number,
            started_at=at,
        )
        for call_id, (at, number) in zip(ids, moments, strict=True)
    ]
    closed = [ClosedCall(one.id, one.started_at + 1, "exit", "", "") for one in opened]
    await calls.write(db, CallBatch(opened=opened, closed=closed if close else []))
    return closed


def _moments(seed: int, count: int) -> list[tuple[float, str]]:
    """Over eight days, many of them in the same minute, some at the edges of minutes and days."""
    chance = random.Random(seed)
    edges = [NOON, NOON + DAY_S // 2, NOON + DAY_S // 2 - 0.001, NOON + MINUTE_S]
    found = []
    for _ in range(count):
        kind = chance.random()
        if kind < 0.2:
            at = float(chance.choice(edges) - chance.randrange(4) * DAY_S)
        elif kind < 0.5:
            at = NOON + chance.random() * 90
        else:
            at = NOON - chance.random() * 8 * DAY_S
        found.append((at, chance.choice(["", "8005550111", "8005550112"])))
    return found


async def test_any_range_number_and_offset(db, world, other):
    moments = _moments(1, 400)
    await _write(db, world, moments)
    await _write(db, other, _moments(2, 50))
    newest_first = sorted(((at, number) for at, number in moments), reverse=True)
    chance = random.Random(3)
    scope = world.scope.through("plum")
    for _ in range(150):
        start = NOON - int(chance.random() * 9 * DAY_S)
        length = chance.choice([1, 30, 61, 3600, DAY_S, 3 * DAY_S, 20 * DAY_S])
        number = chance.choice(["", "", "8005550111", "8005550112", "nobody"])
        matching = [at for at, its in newest_first if start <= at < start + length and number in ("", its)]
        offset = chance.choice([0, 1, len(matching) // 2, max(len(matching) - 1, 0), len(matching), 10_000])
        page = Page(start, start + length, number=number, limit=7, offset=offset)
        found, total = await calls.listed(db, scope, page)
        assert total == len(matching), page
        assert [call.started_at for call in found] == matching[offset : offset + 7], page


async def test_an_account_reads_all_its_users(db, world):
    moments = _moments(4, 60)
    await _write(db, world, moments)
    page = Page(0, 1 << 40, limit=5, offset=33)
    found, total = await calls.listed(db, world.scope, page)
    assert (total, [call.started_at for call in found]) == (60, sorted((at for at, _ in moments), reverse=True)[33:38])


async def _counted(db) -> dict[tuple[str, int], int]:
    rows = await db.pool.fetch("SELECT number, width_s, sum(calls)::int AS calls FROM call_counts GROUP BY 1, 2")
    return {(row["number"], row["width_s"]): row["calls"] for row in rows}


async def test_a_call_counts_when_it_has_ended_and_once(db, world):
    closed = await _write(db, world, [(float(NOON), "8005550111"), (NOON + 1.0, "")], close=False)
    assert await _counted(db) == {}
    # A batch whose commit nobody heard of is written again.
    for _ in range(2):
        await calls.write(db, CallBatch(closed=closed[:1]))
    once = {("", MINUTE_S): 1, ("", DAY_S): 1, ("8005550111", MINUTE_S): 1, ("8005550111", DAY_S): 1}
    assert await _counted(db) == once
    # The other is left open by an engine that was lost.
    async with db.transaction() as connection:
        engine_id = await connection.fetchval("SELECT max(engine_id) FROM calls")
        await store.close_lost(connection, world.scope, engine_id, cause=LOST, now=NOON + 5.0)
    assert await _counted(db) == once | {("", MINUTE_S): 2, ("", DAY_S): 2}
    await calls.write(db, CallBatch(closed=closed))
    assert (await _counted(db))["", DAY_S] == 2
    assert await db.pool.fetchval("SELECT count(*) FROM calls WHERE outcome = 'lost'") == 1


async def test_what_is_deleted_no_longer_counts(db, world):
    await _write(db, world, _moments(5, 100))
    before = NOON - 3 * DAY_S
    left = await db.pool.fetchval("SELECT count(*) FROM calls WHERE started_at >= $1", float(before))
    while await stored_retention.delete_calls(db, world.scope, world.scope.account_id, before=before, limit=7):
        pass
    assert await db.pool.fetchval("SELECT count(*) FROM calls") == left
    assert (await _counted(db))["", DAY_S] == (await _counted(db))["", MINUTE_S] == left
    _, total = await calls.listed(db, world.scope, Page(0, 1 << 40))
    assert total == left


async def test_many_engines_count_the_same_minute(db, world):
    """At the same time, without waiting for each other in a circle, and without losing one."""
    moments = [(NOON + n % 7 * 60.0, f"80055501{n % 5:02d}") for n in range(60)]
    await asyncio.gather(*(_write(db, world, moments[n::6]) for n in range(6)))
    assert (await _counted(db))["", DAY_S] == 60
