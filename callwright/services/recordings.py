"""Recordings of calls that were cut off with their engine: what was recorded until then is listed as the call's.

A recorder keeps its file playable at every moment, under a name that tells that its end is missing
(`telephony.recorder`). When the call has been ended for its lost engine, the file gets the name of a whole one, on
whichever machine it lies.
"""

import asyncio
import time
from pathlib import Path

from callwright.store import calls as store
from callwright.store.database import Database
from callwright.store.scope import PLATFORM

PART = ".wav.part"
DAYS = 3
"Of the folders that are looked through: no call is longer."

DAY_S = 86_400
AT_ONCE = 1_000
"In one statement; the others the next time."


async def take_over(db: Database, recordings_dir: Path, now: float) -> int:
    """List what lost calls have recorded. How many."""
    parts = await asyncio.to_thread(_parts, recordings_dir, now)
    names = await store.set_lost_recordings(db, PLATFORM, parts, now - DAYS * DAY_S) if parts else []
    await asyncio.to_thread(_rename, recordings_dir, names)
    return len(names)


def path_of(account_id: int, session_id: str, at: float) -> str:
    """Of a recording that begins then, below the folder of recordings."""
    return f"{account_id}/{_day(at)}/{session_id.replace(';', '-')}.wav"


def _day(at: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(at))


def _parts(recordings_dir: Path, now: float) -> dict[str, str]:
    """Session ids, each with the path that its recording is to have."""
    found = {}
    for day in range(DAYS):
        for part in recordings_dir.glob(f"*/{_day(now - day * DAY_S)}/*{PART}"):
            whole = part.with_suffix("")
            found[whole.stem.replace("-", ";")] = str(whole.relative_to(recordings_dir))
    return dict(list(found.items())[:AT_ONCE])


def _rename(recordings_dir: Path, names: list[str]) -> None:
    for name in names:
        whole = recordings_dir / name
        part = whole.with_name(f"{whole.name}.part")
        if part.exists():
            part.rename(whole)
