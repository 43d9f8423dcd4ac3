"""The pool process: work that would hold the interpreter for too long beside calls. Speech and scripts.

It serves a UNIX socket (mode 0600). A frame is a length of four bytes, big endian, and that many bytes: a JSON
object, where it has `bytes` followed by a frame of raw samples. One connection may ask many things at once;
an answer carries the `id` of its question.
"""

import asyncio
import json
import logging
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from callwright.base.errors import ProviderError
from callwright.grammar.grammars import Grammar
from callwright.ports.recognizer import Utterance
from callwright.ports.synthesizer import SpeechRequest
from callwright.providers.asr.pocketsphinx import PocketSphinx
from callwright.providers.pipe_worker import PipeWorker
from callwright.providers.prompt_cache import PromptCache
from callwright.providers.tts import espeak

log = logging.getLogger(__name__)

FRAME_BYTES_MAX = 64 << 20
WAITING_MAX = 1_000
"Questions at once, over all connections; past it the answer is an error, not a longer wait."

JAVASCRIPT_PROCESSES = 2
"Processes for scripts, started when they are needed: one script that takes long, or kills its process, stops half of the others."

SCRIPT_ANSWER_S_MAX = 10.0
"The process ends itself after a second of CPU; so long may that take where the machine is busy."


GRAMMARS: TypeAdapter[tuple[Grammar, ...]] = TypeAdapter(tuple[Annotated[Grammar, Field(discriminator="type")], ...])
"Grammars as JSON and back."


class PoolServer:
    """Answers what `PoolClient` asks."""

    def __init__(self, socket_path: Path, prompts_dir: Path) -> None:
        self._socket_path = socket_path
        self._cache = PromptCache(prompts_dir)
        self._espeak = espeak.Espeak()
        self._recognizer = PocketSphinx(self._pronounce)
        self._javascript = [
            PipeWorker("callwright.providers.javascript_worker", "the process of the script", SCRIPT_ANSWER_S_MAX)
            for _ in range(JAVASCRIPT_PROCESSES)
        ]
        self._waiting = 0

    async def serve(self, ready: Callable[[], None]) -> None:
        """Serve until cancelled."""
        self._socket_path.unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            server = await asyncio.start_unix_server(self._connected, self._socket_path)
        finally:
            os.umask(before)
        try:
            # The worker takes a moment to load: done before anybody waits for it.
            await self._espeak.synthesize(SpeechRequest("ready"))
            ready()
            await server.serve_forever()
        finally:
            server.close()
            await self._espeak.close()
            await self._recognizer.close()
            for worker in self._javascript:
                await worker.close()
            self._socket_path.unlink(missing_ok=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._questions(reader, writer)
        except* (asyncio.IncompleteReadError, ConnectionError):
            pass  # The client has gone, and nobody waits for its answers.
        except* asyncio.CancelledError:
            pass  # The process ends.
        finally:
            writer.close()

    async def _questions(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.TaskGroup() as tasks:
            while True:
                question = json.loads(await read_frame(reader))
                samples = await read_frame(reader) if "bytes" in question else b""
                if self._waiting >= WAITING_MAX:
                    busy = {"id": question["id"], "error": "the pool is busy", "retryable": True}
                    write_frames(writer, busy)
                    continue
                self._waiting += 1
                tasks.create_task(self._answer(question, samples, writer))

    async def _answer(self, question: dict[str, Any], audio: bytes, writer: asyncio.StreamWriter) -> None:
        try:
            if "recognize" in question:
                heard = await self._recognizer.recognize(_utterance(question, audio))
                write_frames(writer, {"id": question["id"], "heard": [[one.words, one.confidence] for one in heard]})
                return
            if "transcribe" in question:
                text = await self._recognizer.transcribe(audio, question["transcribe"])
                write_frames(writer, {"id": question["id"], "text": text})
                return
            if "evaluate" in question:
                write_frames(writer, {"id": question["id"], **await self._evaluate(question["evaluate"])})
                return
            request = SpeechRequest(question["text"], question["language"], question["private"])
            path, samples = await self._speak(request)
        except ProviderError as error:
            write_frames(writer, {"id": question["id"], "error": str(error), "retryable": error.retryable})
        except OSError as error:
            write_frames(
                writer,
                {"id": question["id"], "error": f"the prompt cache cannot be written: {error}", "retryable": True},
            )
        else:
            if path is not None:
                write_frames(writer, {"id": question["id"], "path": str(path)})
            else:
                write_frames(writer, {"id": question["id"], "bytes": len(samples)}, samples)
        finally:
            self._waiting -= 1

    async def _evaluate(self, question: dict[str, Any]) -> dict[str, Any]:
        """A session is always in the same process, where its realms are."""
        session = str(question.get("session") or question["ended"])
        return await self._javascript[zlib.crc32(session.encode()) % JAVASCRIPT_PROCESSES].ask(question)

    async def _pronounce(self, word: str) -> str:
        return await self._espeak.pronounce(word, "en-US")

    async def _speak(self, request: SpeechRequest) -> tuple[Path | None, bytes]:
        """The cached file, or the samples of private speech."""
        voice = espeak.voice_of(request.language)
        if request.private:
            return None, await self._espeak.synthesize(request)
        key = self._cache.key(espeak.NAME, espeak.VERSION, voice, request.text)
        return await self._cache.get(key, request, self._espeak.synthesize), b""


def _utterance(question: dict[str, Any], audio: bytes) -> Utterance:
    grammars = GRAMMARS.validate_python(question["recognize"])
    return Utterance(audio, grammars, question["language"], question["nbest_max"], question["private"])


def write_frames(writer: asyncio.StreamWriter, header: dict[str, object], samples: bytes | None = None) -> None:
    encoded = json.dumps(header).encode()
    writer.write(struct.pack("!I", len(encoded)) + encoded)
    if samples is not None:
        writer.write(struct.pack("!I", len(samples)) + samples)


async def read_frame(reader: asyncio.StreamReader) -> bytes:
    """Raises `IncompleteReadError` at the end, `ConnectionError` for a frame that is too long."""
    (length,) = struct.unpack("!I", await reader.readexactly(4))
    if length > FRAME_BYTES_MAX:
        raise ConnectionError(f"a frame of {length} bytes")
    return await reader.readexactly(length)
