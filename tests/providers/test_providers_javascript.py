"""Scripts in the pool: the real processes over a real socket, what they do to each other, and what is left when one dies."""

import asyncio
import os
import signal
from typing import Any

import pytest

from callwright.base.errors import ProviderError
from callwright.providers.javascript_worker import Realms
from callwright.providers.pool_client import PoolClient
from callwright.providers.pool_server import JAVASCRIPT_PROCESSES, PoolServer
from callwright.rehearsal.simulation import evaluated
from callwright.script.history import Scripts
from callwright.session.commands import Evaluate
from callwright.session.events import Evaluated, EvaluationFailed

pytestmark = pytest.mark.wire

LIBRARIES = (
    ("counter.js", "var count = 0, born = [Date.now(), Math.random()]; function next() { return ++count; }"),
    ("wrong.js", "\nfunction wrong() {\n  return d;\n}"),
)


def _asked(script: str, *, seed: int = 1, realm: tuple[int, ...] = (), **scope: Any) -> Evaluate:
    return Evaluate(script, tuple(scope.items()), LIBRARIES, realm, "Europe/Berlin", 1_700_000_000.0 + seed, seed)


@pytest.fixture
async def pool(tmp_path):
    server = PoolServer(tmp_path / "pool.sock", tmp_path / "prompts")
    ready = asyncio.Event()
    serving = asyncio.create_task(server.serve(ready.set))
    client = PoolClient(tmp_path / "pool.sock")
    async with asyncio.timeout(30):
        await ready.wait()
    yield server, client
    await client.close()
    serving.cancel()
    await asyncio.wait([serving])


def _processes(server: PoolServer) -> list[asyncio.subprocess.Process]:
    return [worker._process for worker in server._javascript if worker._process is not None]


async def test_a_session_from_elsewhere_finds_what_its_scripts_had_kept(pool):
    _, client = pool
    before, after = client.session(), client.session()
    for number in (1, 2):
        answer = await before.evaluate(_asked("next()", seed=number))
        after.remember(_asked("next()", seed=number))
    assert isinstance(answer, Evaluated) and answer.value == 2
    assert await after.evaluate(_asked("next()", seed=3)) == await before.evaluate(_asked("next()", seed=3))


async def test_the_pool_gives_what_a_rehearsal_gives(pool):
    _, client = pool
    session, here = client.session(), Scripts()
    for number, (script, scope) in enumerate(
        [
            ("next()", {}),
            (
                "$callwright['a']['b'] += next(); [born, Math.random(), Date.now(), String(new Date())]",
                {"a": {"b": 0.5}},
            ),
            ("return [1, 'é\u2028😀', null, 1e-7, 2 ** 60]", {}),
            ("wrong()", {}),
            ("while (true) {}", {}),
            ("$callwright['f'] = next; 1", {}),
            ("$callwright['f']()", {"f": None}),
            ("'\\ud800'", {}),
            ("next(); d", {}),
            ("next()", {}),
        ]
    ):
        asked = _asked(script, seed=number, **scope)
        assert await session.evaluate(asked) == evaluated(asked, here), script
        inner = _asked("next()", seed=number, realm=(1,))
        assert await session.evaluate(inner) == evaluated(inner, here)


async def test_errors_name_the_line(pool):
    _, client = pool
    session = client.session()
    assert (await session.evaluate(_asked("1;\nd"))).reason == "ReferenceError: d is not defined line 2"
    assert (await session.evaluate(_asked("wrong()"))).reason == "ReferenceError: d is not defined line 3 of wrong.js"


async def test_sessions_do_not_see_each_other(pool):
    _, client = pool
    sessions = [client.session() for _ in range(2 * JAVASCRIPT_PROCESSES + 1)]
    spoilt = await asyncio.gather(
        *(
            session.evaluate(
                _asked("next(); Object.prototype.a = count; Array.prototype.map = null; JSON.stringify = null; 1")
            )
            for session in sessions
        )
    )
    assert all(isinstance(answer, Evaluated) for answer in spoilt)
    fresh = await client.session().evaluate(_asked("[({}).a, typeof [].map, next(), typeof JSON.stringify]"))
    assert fresh.value == [None, "function", 1, "function"]


UNSTOPPABLE = "new Array(4294967294).reverse()"
"One built-in function that runs for minutes, and that QuickJS has no way to interrupt."


