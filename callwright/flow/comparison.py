"""Comparing values as JavaScript does: what the modules that branch have in common."""

import math
import operator
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from callwright.base.values import Value
from callwright.flow.texts import NUMBER_TOO, Text

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
