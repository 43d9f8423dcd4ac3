"""The outbound queue on a real PostgreSQL: nothing is dialled twice, lost, or beyond what a trunk may carry."""

import asyncio
import json
import random
import time
from dataclasses import replace

import pytest

from callwright.base import phone_numbers
from callwright.base.errors import Forbidden, NotFound, RequestError
from callwright.jobs import housekeeping
from callwright.services import (
    applications,
    calls,
    deployments,
    dialing,
    engines,
    first_start,
    outbound,
    phones,
    publishing,
    trunks,
)
from callwright.services.calls import CallBatch
from callwright.services.dialing import Finish
from callwright.services.phones import NewPhone
from callwright.store import outbound as store
from callwright.store.database import Database
from callwright.store.outbound import CANCEL_BATCH, NewCall
from callwright.telephony.sip_endpoint import SipEndpoint

pytestmark = pytest.mark.store


async def _queue(db: Database, world, count: int = 1, **settings) -> list[int]:
    deployment = await deployments.get(db, world.scope, world.deployment_id)
    number = phone_numbers.parse("2125550101")
    return [
        await outbound.queue_call(db, world.scope, deployment, NewCall(number, {"a": 1}, **settings))
        for _ in range(count)
    ]


async def _status(db: Database, world, call_id: int) -> str:
    return (await outbound.details(db, world.scope, call_id)).status


async def _engine(db: Database) -> int:
    return (await engines.register(db, "test", time.time())).id


async def _connected(db: Database, attempt_id: int) -> None:
    await calls.write(db, CallBatch(connected=[(attempt_id, time.time())]))


async def _finish(db: Database, attempt_id: int, ending: str) -> None:
    await calls.write(db, CallBatch(finished=[Finish(attempt_id, ending, "test", time.time())]))


@pytest.mark.parametrize(
    ("ending", "status", "after"),
    [
        ("busy", 486, "queued"),
        ("no_answer", 480, "queued"),
        ("unreachable", None, "queued"),
        ("congestion", 503, "queued"),
        ("failed", 482, "queued"),
        ("rejected", 404, "rejected"),
    ],
)
async def test_what_is_dialled_again_and_why_it_was_not_answered(db, world, ending, status, after):
    """The cause of each attempt is kept; a call that may be tried again is queued again while it has attempts left."""
    engine = await _engine(db)
    (call_id,) = await _queue(db, world, max_attempts=2, reattempt_wait_s=60)
    (claim,) = await dialing.claim(db, engine_id=engine, free=5, now=time.time())
    await dialing.start(db, [(claim.attempt_id, "id@here")], time.time())
    finish = Finish(claim.attempt_id, ending, f"{status} Whatever (Q.850 17)", time.time(), status)
    await calls.write(db, CallBatch(finished=[finish]))
    assert await _status(db, world, call_id) == after
    (made,) = await outbound.attempts(db, world.scope, call_id)
    assert (made.outcome, made.sip_status, made.sip_call_id) == (ending, status, "id@here")
    assert made.cause == f"{status} Whatever (Q.850 17)"
    assert await outbound.attempts(db, replace(world.scope, account_id=world.scope.account_id + 1), call_id) == []


async def test_a_call_goes_its_whole_way(db, world):
    engine = await _engine(db)
    (call_id,) = await _queue(db, world, result_url="http://127.0.0.1:1/x")
    (claim,) = await dialing.claim(db, engine_id=engine, free=5, now=time.time())
    assert (claim.outbound_call_id, claim.dialled, claim.metadata) == (call_id, "12125550101", {"a": 1})
    assert await _status(db, world, call_id) == "queued"
    assert await dialing.start(db, [(claim.attempt_id, "one@test")], time.time()) == {claim.attempt_id}
    assert await _status(db, world, call_id) == "dialing"
    await _connected(db, claim.attempt_id)
    assert await _status(db, world, call_id) == "connected"
    await _finish(db, claim.attempt_id, "completed")
    found = await outbound.details(db, world.scope, call_id)
    assert (found.status, found.attempts) == ("completed", 1)
    assert [event for event, _ in found.events] == ["queued", "dialing", "connected", "disconnected"]
    assert await db.pool.fetchval("SELECT count(*) FROM callbacks WHERE outbound_call_id = $1", call_id) == 1


