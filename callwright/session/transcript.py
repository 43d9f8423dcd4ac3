"""A journal as the text of a `.call` transcript: what was heard and done, line by line (docs/reference/transcripts.md)."""

import json
from collections.abc import Iterable, Iterator

from callwright.base import json_text
from callwright.session.commands import Collect, Command, Play
from callwright.session.events import Event, Fetched, FetchFailed, HungUp, Match, NoInput, NoMatch
from callwright.session.lines import spoken
from callwright.session.run import Entry


def transcript(entries: Iterable[Entry]) -> str:
    """One verb a line, ending with `call ends` unless the caller hung up."""
    return "".join(f"{verb:<8}{rest}".rstrip() + "\n" for verb, rest in _verbs(entries))


def _verbs(entries: Iterable[Entry]) -> Iterator[tuple[str, str]]:
    hung_up = False
    for entry in entries:
        if not hung_up and _caller_left(entry.item):
            hung_up = True
            yield "hangs up", ""
        match entry.item:
            case Play(prompts=prompts) | Collect(prompts=prompts):
                yield from (("hears", _one_line(words)) for prompt in prompts if (words := spoken(prompt)))
            case Match(utterance=keys) | NoMatch(utterance=keys):
                yield "presses", keys
            case NoInput():
                yield "silence", ""
            case Fetched(status=status, body=body):
                yield "service", f"{status} {_body(body)}"
            case FetchFailed(reason=reason):
                yield "service", f"fails {_one_line(reason)}"
    if not hung_up:
        yield "call ends", ""


def _caller_left(item: Command | Event) -> bool:
    return item.by == "caller" if isinstance(item, HungUp) else getattr(item, "caller_gone", False)


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
