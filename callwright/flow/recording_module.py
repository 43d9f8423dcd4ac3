"""Modules that record what the caller says."""

from callwright.flow.input_module import AskingModule
from callwright.session.commands import Record
from callwright.session.events import NoInput, Recorded
from callwright.session.prompts import Prompt
from callwright.session.run import Call, CallerHungUp


class RecordingModule(AskingModule):
    """A module that keeps what the caller says as a recording, until the call has ended.

    `name$.duration` is in seconds, `.size` in bytes, `.termchar` the key that ended it, and `.maxtime` whether the
    longest time did.
    """

    beep: bool
    final_silence_s: float
    max_length_s: float

    async def run(self, call: Call) -> str:
        said = prompts = await self._prompt.prompt(call)
        count = 0
        while True:
            try:
                result = await call.record(self.command(prompts))
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

    def command(self, prompts: tuple[Prompt, ...]) -> Record:
        """What is asked of the caller's side."""
        return Record(
            prompts, self.beep, self.max_length_s, self._initial_s, self.final_silence_s, private=self.private
        )

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
