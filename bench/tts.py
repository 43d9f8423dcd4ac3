"""Speech on the engine's way, from a prompt to frames that can be sent: a prompt's first time, and every other time."""

import argparse
import asyncio
import time

from bench._figures import Figure, slowness, verdict
from bench._pool import SOCKET, running
from callwright.providers.pool_client import PoolClient
from callwright.session.prompts import Prompt, Speech
from callwright.voice.prompts import PromptShelf

COLD_MS, CACHED_MS = 150.0, 1.0
TEXT = "Thank you for talking to company number {}. We have three short questions."
"As the survey template begins: 5 seconds of speech."


def main() -> int:
    options = argparse.ArgumentParser(prog="./dev bench tts", description=__doc__)
    options.add_argument(
        "--prompts", type=int, default=300, metavar="N", help="different prompts (default: %(default)s)"
    )
    given = options.parse_args()
    asyncio.run(_measure(given.prompts))
    return 0


async def _measure(count: int) -> None:
    with running() as folder:
        pool = PoolClient(folder / SOCKET)
        shelf, second = PromptShelf(pool, folder / "audio"), PromptShelf(pool, folder / "audio")
        try:
            for name, on, target in (
                ("first time (cold)", shelf, COLD_MS),
                ("again, in the same engine", shelf, CACHED_MS),
                ("again, in another engine: from the file", second, CACHED_MS),
            ):
                figure = await _each(on, count)
                print(f"{name:40} {figure}   < {target:g} ms: p50 {verdict(figure.ms(50), target, figure.slowness)}, "
                      f"p99 {verdict(figure.ms(99), target, figure.slowness)}", flush=True)  # fmt: skip
        finally:
            await pool.close()


async def _each(shelf: PromptShelf, count: int) -> Figure:
    seconds, slow = [], []
    for number in range(count):
        slow.append(slowness())
        before = time.perf_counter()
        (frames,) = await shelf.prepare(1, Prompt((Speech(TEXT.format(number)),)))
        seconds.append(time.perf_counter() - before)
        assert len(frames) > 100
    return Figure(seconds, slow)
