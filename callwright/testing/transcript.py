"""Transcripts (`.call`): a call in words, read, and played against an application (docs/reference/transcripts.md).

script = parse(text)
result = play(application, script)
result.mismatch     # None, or where the call went another way than the transcript
"""

import re
from dataclasses import dataclass, field
from typing import Literal, get_args

from callwright.base import json_text
from callwright.base.errors import AuthorError
from callwright.base.values import Value
from callwright.flow.application import Application
from callwright.flow.engine import program
from callwright.grammar.grammars import KEYS
from callwright.script.variables import NAME
from callwright.session.commands import Fetch
from callwright.session.events import Fetched, FetchFailed
from callwright.session.lines import spoken
from callwright.session.prompts import Prompt
from callwright.session.redaction import PRIVATE
from callwright.session.run import Entry, ModuleRef, Outcome, Run, SessionInfo
from callwright.testing.simulation import Moment, Simulation

BYTES_MAX = 1 << 20
LINES_MAX = 5_000

Verb = Literal["hears", "presses", "silence", "hangs up", "service", "call ends"]
VERBS: tuple[Verb, ...] = get_args(Verb)


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a transcript."""

    line: int
    verb: Verb
    text: str = ""
    "The words heard, or the keys pressed."

    answer: Fetched | FetchFailed | None = None
    "Of `service`."

    def __str__(self) -> str:
        shown = self.text
        match self.answer:
            case Fetched(status=status, body=body):
                shown = f"{status} {body}"
            case FetchFailed(reason=reason):
                shown = f"fails {reason}"
        return f"{self.verb:<8}{shown}".rstrip()


@dataclass(frozen=True, slots=True)
class Script:
    """A transcript that was read."""

    variables: dict[str, Value] = field(default_factory=dict)
    "What the call starts with, like the metadata of an outbound call."

    steps: tuple[Step, ...] = ()


class TranscriptError(AuthorError):
    """A transcript that cannot be read. `line` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        self.line = line
        super().__init__(f"line {line}: {message}")


# -- reading ----------------------------------------------------------------------------------


def parse(text: str) -> Script:
    """A transcript from its text. Raises `TranscriptError` at the first line that is not one."""
    if len(text.encode()) > BYTES_MAX:
        raise TranscriptError(1, f"a transcript has at most {BYTES_MAX} bytes")
    reading = _Reading()
    for number, line in enumerate(text.split("\n"), 1):
        if number > LINES_MAX:
            raise TranscriptError(number, f"a transcript has at most {LINES_MAX} lines")
        try:
            reading.take(number, line.strip())
        except ValueError as error:
            raise TranscriptError(number, str(error)) from None
    if not reading.steps:
        raise TranscriptError(1, "a transcript has at least one line that says what happens in the call")
    return Script(reading.variables, tuple(reading.steps))


class _Reading:
    """A transcript that is being read."""

    def __init__(self) -> None:
        self.variables: dict[str, Value] = {}
        self.steps: list[Step] = []

    def take(self, number: int, line: str) -> None:
        if not line or line.startswith("#"):
            return
        if line.split(maxsplit=1)[0] == "variable":
            if self.steps:
                raise ValueError("variables come before the call")
            name, value = variable_of(line.removeprefix("variable"))
            self.variables[name] = value
        elif self.steps and self.steps[-1].verb == "call ends":
            raise ValueError("nothing comes after `call ends`")
        else:
            self.steps.append(_step(number, line))


def variable_of(text: str) -> tuple[str, Value]:
    """`NAME = VALUE`: the value is JSON, or else text. Raises `ValueError`."""
    name, equals, value = text.partition("=")
    name, value = name.strip(), value.strip()
    if not equals or not NAME.fullmatch(name):
        raise ValueError("write NAME = VALUE; the value is JSON, or else text")
    if name == "session":
        raise ValueError("session.* is set by the platform")
    try:
        return name, json_text.loads(value)
    except ValueError:
        return name, value


def keys_of(text: str) -> str:
    """Keys of a telephone. Raises `ValueError`."""
    if text == PRIVATE:
        raise ValueError(f"{PRIVATE} stands for keys that were not kept: write the keys to press")
    if not text or not set(text) <= KEYS:
        raise ValueError(f"{text!r} are not keys of a telephone, which are 0-9, * and #")
    return text


def answer_of(text: str) -> Fetched | FetchFailed:
    """`STATUS BODY` or `fails REASON`: how a web service answers. Raises `ValueError`."""
    what, _, body = text.strip().partition(" ")
    body = body.strip()
    if what == "fails":
        return FetchFailed(0, body or "The request failed")
    if not re.fullmatch(r"[1-5]\d\d", what):
        raise ValueError("write STATUS BODY, with an HTTP status, or fails REASON")
    if body.startswith('"'):
        try:
            return Fetched(0, int(what), "text/plain", str(json_text.loads(body)))
        except ValueError:
            raise ValueError("a body in quotes is text with JSON's escapes, such as \\n and \\\"") from None
    try:
        json_text.loads(body)
    except ValueError:
        return Fetched(0, int(what), "text/plain" if body else "", body)
    return Fetched(0, int(what), "application/json", body)


