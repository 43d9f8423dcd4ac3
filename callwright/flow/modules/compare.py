"""Branch on a variable."""

import math
import operator
from collections.abc import Callable
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from callwright.base.values import Value
from callwright.flow.module import InputSettings, Module
from callwright.flow.texts import Text, VariablePath, render
from callwright.script.template import Template
from callwright.script.variables import MISSING, Path, parse_path, text_of
from callwright.session.run import Call

_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Row(BaseModel):
    """One comparison, and the exit that it opens."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    operator: Literal["=", "!=", "<", "<=", ">", ">="] = Field("=", title="Operator")
    value: Text = Field(coerce_numbers_to_str=True, title="Value")
    exit: str = Field(min_length=1, max_length=100, title="Exit")


class Compare(Module):
    """Compare a variable with values, top to bottom; the first row that is true is taken, else `otherwise`.

    As String, "9" is greater than "100". Number compares as JavaScript's Number() does: what is not a number is
    neither equal to anything nor greater nor less.
    """

    type: Literal["compare"] = "compare"
    icon: ClassVar[str] = "arrows-split"

    variable: VariablePath = Field(title="Variable")
    compare_as: Literal["string", "number", "boolean"] = Field("string", title="Compare as")
    rows: list[Row] = Field(min_length=1, max_length=50, title="Comparisons")

    _path: Path = PrivateAttr()
    _values: list[tuple[Row, Template]] = PrivateAttr()

    @model_validator(mode="after")
    def _valid(self) -> Self:
        if any(row.exit == "otherwise" for row in self.rows):
            raise ValueError("otherwise is the exit that is taken when no row is true")
        return self

    def attach(self, settings: InputSettings) -> None:
        self._path = parse_path(self.variable)
        self._values = [(row, Template(row.value)) for row in self.rows]

    def exits_needed(self) -> tuple[str, ...]:
        return (*dict.fromkeys(row.exit for row in self.rows), "otherwise")

    async def run(self, call: Call) -> str:
        found = call.variables.get(self._path)
        if found is MISSING:
            await call.log(f"Variable {self.variable} is not defined", "error")
        left = self._as(None if found is MISSING else found)  # type: ignore[arg-type]
        for row, template in self._values:
            right = self._as((await render(call, template)).text)
            if _OPERATORS[row.operator](left, right):
                return row.exit
        return "otherwise"

    def _as(self, value: Value) -> str | float | bool:
        match self.compare_as:
            case "string":
                return text_of(value)
            case "number":
                return number(value)
            case "boolean":
                return value.strip().lower() not in ("", "false", "0") if isinstance(value, str) else bool(value)


def number(value: Value) -> float:
    """JavaScript's Number(): empty is 0, true is 1, what is no number is NaN."""
    if value is None:
        return 0.0
    if isinstance(value, bool | int | float):
        return float(value)
    if not isinstance(value, str):
        return math.nan
    text = value.strip()
    if not text:
        return 0.0
    try:
        return float(int(text, 16)) if text.lower().startswith("0x") else _decimal(text)
    except (ValueError, OverflowError):
        return math.nan


def _decimal(text: str) -> float:
    # Python reads 1_000, nan and inf; JavaScript reads none of them, but Infinity.
    if not set(text.lower()) <= set("0123456789+-.e"):
        return float(text) if text.lstrip("+-") == "Infinity" else math.nan
    return float(text)
