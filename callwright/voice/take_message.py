"""A message from the far end: from our beep to a key, the silence after speech, a beep of theirs, or the longest time."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from callwright.media.frames import frames
from callwright.media.tones import tone
from callwright.ports.leg import Beeped, KeyPressed, Leg, LegEnded, LegEvent, PlayEnded, SpeechEnded, SpeechStarted
from callwright.session.commands import Record

COMPLETE_S_MAX = 5.0
"How long a message's file may take to be complete on disk."

LATE_S = 0.5
"The detector tells the end of speech a little after the silence is long enough."


@dataclass(frozen=True, slots=True)
class Message:
    """How it ended. `seconds` is 0 where nothing was said, but for a beep, which is an answer without words too."""

    ended: Literal["key", "silence", "maximum", "hang up", "beep"]
    seconds: float
    key: str = ""
    over: LegEnded | None = None
    error: str = ""
    "Why the file is missing or incomplete."


async def take_message(leg: Leg, command: Record, path: str, clock: Callable[[], float], mark: int) -> Message:
    """Record the far end into a WAV file at `path`."""
    if command.beep and (over := await _beep(leg, mark)):
        return Message("hang up", 0, over=over)
    leg.start_recording(path, "message")
    leg.listen(command.silence_final_s, beeps=command.ends_at_beep)
    begun = clock()
    taken = await _until_ended(leg, command, begun, clock)
    leg.listen(0)
    # The silence that ended it is no part of the message.
    cut_s = min(command.silence_final_s, taken.seconds) if taken.ended == "silence" else 0.0
    leg.stop_recording("message", cut_s)
    error = await leg.recorded(path, COMPLETE_S_MAX)
    seconds = round(max(0.0, taken.seconds - cut_s), 2)
    return Message(taken.ended, seconds, taken.key, taken.over, error)


async def _beep(leg: Leg, mark: int) -> LegEnded | None:
    leg.play([frames(tone("beep"))], mark)
    while True:
        match await leg.event():
            case PlayEnded(mark=ended) if ended == mark:
                return None
            case LegEnded() as over:
                return over


async def _until_ended(leg: Leg, command: Record, begun: float, clock: Callable[[], float]) -> Message:
    spoke = False
    while True:
        now = clock()
        # Somebody who never speaks is given up first; then the longest time counts.
        due = begun + (command.duration_max_s if spoke else min(command.duration_max_s, command.silence_initial_s))
        match await _next(leg, due - now):
            case None:
                return Message("maximum" if spoke else "silence", clock() - begun if spoke else 0)
            case KeyPressed(key=key) if key in command.terminators:
                return Message("key", clock() - begun if spoke else 0, key)
            case SpeechStarted():
                spoke = True
            case Beeped():
                return Message("beep", clock() - begun)
            case SpeechEnded():
                return Message("silence", clock() - begun)
            case LegEnded() as over:
                return Message("hang up", clock() - begun if spoke else 0, over=over)


async def _next(leg: Leg, seconds: float) -> LegEvent | None:
    event = leg.waiting()
    if event is not None:
        return event
    try:
        async with asyncio.timeout(max(seconds, 0)):
            return await leg.event()
    except TimeoutError:
        return None
