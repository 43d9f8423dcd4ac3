"""One statement for what several clients ask at the same time.

A statement costs the same few hundred microseconds of parameters, round trip and commit whether it has one row or
fifty. So what is asked while a statement of its kind is under way is gathered, and goes with the next one. Who asks
alone is not kept waiting: nothing is held back in the hope of company. Everyone is answered when the statement that
had theirs is committed, and where the database refuses one of them each is tried on its own, so that nobody gets
another's error. What is gathered is of one asker: no statement has rows of two of them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, TypeVar

from callwright.store.database import REFUSALS, Database

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")
R = TypeVar("R")

MOST = 100
"In one statement: they take some milliseconds, and each waits for all."


async def gathered(
    db: Database, work: Callable[[Database, K, Sequence[T]], Awaitable[Sequence[R]]], key: K, one: T
) -> R:
    """What `work` answers for this one, done together with what others ask under the same key meanwhile.

    `work` is one transaction, and has an answer for each, in their order. What it raises is raised here.
    """
    name = (work, key)
    gathering: _Gathering[T, R] | None = db.gatherings.get(name)
    if gathering is None:
        gathering = _Gathering(lambda ones: work(db, key, ones), idle=lambda: db.gatherings.pop(name))
        db.gatherings[name] = gathering
    return await gathering.ask(one)


class _Gathering(Generic[T, R]):
    """What is asked under one key, a statement at a time. `idle` is called when nothing more is."""

    def __init__(self, work: Callable[[Sequence[T]], Awaitable[Sequence[R]]], idle: Callable[[], object]) -> None:
        self._work, self._idle = work, idle
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        # Not the asker's own: a client that goes away takes nobody with it.
        self._task = asyncio.get_running_loop().create_task(self._answer_all())

    async def ask(self, one: T) -> R:
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((one, answer))
        return await answer

    async def _answer_all(self) -> None:
        while self._waiting:
            taken, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            await self._answer(taken)
        self._idle()

    async def _answer(self, taken: Sequence[tuple[T, "asyncio.Future[R]"]]) -> None:
        try:
            (answers,) = await asyncio.gather(self._work([one for one, _ in taken]), return_exceptions=True)
            if isinstance(answers, REFUSALS) and len(taken) > 1:
                for each in taken:
                    await self._answer([each])
                return
            for place, (_, answer) in enumerate(taken):
                if answer.done():
                    # Who asked has gone.
                    continue
                if isinstance(answers, BaseException):
                    answer.set_exception(answers)
                else:
                    answer.set_result(answers[place])
        finally:
            for _, answer in taken:
                answer.cancel()
