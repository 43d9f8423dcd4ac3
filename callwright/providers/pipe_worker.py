"""A program of ours behind a pipe: what it does may be slow, or crash, and the pool goes on.

A question and an answer are each two frames: a JSON object, and raw bytes (often none).
"""

import asyncio
import json
import struct
import sys
from typing import Any

from callwright.base.errors import ProviderError

FRAME_BYTES_MAX = 64 << 20
START_S_MAX = 10.0
"A program that was just started gets so much more: it has to load."


class PipeWorker:
    """Starts `python -m module` when it is first needed, and again when it has died. One question at a time."""

    def __init__(self, module: str, what: str, answer_s_max: float) -> None:
        self._module, self._what, self._answer_s_max = module, what, answer_s_max
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self.waiting = 0
        "Questions that are not answered yet."

    async def ask(self, question: dict[str, Any], data: bytes = b"") -> dict[str, Any]:
        """Raises `ProviderError` where it does not answer, or died of the question."""
        self.waiting += 1
        try:
            return await self._in_turn(question, data)
        finally:
            self.waiting -= 1

    async def _in_turn(self, question: dict[str, Any], data: bytes) -> dict[str, Any]:
        async with self._turn:
            try:
                starts = self._process is None or self._process.returncode is not None
                async with asyncio.timeout(self._answer_s_max + (START_S_MAX if starts else 0)):
                    return await self._ask(question, data)
            except TimeoutError:
                await self._stop()
                raise ProviderError(f"{self._what} did not answer within {self._answer_s_max:g} s") from None
            except (OSError, EOFError):
                await self._stop()
                raise ProviderError(f"{self._what} ended while it worked", retryable=True) from None

    async def close(self) -> None:
        async with self._turn:
            await self._stop()

    async def _ask(self, question: dict[str, Any], data: bytes) -> dict[str, Any]:
        process = await self._running()
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(frame(json.dumps(question).encode()) + frame(data))
        await process.stdin.drain()
        (length,) = struct.unpack("!I", await process.stdout.readexactly(4))
        if length > FRAME_BYTES_MAX:
            raise EOFError
        answer: dict[str, Any] = json.loads(await process.stdout.readexactly(length))
        return answer

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-P", "-m", self._module),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            )
        return self._process

    async def _stop(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()


def frame(content: bytes) -> bytes:
    return struct.pack("!I", len(content)) + content
