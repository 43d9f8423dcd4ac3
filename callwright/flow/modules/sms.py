"""Send a text message."""

from typing import ClassVar, Literal

from pydantic import Field, PrivateAttr

from callwright.flow.filling import Filling
from callwright.flow.module import Module, Settings
from callwright.flow.spoken import SpokenText
from callwright.flow.texts import NUMBER_TOO, Text, render
from callwright.script.template import Template
from callwright.session.commands import SendText
from callwright.session.events import Sent
from callwright.session.run import Call

PRIVATE_NUMBER = "A private value can be no number of a text"


class Sms(Module):
    """Send a text message from a number of the account's, and go on once it is queued: by `sent`, or by `not_sent` where it is
    refused.

    It is refused where `sender` is no number of the account's that sends texts, where the recipient has stopped them or takes none,
    and for a text that is too long. The module's variable is true or false; `name$.id` is the `sms_message_id` by which the SMS
    API tells what became of the text, and `name$.reason` why it was not sent.

    What is private stands in the text that is sent, and nowhere else: not in the list of messages either. A private value can
    be no number of a text, for that list shows who was written to; such a text is not sent.
    """

    type: Literal["sms"] = "sms"
    icon: ClassVar[str] = "message"

    sender: Text = Field(
        min_length=1, coerce_numbers_to_str=True, title="SMS phone number", json_schema_extra=NUMBER_TOO
    )
    to: Text = Field(
        min_length=1, coerce_numbers_to_str=True, title="Recipient phone number", json_schema_extra=NUMBER_TOO
    )
    body: Text = Field(min_length=1, coerce_numbers_to_str=True, title="SMS message", json_schema_extra=NUMBER_TOO)
    timeout_s: float = Field(10, ge=1, le=60, title="Time-out, seconds")
    hold_music: bool = Field(False, title="Hold music while the caller waits")

    _sender: Template = PrivateAttr()
    _to: Template = PrivateAttr()
    _body: Template = PrivateAttr()
    _hold: SpokenText = PrivateAttr()

    def attach(self, settings: Settings) -> None:
        self._hold = settings.hold
        self._sender, self._to, self._body = Template(self.sender), Template(self.to), Template(self.body)

    def exits_needed(self) -> tuple[str, ...]:
        return ("sent", "not_sent")

    async def run(self, call: Call) -> str:
        sender, to = await render(call, self._sender), await render(call, self._to)
        filling = Filling(call, self.private)
        body = await filling.text(self._body)
        if sender.private or to.private:
            await call.log(PRIVATE_NUMBER, "error")
            return self._not_sent(call, PRIVATE_NUMBER)
        hold = await self._hold.prompt(call) if self.hold_music and not call.caller_gone else ()
        command = SendText(
            sender.text.strip(), to.text.strip(), body, self.timeout_s, filling.private, hold[0] if hold else None
        )
        answer = await call.text(command)
        if not isinstance(answer, Sent):
            return self._not_sent(call, answer.reason)
        self.store(call, True)
        self._tell(call, answer.id, "")
        return "sent"

    def _not_sent(self, call: Call, reason: str) -> str:
        self.store(call, False)
        self._tell(call, "", reason)
        return "not_sent"

    def _tell(self, call: Call, id: str, reason: str) -> None:
        call.variables.set((f"{self.name}$",), {"id": id, "reason": reason}, private=self.private)
