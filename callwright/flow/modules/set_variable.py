"""Set variables."""

from typing import ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from callwright.base.values import Value
from callwright.flow.filling import Filling
from callwright.flow.module import Module, Settings
from callwright.flow.texts import Text, VariablePath
from callwright.script.template import Template
from callwright.script.variables import Path, parse_path
from callwright.session.run import Call


class Assignment(BaseModel):
    """One variable and its new value."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    variable: VariablePath = Field(title="Variable")
    value: Text | int | float | bool | None = Field(title="Value")


class SetVariable(Module):
    """Set variables, top to bottom. A value that is just `{{ variable }}` keeps its type, and is a copy; others become text.

    Setting `order.items[0].price` makes the objects and lists on the way. A counter is set back by setting its variable to 0.
    """

    type: Literal["set_variable"] = "set_variable"
    icon: ClassVar[str] = "equal"

    assignments: list[Assignment] = Field(min_length=1, max_length=50, title="Assignments")

    _targets: list[tuple[Path, Template | None, Value]] = PrivateAttr()

    @model_validator(mode="after")
    def _valid(self) -> Self:
        for assignment in self.assignments:
            if parse_path(assignment.variable)[0] == "session":
                raise ValueError("session.* is set by the platform")
        return self

    def attach(self, settings: Settings) -> None:
        self._targets = [
            (parse_path(a.variable), Template(a.value) if isinstance(a.value, str) else None, a.value)
            for a in self.assignments
        ]

    def writes(self) -> tuple[str, ...]:
        return tuple(str(path[0]) for path, _, _ in self._targets)

    async def run(self, call: Call) -> str:
        for path, template, value in self._targets:
            filling = Filling(call, self.private)
            if template is not None:
                value = await filling.whole(template)
            call.variables.set(path, value, private=filling.private)
        return "next"
