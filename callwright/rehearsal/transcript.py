"""Transcripts (`.call`): a call in words, read, and played against an application (docs/reference/transcripts.md).

script = parse(text)
result = play(application, script)
result.mismatch     # None, or where the call went another way than the transcript
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, cast, get_args

from callwright.base.callee_types import CalleeType
from callwright.base.errors import AuthorError
from callwright.base.values import Value
from callwright.flow.application import Application
from callwright.flow.engine import program
from callwright.rehearsal.lines import (
    CONFIDENCE,
    PORTION,
    SPOKEN_FOR,
    WORD_S,
    answer_of,
    far_end_of,
    keys_of,
    one_line,
    variable_of,
)
from callwright.rehearsal.simulation import Asked, FarEnd, Message, Moment, Said, Simulation
from callwright.rehearsal.texting import TextSimulation
from callwright.session import events
from callwright.session.commands import Fetch, Invoke, Load, Record, Send, SendText, Transfer
from callwright.session.events import Event, Fetched, FetchFailed, Loaded, LoadFailed
from callwright.session.lines import spoken
from callwright.session.prompts import Prompt
from callwright.session.redaction import PRIVATE
from callwright.session.run import Entry, ModuleRef, Outcome, Run, SessionInfo

BYTES_MAX = 1 << 20
LINES_MAX = 5_000

Verb = Literal[
    "hears", "presses", "says", "beeps", "texts", "silence", "hangs up", "service", "far end", "callee", "call ends"
]  # fmt: skip
VERBS: tuple[Verb, ...] = get_args(Verb)


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a transcript."""

    line: int
    verb: Verb
    text: str = ""
    "The words heard or written, or the keys pressed."

    answer: Fetched | FetchFailed | FarEnd | None = None
    "Of `service` and `far end`."

    seconds: float = 0.0
    "How long `says` takes."

    confidence: float = 1.0
    "How sure a recogniser is of what `says` says."

    def __str__(self) -> str:
        shown = self.text if self.confidence == 1 else f"{self.text} (confidence {self.confidence:g})"
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

    @property
    def by_text(self) -> bool:
        """It is a conversation by text."""
        return bool(self.steps) and self.steps[0].verb == "texts"


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
        elif any(step.verb in ("call ends", "hangs up") for step in self.steps) and line.split()[0] != "service":
            raise ValueError("nothing comes after the call but the services that it asks then")
        else:
            step = _step(number, line)
            if step.verb == "callee" and any(one.verb == "callee" for one in self.steps):
                raise ValueError("who has answered is found out once")
            if self.steps and "texts" in (step.verb, self.steps[0].verb):
                _check_text(self.steps[0], step)
            self.steps.append(step)


def _check_text(first: Step, step: Step) -> None:
    if first.verb != "texts":
        raise ValueError("a conversation by text begins with texts")
    if step.verb in ("presses", "says", "beeps", "silence", "far end", "callee"):
        raise ValueError(f"{step.verb} is for calls, and this is a conversation by text: write texts WORDS")


def _step(number: int, line: str) -> Step:
    words = line.split()
    for alone in ("silence", "beeps", "hangs up", "call ends"):
        if " ".join(words) == alone:
            return Step(number, alone)
    if words[:2] == ["far", "end"]:
        rest = line.split(maxsplit=2)[2] if len(words) > 2 else ""
        return Step(number, "far end", one_line(rest), far_end_of(rest))
    verb, _, rest = line.partition(" ")
    rest = rest.strip()
    match verb:
        case "hears" if rest:
            return Step(number, "hears", one_line(rest))
        case "presses":
            return Step(number, "presses", keys_of(rest))
        case "texts" if rest and rest != PRIVATE:
            return Step(number, "texts", one_line(rest))
        case "texts":
            raise ValueError(f"write what the text says: texts WORDS ({PRIVATE} stands for words that were not kept)")
        case "callee" if rest in get_args(CalleeType):
            return Step(number, "callee", rest)
        case "callee":
            raise ValueError(f"write who has answered: callee {', callee '.join(get_args(CalleeType))}")
        case "service":
            return Step(number, "service", answer=answer_of(rest))
        case "says" if rest and rest != PRIVATE:
            return _says(number, rest)
        case "hears":
            raise ValueError("write what is heard: hears TEXT")
        case "says":
            raise ValueError(f"write what is said: says WORDS ({PRIVATE} stands for words that were not kept)")
    raise ValueError(f"{line!r} begins with none of: variable, {', '.join(VERBS)}")


