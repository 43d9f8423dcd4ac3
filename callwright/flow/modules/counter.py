"""Count how often the call comes by."""

from typing import ClassVar, Literal

from pydantic import Field, PrivateAttr

from callwright.flow.comparison import OTHERWISE, Row, Rows, exits_of, number
from callwright.flow.module import Module, Settings
from callwright.flow.texts import render
from callwright.script.template import Template
from callwright.session.run import Call


class Counter(Module):
    """Add one to the module's variable, which begins at 0, and branch on it: the first row that is true is taken.

    It is 1 on the first visit. Set its variable to 0 to begin anew; what is no number counts as 0.
    """

    type: Literal["counter"] = "counter"
    icon: ClassVar[str] = "circle-plus"

    rows: Rows = Field(title="Comparisons")

    _values: list[tuple[Row, Template]] = PrivateAttr()

    def attach(self, settings: Settings) -> None:
        self._values = [(row, Template(row.value)) for row in self.rows]

    def exits_needed(self) -> tuple[str, ...]:
        return exits_of(self.rows)

    async def run(self, call: Call) -> str:
        before = call.variables.get((self.name,))
        was = number(before)
        # NaN is not equal to itself.
        count = int(was) + 1 if was == was and abs(was) < 2**53 else 1
        self.store(call, count, private=call.variables.is_private((self.name,)))
        for row, template in self._values:
            if row.holds(float(count), number((await render(call, template)).text)):
                return row.exit
        return OTHERWISE
