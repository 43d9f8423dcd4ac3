"""Record a stretch of the call."""

from typing import ClassVar, Literal

from pydantic import Field

from callwright.base.values import Value
from callwright.flow.module import Module, Name
from callwright.session.events import Recorded
from callwright.session.run import Call


class CallRecording(Module):
    """Start, and in a second module stop, recording both sides of the call into one channel.

    When it is stopped, the variable that `into` names holds the recording (WAV, 8000 Hz, µ-law) until the call has ended, to
    be sent by REST, by e-mail or by the post-call web service; `into$.duration` is in seconds, `.size` in bytes. One goes on
    at a time: a new start begins anew, and what was not stopped before is lost. One that still goes on when the call ends,
    however it ends, is stopped then, and the post-call web service gets it. What is said while a private module asks or
    speaks is silence in it, and in that of another call of which somebody is joined with this one by an attended transfer. A
    private module's recording is private.
    """

    type: Literal["call_recording"] = "call_recording"
    icon: ClassVar[str] = "player-record"

    action: Literal["start", "stop"] = Field(title="Start or stop")
    into: Name = Field("call_recording", title="Variable that gets the recording")

    def writes(self) -> tuple[str, ...]:
        return (self.into, f"{self.into}$")

    async def run(self, call: Call) -> str:
        if self.action == "start":
            await call.set_recording(True, self.into)
            call.unfinished = (self.into, self.private)
            return "next"
        if call.unfinished is None:
            await call.log("No recording was going on", "error")
            return "next"
        # By the name that it was begun under; this module says where it goes.
        name, _ = call.unfinished
        recorded = await call.set_recording(False, name)
        call.unfinished = None
        if isinstance(recorded, Recorded):
            keep(call, recorded, self.into, private=self.private)
        return "next"


def keep(call: Call, recorded: Recorded, into: str, *, private: bool) -> None:
    """Store a recording that has ended in the variable."""
    call.variables.set((into,), recorded.audio, private=private)
    shadow: Value = {"duration": recorded.duration_s, "size": recorded.size}
    call.variables.set((f"{into}$",), shadow, private=private)
