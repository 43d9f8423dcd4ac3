"""What the journal may show. Every command and event passes here on its way into it (`Run._record`)."""

from dataclasses import replace
from typing import get_args
from urllib.parse import urlsplit

from callwright.grammar.grammars import Choices, Custom, Grammar
from callwright.session.commands import (
    Collect,
    Command,
    Disconnect,
    Evaluate,
    Fetch,
    Invoke,
    Load,
    Log,
    Play,
    Record,
    Send,
    SendText,
    SetRecording,
    Transfer,
)
from callwright.session.events import (
    CalleeFound,
    Evaluated,
    EvaluationFailed,
    Event,
    Fetched,
    FetchFailed,
    HungUp,
    Invoked,
    InvokeFailed,
    Loaded,
    LoadFailed,
    Match,
    NoMatch,
    Recorded,
    SendFailed,
    TransferEnded,
)
from callwright.session.prompts import Audio, Part, Prompt, Speech

PRIVATE = "[private]"
"What stands where a private value was, in every log, transcript and callback."

_SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "x-api-key", "x-auth-token"})

_OPEN = frozenset({Log, SetRecording, Disconnect, CalleeFound})
"Nothing in these is private: whoever makes a line for the log leaves it out."

_ANSWERS = frozenset(get_args(Event)) - {Loaded}
"Private only where what they answer is. Most calls have nothing private, and each item of each call comes by here."


class Redactor:
    """Redacts the items of one run. An answer is as private as what it answers."""

    __slots__ = ("_private", "seen_private")

    def __init__(self) -> None:
        self._private = False
        self.seen_private = False
        "Something private was asked since the run began."

    def asked(self, command: Command) -> None:
        self._private = bool(getattr(command, "private", False))
        self.seen_private = self.seen_private or self._private

    def redact(self, item: Command | Event) -> Command | Event:
        """The item, or a copy without what is private."""
        kind = type(item)
        if kind in _OPEN or (kind in _ANSWERS and not self._private):
            return item
        match item:
            case Play(prompts=prompts):
                shown = _prompts(prompts)
                return item if shown is prompts else replace(item, prompts=shown)
            case Collect(prompts=prompts, private=private):
                shown = _prompts(prompts)
                if any(
                    isinstance(grammar, Custom) or (private and isinstance(grammar, Choices))
                    for grammar in item.grammars
                ):
                    item = replace(item, grammars=tuple(_grammar(grammar, private) for grammar in item.grammars))
                return item if shown is prompts else replace(item, prompts=shown)
            case Record(prompts=prompts):
                shown = _prompts(prompts)
                return item if shown is prompts else replace(item, prompts=shown)
            case Transfer():
                return _transfer(item)
            case Fetch():
                return _fetch(item)
            case Invoke():
                return _invoke(item)
            case Send() if item.private:
                return replace(item, to=(PRIVATE,), subject=PRIVATE, body=PRIVATE, reply_to="", attachments=())
            case SendText():
                return _text(item)
            case Evaluate():
                # The script and its libraries are long, and stand in the document.
                return replace(item, script="", libraries=(), scope=() if item.private else item.scope)
            case Evaluated() if self._private:
                return replace(item, value=PRIVATE, changes=tuple((root, PRIVATE) for root, _ in item.changes))
            case EvaluationFailed() if self._private:
                return replace(item, reason="The script failed")
            case Load() if item.private:
                return replace(item, application=PRIVATE)
            case Loaded():
                # A published version never changes: its number says all, in every entry of every call.
                return replace(item, application=PRIVATE if self._private else item.application, document=None)
            case Match() if self._private:
                return replace(item, value=PRIVATE, utterance=PRIVATE, others=(), recording="")
            case NoMatch() if self._private:
                return replace(item, utterance=PRIVATE, others=(), recording="")
            case Fetched() if self._private:
                return replace(item, body=PRIVATE, url=_without_query(item.url))
            case FetchFailed() if self._private:
                return replace(item, reason="The request failed")
            case Recorded() if self._private:
                return _recorded(item)
            case HungUp(recorded=Recorded() as recorded) if self._private:
                return replace(item, recorded=_recorded(recorded))
            case TransferEnded() if self._private:
                return replace(item, reason="")
            case Invoked() if self._private:
                return replace(item, result=PRIVATE)
            case InvokeFailed() | SendFailed() | LoadFailed() if self._private:
                return replace(item, reason="The request failed")
        return item


def _prompts(prompts: tuple[Prompt, ...]) -> tuple[Prompt, ...]:
    for prompt in prompts:
        for part in prompt.parts:
            if part.private:
                return _without_private(prompts)
    return prompts


def _without_private(prompts: tuple[Prompt, ...]) -> tuple[Prompt, ...]:
    return tuple(
        replace(prompt, parts=tuple(_part(part) if part.private else part for part in prompt.parts))
        for prompt in prompts
    )


def _grammar(grammar: Grammar, private: bool) -> Grammar:
    """What can be chosen may be as private as what is. An author's grammar is long, and stands in the document."""
    if isinstance(grammar, Custom):
        return replace(grammar, source="")
    return replace(grammar, choices=(), said=()) if private and isinstance(grammar, Choices) else grammar


def _part(part: Part) -> Part:
    return Speech(PRIVATE) if isinstance(part, Speech) else Audio(part.ref, PRIVATE)


def _hold(hold: Prompt | None) -> Prompt | None:
    return _prompts((hold,))[0] if hold is not None else None


def _recorded(item: Recorded) -> Recorded:
    return replace(item, audio=PRIVATE, key=PRIVATE if item.key else "")


def _transfer(item: Transfer) -> Transfer:
    item = replace(item, prompts=_prompts(item.prompts), hold=_hold(item.hold))
    if not item.private:
        return item
    headers = tuple((name, PRIVATE) for name, _ in item.headers)
    return replace(
        item, destination=PRIVATE, caller_id="", keys_after=PRIVATE if item.keys_after else "", headers=headers
    )


def _invoke(item: Invoke) -> Invoke:
    item = replace(item, hold=_hold(item.hold))
    return replace(item, arguments=tuple((name, PRIVATE) for name, _ in item.arguments)) if item.private else item


def _text(item: SendText) -> SendText:
    item = replace(item, hold=_hold(item.hold))
    return replace(item, sender=PRIVATE, to=PRIVATE, body=PRIVATE) if item.private else item


def _fetch(item: Fetch) -> Fetch:
    if item.hold is not None:
        item = replace(item, hold=_hold(item.hold))
    if item.private:
        fields = tuple((name, PRIVATE) for name, _ in item.fields)
        body = PRIVATE if item.body else ""
        return replace(item, url=_without_query(item.url), headers=(), body=body, fields=fields)
    if any(name.lower() in _SECRET_HEADERS for name, _ in item.headers):
        shown = tuple((name, PRIVATE if name.lower() in _SECRET_HEADERS else value) for name, value in item.headers)
        return replace(item, headers=shown)
    return item


def _without_query(url: str) -> str:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return PRIVATE
    # The path can hold a value too (`/pins/1234`), so only the server is shown.
    return f"{parts.scheme}://{host}{port}/{PRIVATE}" if host else PRIVATE
