"""The embedded PostgreSQL: it starts, keeps its data through every kind of end, and never outlives us."""

import asyncio
import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import asyncpg
import pytest

from callwright.base.errors import ProviderError
from callwright.cli import _postgres
from callwright.cli._postgres import EmbeddedPostgres

pytestmark = pytest.mark.store

GONE_S_MAX = 5.0

_PARENT = """
import asyncio, os, pwd, sys
import asyncpg.connection, asyncpg.pool
from pathlib import Path
from callwright.cli._postgres import EmbeddedPostgres

async def main():
    postgres = EmbeddedPostgres(Path(sys.argv[1]))
    print(await postgres.start(), postgres.process.pid, flush=True)
    sys.stdin.read()
    await postgres.stop()
    print("stopped", flush=True)

# The interpreter may lie where only root can go: change the user once everything is imported.
if sys.argv[2] and os.geteuid() == 0:
    from callwright.cli import _postgres
    programs = _postgres.reachable_programs(private=True)
    _postgres.reachable_programs = lambda private: programs
    somebody = pwd.getpwnam(sys.argv[2])
    os.setgroups([]), os.setgid(somebody.pw_gid), os.setuid(somebody.pw_uid)
asyncio.run(main())
"""


@contextlib.asynccontextmanager
async def _running(data_dir: Path) -> AsyncIterator[EmbeddedPostgres]:
    postgres = EmbeddedPostgres(data_dir)
    await postgres.start()
    try:
        yield postgres
    finally:
        await postgres.stop()


async def _ask(url: str, sql: str) -> object:
    connection = await asyncpg.connect(url, timeout=5)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def _until(condition: Callable[[], bool], bound_s: float) -> None:
    async with asyncio.timeout(bound_s):
        # A process that is not our child does not tell of its end.
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def _is_gone(pid: int) -> bool:
    """Dead, or a zombie whose parent has not looked yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def _backends(cluster: str) -> list[int]:
    """Every process whose working directory is the cluster: the server and its children."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.readlink(folder / "cwd") == cluster:
                found.append(int(folder.name))
    return found


async def test_a_second_start_finds_the_data(data_dir: Path) -> None:
    async with _running(data_dir) as first:
        await _ask(first.url, "CREATE TABLE kept AS SELECT 42 AS n")
    async with _running(data_dir) as second:
        assert await _ask(second.url, "SELECT n FROM kept") == 42


async def test_it_listens_on_no_port_and_runs_without_rights(data_dir: Path) -> None:
    async with _running(data_dir) as postgres:
        assert await _ask(postgres.url, "SHOW listen_addresses") == ""
        assert await _ask(postgres.url, "SHOW data_checksums") == "on"
        assert postgres.process is not None
        assert Path(f"/proc/{postgres.process.pid}").stat().st_uid != 0
        assert str(await _ask(postgres.url, "SHOW server_version")).startswith("18")


async def test_nothing_but_its_owner_reads_the_cluster(data_dir: Path) -> None:
    async with _running(data_dir):
        root = (data_dir / "postgres").resolve()
        assert root.stat().st_mode & 0o077 == 0


async def test_data_survive_a_killed_server_and_its_stale_lock(data_dir: Path) -> None:
    async with _running(data_dir) as first:
        await _ask(first.url, "CREATE TABLE kept AS SELECT 42 AS n")
        assert first.process is not None
        first.process.send_signal(signal.SIGKILL)
        assert await asyncio.wait_for(first.ended(), GONE_S_MAX) == -signal.SIGKILL
        lock = next((data_dir / "postgres").resolve().glob("*/postmaster.pid"))
        # Its number now belongs to a process that lives, and that has nothing to do with it.
        lock.write_text(lock.read_text().replace(str(first.process.pid), str(os.getpid()), 1))
    async with _running(data_dir) as second:
        assert await _ask(second.url, "SELECT n FROM kept") == 42


async def test_nothing_that_a_killed_server_left_at_work_is_in_the_way(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_postgres, "GONE_S_MAX", 1.0)
    async with _running(data_dir) as first:
        assert first.process is not None
        busy = await asyncpg.connect(first.url)
        # A backend looks for its server between two steps that may wait: not while it counts.
        counting = asyncio.create_task(
            busy.fetchval("SELECT count(*) FROM generate_series(1, 80000000) n WHERE n % 7 = 0")
        )
        await _until_busy(first.url)
        first.process.send_signal(signal.SIGKILL)
        assert await asyncio.wait_for(first.ended(), GONE_S_MAX) == -signal.SIGKILL
        async with _running(data_dir) as second:
            assert await _ask(second.url, "SELECT 1") == 1
        await asyncio.wait([counting])
        busy.terminate()


async def _until_busy(url: str) -> None:
    busy = "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%series%' AND pid <> pg_backend_pid()"
    async with asyncio.timeout(GONE_S_MAX):
        while not await _ask(url, busy):  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)


async def test_an_interrupted_first_start_begins_again(data_dir: Path) -> None:
    async with _running(data_dir) as postgres:
        cluster = postgres._cluster
    half = cluster.with_name(cluster.name + ".new")
    cluster.rename(half)
    (half / "PG_VERSION").unlink()
    async with _running(data_dir) as postgres:
        assert await _ask(postgres.url, "SELECT 1") == 1
        assert not half.exists()


