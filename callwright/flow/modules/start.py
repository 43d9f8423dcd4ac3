"""Where a call begins."""

from typing import ClassVar, Literal

from callwright.flow.module import Module
from callwright.session.run import Call


class Start(Module):
    """Where a page begins: each has one. A call begins at that of the first page."""

    type: Literal["start"] = "start"
    icon: ClassVar[str] = "play"

    async def run(self, call: Call) -> str:
        return "next"
