"""IVR calls by SIPp: 4 s prompt, one key, 4 s prompt, two-way audio. CPU for each call, packet gaps, setup time.

The whole product is counted: engine, web, jobs, pool, PostgreSQL and the supervisor. The column "engine" is SIP,
media and flow alone. With `--asterisk`, each step is also run against Asterisk, right after, and the ratio printed.
"""

import argparse
import contextlib
import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench._ivr import asterisk, capture, media, processes
from bench._ivr.server import serve

HERE = Path(__file__).parent / "_ivr"
CALL_S = 8.7
SIPP_IP = "127.0.0.2"
SIPP_PORT = 5061
MEDIA_PORT = 20000
MEDIA_PORTS = 10010
RTP_FILTER = f"udp and dst host {SIPP_IP} and dst portrange {MEDIA_PORT}-{MEDIA_PORT + MEDIA_PORTS} and udp[3] & 15 = 0"
"Every eighth stream: SIPp's ports are even, and this keeps those whose low four bits are 0."

SIP_FILTER = f"udp and host {SIPP_IP} and port {SIPP_PORT}"


@dataclass(frozen=True, slots=True)
class Load:
    """One run of SIPp."""

    scenario: str
    user: str
    rate: float
    "Calls begun in a second."

    calls: int
    at_once: int


