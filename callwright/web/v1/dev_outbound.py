"""What the DEV outbound services leave out: their PIN, how start_url is asked, and campaigns."""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from callwright.services import accounts, campaigns, passwords
from callwright.services.passwords import PIN_MAX, PIN_MIN
from callwright.web.v1.deps import PAGE_DEFAULT, After, Asker, Db, Limit

router = APIRouter(tags=["DEV outbound"])


class Pin(BaseModel):
    model_config = ConfigDict(extra="forbid")

    pin: Annotated[str, Field(min_length=PIN_MIN, max_length=PIN_MAX)]


class StartUrl(BaseModel):
    model_config = ConfigDict(extra="forbid")

    method: Literal["POST", "GET"] = Field(description="How documents are asked for when their calls connect.")


class Campaign(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str = Field(description="Empty: the calls that were queued one at a time.")
    created_at: float
    calls: dict[str, int] = Field(description="How many have each status.")


class Canceled(BaseModel):
    canceled: int


@router.put("/dev-outbound/pin", status_code=204, summary="Set your PIN")
async def set_pin(body: Pin, scope: Asker, db: Db) -> None:
    """The PIN of `queuecall.php` and `queuecalls.php`, beside your email as login. The old one is refused from now on."""
    await passwords.set_pin(db, scope, body.pin)


@router.put("/dev-outbound/start-url", status_code=204, summary="Choose how start_url is asked")
async def set_start_url(body: StartUrl, scope: Asker, db: Db) -> None:
    """For all calls of the account that connect from now on."""
    await accounts.set_start_url_get(db, scope, body.method == "GET")


@router.get("/campaigns", summary="List campaigns")
async def listed(scope: Asker, db: Db, limit: Limit = PAGE_DEFAULT, after: After = 0) -> list[Campaign]:
    return [Campaign.model_validate(one) for one in await campaigns.listed(db, scope, after=after, limit=limit)]


@router.post("/campaigns/{campaign_id}/cancel", summary="Cancel what is still queued of a campaign")
async def cancel(campaign_id: int, scope: Asker, db: Db) -> Canceled:
    return Canceled(canceled=await campaigns.cancel_pending(db, scope, campaign_id if 0 < campaign_id < 2**63 else 0))