def _says(number: int, text: str) -> Step:
    """`WORDS`, with `(3 s)` or `(confidence 0.4)` behind them."""
    sure = CONFIDENCE.search(text)
    spoken_for = SPOKEN_FOR.search(text)
    behind = sure or spoken_for
    words = one_line(text[: behind.start()] if behind else text)
    seconds = float(spoken_for[1]) if spoken_for else max(1.0, WORD_S * len(words.split()))
    if sure and not PORTION.fullmatch(sure[1]):
        raise ValueError("a confidence is from 0 to 1, such as (confidence 0.4)")
    return Step(number, "says", words, seconds=seconds, confidence=float(sure[1]) if sure else 1.0)


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


def play(
    application: Application,
    script: Script,
    *,
    others: Sequence[Application] = (),
    hang_up_at: int | None = None,
) -> Played:
    """Play a transcript. `others` are the applications that this one goes to; `hang_up_at` = n hangs up during the n-th
    command instead of going on.
    """
    journal: list[Entry] = []
    exits: list[tuple[str, str]] = []

    def took(module: ModuleRef, exit: str) -> None:
        exits.append((module.name, exit))

    opening = script.steps[0].text if script.by_text else ""
    run = Run(
        program(application, "draft", took=took),
        session=SessionInfo(application=application.name, direction="inbound" if opening else "outbound", text=opening),
        variables=script.variables,
        journal=journal.append,
    )
    told = any(one.post_call is not None for one in (application, *others))
    reader = ScriptedCaller(script, others, lenient=hang_up_at is not None, told_afterwards=told)
    simulation = (TextSimulation if opening else Simulation)(run, reader, hang_up_at=hang_up_at)
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


_SILENT = (events.Played, events.Done, Loaded, LoadFailed, events.Evaluated, events.EvaluationFailed)
"Answers that have no line of their own."


