"""Calls of the queue to telephones, on a real PostgreSQL: one at a time for each, by an engine that reaches it."""

import asyncio
import time

import pytest
from sip_requests import register

from callwright.base import phone_numbers
from callwright.base.errors import RequestError
from callwright.services import calls, deployments, dialing, engines, outbound, phones, trunks
from callwright.services.calls import CallBatch
from callwright.services.dialing import Finish
from callwright.services.phones import NewPhone
from callwright.sip.registration import read
from callwright.store.database import Database
from callwright.store.dialing import TELEPHONES_LOOKED_AT
from callwright.store.outbound import NewCall
from callwright.store.scope import Scope
from callwright.store.trunks import TrunkRow

pytestmark = pytest.mark.store


async def _engine(db: Database) -> int:
    return (await engines.register(db, "test", time.time())).id


async def _finish(db: Database, attempt_id: int, ending: str) -> None:
    await calls.write(db, CallBatch(finished=[Finish(attempt_id, ending, "test", time.time())]))


async def _queue(db: Database, world, count: int) -> None:
    """Calls to a number."""
    deployment = await deployments.get(db, world.scope, world.deployment_id)
    for _ in range(count):
        await outbound.queue_call(db, world.scope, deployment, NewCall(phone_numbers.parse("2125550101"), {}))


async def _queue_at(db: Database, world, telephone: str, count: int = 1) -> list[int]:
    deployment = await deployments.get(db, world.scope, world.deployment_id)
    number = phone_numbers.telephone(f"sip:{telephone}@callwright")
    return [await outbound.queue_call(db, world.scope, deployment, NewCall(number, {})) for _ in range(count)]


async def test_a_telephone_has_one_call_of_the_queue_at_a_time(db, world):
    """Also of two engines at once; those of other telephones do not wait for it, and it needs no trunk."""
    for name in ("ann", "bob"):
        await phones.create(db, world.scope, NewPhone(name))
    first, second = await _engine(db), await _engine(db)
    anns, (bobs,) = await _queue_at(db, world, "ann", 3), await _queue_at(db, world, "bob")
    assert await dialing.sweep(db, time.time()) == 0, "no trunk takes it, and none has to"
    for expected in ({anns[0], bobs}, {anns[1]}, {anns[2]}, set()):
        both = await asyncio.gather(
            *(dialing.claim(db, engine_id=engine, free=5, now=time.time()) for engine in (first, second))
        )
        claims = [claim for taken in both for claim in taken]
        assert {claim.outbound_call_id for claim in claims} == expected
        for claim in claims:
            assert claim.trunk_host == "" and claim.dialled in ("sip:ann@callwright", "sip:bob@callwright")
            await dialing.start(db, [(claim.attempt_id, f"{claim.attempt_id}@test")], time.time())
        assert await dialing.claim(db, engine_id=first, free=5, now=time.time()) == []
        for claim in claims:
            await _finish(db, claim.attempt_id, "completed")


async def test_a_telephone_is_one_whatever_it_is_called_by(db, world):
    """Its name or its extension, before and after both are changed; the other one that has that extension now is another."""
    phone_id, _ = await phones.create(db, world.scope, NewPhone("ann", "201"))
    engine = await _engine(db)
    calls_of_ann = [(await _queue_at(db, world, called))[0] for called in ("ann", "201", "ann", "201")]
    now = time.time()
    for number, call_id in enumerate(calls_of_ann):
        if number == 2:
            await phones.update(db, world.scope, phone_id, NewPhone("anna", "202"))
            await phones.create(db, world.scope, NewPhone("ann", "201"))
        (claim,) = await dialing.claim(db, engine_id=engine, free=5, now=now)
        assert (claim.outbound_call_id, claim.phone_id) == (call_id, phone_id)
        assert await dialing.claim(db, engine_id=engine, free=5, now=now) == []
        await dialing.start(db, [(claim.attempt_id, f"{claim.attempt_id}@test")], now)
        await _finish(db, claim.attempt_id, "completed")


async def test_calls_of_a_telephone_that_was_removed_come_one_at_a_time_too(db, world):
    """They are for the one that has its name then."""
    phone_id, _ = await phones.create(db, world.scope, NewPhone("ann"))
    ids = await _queue_at(db, world, "ann", 2)
    await phones.delete(db, world.scope, phone_id)
    await phones.create(db, world.scope, NewPhone("ann"))
    engine, now = await _engine(db), time.time()
    for call_id in ids:
        (claim,) = await dialing.claim(db, engine_id=engine, free=5, now=now)
        assert (claim.outbound_call_id, claim.phone_id) == (call_id, None)
        assert await dialing.claim(db, engine_id=engine, free=5, now=now) == []
        await dialing.start(db, [(claim.attempt_id, f"{claim.attempt_id}@test")], now)
        await _finish(db, claim.attempt_id, "completed")


