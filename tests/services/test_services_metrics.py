"""Figures of several processes, put together for Prometheus."""

import asyncio
import os
import time

import pytest
from prometheus_client.parser import text_string_to_metric_families

from callwright.services import metrics

pytestmark = pytest.mark.pure

ENGINE = """\
# HELP calls_total Calls.
# TYPE calls_total counter
calls_total{direction="inbound"} 3.0
# HELP process_cpu_seconds_total CPU.
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total 1.5
"""
WEB = """\
# HELP process_cpu_seconds_total CPU.
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total 2.5
# HELP seconds Seconds.
# TYPE seconds histogram
seconds_bucket{le="1.0"} 1.0
seconds_bucket{le="+Inf"} 2.0
seconds_count 2.0
seconds_sum 4.0
"""


def _samples(text: bytes) -> dict[tuple[str, ...], float]:
    return {
        (one.name, *(f"{name}={value}" for name, value in sorted(one.labels.items()))): one.value
        for family in text_string_to_metric_families(text.decode())
        for one in family.samples
    }


def test_each_figure_has_the_role_of_its_process(tmp_path):
    (tmp_path / "engine.prom").write_text(ENGINE)
    (tmp_path / "web.prom").write_text(WEB)
    (tmp_path / "jobs.part").write_text("half")
    text = metrics.merged(tmp_path)
    assert _samples(text) == {
        ("calls_total", "direction=inbound", "role=engine"): 3.0,
        ("process_cpu_seconds_total", "role=engine"): 1.5,
        ("process_cpu_seconds_total", "role=web"): 2.5,
        ("seconds_bucket", "le=1.0", "role=web"): 1.0,
        ("seconds_bucket", "le=+Inf", "role=web"): 2.0,
        ("seconds_count", "role=web"): 2.0,
        ("seconds_sum", "role=web"): 4.0,
    }
    # Prometheus takes one TYPE of a name.
    assert text.count(b"# TYPE process_cpu_seconds_total counter") == 1


def test_a_process_that_is_gone_tells_nothing(tmp_path):
    path = tmp_path / "engine.prom"
    path.write_text(ENGINE)
    old = time.time() - metrics.STALE_S - 1
    os.utime(path, (old, old))
    assert metrics.merged(tmp_path) == metrics.merged(tmp_path / "nowhere") == b""


async def test_a_process_publishes_its_own(tmp_path):
    folder = tmp_path / "metrics"
    async with metrics.published(folder, "jobs"), asyncio.timeout(10):
        while not (folder / "jobs.prom").exists():  # noqa: ASYNC110 - a file tells of nothing
            await asyncio.sleep(0.01)
    assert folder.stat().st_mode & 0o77 == 0
    assert ("process_open_fds", "role=jobs") in _samples(metrics.merged(folder))
