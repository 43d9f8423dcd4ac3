"""Performs caller-facing commands on a leg, one at a time, and answers each with its event.

Between two commands the leg goes on telling things: keys pressed while the program fetches something, the
hang-up. They wait in the leg's queue and are read when the next command begins, so keys become type-ahead
and a leg that has ended answers at once.

Prompts go out in *stretches*: neighbours with the same barge-in setting are handed to the leg as one list,
so no gap is heard inside a stretch. A key stops a stretch with barge-in and skips what follows it; in a
stretch without barge-in keys are dropped, as the author asked that all of it be heard.

While a command is private, what is said and heard leaves silence in the call's recording.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import groupby

from callwright.base.errors import ProviderError
from callwright.grammar.collector import Collector
from callwright.grammar.input import Heard
from callwright.media import wav
from callwright.media.frames import RATE_HZ, frames
from callwright.media.tones import tone
from callwright.ports.leg import Frames, KeyPressed, Leg, LegEnded, PlayEnded, Slot
from callwright.ports.recognizer import Recognizer, Utterance
from callwright.session.commands import CallerCommand, Collect, Disconnect, Play, Record, SetRecording, Transfer
from callwright.session.events import CalleeFound, Done, Event, HungUp, NoInput, Played, Recorded
from callwright.session.prompts import Prompt
from callwright.voice.asking import Asking
from callwright.voice.join import Dial, join
from callwright.voice.messages import Messages
from callwright.voice.take_message import COMPLETE_S_MAX, take_message

KEYS_AHEAD_MAX = 128
"Type-ahead that is kept: as many keys as the longest digits input takes."

PLAY_S_MAX = 3600.0
"No stretch of prompts runs longer; past it the plane has lost it, and the call is ended."


class Performer:
    """The voice of one call.

    `prepare` turns a prompt into frames and raises `ProviderError` where it cannot be spoken: the call goes on
    without that prompt and `report` gets the reason for the log. `clock` gives UNIX seconds. `dial` reaches the far
    end of a transfer, and hangs up what it has begun when it is cancelled. Without `recording_path` nothing of the call
    is recorded but what its caller is asked to say.
    """

    def __init__(
        self,
        leg: Leg,
        *,
        prepare: Callable[[Prompt], Awaitable[list[Frames]]],
        report: Callable[[str], None],
        clock: Callable[[], float],
        recording_path: Callable[[], str] | None,
        messages: Messages,
        dial: Dial,
        recognizer: Recognizer,
    ) -> None:
        self._leg = leg
        self._prepare = prepare
        self._report = report
        self._clock = clock
        self._recording_path = recording_path
        self._messages = messages
        self._dial = dial
        self._recognizer = recognizer
        self._unknown_languages: set[str] = set()
        self._own = ("", "")
        "The program's own recording that goes on: its ref and its path."

        self._found = False
        self._muted = False
        self._holding = False
        self._typed = ""
        self._mark = 0
        self._over: HungUp | None = None

    @property
    def gone(self) -> bool:
        """The caller has hung up, or we have."""
        return self._over is not None or self._leg.ended

    async def perform(self, command: CallerCommand) -> Event:
        self._stop_hold()
        self._catch_up()
        if isinstance(command, SetRecording) and command.name and not command.on:
            # What was recorded is there whether or not the caller is.
            return await self._stop_own()
        if self._over is not None:
            return self._over
        self._mute(_is_private(command))
        match command:
            case Play():
                return await self._play(command.prompts)
            case Collect():
                return await self._collect(command)
            case Record():
                return await self._record(command)
            case Transfer():
                return await self._transfer(command)
            case SetRecording():
                return await self._set_recording(command)
            case Disconnect():
                self._leg.hang_up()
                self._over = HungUp(self._clock(), by="application")
                return self._over

    def found(self) -> CalleeFound | None:
        """Who has answered, once that was found out; told once."""
        callee = self._leg.callee
        if callee is None or self._found:
            return None
        self._found = True
        return CalleeFound(callee.at, callee.type, callee.cause)

    async def hold(self, prompt: Prompt) -> None:
        """Play this over and over, until the next command or `release`."""
        if not self._typed:
            await self._hold([*(await self._stretches((prompt,)))])

    def release(self) -> None:
        """What the caller waited for has come."""
        self._stop_hold()

    async def _hold(self, stretches: list[tuple[bool, list[Frames]]]) -> None:
        if stretches and not self.gone:
            self._mark += 1
            self._leg.play(stretches[0][1], self._mark, again=True)
            self._holding = True

    def _stop_hold(self) -> None:
        if self._holding:
            self._holding = False
            self._leg.stop_playing()

    def _mute(self, on: bool) -> None:
        if on != self._muted:
            self._muted = on
            self._leg.mute_recordings(on)

    async def _record(self, command: Record) -> Event:
        played = await self._play(command.prompts)
        # A key that cut the prompt short asked for the beep; it must not end the message as well.
        self._typed = ""
        if isinstance(played, HungUp):
            return played
        ref, path = self._messages.new()
        self._mark += 1
        message = await take_message(self._leg, command, path, self._clock, self._mark)
        if message.error:
            self._report(f"The message is not complete: {message.error}")
        recorded = None
        if message.seconds or message.ended == "beep":
            size = self._messages.size(ref)
            recorded = Recorded(self._clock(), ref, message.seconds, message.ended, message.key, size)
        if message.over is not None:
            self._hung_up(message.over)
            assert self._over is not None
            return replace(self._over, recorded=recorded)
        return recorded or NoInput(self._clock())

    async def _transfer(self, command: Transfer) -> Event:
        played = await self._play(command.prompts)
        self._typed = ""
        if isinstance(played, HungUp):
            return played
        waiting = await self._stretches((command.hold,)) if command.hold is not None else []
        await self._hold(waiting or [(True, [frames(tone("ringback"))])])
        self._holding = False  # `join` ends it
        ended = await join(self._leg, command, self._dial, self._clock)
        if isinstance(ended, HungUp):
            self._over = HungUp(ended.now, ended.by)
        return ended

    async def _set_recording(self, command: SetRecording) -> Event:
        if self._recording_path is None:
            return Done(self._clock())
        slot: Slot = "own" if command.name else "call"
        if command.on:
            ref, path = self._messages.new() if command.name else ("", self._recording_path())
            if command.name:
                self._own = (ref, path)
            self._leg.start_recording(path, slot)
            return Done(self._clock())
        self._leg.stop_recording(slot)
        return Done(self._clock())

    async def _stop_own(self) -> Event:
        self._leg.stop_recording("own")
        (ref, path), self._own = self._own, ("", "")
        if error := await self._leg.recorded(path, COMPLETE_S_MAX) if ref else "it was never begun":
            self._report(f"The recording is not complete: {error}")
            return Done(self._clock())
        await asyncio.to_thread(self._messages.mix, ref)
        size = self._messages.size(ref)
        return Recorded(self._clock(), ref, round((size - wav.HEADER_BYTES) / RATE_HZ, 2), "stopped", size=size)

    async def _play(self, prompts: tuple[Prompt, ...]) -> Played | HungUp:
        for barge_in, stretch in await self._stretches(prompts):
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
        collector = Collector(
            command.grammars,
            command.timers,
            self._typed,
            self._clock(),
            speech=self._listens(command),
            language=command.language,
            nbest_max=command.nbest_max,
            confidence_min=command.confidence_min,
        )
        self._typed = ""

        async def recognize(audio: bytes) -> tuple[Heard, ...]:
            return await self._recognized(command, audio)

        asking = Asking(
            self._leg,
            collector,
            command.timers,
            stretches,
            clock=self._clock,
            marks=self._next_mark,
            recognize=recognize,
        )
        if (ended := await asking.run()) is not None:
            self._hung_up(ended)
            assert self._over is not None
            return self._over
        self._typed = collector.left_over[:KEYS_AHEAD_MAX]
        result = collector.result
        assert result is not None
        if not isinstance(result, NoInput) and result.mode == "voice" and asking.said and not command.private:
            return replace(result, recording=self._messages.keep(asking.said))
        return result

    def _listens(self, command: Collect) -> bool:
        """Whether speech is heard; where the application wants it and nobody can, that is told once."""
        if not command.speech or self._recognizer.knows(command.language):
            return command.speech
        if command.language not in self._unknown_languages:
            self._unknown_languages.add(command.language)
            self._report(f"There is no speech recogniser for {command.language}: callers can only press keys")
        return False

    async def _recognized(self, command: Collect, audio: bytes) -> tuple[Heard, ...]:
        utterance = Utterance(audio, command.grammars, command.language, command.nbest_max, command.private)
        try:
            return await self._recognizer.recognize(utterance)
        except ProviderError as error:
            # What a recogniser complains of may be a word that the caller could have said.
            self._report("What was said could not be recognised" if command.private else str(error))
            return ()

    async def _stretches(self, prompts: tuple[Prompt, ...]) -> list[tuple[bool, list[Frames]]]:
        stretches: list[tuple[bool, list[Frames]]] = []
        for barge_in, group in groupby(prompts, key=lambda prompt: prompt.barge_in):
            prepared: list[Frames] = []
            for prompt in group:
                try:
                    prepared += await self._prepare(prompt)
                except ProviderError as error:
                    self._report(str(error))
            if prepared:
                stretches.append((barge_in, prepared))
        return stretches

    def _next_mark(self) -> int:
        self._mark += 1
        return self._mark

    def _begin(self, stretch: list[Frames]) -> None:
        self._leg.play(stretch, self._next_mark())

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
        if ended.by == "failure":
            self._report(f"The call was lost: {ended.reason}")
        self._over = HungUp(self._clock(), by="caller" if ended.by == "remote" else "platform")


def _is_private(command: CallerCommand) -> bool:
    prompts = getattr(command, "prompts", ())
    return getattr(command, "private", False) or any(part.private for prompt in prompts for part in prompt.parts)
