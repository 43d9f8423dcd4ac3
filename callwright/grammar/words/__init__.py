"""Speech: what may be said where a grammar listens, and what the words mean. One file a language.

A language's file is a grammar (JSGF) whose rules have these names; their meanings are what one would press instead:

| rule | what is said | its meaning |
|---|---|---|
| `yes`, `no` | agreement and refusal | – |
| `digit` | one digit | the digit |
| `whole` | a number from zero on | digits, zeros in front allowed |
| `point` | between a number and its decimal places | – |
| `amount` | an amount of money | digits, `*` and two digits where there are cents |
| `date` | a day of a year | `yyyymmdd` |
| `time` | a time that is clear by itself | `hhmm`, of 24 hours |
| `time_24` | that, or one on the clock of 24 hours | `hhmm` |
| `between` | what may stand between a date and a time | – |
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

from callwright.grammar.grammars import Choices, Custom, Digits, Grammar, Moment, Number, meaning
from callwright.grammar.rules import Matching, Node, OneOf, Ref, Repeat, Rules, Series, Tag, Token
from callwright.grammar.text_grammars import parse_jsgf
from callwright.grammar.words import en

_FILES = {"en": en.RULES}
LANGUAGES = tuple(_FILES)
"In which digits, numbers, dates and yes or no can be said: the first letters of a language tag."

YES, NO = "<yes>", "<no>"
"In `Choices.said`: all that means so in the caller's language."

_KEYS = frozenset("0123456789*#")
_ROOT = "said"
_ANOTHER_DIGIT = Series((Ref("digit"), Tag("out += rules.digit")))


def words_of(text: str) -> tuple[str, ...]:
    """A text as words: lower case, without punctuation."""
    text = text.lower().replace("\u2019", "'")
    return tuple("".join(sign if sign.isalnum() or sign == "'" else " " for sign in text).split())


def spoken(grammar: Grammar, language: str) -> Rules | None:
    """What may be said; None where nothing can: a grammar of keys, or a kind that the language has no words for.

    Raises `AuthorError` for an author's grammar that cannot be read.
    """
    known = _rules(language[:2])
    match grammar:
        case Custom(format=format, source=source):
            return _with_words_only(format, source)
        case Choices(said=choices):
            root: Node = OneOf(tuple(_phrase(phrase) for phrase, _ in choices if known or phrase not in (YES, NO)))
            return Rules(_ROOT, {**known, _ROOT: root}, "voice")
        case Digits(digits_min=least, digits_max=most):
            root = Repeat(_ANOTHER_DIGIT, least, most)
        case Number():
            root = _number(grammar)
        case Moment():
            root = _moment(grammar)
    return Rules(_ROOT, {**known, _ROOT: root}, "voice") if known else None


def said(grammar: Grammar, words: Sequence[str], language: str) -> str | None:
    """What these words mean if they are all that was said; None where the grammar does not accept them."""
    if isinstance(grammar, Choices):
        return next((value for phrase, value in grammar.said if _is_said(phrase, words, language)), None)
    rules = spoken(grammar, language)
    found = Matching(rules, words).meaning() if rules is not None and words else None
    if found is None or isinstance(grammar, Custom):
        return found
    if isinstance(grammar, Moment):
        grammar = Moment(grammar.id, "yyyymmdd" if grammar.date else "", "24" if grammar.time else "")
    return meaning(grammar, found)


@lru_cache(maxsize=len(_FILES) + 1)
def _rules(language: str) -> dict[str, Node]:
    return dict(parse_jsgf(_FILES[language]).rules) if language in _FILES else {}


def _is_said(phrase: str, words: Sequence[str], language: str) -> bool:
    if phrase not in (YES, NO):
        return bool(words) and words_of(phrase) == tuple(words)
    known = _rules(language[:2])
    return bool(known) and Matching(Rules(phrase[1:-1], known, "voice"), words).meaning() is not None


def _phrase(phrase: str) -> Node:
    """A choice's words, or all that a rule has."""
    return Ref(phrase[1:-1]) if phrase in (YES, NO) else Series(tuple(Token(word) for word in words_of(phrase)))


def _number(number: Number) -> Node:
    whole = Series((Ref("whole"), Tag("out = rules.whole")))
    places = Series(
        (Ref("point"), Tag('out += "*"'), Repeat(_ANOTHER_DIGIT, max(number.decimals_min, 1), number.decimals_max))
    )
    written: Node = whole
    if number.decimals_max:
        written = OneOf((Series((whole, places if number.decimals_min else Repeat(places, 0, 1))), places))
    return OneOf((Series((Ref("amount"), Tag("out = rules.amount"))), written)) if number.currency else written


def _moment(moment: Moment) -> Node:
    day = (Ref("date"), Tag("out += rules.date")) if moment.date else ()
    between = (Ref("between"),) if moment.date and moment.time else ()
    rule = "time" if moment.time == "12" else "time_24"
    clock = (Ref(rule), Tag(f"out += rules.{rule}")) if moment.time else ()
    return Series((*day, *between, *clock))


@lru_cache(maxsize=1_000)
def _with_words_only(format: Literal["srgs", "abnf", "jsgf"], source: str) -> Rules | None:
    """An author's grammar with its tokens as recognised words are written; keys cannot be said."""
    rules = Custom("", format, source).rules
    if rules.mode == "dtmf":
        return None
    made = {name: _spelled(node, keys=rules.mode is None) for name, node in rules.rules.items()}
    return Rules(rules.root, made, "voice")


def _spelled(node: Node, *, keys: bool) -> Node:
    match node:
        case Token(text=text):
            if keys and set(text) <= _KEYS:
                return OneOf()
            words = words_of(text)
            return Token(words[0]) if len(words) == 1 else Series(tuple(Token(word) for word in words))
        case Series(items=items):
            return Series(tuple(_spelled(item, keys=keys) for item in items))
        case OneOf(items=items):
            return OneOf(tuple(_spelled(item, keys=keys) for item in items))
        case Repeat(item=item):
            return Repeat(_spelled(item, keys=keys), node.least, node.most)
    return node
