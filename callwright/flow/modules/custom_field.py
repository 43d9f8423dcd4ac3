"""Ask for what a grammar of the author's describes."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from callwright.base import json_text
from callwright.base.errors import AuthorError
from callwright.base.values import Value
from callwright.flow.input_module import Failed, SpokenInputModule
from callwright.flow.module import Settings
from callwright.grammar import words
from callwright.grammar.grammars import SOURCE_MAX, Choices, Custom, Digits, Grammar, Moment, Number
from callwright.grammar.input import Match
from callwright.session.run import Call


class GrammarText(BaseModel):
    """A grammar in one of the three forms."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["srgs", "abnf", "jsgf"] = Field("srgs", title="SRGS in XML, SRGS in ABNF, or JSGF")
    source: str = Field(min_length=1, max_length=SOURCE_MAX, title="Grammar")

    @model_validator(mode="after")
    def _readable(self) -> Self:
        try:
            _ = Custom("", self.format, self.source).rules
        except AuthorError as error:
            raise ValueError(error.message) from None
        return self


class CustomField(SpokenInputModule):
    """Ask for input that a grammar describes: one of the built-in kinds, or grammars of your own (SRGS in XML or ABNF, JSGF).

    Grammars of mode `dtmf` are for keys, those of mode `voice` for speech; in JSGF digits, `*` and `#` are keys. The
    module's variable is what the grammar's tags say; a meaning with fields (`out.day = ...`) is an object. The built-in
    kinds have the values of VoiceXML: `true`, `20261124`, `1505h`, `12.50`.
    """

    type: Literal["custom_field"] = "custom_field"
    icon: ClassVar[str] = "forms"

    kind: Literal["", "boolean", "currency", "date", "digits", "number", "phone", "time"] = Field(
        "", title="Built-in kind"
    )
    length_min: int = Field(1, ge=1, le=128, title="Fewest digits (digits, phone)")
    length_max: int = Field(32, ge=1, le=128, title="Most digits (digits, phone)")
    grammars: Annotated[list[GrammarText], Field(max_length=10)] = Field(default_factory=list, title="Grammars")

    _grammars: tuple[Grammar, ...] = PrivateAttr()

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if bool(self.kind) == bool(self.grammars):
            raise ValueError("give either kind or grammars")
        if self.length_min > self.length_max:
            raise ValueError("length_min must not be greater than length_max")
        return self

    def attach(self, settings: Settings) -> None:
        super().attach(settings)
        own = (Custom(self.name, grammar.format, grammar.source) for grammar in self.grammars)
        self._grammars = (self._built_in(),) if self.kind else tuple(own)

    def grammars_known(self, language: str) -> tuple[Grammar, ...]:
        return self._grammars

    async def run(self, call: Call) -> str:
        match await self.ask(call, *self._grammars):
            case Match(value=value):
                self.store(call, self._value(value))
                return "next"
            case Failed(exit=exit):
                return exit

    def _value(self, value: str) -> Value:
        match self.kind:
            case "date":
                return value.replace("-", "")
            case "time":
                return value.replace(":", "") + "h"
            case "" if value.startswith("{"):
                try:
                    return json_text.loads(value)
                except ValueError:
                    return value
        return value

    def _built_in(self) -> Grammar:
        """VoiceXML 2.0, appendix P."""
        match self.kind:
            case "boolean":
                return Choices(self.name, (("1", "true"), ("2", "false")), ((words.YES, "true"), (words.NO, "false")))
            case "currency":
                return Number(self.name, 0, 2, currency=True)
            case "number":
                return Number(self.name, 0, 10)
            case "date":
                return Moment(self.name, "yyyymmdd")
            case "time":
                return Moment(self.name, "", "24")
        return Digits(self.name, self.length_min, self.length_max, submit_on_max=True)
