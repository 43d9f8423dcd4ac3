"""Record a message of the caller."""

from typing import ClassVar, Literal

from pydantic import Field

from callwright.flow.input_module import AskingModule
from callwright.session.commands import Record as RecordCommand
from callwright.session.events import NoInput, Recorded
from callwright.session.run import Call, CallerHungUp


class Record(AskingModule):
    """Record what the caller says after a beep, until they are silent, press a key, or the longest time is over.

    The recording is there until the call has ended: send it by REST, by e-mail, or by the post-call web service, which
    also gets what was said by a caller who then hung up. A prompt with the module's variable in it plays it.
    `name$.duration` is in seconds, `.size` in bytes, `.termchar` the key that ended it, and `.maxtime` whether the
    longest time did.
    """

    type: Literal["record"] = "record"
    icon: ClassVar[str] = "microphone"

    beep: bool = Field(True, title="Play a beep first")
    final_silence_s: float = Field(3, ge=1, le=14_400, title="Silence that ends it, seconds")
    max_length_s: float = Field(300, ge=1, le=14_400, title="Longest recording, seconds")

    async def run(self, call: Call) -> str:
        said = prompts = await self._prompt.prompt(call)
        count = 0
        while True:
            command = RecordCommand(
                prompts, self.beep, self.max_length_s, self._initial_s, self.final_silence_s, private=self.private
            )
            try:
                result = await call.record(command)
            except CallerHungUp as gone:
                if gone.event is not None and gone.event.recorded is not None:
                    self._keep(call, gone.event.recorded)
                raise
            if not isinstance(result, NoInput):
                self._keep(call, result)
                return "next"
            count += 1
            apology, failed = await self.failed(call, "no_input", count)
            if failed is not None:
                return failed.exit
            prompts = (*apology, *said)

    def _keep(self, call: Call, recorded: Recorded) -> None:
        self.store(call, recorded.audio)
        call.variables.set(
            (f"{self.name}$",),
            {
                "duration": recorded.duration_s,
                "size": recorded.size,
                "termchar": recorded.key or None,
                "maxtime": recorded.terminated_by == "maximum",
            },
            private=self.private,
        )
