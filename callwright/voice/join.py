"""A transfer: dials the far end while the caller waits, joins the two, and tells how it ended.

dialing --answered--> joined --far end hangs up--> TransferEnded(far_end_disconnect)
   |                     +----longest time------> TransferEnded(maxtime_disconnect)
   |                     +----caller hangs up---> HungUp(transferred_s > 0)
   +--no answer, busy, error--> TransferEnded
   +--they talk without us----> HungUp(application, transferred_s = 0)
   +--caller hangs up---------> HungUp(transferred_s = 0)
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from callwright.ports.leg import HandedOver, KeyPressed, Leg, LegEnded, LegEvent, NotReached
from callwright.session.commands import Transfer
from callwright.session.events import HungUp, TransferEnded

JOINED_S_MAX = 4 * 3600.0
"A transfer without a limit of its own."

Dial = Callable[[Transfer], Awaitable["Leg | NotReached | HandedOver"]]


async def join(caller: Leg, command: Transfer, dial: Dial, clock: Callable[[], float]) -> TransferEnded | HungUp:
    """What became of it. The caller hears what is playing until the answer."""
    dialling = asyncio.ensure_future(dial(command))
    try:
        while not dialling.done():
            event = await _first(caller.event(), dialling)
            if isinstance(event, LegEnded):
                if dialling.done() and not isinstance(far_end := dialling.result(), NotReached | HandedOver):
                    # They answered in the moment in which the caller gave up.
                    far_end.hang_up()
                return _left(event, clock(), 0.0)
    finally:
        if not dialling.done():
            # Whoever dials hangs up when it is given up.
            dialling.cancel()
            await asyncio.wait([dialling])
    far_end = dialling.result()
    if isinstance(far_end, HandedOver):
        return HungUp(clock(), "application", transferred_s=0.0)
    caller.stop_playing()
    if isinstance(far_end, NotReached):
        return TransferEnded(clock(), far_end.outcome, 0.0, far_end.reason)
    try:
        if command.keys_after:
            far_end.send_keys(command.keys_after)
        caller.bridge(far_end)
        return await _joined(caller, far_end, command, clock)
    finally:
        # In this order: nobody is told that a hold is over to be hung up on.
        far_end.hang_up()
        caller.bridge(None)


async def _joined(caller: Leg, far_end: Leg, command: Transfer, clock: Callable[[], float]) -> TransferEnded | HungUp:
    begun = clock()
    most = min(command.duration_max_s or JOINED_S_MAX, JOINED_S_MAX)
    listening: dict[Leg, asyncio.Task[LegEvent]] = {}
    try:
        while (left := begun + most - clock()) > 0:
            for leg in (caller, far_end):
                if leg not in listening:
                    listening[leg] = asyncio.ensure_future(_event(leg))
            await asyncio.wait(listening.values(), timeout=left, return_when=asyncio.FIRST_COMPLETED)
            for leg, other in ((caller, far_end), (far_end, caller)):
                if not listening[leg].done():
                    continue
                event = listening.pop(leg).result()
                if isinstance(event, KeyPressed):
                    other.send_keys(event.key)
                elif isinstance(event, LegEnded):
                    # Never 0, which says that it rang only.
                    lasted = max(0.01, round(clock() - begun, 2))
                    if leg is caller:
                        return _left(event, clock(), lasted)
                    return TransferEnded(clock(), "far_end_disconnect", lasted, event.reason)
        return TransferEnded(clock(), "maxtime_disconnect", most)
    finally:
        for task in listening.values():
            task.cancel()


async def _event(leg: Leg) -> LegEvent:
    return await leg.event()


async def _first(event: Awaitable[LegEvent], dialling: "asyncio.Future[Any]") -> LegEvent | None:
    """The caller's event, or None when the dialling is over."""
    waiting = asyncio.ensure_future(event)
    try:
        await asyncio.wait({waiting, dialling}, return_when=asyncio.FIRST_COMPLETED)
        return waiting.result() if waiting.done() else None
    finally:
        waiting.cancel()


def _left(event: LegEnded, now: float, transferred_s: float) -> HungUp:
    return HungUp(now, "caller" if event.by == "remote" else "platform", transferred_s=transferred_s)