def main() -> int:
    options = _options()
    if os.geteuid() != 0:
        print("This benchmark needs root: SIPp's player opens raw sockets.", file=sys.stderr)
        return 2
    for tool in ("sipp", "tcpdump", "iptables", "taskset"):
        if shutil.which(tool) is None:
            print(f"{tool} is missing: apt-get install sip-tester tcpdump iptables util-linux", file=sys.stderr)
            return 2
    # However it is ended, the platform is ended with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    cores = None if options.no_pin else "0"
    with contextlib.ExitStack() as servers:
        ready = servers.enter_context(serve(Path(options.data), options.sip, options.http, cores))
        if options.serve:
            print(json.dumps(ready, indent=2))
            print(f"Serving the applications 'ivr' and 'setup' on {ready['sip']}; Ctrl-C ends.", flush=True)
            if options.ready_file:
                file = Path(options.ready_file)
                file.touch(mode=0o600)
                file.write_text(json.dumps(ready))
            with contextlib.suppress(KeyboardInterrupt):
                while True:
                    signal.pause()
            return 0
        peer = servers.enter_context(asterisk.serve(Path(options.asterisk), cores)) if options.asterisk else None
        return _measure(ready, peer, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench ivr", description=__doc__)
    parser.add_argument("--calls-at-once", "-n", default="50", help="steps, comma-separated (50,100,200,300)")
    parser.add_argument("--rounds", type=float, default=3, help="calls of a step = calls at once x rounds")
    parser.add_argument("--setup-rates", default="", help="answered calls a second without media, comma-separated")
    parser.add_argument("--serve", action="store_true", help="only start the seeded server")
    parser.add_argument("--ready-file", help="with --serve: write what the server is reached by, as JSON")
    parser.add_argument("--data", default=str(Path(tempfile.gettempdir()) / "callwright-bench"), help="data directory")
    parser.add_argument("--sip", default="127.0.0.1:5060")
    parser.add_argument("--http", default="127.0.0.1:8090")
    parser.add_argument("--asterisk", metavar="ROOT", help="folder of a system with Debian's asterisk (/: this one)")
    parser.add_argument("--no-pin", action="store_true", help="leave the server on all cores")
    parser.add_argument("--out", help="append one JSON line for each run to this file")
    return parser.parse_args()


def _measure(ready: Mapping[str, object], peer: Mapping[str, object] | None, options: argparse.Namespace) -> int:
    print(f"{'run':>12} {'calls':>6} {'failed':>6} {'a second':>8} {'CPU/call':>9} {'engine':>8} {'core':>6} {'RSS/100':>8} "
          f"{'gap p50':>8} {'p99':>7} {'max':>7} {'setup p50':>9} {'p99':>7}")  # fmt: skip
    loads = [_ivr(int(n), options.rounds) for n in options.calls_at_once.split(",") if n]
    loads += [
        Load("setup_caller", "setup", float(r), int(float(r) * 10), 5000) for r in options.setup_rates.split(",") if r
    ]
    failed = 0
    for load in loads:
        ours = _run(ready, load)
        failed += ours["failed"]
        _print(ours, options)
        if peer is not None:
            theirs = _run(peer, load) | {"run": "Asterisk"}
            _print(theirs, options)
            print(f"{'ratio':>12} {'':>22} {ours['cpu_ms_per_call'] / theirs['cpu_ms_per_call']:>6.2f}", flush=True)
    return 1 if failed else 0


def _print(row: Mapping[str, Any], options: argparse.Namespace) -> None:
    print(_line(row), flush=True)
    if options.out:
        with Path(options.out).open("a") as file:
            file.write(json.dumps(row) + "\n")
    time.sleep(2)


def _ivr(at_once: int, rounds: float) -> Load:
    return Load("ivr_caller", "ivr", at_once / CALL_S * 1.03, max(50, int(at_once * rounds)), at_once)


def _run(ready: Mapping[str, object], load: Load) -> dict[str, Any]:
    pids: dict[str, int] = ready["pids"]  # type: ignore[assignment]
    with tempfile.TemporaryDirectory(prefix="callwright-bench-") as folder:
        work = Path(folder)
        media.caller_pcap(work / "caller.pcap")
        shutil.copy(HERE / f"{load.scenario}.xml", work / "scenario.xml")
        with (
            rtp_dropped(),
            captured(work / "rtp.pcap", RTP_FILTER, 66),
            captured(work / "sip.pcap", SIP_FILTER, 700),
        ):
            time.sleep(1)
            before = processes.usage(pids)
            begun = time.monotonic()
            caller = sipp(str(ready["sip"]), load, work)
            peaks = _watch(caller, pids)
            after = processes.usage(pids)
            seconds = time.monotonic() - begun
        return _row(load, work, before, after, peaks, seconds)


def sipp(target: str, load: Load, work: Path) -> subprocess.Popen[bytes]:
    command = [
        "taskset", "-c", "1", "sipp", target, "-s", load.user, "-sf", "scenario.xml", "-i", SIPP_IP, "-p", str(SIPP_PORT),
        "-mi", SIPP_IP, "-mp", str(MEDIA_PORT), "-r", str(max(1, round(load.rate * 10))), "-rp", "10000",
        "-l", str(load.at_once), "-m", str(load.calls), "-nostdin", "-trace_stat", "-stf", "stat.csv", "-fd", "1",
        "-timeout", f"{load.calls / load.rate + 60:.0f}s", "-buff_size", "2097152",
    ]  # fmt: skip
    with (work / "sipp.out").open("wb") as out:
        return subprocess.Popen(command, cwd=work, stdout=out, stderr=out, stdin=subprocess.DEVNULL)


def _watch(sipp: subprocess.Popen[bytes], pids: Mapping[str, int]) -> dict[str, float]:
    """Most memory seen while SIPp runs, in MB, by role. What PostgreSQL keeps of its files grows with what is written."""
    peaks = dict.fromkeys(pids, 0.0)
    while sipp.poll() is None:
        for role, used in processes.usage(pids).items():
            peaks[role] = max(peaks[role], used.rss_mb)
        with contextlib.suppress(subprocess.TimeoutExpired):
            sipp.wait(2)
    return peaks


@contextmanager
def rtp_dropped() -> Iterator[None]:
    # The player's raw sockets each get a copy of every packet for their address, on the server's bill:
    # so the server's RTP is dropped once tcpdump has seen it.
    rule = [
        "INPUT",
        "-i",
        "lo",
        "-d",
        SIPP_IP,
        "-p",
        "udp",
        "--dport",
        f"{MEDIA_PORT}:{MEDIA_PORT + MEDIA_PORTS}",
        "-j",
        "DROP",
    ]
    subprocess.run(["iptables", "-w", "-A", *rule], check=True)
    try:
        yield
    finally:
        subprocess.run(["iptables", "-w", "-D", *rule], check=True)


@contextmanager
def captured(path: Path, expression: str, length: int) -> Iterator[None]:
    command = [
        "taskset",
        "-c",
        "1",
        "tcpdump",
        "-i",
        "lo",
        "-n",
        "-s",
        str(length),
        "-B",
        "16384",
        "-w",
        str(path),
        expression,
    ]
    dump = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        time.sleep(0.5)
        dump.send_signal(signal.SIGINT)
        dump.wait(10)


def _row(
    load: Load,
    work: Path,
    before: Mapping[str, processes.Usage],
    after: Mapping[str, processes.Usage],
    peaks: Mapping[str, float],
    seconds: float,
) -> dict[str, Any]:
    with (work / "stat.csv").open() as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    last = rows[-1]
    done, failed = int(last["SuccessfulCall(C)"]), int(last["FailedCall(C)"])
    cpu_s = {role: after[role].cpu_s - before[role].cpu_s for role in after}
    rtp = capture.rtp(work / "rtp.pcap")
    setup = capture.setup_ms(work / "sip.pcap")
    idle_mb = sum(u.rss_mb for u in before.values())
    return {
        "run": f"{load.user} {load.at_once}" if load.user == "ivr" else f"{load.user} {load.rate:g}/s",
        "calls": done,
        "failed": failed + load.calls - done - failed,
        "cpu_ms_per_call": 1000 * sum(cpu_s.values()) / max(done, 1),
        "cpu_ms_per_call_by_role": {role: round(1000 * s / max(done, 1), 3) for role, s in cpu_s.items()},
        "calls_per_s": done / seconds,
        "core_pct": 100 * sum(cpu_s.values()) / seconds,
        "rss_mb_idle": idle_mb,
        "rss_mb_per_100_calls": (sum(peaks.values()) - idle_mb) * 100 / load.at_once,
        "rss_mb_by_role": {role: [round(before[role].rss_mb), round(peak)] for role, peak in peaks.items()},
        "gap_ms_p50": capture.percentile(rtp.gaps_ms, 0.5),
        "gap_ms_p99": capture.percentile(rtp.gaps_ms, 0.99),
        "gap_ms_max": max(rtp.gaps_ms, default=float("nan")),
        "packets_per_stream": sorted(set(rtp.packets)),
        "rtp_lost": rtp.lost,
        "setup_ms_p50": capture.percentile(setup, 0.5),
        "setup_ms_p99": capture.percentile(setup, 0.99),
        "at": time.strftime("%Y-%m-%dT%H:%M:%S"),
    }


def _line(row: Mapping[str, Any]) -> str:
    return (
        f"{row['run']:>12} {row['calls']:>6} {row['failed']:>6} {row['calls_per_s']:>8.1f} {row['cpu_ms_per_call']:>6.2f} ms"
        f" {row['cpu_ms_per_call_by_role'].get('engine', 0):>5.2f} ms {row['core_pct']:>5.1f}%"
        f" {row['rss_mb_per_100_calls']:>5.1f} MB"
        f" {row['gap_ms_p50']:>8.2f} {row['gap_ms_p99']:>7.2f} {row['gap_ms_max']:>7.2f}"
        f" {row['setup_ms_p50']:>9.2f} {row['setup_ms_p99']:>7.2f}"
    )


if __name__ == "__main__":
    sys.exit(main())
