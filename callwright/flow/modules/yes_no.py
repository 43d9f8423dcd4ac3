"""Ask a question that is answered by yes or no."""

from typing import ClassVar, Literal

from callwright.flow.input_module import Failed, SpokenInputModule
from callwright.grammar import words
from callwright.grammar.grammars import Choices, Grammar
from callwright.grammar.input import Match
from callwright.session.run import Call

YES, NO = "yes", "no"


class YesNo(SpokenInputModule):
    """Ask for yes (key 1) or no (key 2); each has an exit, and the module's variable is `yes` or `no`.

    The prompt has to say which key is which. With speech, "yes", "yeah" or "that's right" are said as well.
    """

    type: Literal["yes_no"] = "yes_no"
    icon: ClassVar[str] = "help"

    def exits_needed(self) -> tuple[str, ...]:
        return (YES, NO)

    def grammars_known(self, language: str) -> tuple[Grammar, ...]:
        return (Choices(self.name, (("1", YES), ("2", NO)), ((words.YES, YES), (words.NO, NO))),)

    async def run(self, call: Call) -> str:
        match await self.ask(call, *self.grammars_known(call.language)):
            case Match(value=value):
                self.store(call, value)
                return value
            case Failed(exit=exit):
                return exit
