"""Templates: applications to begin with."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from callwright.base.errors import NotFound
from callwright.flow import templates
from callwright.flow.inspection import Dependencies, dependencies
from callwright.services import applications


@dataclass(frozen=True, slots=True)
class Template:
    """One template, and what it needs before it can do its work."""

    name: str
    title: str
    description: str
    languages: tuple[str, ...]
    variables: dict[str, Any]
    "What to put in: its variables and the values that they begin with."

    needs: Dependencies


@cache
def listed() -> tuple[Template, ...]:
    return tuple(_template(name) for name in templates.names())


def _template(name: str) -> Template:
    document = templates.application(name)
    return Template(
        name=name,
        title=document.name,
        description=templates.description(name),
        languages=(document.language, *document.languages),
        variables=dict(document.variables),
        needs=dependencies(document),
    )


def source(name: str) -> str:
    """Its document in YAML, with comments."""
    try:
        return templates.source(name)
    except KeyError:
        raise NotFound("template") from None


@cache
def document(name: str) -> dict[str, Any]:
    return applications.read_document(source(name))