async def test_a_cluster_of_another_major_version_is_left_alone(data_dir: Path) -> None:
    async with _running(data_dir) as postgres:
        cluster = postgres._cluster
    cluster.rename(cluster.with_name("17"))
    with pytest.raises(ProviderError, match="made by PostgreSQL 17, and this is 18"):
        await EmbeddedPostgres(data_dir).start()


async def test_a_path_too_long_for_a_socket(data_dir: Path) -> None:
    deep = data_dir / ("a folder with a long name " * 4) / "data"
    deep.mkdir(parents=True)
    async with _running(deep) as postgres:
        assert await _ask(postgres.url, "SELECT 1") == 1
        socket_dir = postgres._socket_dir
        assert len(str(socket_dir)) <= _postgres.SOCKET_PATH_MAX
        assert socket_dir.stat().st_mode & 0o077 == 0


def test_programs_work_where_they_are_copied_to(data_dir: Path) -> None:
    """As root with an environment that nobody else can reach. Other tests use the copy only on such a machine."""
    copied = _postgres.copy_programs(_postgres.reachable_programs(private=False), data_dir / "deep" / "copy")
    made = data_dir / "cluster"
    made.mkdir()
    somebody = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    os.chown(made, somebody.pw_uid, somebody.pw_gid)
    said = subprocess.run(
        [copied / "bin" / "initdb", "-D", made, "--no-sync", "-A", "trust"],
        user=somebody.pw_uid if os.geteuid() == 0 else None,
        env={"LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert said.returncode == 0, said.stderr
    linked = subprocess.run(["ldd", copied / "bin" / "initdb"], capture_output=True, text=True, timeout=10).stdout
    assert str(data_dir) in linked
    assert "not found" not in linked


async def test_throwaway_clusters_leave_nothing(data_dir: Path) -> None:
    postgres = EmbeddedPostgres(data_dir, throwaway=True)
    await postgres.start()
    assert await _ask(postgres.url, "SHOW fsync") == "off"
    await postgres.stop()
    assert not postgres._root.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's database can lie outside its data directory")
async def test_a_new_data_directory_does_not_find_the_old_ones_database(data_dir: Path) -> None:
    unreachable = data_dir / "private"
    unreachable.mkdir(mode=0o700)
    data = unreachable / "data"
    roots = []
    try:
        async with _running(data) as first:
            await _ask(first.url, "CREATE TABLE kept AS SELECT 42 AS n")
        async with _running(data) as second:
            assert await _ask(second.url, "SELECT n FROM kept") == 42
        roots.append((data / "postgres").resolve())
        assert unreachable not in roots[0].parents
        assert unreachable.stat().st_mode & 0o077 == 0
        data.rename(unreachable / "moved away")
        async with _running(data) as third:
            roots.append((data / "postgres").resolve())
            assert await _ask(third.url, "SELECT to_regclass('kept')") is None
    finally:
        for root in roots:
            shutil.rmtree(root)


def _start_parent(data_dir: Path, user: str = "") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _PARENT, str(data_dir), user],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


async def _kill_parent(parent: subprocess.Popen[str], url: str, pid: int) -> None:
    await _ask(url, "CREATE TABLE kept AS SELECT 42 AS n")
    busy = await asyncpg.connect(url, timeout=5)
    cluster = os.readlink(f"/proc/{pid}/cwd")
    assert pid in _backends(cluster)
    with contextlib.suppress(asyncpg.PostgresError, OSError):
        asking = asyncio.ensure_future(busy.fetchval("SELECT pg_sleep(60)"))
        await asyncio.sleep(0)
        parent.kill()
        parent.wait(GONE_S_MAX)
        started = time.monotonic()
        await _until(lambda: _is_gone(pid) and not _backends(cluster), GONE_S_MAX)
        assert time.monotonic() - started < GONE_S_MAX
        await asyncio.wait_for(asking, 1)


async def test_the_server_dies_with_a_killed_parent_and_keeps_its_data(data_dir: Path) -> None:
    parent = _start_parent(data_dir)
    assert parent.stdout is not None
    url, pid = (await asyncio.to_thread(parent.stdout.readline)).split()
    await _kill_parent(parent, url, int(pid))
    async with _running(data_dir) as again:
        assert await _ask(again.url, "SELECT n FROM kept") == 42


async def test_an_ordinary_user_stops_it_cleanly(data_dir: Path) -> None:
    """As root, the parent becomes one; else it is one already."""
    somebody = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    os.chown(data_dir, somebody.pw_uid, somebody.pw_gid)
    parent = _start_parent(data_dir, user=somebody.pw_name)
    assert parent.stdout is not None and parent.stdin is not None
    url, pid = (await asyncio.to_thread(parent.stdout.readline)).split()
    assert Path(f"/proc/{pid}").stat().st_uid == somebody.pw_uid
    assert await _ask(url, "SELECT 1") == 1
    parent.stdin.close()
    assert await asyncio.to_thread(parent.stdout.readline) == "stopped\n"
    assert await asyncio.to_thread(parent.wait, GONE_S_MAX) == 0
    assert _is_gone(int(pid))
