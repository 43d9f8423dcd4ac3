"""A platform tells Prometheus what it does, and writes its log as data."""

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import started
from prometheus_client.parser import text_string_to_metric_families

pytestmark = pytest.mark.wire

CONFIRMS, IS_BUSY = "12125550101", "12125550104"
TOLD_S_MAX = 30.0
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def platform():
    with started("--log-format", "json") as running:
        yield running


def _data(platform) -> Path:
    return Path(platform.ready["recordings_dir"]).parent


def _log(platform, role: str) -> list[str]:
    return (_data(platform) / "logs" / f"{role}.log").read_text().splitlines()


async def _metrics(platform, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "callwright", "metrics", "--url", platform.ready["base_url"], *options]
    return await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=30)


def _samples(text: str) -> dict[str, float]:
    return {
        one.name + "".join(f" {name}={value}" for name, value in sorted(one.labels.items())): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


async def test_what_was_done_is_told(platform):
    await platform.over(await platform.queue(CONFIRMS))
    await platform.over(await platform.queue(IS_BUSY, max_attempts=1))
    data = str(_data(platform))
    wanted = {
        "callwright_calls_total direction=outbound outcome=exit role=engine": 1,
        "callwright_attempts_total ending=completed role=engine": 1,
        "callwright_attempts_total ending=busy role=engine": 1,
        "callwright_call_seconds_count role=engine": 1,
        "callwright_leg_jitter_seconds_count role=engine": 1,
        "callwright_waiting queue=calls role=jobs": 0,
        "callwright_http_requests_total role=web status=200 surface=fuse": 2,
    }
    async with asyncio.timeout(TOLD_S_MAX):
        while True:
            told = await _metrics(platform, "--data", data)
            assert told.returncode == 0, told.stderr
            found = _samples(told.stdout)
            if wanted.items() <= found.items():
                break
            await asyncio.sleep(0.5)
    assert found["callwright_rtp_sent_total role=engine"] > 100
    assert found["callwright_sip_sent_total role=engine"] >= 6
    assert {f"process_resident_memory_bytes role={role}" for role in ("web", "engine", "jobs", "pool")} <= found.keys()
    scrape = await _metrics(platform, "--data", data, "--scrape-config")
    assert f"credentials: {platform.ready['metrics_token']}" in scrape.stdout


async def test_only_who_has_the_token_reads(platform):
    async with platform.client() as client:
        for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": b"Bearer \xe4"}):
            reply = await client.get("/metrics", headers=headers, auth=None)
            assert reply.status_code == 401 and b"callwright_" not in reply.content.replace(b"callwright metrics", b"")
        token = {"Authorization": f"Bearer {platform.ready['metrics_token']}"}
        reply = await client.get("/metrics", headers=token, auth=None)
        assert reply.status_code == 200 and reply.headers["content-type"].startswith("text/plain; version=0.0.4")


async def test_the_log_is_data(platform):
    await platform.over(await platform.queue(CONFIRMS))
    lines = [line for role in ("web", "engine", "jobs") for line in _log(platform, role)]
    assert lines and all({"at", "level", "logger", "message"} <= json.loads(line).keys() for line in lines)


async def test_each_figure_is_documented(platform):
    token = {"Authorization": f"Bearer {platform.ready['metrics_token']}"}
    page = (ROOT / "docs" / "reference" / "metrics.md").read_text()
    documented = set(re.findall(r"`(callwright_\w+?)(?:_total)?`", page))
    there: set[str] = set()
    async with platform.client() as client, asyncio.timeout(TOLD_S_MAX):
        # Each process tells its own, the first time before it has counted all.
        while not documented <= there:
            families = text_string_to_metric_families(await _told(client, token))
            there = {family.name for family in families if family.name.startswith("callwright_")}
            await asyncio.sleep(0.5)
    assert there == documented


async def _told(client, token) -> str:
    return (await client.get("/metrics", headers=token, auth=None)).text
