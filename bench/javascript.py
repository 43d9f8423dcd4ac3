"""Scripts of calls in the pool's processes: the first of a call, the ones after it, and after a process has died."""

import argparse
import asyncio
import time

from bench._figures import Figure, slowness
from bench._pool import SOCKET, running
from callwright.base.values import Value
from callwright.providers.javascript_client import PoolScripts
from callwright.providers.pool_client import PoolClient
from callwright.session.commands import Evaluate
from callwright.session.events import Evaluated

LIBRARIES = (
    ("sum.js", "var seen = []; function total(order) { seen.push(order.id); return order.price * order.count; }"),
)
SCRIPT = '$callwright["order"]["total"] = total($callwright["order"]); seen.length'
ORDER: dict[str, Value] = {"id": 5, "price": 9.5, "count": 3, "name": "Ann", "tags": ["a", "b"]}


def main() -> int:
    options = argparse.ArgumentParser(prog="./dev bench javascript", description=__doc__)
    options.add_argument("--calls", type=int, default=300, metavar="N", help="calls at once (default: %(default)s)")
    asyncio.run(_measure(options.parse_args().calls))
    return 0


async def _measure(calls: int) -> None:
    with running() as folder:
        client = PoolClient(folder / SOCKET)
        sessions = [client.session() for _ in range(calls)]
        try:
            for _ in range(8):
                # Both processes are started before anything is measured.
                await client.session().evaluate(_asked())
            print(f"first script of a call        {await _each(sessions, 1)}", flush=True)
            print(f"second script of a call       {await _each(sessions, 2)}", flush=True)
            with_others = [client.session() for _ in range(2)]
            print(f"after an endless loop         {await _lost(with_others)}", flush=True)
        finally:
            await client.close()


async def _each(sessions: list[PoolScripts], count: int) -> Figure:
    seconds, slow = [], []
    for session in sessions:
        slow.append(slowness())
        before = time.perf_counter()
        answer = await session.evaluate(_asked())
        seconds.append(time.perf_counter() - before)
        assert isinstance(answer, Evaluated) and answer.value == count
    return Figure(seconds, slow)


async def _lost(sessions: list[PoolScripts]) -> Figure:
    """The realm was thrown away with the script that failed, and is made again for the next one."""
    seconds, slow = [], []
    for session in sessions:
        for count in range(1, 6):
            slow.append(slowness())
            before = time.perf_counter()
            answer = await session.evaluate(_asked())
            seconds.append(time.perf_counter() - before)
            assert isinstance(answer, Evaluated) and answer.value == count
            await session.evaluate(_asked("while (true) {}"))
    return Figure(seconds, slow)


def _asked(script: str = SCRIPT) -> Evaluate:
    return Evaluate(script, (("order", ORDER),), LIBRARIES, now=1.7e9, seed=1)
