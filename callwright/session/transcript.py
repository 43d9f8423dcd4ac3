"""A journal as the text of a `.call` transcript: what was heard and done, line by line (docs/reference/transcripts.md)."""

import json
from collections.abc import Iterable, Iterator

from callwright.base import json_text
from callwright.session.commands import Collect, Command, Play, Record, Transfer
from callwright.session.events import (
    CalleeFound,
    Event,
    Fetched,
    FetchFailed,
    HungUp,
    Invoked,
    InvokeFailed,
    Match,
    NoInput,
    NoMatch,
    Recorded,
    SendFailed,
    Sent,
    Started,
    TransferEnded,
)
from callwright.session.lines import spoken
from callwright.session.run import Entry

NOTHING = "..."
"What was said, where nothing of it was understood."


def transcript(entries: Iterable[Entry]) -> str:
    """One verb a line, ending with `call ends` unless the caller hung up."""
    return "".join(f"{verb:<8}{rest}".rstrip() + "\n" for verb, rest in _verbs(entries))


def _verbs(entries: Iterable[Entry]) -> Iterator[tuple[str, str]]:
    over = by_text = False
    for entry in entries:
        item = entry.item
        by_text = by_text or (isinstance(item, Started) and bool(item.text))
        if by_text and isinstance(item, TransferEnded):
            # No far end was reached, as always in a conversation by text.
            continue
        if over and isinstance(item, CalleeFound):
            # Nothing but services comes after the call.
            continue
        left = "" if over else _left(item)
        over = over or bool(left)
        # What was in progress comes before the hang-up; a service's answer comes after it.
        if left and not isinstance(item, HungUp):
            yield left, ""
        yield from _of(item)
        if left and isinstance(item, HungUp):
            yield left, ""
    if not over:
        yield "call ends", ""


def _of(item: Command | Event) -> Iterator[tuple[str, str]]:
    match item:
        case Play(prompts=prompts) | Collect(prompts=prompts) | Record(prompts=prompts) | Transfer(prompts=prompts):
            yield from (("hears", _one_line(words)) for prompt in prompts if (words := spoken(prompt)))
        case (
            Match(utterance=said, mode="voice", confidence=sure)
            | NoMatch(utterance=said, mode="voice", confidence=sure)
        ):
            yield "says", f"{said or NOTHING}{f' (confidence {sure:g})' if said and sure < 1 else ''}"
        case CalleeFound(callee_type=found):
            yield "callee", found
        case Started(text=text) if text:
            yield "texts", _one_line(text)
        case Match(utterance=text, mode="text") | NoMatch(utterance=text, mode="text"):
            yield "texts", text
        case Match(utterance=pressed) | NoMatch(utterance=pressed):
            yield "presses", pressed
        case NoInput():
            yield "silence", ""
        case Recorded(duration_s=seconds, terminated_by=ended, key=key):
            if ended != "stopped" and seconds:
                yield "says", f"({seconds:g} s)"
            if ended == "beep":
                yield "beeps", ""
            if key:
                yield "presses", key
        case TransferEnded(outcome=outcome, duration_s=seconds, reason=reason):
            yield "far end", _FAR_END.get(outcome) or (f"fails {reason}" if outcome == "error" else f"{seconds:g} s")
        case HungUp(recorded=Recorded() as recorded):
            yield "says", f"({recorded.duration_s:g} s)"
        case HungUp(transferred_s=float() as seconds):
            yield "far end", f"{seconds:g} s" if seconds else _FAR_END["noanswer"]
        case Fetched(status=status, body=body):
            yield "service", f"{status} {_body(body)}"
        case Invoked(result=result):
            yield "service", f"200 {json.dumps(result, ensure_ascii=False)}"
        case Sent():
            yield "service", "250"
        case FetchFailed(reason=reason) | InvokeFailed(reason=reason) | SendFailed(reason=reason):
            yield "service", f"fails {_one_line(reason)}"


_FAR_END = {"noanswer": "no answer", "busy": "busy"}


def _left(item: Command | Event) -> str:
    """Who has ended the call, if this did."""
    if isinstance(item, HungUp):
        return "hangs up" if item.by == "caller" else "call ends"
    return "hangs up" if getattr(item, "caller_gone", False) else ""


def _body(text: str) -> str:
    """A body on one line: JSON as it is, other text as it is, or quoted where it would be read as something else."""
    try:
        value = json_text.loads(text)
    except ValueError:
        as_it_is = text == _one_line(text) and not text.startswith('"')
        return text if as_it_is else json.dumps(text, ensure_ascii=False)
    return json.dumps(text if isinstance(value, str) else value, ensure_ascii=False)


def _one_line(text: str) -> str:
    return " ".join(text.split())
