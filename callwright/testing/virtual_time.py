"""An asyncio loop whose clock jumps: what waits ten seconds there is done at once, and in the same order."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


class VirtualLoop(asyncio.SelectorEventLoop):
    """Time passes when everything waits. For code without sockets and threads."""

    def __init__(self) -> None:
        super().__init__(_Jumping(self))
        self._now = 0.0

    def time(self) -> float:
        return self._now

    def jump(self, seconds: float) -> None:
        self._now += seconds


class _Jumping(selectors.DefaultSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("everything waits, and nothing will ever happen")
        self._loop.jump(max(timeout, 0.0))
        return super().select(0)


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """`asyncio.run` in virtual time. Raises `RuntimeError` where the program would hang for ever."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