async def _registers(db: Database, name: str, engine: int, *, port: int = 5999, **headers: str) -> None:
    """A telephone, by way of this engine."""
    (phone,) = [one for one in await phones.known(db) if one.name == name]
    source = ("127.0.0.1", port)
    asked = register(f"<sip:{name}@127.0.0.1:{port}>", call_id=f"{name}-{port}", **headers)
    assert await phones.register(
        db, phone, read(asked, source, reliable=False), source=source, transport="udp", engine_id=engine, user_agent="",
        now=time.time(),
    )  # fmt: skip


async def test_an_engine_leaves_a_telephone_to_the_one_that_reaches_it(db, world):
    """Only one that is registered nowhere, or by a proxy that every engine reaches, is for anybody."""
    first, second = await _engine(db), await _engine(db)
    reached = {"ann": first, "bob": second, "cid": None, "dot": None, "eve": None}
    for name in reached:
        await phones.create(db, world.scope, NewPhone(name))
    await _registers(db, "ann", first)
    await _registers(db, "bob", second)
    await _registers(db, "dot", first, path="<sip:127.0.0.1:5070;lr>")
    await _registers(db, "eve", first)
    await _registers(db, "eve", second, port=5998)
    ids = {name: (await _queue_at(db, world, name))[0] for name in reached}
    for engine in (first, second):
        taken = await dialing.claim(db, engine_id=engine, free=20, now=time.time())
        expected = {ids[name] for name, whose in reached.items() if whose in (None, engine)}
        assert {claim.outbound_call_id for claim in taken} == expected
        assert await dialing.give_back(db, engine_id=engine, undialled=[], now=time.time()) == len(expected)


@pytest.mark.parametrize("goes", ["is lost", "ends", "drains", "its binding runs out"])
async def test_an_engine_that_does_not_dial_keeps_no_telephone(db, world, goes):
    first, second = await _engine(db), await _engine(db)
    await phones.create(db, world.scope, NewPhone("ann"))
    await _registers(db, "ann", first)
    (call_id,) = await _queue_at(db, world, "ann")
    now = time.time()
    assert await dialing.claim(db, engine_id=second, free=5, now=now) == []
    match goes:
        case "is lost":
            now += engines.SILENT_S + 1
        case "ends":
            await engines.stop(db, first, now)
        case "drains":
            assert await engines.heartbeat(db, first, now, dials=False)
        case _:
            now += 7200
            assert await engines.heartbeat(db, first, now)
    (claim,) = await dialing.claim(db, engine_id=second, free=5, now=now)
    assert claim.outbound_call_id == call_id


async def test_a_long_queue_of_one_telephone_keeps_no_other_waiting(db, world):
    for name in ("ann", "bob"):
        await phones.create(db, world.scope, NewPhone(name))
    anns = await _queue_at(db, world, "ann", TELEPHONES_LOOKED_AT + 1)
    (bobs,) = await _queue_at(db, world, "bob")
    engine = await _engine(db)
    claims = [await dialing.claim(db, engine_id=engine, free=1, now=time.time()) for _ in range(2)]
    assert [[claim.outbound_call_id for claim in taken] for taken in claims] == [[anns[0]], [bobs]]


async def test_a_trunks_long_queue_leaves_telephones_their_share_of_few_channels(db, world):
    await phones.create(db, world.scope, NewPhone("ann"))
    await _queue(db, world, 20)
    (anns,) = await _queue_at(db, world, "ann")
    engine = await _engine(db)
    claims = await dialing.claim(db, engine_id=engine, free=2, now=time.time())
    assert len(claims) == 2 and anns in {claim.outbound_call_id for claim in claims}


async def test_a_trunk_that_takes_everything_takes_no_telephone(db, world):
    await phones.create(db, world.scope, NewPhone("ann"))
    (call_id,) = await _queue_at(db, world, "ann")
    await trunks.create(db, world.scope, TrunkRow(0, "All", "127.0.0.1", 5060, "", 1, 1.0, "", enabled=True))
    assert await db.pool.fetchval("SELECT trunk_id FROM outbound_calls WHERE id = $1", call_id) is None


async def test_an_account_rings_its_own_telephones_alone(db, world, other):
    """One of the same name, or of that extension, of somebody else is none; nor is it found when the call is due."""
    await phones.create(db, other.scope, NewPhone("theirs", "207"))
    engine = await _engine(db)
    (theirs,) = [one for one in await phones.known(db) if one.name == "theirs"]
    source = ("127.0.0.1", 5999)
    asking = read(register("<sip:theirs@127.0.0.1:5999>"), source, reliable=False)
    assert await phones.register(
        db, theirs, asking, source=source, transport="udp", engine_id=engine, user_agent="", now=time.time()
    )
    for name in ("theirs", "207"):
        with pytest.raises(RequestError, match="no phone"):
            await _queue_at(db, world, name)
    await phones.create(db, world.scope, NewPhone("ours", "207"))
    (call_id,) = await _queue_at(db, world, "207")
    (claim,) = await dialing.claim(db, engine_id=engine, free=5, now=time.time())
    assert (claim.outbound_call_id, claim.account_id) == (call_id, world.scope.account_id)
    assert await phones.called(db, Scope(claim.account_id, claim.user_id, "v1"), "207") == []
