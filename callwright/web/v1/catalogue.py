"""What there is to build with: languages, templates, and the form of documents with every module."""

from typing import Any

from fastapi import APIRouter, Request, Response

from callwright.services import applications, languages, templates
from callwright.web.v1 import documents, models
from callwright.web.v1.deps import Asker, Db
from callwright.web.v1.idempotency import once

router = APIRouter(tags=["Catalogue"])


@router.get("/languages", summary="List languages")
async def spoken(_: Asker) -> list[models.Language]:
    """The languages that the platform speaks. In others only audio files can be heard."""
    return [models.Language.model_validate(one) for one in languages.spoken()]


@router.get("/schema", summary="The form of documents")
async def schema(_: Asker) -> dict[str, Any]:
    """JSON Schema (2020-12) of application documents; each module has its documentation and the name of its icon."""
    return applications.schema()


@router.get("/templates", summary="List templates")
async def listed(_: Asker) -> list[models.Template]:
    """Applications to begin with: what each does, and what it needs."""
    return [models.Template.model_validate(one) for one in templates.listed()]


@router.get(
    "/templates/{name}/document",
    response_class=Response,
    responses=documents.GIVEN,
    summary="The document of a template",
)
async def document(name: str, request: Request, _: Asker) -> Response:
    """In JSON, or in YAML with its comments."""
    return await documents.given(request, templates.document(name), source=templates.source(name))


@router.post(
    "/templates/{name}/applications",
    status_code=201,
    response_model=models.Created,
    summary="Create an application from a template",
)
async def create(name: str, request: Request, scope: Asker, db: Db, body: models.Named | None = None) -> Response:
    """A new application with the template as its draft. Its variables say what to put in before it is published."""
    document = templates.document(name)
    if body is not None and body.name:
        document = {**document, "name": body.name}

    async def act() -> models.Created:
        return models.Created(id=await applications.create(db, scope, document))

    return await once(request, db, scope, act)