def _step(number: int, line: str) -> Step:
    for alone in ("silence", "hangs up", "call ends"):
        if " ".join(line.split()) == alone:
            return Step(number, alone)
    verb, _, rest = line.partition(" ")
    rest = rest.strip()
    match verb:
        case "hears" if rest:
            return Step(number, "hears", _one_line(rest))
        case "presses":
            return Step(number, "presses", keys_of(rest))
        case "service":
            return Step(number, "service", answer=answer_of(rest))
        case "hears":
            raise ValueError("write what is heard: hears TEXT")
        case "says":
            raise ValueError("speech input is not there yet: write presses KEYS")
    raise ValueError(f"{line!r} begins with none of: variable, {', '.join(VERBS)}")


def _one_line(text: str) -> str:
    return " ".join(text.split())


# -- playing ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Where a call went another way than its transcript."""

    line: int
    "Of the transcript, from 1; the last one where it ended too early."

    expected: str
    happened: str

    def __str__(self) -> str:
        return f"line {self.line}\n    expected  {self.expected}\n    happened  {self.happened}"


@dataclass(frozen=True, slots=True)
class Played:
    """A transcript that was played against an application."""

    outcome: Outcome | None
    "How the program ended; None where the call was given up at a mismatch."

    journal: tuple[Entry, ...]
    mismatch: Mismatch | None
    exits: tuple[tuple[str, str], ...]
    "(module, exit) taken, in order."

    commands: int


def play(application: Application, script: Script, *, hang_up_at: int | None = None) -> Played:
    """Play a transcript. `hang_up_at` = n hangs up during the n-th command instead of going on."""
    journal: list[Entry] = []
    exits: list[tuple[str, str]] = []

    def took(module: ModuleRef, exit: str) -> None:
        exits.append((module.name, exit))

    run = Run(
        program(application, "draft", took=took),
        session=SessionInfo(application=application.name, direction="outbound"),
        variables=script.variables,
        journal=journal.append,
    )
    reader = ScriptedCaller(script, lenient=hang_up_at is not None)
    simulation = Simulation(run, reader, hang_up_at=hang_up_at)
    outcome: Outcome | None = None
    mismatch: Mismatch | None = None
    try:
        outcome = simulation.run()
        mismatch = reader.ended(outcome)
    except Differs as differs:
        mismatch = differs.mismatch
    return Played(outcome, tuple(journal), mismatch, tuple(exits), simulation.commands)


class Differs(Exception):
    """The call has gone another way than its transcript."""

    def __init__(self, mismatch: Mismatch) -> None:
        self.mismatch = mismatch


class ScriptedCaller:
    """The caller of a transcript: does what the next line says. Raises `Differs` where the call goes another way."""

    def __init__(self, script: Script, *, lenient: bool = False) -> None:
        self._steps = script.steps
        self._at = 0
        self._lenient = lenient
        "A transcript that is broken off: services that it does not come to any more answer nothing."

    @property
    def _next(self) -> Step | None:
        return self._steps[self._at] if self._at < len(self._steps) else None

    def hears(self, prompt: Prompt) -> None:
        said = _one_line(spoken(prompt))
        if not said:
            return
        step = self._next
        if step is None or step.verb != "hears" or step.text != said:
            raise self._differs(f"hears   {said}")
        self._at += 1

    def acts(self, moment: Moment) -> str | None:
        step = self._next
        if step is not None:
            match step.verb:
                case "presses":
                    self._at += 1
                    return step.text
                case "silence" if moment == "waiting":
                    self._at += 1
                    return ""
                case "hangs up" if moment != "speaking" or not self._served_after(self._at):
                    self._at += 1
                    return None
        if moment == "waiting":
            raise self._differs("the application waits for input: write presses, silence or hangs up")
        return ""

    def serves(self, request: Fetch) -> Fetched | FetchFailed:
        step = self._next
        if step is not None and step.answer is not None:
            self._at += 1
            return step.answer
        if self._lenient:
            return FetchFailed(0, "The transcript does not come to this request")
        raise self._differs(f"{request.method} {request.url}: write how the service answers, such as service 200 {{}}")

    def ended(self, outcome: Outcome) -> Mismatch | None:
        """The program has ended: whether the transcript has, too."""
        if self._lenient:
            return None
        if outcome.kind in ("error", "limit"):
            problem = outcome.message.strip().splitlines()
            return self._differs(f"the application failed: {problem[-1] if problem else outcome.kind}").mismatch
        step = self._next
        if step is not None and step.verb == "call ends" and outcome.kind == "exit":
            return None
        if step is None and self._steps[-1].verb in ("hangs up", "service") and outcome.kind == "hung_up":
            return None
        return self._differs("call ends").mismatch

    def _served_after(self, at: int) -> bool:
        """A hang-up with a service's answer after it happens while the service is asked."""
        return at + 1 < len(self._steps) and self._steps[at + 1].verb == "service"

    def _differs(self, happened: str) -> Differs:
        step = self._next
        if step is None:
            return Differs(Mismatch(self._steps[-1].line, "nothing more", happened))
        return Differs(Mismatch(step.line, str(step), happened))
