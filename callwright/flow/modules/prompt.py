"""Say something."""

from typing import ClassVar, Literal

from pydantic import Field, PrivateAttr

from callwright.flow.module import Module, Settings
from callwright.flow.spoken import PromptText, SpokenText
from callwright.session.run import Call


class Prompt(Module):
    """Say something to the caller and go on. A key that is pressed meanwhile counts for the next input. It sets no variable."""

    type: Literal["prompt"] = "prompt"
    icon: ClassVar[str] = "message"

    prompt: PromptText = Field(title="Prompt")
    barge_in: bool = Field(True, title="A key stops the prompt")

    _prompt: SpokenText = PrivateAttr()

    def attach(self, settings: Settings) -> None:
        self._prompt = SpokenText(self.prompt, barge_in=self.barge_in, private=self.private)

    async def run(self, call: Call) -> str:
        prompts = await self._prompt.prompt(call)
        if prompts:
            await call.play(*prompts)
        return "next"
