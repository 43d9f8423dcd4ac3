"""Record a message of the caller."""

from dataclasses import replace
from typing import ClassVar, Literal

from pydantic import Field

from callwright.flow.recording_module import RecordingModule
from callwright.session import commands
from callwright.session.prompts import Prompt


class Record(RecordingModule):
    """Record what the caller says after a beep, until they are silent, press a key, or the longest time is over.

    The recording is there until the call has ended: send it by REST, by e-mail, or by the post-call web service, which
    also gets what was said by a caller who then hung up. A prompt with the module's variable in it plays it. Somebody who says
    nothing, or only presses a key, has given no input.
    `name$.duration` is in seconds, `.size` in bytes, `.termchar` the key that ended it, and `.maxtime` whether the
    longest time did.

    To leave a message on an answering machine, let it say its greeting into a recording that ends at its beep, without a beep
    of ours; a machine that has said it already gives no input. What is said then is on its tape.
    """

    type: Literal["record"] = "record"
    icon: ClassVar[str] = "microphone"

    beep: bool = Field(True, title="Play a beep first")
    final_silence_s: float = Field(3, ge=1, le=14_400, title="Silence that ends it, seconds")
    ends_at_beep: bool = Field(False, title="A beep of the far end, such as an answering machine's, ends it")
    max_length_s: float = Field(300, ge=1, le=14_400, title="Longest recording, seconds")

    def command(self, prompts: tuple[Prompt, ...]) -> commands.Record:
        return replace(super().command(prompts), ends_at_beep=self.ends_at_beep)
