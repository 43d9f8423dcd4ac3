"""What is odd about an application that can be built: as data, for the command line, the console and publishing."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel

from callwright.base.errors import AuthorError
from callwright.flow.application import Application, Page
from callwright.flow.audio_names import AudioTable, audio_parts
from callwright.flow.engine import MODULES_MAX
from callwright.flow.input_module import AskingModule, InputModule
from callwright.flow.input_settings import NO_INPUT, NO_MATCH, Failures
from callwright.flow.module import Module
from callwright.flow.modules.email import Email
from callwright.flow.modules.go_to_app import GoToApp
from callwright.flow.modules.rest import Rest
from callwright.flow.modules.sms import Sms
from callwright.flow.modules.soap import Soap
from callwright.flow.modules.subdialog import Subdialog
from callwright.flow.modules.transfer import Transfer
from callwright.flow.say_as import KINDS, TABLES
from callwright.script.template import Template
from callwright.script.variables import Path

SESSION: tuple[tuple[str, ...], ...] = (
    ("id",), ("name",), ("text",), ("connection", "ani"), ("connection", "dnis"), ("connection", "callee_type"),
    ("connection", "protocol", "sip", "headers"),
)  # fmt: skip
"The platform's own variables, below `session` (docs/compatibility/fuse-variables.md)."


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is odd. An error keeps a draft from being published; a warning does not."""

    level: Literal["error", "warning"]
    kind: Literal["variable", "unreachable", "cycle", "audio", "language", "unfinished"]
    message: str
    page: str = ""
    module: str = ""

    def __str__(self) -> str:
        place = ", ".join(f"{what} {name!r}" for what, name in (("page", self.page), ("module", self.module)) if name)
        return f"{self.level}: {place + ': ' if place else ''}{self.message}"


@dataclass(frozen=True, slots=True)
class Dependencies:
    """What an application needs from outside."""

    applications: list[str] = field(default_factory=list)
    services: list[str] = field(default_factory=list)
    "URLs as they are written, of REST, SOAP, subdialogs and the post-call web service."

    transfers: list[str] = field(default_factory=list)
    "Destinations as they are written."

    mail: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    "Numbers that texts are sent from, as they are written."

    audio: list[str] = field(default_factory=list)
    "Names of the audio manager."

    variables: list[str] = field(default_factory=list)
    "That it reads and never sets: they have to come with the call."


def inspect(application: Application, audio: AudioTable | None = None) -> list[Finding]:
    """Everything odd, errors first. `audio`: what the audio manager has, where that is known."""
    findings = [
        *_variables(application),
        *_unreachable(application),
        *_cycles(application),
        *_languages(application),
        *(_audio(application, audio) if audio is not None else ()),
        *_unfinished(application),
    ]
    return sorted(findings, key=lambda finding: finding.level)


def dependencies(application: Application) -> Dependencies:
    modules = [module for _, module in _modules(application)]
    services = [*modules, *([application.post_call] if application.post_call else [])]
    urls = [one.url for one in services if isinstance(one, Rest | Subdialog)] + [
        one.wsdl for one in services if isinstance(one, Soap)
    ]
    transfers = [one.destination for one in modules if isinstance(one, Transfer)]
    transfers += [one.transfer_to for one in _all_failures(application) if one.transfer_to]
    unknown = (name for _, _, name in _unknown(application))
    return Dependencies(
        applications=_distinct(module.application for module in modules if isinstance(module, GoToApp)),
        services=_distinct(urls),
        transfers=_distinct(transfers),
        mail=_distinct(module.to for module in modules if isinstance(module, Email)),
        texts=_distinct(module.sender for module in modules if isinstance(module, Sms)),
        audio=_distinct(part.audio for _, _, part in audio_parts(application) if part.is_name),
        variables=_distinct(unknown),
    )


def _distinct(names: Iterable[str]) -> list[str]:
    return sorted(set(names))


def _modules(application: Application) -> Iterator[tuple[Page, Module]]:
    for page in application.pages:
        for module in page.modules:
            if module.runs:
                yield page, module


# -- variables ------------------------------------------------------------------------------------


def _read(application: Application) -> Iterator[tuple[str, str, set[Path]]]:
    """(page, module, variables) of everything that reads some; page and module are empty for the application's settings."""
    yield "", "", {*_fields(application.hold), *_fields(application.input.model_dump())}
    places: list[tuple[str, Module]] = [(page.name, module) for page, module in _modules(application)]
    if application.post_call is not None:
        places.append(("", application.post_call))
    for page_name, module in places:
        fields = _fields(module.model_dump(exclude={"name", "type", "exits"}))
        yield page_name, module.name, {*module.reads(), *fields}


