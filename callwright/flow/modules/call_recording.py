"""Record a stretch of the call."""

from typing import ClassVar, Literal

from pydantic import Field

from callwright.base.values import Value
from callwright.flow.module import Module, Name
from callwright.session.events import Recorded
from callwright.session.run import Call


class CallRecording(Module):
    """Start, and in a second module stop, recording both sides of the call into one channel.

    When it is stopped, the variable that `into` names holds the recording until the call has ended, to be sent by REST,
    by e-mail or by the post-call web service. One goes on at a time: a new start begins anew. What is said while a
    private module asks or speaks is silence in it.
    """

    type: Literal["call_recording"] = "call_recording"
    icon: ClassVar[str] = "player-record"

    action: Literal["start", "stop"] = Field(title="Start or stop")
    into: Name = Field("call_recording", title="Variable that gets the recording")

    def writes(self) -> tuple[str, ...]:
        return (self.into, f"{self.into}$")

    async def run(self, call: Call) -> str:
        recorded = await call.set_recording(self.action == "start", self.into)
        if isinstance(recorded, Recorded):
            call.variables.set((self.into,), recorded.audio, private=self.private)
            shadow: Value = {"duration": recorded.duration_s, "size": recorded.size}
            call.variables.set((f"{self.into}$",), shadow, private=self.private)
        elif self.action == "stop":
            await call.log("No recording was going on", "error")
        return "next"
