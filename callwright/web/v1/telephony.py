"""Deployments, numbers and trunks."""

from dataclasses import asdict

from fastapi import APIRouter, Request, Response

from callwright.services import deployments, numbers, trunks
from callwright.store.trunks import Registration, TrunkRow
from callwright.web.v1 import models, peers
from callwright.web.v1.deps import PAGE_DEFAULT, After, Asker, Db, Limit
from callwright.web.v1.idempotency import once

router = APIRouter(tags=["Telephony"])


@router.post("/deployments", status_code=201, response_model=models.Created, summary="Deploy an application")
async def deploy(body: models.NewDeployment, request: Request, scope: Asker, db: Db) -> Response:
    """Bind a version of an application to be called, or to call."""

    async def act() -> models.Created:
        return models.Created(
            id=await deployments.create(
                db, scope, application_id=body.application_id, version=body.version, label=body.label
            )
        )

    return await once(request, db, scope, act)


@router.get("/deployments", summary="List deployments")
async def deployed(scope: Asker, db: Db, limit: Limit = PAGE_DEFAULT, after: After = 0) -> list[models.Deployment]:
    return [
        models.Deployment.model_validate(row) for row in await deployments.listed(db, scope, after=after, limit=limit)
    ]


@router.get("/deployments/{deployment_id}", summary="One deployment")
async def deployment(deployment_id: int, scope: Asker, db: Db) -> models.Deployment:
    return models.Deployment.model_validate(await deployments.get(db, scope, _id(deployment_id)))


@router.delete("/deployments/{deployment_id}", status_code=204, summary="Delete a deployment")
async def undeploy(deployment_id: int, scope: Asker, db: Db) -> None:
    """Its numbers lead nowhere until they are pointed at another deployment."""
    await deployments.delete(db, scope, _id(deployment_id))


@router.post("/numbers", status_code=201, response_model=models.Created, summary="Add a number")
async def add_number(body: models.NewNumber, request: Request, scope: Asker, db: Db) -> Response:
    """A number of yours: only you read its data over the Plum-compatible API."""

    async def act() -> models.Created:
        return models.Created(
            id=await numbers.create(
                db,
                scope,
                address=body.address,
                sms=body.sms,
                is_pci=body.is_pci,
                deployment_id=body.deployment_id,
            )
        )

    return await once(request, db, scope, act)


@router.get("/numbers", summary="List numbers")
async def listed_numbers(scope: Asker, db: Db, limit: Limit = PAGE_DEFAULT, after: After = 0) -> list[models.Number]:
    return [models.Number.model_validate(row) for row in await numbers.listed(db, scope, after=after, limit=limit)]


@router.put("/numbers/{number_id}/deployment", status_code=204, summary="Lead a number elsewhere")
async def point_number(number_id: int, body: models.NumberTarget, scope: Asker, db: Db) -> None:
    """Lead a number to a deployment, or to none."""
    await numbers.point(db, scope, _id(number_id), body.deployment_id)


@router.delete("/numbers/{number_id}", status_code=204, summary="Delete a number")
async def delete_number(number_id: int, scope: Asker, db: Db) -> None:
    await numbers.delete(db, scope, _id(number_id))


@router.post("/trunks", status_code=201, response_model=models.Created, summary="Add a trunk")
async def add_trunk(body: peers.NewTrunk, request: Request, scope: Asker, db: Db) -> Response:
    """Add a SIP peer for outbound calls; calls that wait for one go by it."""

    async def act() -> models.Created:
        return models.Created(id=await trunks.create(db, scope, _row(body), body.password, body.peer_secret))

    return await once(request, db, scope, act)


@router.get("/trunks", summary="List trunks")
async def listed_trunks(scope: Asker, db: Db) -> list[peers.Trunk]:
    registrations = await trunks.registrations(db, scope)
    return [_shown(row, registrations.get(row.id)) for row in await trunks.listed(db, scope)]


@router.put("/trunks/{trunk_id}", status_code=204, summary="Change a trunk")
async def change_trunk(trunk_id: int, body: peers.NewTrunk, scope: Asker, db: Db) -> None:
    """Secrets that are *** stay as they are; so does a `peer_secret` that is empty."""
    await trunks.update(db, scope, _id(trunk_id), _row(body), body.password, body.peer_secret)


@router.delete("/trunks/{trunk_id}", status_code=204, summary="Delete a trunk")
async def delete_trunk(trunk_id: int, scope: Asker, db: Db) -> None:
    await trunks.delete(db, scope, _id(trunk_id))


def _row(body: peers.NewTrunk) -> TrunkRow:
    return TrunkRow(id=0, **body.model_dump(exclude={"password", "peer_secret"}))


def _shown(row: TrunkRow, registration: Registration | None) -> peers.Trunk:
    values = asdict(row)
    password = trunks.HIDDEN if values.pop("sealed_password") is not None else ""
    peer_secret = trunks.HIDDEN if values.pop("sealed_peer_secret") is not None else ""
    shown = peers.Registration.model_validate(registration) if registration else None
    return peers.Trunk(**values, password=password, peer_secret=peer_secret, registration=shown)


def _id(given: int) -> int:
    return given if 0 < given < 2**63 else 0