async def test_two_engines_never_get_the_same_call(db, world):
    ids = await _queue(db, world, 30)
    first, second = await _engine(db), await _engine(db)

    async def claim_all(engine: int) -> list[int]:
        taken = []
        for _ in range(10):
            claims = await dialing.claim(db, engine_id=engine, free=3, now=time.time())
            taken += [claim.outbound_call_id for claim in claims]
            for claim in claims:
                await dialing.start(db, [(claim.attempt_id, f"{claim.attempt_id}@test")], time.time())
                await _finish(db, claim.attempt_id, "completed")
        return taken

    results = await asyncio.gather(claim_all(first), claim_all(second), claim_all(first))
    assert sorted(call_id for taken in results for call_id in taken) == ids


async def test_everybody_at_once_neither_deadlocks_nor_loses(db, world):
    """Engines that dial in any order, a client who cancels, and a trunk that is changed, all over the same rows."""
    ids = await _queue(db, world, 60, max_attempts=2, reattempt_wait_s=60)
    deployment = await deployments.get(db, world.scope, world.deployment_id)
    rng = random.Random(5)
    dialled: list[int] = []

    async def engine() -> None:
        engine_id = await _engine(db)
        for _ in range(15):
            claims = await dialing.claim(db, engine_id=engine_id, free=6, now=time.time() + 1000)
            rng.shuffle(claims)
            started = await dialing.start(
                db, [(claim.attempt_id, f"{claim.attempt_id}@test") for claim in claims], time.time()
            )
            mine = [claim for claim in claims if claim.attempt_id in started]
            dialled.extend(claim.outbound_call_id for claim in mine)
            rng.shuffle(mine)
            finishes = [
                Finish(claim.attempt_id, rng.choice(["completed", "busy"]), "test", time.time()) for claim in mine
            ]
            await calls.write(db, CallBatch(finished=finishes))
        await engines.stop(db, engine_id, time.time())

    async def client() -> None:
        for _ in range(6):
            await trunks.update(db, world.scope, world.trunk.id, replace(world.trunk, prefix=rng.choice(["", "1"])))
            ids.extend(await _queue(db, world, 5))
            await outbound.cancel_pending(db, world.scope, deployment)

    async with asyncio.timeout(60):
        await asyncio.gather(engine(), engine(), engine(), client())
        await outbound.cancel_pending(db, world.scope, deployment)
    statuses = [await _status(db, world, call_id) for call_id in ids]
    assert set(statuses) <= {"completed", "canceled", "failed"}
    assert {call_id for call_id, status in zip(ids, statuses, strict=True) if status == "completed"} <= set(dialled)
    assert max(dialled.count(call_id) for call_id in ids) <= 2, "no call had more attempts than it may"
    assert await db.pool.fetchval("SELECT count(*) FROM outbound_attempts WHERE state <> 'ended'") == 0


async def test_the_secure_environment_is_nobodys_yet(db, world):
    with pytest.raises(Forbidden, match="secure environment"):
        await _queue(db, world, is_pci=True)
    assert await outbound.listed(db, world.scope, before=10**9, limit=10) == []


async def test_header_fields_of_the_secure_environment_go_with_the_call(db, world):
    """Others stay with theirs, and a call that is dialled again has them until it is over."""
    await db.pool.execute("UPDATE accounts SET secure_environment = true WHERE id = $1", world.scope.account_id)
    headers = {"User-to-User": "4111;encoding=hex"}
    secret = (await _queue(db, world, is_pci=True, sip_headers=headers, max_attempts=2, reattempt_wait_s=0))[0]
    plain = (await _queue(db, world, sip_headers=headers))[0]

    async def kept(call_id: int) -> str:
        return await db.pool.fetchval("SELECT sip_headers::text FROM outbound_calls WHERE id = $1", call_id)

    engine_id = await _engine(db)
    for ending, left in (("busy", json.dumps(headers)), ("completed", "{}")):
        claims = await dialing.claim(db, engine_id=engine_id, free=10, now=time.time())
        assert {claim.outbound_call_id: claim.sip_headers for claim in claims}[secret] == headers
        await dialing.start(db, [(claim.attempt_id, f"{claim.attempt_id}") for claim in claims], time.time())
        for claim in claims:
            await _finish(db, claim.attempt_id, ending)
        assert json.loads(await kept(secret)) == json.loads(left)
    assert json.loads(await kept(plain)) == headers


async def test_a_deployment_needs_something_published(db, world):
    document = applications.read_document(first_start.starter_document())
    application_id = await applications.create(db, world.scope, document)
    with pytest.raises(RequestError, match="Publish") as refused:
        await deployments.create(db, world.scope, application_id=application_id, version=None, label="early")
    assert refused.value.status == 409
    with pytest.raises(NotFound):
        await deployments.create(db, world.scope, application_id=application_id, version=1, label="early")
    await publishing.publish(db, world.scope, application_id)
    await deployments.create(db, world.scope, application_id=application_id, version=None, label="now")


