"""Published versions of applications."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Request, Response
from pydantic import AfterValidator

from callwright.services import applications, publishing, versions
from callwright.web.v1 import documents, models
from callwright.web.v1.deps import Asker, Db, Id
from callwright.web.v1.idempotency import once
from callwright.web.v1.revisions import IfMatch, tag

router = APIRouter(tags=["Versions"])


def _number(given: int) -> int:
    """A number that the database can hold; 0, which no version has, for any other."""
    return given if 0 < given < 2**31 else 0


Number = Annotated[int, AfterValidator(_number)]
Which = Annotated[Number | Literal["draft"], Path(description="Number of a version, or `draft`.")]


@router.post(
    "/applications/{application_id}/versions",
    status_code=201,
    response_model=models.Published,
    summary="Publish the draft",
)
async def publish(application_id: Id, request: Request, scope: Asker, db: Db, revisions: IfMatch) -> Response:
    """Publish the draft as a new version, which never changes: names of audio are replaced by their files as they are now.

    An error that inspection finds, or a transcript of the application's own that does not pass, is 409; warnings are told.
    With If-Match the draft is published only at that revision, else 412.
    """

    async def act() -> models.Published:
        published = await publishing.publish(db, scope, application_id, revisions)
        warnings = [models.Finding.model_validate(one) for one in published.warnings]
        return models.Published(number=published.number, warnings=warnings)

    return await once(request, db, scope, act)


@router.get("/applications/{application_id}/versions", summary="List versions")
async def listed(application_id: Id, scope: Asker, db: Db) -> list[models.Version]:
    """Newest first."""
    found = await applications.versions(db, scope, application_id)
    return [models.Version(number=number, created_at=created_at) for number, created_at in found]


@router.get("/applications/{application_id}/versions/{number}", summary="One version")
async def get(application_id: Id, number: Number, scope: Asker, db: Db) -> models.VersionDocument:
    found = await applications.version(db, scope, application_id, number)
    return models.VersionDocument(number=found.number, created_at=found.created_at, document=found.document)


@router.get(
    "/applications/{application_id}/versions/{number}/document",
    response_class=Response,
    responses=documents.GIVEN,
    summary="The document of a version",
)
async def document(application_id: Id, number: Number, request: Request, scope: Asker, db: Db) -> Response:
    """As it was published, with all defaults, in JSON or YAML."""
    found = await applications.version(db, scope, application_id, number)
    return await documents.given(request, found.document)


@router.get("/applications/{application_id}/versions/{old}/differences/{new}", summary="Compare two versions")
async def differences(application_id: Id, old: Which, new: Which, scope: Asker, db: Db) -> list[models.Difference]:
    """What has changed from one version to another, or to the draft, in words. None: they do the same.

    The draft counts with the audio files that it would be published with.
    """
    found = await versions.compared(db, scope, application_id, old, new)
    return [models.Difference.model_validate(one) for one in found]


@router.post(
    "/applications/{application_id}/versions/{number}/restore",
    status_code=204,
    summary="Make a version the draft",
)
async def restore(
    application_id: Id, number: Number, response: Response, scope: Asker, db: Db, revisions: IfMatch
) -> None:
    """The draft becomes what was published as that version; its audio is again what the audio manager says."""
    tag(response, await versions.restore(db, scope, application_id, number, revisions))
