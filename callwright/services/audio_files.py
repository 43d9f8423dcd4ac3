"""An account's audio files: µ-law, named by their content, on disk beside the database. A file never changes."""

import asyncio
import contextlib
import hashlib
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ParamSpec, TypeVar

from callwright.base.errors import AuthorError, NotFound, RequestError
from callwright.media import audio_files as forms
from callwright.media import wav
from callwright.media.frames import RATE_HZ
from callwright.store import audio_files as store
from callwright.store.database import Database
from callwright.store.scope import Scope

ACCOUNT_S_MAX = 300 * 3600
"Of all files of an account together: 8.6 GB on disk."

SUFFIX = ".ulaw"
PART = ".part"

NAME_SHOWN = 100
"Characters of a file's name that are told."

_threads = ThreadPoolExecutor(2, "audio")
"Two at once: a long file takes a second and as much memory as it has, and others wait for the processors."

Given = ParamSpec("Given")
Made = TypeVar("Made")


async def in_thread(work: Callable[Given, Made], *args: Given.args, **kwargs: Given.kwargs) -> Made:
    """Work on audio, beside the loop: two at once, the others wait."""
    return await asyncio.get_running_loop().run_in_executor(_threads, lambda: work(*args, **kwargs))


async def convert(file: bytes, name: str = "") -> bytes:
    """What people bring as µ-law samples. `name` is the file's, which tells the form of files without a header.

    Raises `RequestError` 400 with the file and the reason where it cannot be read.
    """
    try:
        return await in_thread(forms.ulaw_of, file, name)
    except AuthorError as error:
        which = f"The file {name[:NAME_SHOWN]!r}" if name else "The file"
        raise RequestError(400, f"{which} cannot be used: {error.message}.", field="file") from None


async def keep(db: Database, audio_dir: Path, scope: Scope, samples: bytes) -> str:
    """Keep µ-law samples (8000 Hz, mono), and return the name that a prompt's `audio` takes: `sha256:<hex>`.

    Raises `RequestError` 409 where the account has too many.
    """
    file = named(samples)
    is_new = not await store.known(db, scope, [file])
    if is_new and await store.total(db, scope) + len(samples) > RATE_HZ * ACCOUNT_S_MAX:
        hours = ACCOUNT_S_MAX // 3600
        raise RequestError(409, f"The account's audio files would last longer than {hours} hours.", field="file")
    # In this order, and also where it is known, so that no sweep takes it meanwhile (`audio_sweep`).
    await in_thread(_write, path_of(audio_dir, scope.account_id, file), samples)
    await store.insert(db, scope, file=file, samples=len(samples))
    return file


def named(samples: bytes) -> str:
    return f"sha256:{hashlib.sha256(samples).hexdigest()}"


async def as_wav(db: Database, audio_dir: Path, scope: Scope, file: str) -> bytes:
    """The account's file as a WAV file (µ-law, 8000 Hz, mono)."""
    if not await store.known(db, scope, [file]):
        raise NotFound("audio file")
    try:
        samples = await asyncio.to_thread(path_of(audio_dir, scope.account_id, file).read_bytes)
    except FileNotFoundError:
        raise NotFound("audio file") from None
    return wav.ulaw_header(len(samples), 1) + samples


def _write(path: Path, samples: bytes) -> None:
    """Beside its place and renamed into it, so that no call plays half of it."""
    with contextlib.suppress(FileNotFoundError):
        os.utime(path)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}{PART}")
    part.write_bytes(samples)
    part.rename(path)


def path_of(audio_dir: Path, account_id: int, file: str) -> Path:
    """Where the samples of `sha256:<hex>` lie."""
    return audio_dir / str(account_id) / f"{file.removeprefix('sha256:')}{SUFFIX}"
