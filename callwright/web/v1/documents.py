"""Application documents in requests and replies: JSON or YAML."""

import asyncio
import json
from typing import Any

from fastapi import Request, Response

from callwright.base.errors import RequestError
from callwright.flow import yaml12
from callwright.services import applications

YAML = "application/yaml"
"RFC 9512."

_YAML_TYPES = (YAML, "application/x-yaml", "text/yaml", "text/x-yaml")

TAKEN: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The document, in JSON or YAML.",
        "content": {
            "application/json": {"schema": {"type": "object"}},
            YAML: {"schema": {"type": "string"}},
        },
    }
}
"For the OpenAPI description of an operation that takes a document."

GIVEN: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The document, as the Accept header has it: JSON or YAML.",
        "content": {
            "application/json": {"schema": {"type": "object"}},
            YAML: {"schema": {"type": "string"}},
        },
    }
}
"For one that answers with a document."


async def taken(request: Request) -> dict[str, Any]:
    """The document in a request's body."""
    try:
        # In a thread: a megabyte of YAML takes a second to read, and others are waiting.
        return await asyncio.to_thread(applications.read_document, (await request.body()).decode())
    except UnicodeDecodeError:
        raise RequestError(400, "The document is not UTF-8.") from None


async def given(request: Request, document: dict[str, Any], *, source: str = "") -> Response:
    """The document in the form that the client wants. `source`: its text in YAML, where somebody has written one."""
    if _wants_yaml(request.headers.get("accept", "")):
        return Response(source or await asyncio.to_thread(yaml12.dump, document), media_type=YAML)
    return Response(await asyncio.to_thread(json.dumps, document, ensure_ascii=False), media_type="application/json")


def _wants_yaml(accept: str) -> bool:
    """Whether YAML stands before JSON and `*/*` in what the client takes."""
    ranked = sorted((_ranked(one) for one in accept.lower().split(",")), key=lambda one: -one[1])
    for kind, quality in ranked:
        if quality > 0 and kind in (*_YAML_TYPES, "application/json", "application/*", "*/*"):
            return kind in _YAML_TYPES
    return False


def _ranked(entry: str) -> tuple[str, float]:
    kind, *parameters = (part.strip() for part in entry.split(";"))
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return kind, float(parameter[2:])
            except ValueError:
                return kind, 0.0
    return kind, 1.0
