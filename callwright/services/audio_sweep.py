"""Audio files that nobody names any more leave the account, and then the disk.

Who may name one is the draft and every version of every application, of deleted ones too, and the audio manager. A
file that none of them has named for `UNNAMED_S` is no longer the account's; its samples stay for a further `KEPT_S`,
because a version may have been published in just that moment. Then they go, if still nobody names them; so do the
samples of uploads that were cut off.

An upload of the same sound makes the file young again, on disk before anything is looked up (`audio_files.keep`).
"""

import asyncio
import contextlib
import os
from pathlib import Path

from callwright.services.audio_files import PART, SUFFIX, path_of
from callwright.store import audio_files as store
from callwright.store.database import Database
from callwright.store.scope import Scope

UNNAMED_S = 30 * 86_400.0
"Whoever records prompts first and writes the application later has so long."

KEPT_S = 86_400.0
"Far longer than an upload takes."

GONE = ".gone"


async def sweep(db: Database, audio_dir: Path, now: float) -> int:
    """Look at every account's files. How many were taken from the disk."""
    removed = 0
    for account_id in await asyncio.to_thread(_accounts, audio_dir):
        scope = Scope(account_id, 0, "platform")
        unnamed = await store.forget_unnamed(db, scope, now - UNNAMED_S)
        await asyncio.to_thread(_mark, audio_dir, account_id, unnamed, now)
        old = await asyncio.to_thread(_old, audio_dir / str(account_id), now - KEPT_S)
        wanted = await store.wanted(db, scope, [f"sha256:{path.stem}" for path in old])
        unwanted = [path for path in old if f"sha256:{path.stem}" not in wanted]
        removed += await asyncio.to_thread(_remove, unwanted, now - KEPT_S)
    return removed


def _accounts(audio_dir: Path) -> list[int]:
    return sorted(int(folder.name) for folder in audio_dir.iterdir() if folder.name.isdigit())


def _mark(audio_dir: Path, account_id: int, files: list[str], now: float) -> None:
    """The time from which their samples are kept."""
    for file in files:
        with contextlib.suppress(FileNotFoundError):
            os.utime(path_of(audio_dir, account_id, file), (now, now))


def _old(folder: Path, before: float) -> list[Path]:
    """Files of samples, and of uploads that were cut off. Those that a sweep was killed with have their names back first."""
    for gone in folder.glob(f"*{GONE}"):
        path = gone.with_suffix("")
        if path.exists():
            gone.unlink(missing_ok=True)
        else:
            gone.rename(path)
    found = []
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            if path.name.endswith((SUFFIX, PART)) and path.stat().st_mtime < before:
                found.append(path)
    return found


def _remove(paths: list[Path], before: float) -> int:
    return sum(_removed(path, before) for path in paths)


def _removed(path: Path, before: float) -> bool:
    """Unless it was uploaded again in this very moment: then its time went with it, under its other name."""
    gone = path.with_name(path.name + GONE)
    with contextlib.suppress(FileNotFoundError):
        path.rename(gone)
        if gone.stat().st_mtime >= before:
            gone.rename(path)
            return False
        gone.unlink()
        return True
    return False