async def test_a_trunks_channels_hold_for_all_engines_together(db, world):
    await _queue(db, world, 30)
    claimers = [await _engine(db) for _ in range(3)]
    claims = await asyncio.gather(*(dialing.claim(db, engine_id=e, free=20, now=time.time()) for e in claimers))
    assert sum(map(len, claims)) == world.trunk.channels


async def test_a_trunks_rate_holds(db, world):
    await db.pool.execute("UPDATE trunks SET calls_per_second = 2, channels = 100")
    await _queue(db, world, 10)
    engine, now = await _engine(db), time.time()
    taken = sum([len(await dialing.claim(db, engine_id=engine, free=20, now=now)) for _ in range(5)])
    assert taken <= 3
    assert await dialing.claim(db, engine_id=engine, free=20, now=now + 1.01)


async def test_a_trunk_by_tls_may_want_srtp(db, world):
    trunk = replace(world.trunk, transport="tls", srtp=True)
    await trunks.update(db, world.scope, trunk.id, trunk)
    await _queue(db, world)
    (claim,) = await dialing.claim(db, engine_id=await _engine(db), free=1, now=time.time())
    assert (claim.trunk_transport, claim.trunk_srtp) == ("tls", True)
    kept = await trunks.for_number(db, world.scope, "2125550101")
    assert kept is not None and kept.srtp
    with pytest.raises(RequestError, match="srtp needs the transport tls"):
        await trunks.update(db, world.scope, trunk.id, replace(trunk, transport="tcp"))


async def test_never_more_than_the_free_channels(db, world):
    await _queue(db, world, 5)
    engine = await _engine(db)
    assert await dialing.claim(db, engine_id=engine, free=0, now=time.time()) == []
    assert len(await dialing.claim(db, engine_id=engine, free=2, now=time.time())) == 2


async def test_a_cancel_wins_against_a_claim_that_has_not_dialled(db, world):
    engine = await _engine(db)
    claimed, waiting = await _queue(db, world, 2)
    (claim,) = await dialing.claim(db, engine_id=engine, free=1, now=time.time())
    deployment = await deployments.get(db, world.scope, world.deployment_id)
    assert await outbound.cancel_pending(db, world.scope, deployment) == 2
    assert await dialing.start(db, [(claim.attempt_id, "x@test")], time.time()) == set()
    assert {await _status(db, world, claimed), await _status(db, world, waiting)} == {"canceled"}
    busy = await db.pool.fetchval("SELECT count(*) FROM outbound_attempts WHERE state <> 'ended'")
    assert busy == 0, "the trunk's channel is free again"


async def test_a_cancel_of_more_than_goes_into_one_transaction(db, world, other):
    deployment = await deployments.get(db, world.scope, world.deployment_id)
    (of_another,) = await _queue(db, other)
    number = phone_numbers.parse("2125550101")
    for count in (CANCEL_BATCH, CANCEL_BATCH, 1):
        call = NewCall(number, {}, result_url="http://127.0.0.1:1/x")
        await store.insert(db, world.scope, deployment, [call] * count, time.time())
    assert await outbound.cancel_pending(db, world.scope, deployment) == 2 * CANCEL_BATCH + 1
    for table in ("outbound_calls WHERE status = 'canceled'", "outbound_events WHERE event = 'canceled'", "callbacks"):
        assert await db.pool.fetchval(f"SELECT count(*) FROM {table}") == 2 * CANCEL_BATCH + 1
    assert await _status(db, other, of_another) == "queued"


async def test_a_cancel_leaves_a_dialling_call_alone(db, world):
    engine = await _engine(db)
    (call_id,) = await _queue(db, world)
    (claim,) = await dialing.claim(db, engine_id=engine, free=1, now=time.time())
    await dialing.start(db, [(claim.attempt_id, "x@test")], time.time())
    deployment = await deployments.get(db, world.scope, world.deployment_id)
    assert await outbound.cancel_pending(db, world.scope, deployment) == 0
    assert await _status(db, world, call_id) == "dialing"


