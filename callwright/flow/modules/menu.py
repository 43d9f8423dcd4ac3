"""Let the caller choose."""

from typing import ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from callwright.flow.input_module import Failed, SpokenInputModule
from callwright.flow.module import Settings
from callwright.flow.texts import NUMBER_TOO
from callwright.flow.utterances import TITLE, Utterance, wordings
from callwright.grammar.grammars import Choices, Grammar
from callwright.grammar.input import Match
from callwright.grammar.words import words_of
from callwright.session.run import Call

RESERVED = frozenset({"no_match", "no_input"})


class Choice(BaseModel):
    """One row of a menu."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    keys: str = Field(coerce_numbers_to_str=True, pattern=r"^[0-9*#]{1,8}$", title="Keys", json_schema_extra=NUMBER_TOO)
    value: str = Field(
        coerce_numbers_to_str=True,
        min_length=1,
        max_length=100,
        title="Value, and the name of its exit",
        json_schema_extra=NUMBER_TOO,
    )
    utterance: Utterance = Field("", title=TITLE)


class Menu(SpokenInputModule):
    """Let the caller choose one of several; each choice has an exit of its own, named by its value."""

    type: Literal["menu"] = "menu"
    icon: ClassVar[str] = "list-numbers"

    choices: list[Choice] = Field(min_length=1, max_length=50, title="Choices")

    _grammars: dict[str, Choices] = PrivateAttr()

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        for what in ("keys", "value"):
            all_of_them = [getattr(choice, what) for choice in self.choices]
            if len(set(all_of_them)) < len(all_of_them):
                raise ValueError(f"two choices have the same {what}")
        if RESERVED & {choice.value for choice in self.choices}:
            raise ValueError("no_match and no_input cannot be values: they are exits of every input module")
        return self

    def attach(self, settings: Settings) -> None:
        super().attach(settings)
        self._grammars = {language: self._grammar(language) for language in settings.languages}

    def exits_needed(self) -> tuple[str, ...]:
        return tuple(choice.value for choice in self.choices)

    def _grammar(self, language: str) -> Choices:
        said = [
            (wording, choice.value)
            for choice in self.choices
            for wording in wordings(choice.utterance, language, choice.value)
        ]
        if self.speech and len({words_of(wording) for wording, _ in said}) < len(said):
            raise ValueError(f"two wordings of its choices are the same in {language}")
        return Choices(self.name, tuple((choice.keys, choice.value) for choice in self.choices), tuple(said))

    def grammars_known(self, language: str) -> tuple[Grammar, ...]:
        return (self._grammars[language],)

    async def run(self, call: Call) -> str:
        match await self.ask(call, self._grammars[call.language]):
            case Match(value=value):
                self.store(call, value)
                return value
            case Failed(exit=exit):
                return exit
