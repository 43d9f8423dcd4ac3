"""A collection of input on a leg: prompts go out, keys and speech come in, until the collector has its result.

A stretch of prompts without barge-in is heard to its end, and what the caller does meanwhile is dropped. From the first
that may be cut off, keys count, and speech where the collector listens: the leg waits for one utterance, which is then
recognised while keys go on counting.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from callwright.grammar.collector import Collector
from callwright.grammar.input import Heard, Timers
from callwright.ports.leg import Frames, KeyPressed, Leg, LegEnded, LegEvent, PlayEnded, SpeechEnded, SpeechStarted

WAIT_S_MAX = 3600.0
"For any event while prompts play: past it the plane has lost the prompt, and the call is ended."

Stretch = tuple[bool, list[Frames]]
"Prompts that are said without a gap, and whether they may be cut off."


@dataclass(frozen=True, slots=True)
class _Recognised:
    heard: tuple[Heard, ...]


class Asking:
    """One collection. `marks` gives each thing that the leg is asked for a number of its own."""

    def __init__(
        self,
        leg: Leg,
        collector: Collector,
        timers: Timers,
        stretches: list[Stretch],
        *,
        clock: Callable[[], float],
        marks: Callable[[], int],
        recognize: Callable[[bytes], Awaitable[tuple[Heard, ...]]],
    ) -> None:
        self._leg, self._collector, self._timers, self._stretches = leg, collector, timers, stretches
        self._clock, self._marks, self._recognize = clock, marks, recognize
        self._playing = 0
        "Mark of the stretch that is played; 0: none is."

        self._hearing = 0
        "Mark of the utterance that is waited for; 0: none is."

        self._all_is_heard = False
        "The stretch that plays cannot be cut off."

        self._recognition: asyncio.Future[tuple[Heard, ...]] | None = None
        self.said = b""
        "The utterance that was recognised (µ-law); empty where there was none."

    async def run(self) -> LegEnded | None:
        """Until the collector has its result; how the leg ended, if it did first."""
        try:
            while self._collector.result is None:
                self._go_on()
                event = await self._next()
                if isinstance(event, LegEnded):
                    return event
                self._take(event)
            return None
        finally:
            self._stop_hearing()
            self._stop_playing()
            if self._recognition is not None:
                self._recognition.cancel()
                await asyncio.wait([self._recognition])

    def _go_on(self) -> None:
        """Play what comes next, and listen where that may be cut off."""
        if not self._playing and self._collector.playing:
            if self._stretches:
                barge_in, frames = self._stretches.pop(0)
                self._all_is_heard = not barge_in
                self._playing = self._marks()
                self._leg.play(frames, self._playing)
            else:
                self._all_is_heard = False
                self._collector.prompts_ended(self._clock())
        if not self._collector.listening or self._all_is_heard:
            self._stop_hearing()
        elif not self._hearing:
            self._hearing = self._marks()
            self._leg.hear(self._timers.final_speech_s, self._hearing)

    def _take(self, event: LegEvent | _Recognised | None) -> None:
        now = self._clock()
        match event:
            case None:
                self._collector.tick(now)
            case _Recognised(heard=heard):
                self._collector.heard(heard, now)
            case KeyPressed(key=key) if not self._all_is_heard:
                self._collector.key(key, now)
            case SpeechStarted(mark=mark) if mark == self._hearing:
                self._collector.speech_started(now)
            case SpeechEnded(mark=mark) if mark == self._hearing:
                self._hearing = 0
                self._collector.speech_ended(now)
                self._have_recognised(event)
            case PlayEnded(mark=mark) if mark == self._playing:
                self._playing = 0
        if not self._collector.playing:
            self._stop_playing()

    def _have_recognised(self, utterance: SpeechEnded) -> None:
        if not self._collector.recognising:
            return
        self.said = utterance.audio
        if utterance.too_long:
            self._collector.heard((), self._clock())
        else:
            self._recognition = asyncio.ensure_future(self._recognize(utterance.audio))

    async def _next(self) -> LegEvent | _Recognised | None:
        """What happens next, None when the deadline comes first."""
        event = self._leg.waiting()
        if event is not None:
            return event
        deadline = self._collector.deadline
        wait_s = WAIT_S_MAX if deadline is None else max(deadline - self._clock(), 0)
        if self._recognition is not None:
            return await self._first(self._recognition, wait_s)
        try:
            async with asyncio.timeout(wait_s):
                return await self._leg.event()
        except TimeoutError:
            if deadline is None:
                raise
            return None

    async def _first(
        self, recognition: asyncio.Future[tuple[Heard, ...]], wait_s: float
    ) -> LegEvent | _Recognised | None:
        """The leg's event, or what was recognised."""
        event = asyncio.ensure_future(self._event())
        either: set[asyncio.Future[Any]] = {event, recognition}
        try:
            await asyncio.wait(either, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
            if event.done():
                return event.result()
            if not recognition.done():
                return None
            self._recognition = None
            return _Recognised(recognition.result())
        finally:
            event.cancel()

    async def _event(self) -> LegEvent:
        return await self._leg.event()

    def _stop_playing(self) -> None:
        if self._playing:
            self._playing = 0
            self._leg.stop_playing()

    def _stop_hearing(self) -> None:
        if self._hearing:
            self._hearing = 0
            self._leg.hear(0, 0)
