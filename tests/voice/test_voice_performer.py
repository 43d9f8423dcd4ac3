"""Commands on a leg: prompts and barge-in, type-ahead, the collector's timers, and the hang-up at any moment."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from callwright.base.errors import ProviderError
from callwright.grammar.grammars import Digits
from callwright.grammar.input import Match, NoInput, NoMatch, Timers
from callwright.ports.leg import (
    Beeped,
    Callee,
    Frames,
    HandedOver,
    KeyPressed,
    Leg,
    LegEnded,
    LegEvent,
    NotReached,
    PlayEnded,
    SpeechEnded,
    SpeechStarted,
)
from callwright.session.commands import Collect, Disconnect, Play, Record, SetRecording, Transfer
from callwright.session.events import CalleeFound, Done, HungUp, Played, Recorded, TransferEnded
from callwright.session.prompts import Prompt, Speech
from callwright.testing import virtual_time
from callwright.testing.leg import FakeLeg
from callwright.testing.recognizer import FakeRecognizer
from callwright.voice.messages import Messages
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
        self._folder = tempfile.TemporaryDirectory()
        self.folder = Path(self._folder.name)
        self.messages = Messages(self.folder)
        self.problems: list[str] = []
        self.recognizer = FakeRecognizer()
        loop = asyncio.get_running_loop()
        self.performer = Performer(
            self.leg,
            prepare=self._prepare,
            report=self.problems.append,
            clock=loop.time,
            recording_path=lambda: "/tmp/x.wav",
            messages=self.messages,
            dial=self._dial,
            recognizer=self.recognizer,
        )
        self.far_end: Leg | NotReached = NotReached("busy", "486 Busy Here")
        "Who is reached by a transfer."

        self.dials: Callable[[Transfer], Awaitable[Leg | NotReached]] | None = None

        self.perform = self.performer.perform

    async def _dial(self, command: Transfer) -> Leg | NotReached:
        return await self.dials(command) if self.dials else self.far_end

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
async def test_a_message_ends_with_a_key_after_speech(bench: Bench) -> None:
    asyncio.get_running_loop().call_later(1, bench.leg.tell, SpeechStarted())
    asyncio.get_running_loop().call_later(4, bench.leg.tell, KeyPressed("#"))
    recorded = await bench.perform(Record((A,)))
    assert isinstance(recorded, Recorded)
    assert (recorded.duration_s, recorded.terminated_by, recorded.key) == (4, "key", "#")
    assert len(bench.leg.played) == 2, "the prompt and the beep"


@in_virtual_time
async def test_the_silence_that_ends_a_message_is_no_part_of_it(bench: Bench) -> None:
    asyncio.get_running_loop().call_later(1, bench.leg.tell, SpeechStarted())
    asyncio.get_running_loop().call_later(9, bench.leg.tell, SpeechEnded())
    recorded = await bench.perform(Record((), silence_final_s=3))
    assert isinstance(recorded, Recorded) and (recorded.duration_s, recorded.terminated_by) == (6, "silence")


@in_virtual_time
async def test_a_beep_of_theirs_ends_a_message_where_that_is_asked_for(bench: Bench) -> None:
    asyncio.get_running_loop().call_later(2, bench.leg.tell, SpeechStarted(), Beeped())
    recorded = await bench.perform(Record((), beep=False, ends_at_beep=True))
    assert isinstance(recorded, Recorded) and (recorded.duration_s, recorded.terminated_by) == (2, "beep")
    asyncio.get_running_loop().call_later(1, bench.leg.tell, Beeped())
    recorded = await bench.perform(Record((), beep=False, ends_at_beep=True))
    assert isinstance(recorded, Recorded) and recorded.terminated_by == "beep", "though nothing was said"


@in_virtual_time
async def test_who_has_answered_is_told_once(bench: Bench) -> None:
    assert bench.performer.found() is None
    bench.leg.callee = Callee("fax", "a tone", 17.0)
    assert bench.performer.found() == CalleeFound(17.0, "fax", "a tone")
    assert bench.performer.found() is None


@in_virtual_time
async def test_a_message_has_a_longest_time(bench: Bench) -> None:
    bench.leg.on_play = lambda mark: [PlayEnded(mark, interrupted=False), SpeechStarted()]
    recorded = await bench.perform(Record((), duration_max_s=20))
    assert isinstance(recorded, Recorded) and (recorded.duration_s, recorded.terminated_by) == (20, "maximum")


@in_virtual_time
async def test_who_says_nothing_leaves_no_message(bench: Bench) -> None:
    assert await bench.perform(Record((), silence_initial_s=7)) == NoInput(7)
    bench.leg.on_play = lambda mark: [PlayEnded(mark, interrupted=False), KeyPressed("1")]
    assert await bench.perform(Record(())) == NoInput(7)


@in_virtual_time
async def test_a_hang_up_ends_a_message_that_is_kept(bench: Bench) -> None:
    asyncio.get_running_loop().call_later(1, bench.leg.tell, SpeechStarted())
    asyncio.get_running_loop().call_later(5, bench.leg.tell, LegEnded("remote"))
    over = await bench.perform(Record(()))
    assert isinstance(over, HungUp) and over.recorded is not None
    assert (over.recorded.duration_s, over.recorded.terminated_by) == (5, "hang up")


@in_virtual_time
async def test_a_transfer_that_reaches_nobody(bench: Bench) -> None:
    ended = await bench.perform(Transfer("18005550100", (A,)))
    assert ended == TransferEnded(0, "busy", 0, "486 Busy Here")
    assert len(bench.leg.played) == 2 and bench.leg.stopped == 1, "ringing was heard, and is no longer"


@in_virtual_time
async def test_a_transfer_joins_the_two_and_their_keys(bench: Bench) -> None:
    far_end = bench.far_end = FakeLeg()
    loop = asyncio.get_running_loop()
    loop.call_later(1, bench.leg.tell, KeyPressed("5"))
    loop.call_later(2, far_end.tell, KeyPressed("7"))
    loop.call_later(30, far_end.tell, LegEnded("remote", "BYE"))
    ended = await bench.perform(Transfer("18005550100", keys_after="12"))
    assert ended == TransferEnded(30, "far_end_disconnect", 30, "BYE")
    assert far_end.keys_sent == "125" and bench.leg.keys_sent == "7"
    assert bench.leg.bridged is None and not bench.performer.gone


@in_virtual_time
async def test_a_transfer_that_goes_on_without_us(bench: Bench) -> None:
    async def hands_over(command: Transfer) -> HandedOver:
        assert command.kind == "blind"
        return HandedOver()

    bench.dials = hands_over
    assert await bench.perform(Transfer("18005550100", kind="blind")) == HungUp(0, "application", transferred_s=0)
    assert await bench.perform(Play((A,))) == HungUp(0, "application"), "it is over"


@in_virtual_time
async def test_a_transfer_ends_at_its_longest_time(bench: Bench) -> None:
    far_end = bench.far_end = FakeLeg()
    ended = await bench.perform(Transfer("18005550100", duration_max_s=60))
    assert ended == TransferEnded(60, "maxtime_disconnect", 60) and far_end.waiting() == LegEnded("local")


@in_virtual_time
async def test_a_caller_who_hangs_up_ends_the_transfer(bench: Bench) -> None:
    far_end = bench.far_end = FakeLeg()
    asyncio.get_running_loop().call_later(10, bench.leg.tell, LegEnded("remote"))
    assert await bench.perform(Transfer("18005550100")) == HungUp(10, transferred_s=10)
    assert far_end.waiting() == LegEnded("local")


@in_virtual_time
async def test_a_caller_who_leaves_as_the_far_end_answers_leaves_nobody_waiting(bench: Bench) -> None:
    far_end = FakeLeg()

    async def answers(command: Transfer) -> Leg | NotReached:
        bench.leg.tell(LegEnded("remote"))
        return far_end

    bench.dials = answers
    assert await bench.perform(Transfer("18005550100")) == HungUp(0, transferred_s=0)
    assert far_end.waiting() == LegEnded("local")


@in_virtual_time
async def test_what_is_private_is_silence_in_recordings(bench: Bench) -> None:
    await bench.perform(SetRecording(True))
    await bench.perform(Collect((), PIN, TIMERS, private=True))
    await bench.perform(Play((A,)))
    await bench.perform(Play((Prompt((Speech("secret", private=True),)),)))
    assert bench.leg.recordings == ["/tmp/x.wav", "mute", "unmute", "mute"]


@in_virtual_time
async def test_music_plays_until_it_is_released(bench: Bench) -> None:
    await bench.performer.hold(A)
    assert len(bench.leg.played) == 1 and bench.leg.waiting() is None
    bench.performer.release()
    assert bench.leg.stopped == 1


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
