"""A conversation by text: what becomes of the commands that are performed on a caller's telephone otherwise.

Prompts are put together to one text; the question of a `Collect` ends it, and the next text that comes is its answer. What needs
a voice does not come about: a transfer fails, as with a far end that cannot be reached, a recording of the call records
nothing, and a message cannot be left, which is a mistake of the author's.
"""

from callwright.base.errors import AuthorError
from callwright.grammar.input import Match, NoMatch
from callwright.grammar.typed import typed
from callwright.session.commands import CallerCommand, Collect, Disconnect, Play, Record, SetRecording, Transfer
from callwright.session.events import Done, Event, HungUp, Played, TransferEnded
from callwright.session.lines import words
from callwright.session.prompts import Prompt, Speech

NO_VOICE = "There is no voice in a conversation by text"


class Turn:
    """One turn of a conversation by text: what is said until the next text is waited for."""

    def __init__(self) -> None:
        self.said: list[Prompt] = []

    def perform(self, command: CallerCommand, now: float) -> Event | None:
        """The command's answer; None where a text is waited for. Raises `AuthorError` where it cannot be performed."""
        match command:
            case Play(prompts=prompts):
                self.said += prompts
                return Played(now)
            case Collect(prompts=prompts):
                self.said += prompts
                return None
            case Transfer(prompts=prompts):
                self.said += prompts
                return TransferEnded(now, "error", reason=NO_VOICE)
            case SetRecording():
                return Done(now)
            case Disconnect():
                return HungUp(now, by="application")
            case Record():
                raise AuthorError(f"{NO_VOICE}: nobody can leave a message")

    @property
    def body(self) -> str:
        """What was said, a line for each prompt; empty where nothing was."""
        return "\n".join(line for prompt in self.said if (line := written(prompt)))

    @property
    def private(self) -> bool:
        return any(part.private for prompt in self.said for part in prompt.parts)


def answer(asked: Collect, text: str, now: float) -> Match | NoMatch:
    """What a text means to the question that waits."""
    return typed(asked.grammars, text, asked.language, now)


def written(prompt: Prompt) -> str:
    """A prompt as a text says it: an audio file by the words that it has for where it cannot be played."""
    said = (part.text if isinstance(part, Speech) else part.fallback for part in prompt.parts)
    return " ".join(filter(None, map(words, said)))
