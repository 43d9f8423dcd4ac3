"""Audio files that nobody names leave the account and the disk; all others stay."""

import json
import os
import time
from pathlib import Path

import pytest

from callwright.services import applications, audio_files, audio_prompts, audio_sweep, publishing
from callwright.services.audio_sweep import GONE, KEPT_S, UNNAMED_S, sweep
from callwright.store import audio_files as store
from callwright.store.database import Database

pytestmark = pytest.mark.store

SECOND = 8000


async def _kept(db: Database, tmp_path: Path, world, sound: int) -> str:
    return await audio_files.keep(db, tmp_path, world.scope, bytes([sound]) * SECOND)


async def _years_later(db: Database, tmp_path: Path) -> int:
    """What two sweeps took, after the first of which a month passes, and after the second a day."""
    now = time.time()
    return await sweep(db, tmp_path, now + UNNAMED_S + 60) + await sweep(db, tmp_path, now + UNNAMED_S + 2 * KEPT_S)


def _on_disk(tmp_path: Path, world) -> set[str]:
    folder = tmp_path / str(world.scope.account_id)
    return {f"sha256:{path.stem}" if path.suffix == ".ulaw" else path.name for path in folder.iterdir()}


async def _application(db: Database, world, file: str) -> int:
    document = {
        "name": "Speaks",
        "pages": [
            {
                "name": "Main",
                "modules": [
                    {"name": "start", "type": "start", "exits": {"next": "say"}},
                    {"name": "say", "type": "prompt", "prompt": [{"audio": file}], "exits": {"next": "end"}},
                    {"name": "end", "type": "exit"},
                ],
            }
        ],
    }
    return await applications.create(db, world.scope, applications.read_document(json.dumps(document)))


async def test_what_is_named_stays(db, world, other, tmp_path):
    by_draft, by_version, by_manager, by_nobody = [await _kept(db, tmp_path, world, n) for n in range(4)]
    of_another = await _kept(db, tmp_path, other, 0)
    await _application(db, world, by_draft)
    published = await _application(db, world, by_version)
    await publishing.publish(db, world.scope, published)
    # Its version goes on speaking it, even where the application is deleted.
    await applications.delete(db, world.scope, published)
    await audio_prompts.record(db, tmp_path, world.scope, world.application_id, "a", "en-US", bytes([2]) * SECOND)
    assert await _years_later(db, tmp_path) == 2
    assert _on_disk(tmp_path, world) == {by_draft, by_version, by_manager}
    assert set(await store.known(db, world.scope, [by_draft, by_version, by_manager, by_nobody])) == {
        by_draft, by_version, by_manager,
    }  # fmt: skip
    assert _on_disk(tmp_path, other) == set() and await store.known(db, other.scope, [of_another]) == {}


async def test_it_stays_for_as_long_as_it_says(db, world, tmp_path):
    file = await _kept(db, tmp_path, world, 1)
    now = time.time()
    assert await sweep(db, tmp_path, now + UNNAMED_S - 60) == 0
    assert await store.known(db, world.scope, [file])
    assert await sweep(db, tmp_path, now + UNNAMED_S + 60) == 0
    assert not await store.known(db, world.scope, [file])
    assert _on_disk(tmp_path, world) == {file}, "its samples stay for a further day"
    assert await sweep(db, tmp_path, now + UNNAMED_S + KEPT_S) == 0
    assert await sweep(db, tmp_path, now + UNNAMED_S + KEPT_S + 120) == 1
    assert _on_disk(tmp_path, world) == set()


async def test_an_upload_makes_it_young_again(db, world, tmp_path):
    file = await _kept(db, tmp_path, world, 1)
    await db.pool.execute("UPDATE audio_files SET created_at = 0")
    path = audio_files.path_of(tmp_path, world.scope.account_id, file)
    os.utime(path, (0, 0))
    assert await _kept(db, tmp_path, world, 1) == file
    assert await sweep(db, tmp_path, time.time() + 60) == 0
    assert await store.known(db, world.scope, [file])


async def test_an_upload_at_any_moment_of_its_end(db, world, tmp_path):
    """Before its name is taken, and after: either way its samples are there in the end."""
    file = await _kept(db, tmp_path, world, 1)
    path = audio_files.path_of(tmp_path, world.scope.account_id, file)
    await _kept(db, tmp_path, world, 1)
    assert not audio_sweep._removed(path, time.time() - KEPT_S)
    assert path.read_bytes() == bytes([1]) * SECOND
    path.rename(path.with_name(path.name + GONE))
    await _kept(db, tmp_path, world, 1)
    assert await sweep(db, tmp_path, time.time()) == 0
    assert _on_disk(tmp_path, world) == {file}


async def test_what_cut_off_uploads_and_sweeps_left(db, world, tmp_path):
    file = await _kept(db, tmp_path, world, 1)
    path = audio_files.path_of(tmp_path, world.scope.account_id, file)
    path.rename(path.with_name(path.name + GONE))
    part = path.with_name(f".{path.name}.1.1.part")
    part.write_bytes(b"half")
    (path.parent / "README").write_text("somebody's own")
    assert await sweep(db, tmp_path, time.time()) == 0
    assert part.exists()
    assert await sweep(db, tmp_path, time.time() + 2 * KEPT_S) == 1
    assert _on_disk(tmp_path, world) == {file, "README"}


async def test_a_version_that_is_published_in_that_moment_keeps_its_samples(db, world, tmp_path):
    """The sweep has just taken the file from the account."""
    file = await _kept(db, tmp_path, world, 1)
    await sweep(db, tmp_path, time.time() + UNNAMED_S + 60)
    await _application(db, world, file)
    assert await sweep(db, tmp_path, time.time() + UNNAMED_S + 9 * KEPT_S) == 0
    assert _on_disk(tmp_path, world) == {file}
