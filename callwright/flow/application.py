"""Application documents: what an author writes, in JSON or YAML, and what is published as a version.

Raises `DocumentError`, which holds every error found, each naming its page, module and field.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from callwright.base import json_text
from callwright.base.errors import AuthorError
from callwright.base.values import Value
from callwright.flow import modules as _modules  # noqa: F401 - registers them
from callwright.flow import yaml12
from callwright.flow.input_settings import InputSettings
from callwright.flow.migrations import newest
from callwright.flow.module import NAME, NAME_MAX, REGISTRY, Module, Settings
from callwright.flow.post_call import PostCall
from callwright.flow.spoken import AudioPart, Language, PromptText, SpokenText, TextPart
from callwright.script.time_zones import is_zone

DOCUMENT_BYTES_MAX = 1 << 20
MODULES_MAX = 1000
"Modules of one application."

PAGES_MAX = 100
LIBRARY_MAX = 200_000
"Characters of a JavaScript library."

TRANSCRIPT_MAX = 100_000
"Characters of a transcript."

TRANSCRIPTS_MAX = 100
ERRORS_MAX = 50
"Errors told at once."

HOLD: list[TextPart | AudioPart] = [AudioPart(audio="tone:hold")]

if TYPE_CHECKING:
    AnyModule = Module
else:
    # The registry's modules, told apart by their `type`.
    AnyModule = Annotated[Union[tuple(REGISTRY.values())], Field(discriminator="type")]  # noqa: UP007

VariableName = Annotated[str, Field(pattern=NAME, max_length=NAME_MAX)]


class DocumentError(AuthorError):
    """A document that cannot be run. `errors` holds every one found (at most 50); the message is the first."""

    def __init__(self, errors: Sequence[AuthorError]) -> None:
        assert errors
        self.errors = list(errors)
        first = errors[0]
        super().__init__(first.message, page=first.page, module=first.module, field=first.field)


def _is_time_zone(name: str) -> str:
    if not is_zone(name):
        raise ValueError(f"{name!r} is no time zone; write one as in the IANA database, such as America/New_York")
    return name


class Page(BaseModel):
    """One canvas of modules."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=NAME_MAX, title="Name")
    modules: list[AnyModule] = Field(min_length=1, max_length=MODULES_MAX, title="Modules")


class Application(BaseModel):
    """What an author builds: pages of modules joined by exits."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    callwright: Literal[2] = Field(2, title="Version of the document's form")
    name: str = Field(min_length=1, max_length=200, title="Name")
    language: Language = Field("en-US", title="Language that calls begin in")
    languages: list[Language] = Field(default_factory=list, max_length=20, title="Other languages that it speaks")
    time_zone: Annotated[str, AfterValidator(_is_time_zone)] = Field(
        "UTC", max_length=100, title="Time zone of dates in scripts, such as America/New_York"
    )
    recording: bool = Field(False, title="Record both sides of each call")
    variables: dict[VariableName, Value] = Field(
        default_factory=dict, max_length=200, title="Variables and their defaults"
    )
    input: InputSettings = Field(default_factory=InputSettings, title="User input")
    hold: PromptText = Field("", title="Heard while the caller waits; empty: music")
    libraries: dict[
        Annotated[str, Field(min_length=1, max_length=100)], Annotated[str, Field(max_length=LIBRARY_MAX)]
    ] = Field(default_factory=dict, max_length=20, title="JavaScript libraries: their names and sources")
    post_call: PostCall | None = Field(None, title="Web service that is told when a call has ended")
    transcripts: dict[
        Annotated[str, Field(min_length=1, max_length=100)], Annotated[str, Field(max_length=TRANSCRIPT_MAX)]
    ] = Field(
        default_factory=dict,
        max_length=TRANSCRIPTS_MAX,
        title="Its tests: transcripts by name, which must pass before it is published",
    )
    pages: list[Page] = Field(min_length=1, max_length=PAGES_MAX, title="Pages")


def parse(text: str) -> Application:
    """An application from the text of a JSON or YAML document."""
    return build(values(text))


def values(text: str) -> Any:
    """A JSON or YAML document as plain values, in the author's order of keys."""
    if len(text.encode()) > DOCUMENT_BYTES_MAX:
        raise DocumentError([AuthorError(f"A document has at most {DOCUMENT_BYTES_MAX} bytes")])
    try:
        return json_text.loads(text) if text.lstrip().startswith("{") else yaml12.load(text)
    except ValueError as error:
        raise DocumentError([AuthorError(f"The document is neither JSON nor YAML: {error}")]) from None


def written(model: BaseModel) -> dict[str, Any]:
    """An application as an author would write it: what holds its default is left out."""
    return {
        name: _plain(getattr(model, name))
        for name, field in type(model).model_fields.items()
        if name in _SAID_ALWAYS or getattr(model, name) != field.get_default(call_default_factory=True)
    }


