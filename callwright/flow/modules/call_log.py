"""Write into the call's log."""

from typing import ClassVar, Literal

from pydantic import Field, PrivateAttr

from callwright.flow.module import Module, Settings
from callwright.flow.texts import Text, render
from callwright.script.template import Template
from callwright.session.redaction import PRIVATE
from callwright.session.run import Call

LINE_MAX = 1_000
"Characters of a line of the log; what is longer is cut."


class CallLog(Module):
    """Write a line into the call's log, of up to 1,000 characters. A private module, or a private variable in the text, writes
    `[private]`. It sets no variable."""

    type: Literal["call_log"] = "call_log"
    icon: ClassVar[str] = "file-text"

    text: Text = Field(min_length=1, title="Text")

    _text: Template = PrivateAttr()

    def attach(self, settings: Settings) -> None:
        self._text = Template(self.text)

    async def run(self, call: Call) -> str:
        rendered = await render(call, self._text)
        await call.log(PRIVATE if self.private or rendered.private else rendered.text[:LINE_MAX])
        return "next"
