"""Figures of the processes of one machine, for Prometheus.

Each process keeps its own (`REGISTRY`) and writes them into a file of its own every few seconds; `merged` puts the files together,
each figure with the `role` of its process. So one address tells of all of them, and no process needs a port for it. What an
engine or a job counts has its names beside the code that counts.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

from prometheus_client import CollectorRegistry, ProcessCollector, disable_created_metrics, generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

EVERY_S = 5.0
STALE_S = 30.0
"Figures of a process that has written none for so long are not told: it is gone."

FILE_BYTES_MAX = 4 << 20
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

REGISTRY = CollectorRegistry()
"Of this process."

disable_created_metrics()  # type: ignore[no-untyped-call]  # the library has no types there
ProcessCollector(registry=REGISTRY)


@contextlib.asynccontextmanager
async def published(folder: Path, role: str) -> AsyncIterator[None]:
    """Meanwhile this process's figures are in `folder`."""
    folder.mkdir(mode=0o700, exist_ok=True)
    writing = asyncio.create_task(_publish(folder / f"{role}.prom"))
    try:
        yield
    finally:
        writing.cancel()
        await asyncio.wait([writing])


async def _publish(path: Path) -> None:
    part = path.with_suffix(".part")
    while True:
        part.write_bytes(generate_latest(REGISTRY))
        os.replace(part, path)
        await asyncio.sleep(EVERY_S)


def merged(folder: Path) -> bytes:
    """The figures of all processes that write into `folder`, as Prometheus reads them."""
    registry = CollectorRegistry()
    registry.register(_Merged(folder))
    return generate_latest(registry)


class _Merged(Collector):
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        families: dict[str, Metric] = {}
        for path in sorted(self._folder.glob("*.prom")):
            if time.time() - path.stat().st_mtime > STALE_S:
                continue
            text = path.read_bytes()[:FILE_BYTES_MAX].decode(errors="replace")
            for family in text_string_to_metric_families(text):
                known = families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
                for sample in family.samples:
                    known.add_sample(sample.name, {**sample.labels, "role": path.stem}, sample.value)
        return families.values()
