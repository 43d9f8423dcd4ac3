"""A journal as the text of a `.call` transcript: what was heard and done, line by line (docs/reference/transcripts.md)."""

import json
from collections.abc import Iterable, Iterator

from callwright.session.commands import Collect, Play
from callwright.session.events import Fetched, FetchFailed, HungUp, Match, NoInput, NoMatch
from callwright.session.lines import spoken
from callwright.session.run import Entry


def transcript(entries: Iterable[Entry]) -> str:
    """One verb a line, ending with `call ends` unless the caller hung up."""
    return "".join(f"{verb:<8}{rest}".rstrip() + "\n" for verb, rest in _verbs(entries))


def _verbs(entries: Iterable[Entry]) -> Iterator[tuple[str, str]]:
    hung_up = False
    for entry in entries:
        match entry.item:
            case Play(prompts=prompts) | Collect(prompts=prompts):
                yield from (("hears", _one_line(spoken(prompt))) for prompt in prompts)
            case Match(utterance=keys) | NoMatch(utterance=keys):
                yield "presses", keys
            case NoInput():
                yield "silence", ""
            case Fetched(status=status, body=body):
                yield "service", f"{status} {_body(body)}"
            case FetchFailed(reason=reason):
                yield "service", f"fails {_one_line(reason)}"
            case HungUp(by="caller"):
                hung_up = True
                yield "hangs up", ""
    if not hung_up:
        yield "call ends", ""


def _body(text: str) -> str:
    try:
        return json.dumps(json.loads(text), ensure_ascii=False)
    except ValueError:
        return _one_line(text)


def _one_line(text: str) -> str:
    return " ".join(text.split())