_SAID_ALWAYS = ("callwright", "type")
"Fields that tell what the rest is."


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return written(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def json_schema() -> dict[str, Any]:
    """The form of a document as JSON Schema 2020-12. What joins modules (names, exits, pages) only `build` can check.

    Each module's schema has its documentation as `description`, and the name of its icon as `icon`.
    """
    schema = Application.model_json_schema(by_alias=True, mode="validation")
    for module in REGISTRY.values():
        schema["$defs"][module.__name__]["icon"] = module.icon
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def build(raw: object) -> Application:
    """An application from a parsed document."""
    if not isinstance(raw, dict):
        raise DocumentError([AuthorError("A document is an object with name and pages")])
    raw = newest(raw)
    try:
        application = Application.model_validate(raw)
    except ValidationError as error:
        raise DocumentError([_explain(raw, detail) for detail in error.errors()[:ERRORS_MAX]]) from None
    except RecursionError:
        raise DocumentError([AuthorError("The document is nested too deeply")]) from None
    errors = list(_joins(application))
    if errors:
        raise DocumentError(errors[:ERRORS_MAX])
    settings = Settings(
        application.input,
        SpokenText(application.hold or HOLD),
        (application.language, *application.languages),
        tuple(application.libraries.items()),
        application.time_zone,
    )
    if application.post_call is not None:
        application.post_call.attach(settings)
    for page in application.pages:
        for module in page.modules:
            try:
                module.attach(settings)
            except ValueError as error:
                errors.append(AuthorError(str(error), page=page.name, module=module.name))
    if errors:
        raise DocumentError(errors[:ERRORS_MAX])
    return application


def _explain(raw: dict[str, Any], detail: Any) -> AuthorError:
    """Pydantic's error with the names of page and module instead of their positions."""
    location = list(detail["loc"])
    page = module = ""
    at: Any = raw
    if len(location) >= 2 and location[0] == "pages":
        at = _item(_item(at, "pages"), location[1])
        page = str(_item(at, "name") or location[1])
        location = location[2:]
        if len(location) >= 2 and location[0] == "modules":
            at = _item(_item(at, "modules"), location[1])
            module = str(_item(at, "name") or location[1])
            # After the position comes the tag of the union, which is the module's type.
            location = location[3:] if len(location) > 2 else []
    field = ".".join(str(step) for step in location if not _is_union_tag(step))
    message = str(detail["msg"])
    if detail["type"] in ("union_tag_invalid", "union_tag_not_found"):
        message, field = f"type must be one of {', '.join(sorted(REGISTRY))}", "type"
    return AuthorError(message, page=page, module=module, field=field)


def _item(holder: Any, key: Any) -> Any:
    try:
        return holder[key]
    except (KeyError, IndexError, TypeError):
        return None


def _is_union_tag(step: object) -> bool:
    return isinstance(step, str) and ("[" in step or step in ("str", "int", "float", "bool", "none"))


def _joins(application: Application) -> list[AuthorError]:
    """What no single field shows: names used twice, exits and pages that lead nowhere, no start or two."""
    errors: list[AuthorError] = []
    seen: set[str] = set()
    pages = [page.name for page in application.pages]
    for index, page in enumerate(application.pages):
        if page.name in pages[:index]:
            errors.append(AuthorError("Another page has the same name", page=page.name, field="name"))
        starts = sum(module.type == "start" for module in page.modules)
        if starts != 1:
            message = f"A page has one module of type start; this one has {starts}"
            errors.append(AuthorError(message, page=page.name, field="modules"))
        names = {module.name for module in page.modules if module.runs}
        for module in page.modules:
            if module.name in seen:
                errors.append(
                    AuthorError("Another module has the same name", page=page.name, module=module.name, field="name")
                )
            seen.add(module.name)
            errors += _exits(page.name, names, module)
            for target in module.leads_to_pages():
                if target not in pages:
                    message = f"the application has no page {target!r}"
                    errors.append(AuthorError(message, page=page.name, module=module.name, field="page"))
    for target in application.input.leads_to_pages():
        if target not in pages:
            errors.append(AuthorError(f"the application has no page {target!r}", field="input"))
    return errors


def _exits(page: str, names: set[str], module: Module) -> list[AuthorError]:
    needed, known = module.exits_needed(), (*module.exits_needed(), *module.exits_optional())
    problems = [f"exit {exit!r} leads nowhere" for exit in needed if exit not in module.exits]
    problems += [
        f"{exit!r} is not an exit of this module; it has {', '.join(known) or 'none'}"
        for exit in module.exits
        if exit not in known
    ]
    problems += [
        f"exit {exit!r} leads to {target!r}, and the page has no module of that name that calls come by"
        for exit, target in module.exits.items()
        if target not in names
    ]
    return [AuthorError(problem, page=page, module=module.name, field="exits") for problem in problems]
