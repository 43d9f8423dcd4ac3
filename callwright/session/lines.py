"""The detailed call log as Plum shows it, from the journal (docs/compatibility/fuse-call-log.md).

`class` is info, event, debug, prompt or error; in `data` only `module_type` and `result_variable` are
guaranteed, the rest may change.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from xml.sax.saxutils import unescape

from callwright.base.values import Value
from callwright.session.commands import (
    Collect,
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
    EvaluationFailed,
    Fetched,
    FetchFailed,
    HungUp,
    Invoked,
    InvokeFailed,
    LoadFailed,
    Match,
    NoInput,
    NoMatch,
    Recorded,
    SendFailed,
    Started,
    TransferEnded,
)
from callwright.session.prompts import RECORDING, SSML, Audio, Prompt, Speech
from callwright.session.run import Entry

_TAG = re.compile(r"<[^>]*>")

BODY_SHOWN_MAX = 2000
"Characters of a web service's answer that a debug line shows."


@dataclass(frozen=True, slots=True)
class Line:
    """One entry of the detailed log."""

    at: int
    "UNIX seconds."

    level: str
    line: str
    data: dict[str, Value] = field(default_factory=dict)

    def as_plum(self) -> dict[str, Value]:
        """The object of docs/compatibility/fuse-call-log.md, in the order of its keys."""
        return {"event": {"line": self.line, "data": self.data}, "class": self.level, "timestamp": self.at}


def lines(entries: Iterable[Entry]) -> Iterator[Line]:
    """The log of one call, oldest first."""
    for entry in entries:
        guaranteed: dict[str, Value] = {
            "module_type": entry.module.type if entry.module else "call",
            "result_variable": entry.module.name if entry.module else "",
        }
        for level, line, data in _told(entry):
            yield Line(int(entry.at), level, line, data | guaranteed)


def error_of(entry: Entry) -> str:
    """What went wrong, on one line; empty where the entry tells of nothing that did."""
    match entry.item:
        case Log(level="error") | EvaluationFailed() | FetchFailed() | InvokeFailed() | SendFailed() | LoadFailed():
            return "; ".join(" ".join(line.split()) for _, line, _ in _told(entry))
    return ""


_Told = tuple[str, str, dict[str, Value]]


def _told(entry: Entry) -> Iterator[_Told]:
    item = entry.item
    match item:
        case Play(prompts=prompts):
            yield from map(_prompt, prompts)
        case Collect(prompts=prompts) | Record(prompts=prompts):
            yield from map(_prompt, prompts)
        case Recorded():
            yield "event", f"Recorded {item.duration_s:g} s, ended by {item.terminated_by}", {"audio": item.audio}
        case Transfer(prompts=prompts, destination=destination):
            yield from map(_prompt, prompts)
            yield "info", f"Transfer to {destination}", {}
        case TransferEnded(outcome=outcome, duration_s=duration):
            yield "event", f"Transfer ended: {outcome}", {"duration": duration, "reason": item.reason}
        case Started(text=text) if text:
            yield "event", f"Text: {text}", {}
        case CalleeFound(callee_type=found, cause=cause):
            yield "event", f"Callee type: {found}", {"cause": cause}
        case Match(utterance=utterance, mode=mode):
            yield "event", f"User input: {utterance} ({mode})", {}
        case NoMatch(utterance=utterance, mode=mode):
            yield "event", f"No match: {utterance or 'nothing was understood'} ({mode})", {}
        case NoInput():
            yield "event", "No input", {}
        case Fetch(method=method, url=url, body=body):
            yield "info", f"{method} {url}", {"body": body} if body else {}
        case Fetched(status=status, body=body, url=url):
            yield "debug", f"Response {status}", {"url": url, "body": body[:BODY_SHOWN_MAX]}
        case FetchFailed(reason=reason):
            yield "error", f"Request failed: {reason}", {}
        case Invoke(integration=integration, operation=operation, arguments=arguments):
            yield "info", f"{integration}: {operation}", dict(arguments)
        case Invoked(result=result):
            yield "debug", "Response", {"body": json.dumps(result, ensure_ascii=False)[:BODY_SHOWN_MAX]}
        case InvokeFailed(reason=reason):
            yield "error", f"Request failed: {reason}", {}
        case Send(to=to, subject=subject):
            yield "info", f"E-mail to {', '.join(to)}: {subject}", {}
        case SendText(sender=sender, to=to, body=body):
            yield "info", f"Text to {to}", {"from": sender, "body": body}
        case SendFailed(reason=reason):
            yield "error", f"Not sent: {reason}", {}
        case EvaluationFailed(reason=reason):
            yield "error", reason, {}
        case Load(application=application):
            yield "info", f"Application {application}", {}
        case LoadFailed(reason=reason):
            yield "error", f"Application not found: {reason}", {}
        case SetRecording(on=on):
            yield "info", "Recording started" if on else "Recording stopped", {}
        case HungUp(by="application", transferred_s=float()):
            yield "event", "Transferred: the call goes on elsewhere", {}
        case HungUp(by=by):
            yield (
                "event",
                {"caller": "Caller hung up", "application": "Disconnected"}.get(by, "Call ended by the platform"),
                {},
            )
        case Log(line=line, level=level, data=data):
            yield level, line, dict(data)


def _prompt(prompt: Prompt) -> _Told:
    has_audio = any(isinstance(part, Audio) for part in prompt.parts)
    return "prompt", spoken(prompt), {"type": "static", "has_audio": has_audio, "language": prompt.language}


def spoken(prompt: Prompt) -> str:
    """What a caller hears, in words; an audio file by its text, or its name where it has none."""
    return " ".join(
        words(part.text)
        if isinstance(part, Speech)
        else part.name or part.fallback or RECORDING.sub("(recording)", part.ref)
        for part in prompt.parts
    )


def words(text: str) -> str:
    """What is said of a text, without its markup."""
    text = text.strip()
    if not text.startswith(SSML):
        return text
    return " ".join(unescape(_TAG.sub(" ", text)).split())
