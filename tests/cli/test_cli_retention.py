"""`callwright retention` and the job that does what it tells."""

import asyncio
import time

import pytest
from click.testing import CliRunner

from callwright.base.config import Config
from callwright.cli.retention import command
from callwright.jobs import retention as job
from callwright.services import retention

pytestmark = pytest.mark.store

OLD = "call_events_20200101"


@pytest.fixture
def run(tmp_path, database_url):
    """Runs the command as a person would, on the database of a platform in `tmp_path`."""
    (tmp_path / "run").mkdir()
    Config(data_dir=str(tmp_path), database_url=database_url).save(tmp_path / "run" / "config.json")

    async def invoke(*options: str) -> tuple[int, str]:
        result = await asyncio.to_thread(CliRunner().invoke, command, ["--data", str(tmp_path), *options])
        return result.exit_code, result.output

    return invoke


@pytest.fixture
async def old(db):
    """An entry of 2020, in its partition."""
    await db.pool.execute("INSERT INTO call_events (call_id, seq, at, body) VALUES (1, 0, 1577836800, '{}')")
    assert OLD in await retention.make_partitions(db, time.time())


async def _is_there(db) -> bool:
    return await db.pool.fetchval("SELECT to_regclass($1) IS NOT NULL", OLD)


async def test_show_and_set(run, db):
    assert await run() == (0, "Detailed logs are kept for 5 days, calls and their errors for 366.\n")
    assert await run("--details-days", "30") == (
        0,
        "Detailed logs are kept for 30 days, calls and their errors for 366.\n",
    )
    assert await retention.platform_days(db) == retention.Days(30, 366)
    code, output = await run("--calls-days", "10")
    assert code == 1 and "0 <= days of details <= days of calls" in output
    assert await retention.platform_days(db) == retention.Days(30, 366)


async def test_a_dry_run_deletes_nothing(run, db, old):
    told = f"  {OLD}: the whole partition, 1 rows\n"
    code, output = await run("--dry-run")
    assert code == 0 and output.endswith(f"Would be deleted now:\n{told}") and await _is_there(db)
    assert (await run("--dry-run", "--now"))[0] == 2 and await _is_there(db)
    code, output = await run("--now")
    assert code == 0 and output.endswith(f"Deleted:\n{told}") and not await _is_there(db)
    assert (await run("--now"))[1].endswith("Deleted:\n  nothing\n")


async def _until_gone(db) -> None:
    async with asyncio.timeout(20):
        while await _is_there(db):  # noqa: ASYNC110 - what is waited for happens in the database
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("jobs", [1, 3])
async def test_the_job_makes_partitions_and_drops_them(db, old, jobs):
    """However many machines have one: what one has done, the others find done."""
    working = [asyncio.ensure_future(job.run(db)) for _ in range(jobs)]
    try:
        await _until_gone(db)
    finally:
        for one in working:
            one.cancel()
    assert not any(one.done() for one in working)
    assert await retention.planned(db, time.time()) == []


async def test_no_platform(tmp_path):
    result = await asyncio.to_thread(CliRunner().invoke, command, ["--data", str(tmp_path)])
    assert result.exit_code == 1 and "Is it running?" in result.output
