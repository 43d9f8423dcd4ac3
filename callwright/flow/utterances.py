"""What callers say for a choice, as authors write it: words, several wordings with commas between, for each language."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from callwright.flow.spoken import Language, in_language
from callwright.grammar.words import words_of

Wordings = Annotated[str, Field(max_length=500)]
Utterance = Wordings | Annotated[dict[Language, Wordings], Field(min_length=1, max_length=50)]
TITLE = "What callers say for it, with commas between wordings; empty: its value"


def wordings(utterance: str | Mapping[str, str], language: str, value: str) -> tuple[str, ...]:
    """Each wording in that language; the value where none was written. None at all where that is no word either."""
    written = utterance if isinstance(utterance, str) else in_language(utterance, language)
    return tuple(one.strip() for one in (written.strip() or value).split(",") if words_of(one))
