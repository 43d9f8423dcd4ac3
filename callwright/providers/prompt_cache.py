"""Spoken prompts on disk, by what they say and who says it: µ-law files that every process may read.

A file is written beside its place and renamed into it, so a reader never sees half of one. Private speech never
comes here. Past `BYTES_MAX` the files that were not used for longest go.
"""

import asyncio
import hashlib
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from callwright.ports.synthesizer import SpeechRequest

BYTES_MAX = 1 << 30
"36 hours of speech."

SWEEP_AFTER = 500
"New files between two looks at the size of it all."


class PromptCache:
    """The cache of one machine, under one folder."""

    def __init__(self, folder: Path, *, bytes_max: int = BYTES_MAX) -> None:
        self._folder = folder
        self._bytes_max = bytes_max
        self._making: dict[str, asyncio.Future[Path]] = {}
        self._made = 0

    def key(self, provider: str, version: str, voice: str, text: str) -> str:
        """What a file is named by: all that its sound depends on."""
        words = " ".join(text.split())
        return hashlib.sha256("\0".join((provider, version, voice, "ulaw/8000", words)).encode()).hexdigest()

    def path(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key}.ulaw"

    async def get(self, key: str, request: SpeechRequest, make: Callable[[SpeechRequest], Awaitable[bytes]]) -> Path:
        """The file of a prompt, made now if it is not there. Whoever asks for what is being made waits for it."""
        assert not request.private, "private speech is never kept"
        path = self.path(key)
        if path.exists():
            os.utime(path)
            return path
        making = self._making.get(key)
        if making is not None:
            return await asyncio.shield(making)
        making = self._making[key] = asyncio.get_running_loop().create_future()
        try:
            self._write(path, await make(request))
        except BaseException as error:
            making.set_exception(error if isinstance(error, Exception) else RuntimeError("cancelled"))
            # Somebody may wait for it or nobody; neither is an error of the loop.
            making.exception()
            raise
        else:
            making.set_result(path)
        finally:
            del self._making[key]
        return path

    def _write(self, path: Path, samples: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        part.write_bytes(samples)
        part.rename(path)
        self._made += 1
        if self._made % SWEEP_AFTER == 0:
            self.sweep()

    def sweep(self) -> int:
        """Remove what was not used for longest until the rest fits. Returns how many files went."""
        files = sorted((file.stat().st_mtime, file.stat().st_size, file) for file in self._folder.glob("*/*.ulaw"))
        size = sum(length for _, length, _ in files)
        removed = 0
        for _, length, file in files:
            if size <= self._bytes_max:
                break
            file.unlink(missing_ok=True)
            size -= length
            removed += 1
        return removed
