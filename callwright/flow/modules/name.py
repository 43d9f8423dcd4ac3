"""Record who is calling."""

from typing import ClassVar, Literal

from pydantic import Field

from callwright.flow.recording_module import RecordingModule


class Name(RecordingModule):
    """Ask for the caller's name and keep it as a recording, which a shorter silence than that of the module `record` ends.

    The variables are those of `record`. The words are not written down: they are beyond what a recogniser of a fixed
    vocabulary can hear, so a person, or a transcription service that gets the recording, does that.
    """

    type: Literal["name"] = "name"
    icon: ClassVar[str] = "user"

    beep: bool = Field(True, title="Play a beep first")
    final_silence_s: float = Field(1, ge=1, le=60, title="Silence that ends it, seconds")
    max_length_s: float = Field(15, ge=1, le=300, title="Longest recording, seconds")
