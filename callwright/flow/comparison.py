"""Comparing values as JavaScript does: what the modules that branch have in common."""

import math
import operator
import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from callwright.base.values import Value
from callwright.flow.texts import NUMBER_TOO, Text
from callwright.script.variables import Missing

OTHERWISE = "otherwise"
"The exit where no row is true."

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
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
    value: Text = Field(coerce_numbers_to_str=True, title="Value", json_schema_extra=NUMBER_TOO)
    exit: str = Field(min_length=1, max_length=100, title="Exit")

    def holds(self, left: Any, right: Any) -> bool:
        return OPERATORS[self.operator](left, right)


def _no_otherwise(rows: list[Row]) -> list[Row]:
    if any(row.exit == OTHERWISE for row in rows):
        raise ValueError(f"{OTHERWISE} is the exit that is taken when no row is true")
    return rows


Rows = Annotated[list[Row], Field(min_length=1, max_length=50), AfterValidator(_no_otherwise)]
"Top to bottom; the first that is true is taken."


def exits_of(rows: list[Row]) -> tuple[str, ...]:
    return (*dict.fromkeys(row.exit for row in rows), OTHERWISE)


_DECIMAL = re.compile(r"[+-]?(?:Infinity|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)", re.ASCII)
_BASES = {"0x": 16, "0o": 8, "0b": 2}


def number(value: Value | Missing) -> float:
    """JavaScript's Number() (ECMA-262 §7.1.4): null, false and the empty text are 0, true is 1, a list of one is what is in
    it; what is no number, and a variable that is not there, is NaN.
    """
    match value:
        case None | []:
            return 0.0
        case bool() | int() | float():
            return float(value)
        case str():
            return _read(value.strip())
        case [None | list() as one]:
            return number(one)
        case [str() | int() | float() as one] if not isinstance(one, bool):
            return number(one)
    return math.nan


def _read(text: str) -> float:
    if not text:
        return 0.0
    base = _BASES.get(text[:2].lower())
    try:
        if base is not None:
            return float(int(text[2:], base)) if text[2:].isalnum() and text.isascii() else math.nan
        return float(text) if _DECIMAL.fullmatch(text) else math.nan
    except (ValueError, OverflowError):
        return math.nan