def _unknown(application: Application) -> Iterator[tuple[str, str, str]]:
    """(page, module, variable) of each variable that is read and never set."""
    known = {*application.variables, "session", "lastresult$"}
    for _, module in _modules(application):
        known.update(module.writes())
    known_shadows = known | {f"{name}$" for name in known}
    for page_name, module_name, paths in _read(application):
        for name in sorted({str(path[0]) for path in paths} - known_shadows):
            yield page_name, module_name, name


def _fields(value: object) -> Iterator[Path]:
    """All `{{ fields }}` in a document's value."""
    if isinstance(value, str):
        try:
            yield from Template(value, KINDS).paths
        except AuthorError:
            # Braces that are none, in a field that holds no text with variables.
            return
    elif isinstance(value, BaseModel):
        yield from _fields(value.model_dump())
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _fields(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _fields(item)


def _is_of_session(path: Path) -> bool:
    """Whether the platform has such a variable, or may have it in some calls."""
    for known in SESSION:
        if path[1 : len(known) + 1] == known[: len(path) - 1]:
            return len(path) <= len(known) + 1 or known[-1] == "headers" or path[len(known) + 1 :] == ("length",)
    return False


def _variables(application: Application) -> Iterator[Finding]:
    for page, module, paths in _read(application):
        for path in sorted((one for one in paths if one[0] == "session" and not _is_of_session(one)), key=str):
            name, known = ".".join(map(str, path)), ", ".join(f"session.{'.'.join(one)}" for one in SESSION)
            yield Finding("warning", "variable", f"there is no variable {name}; there are {known}", page, module)
    for page, module, name in _unknown(application):
        message = f"variable {name} is never set here; it has to come with the call"
        yield Finding("warning", "variable", message, page, module)


# -- ways through the application -----------------------------------------------------------------


def _leads_to(application: Application) -> dict[str, list[str]]:
    """The modules that each module can lead to, by name."""
    starts = {page.name: module.name for page, module in _modules(application) if module.type == "start"}
    graph = {}
    for _, module in _modules(application):
        pages = [*module.leads_to_pages(), *(application.input.leads_to_pages() if module.waits else ())]
        graph[module.name] = [*module.exits.values(), *(starts[page] for page in pages)]
    return graph


def _unreachable(application: Application) -> Iterator[Finding]:
    graph = _leads_to(application)
    first = next(module.name for module in application.pages[0].modules if module.type == "start")
    seen, waiting = {first}, [first]
    while waiting:
        fresh = [name for name in graph[waiting.pop()] if name not in seen]
        seen.update(fresh)
        waiting += fresh
    for page, module in _modules(application):
        if module.name not in seen:
            yield Finding("warning", "unreachable", "no call can come here", page.name, module.name)


def _cycles(application: Application) -> Iterator[Finding]:
    """Modules that lead back to themselves without anybody being asked for anything."""
    graph = _leads_to(application)
    waits = {module.name for _, module in _modules(application) if module.waits}
    counters = {module.name for _, module in _modules(application) if module.type == "counter"}
    places = {module.name: page.name for page, module in _modules(application)}
    silent = {name: [to for to in leads if to not in waits] for name, leads in graph.items() if name not in waits}
    for circle in _circles(silent):
        names = sorted(circle)
        endless = all(to in circle for name in circle for to in graph[name]) and all(graph[name] for name in circle)
        if not endless and circle & counters:
            # That is how an author says how often.
            continue
        way = "and never end" if endless else "as often as their exits let them"
        message = (
            f"{', '.join(names)} lead back to themselves without asking anything, {way} (at most {MODULES_MAX} modules)"
        )
        yield Finding("error" if endless else "warning", "cycle", message, places[names[0]], names[0])


def _circles(graph: Mapping[str, list[str]]) -> Iterator[set[str]]:
    """Strongly connected sets of more than one module, or of one that leads to itself (Tarjan, without recursion)."""
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    on_stack: set[str] = set()
    for root in graph:
        if root in number:
            continue
        work = [(root, iter(graph[root]))]
        number[root] = low[root] = len(number)
        stack.append(root)
        on_stack.add(root)
        while work:
            name, leads = work[-1]
            following = next(leads, None)
            if following is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[name])
                if low[name] == number[name]:
                    found = set()
                    while True:
                        member = stack.pop()
                        on_stack.discard(member)
                        found.add(member)
                        if member == name:
                            break
                    if len(found) > 1 or name in graph[name]:
                        yield found
            elif following not in number:
                number[following] = low[following] = len(number)
                stack.append(following)
                on_stack.add(following)
                work.append((following, iter(graph[following])))
            elif following in on_stack:
                low[name] = min(low[name], number[following])


