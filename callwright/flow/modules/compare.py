"""Branch on a variable."""

from typing import ClassVar, Literal

from pydantic import Field, PrivateAttr

from callwright.base.values import Value
from callwright.flow.comparison import OTHERWISE, Row, Rows, exits_of, number
from callwright.flow.module import Module, Settings
from callwright.flow.texts import VariablePath, render
from callwright.script.template import Template
from callwright.script.variables import MISSING, Missing, Path, parse_path, text_of
from callwright.session.run import Call


class Compare(Module):
    """Compare a variable with values, top to bottom; the first row that is true is taken, else `otherwise`.

    As String, "9" is greater than "100". Number compares as JavaScript's Number() does: the empty text is 0; what is not a
    number, or a variable that is not defined, is unequal to everything, and neither greater nor less. As Boolean the texts
    `false` and `0`, the empty text, 0, null and a variable that is not defined are false; everything else is true.
    """

    type: Literal["compare"] = "compare"
    icon: ClassVar[str] = "arrows-split"

    variable: VariablePath = Field(title="Variable")
    compare_as: Literal["string", "number", "boolean"] = Field("string", title="Compare as")
    rows: Rows = Field(title="Comparisons")

    _path: Path = PrivateAttr()
    _values: list[tuple[Row, Template]] = PrivateAttr()

    def attach(self, settings: Settings) -> None:
        self._path = parse_path(self.variable)
        self._values = [(row, Template(row.value)) for row in self.rows]

    def exits_needed(self) -> tuple[str, ...]:
        return exits_of(self.rows)

    def reads(self) -> tuple[Path, ...]:
        return (self._path,)

    async def run(self, call: Call) -> str:
        found = call.variables.get(self._path)
        if found is MISSING:
            await call.log(f"Variable {self.variable} is not defined", "error")
        left = self._as(found)
        for row, template in self._values:
            right = self._as((await render(call, template)).text)
            if row.holds(left, right):
                return row.exit
        return OTHERWISE

    def _as(self, value: Value | Missing) -> str | float | bool:
        match self.compare_as:
            case "string":
                return text_of(value)
            case "number":
                return number(value)
            case "boolean":
                return value.strip().lower() not in ("", "false", "0") if isinstance(value, str) else bool(value)
