"""Applications, their drafts and versions."""

import asyncio
from typing import Any

from fastapi import APIRouter, Request, Response

from callwright.base.errors import RequestError
from callwright.services import applications
from callwright.web.v1 import models
from callwright.web.v1.deps import PAGE_DEFAULT, After, Asker, Db, Limit
from callwright.web.v1.idempotency import once

router = APIRouter(tags=["Applications"])

_DOCUMENT = {
    "requestBody": {
        "required": True,
        "description": "The document, in JSON or YAML.",
        "content": {
            "application/json": {"schema": {"type": "object"}},
            "application/yaml": {"schema": {"type": "string"}},
        },
    }
}


async def _document(request: Request) -> dict[str, Any]:
    try:
        # In a thread: a megabyte of YAML takes a second to read, and others are waiting.
        return await asyncio.to_thread(applications.read_document, (await request.body()).decode())
    except UnicodeDecodeError:
        raise RequestError(400, "The document is not UTF-8.") from None


@router.post(
    "/applications",
    status_code=201,
    response_model=models.Created,
    openapi_extra=_DOCUMENT,
    summary="Create an application",
)
async def create(request: Request, scope: Asker, db: Db) -> Response:
    """Create an application with a document as its draft."""
    document = await _document(request)

    async def act() -> models.Created:
        return models.Created(id=await applications.create(db, scope, document))

    return await once(request, db, scope, act)


@router.get("/applications", summary="List applications")
async def listed(scope: Asker, db: Db, limit: Limit = PAGE_DEFAULT, after: After = 0) -> list[models.Application]:
    """Applications by id."""
    return [
        models.Application.model_validate(row) for row in await applications.listed(db, scope, after=after, limit=limit)
    ]


@router.get("/applications/{application_id}", summary="One application")
async def get(application_id: int, scope: Asker, db: Db) -> models.Application:
    return models.Application.model_validate(await applications.get(db, scope, _id(application_id)))


@router.delete("/applications/{application_id}", status_code=204, summary="Delete an application")
async def delete(application_id: int, scope: Asker, db: Db) -> None:
    """Its deployments take no more calls; calls in progress go on."""
    await applications.delete(db, scope, _id(application_id))


@router.get("/applications/{application_id}/draft", summary="The draft of an application")
async def draft(application_id: int, scope: Asker, db: Db) -> dict[str, Any]:
    return await applications.draft(db, scope, _id(application_id))


@router.put(
    "/applications/{application_id}/draft", status_code=204, openapi_extra=_DOCUMENT, summary="Replace the draft"
)
async def save_draft(application_id: int, request: Request, scope: Asker, db: Db) -> None:
    """Replace the draft. Every error of the document is told, with its page, module and field."""
    await applications.save_draft(db, scope, _id(application_id), await _document(request))


@router.post(
    "/applications/{application_id}/versions",
    status_code=201,
    response_model=models.Published,
    summary="Publish the draft",
)
async def publish(application_id: int, request: Request, scope: Asker, db: Db) -> Response:
    """Publish the draft as a new version, which never changes.

    An error that inspection finds, or a transcript of the application's own that does not pass, is 409; warnings are told.
    """

    async def act() -> models.Published:
        published = await applications.publish(db, scope, _id(application_id))
        warnings = [models.Finding.model_validate(one) for one in published.warnings]
        return models.Published(number=published.number, warnings=warnings)

    return await once(request, db, scope, act)


@router.get("/applications/{application_id}/inspection", summary="Inspect the draft")
async def inspected(application_id: int, scope: Asker, db: Db) -> models.Inspection:
    """What is odd about the draft, and what it needs from outside."""
    found = await applications.inspected(db, scope, _id(application_id))
    return models.Inspection.model_validate(found, from_attributes=True)


@router.get("/applications/{application_id}/versions", summary="List versions")
async def versions(application_id: int, scope: Asker, db: Db) -> list[models.Version]:
    """Newest first."""
    found = await applications.versions(db, scope, _id(application_id))
    return [models.Version(number=number, created_at=created_at) for number, created_at in found]


@router.get("/applications/{application_id}/versions/{number}", summary="One version")
async def version(application_id: int, number: int, scope: Asker, db: Db) -> models.VersionDocument:
    found = await applications.version(db, scope, _id(application_id), min(max(number, 0), 2**31 - 1))
    return models.VersionDocument(number=found.number, created_at=found.created_at, document=found.document)


def _id(given: int) -> int:
    """An id that the database can hold; 0, which no row has, for any other."""
    return given if 0 < given < 2**63 else 0
