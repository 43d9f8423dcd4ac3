"""An account's audio files: µ-law, named by their content, on disk beside the database. A file never changes."""

import asyncio
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from callwright.base.errors import AuthorError, RequestError
from callwright.media import audio_files
from callwright.store.scope import Scope

NAME_SHOWN = 100
"Characters of a file's name that are told."

_converting = ThreadPoolExecutor(2, "audio")
"Two at once: a long file takes a second and as much memory as it has, and others wait for the processors."


async def convert(file: bytes, name: str = "") -> bytes:
    """What people bring as µ-law samples. `name` is the file's, which tells the form of files without a header.

    Raises `RequestError` 400 with the file and the reason.
    """
    try:
        return await asyncio.get_running_loop().run_in_executor(_converting, audio_files.ulaw_of, file, name)
    except AuthorError as error:
        which = f"The file {name[:NAME_SHOWN]!r}" if name else "The file"
        raise RequestError(400, f"{which} cannot be used: {error.message}.", field="file") from None


def keep(audio_dir: Path, scope: Scope, samples: bytes) -> str:
    """Keep µ-law samples (8000 Hz, mono) and return the name that a prompt's `audio` takes: `sha256:<hex>`."""
    digest = hashlib.sha256(samples).hexdigest()
    folder = audio_dir / str(scope.account_id)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{digest}.ulaw"
    if not path.exists():
        part = folder / f".{digest}.{os.getpid()}.part"
        part.write_bytes(samples)
        part.rename(path)
    return f"sha256:{digest}"
