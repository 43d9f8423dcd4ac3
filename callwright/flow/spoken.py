"""Prompts of a document: words with variables, audio files, for each language, spoken in many calls."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, TypeVar
from xml.etree import ElementTree

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag

from callwright.base.errors import AuthorError
from callwright.flow.say_as import KINDS, say
from callwright.flow.texts import NAMES_SHOWN, PARTS_MAX, TEXT_MAX
from callwright.script.template import Rendered, Template
from callwright.session.prompts import RECORDING, SSML, Audio, Part, Prompt, Speech
from callwright.session.redaction import PRIVATE
from callwright.session.run import Call

LANGUAGE = r"^[a-z]{2}-[A-Z]{2}$"
AUDIO_NAME = r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,99}"
"A name of the audio manager."

AUDIO_FILE = r"^sha256:[0-9a-f]{64}$"
"An audio file of the account, by its content."

ELEMENTS = frozenset({"speak", "p", "s", "break", "emphasis", "prosody", "say-as", "sub", "phoneme"})
"SSML that a prompt may use. Above all not `audio`: it would play files of the server."

Language = Annotated[str, Field(pattern=LANGUAGE)]


def _is_spoken(text: str) -> str:
    try:
        template = Template(text, KINDS)
    except AuthorError as error:
        raise ValueError(str(error)) from None
    if text.lstrip().startswith(SSML):
        if "<!" in text:
            raise ValueError("SSML here has no declarations")
        try:
            markup = ElementTree.fromstring(template.with_all("x").strip())
        except ElementTree.ParseError as error:
            raise ValueError(f"it is not well-formed SSML: {error}") from None
        used = {element.tag.rpartition("}")[2] for element in markup.iter()}
        if used - ELEMENTS:
            raise ValueError(f"SSML here has {', '.join(sorted(ELEMENTS))}, not {', '.join(sorted(used - ELEMENTS))}")
    return text


def _is_plain(text: str) -> str:
    if text.lstrip().startswith(SSML):
        raise ValueError("the words of an audio file are plain text, not SSML")
    if "\0" in text:
        raise ValueError("it holds the character U+0000")
    return text


Words = Annotated[str, Field(max_length=TEXT_MAX), AfterValidator(_is_spoken)]
"A text to be said: with `{{ variable }}` or `{{ variable | type }}`, or SSML."

PlainWords = Annotated[str, Field(max_length=TEXT_MAX), AfterValidator(_is_plain)]
"What is said in an audio file."


class TextPart(BaseModel):
    """Words for the synthesizer."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    text: Words = Field(title="Text")


