"""A leg without a telephone: tests tell what the party does, and look at what was done to the leg."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from callwright.ports.leg import Callee, Frames, Leg, LegEnded, LegEvent, PlayEnded, Slot


class FakeLeg:
    """`ports.Leg` in memory. What is played ends at once, unless `on_play` says something else."""

    def __init__(self) -> None:
        self._events: deque[LegEvent] = deque()
        self._told = asyncio.Event()
        self.on_play: Callable[[int], Sequence[LegEvent]] = lambda mark: [PlayEnded(mark, interrupted=False)]
        "What happens while the audio with this mark plays."

        self.played: list[tuple[Frames, ...]] = []
        self.stopped = 0
        "How often playing was stopped."

        self.recordings: list[str] = []
        self.keys_sent = ""
        self.bridged: Leg | None = None
        self.on_hear: Callable[[int], Sequence[LegEvent]] = lambda mark: []
        "What is said when the utterance with this mark is waited for."

        self.hearing = 0
        "The mark of the utterance that is waited for; 0: none is."

        self.ended = False
        self.callee: Callee | None = None

    def tell(self, *events: LegEvent) -> None:
        """The party did this."""
        self._events.extend(events)
        self.ended = self.ended or any(isinstance(event, LegEnded) for event in events)
        self._told.set()

    async def event(self) -> LegEvent:
        while not self._events:
            self._told.clear()
            await self._told.wait()
        return self._events.popleft()

    def waiting(self) -> LegEvent | None:
        return self._events.popleft() if self._events else None

    def play(self, frames: Sequence[Frames], mark: int, *, again: bool = False) -> None:
        self.played.append(tuple(frames))
        if not again:
            self.tell(*self.on_play(mark))

    def stop_playing(self) -> None:
        self.stopped += 1

    def send_keys(self, keys: str) -> None:
        self.keys_sent += keys

    def start_recording(self, path: str, slot: Slot = "call") -> None:
        self.recordings.append(path)

    def stop_recording(self, slot: Slot = "call", cut_s: float = 0.0) -> None:
        self.recordings.append("stop")

    def mute_recordings(self, on: bool) -> None:
        self.recordings.append("mute" if on else "unmute")

    async def recorded(self, path: str, timeout_s: float) -> str:
        return "" if path in self.recordings else "it was never begun"

    def bridge(self, other: Leg | None) -> None:
        self.bridged = other

    def listen(self, silence_s: float, *, beeps: bool = False) -> None: ...

    def hear(self, silence_s: float, mark: int) -> None:
        self.hearing = mark if silence_s else 0
        if silence_s:
            self.tell(*self.on_hear(mark))

    def hang_up(self) -> None:
        self.tell(LegEnded("local"))
