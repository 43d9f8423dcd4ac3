"""Naps that what there is to do ends."""

import asyncio


async def nap(woken: asyncio.Event, seconds: float) -> None:
    """Until `woken` is set, or so long; it is clear afterwards."""
    try:
        async with asyncio.timeout(seconds):
            await woken.wait()
    except TimeoutError:
        pass
    woken.clear()
