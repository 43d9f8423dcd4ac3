"""What was recorded of a call until its engine was lost is the call's."""

import time

import pytest

from callwright.media.wav import ulaw_header
from callwright.services import calls, engines, recordings
from callwright.services.calls import CallBatch
from callwright.store.calls import ClosedCall, OpenedCall

pytestmark = pytest.mark.store

SECOND = ulaw_header(8000, 2) + b"\xff" * 16_000


async def _began(db, world, tmp_path, engine: int, channel: int, at: float) -> tuple[int, str, str]:
    """A call and the file that its recorder is at."""
    (call_id,) = await calls.reserve_ids(db, 1)
    session_id = f"{engine};{channel:03d};{int(at)}"
    opened = OpenedCall(
        id=call_id,
        account_id=world.scope.account_id,
        user_id=world.scope.user_id,
        application_id=world.application_id,
        deployment_id=world.deployment_id,
        version_id=1,
        outbound_call_id=None,
        engine_id=engine,
        session_id=session_id,
        sip_call_id="x@y",
        direction="inbound",
        src="2125551234",
        dest=world.number,
        number=world.number,
        started_at=at,
    )
    await calls.write(db, CallBatch(opened=[opened]))
    path = recordings.path_of(world.scope.account_id, session_id, at)
    part = tmp_path / f"{path}.part"
    part.parent.mkdir(parents=True, exist_ok=True)
    part.write_bytes(SECOND)
    return call_id, session_id, path


async def test_a_call_that_was_cut_off_has_its_recording(db, world, tmp_path):
    now = time.time()
    engine = (await engines.register(db, "test", now)).id
    folder = tmp_path
    # One of yesterday, which began before midnight.
    _, cut, its = await _began(db, world, folder, engine, 1, now)
    _, of_yesterday, also = await _began(db, world, folder, engine, 2, now - 86_400)
    assert await recordings.take_over(db, folder, now) == 0, "they are up"
    assert await engines.bury(db, engine, now + engines.SILENT_S + 1)
    assert await recordings.take_over(db, folder, now) == 2
    assert await recordings.take_over(db, folder, now) == 0, "once is enough"
    assert not list(folder.rglob("*.part"))
    for session_id, path in ((cut, its), (of_yesterday, also)):
        assert (await calls.get(db, world.scope, session_id)).recording == path
        assert (folder / path).read_bytes() == SECOND


async def test_killed_between_the_list_and_the_name(db, world, tmp_path):
    now = time.time()
    engine = (await engines.register(db, "test", now)).id
    _, _, path = await _began(db, world, tmp_path, engine, 1, now)
    await engines.bury(db, engine, now + engines.SILENT_S + 1)
    await db.pool.execute("UPDATE calls SET recording = $1", path)
    assert await recordings.take_over(db, tmp_path, now) == 1
    assert (tmp_path / path).read_bytes() == SECOND


async def test_a_file_that_is_of_no_lost_call_is_left_alone(db, world, other, tmp_path):
    now = time.time()
    engine = (await engines.register(db, "test", now)).id
    whole, _, path = await _began(db, world, tmp_path, engine, 1, now)
    await calls.write(db, CallBatch(closed=[ClosedCall(whole, now + 1, "exit", "", "")]))
    _, session_id, its = await _began(db, world, tmp_path, engine, 2, now)
    # As if it lay with another account's.
    part = tmp_path / f"{recordings.path_of(other.scope.account_id, session_id, now)}.part"
    part.parent.mkdir(parents=True)
    (tmp_path / f"{its}.part").rename(part)
    (tmp_path / f"{its}.part").with_name("no session.wav.part").write_bytes(SECOND)
    await engines.bury(db, engine, now + engines.SILENT_S + 1)
    assert await recordings.take_over(db, tmp_path, now) == 0
    assert part.exists() and (tmp_path / f"{path}.part").exists()