# -- audio and languages --------------------------------------------------------------------------


def _prompts(application: Application) -> Iterator[tuple[str, str, object]]:
    """(page, module, prompt) of everything that may be a prompt, as the models hold it."""
    yield "", "", application.hold
    for name in ("no_match", "no_input"):
        # What nobody has written speaks the languages that the platform does.
        if name in application.input.model_fields_set:
            yield from (("", "", prompt) for prompt in getattr(application.input, name).attempts)
    for page, module in _modules(application):
        for name in ("prompt", "hold"):
            if hasattr(module, name):
                yield page.name, module.name, getattr(module, name)
        yield from ((page.name, module.name, prompt) for own in _failures(module) for prompt in own.attempts)


def _failures(module: Module) -> Iterator[Failures]:
    """What the module says of failed attempts itself."""
    found = (getattr(module, name, None) for name in ("no_match", "no_input"))
    yield from (failures for failures in found if failures is not None)


def _all_failures(application: Application) -> Iterator[Failures]:
    yield from (application.input.no_match, application.input.no_input)
    for _, module in _modules(application):
        yield from _failures(module)


def _languages(application: Application) -> Iterator[Finding]:
    spoken = (application.language, *application.languages)
    for page, module, prompt in _prompts(application):
        if isinstance(prompt, Mapping):
            missing = [language for language in spoken if not any(known[:2] == language[:2] for known in prompt)]
            if missing:
                yield Finding("warning", "language", f"the prompt has nothing in {', '.join(missing)}", page, module)
        typed = sorted(_types(prompt))
        english = [language for language in spoken if language[:2] not in TABLES] if typed else []
        if english:
            message = f"{', '.join(typed)} are said in English where the call is in {', '.join(english)}"
            yield Finding("warning", "language", message, page, module)
    yield from _apologies(application, spoken)


def _types(prompt: object) -> set[str]:
    """The types as which a prompt's variables are said."""
    if isinstance(prompt, str):
        return set(Template(prompt, KINDS).kinds)
    forms = prompt.values() if isinstance(prompt, Mapping) else prompt if isinstance(prompt, list) else ()
    return {kind for form in forms for kind in _types(form if isinstance(form, str | list) else form.text)}


def _apologies(application: Application, spoken: Iterable[str]) -> Iterator[Finding]:
    """What is said after failed attempts where nobody has written anything, which not every language has."""
    for name, said, kind in (("no_match", NO_MATCH, InputModule), ("no_input", NO_INPUT, AskingModule)):
        asks = any(isinstance(one, kind) and getattr(one, name) is None for _, one in _modules(application))
        missing = [language for language in spoken if not any(known[:2] == language[:2] for known in said)]
        if asks and missing and name not in application.input.model_fields_set:
            message = f"input.{name} is not written, and what is said in its place is English in {', '.join(missing)}"
            yield Finding("warning", "language", message)


def _audio(application: Application, audio: AudioTable) -> Iterator[Finding]:
    spoken = (application.language, *application.languages)
    for page, module, part in audio_parts(application):
        known = audio.named.get(part.audio, {}) if part.is_name else {}
        recorded = [language for language, one in known.items() if one.file]
        if part.is_name and recorded:
            missing = ", ".join(language for language in spoken if language not in recorded)
            if missing:
                yield Finding("warning", "audio", f"audio file {part.audio!r} is missing in {missing}", page, module)
        elif part.is_name or (part.audio.startswith("sha256:") and part.audio not in audio.files):
            has_words = bool(part.text or any(one.words for one in known.values()))
            message = f"there is no audio file {part.audio!r}" + ("; its words are spoken" if has_words else "")
            yield Finding("warning" if has_words else "error", "audio", message, page, module)


def _unfinished(application: Application) -> Iterator[Finding]:
    for page, module in _modules(application):
        if isinstance(module, Subdialog):
            message = (
                "a subdialog needs a VoiceXML interpreter, which there is not yet: calls leave by error, or end here"
            )
            yield Finding("warning", "unfinished", message, page.name, module.name)
