"""The trampoline: what a program may await, how it is ended, and its limits."""

import asyncio
import contextlib

import pytest

from callwright.base.errors import AuthorError
from callwright.base.values import Value
from callwright.grammar.grammars import Digits
from callwright.script.variables import Missing
from callwright.session.commands import Collect, Disconnect, Fetch, Log, Play, SetRecording
from callwright.session.events import CalleeFound, Done, Fetched, HungUp, Match, Played, Started
from callwright.session.lines import error_of
from callwright.session.prompts import Prompt, Speech
from callwright.session.run import APOLOGY, DISCONNECTS_MAX, Call, CallerHungUp, Entry, Limits, Run, SessionInfo

pytestmark = pytest.mark.pure

HELLO = Prompt((Speech("Hello"),))
GET = Fetch("GET", "https://service.example/")
LIMITS = Limits()
PIN = Collect((), (Digits("pin", 1, 4),))


def run_of(program, *, limits: Limits = LIMITS, journal: list[Entry] | None = None, **variables) -> Run:
    kept = [] if journal is None else journal
    return Run(
        program,
        session=SessionInfo("1;2;3", "100", "200", "Test"),
        variables=variables,
        limits=limits,
        journal=kept.append,
    )


def said(command: object) -> str:
    assert isinstance(command, Play)
    return command.prompts[0].parts[0].text


def call_type(run: Run) -> Value | Missing:
    return run.call.variables.get(("session", "connection", "callee_type"))


class TestAskingAndBeingAnswered:
    def test_each_await_is_a_command_and_each_answer_its_value(self) -> None:
        seen = []

        async def program(call: Call) -> None:
            seen.append(await call.play(HELLO))
            seen.append(await call.collect(PIN))
            seen.append(await call.fetch(GET))
            await call.set_recording(True)
            await call.log("a line", "debug", {"x": 1})
            await call.disconnect()

        run = run_of(program)
        assert run.start(Started(100)) == Play((HELLO,))
        assert run.send(Played(101)) == PIN
        assert run.send(Match(102, "pin", "1", "1")) == GET
        assert run.send(Fetched(103, 200)) == SetRecording(True)
        assert run.send(Done(104)) == Log("a line", "debug", (("x", 1),))
        assert run.send(Done(105)) == Disconnect()
        assert run.call.now == 105
        assert run.send(HungUp(106, by="application")) is None
        assert run.outcome is not None and run.outcome.kind == "exit"
        assert seen == [Played(101), Match(102, "pin", "1", "1"), Fetched(103, 200)]

    def test_the_journal_has_every_command_and_event(self) -> None:
        journal: list[Entry] = []

        async def program(call: Call) -> None:
            await call.play(HELLO)

        run = run_of(program, journal=journal)
        run.start(Started(100))
        run.send(Played(101, interrupted=True))
        assert [(entry.at, entry.item) for entry in journal] == [
            (100, Started(100)),
            (100, Play((HELLO,))),
            (101, Played(101, interrupted=True)),
        ]

    def test_who_has_answered_is_told_while_a_command_waits(self) -> None:
        journal: list[Entry] = []
        seen: list[str] = []

        async def program(call: Call) -> None:
            for _ in range(2):
                await call.play(HELLO)
                seen.append(call.variables.get(("session", "connection", "callee_type")))

        run = Run(program, session=SessionInfo(direction="outbound"), variables={}, journal=journal.append)
        waits = run.start(Started(100))
        assert call_type(run) == "processing"
        run.send(Played(101))
        assert run.send(CalleeFound(102, "answeringmachine", "a beep")) == waits, "the same command goes on waiting"
        assert run.send(Played(103)) is None
        assert seen == ["processing", "answeringmachine"]
        assert [(entry.at, entry.item.type) for entry in journal] == [
            (100, "started"),
            (100, "play"),
            (101, "played"),
            (101, "play"),
            (102, "callee_found"),
            (103, "played"),
        ]

    def test_a_program_without_commands_ends_at_once(self) -> None:
        async def program(call: Call) -> None: ...

        run = run_of(program)
        assert run.start(Started(1)) is None
        assert run.outcome is not None and run.outcome.kind == "exit"

    def test_it_knows_its_call(self) -> None:
        async def program(call: Call) -> None:
            await call.log(str(call.variables.values["session"]))

        command = run_of(program).start(Started(1))
        assert isinstance(command, Log)
        assert command.line == str({"id": "1;2;3", "name": "Test", "connection": {"ani": "100", "dnis": "200"}})

    def test_a_variable_cannot_take_the_place_of_the_session(self) -> None:
        async def program(call: Call) -> None:
            await call.log(call.variables.values["session"]["id"])

        command = run_of(program, session={"id": "forged"}).start(Started(1))
        assert isinstance(command, Log) and command.line == "1;2;3"


