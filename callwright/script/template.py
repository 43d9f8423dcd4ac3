"""Text with variables in it: `Hello {{ first_name }}`. Parsed once, rendered for each call."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

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


Say = Callable[[str, str, str], str]
"How a value is said: its type, the type's argument, and the value as text."


@dataclass(frozen=True, slots=True)
class _Field:
    """A variable in a text: `{{ order.price | currency:EUR }}`."""

    name: str
    path: Path
    kind: str = ""
    argument: str = ""


class Template:
    """A parsed text. `kinds` are the types that values may be said as; without them a field is a variable and no more.

    Raises `AuthorError` where a field is not one.
    """

    __slots__ = ("_fixed", "_is_markup", "_pieces")

    def __init__(self, source: str, kinds: Sequence[str] = ()) -> None:
        self._pieces = _pieces(source, kinds) if "{{" in source else [source]
        fixed = all(isinstance(piece, str) for piece in self._pieces)
        self._fixed = Rendered(source) if fixed else None
        # What is filled into markup must not become markup.
        self._is_markup = bool(kinds) and source.lstrip().startswith("<speak")

    @property
    def paths(self) -> list[Path]:
        """The variables that it reads."""
        return [piece.path for piece in self._pieces if isinstance(piece, _Field)]

    @property
    def kinds(self) -> list[str]:
        """The types as which its variables are said."""
        return [piece.kind for piece in self._pieces if isinstance(piece, _Field) and piece.kind]

    @property
    def whole(self) -> Path | None:
        """The variable that is all of the text, as in `{{ order }}`."""
        first = self._pieces[0] if len(self._pieces) == 1 else ""
        return first.path if isinstance(first, _Field) else None

    def with_all(self, text: str) -> str:
        """The text with this in place of each variable."""
        return "".join(piece if isinstance(piece, str) else text for piece in self._pieces)

    def render(self, variables: Variables, say: Say | None = None) -> Rendered:
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
            value = variables.get(piece.path)
            if value is MISSING:
                missing.append(piece.name)
            private = private or (bool(variables.private) and variables.is_private(piece.path))
            text = value if isinstance(value, str) else text_of(value)
            if piece.kind and say is not None:
                text = say(piece.kind, piece.argument, text)
            texts.append(escape(text) if self._is_markup else text)
        text = "".join(texts)
        if len(text) > RENDERED_MAX:
            raise AuthorError(f"A text became longer than {RENDERED_MAX} characters when its variables were filled in")
        return Rendered(text, private, tuple(missing))


def _pieces(source: str, kinds: Sequence[str]) -> "list[str | _Field]":
    pieces: list[str | _Field] = []
    at = 0
    for found in _FIELD.finditer(source):
        if found.start() > at:
            pieces.append(source[at : found.start()])
        pieces.append(_field(found[1], kinds))
        at = found.end()
    if at < len(source):
        pieces.append(source[at:])
    return pieces


def _field(text: str, kinds: Sequence[str]) -> _Field:
    name, bar, kind = (piece.strip() for piece in text.partition("|"))
    if not bar or not kinds:
        return _Field(text, parse_path(text))
    kind, _, argument = (piece.strip() for piece in kind.partition(":"))
    if kind not in kinds:
        raise AuthorError(f"{kind!r} is no type that can be said; there are {', '.join(kinds)}")
    return _Field(name, parse_path(name), kind, argument)
