"""One's own account: what is logged, and for how long; who is told of refused texts."""

from fastapi import APIRouter

from callwright.services import accounts
from callwright.store.accounts import AccountTexting
from callwright.web.v1 import models
from callwright.web.v1.deps import Asker, Db

router = APIRouter(tags=["Account"])


@router.get("/account", summary="Your account")
async def get(scope: Asker, db: Db) -> models.Account:
    return models.Account.model_validate(await accounts.get(db, scope))


@router.put("/account/logging", status_code=204, summary="Say how long logs are kept")
async def set_logging(body: models.Logging, scope: Asker, db: Db) -> None:
    """Keep logs for less time than the platform does: what is older is hidden at once and deleted within the hour, for good."""
    await accounts.set_logging(
        db, scope, time_zone=body.time_zone, details_days=body.details_days, calls_days=body.calls_days
    )


@router.put("/account/texting", status_code=204, summary="Say who is told of refused texts, and how far a stop reaches")
async def set_texting(body: models.AccountTexting, scope: Asker, db: Db) -> None:
    await accounts.set_texting(db, scope, AccountTexting(**body.model_dump()))