class TestHangUp:
    def test_it_is_raised_where_the_caller_was_asked(self) -> None:
        async def program(call: Call) -> None:
            try:
                await call.play(HELLO)
            except CallerHungUp:
                await call.fetch(GET)
                raise

        run = run_of(program)
        run.start(Started(1))
        assert run.send(HungUp(2)) == GET, "what needs no caller is still done"
        assert run.send(Fetched(3, 200)) is None
        assert run.outcome is not None and run.outcome.kind == "hung_up"

    @pytest.mark.parametrize("answer", [Fetched(2, 200, caller_gone=True)])
    def test_during_a_request_the_answer_comes_first(self, answer: Fetched) -> None:
        got = []

        async def program(call: Call) -> None:
            got.append(await call.fetch(GET))
            got.append("after")
            await call.play(HELLO)
            got.append("never")

        run = run_of(program)
        run.start(Started(1))
        assert run.send(answer) is None
        assert got == [answer, "after"]
        assert run.outcome is not None and run.outcome.kind == "hung_up"

    @pytest.mark.parametrize(
        "ask",
        [
            lambda call: call.play(HELLO),
            lambda call: call.collect(PIN),
            lambda call: call.set_recording(False),
        ],
    )
    def test_nothing_for_the_caller_leaves_the_program_any_more(self, ask) -> None:
        async def program(call: Call) -> None:
            for _ in range(3):
                try:
                    await ask(call)
                except CallerHungUp:
                    continue
                raise AssertionError("it was answered")

        run = run_of(program)
        run.start(Started(1))
        assert run.send(HungUp(2)) is None
        assert run.outcome is not None and run.outcome.kind == "exit"

    def test_hanging_up_twice_asks_once(self) -> None:
        async def program(call: Call) -> None:
            await call.disconnect()
            await call.disconnect()

        run = run_of(program)
        assert run.start(Started(1)) == Disconnect()
        assert run.send(HungUp(2, by="application")) is None


class TestLimits:
    async def _for_ever(self, call: Call) -> None:
        while True:
            await call.log("again")

    def test_steps(self) -> None:
        run = run_of(self._for_ever, limits=Limits(steps=50))
        command = run.start(Started(1))
        logs = 0
        while isinstance(command, Log):
            logs += 1
            command = run.send(Done(1))
        assert logs == 50
        assert said(command) == APOLOGY
        assert run.send(Played(2)) == Disconnect()
        assert run.send(HungUp(3, by="application")) is None
        assert run.outcome is not None
        assert (run.outcome.kind, run.outcome.message) == ("limit", "Maximum loop count exceeded: 50 steps")

    def test_seconds(self) -> None:
        journal: list[Entry] = []
        run = run_of(self._for_ever, limits=Limits(seconds=60), journal=journal)
        run.start(Started(1000))
        assert isinstance(run.send(Done(1060)), Log)
        assert said(run.send(Done(1060.5))) == APOLOGY
        errors = [e.item.line for e in journal if isinstance(e.item, Log) and e.item.level == "error"]
        assert errors == ["Maximum call duration of 60 s exceeded"]

    def test_asking_a_caller_who_has_gone_again_and_again(self) -> None:
        """Nothing comes out of the program meanwhile, so no step counts, and it would never come back."""
        asked = 0

        async def program(call: Call) -> None:
            nonlocal asked
            while True:
                asked += 1
                with contextlib.suppress(CallerHungUp):
                    await call.play(HELLO)

        journal: list[Entry] = []
        run = run_of(program, journal=journal)
        run.start(Started(1))
        assert run.send(HungUp(2)) is None
        assert run.outcome is not None
        assert (run.outcome.kind, run.outcome.message) == ("limit", "Max Disconnect Count Exceeded")
        assert asked == DISCONNECTS_MAX + 2
        assert [error_of(entry) for entry in journal][-1] == "Max Disconnect Count Exceeded"

    def test_a_caller_who_has_gone_hears_no_apology(self) -> None:
        run = run_of(self._for_ever, limits=Limits(steps=1))
        run.start(Started(1))
        assert run.send(Done(2, caller_gone=True)) is None
        assert run.outcome is not None and run.outcome.kind == "limit"

    def test_a_program_cannot_refuse_to_end(self) -> None:
        async def program(call: Call) -> None:
            while True:
                try:
                    await call.log("again")
                finally:
                    await call.log("one more")

        run = run_of(program, limits=Limits(steps=3))
        command = run.start(Started(1))
        for _ in range(20):
            if command is None:
                break
            command = run.send(
                Played(2) if isinstance(command, Play) else HungUp(3) if isinstance(command, Disconnect) else Done(2)
            )
        assert run.outcome is not None and run.outcome.kind in ("limit", "error")


class TestFaults:
    def test_an_authors_error_is_logged_and_the_caller_told(self) -> None:
        journal: list[Entry] = []

        async def program(call: Call) -> None:
            raise AuthorError("no such thing", module="ask")

        run = run_of(program, journal=journal)
        assert said(run.start(Started(1))) == APOLOGY
        run.send(Played(2))
        run.send(HungUp(3, by="application"))
        assert run.outcome is not None
        assert (run.outcome.kind, run.outcome.message) == ("error", "module 'ask': no such thing")
        assert Log("module 'ask': no such thing", "error") in [entry.item for entry in journal]

    def test_our_own_mistake_ends_one_call_and_its_log_shows_no_inside(self) -> None:
        journal: list[Entry] = []

        async def program(call: Call) -> None:
            raise ZeroDivisionError("secret inside")

        run = run_of(program, journal=journal)
        run.start(Started(1))
        run.send(Played(2))
        run.send(HungUp(3))
        assert run.outcome is not None and run.outcome.kind == "error"
        assert "secret inside" in run.outcome.message, "for the operator"
        assert Log("Internal error: ZeroDivisionError", "error") in [entry.item for entry in journal]

    def test_awaiting_anything_but_a_command_is_an_error_and_no_hang(self) -> None:
        async def program(call: Call) -> None:
            await asyncio.sleep(0)

        run = run_of(program)
        assert said(run.start(Started(1))) == APOLOGY
        run.send(Played(2))
        run.send(HungUp(3))
        assert run.outcome is not None and "not a command" in run.outcome.message

    def test_hanging_up_during_the_apology_ends_it(self) -> None:
        async def program(call: Call) -> None:
            raise AuthorError("broken")

        run = run_of(program)
        run.start(Started(1))
        assert run.send(HungUp(2)) is None
        assert run.outcome is not None and run.outcome.kind == "error"
