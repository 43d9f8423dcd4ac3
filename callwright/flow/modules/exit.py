"""The end of a call."""

from typing import ClassVar, Literal

from callwright.flow.module import Module
from callwright.session.run import Call


class Exit(Module):
    """End the call: hang up."""

    type: Literal["exit"] = "exit"
    icon: ClassVar[str] = "door-exit"

    def exits_needed(self) -> tuple[str, ...]:
        return ()

    async def run(self, call: Call) -> str:
        await call.disconnect()
        return ""
