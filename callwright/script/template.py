"""Text with variables in it: `Hello {{ first_name }}`. Parsed once, rendered for each call."""

import re
from dataclasses import dataclass

from callwright.base.errors import AuthorError
from callwright.script.variables import MISSING, Path, Variables, parse_path, text_of

_FIELD = re.compile(r"\{\{\s*(.*?)\s*\}\}")

RENDERED_MAX = 100_000
"Characters of a rendered text."


@dataclass(frozen=True, slots=True)
class Rendered:
    """A text with its variables filled in."""

    text: str
    private: bool = False
    "A private value is in it."

    missing: tuple[str, ...] = ()
    "Variables that were not there; the text has nothing in their place."


class Template:
    """A parsed text. Raises `AuthorError` where a field is not a variable path."""

    __slots__ = ("_fixed", "_pieces")

    def __init__(self, source: str) -> None:
        self._pieces: list[str | tuple[str, Path]] = []
        at = 0
        for found in _FIELD.finditer(source):
            if found.start() > at:
                self._pieces.append(source[at : found.start()])
            self._pieces.append((found[1], parse_path(found[1])))
            at = found.end()
        if at < len(source):
            self._pieces.append(source[at:])
        fixed = all(isinstance(piece, str) for piece in self._pieces)
        self._fixed = Rendered(source) if fixed else None

    @property
    def paths(self) -> list[Path]:
        """The variables that it reads."""
        return [piece[1] for piece in self._pieces if not isinstance(piece, str)]

    @property
    def whole(self) -> Path | None:
        """The variable that is all of the text, as in `{{ order }}`."""
        return self._pieces[0][1] if len(self._pieces) == 1 and not isinstance(self._pieces[0], str) else None

    def render(self, variables: Variables) -> Rendered:
        """Raises `AuthorError` where the text becomes too long."""
        if self._fixed is not None:
            return self._fixed
        texts: list[str] = []
        missing: list[str] = []
        private = False
        for piece in self._pieces:
            if isinstance(piece, str):
                texts.append(piece)
                continue
            name, path = piece
            value = variables.get(path)
            if value is MISSING:
                missing.append(name)
            private = private or variables.is_private(path)
            texts.append(text_of(value))
        text = "".join(texts)
        if len(text) > RENDERED_MAX:
            raise AuthorError(f"A text became longer than {RENDERED_MAX} characters when its variables were filled in")
        return Rendered(text, private, tuple(missing))
