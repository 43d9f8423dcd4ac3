"""Ask for a string of digits."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from callwright.flow.input_module import Failed, SpokenInputModule
from callwright.grammar import grammars
from callwright.grammar.input import Match
from callwright.session.run import Call


class Digits(SpokenInputModule):
    """Ask for digits, keyed or said one by one, and keep them, as text, in the module's variable: a ZIP code, an account
    number.
    """

    type: Literal["digits"] = "digits"
    icon: ClassVar[str] = "numbers"

    digits_min: int = Field(1, ge=1, le=128, title="Fewest digits")
    digits_max: int = Field(16, ge=1, le=128, title="Most digits")
    submit_on_max: bool = Field(True, title="Go on at once after the last digit")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.digits_min > self.digits_max:
            raise ValueError("digits_min must not be greater than digits_max")
        return self

    def grammars_known(self, language: str) -> tuple[grammars.Grammar, ...]:
        return (grammars.Digits(self.name, self.digits_min, self.digits_max, self.submit_on_max),)

    async def run(self, call: Call) -> str:
        match await self.ask(call, *self.grammars_known(call.language)):
            case Match(value=value):
                self.store(call, value)
                return "next"
            case Failed(exit=exit):
                return exit
