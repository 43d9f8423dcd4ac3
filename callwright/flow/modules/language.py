"""Let the caller choose a language."""

from typing import ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from callwright.flow.input_module import Failed, InputModule
from callwright.flow.module import Settings
from callwright.flow.spoken import Language as LanguageTag
from callwright.flow.spoken import SpokenText, Words
from callwright.flow.texts import NUMBER_TOO
from callwright.grammar.grammars import Choices
from callwright.grammar.input import Match
from callwright.session.prompts import Prompt
from callwright.session.run import Call


class Spoken(BaseModel):
    """One language, and how it is offered in itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    keys: str = Field(coerce_numbers_to_str=True, pattern=r"^[0-9*#]{1,8}$", title="Keys", json_schema_extra=NUMBER_TOO)
    language: LanguageTag = Field(title="Language")
    prompt: Words = Field("", title="Prompt, in that language")


class Language(InputModule):
    """Let the caller choose one of the application's languages; prompts and speech are in it from then on.

    After the module's prompt each language is offered in itself ("Para español, marque 2."). The module's variable is
    the language, such as `es-ES`.
    """

    type: Literal["language"] = "language"
    icon: ClassVar[str] = "language"

    choices: list[Spoken] = Field(min_length=1, max_length=10, title="Languages")

    _grammar: Choices = PrivateAttr()
    _offers: list[tuple[str, SpokenText]] = PrivateAttr()

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        keys = [choice.keys for choice in self.choices]
        if len(set(keys)) < len(keys):
            raise ValueError("two languages have the same keys")
        return self

    def attach(self, settings: Settings) -> None:
        super().attach(settings)
        unknown = [choice.language for choice in self.choices if choice.language not in settings.languages]
        if unknown:
            raise ValueError(f"the application does not speak {', '.join(unknown)}: add it to its languages")
        self._grammar = Choices(self.name, tuple((choice.keys, choice.language) for choice in self.choices))
        self._offers = [
            (choice.language, SpokenText(choice.prompt, barge_in=self.barge_in, private=self.private))
            for choice in self.choices
        ]

    async def run(self, call: Call) -> str:
        match await self.ask(call, self._grammar, more=await self._offered(call)):
            case Match(value=value):
                call.language = value
                self.store(call, value)
                return "next"
            case Failed(exit=exit):
                return exit

    async def _offered(self, call: Call) -> tuple[Prompt, ...]:
        before = call.language
        offers: list[Prompt] = []
        for language, offer in self._offers:
            call.language = language
            offers += await offer.prompt(call)
        call.language = before
        return tuple(offers)
