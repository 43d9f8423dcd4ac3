"""What is asked at the same time goes in few statements, and each is answered for its own."""

import asyncio

import asyncpg
import pytest

from callwright.base import phone_numbers
from callwright.services import deployments, outbound
from callwright.store.database import Database
from callwright.store.gathering import MOST, gathered
from callwright.store.outbound import NewCall

pytestmark = pytest.mark.store

NUMBER = phone_numbers.parse("2125550101")


async def _queue(db: Database, world, call: NewCall) -> int:
    deployment = await deployments.get(db, world.scope, world.deployment_id)
    return await outbound.queue_call(db, world.scope, deployment, call)


async def _transactions(db: Database, ids) -> set[str]:
    rows = await db.pool.fetch("SELECT xmin::text FROM outbound_calls WHERE id = ANY($1::bigint[])", list(ids))
    assert len(rows) == len(ids)
    return {row["xmin"] for row in rows}


async def test_calls_that_are_queued_together(db, world):
    calls = [NewCall(NUMBER, {"n": n}) for n in range(3 * MOST)]
    deployment = await deployments.get(db, world.scope, world.deployment_id)
    ids = await asyncio.gather(*(outbound.queue_call(db, world.scope, deployment, call) for call in calls))
    assert len(set(ids)) == len(calls)
    assert [(await outbound.metadata(db, world.scope, id))["n"] for id in ids[::50]] == list(range(len(calls)))[::50]
    assert len(await _transactions(db, ids)) == 3
    assert db.gatherings == {}


async def test_nobody_gets_anothers_error(db, world):
    calls = [NewCall(NUMBER, {}, call_parameters="\0" if n % 7 == 3 else "") for n in range(20)]
    results = await asyncio.gather(*(_queue(db, world, call) for call in calls), return_exceptions=True)
    for call, result in zip(calls, results, strict=True):
        assert isinstance(result, asyncpg.DataError if call.call_parameters else int), result
    assert len(await outbound.listed(db, world.scope, before=10**9, limit=100)) == 17


async def test_two_askers_share_no_statement(db, world, other):
    deployment = await deployments.get(db, world.scope, world.deployment_id)
    of_another = await deployments.get(db, other.scope, other.deployment_id)
    ids = await asyncio.gather(
        *(
            outbound.queue_call(
                db, *((world.scope, deployment) if n % 2 else (other.scope, of_another)), NewCall(NUMBER, {})
            )
            for n in range(20)
        )
    )
    assert not await _transactions(db, ids[::2]) & await _transactions(db, ids[1::2])


async def test_who_goes_away_takes_nobody_along(db, world):
    """The first of them, whose question began the statement."""
    asking = [asyncio.create_task(_queue(db, world, NewCall(NUMBER, {}))) for _ in range(10)]
    async with asyncio.timeout(10):
        while not db.gatherings:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0)
    asking[0].cancel()
    results = await asyncio.gather(*asking, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError) and all(isinstance(id, int) for id in results[1:])
    assert db.gatherings == {}


async def test_while_a_statement_is_under_way_the_rest_is_gathered(db):
    free = asyncio.Event()
    taken = []

    async def work(db: Database, key: str, ones):
        taken.append(list(ones))
        await free.wait()
        return [await db.pool.fetchval("SELECT $1::int + 1", one) for one in ones]

    asking = []
    for n in range(5):
        asking.append(asyncio.create_task(gathered(db, work, "key", n)))
        for _ in range(5):
            await asyncio.sleep(0)
    free.set()
    assert await asyncio.gather(*asking) == [1, 2, 3, 4, 5]
    assert taken == [[0], [1, 2, 3, 4]]


async def test_a_database_that_is_lost_answers_everybody(db, world):
    """Not tried again: a statement that was lost may have been committed."""
    asked = []

    async def work(db: Database, key: str, ones):
        asked.append(len(ones))
        async with db.pool.acquire() as connection:
            pid = connection.get_server_pid()
            await db.pool.execute("SELECT pg_terminate_backend($1, 5000)", pid)
            return [await connection.fetchval("SELECT 1") for _ in ones]

    results = await asyncio.gather(*(gathered(db, work, "key", n) for n in range(5)), return_exceptions=True)
    assert asked == [5] and all(
        isinstance(r, asyncpg.PostgresError | asyncpg.InterfaceError | OSError) for r in results
    )


async def test_a_statement_that_never_ends_holds_up_no_other_asker(db, world, other):
    """Here a lock on what its calls belong to."""
    deployment = await deployments.get(db, other.scope, other.deployment_id)
    async with db.transaction() as connection:
        await connection.execute("SELECT 1 FROM users WHERE id = $1 FOR UPDATE", world.scope.user_id)
        held = asyncio.create_task(_queue(db, world, NewCall(NUMBER, {})))
        async with asyncio.timeout(10):
            assert await outbound.queue_call(db, other.scope, deployment, NewCall(NUMBER, {}))
        assert not held.done()
    assert await held
