"""Ask for a date, a time, or both."""

from typing import ClassVar, Literal

from pydantic import Field, PrivateAttr

from callwright.flow.input_module import Failed, SpokenInputModule
from callwright.flow.module import Settings
from callwright.grammar.grammars import Grammar, Moment
from callwright.grammar.input import Match
from callwright.session.run import Call


class DateTime(SpokenInputModule):
    """Ask for a date or a time on the keypad, in a layout that the prompt has to tell.

    The module's variable is `2026-11-24`, `15:05`, or `2026-11-24T15:05`. A date is eight digits; a time is four, and on
    the clock of 12 hours 1 or 2 follows for before or after noon. What the calendar has not is no match. A date is said
    with its year ("November twenty fourth twenty twenty six"); on the clock of 12 hours a time is said with a m or p m.
    """

    type: Literal["date_time"] = "date_time"
    icon: ClassVar[str] = "calendar-time"

    ask_for: Literal["date", "time", "both"] = Field("date", title="Ask for")
    layout: Literal["mmddyyyy", "ddmmyyyy", "yyyymmdd"] = Field("mmddyyyy", title="Layout of a date")
    clock: Literal["24", "12"] = Field("24", title="Hours of the clock")

    _grammar: Moment = PrivateAttr()

    def attach(self, settings: Settings) -> None:
        super().attach(settings)
        self._grammar = Moment(
            self.name, "" if self.ask_for == "time" else self.layout, "" if self.ask_for == "date" else self.clock
        )

    def grammars_known(self, language: str) -> tuple[Grammar, ...]:
        return (self._grammar,)

    async def run(self, call: Call) -> str:
        match await self.ask(call, self._grammar):
            case Match(value=value):
                self.store(call, value)
                return "next"
            case Failed(exit=exit):
                return exit
