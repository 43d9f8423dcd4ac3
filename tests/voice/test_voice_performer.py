"""Commands on a leg: prompts and barge-in, type-ahead, the collector's timers, and the hang-up at any moment."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from callwright.base.errors import ProviderError
from callwright.grammar.grammars import Digits
from callwright.grammar.input import Match, NoInput, NoMatch, Timers
from callwright.ports.leg import Frames, KeyPressed, LegEnded, LegEvent, PlayEnded
from callwright.session.commands import Collect, Disconnect, Play, SetRecording
from callwright.session.events import Done, HungUp, Played
from callwright.session.prompts import Prompt, Speech
from callwright.testing import virtual_time
from callwright.testing.leg import FakeLeg
from callwright.voice.performer import KEYS_AHEAD_MAX, Performer

pytestmark = pytest.mark.pure

A = Prompt((Speech("A"),))
B = Prompt((Speech("B"),))
LEGAL = Prompt((Speech("legal"),), barge_in=False)
BROKEN = Prompt((Speech("broken"),))
PIN = (Digits("pin", 2, 2),)
TIMERS = Timers(initial_s=5, final_key_s=2)
ENDED = PlayEnded


class Bench:
    """A performer on a fake leg, in a loop with virtual time."""

    def __init__(self) -> None:
        self.leg = FakeLeg()
        self.problems: list[str] = []
        loop = asyncio.get_running_loop()
        self.performer = Performer(
            self.leg,
            prepare=self._prepare,
            report=self.problems.append,
            clock=loop.time,
            recording_path=lambda: "/tmp/x.wav",
        )
        self.perform = self.performer.perform

    async def _prepare(self, prompt: Prompt) -> list[Frames]:
        (part,) = prompt.parts
        assert isinstance(part, Speech)
        if part.text == "broken":
            raise ProviderError("no voice")
        return [(part.text.encode(),)]

    @property
    def heard(self) -> list[str]:
        """What was played, stretch by stretch."""
        return ["".join(frame.decode() for frames in stretch for frame in frames) for stretch in self.leg.played]

    def during(self, *scripts: list[LegEvent]) -> None:
        """What happens during the first stretch, the second ..; the rest are heard to their end."""
        left = list(scripts)
        self.leg.on_play = lambda mark: left.pop(0) if left else [PlayEnded(mark, interrupted=False)]


def in_virtual_time(test: Callable[[Bench], Awaitable[None]]) -> Callable[[], None]:
    async def main() -> None:
        await test(Bench())

    def run() -> None:
        virtual_time.run(main())

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


@in_virtual_time
async def test_neighbours_are_one_stretch_and_barge_in_divides(bench: Bench) -> None:
    assert await bench.perform(Play((A, B, LEGAL, A))) == Played(0)
    assert bench.heard == ["AB", "legal", "A"]


@in_virtual_time
async def test_a_key_stops_a_prompt_and_counts_for_the_next_input(bench: Bench) -> None:
    bench.during([KeyPressed("1")])
    assert await bench.perform(Play((A, LEGAL))) == Played(0, interrupted=True)
    assert bench.leg.stopped == 1 and bench.heard == ["A"]
    bench.leg.tell(PlayEnded(1, interrupted=True), KeyPressed("2"))
    assert await bench.perform(Collect((B,), PIN, TIMERS)) == Match(0, "pin", "12", "12")
    assert bench.heard == ["A"], "whoever knows the menu does not hear it"


@in_virtual_time
async def test_a_prompt_without_barge_in_is_heard_and_its_keys_are_dropped(bench: Bench) -> None:
    bench.during([KeyPressed("9"), PlayEnded(1, False)], [KeyPressed("8"), PlayEnded(2, False)])
    assert await bench.perform(Play((LEGAL,))) == Played(0)
    result = await bench.perform(Collect((LEGAL, B), PIN, TIMERS))
    assert result == NoInput(5) and bench.heard == ["legal", "legal", "B"]


@in_virtual_time
async def test_what_cannot_be_cut_off_is_heard_even_by_who_typed_ahead(bench: Bench) -> None:
    bench.leg.tell(KeyPressed("1"), KeyPressed("2"))
    assert await bench.perform(Play((A, LEGAL))) == Played(0, interrupted=True)
    assert await bench.perform(Play((LEGAL, A))) == Played(0, interrupted=True)
    assert await bench.perform(Collect((LEGAL, A), PIN, TIMERS)) == Match(0, "pin", "12", "12")
    assert bench.heard == ["legal", "legal"]


@in_virtual_time
async def test_a_key_during_the_question_stops_it_and_starts_the_final_timer(bench: Bench) -> None:
    bench.during([KeyPressed("1")])
    assert await bench.perform(Collect((A, LEGAL), PIN, TIMERS)) == NoMatch(2, "1")
    assert bench.leg.stopped == 1 and bench.heard == ["A"]


@in_virtual_time
async def test_no_time_runs_while_the_question_is_played(bench: Bench) -> None:
    bench.leg.on_play = lambda mark: []
    loop = asyncio.get_running_loop()
    loop.call_later(100, lambda: bench.leg.tell(PlayEnded(1, False)))
    assert await bench.perform(Collect((A,), PIN, TIMERS)) == NoInput(105)


@in_virtual_time
async def test_each_key_starts_the_final_timer_anew(bench: Bench) -> None:
    loop = asyncio.get_running_loop()
    loop.call_later(4.9, lambda: bench.leg.tell(KeyPressed("1")))
    loop.call_later(6.8, lambda: bench.leg.tell(KeyPressed("2"), KeyPressed("3")))
    assert await bench.perform(Collect((A,), PIN, TIMERS)) == Match(6.8, "pin", "12", "12")
    long = (Digits("more", 2, 9),)
    loop.call_later(1, lambda: bench.leg.tell(KeyPressed("4")))
    assert await bench.perform(Collect((), long, TIMERS)) == Match(pytest.approx(9.8), "more", "34", "34")


@in_virtual_time
async def test_the_end_of_an_older_prompt_is_not_the_end_of_this_one(bench: Bench) -> None:
    await bench.perform(Play((A,)))
    bench.during([PlayEnded(1, True), PlayEnded(2, False)])
    assert await bench.perform(Play((B,))) == Played(0)
    assert bench.leg.waiting() is None


@in_virtual_time
async def test_what_cannot_be_spoken_is_reported_and_left_out(bench: Bench) -> None:
    assert await bench.perform(Play((A, BROKEN, B))) == Played(0)
    assert await bench.perform(Play((BROKEN,))) == Played(0)
    assert await bench.perform(Collect((BROKEN,), PIN, TIMERS)) == NoInput(5)
    assert bench.heard == ["AB"] and bench.problems == ["no voice"] * 3


@in_virtual_time
async def test_keys_ahead_have_a_limit(bench: Bench) -> None:
    bench.leg.tell(*(KeyPressed("1") for _ in range(KEYS_AHEAD_MAX + 50)))
    await bench.perform(SetRecording(True))
    everything = (Digits("all", 1, 1000, False),)
    result = await bench.perform(Collect((), everything, TIMERS))
    assert isinstance(result, Match) and len(result.value) == KEYS_AHEAD_MAX


@in_virtual_time
async def test_recording(bench: Bench) -> None:
    assert await bench.perform(SetRecording(True)) == Done(0)
    assert await bench.perform(SetRecording(False)) == Done(0)
    assert bench.leg.recordings == ["/tmp/x.wav", "stop"]


@in_virtual_time
async def test_disconnecting(bench: Bench) -> None:
    assert await bench.perform(Disconnect()) == HungUp(0, by="application")
    assert bench.performer.gone
    assert await bench.perform(Play((A,))) == HungUp(0, by="application")
    assert bench.heard == []


@pytest.mark.parametrize(("by", "told"), [("remote", "caller"), ("failure", "platform"), ("local", "platform")])
@pytest.mark.parametrize("moment", ["before", "prompt", "no barge-in", "question", "waiting", "keying"])
def test_a_hang_up_answers_whatever_is_being_done(moment: str, by, told: str) -> None:
    async def main() -> None:
        bench = Bench()
        over = LegEnded(by)
        loop = asyncio.get_running_loop()
        match moment:
            case "before":
                bench.leg.tell(KeyPressed("1"), over)
                result = await bench.perform(Collect((A,), PIN, TIMERS))
            case "prompt":
                bench.during([over])
                result = await bench.perform(Play((A, LEGAL)))
            case "no barge-in":
                bench.during([KeyPressed("1"), over])
                result = await bench.perform(Collect((LEGAL, A), PIN, TIMERS))
            case "question":
                bench.during([over])
                result = await bench.perform(Collect((A,), PIN, TIMERS))
            case "waiting":
                loop.call_later(3, lambda: bench.leg.tell(over))
                result = await bench.perform(Collect((A,), PIN, TIMERS))
            case _:
                loop.call_later(1, lambda: bench.leg.tell(KeyPressed("1")))
                loop.call_later(2, lambda: bench.leg.tell(over))
                result = await bench.perform(Collect((A,), PIN, TIMERS))
        assert isinstance(result, HungUp) and result.by == told
        assert bench.performer.gone
        assert await bench.perform(Play((B,))) == result
        assert "B" not in bench.heard

    virtual_time.run(main())