async def test_a_process_that_has_to_be_ended_takes_nothing_from_other_sessions(pool):
    server, client = pool
    sessions = [client.session() for _ in range(8 * JAVASCRIPT_PROCESSES)]
    before = await asyncio.gather(*(session.evaluate(_asked("next()", seed=3)) for session in sessions))
    assert [answer.value for answer in before] == [1] * len(sessions)
    old = _processes(server)
    hangs = client.session()
    with pytest.raises(ProviderError, match="the process of the script ended while it worked"):
        await hangs.evaluate(_asked(UNSTOPPABLE))
    assert sum(process.returncode is not None for process in old) == 1
    for process in old:
        if process.returncode is None:
            os.kill(process.pid, signal.SIGKILL)
            await process.wait()
    after = await asyncio.gather(*(session.evaluate(_asked("[next(), born]", seed=4)) for session in sessions))
    here = Scripts()
    evaluated(_asked("next()", seed=3), here)
    expected = evaluated(_asked("[next(), born]", seed=4), here)
    assert after == [expected] * len(sessions), "as if nothing had happened"
    assert (await hangs.evaluate(_asked("next()"))).value == 1


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("while (true) {}", "ran longer than 0.25 s"),
        ("var a = []; while (true) { a.push('x'.repeat(1000000) + a.length); }", "out of memory"),
        ("/(a+)+$/.test('a'.repeat(40) + 'b')", "ran longer than 0.25 s"),
        ("(function f() { f(); })()", "Maximum call stack size exceeded"),
        ("({toJSON() { while (true) {} }})", "ran longer than 0.25 s"),
        ("throw {toString() { while (true) {} }}", "ran longer than 0.25 s"),
        ("Error.prototype.toString = function () { while (true) {} }; while (true) {}", "ran longer than 0.25 s"),
        ("'x'.repeat(9e9)", "Invalid string length|invalid|out of memory"),
    ],
)
async def test_what_goes_too_far_ends_that_script_alone(pool, script, reason):
    server, client = pool
    session = client.session()
    assert (await session.evaluate(_asked("next()"))).value == 1
    process = _processes(server)
    failed = await session.evaluate(_asked(script))
    assert isinstance(failed, EvaluationFailed)
    assert any(part in failed.reason for part in reason.split("|")), failed.reason
    assert (await session.evaluate(_asked("next()"))).value == 2
    assert _processes(server) == process and process[0].returncode is None


async def test_an_ended_session_leaves_nothing_behind(pool):
    _, client = pool
    session = client.session()
    await session.evaluate(_asked("next()"))
    session.close()
    # What is asked on one connection is answered in order, so the end has been heard by then.
    assert (await session._ask(_question(session._session, "1", before=1)))["lost"]


# -- the worker's own caps, without its process -----------------------------------------------


def _question(session: str, script: str, **more: Any) -> dict[str, Any]:
    return {"session": session, "path": [], "before": 0, "script": [script, {}, 0.0, 0], **more}


NEW: dict[str, Any] = {"libraries": LIBRARIES, "time_zone": "UTC", "again": []}


def test_the_least_recently_used_realms_go_first():
    realms = Realms(realms_max=2)
    for session in ("a", "b"):
        assert realms.answer(_question(session, "next()", **NEW))["value"] == 1
    assert realms.answer(_question("a", "next()", before=1))["value"] == 2
    assert realms.answer(_question("c", "next()", **NEW))["value"] == 1
    assert realms.answer(_question("b", "next()", before=1)) == {"lost": True}
    again = {**NEW, "again": [["next()", {}, 0.0, 0]]}
    assert realms.answer(_question("b", "next()", before=1, **again))["value"] == 2
    assert realms.answer(_question("a", "next()", before=2)) == {"lost": True}


def test_realms_take_only_so_much_memory_together():
    realms = Realms(memory_bytes_max=8 << 20)
    big = "born = new Array(300000).fill(0); 1"
    for session in "ab":
        assert realms.answer(_question(session, big, **NEW))["value"] == 1
    assert realms.answer(_question("a", "1", before=1)) == {"lost": True}
    assert realms.answer(_question("b", "born.length", before=1))["value"] == 300_000
    realms.answer({"ended": "b"})
    assert realms.answer(_question("b", "1", before=2)) == {"lost": True}


def test_an_answer_that_was_lost_on_its_way_is_noticed():
    """The worker has run one script more than the session knows of."""
    realms = Realms()
    realms.answer(_question("a", "next()", **NEW))
    realms.answer(_question("a", "next()", before=1))
    assert realms.answer(_question("a", "next()", before=1)) == {"lost": True}
