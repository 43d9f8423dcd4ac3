"""Texts of a document that variables are filled into: prompts and the fields of requests."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag
from pydantic.config import JsonDict

from callwright.base.errors import AuthorError
from callwright.script.template import Rendered, Template
from callwright.script.variables import parse_path
from callwright.session.prompts import RECORDING, Audio, Part, Prompt, Speech
from callwright.session.run import Call

TEXT_MAX = 10_000
"Characters of one text in a document."

PARTS_MAX = 50


def _is_template(text: str) -> str:
    try:
        Template(text)
    except AuthorError as error:
        raise ValueError(str(error)) from None
    return text


def _is_path(text: str) -> str:
    try:
        parse_path(text)
    except AuthorError as error:
        raise ValueError(str(error)) from None
    return text


VariablePath = Annotated[str, Field(max_length=200), AfterValidator(_is_path)]
"A variable, such as `order.items[0].price`."

NUMBER_TOO: JsonDict = {"type": ["string", "number"]}
"JSON Schema of a text that may be written as a number."

Text = Annotated[str, Field(max_length=TEXT_MAX), AfterValidator(_is_template)]
"A text that may hold `{{ variable }}`."


class TextPart(BaseModel):
    """Words for the synthesizer."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    text: Text = Field(title="Text")


class AudioPart(BaseModel):
    """A stored audio file, and what to say where it cannot be played."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    audio: str = Field(title="Audio file", pattern=r"^(sha256:[0-9a-f]{64}|tone:(beep|ringback|hold))$")
    text: Text = Field("", title="Words for it")


def _kind(value: object) -> str:
    """Which form a prompt or a part of one is meant to have, so that an error speaks of that form only."""
    if isinstance(value, list):
        return PARTS
    return AUDIO if isinstance(value, AudioPart) or (isinstance(value, dict) and "audio" in value) else TEXT


TEXT, PARTS, AUDIO = "[text]", "[parts]", "[audio]"
_Part = Annotated[Annotated[TextPart, Tag(TEXT)] | Annotated[AudioPart, Tag(AUDIO)], Discriminator(_kind)]
_Parts = Annotated[list[_Part], Field(max_length=PARTS_MAX), Tag(PARTS)]
PromptText = Annotated[
    Annotated[Text, Tag(TEXT)] | _Parts, Discriminator(lambda v: PARTS if _kind(v) == PARTS else TEXT)
]
"What a module says: a text, or a list of texts and audio files."


async def render(call: Call, template: Template) -> Rendered:
    """A text with the call's variables; those that are missing are told in the log."""
    rendered = template.render(call.variables)
    for name in rendered.missing:
        await call.log(f"Variable {name} is not defined", "error")
    return rendered


class SpokenText:
    """A prompt of a document, parsed once, spoken in many calls."""

    __slots__ = ("_barge_in", "_parts", "_plain")

    def __init__(self, prompt: "str | list[TextPart | AudioPart]", *, barge_in: bool = True) -> None:
        parts = [TextPart(text=prompt)] if isinstance(prompt, str) else prompt
        self._barge_in = barge_in
        self._parts: list[tuple[Template, str]] = [
            (Template(part.text), part.audio if isinstance(part, AudioPart) else "")
            for part in parts
            if not _empty(part)
        ]
        self._plain: dict[str, Prompt] = {}

    async def prompt(self, call: Call) -> tuple[Prompt, ...]:
        """The prompt as this caller hears it; none where there is nothing to say."""
        if not self._parts:
            return ()
        plain = self._plain.get(call.language)
        if plain is not None:
            return (plain,)
        parts: list[Part] = []
        for template, audio in self._parts:
            text = await render(call, template)
            parts += [Audio(audio, text.text, text.private)] if audio else _with_recordings(text)
        prompt = Prompt(tuple(parts), call.language, self._barge_in)
        if not any(template.paths for template, _ in self._parts):
            self._plain[call.language] = prompt
        return (prompt,)


def _with_recordings(text: Rendered) -> list[Part]:
    """A text in which a recording of the call may stand, put there by its variable."""
    # Every second piece is what the pattern's group found.
    pieces = RECORDING.split(text.text)
    if len(pieces) == 1:
        return [Speech(text.text, text.private)]
    parts: list[Part] = []
    for index, piece in enumerate(pieces):
        if index % 2:
            parts.append(Audio(f"recorded:{piece}", private=text.private))
        elif piece.strip():
            parts.append(Speech(piece.strip(), text.private))
    return parts


def _empty(part: TextPart | AudioPart) -> bool:
    return isinstance(part, TextPart) and not part.text.strip()
