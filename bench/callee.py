"""Who answers, a person or a machine: a labelled set, its confusion matrix, and what a call costs."""

import argparse
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import get_args

from bench._callees import KINDS, Sample, samples
from bench._sentences import MEASURED_ON, TUNED_ON
from bench._voices import has_flite
from callwright.base.callee_types import CalleeType
from callwright.media.callee import CalleeDetector
from callwright.media.callee_rules import Callee
from callwright.media.frames import FRAME_BYTES, RATE_HZ

TYPES: tuple[CalleeType, ...] = get_args(CalleeType)


@dataclass(frozen=True, slots=True)
class Result:
    sample: Sample
    callee: Callee
    after_s: float
    cpu_s: float

    @property
    def right(self) -> bool:
        return self.callee.type == self.sample.label


def main() -> int:
    options = argparse.ArgumentParser(prog="./dev bench callee", description=__doc__)
    options.add_argument("--seed", type=int, nargs="+", default=[2], help="of the set, or of several (default: 2)")
    options.add_argument("--each", type=float, default=1.0, help="how large a set, as a factor (default: %(default)s)")
    options.add_argument("--tuned", action="store_true", help="the half that the rules were found on")
    options.add_argument("--wrong", action="store_true", help="list what was taken for something else")
    given = options.parse_args()
    if not has_flite():
        print("flite is not installed, whose voices the set needs: apt-get install flite")
        return 1
    results: list[Result] = []
    for seed in given.seed:
        of_seed = [detect(sample) for sample in samples(TUNED_ON if given.tuned else MEASURED_ON, seed, given.each)]
        talkers = [result for result in of_seed if result.sample.kind.startswith(("person", "machine"))]
        print(f"seed {seed}: {_right(of_seed)}; people and machines alone: {_right(talkers)}", flush=True)
        results += of_seed
    _tables(results)
    if given.wrong:
        _wrong(results)
    return 0


def detect(sample: Sample) -> Result:
    """As the media plane hands it over, packet by packet."""
    began = time.process_time()
    detector = CalleeDetector(0)
    for packet in range(len(sample.received) // FRAME_BYTES):
        at = packet * FRAME_BYTES
        clock = at + FRAME_BYTES
        if sample.echo_db:
            detector.sent(sample.sent[at:clock], at)
        if sample.came[packet]:
            detector.hear(sample.received[at:clock], at, clock)
        callee = detector.look(clock)
        if callee is not None:
            return Result(sample, callee, clock / RATE_HZ, time.process_time() - began)
    raise AssertionError("nothing was told within the time")


# -- the tables ---------------------------------------------------------------------------------------


def _tables(results: list[Result]) -> None:
    print(f"in all: {_right(results)}\n")
    print("| is (down), was taken for (across) | " + " | ".join(TYPES) + " | right |\n|" + "---|" * (len(TYPES) + 2))
    for label in TYPES:
        _row(label, [result for result in results if result.sample.label == label])
    print("\n| kind | " + " | ".join(TYPES) + " | right |\n|" + "---|" * (len(TYPES) + 2))
    for kind in KINDS:
        _row(kind, [result for result in results if result.sample.kind == kind])
    _sounds(results)
    _by("noise, dB below the voice", results, lambda sample: sample.snr_db)
    _by("level, dBm0", results, lambda sample: sample.level_dbm0)
    _by("our prompt comes back, dB quieter (0: none)", results, lambda sample: sample.echo_db)
    print("\n| told after | p50 | p95 | latest |\n|---|---|---|---|")
    for type_ in TYPES:
        times = sorted(result.after_s for result in results if result.right and result.callee.type == type_)
        if times:
            print(
                f"| {type_} | {times[len(times) // 2]:.1f} s | {times[int(len(times) * 0.95)]:.1f} s | {times[-1]:.1f} s |"
            )
    cpu = sorted(result.cpu_s for result in results)
    alone = [result for result in results if not result.sample.echo_db]
    print(
        f"\nCPU of a call: {1e3 * sum(cpu) / len(cpu):.2f} ms, p95 {1e3 * cpu[int(len(cpu) * 0.95)]:.2f} ms; "
        f"of 4 s: {_cpu_ms(results):.2f} ms, and where we play nothing {_cpu_ms(alone):.2f} ms"
    )


def _cpu_ms(results: list[Result]) -> float:
    """For each four seconds that were looked at."""
    return 4e3 * sum(result.cpu_s for result in results) / sum(result.after_s for result in results)


def _sounds(results: list[Result]) -> None:
    """What is nobody's voice, and was taken for somebody's."""
    sounds = defaultdict(list)
    for result in results:
        if result.sample.detail and result.sample.label == "unknown":
            sounds[result.sample.detail].append(result.right)
    print("\n| sound that was taken for somebody | lines | right |\n|---|---|---|")
    for name, right in sorted(sounds.items()):
        if not all(right):
            print(f"| {name} | {len(right)} | {sum(right)} |")


def _row(name: str, results: list[Result]) -> None:
    if results:
        taken = Counter(result.callee.type for result in results)
        cells = " | ".join(str(taken[type_] or "") for type_ in TYPES)
        print(f"| {name} | {cells} | {_percent(sum(result.right for result in results), len(results))} |")


def _by(title: str, results: Iterable[Result], of: Callable[[Sample], int]) -> None:
    groups: dict[int, list[bool]] = defaultdict(list)
    for result in results:
        groups[of(result.sample)].append(result.right)
    print(f"\n| {title} | lines | right |\n|---|---|---|")
    for value in sorted(groups):
        print(f"| {value} | {len(groups[value])} | {_percent(sum(groups[value]), len(groups[value]))} |")


def _wrong(results: list[Result]) -> None:
    print()
    for result in results:
        if not result.right:
            sample, callee = result.sample, result.callee
            print(
                f"{sample.kind}: {callee.type} after {result.after_s:.1f} s ({callee.cause}); {sample.level_dbm0} dBm0, "
                f"noise {sample.snr_db} dB below, prompt {sample.echo_db}"
            )


def _right(results: list[Result]) -> str:
    right = sum(result.right for result in results)
    return f"{right} of {len(results)} right, {_percent(right, len(results))}"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %"
