"""The values a session's variables can hold: what JSON can."""

from typing import TypeAlias

Value: TypeAlias = "None | bool | int | float | str | list[Value] | dict[str, Value]"
