"""The engine's pen on a real PostgreSQL that fails in every way that a database does: nothing is lost, nothing is twice."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from callwright.engine import writer as module
from callwright.engine.writer import Writer
from callwright.services import calls, engines
from callwright.session.commands import Log
from callwright.session.events import EvaluationFailed, Fetched, FetchFailed
from callwright.session.run import Entry, ModuleRef
from callwright.store.calls import ClosedCall, OpenedCall

pytestmark = pytest.mark.store


@pytest.fixture
async def pen(db, monkeypatch):
    monkeypatch.setattr(module, "RETRY_S", 0)
    opened = Writer(db)
    await opened.flush()
    assert not opened.full
    return opened


@pytest.fixture
async def begin(pen, db, world):
    """Opens a call and writes two entries of it; returns its id."""
    engine_id = (await engines.register(db, "test", 1.0)).id

    def opened(**other) -> int:
        call_id = pen.next_id()
        given = {
            "id": call_id,
            "account_id": world.account.scope.account_id,
            "user_id": world.account.scope.user_id,
            "deployment_id": world.deployment_id,
            "application_id": world.application_id,
            "version_id": 1,
            "engine_id": engine_id,
            "outbound_call_id": None,
            "session_id": f"{call_id};1;1",
            "sip_call_id": f"{call_id}@test",
            "direction": "inbound",
            "src": "1",
            "dest": "2",
            "started_at": 1.0,
        }
        pen.opened(OpenedCall(**given | other))
        for line in ("one", "two"):
            pen.entry(call_id, Entry(1.0, None, Log(line, "info")))
        return call_id

    return opened


async def _stored(db, call_id: int) -> tuple[int, int]:
    """How many rows of the call there are, and how many of its entries."""
    return (
        await db.pool.fetchval("SELECT count(*) FROM calls WHERE id = $1", call_id),
        await db.pool.fetchval("SELECT count(*) FROM call_events WHERE call_id = $1", call_id),
    )


@contextmanager
def _answer_lost(monkeypatch, *, committed=True) -> Iterator[None]:
    """The connection breaks before, or after, what is written has been committed."""
    real = calls.write

    async def lost(given, batch):
        if committed:
            await real(given, batch)
        raise ConnectionResetError("lost")

    with monkeypatch.context() as patched:
        patched.setattr(calls, "write", lost)
        yield


async def test_a_call_is_written_whole(db, pen, begin):
    call_id = begin()
    pen.closed(ClosedCall(call_id, 2.0, "exit", "", ""))
    await pen.flush()
    assert await _stored(db, call_id) == (1, 2)
    assert await db.pool.fetchval("SELECT outcome FROM calls WHERE id = $1", call_id) == "exit"


@pytest.mark.parametrize("committed", [False, True])
async def test_a_connection_lost_before_or_after_the_commit(db, pen, begin, monkeypatch, committed):
    first = begin()
    with _answer_lost(monkeypatch, committed=committed):
        await pen.flush()
        await pen.flush()
    later = begin()
    await pen.flush()
    assert await _stored(db, first) == await _stored(db, later) == (1, 2)


async def test_entries_alone_are_not_written_twice_either(db, pen, begin, monkeypatch):
    call_id = begin()
    await pen.flush()
    pen.entry(call_id, Entry(1.0, None, Log("three", "info")))
    with _answer_lost(monkeypatch):
        await pen.flush()
    await pen.flush()
    assert await _stored(db, call_id) == (1, 3)


async def test_a_row_that_is_refused_costs_no_other(db, pen, begin, caplog):
    before, bad, after = begin(), begin(direction="sideways"), begin()
    await pen.flush()
    assert await _stored(db, before) == await _stored(db, after) == (1, 2)
    assert (await _stored(db, bad))[0] == 0
    assert "a row of the journal is lost: one of opened" in caplog.text and "sideways" not in caplog.text
    more = begin()
    await pen.flush()
    assert await _stored(db, more) == (1, 2)


async def test_a_database_that_is_away_fills_it_up_and_it_empties_again(db, pen, begin, monkeypatch):
    monkeypatch.setattr(module, "WAITING_MAX", 10)
    real = calls.write

    async def away(*_):
        raise ConnectionRefusedError("away")

    monkeypatch.setattr(calls, "write", away)
    ids = []
    async with asyncio.timeout(10):
        while not pen.full:
            ids.append(begin())
            await pen.flush()
    monkeypatch.setattr(calls, "write", real)
    await pen.flush()
    assert not pen.full
    for call_id in ids:
        assert await _stored(db, call_id) == (1, 2)


async def test_what_went_wrong_is_kept_apart_and_once(db, pen, begin, monkeypatch):
    """Also where nobody heard of the commit; a hundred times of one call at most."""
    call_id = begin()
    script = ModuleRef("Main", "script", "evaluate_js")
    pen.entry(call_id, Entry(2.0, script, EvaluationFailed(2.0, "ReferenceError: d is not\ndefined line 1")))
    pen.entry(call_id, Entry(3.0, script, FetchFailed(3.0, "timed out")))
    pen.entry(call_id, Entry(4.0, script, Fetched(4.0, 500)))
    with _answer_lost(monkeypatch):
        await pen.flush()
    await pen.flush()
    rows = await db.pool.fetch("SELECT seq, at, session_id, src, dest, message FROM call_errors ORDER BY seq")
    assert [tuple(row) for row in rows] == [
        (2, 2.0, f"{call_id};1;1", "1", "2", "ReferenceError: d is not defined line 1"),
        (3, 3.0, f"{call_id};1;1", "1", "2", "Request failed: timed out"),
    ]
    for _ in range(module.ERRORS_MAX + 10):
        pen.entry(call_id, Entry(5.0, script, Log("x" * 5000, "error")))
    await pen.flush()
    assert await db.pool.fetchval("SELECT count(*) FROM call_errors") == module.ERRORS_MAX
    assert await db.pool.fetchval("SELECT max(length(message)) FROM call_errors") == module.ERROR_CHARACTERS_MAX
    assert (await _stored(db, call_id))[1] == 5 + module.ERRORS_MAX + 10
