"""The end of a call."""

from typing import ClassVar, Literal

from callwright.flow.module import Module
from callwright.session.run import Call


class Exit(Module):
    """End the call: hang up, and go on to the post-call web service. In an application that another one has gone to it ends that
    application, and the other goes on."""

    type: Literal["exit"] = "exit"
    icon: ClassVar[str] = "door-exit"

    def exits_needed(self) -> tuple[str, ...]:
        return ()

    async def run(self, call: Call) -> str:
        await call.disconnect()
        return ""
