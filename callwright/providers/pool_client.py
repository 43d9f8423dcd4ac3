"""Asks the pool process: speech as the ports for it want it, scripts as the `Evaluator` does."""

import asyncio
import json
from itertools import count
from pathlib import Path
from typing import Any

from callwright.base.errors import ProviderError
from callwright.grammar.input import Heard
from callwright.ports.recognizer import Utterance
from callwright.ports.synthesizer import SpeechRequest
from callwright.providers.asr import pocketsphinx
from callwright.providers.javascript_client import PoolScripts
from callwright.providers.pool_server import GRAMMARS, read_frame, write_frames

ANSWER_S_MAX = 30.0
CONNECT_S_MAX = 5.0
TRANSCRIBED_S_MAX = pocketsphinx.DICTATIONS_MAX * pocketsphinx.DICTATION_S_MAX + 20.0
"Behind all that is before it, with time to start."


class PoolClient:
    """One connection to the pool, made when it is needed and made again when it is lost. Use as `async with`, or `close` it."""

    def __init__(self, socket_path: Path) -> None:
        self._socket_path = socket_path
        self._ids = count()
        self._asked: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._connecting = asyncio.Lock()

    async def synthesize(self, request: SpeechRequest) -> bytes:
        """µ-law, 8000 Hz, mono. Raises `ProviderError`."""
        answer = await self._ask({"text": request.text, "language": request.language, "private": request.private})
        if "samples" in answer:
            samples: bytes = answer["samples"]
            return samples
        return Path(answer["path"]).read_bytes()

    def knows(self, language: str) -> bool:
        return pocketsphinx.knows(language)

    async def recognize(self, utterance: Utterance) -> tuple[Heard, ...]:
        """Raises `ProviderError`."""
        question = {
            "recognize": GRAMMARS.dump_python(utterance.grammars, mode="json"),
            "language": utterance.language,
            "nbest_max": utterance.nbest_max,
            "private": utterance.private,
        }
        answer = await self._ask(question, utterance.audio)
        return tuple(Heard(tuple(words), confidence) for words, confidence in answer["heard"])

    async def transcribe(self, audio: bytes, language: str) -> str:
        """Raises `ProviderError`."""
        text: str = (await self._ask({"transcribe": language}, audio, TRANSCRIBED_S_MAX))["text"]
        return text

    def session(self) -> PoolScripts:
        """The scripts of a session that begins now."""

        async def ask(question: dict[str, Any]) -> dict[str, Any]:
            return await self._ask({"evaluate": question})

        def tell(question: dict[str, Any]) -> None:
            if self._writer is not None and not self._writer.is_closing():
                write_frames(self._writer, {"id": next(self._ids), "evaluate": question})

        return PoolScripts(ask, tell)

    async def close(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])

    async def _ask(
        self, question: dict[str, object], samples: bytes | None = None, wait_s: float = ANSWER_S_MAX
    ) -> dict[str, Any]:
        """Raises `ProviderError`, also for the answer that there is none."""
        number = next(self._ids)
        try:
            async with asyncio.timeout(wait_s):
                writer = await self._connected()
                answer = self._asked[number] = asyncio.get_running_loop().create_future()
                size = {} if samples is None else {"bytes": len(samples)}
                write_frames(writer, question | size | {"id": number}, samples)
                answered: dict[str, Any] = await answer
        except TimeoutError:
            raise ProviderError(f"the pool did not answer within {wait_s:g} s", retryable=True) from None
        except OSError as error:
            raise ProviderError(f"the pool cannot be reached: {error}", retryable=True) from None
        finally:
            self._asked.pop(number, None)
        if "error" in answered:
            raise ProviderError(str(answered["error"]), retryable=bool(answered.get("retryable")))
        return answered

    async def _connected(self) -> asyncio.StreamWriter:
        async with self._connecting:
            if self._writer is None or self._reading is None or self._reading.done():
                async with asyncio.timeout(CONNECT_S_MAX):
                    reader, self._writer = await asyncio.open_unix_connection(self._socket_path)
                self._reading = asyncio.create_task(self._read(reader, self._writer))
            return self._writer

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Give every answer to whoever asked; when the pool goes, tell all that wait."""
        try:
            while True:
                answer = json.loads(await read_frame(reader))
                if "bytes" in answer:
                    answer["samples"] = await read_frame(reader)
                waiting = self._asked.get(answer["id"])
                if waiting is not None and not waiting.done():
                    waiting.set_result(answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            for waiting in self._asked.values():
                if not waiting.done():
                    waiting.set_result({"error": "the pool has gone away", "retryable": True})
        finally:
            writer.close()
