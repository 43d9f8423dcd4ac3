"""Performs caller-facing commands on a leg, one at a time, and answers each with its event.

Between two commands the leg goes on telling things: keys pressed while the program fetches something, the
hang-up. They wait in the leg's queue and are read when the next command begins, so keys become type-ahead
and a leg that has ended answers at once.

Prompts go out in *stretches*: neighbours with the same barge-in setting are handed to the leg as one list,
so no gap is heard inside a stretch. A key stops a stretch with barge-in and skips what follows it; in a
stretch without barge-in keys are dropped, as the author asked that all of it be heard.
"""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import groupby

from callwright.base.errors import ProviderError
from callwright.grammar.collector import Collector
from callwright.ports.leg import Frames, KeyPressed, Leg, LegEnded, LegEvent, PlayEnded
from callwright.session.commands import CallerCommand, Collect, Disconnect, Play, SetRecording
from callwright.session.events import Done, Event, HungUp, Played
from callwright.session.prompts import Prompt

KEYS_AHEAD_MAX = 128
"Type-ahead that is kept: as many keys as the longest digits input takes."

PLAY_S_MAX = 3600.0
"No stretch of prompts runs longer; past it the plane has lost it, and the call is ended."


class Performer:
    """The voice of one call.

    `prepare` turns a prompt into frames and raises `ProviderError` where it cannot be spoken: the call goes on
    without that prompt and `report` gets the reason for the log. `clock` gives UNIX seconds.
    """

    def __init__(
        self,
        leg: Leg,
        *,
        prepare: Callable[[Prompt], Awaitable[list[Frames]]],
        report: Callable[[str], None],
        clock: Callable[[], float],
        recording_path: Callable[[], str],
    ) -> None:
        self._leg = leg
        self._prepare = prepare
        self._report = report
        self._clock = clock
        self._recording_path = recording_path
        self._typed = ""
        self._mark = 0
        self._over: HungUp | None = None

    @property
    def gone(self) -> bool:
        """The caller has hung up, or we have."""
        return self._over is not None or self._leg.ended

    async def perform(self, command: CallerCommand) -> Event:
        self._catch_up()
        if self._over is not None:
            return self._over
        match command:
            case Play():
                return await self._play(command)
            case Collect():
                return await self._collect(command)
            case SetRecording(on=on):
                if on:
                    self._leg.start_recording(self._recording_path())
                else:
                    self._leg.stop_recording()
                return Done(self._clock())
            case Disconnect():
                self._leg.hang_up()
                self._over = HungUp(self._clock(), by="application")
                return self._over

    async def _play(self, command: Play) -> Event:
        for barge_in, stretch in await self._stretches(command.prompts):
            if barge_in and self._typed:
                return Played(self._clock(), interrupted=True)
            self._begin(stretch)
            if await self._until_played(barge_in):
                return Played(self._clock(), interrupted=True)
            if self._over is not None:
                return self._over
        return self._over or Played(self._clock())

    async def _until_played(self, barge_in: bool) -> bool:
        """Whether a key stopped the stretch that plays now."""
        async with asyncio.timeout(PLAY_S_MAX):
            while self._over is None:
                match await self._leg.event():
                    case PlayEnded(mark=mark) if mark == self._mark:
                        return False
                    case KeyPressed(key=key) if barge_in:
                        self._leg.stop_playing()
                        self._type(key)
                        return True
                    case LegEnded() as ended:
                        self._hung_up(ended)
        return False

    async def _collect(self, command: Collect) -> Event:
        stretches = await self._stretches(command.prompts)
        # What comes first and cannot be cut off is heard whatever was typed ahead.
        while self._over is None and stretches and not stretches[0][0]:
            self._begin(stretches.pop(0)[1])
            await self._until_played(barge_in=False)
        self._catch_up()
        if self._over is not None:
            return self._over
        collector = Collector(command.grammars, command.timers, self._typed, self._clock())
        self._typed = ""
        if not await self._ask(collector, stretches):
            assert self._over is not None
            return self._over
        self._typed = collector.left_over[:KEYS_AHEAD_MAX]
        assert collector.result is not None
        return collector.result

    async def _ask(self, collector: Collector, stretches: list[tuple[bool, list[Frames]]]) -> bool:
        """Play and listen until the collector has its result; False when the caller has gone first."""
        playing = False
        while collector.result is None:
            if not playing and collector.playing:
                if stretches:
                    barge_in, stretch = stretches.pop(0)
                    self._begin(stretch)
                    playing = True
                else:
                    collector.prompts_ended(self._clock())
                    continue
            event = await self._next(collector.deadline)
            match event:
                case None:
                    collector.tick(self._clock())
                case KeyPressed(key=key) if not (playing and not barge_in):
                    collector.key(key, self._clock())
                    if playing and not collector.playing:
                        self._leg.stop_playing()
                        playing = False
                case PlayEnded(mark=mark) if mark == self._mark:
                    playing = False
                case LegEnded() as ended:
                    self._hung_up(ended)
                    return False
        if playing:
            self._leg.stop_playing()
        return True

    async def _next(self, deadline: float | None) -> LegEvent | None:
        """The leg's next event, None when the deadline came first."""
        event = self._leg.waiting()
        if event is not None:
            return event
        wait_s = PLAY_S_MAX if deadline is None else deadline - self._clock()
        try:
            async with asyncio.timeout(max(wait_s, 0)):
                return await self._leg.event()
        except TimeoutError:
            if deadline is None:
                raise
            return None

    async def _stretches(self, prompts: tuple[Prompt, ...]) -> list[tuple[bool, list[Frames]]]:
        stretches: list[tuple[bool, list[Frames]]] = []
        for barge_in, group in groupby(prompts, key=lambda prompt: prompt.barge_in):
            frames: list[Frames] = []
            for prompt in group:
                try:
                    frames += await self._prepare(prompt)
                except ProviderError as error:
                    self._report(str(error))
            if frames:
                stretches.append((barge_in, frames))
        return stretches

    def _begin(self, stretch: list[Frames]) -> None:
        self._mark += 1
        self._leg.play(stretch, self._mark)

    def _catch_up(self) -> None:
        """Take in what the leg told while nobody was listening."""
        while self._over is None and (event := self._leg.waiting()) is not None:
            match event:
                case KeyPressed(key=key):
                    self._type(key)
                case LegEnded():
                    self._hung_up(event)

    def _type(self, key: str) -> None:
        if len(self._typed) < KEYS_AHEAD_MAX:
            self._typed += key

    def _hung_up(self, ended: LegEnded) -> None:
        self._over = HungUp(self._clock(), by="caller" if ended.by == "remote" else "platform")