class AudioPart(BaseModel):
    """A stored audio file or a tone, and what to say where it cannot be played."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    audio: str = Field(
        title="Audio file: a name of the audio manager, sha256:…, or tone:beep",
        pattern=rf"^(sha256:[0-9a-f]{{64}}|tone:(beep|ringback|hold)|{AUDIO_NAME})$",
    )
    text: Words = Field("", title="Words for it")
    files: dict[Language, str] = Field(
        default_factory=dict, max_length=50, title="The file of a name in each language; filled in when it is published"
    )
    words: dict[Language, PlainWords] = Field(
        default_factory=dict,
        max_length=50,
        title="The audio manager's words for it in each language; filled in when it is published",
    )

    @property
    def is_name(self) -> bool:
        return not self.audio.startswith(("sha256:", "tone:"))


TEXT, PARTS, AUDIO, LANGUAGES = "[text]", "[parts]", "[audio]", "[languages]"


def _kind(value: object) -> str:
    """Which form a prompt or a part of one is meant to have, so that an error speaks of that form only."""
    if isinstance(value, list):
        return PARTS
    return AUDIO if isinstance(value, AudioPart) or (isinstance(value, dict) and "audio" in value) else TEXT


def _form(value: object) -> str:
    return LANGUAGES if isinstance(value, dict) else PARTS if isinstance(value, list) else TEXT


_Part = Annotated[Annotated[TextPart, Tag(TEXT)] | Annotated[AudioPart, Tag(AUDIO)], Discriminator(_kind)]
_Parts = Annotated[list[_Part], Field(max_length=PARTS_MAX), Tag(PARTS)]
_Plain = Annotated[Annotated[Words, Tag(TEXT)] | _Parts, Discriminator(_form)]
_ByLanguage = Annotated[dict[Language, _Plain], Field(min_length=1, max_length=50), Tag(LANGUAGES)]
PromptText = Annotated[Annotated[Words, Tag(TEXT)] | _Parts | _ByLanguage, Discriminator(_form)]
"What a module says: a text, a list of texts and audio files, or either of them for each language."

Parts = list[TextPart | AudioPart]
Found = TypeVar("Found")


def parts_of(prompt: "str | Parts | Mapping[str, str | Parts]") -> dict[str, Parts]:
    """The parts by language; under the empty name where they are the same for all. Empty texts are left out.

    What is given is of a document that was validated, so its texts are not looked at again.
    """
    by_language = prompt if isinstance(prompt, Mapping) else {"": prompt}
    return {
        language: [
            part
            for part in ([TextPart.model_construct(text=plain)] if isinstance(plain, str) else plain)
            if not _empty(part)
        ]
        for language, plain in by_language.items()
    }


def in_language(by_language: Mapping[str, Found], language: str) -> Found:
    """What there is for a language: exactly that, or of the same language elsewhere, else the first."""
    if language in by_language:
        return by_language[language]
    near = (item for known, item in by_language.items() if known[:2] == language[:2])
    return next(near, next(iter(by_language.values())))


class SpokenText:
    """A prompt of a document, parsed once, spoken in many calls."""

    __slots__ = ("_barge_in", "_parts", "_plain", "_private")

    def __init__(
        self, prompt: "str | Parts | Mapping[str, str | Parts]", *, barge_in: bool = True, private: bool = False
    ) -> None:
        """`private`: of a private module, so that what is filled in is private, though its variables may not be."""
        self._barge_in = barge_in
        self._private = private
        self._parts = {
            language: [(Template(part.text, KINDS), part if isinstance(part, AudioPart) else None) for part in parts]
            for language, parts in parts_of(prompt).items()
        }
        self._plain: dict[str, Prompt] = {}

    async def prompt(self, call: Call) -> tuple[Prompt, ...]:
        """The prompt as this caller hears it; none where there is nothing to say."""
        language = call.language
        plain = self._plain.get(language)
        if plain is not None:
            return (plain,)
        found = in_language(self._parts, language)
        if not found:
            return ()
        parts: list[Part] = []
        for template, audio in found:
            text = await spoken(call, template, private=self._private)
            if audio is None:
                parts += _with_recordings(text)
            else:
                parts.append(_audio(audio, text, language))
        prompt = Prompt(tuple(parts), language, self._barge_in)
        if not any(template.paths for template, _ in found):
            self._plain[language] = prompt
        return (prompt,)


def _audio(part: AudioPart, text: Rendered, language: str) -> Audio:
    """The file that is meant in a language, and what is said where there is none."""
    known = {one: one for one in (*part.files, *part.words)}
    if not known:
        return Audio(part.audio, text.text, text.private)
    meant = in_language(known, language)
    ref = part.files.get(meant, part.audio)
    return Audio(ref, text.text or part.words.get(meant, ""), text.private, "" if text.text else part.audio)


async def spoken(call: Call, template: Template, *, private: bool = False) -> Rendered:
    """A text as it is said in the call's language; what is missing, or not of its type, is told in the log."""
    wrong: list[str] = []

    def said(kind: str, argument: str, text: str) -> str:
        try:
            return say(kind, argument, text, call.language)
        except ValueError as error:
            wrong.append(f"{text!r} {error}")
            return text

    rendered = template.render(call.variables, said)
    if private and template.paths:
        rendered = replace(rendered, private=True)
    for name in rendered.missing[:NAMES_SHOWN]:
        await call.log(f"Variable {name} is not defined", "error")
    for problem in wrong[:NAMES_SHOWN]:
        await call.log(PRIVATE if rendered.private else problem, "error")
    return rendered


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
