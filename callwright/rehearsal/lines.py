"""What stands in the lines of a transcript: variables, keys, answers and durations (docs/reference/transcripts.md)."""

import re

from callwright.base import json_text
from callwright.base.values import Value
from callwright.grammar.grammars import KEYS
from callwright.rehearsal.simulation import FarEnd
from callwright.script.variables import NAME
from callwright.session.events import Fetched, FetchFailed
from callwright.session.redaction import PRIVATE


def variable_of(text: str) -> tuple[str, Value]:
    """`NAME = VALUE`: the value is JSON, or else text. Raises `ValueError`."""
    name, equals, value = text.partition("=")
    name, value = name.strip(), value.strip()
    if not equals or not NAME.fullmatch(name):
        raise ValueError("write NAME = VALUE; the value is JSON, or else text")
    if name == "session":
        raise ValueError("session.* is set by the platform")
    try:
        return name, json_text.loads(value)
    except ValueError:
        return name, value


def keys_of(text: str) -> str:
    """Keys of a telephone. Raises `ValueError`."""
    if text == PRIVATE:
        raise ValueError(f"{PRIVATE} stands for keys that were not kept: write the keys to press")
    if not text or not set(text) <= KEYS:
        raise ValueError(f"{text!r} are not keys of a telephone, which are 0-9, * and #")
    return text


def answer_of(text: str) -> Fetched | FetchFailed:
    """`STATUS BODY` or `fails REASON`: how a web service answers. Raises `ValueError`."""
    what, _, body = text.strip().partition(" ")
    body = body.strip()
    if what == "fails":
        return FetchFailed(0, body or "The request failed")
    if not re.fullmatch(r"[1-5]\d\d", what):
        raise ValueError("write STATUS BODY, with an HTTP status, or fails REASON")
    if body.startswith('"'):
        try:
            return Fetched(0, int(what), "text/plain", str(json_text.loads(body)))
        except ValueError:
            raise ValueError("a body in quotes is text with JSON's escapes, such as \\n and \\\"") from None
    try:
        json_text.loads(body)
    except ValueError:
        return Fetched(0, int(what), "text/plain" if body else "", body)
    return Fetched(0, int(what), "application/json", body)


def far_end_of(text: str) -> FarEnd:
    """`busy`, `no answer`, `fails REASON` or `SECONDS s`: what becomes of a transfer. Raises `ValueError`."""
    what = one_line(text)
    if what in ("busy", "no answer"):
        return FarEnd("busy" if what == "busy" else "noanswer")
    if what.split(" ")[:1] == ["fails"]:
        return FarEnd("error", reason=what.removeprefix("fails").strip())
    if seconds := _DURATION.fullmatch(what):
        return FarEnd("answers", float(seconds[1]))
    raise ValueError("write far end busy, far end no answer, far end fails REASON, or far end 35 s")


_DURATION = re.compile(r"(\d{1,6}(?:\.\d+)?) s")
SPOKEN_FOR = re.compile(r"\((\d{1,6}(?:\.\d+)?) s\)$")
CONFIDENCE = re.compile(r"\(confidence (\S*)\)$")
PORTION = re.compile(r"0(?:\.\d+)?|1(?:\.0+)?")
WORD_S = 0.4
"What a word takes to be said."


def one_line(text: str) -> str:
    return " ".join(text.split())