async def test_a_failed_attempt_is_made_again_after_the_wait(db, world):
    engine, now = await _engine(db), time.time()
    (call_id,) = await _queue(db, world, max_attempts=2, reattempt_wait_s=60)
    for attempt, expected in ((1, "queued"), (2, "failed")):
        at = now + attempt * 100
        (claim,) = await dialing.claim(db, engine_id=engine, free=1, now=at)
        await dialing.start(db, [(claim.attempt_id, "x@test")], at)
        await calls.write(db, CallBatch(finished=[Finish(claim.attempt_id, "busy", "486", at)]))
        assert await _status(db, world, call_id) == expected
        assert await dialing.claim(db, engine_id=engine, free=1, now=at + 59) == []
    events = [event for event, _ in (await outbound.details(db, world.scope, call_id)).events]
    assert events == ["queued", "dialing", "failed", "dialing", "failed"]


async def test_a_refusal_is_not_tried_again(db, world):
    engine = await _engine(db)
    (call_id,) = await _queue(db, world, max_attempts=5)
    (claim,) = await dialing.claim(db, engine_id=engine, free=1, now=time.time())
    await dialing.start(db, [(claim.attempt_id, "x@test")], time.time())
    await _finish(db, claim.attempt_id, "rejected")
    assert await _status(db, world, call_id) == "rejected"


async def test_windows(db, world):
    engine, now = await _engine(db), time.time()
    (later,) = await _queue(db, world, start_at=now + 100)
    (over,) = await _queue(db, world, end_at=now + 10)
    assert [c.outbound_call_id for c in await dialing.claim(db, engine_id=engine, free=9, now=now + 50)] == []
    assert await dialing.sweep(db, now + 50) == 1
    assert await _status(db, world, over) == "canceled"
    assert [c.outbound_call_id for c in await dialing.claim(db, engine_id=engine, free=9, now=now + 101)] == [later]


async def test_it_is_known_when_the_next_call_comes_due(db, world):
    """Of those only that a trunk or a telephone could take, and that nobody has claimed."""
    now = time.time()
    assert await dialing.next_due(db, until=now + 900) is None
    await _queue(db, world, start_at=now + 600)
    assert await dialing.next_due(db, until=now + 900) == now + 600
    assert await dialing.next_due(db, until=now + 599) is None
    await trunks.update(db, world.scope, world.trunk.id, replace(world.trunk, enabled=False))
    assert await dialing.next_due(db, until=now + 900) is None, "its trunk takes nothing"
    await trunks.update(db, world.scope, world.trunk.id, world.trunk)
    await phones.create(db, world.scope, NewPhone("ann"))
    deployment = await deployments.get(db, world.scope, world.deployment_id)
    to_telephone = NewCall(phone_numbers.telephone("sip:ann@callwright"), {}, start_at=now + 300)
    await outbound.queue_call(db, world.scope, deployment, to_telephone)
    assert await dialing.next_due(db, until=now + 900) == now + 300
    await _queue(db, world)
    due = await dialing.next_due(db, until=now + 900)
    assert due is not None and now <= due <= time.time()
    assert await dialing.claim(db, engine_id=await _engine(db), free=5, now=time.time())
    assert await dialing.next_due(db, until=now + 900) == now + 300, "what is claimed is nobody else's"


async def test_what_comes_due_soon_is_told_to_dialers(db, world):
    """What comes due later they see by themselves."""
    told: asyncio.Queue[None] = asyncio.Queue()
    async with asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(db.listen("callwright_due", lambda: told.put_nowait(None)))
        async with asyncio.timeout(20):
            await told.get()  # the word that it listens
            await _queue(db, world, start_at=time.time() + 600)
            for _ in range(2):
                await _queue(db, world, start_at=time.time() + dialing.SOON_S - 1)
                await told.get()
        assert told.empty(), "they come in order: the first would be here"
        listening.cancel()


async def test_a_number_without_a_trunk_is_rejected(db, world):
    await db.pool.execute("UPDATE trunks SET prefix = '49'")
    (call_id,) = await _queue(db, world)
    assert await dialing.sweep(db, time.time() + 1) == 1
    assert await _status(db, world, call_id) == "rejected"


