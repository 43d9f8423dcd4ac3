"""Applications and their drafts."""

from typing import Any

from fastapi import APIRouter, Request, Response

from callwright.services import applications, publishing, versions
from callwright.web.v1 import documents, models
from callwright.web.v1.deps import PAGE_DEFAULT, After, Asker, Db, Id, Limit
from callwright.web.v1.idempotency import once
from callwright.web.v1.revisions import IfMatch, tag

router = APIRouter(tags=["Applications"])


@router.post(
    "/applications",
    status_code=201,
    response_model=models.Created,
    openapi_extra=documents.TAKEN,
    summary="Create an application",
)
async def create(request: Request, scope: Asker, db: Db) -> Response:
    """Create an application with a document as its draft."""
    document = await documents.taken(request)

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
async def get(application_id: Id, scope: Asker, db: Db) -> models.Application:
    return models.Application.model_validate(await applications.get(db, scope, application_id))


@router.patch("/applications/{application_id}", status_code=204, summary="Rename an application")
async def rename(
    application_id: Id, body: models.Name, response: Response, scope: Asker, db: Db, revisions: IfMatch
) -> None:
    """Its name stands in the draft, which is at a new revision then."""
    tag(response, await applications.rename(db, scope, application_id, body.name, revisions))


@router.delete("/applications/{application_id}", status_code=204, summary="Delete an application")
async def delete(application_id: Id, scope: Asker, db: Db) -> None:
    """Its deployments take no more calls; calls in progress go on."""
    await applications.delete(db, scope, application_id)


@router.post(
    "/applications/{application_id}/copies",
    status_code=201,
    response_model=models.Created,
    summary="Copy an application",
)
async def copy(application_id: Id, body: models.Copy, request: Request, scope: Asker, db: Db) -> Response:
    """A new application with the same draft, or a version as its draft, and with the prompts of the audio manager."""

    async def act() -> models.Created:
        copied = await versions.copy(db, scope, application_id, name=body.name, number=body.version)
        return models.Created(id=copied)

    return await once(request, db, scope, act)


@router.get(
    "/applications/{application_id}/draft",
    response_class=Response,
    responses=documents.GIVEN,
    summary="The draft of an application",
)
async def draft(application_id: Id, request: Request, scope: Asker, db: Db) -> Response:
    """The draft as it was written, in JSON or YAML; its revision is the ETag."""
    found = await applications.draft(db, scope, application_id)
    reply = await documents.given(request, found.document)
    tag(reply, found.revision)
    return reply


@router.put(
    "/applications/{application_id}/draft", status_code=204, openapi_extra=documents.TAKEN, summary="Replace the draft"
)
async def save_draft(
    application_id: Id, request: Request, response: Response, scope: Asker, db: Db, revisions: IfMatch
) -> None:
    """Replace the draft. Every error of the document is told, with its page, module and field.

    With If-Match it is replaced only at that revision, else 412. The answer's ETag is the new one.
    """
    document = await documents.taken(request)
    tag(response, await applications.save_draft(db, scope, application_id, document, revisions))


@router.get("/applications/{application_id}/inspection", summary="Inspect the draft")
async def inspected(application_id: Id, scope: Asker, db: Db) -> models.Inspection:
    """What is odd about the draft, and what it needs from outside. Its audio is looked for in the audio manager."""
    found = await publishing.inspected(db, scope, application_id)
    return models.Inspection.model_validate(found, from_attributes=True)


@router.post("/applications/{application_id}/tests", response_model=models.TestResults, summary="Test the draft")
async def test(application_id: Id, scope: Asker, db: Db, body: models.Tests | None = None) -> dict[str, Any]:
    """Play transcripts against the draft, and say what of it they have tried: its own, or those that are sent."""
    transcripts = body.transcripts if body is not None else None
    return await publishing.rehearsed(db, scope, application_id, transcripts)
