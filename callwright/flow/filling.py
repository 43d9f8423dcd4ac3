"""Filling the variables into what is sent out of a call: requests, mails, what another application is given."""

from pydantic import BaseModel, ConfigDict, Field

from callwright.base.values import Value
from callwright.flow.texts import Text, render
from callwright.script.template import Template
from callwright.session.run import Call


class Pair(BaseModel):
    """A named value of a request."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=200, pattern=r"^[^\r\n\x00]+$", title="Name")
    value: Text = Field("", title="Value")


class Filling:
    """Fills in for one call, and remembers whether anything private went in."""

    __slots__ = ("_call", "private")

    def __init__(self, call: Call, private: bool) -> None:
        self._call = call
        self.private = private

    async def text(self, template: Template) -> str:
        rendered = await render(self._call, template)
        self.private = self.private or rendered.private
        return rendered.text

    async def value(self, value: Value) -> Value:
        """A JSON value; a text of it that is just `{{ variable }}` becomes that variable's value, whatever its type."""
        if isinstance(value, str):
            return await self.whole(Template(value))
        if isinstance(value, dict):
            return {name: await self.value(item) for name, item in value.items()}
        if isinstance(value, list):
            return [await self.value(item) for item in value]
        return value

    async def whole(self, template: Template) -> Value:
        """A copy of the variable's value where the text is just one variable, which keeps its type; else the text."""
        rendered = await render(self._call, template)
        self.private = self.private or rendered.private
        if template.whole is not None and not rendered.missing:
            return self._call.variables.copy(template.whole)  # type: ignore[return-value]
        return rendered.text
