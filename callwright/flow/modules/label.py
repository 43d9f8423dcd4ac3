"""A note on the canvas."""

from typing import ClassVar, Literal

from pydantic import Field

from callwright.flow.module import Module
from callwright.session.run import Call


class Label(Module):
    """A note for whoever reads the application. No exit leads to it, and it has none."""

    type: Literal["label"] = "label"
    icon: ClassVar[str] = "note"
    runs: ClassVar[bool] = False

    text: str = Field(max_length=2_000, title="Note")

    def exits_needed(self) -> tuple[str, ...]:
        return ()

    async def run(self, call: Call) -> str:
        raise AssertionError("no exit leads to a label")