class ScriptedCaller:
    """The caller of a transcript: does what the next line says. Raises `Differs` where the call goes another way."""

    def __init__(
        self,
        script: Script,
        others: Sequence[Application] = (),
        *,
        lenient: bool = False,
        told_afterwards: bool = False,
    ) -> None:
        self._steps = script.steps
        self._others = others
        self._at = 0
        self._found: CalleeType | None = None
        self._lenient = lenient
        "A transcript that is broken off: services that it does not come to any more answer nothing."

        self._told_afterwards = told_afterwards
        "A service may be asked when the call is over."

    @property
    def _here(self) -> int:
        """The next line, but for who has answered: that may be found out before any."""
        others = (at for at in range(self._at, len(self._steps)) if self._steps[at].verb != "callee")
        return next(others, len(self._steps))

    @property
    def _next(self) -> Step | None:
        return self._steps[self._here] if self._here < len(self._steps) else None

    def _took(self) -> None:
        """The next line has happened, and what was found out before it."""
        self._find(self._here)
        self._at += 1

    def _find(self, until: int) -> None:
        for step in self._steps[self._at : until]:
            self._found = cast(CalleeType, step.text)
        self._at = until

    def hears(self, prompt: Prompt) -> None:
        said = one_line(spoken(prompt))
        if not said:
            return
        step = self._next
        if step is None or step.verb != "hears" or step.text != said:
            raise self._differs(f"hears   {said}")
        self._took()

    def acts(self, moment: Moment, *, speech: bool) -> str | Said | None:
        step = self._next
        if step is not None:
            match step.verb:
                case "says" if speech:
                    self._took()
                    return Said(step.text, step.confidence, step.seconds)
                case "presses" if moment != "leaving":
                    self._took()
                    return step.text
                case "silence" if moment == "waiting":
                    self._took()
                    return ""
                case "hangs up" if moment != "spoken" or not self._served_after(self._here):
                    self._took()
                    return None
        if moment == "waiting":
            says = "says WORDS, " if speech else ""
            raise self._differs(f"the application waits for input: write presses, {says}silence or hangs up")
        return ""

    def texts(self) -> str | None:
        step = self._next
        if step is None or step.verb not in ("texts", "hangs up"):
            raise self._differs("the application waits for a text: write texts WORDS or hangs up")
        self._took()
        return step.text if step.verb == "texts" else None

    def records(self, asked: Record) -> Message:
        seconds, key = 0.0, ""
        step = self._next
        if step is not None and step.verb == "says":
            self._took()
            seconds = step.seconds
            step = self._next
        if step is not None and step.verb == "beeps" and asked.ends_at_beep:
            self._took()
            return Message(seconds, beeps=True)
        if step is not None and step.verb == "presses" and step.text in asked.terminators:
            self._took()
            key = step.text
        elif step is not None and step.verb == "hangs up" and not (seconds and self._goes_later):
            self._took()
            return Message(seconds, hangs_up=True)
        elif step is not None and step.verb == "silence" and not seconds:
            self._took()
        elif not seconds:
            more = "beeps, " if asked.ends_at_beep else ""
            raise self._differs(
                f"the application records: write says WORDS (20 s), {more}silence, presses KEY or hangs up"
            )
        return Message(seconds, key)

    def transfers(self, asked: Transfer) -> FarEnd:
        step = self._next
        if step is not None and isinstance(step.answer, FarEnd):
            self._took()
            following = self._next
            waits = step.answer.outcome in ("answers", "noanswer")
            if waits and following is not None and following.verb == "hangs up" and not self._goes_later:
                self._took()
                return replace(step.answer, caller_hangs_up=True)
            return step.answer
        raise self._differs(f"transfer to {asked.destination}: write far end 35 s, far end busy, far end no answer")

    def serves(self, request: Asked) -> Fetched | FetchFailed:
        step = self._next
        if step is not None and isinstance(step.answer, Fetched | FetchFailed):
            self._took()
            return step.answer
        if self._lenient:
            return FetchFailed(0, "The transcript does not come to this request")
        raise self._differs(f"{_request(request)}: write how the service answers, such as service 200 {{}}")

    def loads(self, asked: Load) -> Loaded | LoadFailed:
        for other in self._others:
            if other.name == asked.application:
                return Loaded(0, other.name, asked.version or 1, other.model_dump(mode="json"))
        return LoadFailed(0, f"no application {asked.application!r} was given")

    def found(self, answer: Event) -> CalleeType | None:
        if isinstance(answer, _SILENT):
            # Nothing in the transcript shows when this answer came, so what is next was found out before it.
            self._find(self._here)
        found, self._found = self._found, None
        return found

    def left(self) -> None:
        step = self._next
        if step is not None and step.verb == "call ends":
            self._took()

    def ended(self, outcome: Outcome) -> Mismatch | None:
        """The program has ended: whether the transcript has, too."""
        if self._lenient:
            return None
        if outcome.kind in ("error", "limit"):
            problem = outcome.message.strip().splitlines()
            if self._next is None and self._at:
                # The end that it came to is not the one that was meant.
                self._at -= 1
            return self._differs(f"the application failed: {problem[-1] if problem else outcome.kind}").mismatch
        if self._next is None and any(step.verb in ("call ends", "hangs up") for step in self._steps):
            return None
        return self._differs("call ends").mismatch

    @property
    def _goes_later(self) -> bool:
        """The hang-up that comes next is one while a service is asked, and not before."""
        return self._served_after(self._here) and not self._told_afterwards

    def _served_after(self, at: int) -> bool:
        """A hang-up with a service's answer after it happens while the service is asked."""
        return at + 1 < len(self._steps) and self._steps[at + 1].verb == "service"

    def _differs(self, happened: str) -> Differs:
        step = self._next
        if step is None:
            return Differs(Mismatch(self._steps[-1].line, "nothing more", happened))
        return Differs(Mismatch(step.line, str(step), happened))


def _request(request: Asked) -> str:
    match request:
        case Fetch(method=method, url=url):
            return f"{method} {url}"
        case Invoke(integration=integration, operation=operation):
            return f"{integration} {operation}"
        case Send(to=to):
            return f"e-mail to {', '.join(to)}"
        case SendText(to=to):
            return f"text to {to}"