async def test_a_lost_engine_loses_no_call_and_repeats_none(db, world):
    engine = await _engine(db)
    ids = await _queue(db, world, 3, max_attempts=3, reattempt_wait_s=60, result_url="http://127.0.0.1:1/x")
    now = time.time()
    claims = await dialing.claim(db, engine_id=engine, free=3, now=now)
    claimed, dialled, answered = claims
    await dialing.start(db, [(dialled.attempt_id, "b@test"), (answered.attempt_id, "c@test")], now)
    await _connected(db, answered.attempt_id)
    assert await engines.silent(db, now) == [] and not await engines.bury(db, engine, now)
    (silent,) = await engines.silent(db, now + engines.SILENT_S + 1)
    assert not await engines.answers(silent)
    assert await engines.bury(db, silent.id, now + engines.SILENT_S + 1)
    assert not await engines.bury(db, silent.id, now + engines.SILENT_S + 1), "once is enough"
    found = [await outbound.details(db, world.scope, call_id) for call_id in ids]
    by_id = {call.id: (call.status, call.cause) for call in found}
    assert by_id[claimed.outbound_call_id][0] == "queued"
    assert by_id[dialled.outbound_call_id] == ("failed", "in doubt: the engine was lost while it dialled")
    assert by_id[answered.outbound_call_id][0] == "completed"
    assert await engines.heartbeat(db, engine, now) is False, "the lost engine learns that it is lost"
    other = await _engine(db)
    again = await dialing.claim(db, engine_id=other, free=9, now=now + 1000)
    assert [claim.outbound_call_id for claim in again] == [claimed.outbound_call_id]


async def test_what_was_claimed_and_not_dialled_goes_back(db, world):
    """As after a database that went away before it could say whether it had committed."""
    engine, other = await _engine(db), await _engine(db)
    ids = await _queue(db, world, 5, max_attempts=1)
    now = time.time()
    claimed, unanswered, canceled, ringing = await dialing.claim(db, engine_id=engine, free=4, now=now)
    (others,) = await dialing.claim(db, engine_id=other, free=1, now=now)
    undialled = [unanswered.attempt_id, canceled.attempt_id]
    await dialing.start(db, [(unanswered.attempt_id, "b@test"), (ringing.attempt_id, "d@test")], now)
    await db.pool.execute("UPDATE outbound_calls SET status = 'canceled' WHERE id = $1", canceled.outbound_call_id)
    assert await dialing.give_back(db, engine_id=engine, undialled=undialled, now=now) == 3
    assert await dialing.give_back(db, engine_id=engine, undialled=undialled, now=now) == 0
    statuses = {call_id: await _status(db, world, call_id) for call_id in ids}
    assert statuses[claimed.outbound_call_id] == statuses[unanswered.outbound_call_id] == "queued"
    assert (statuses[canceled.outbound_call_id], statuses[ringing.outbound_call_id]) == ("canceled", "dialing")
    found = await outbound.details(db, world.scope, unanswered.outbound_call_id)
    assert (found.attempts, [event for event, _ in found.events]) == (0, ["queued"])
    again = await dialing.claim(db, engine_id=other, free=9, now=now)
    assert {claim.outbound_call_id for claim in again} == {claimed.outbound_call_id, unanswered.outbound_call_id}
    assert await _status(db, world, others.outbound_call_id) == "queued", "another engine's claim is its own"


async def test_an_engine_that_answers_is_not_given_up(db, world):
    """Its lease has run out because it does not reach the database; whoever has its address later is another."""
    long_ago = time.time() - 60
    lease = await engines.register(db, "test", long_ago)

    async def cleaned_up_after(name: str, *, draining: bool = False) -> bool:
        """With an agent of this name at the engine's address."""
        agent = await SipEndpoint.open("127.0.0.1", 0, on_invite=lambda call: None, name=name)
        agent.draining = draining
        await db.pool.execute("UPDATE engines SET sip = $1", f"127.0.0.1:{agent.address[1]}")
        try:
            await housekeeping.bury_lost(db)
        finally:
            await agent.close()
        return not await engines.heartbeat(db, lease.id, long_ago)

    assert not await cleaned_up_after(engines.name_of(lease.server_id))
    assert not await cleaned_up_after(engines.name_of(lease.server_id), draining=True)
    assert await cleaned_up_after(engines.name_of(lease.server_id + 1))


async def test_nothing_of_it_is_anybody_elses(db, world, other):
    (call_id,) = await _queue(db, world)
    with pytest.raises(Forbidden):
        await outbound.details(db, other.scope.through("plum"), call_id)
    with pytest.raises(NotFound):
        await outbound.details(db, other.scope, call_id)
    with pytest.raises(NotFound):
        await outbound.details(db, world.scope, call_id + 1000)
    with pytest.raises(Forbidden):
        await deployments.for_outbound(
            db,
            other.scope,
            application_id=world.application_id,
            deployment_id=world.deployment_id,
            action="queue calls",
        )
    deployment = await deployments.get(db, world.scope, world.deployment_id)
    assert await outbound.cancel_pending(db, other.scope, deployment) == 0
    assert await outbound.listed(db, other.scope, before=10**9, limit=10) == []
    assert await deployments.listed(db, other.scope.through("plum")) != await deployments.listed(db, world.scope)
