"""Run a VoiceXML document of somebody's server."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from callwright.base.errors import AuthorError
from callwright.flow.filling import Pair
from callwright.flow.module import Module
from callwright.flow.texts import Text
from callwright.session.run import Call


class Subdialog(Module):
    """Run a VoiceXML application that is hosted elsewhere. There is no VoiceXML interpreter yet: a call that comes here
    has an error in its log that says so, and leaves by `error`, or ends where that exit is not joined."""

    type: Literal["subdialog"] = "subdialog"
    icon: ClassVar[str] = "code"
    waits: ClassVar[bool] = True

    url: Text = Field(min_length=1, title="URL")
    submit: Literal["POST", "GET w/ <param>", "GET"] = Field("POST", title="Submit as")
    event: Text = Field("", title="Event name")
    parameters: Annotated[list[Pair], Field(max_length=100)] = Field(default_factory=list, title="Variables")

    def exits_optional(self) -> tuple[str, ...]:
        return ("error",)

    async def run(self, call: Call) -> str:
        problem = "A subdialog needs a VoiceXML interpreter, which Callwright has not got yet"
        if "error" not in self.exits:
            raise AuthorError(problem, module=self.name)
        await call.log(problem, "error")
        return "error"
