"""The media plane alone: CPU for each second of a two-way call, evenness of its packets, time until a key is told.

One process runs a plane with N sessions that play without end; a second one is their far ends. Every call hears
50 packets a second and sends 50, among them one key press a second.
"""

import argparse
import asyncio
import gc
import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from itertools import repeat
from pathlib import Path
from typing import Any

import uvloop

from callwright.media.frames import frames
from callwright.ports.leg import KeyPressed
from callwright.telephony.media_coding import Agreed
from callwright.telephony.plane import Closed, MediaEvent, MediaPlane, MediaSession, MediaStats, PlaneStats

HOST = "127.0.0.1"
SETTLE_S = 2.0
"Until everything flows; not measured."

PROMPT_S = 3600


class Tally:
    """What the sessions told."""

    def __init__(self, calls: int) -> None:
        self.open = calls
        self.all_closed = asyncio.Event()
        self.keys = 0
        self.lost = 0
        self.received = 0

    def take(self, event: MediaEvent) -> None:
        match event:
            case KeyPressed():
                self.keys += 1
            case Closed(stats=stats):
                self._close(stats)

    def _close(self, stats: MediaStats) -> None:
        self.lost += stats.lost
        self.received += stats.packets_received
        self.open -= 1
        if not self.open:
            self.all_closed.set()


def main() -> int:
    options = _options()
    if os.environ.get("OPENBLAS_NUM_THREADS") != "1":  # numpy's idle threads would be measured, too
        os.execve(
            sys.executable,
            [sys.executable, "-m", "bench", "media", *sys.argv[1:]],
            {**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        )
    if not options.no_pin and (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {0})
    print(f"A packet by bare sockets on this machine, sent and received: {_bare_us():.2f} µs")
    print(" calls  CPU ms/call-s  core %  gap p0.1/p50/p99/max ms  late p99/max ms  packets")
    for calls in (int(number) for number in options.calls.split(",")):
        for _ in range(options.repeat):
            uvloop.run(_measure(calls, options))
    return 0


def _bare_us() -> float:
    """What one packet out and one in cost at the least, in Python and in warm caches: the best of many rounds."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as two,
    ):
        two.bind((HOST, 0))
        to, packet, buffer, best = two.getsockname(), bytes(172), bytearray(2048), 1.0
        for _ in range(300):
            begun = time.perf_counter()
            for _ in range(50):
                one.sendto(packet, to)
            for _ in range(50):
                two.recvfrom_into(buffer)
            best = min(best, time.perf_counter() - begun)
    return best / 50 * 1e6


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench media", description=__doc__)
    parser.add_argument("--calls", default="50,300,500", help="numbers of calls, one run each")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each run is measured")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--silent", action="store_true", help="the far ends only listen")
    parser.add_argument("--no-keys", action="store_true")
    parser.add_argument("--record", action="store_true", help="record both sides of every call")
    parser.add_argument("--listen", action="store_true", help="look for speech in every call")
    parser.add_argument(
        "--busy", type=float, default=0.0, help="share of the time that the event loop computes, 0 to 1"
    )
    parser.add_argument("--no-pin", action="store_true", help="do not put the plane on core 0 and the load on core 1")
    return parser.parse_args()


async def _measure(calls: int, options: argparse.Namespace) -> None:
    sys.setswitchinterval(0.0001)
    tally = Tally(calls)
    plane = MediaPlane(HOST, 20000, 60000, asyncio.get_running_loop())
    plane.start()
    sessions = [plane.open(tally.take) for _ in range(calls)]
    with tempfile.TemporaryDirectory() as folder, _load(sessions, options) as load:
        _begin(sessions, json.loads(await _line(load)), folder, options)
        gc.collect()
        gc.freeze()
        await asyncio.sleep(SETTLE_S)
        before, begun = _cpu_s(), time.monotonic()
        await _wait(options.seconds, options.busy)
        spent_s, lasted_s = _cpu_s() - before, time.monotonic() - begun
        found = json.loads(await _line(load))
        late = plane.snapshot()
        for session in sessions:
            session.close()
        async with asyncio.timeout(30):
            await tally.all_closed.wait()
        plane.stop()
    _report(calls, spent_s, lasted_s, found, late, tally)


def _load(sessions: list[MediaSession], options: argparse.Namespace) -> "subprocess.Popen[str]":
    """The far ends' process, told where to send."""
    command = [sys.executable, str(Path(__file__).parent / "_media_load.py")]
    pin = not options.no_pin and (os.cpu_count() or 1) > 1
    load = subprocess.Popen(
        ["taskset", "-c", "1", *command] if pin else command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert load.stdin is not None
    order = {
        "host": HOST,
        "ports": [session.port for session in sessions],
        "seconds": SETTLE_S + options.seconds + 1,
        "speaks": not options.silent,
        "keys": not options.no_keys,
    }
    load.stdin.write(json.dumps(order) + "\n")
    load.stdin.flush()
    return load


def _begin(sessions: list[MediaSession], ports: list[int], folder: str, options: argparse.Namespace) -> None:
    second = frames(bytes(range(64, 144)) * 100)
    for number, (session, port) in enumerate(zip(sessions, ports, strict=True)):
        session.connect(HOST, port, Agreed(101))
        session.play(tuple(repeat(second, PROMPT_S)), 1)
        if options.record:
            session.start_recording(f"{folder}/{number}.wav")
        if options.listen:
            session.listen(0.8)


async def _line(load: "subprocess.Popen[str]") -> str:
    assert load.stdout is not None
    return await asyncio.to_thread(load.stdout.readline)


async def _wait(seconds: float, busy: float) -> None:
    """Let it run; the loop computes for `busy` of each 10 ms, as a program with many calls would."""
    end = time.monotonic() + seconds
    while (now := time.monotonic()) < end:
        while time.monotonic() < now + 0.01 * busy:
            pass
        await asyncio.sleep(0.01 * (1 - busy) if busy else end - now)


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _report(calls: int, spent_s: float, lasted_s: float, found: dict[str, Any], late: PlaneStats, tally: Tally) -> None:
    gaps = sorted(found["gaps_ms"]) or [0.0]
    quantiles = "/".join(f"{gaps[min(len(gaps) - 1, int(len(gaps) * part))]:.1f}" for part in (0.001, 0.5, 0.99, 1))
    notes = [f"{found['received']} out, {tally.received} in"]
    if found["lost"] or tally.lost:
        notes.append(f"LOST {found['lost']} out, {tally.lost} in")
    if tally.keys != found["keys"]:
        notes.append(f"{tally.keys} KEYS TOLD OF {found['keys']}")
    spent_ms = spent_s * 1000 / lasted_s
    print(
        f"{calls:6} {spent_ms / calls:14.3f} {spent_ms / 10:7.1f} {quantiles:>24} "
        f"{late.late_p99_ms:11.1f}/{late.late_max_ms:<4.1f} {'; '.join(notes)}",
        flush=True,
    )
