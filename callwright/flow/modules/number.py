"""Ask for a quantity."""

from typing import ClassVar, Literal, Self

from pydantic import Field, PrivateAttr, model_validator

from callwright.flow.input_module import Failed, SpokenInputModule
from callwright.flow.module import Settings
from callwright.grammar import grammars
from callwright.grammar.input import Match
from callwright.session.run import Call


class Number(SpokenInputModule):
    """Ask for a whole or decimal number and keep it, as text, in the module's variable. The star key is the point.

    Fewer or more decimal places than allowed are an invalid input: with 2 and 2, 5.49 is valid; 5, 5.4 and 5.492 are
    not. `0` in front falls away (`007` is 7). As currency, the value always has two places (`5` is 5.00). It may be said
    as far as 999,999: "one hundred twenty nine point five", "five dollars and forty cents".
    """

    type: Literal["number"] = "number"
    icon: ClassVar[str] = "number"

    decimals_min: int = Field(0, ge=0, le=10, title="Fewest decimal places")
    decimals_max: int = Field(10, ge=0, le=10, title="Most decimal places")
    currency: bool = Field(False, title="It is an amount of money")

    _grammar: grammars.Number = PrivateAttr()

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.decimals_min > self.decimals_max:
            raise ValueError("decimals_min must not be greater than decimals_max")
        if self.currency and self.decimals_min > grammars.CURRENCY_PLACES:
            raise ValueError(f"an amount of money has at most {grammars.CURRENCY_PLACES} decimal places")
        return self

    def attach(self, settings: Settings) -> None:
        super().attach(settings)
        most = min(self.decimals_max, grammars.CURRENCY_PLACES) if self.currency else self.decimals_max
        self._grammar = grammars.Number(self.name, self.decimals_min, most, self.currency)

    def grammars_known(self, language: str) -> tuple[grammars.Grammar, ...]:
        return (self._grammar,)

    async def run(self, call: Call) -> str:
        match await self.ask(call, self._grammar):
            case Match(value=value):
                self.store(call, value)
                return "next"
            case Failed(exit=exit):
                return exit
