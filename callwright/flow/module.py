"""What every module of the builder is: settings, exits, and one coroutine that asks and is answered.

A module registers under its `type` by being defined; its fields are its settings, its form in the editor and
its validation; its docstring is its documentation.
"""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from callwright.base.values import Value
from callwright.flow.texts import PromptText, SpokenText, Text
from callwright.grammar.grammars import Grammar
from callwright.grammar.input import Match, NoInput, NoMatch, Timers
from callwright.session.commands import Collect
from callwright.session.prompts import Prompt
from callwright.session.run import Call

NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"
NAME_MAX = 64

Name = Annotated[str, Field(pattern=NAME, max_length=NAME_MAX)]


class InputSettings(BaseModel):
    """How input is waited for, and what is said when there is none or it is wrong (application-wide)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    initial_timeout_s: float = Field(5, ge=0.5, le=120, title="Wait for the first key, seconds")
    final_key_timeout_s: float = Field(1, ge=0.5, le=60, title="Wait for the next key, seconds")
    attempts: int = Field(3, ge=1, le=20, title="Attempts before the call is ended")
    no_match: Text = Field("Sorry, that is not a valid choice.", title="Said after invalid input")
    no_input: Text = Field("Sorry, I did not get that.", title="Said after no input")


PAGE = "page"
"What a module answers that leads to a page (`Module.leads_to_page`)."

REGISTRY: dict[str, type["Module"]] = {}
"Every module by its `type`."


class Module(BaseModel):
    """One step of an application."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    icon: ClassVar[str] = ""
    "Name of its icon in the editor."

    runs: ClassVar[bool] = True
    "Calls come by it; not so a note."

    name: Name = Field(title="Name, and the variable of its result")
    type: str
    exits: dict[str, str] = Field(default_factory=dict, max_length=100, title="Where each exit leads: a module's name")
    private: bool = Field(False, title="Private: nothing that passes here is logged")

    def __init_subclass__(cls, **settings: Any) -> None:
        super().__init_subclass__(**settings)
        kind = cls.__annotations__.get("type")
        if kind is not None:
            REGISTRY[kind.__args__[0]] = cls

    def exits_needed(self) -> tuple[str, ...]:
        """Exits that must lead somewhere."""
        return ("next",)

    def exits_optional(self) -> tuple[str, ...]:
        """Exits that may be left open; then the module says what happens."""
        return ()

    def leads_to_page(self) -> str:
        """The page at whose start the call goes on when the module answers `PAGE`; empty where it never does."""
        return ""

    def attach(self, settings: InputSettings) -> None:
        """Told once, when the document is complete: the application's settings."""

    @abstractmethod
    async def run(self, call: Call) -> str:
        """Do what the module does. Returns the exit taken."""

    def store(self, call: Call, value: Value, *, private: bool = False) -> None:
        """Keep the module's result in its variable."""
        call.variables.set((self.name,), value, private=private or self.private)


LAST_RESULT = "lastresult$"
"The shadow variable of the input that came last, whichever module asked for it."


@dataclass(frozen=True, slots=True)
class Failed:
    """All attempts are used up."""

    exit: str
    "`no_match` or `no_input`, whichever the last one was."


class InputModule(Module):
    """A module that asks the caller for something."""

    prompt: PromptText = Field("", title="Prompt")
    barge_in: bool = Field(True, title="A key stops the prompt")
    initial_timeout_s: float | None = Field(None, ge=0.5, le=120, title="Wait for the first key, seconds")
    final_key_timeout_s: float | None = Field(None, ge=1, le=60, title="Wait for the next key, seconds")

    _prompt: SpokenText = PrivateAttr()
    _settings: InputSettings = PrivateAttr()
    _no_match: SpokenText = PrivateAttr()
    _no_input: SpokenText = PrivateAttr()
    _timers: Timers = PrivateAttr()

    def attach(self, settings: InputSettings) -> None:
        self._settings = settings
        self._prompt = SpokenText(self.prompt, barge_in=self.barge_in)
        self._no_match = SpokenText(settings.no_match)
        self._no_input = SpokenText(settings.no_input)
        self._timers = Timers(
            self.initial_timeout_s or settings.initial_timeout_s,
            self.final_key_timeout_s or settings.final_key_timeout_s,
        )

    def exits_optional(self) -> tuple[str, ...]:
        return ("no_match", "no_input")

    async def ask(
        self, call: Call, *grammars: Grammar, more: tuple[Prompt, ...] = (), private: bool = False
    ) -> Match | Failed:
        """Ask until there is a match, as often as the settings allow; each failure is told to the caller.

        `more` is said after the module's prompt; `private` where what is asked for is, though the module is not.
        """
        said = prompts = (*await self._prompt.prompt(call), *more)
        private = private or self.private
        for left in range(self._settings.attempts - 1, -1, -1):
            match await call.collect(Collect(prompts, grammars, self._timers, private)):
                case Match() as match:
                    shadow = _shadow(match, match.value)
                    call.variables.set((f"{self.name}$",), shadow, private=private)
                    call.variables.set((LAST_RESULT,), _last(shadow), private=private)
                    return match
                case NoMatch() as no_match:
                    call.variables.set((LAST_RESULT,), _last(_shadow(no_match, "")), private=private)
                    failed, apology = Failed("no_match"), self._no_match
                case NoInput():
                    failed, apology = Failed("no_input"), self._no_input
            if left:
                prompts = (*await apology.prompt(call), *said)
        return failed


def _shadow(result: Match | NoMatch, interpretation: str) -> dict[str, Value]:
    """What is known of an input besides its value (docs/compatibility/fuse-variables.md)."""
    return {
        "confidence": result.confidence if isinstance(result, Match) else 0.0,
        "utterance": result.utterance,
        "inputmode": result.mode,
        "interpretation": interpretation,
    }


def _last(best: dict[str, Value]) -> dict[str, Value]:
    """`lastresult$`: the best reading's fields, and each reading by its number, 0 for the best."""
    return {**best, "length": 1, "0": dict(best)}
