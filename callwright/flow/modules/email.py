"""Send an e-mail."""

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from callwright.flow.filling import Filling
from callwright.flow.module import Module, Settings
from callwright.flow.texts import Text
from callwright.script.template import Template
from callwright.session.commands import Send
from callwright.session.events import SendFailed
from callwright.session.prompts import RECORDING
from callwright.session.run import Call

RECIPIENTS_MAX = 20


class Attached(BaseModel):
    """A recording of the call that goes with the mail."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field("recording.wav", min_length=1, max_length=100, pattern=r"^[^/\\\r\n\x00]+$", title="File name")
    recording: Text = Field(min_length=1, title="The recording, such as {{ message }}")


class Email(Module):
    """Send an e-mail, with recordings of the call attached where wanted.

    `to` may name up to 20 addresses with commas between them. The module's variable is true once the mail server has
    taken the mail. Otherwise the flow leaves by `error` where that exit is joined, and goes on where it is not.
    """

    type: Literal["email"] = "email"
    icon: ClassVar[str] = "mail"

    to: Text = Field(min_length=1, title="To")
    subject: Text = Field(min_length=1, title="Subject")
    body: Text = Field("", title="Text")
    reply_to: Text = Field("", title="Reply to")
    attachments: Annotated[list[Attached], Field(max_length=10)] = Field(default_factory=list, title="Attachments")

    _templates: dict[str, Template] = PrivateAttr()
    _attachments: list[tuple[str, Template]] = PrivateAttr()

    def attach(self, settings: Settings) -> None:
        self._templates = {field: Template(getattr(self, field)) for field in ("to", "subject", "body", "reply_to")}
        self._attachments = [(one.name, Template(one.recording)) for one in self.attachments]

    def exits_optional(self) -> tuple[str, ...]:
        return ("error",)

    async def run(self, call: Call) -> str:
        filling = Filling(call, self.private)
        text = {field: await filling.text(template) for field, template in self._templates.items()}
        to = tuple(address for one in text["to"].split(",") if (address := one.strip()))
        attachments = [(name, (await filling.text(template)).strip()) for name, template in self._attachments]
        there = tuple((name, ref) for name, ref in attachments if RECORDING.fullmatch(ref))
        if len(there) < len(attachments):
            await call.log("An attachment is no recording of this call, and is left out", "error")
        if not 1 <= len(to) <= RECIPIENTS_MAX:
            await call.log(f"A mail goes to 1 to {RECIPIENTS_MAX} addresses, not to {len(to)}", "error")
            return self._failed(call)
        mail = Send(to, text["subject"], text["body"], text["reply_to"].strip(), there, filling.private)
        if isinstance(await call.mail(mail), SendFailed):
            return self._failed(call)
        self.store(call, True)
        return "next"

    def _failed(self, call: Call) -> str:
        self.store(call, False)
        return "error" if "error" in self.exits else "next"
