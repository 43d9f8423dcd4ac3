"""Telephones that register."""

from fastapi import APIRouter

from callwright.services import phones
from callwright.services.phones import NewPhone
from callwright.web.v1 import peers
from callwright.web.v1.deps import PAGE_DEFAULT, After, Asker, Db, Id, Limit

router = APIRouter(tags=["Telephony"])


@router.post("/phones", status_code=201, summary="Add a phone")
async def add(body: peers.NewPhone, scope: Asker, db: Db) -> peers.CreatedPhone:
    """A telephone that registers here, calls your numbers, and is called by its extension or its name.

    Without `Idempotency-Key`, since an answer that is kept would keep its secret; the same name is refused with 409.
    """
    phone_id, secret = await phones.create(db, scope, _new(body), body.secret)
    return peers.CreatedPhone(id=phone_id, secret=secret)


@router.get("/phones", summary="List phones")
async def listed(scope: Asker, db: Db, limit: Limit = PAGE_DEFAULT, after: After = 0) -> list[peers.Phone]:
    return [peers.Phone.model_validate(row) for row in await phones.listed(db, scope, after=after, limit=limit)]


@router.get("/phones/{phone_id}", summary="One phone, and where it is registered")
async def one(phone_id: Id, scope: Asker, db: Db) -> peers.PhoneWithBindings:
    phone = peers.Phone.model_validate(await phones.get(db, scope, phone_id))
    bindings = [peers.Binding.model_validate(row) for row in await phones.bindings(db, scope, phone_id)]
    return peers.PhoneWithBindings(**phone.model_dump(), bindings=bindings)


@router.put("/phones/{phone_id}", status_code=204, summary="Change a phone")
async def change(phone_id: Id, body: peers.NewPhone, scope: Asker, db: Db) -> None:
    """A `secret` that is empty or *** stays as it is. A phone with another secret, or disabled, has to register anew."""
    await phones.update(db, scope, phone_id, _new(body), body.secret)


@router.delete("/phones/{phone_id}", status_code=204, summary="Delete a phone")
async def delete(phone_id: Id, scope: Asker, db: Db) -> None:
    await phones.delete(db, scope, phone_id)


def _new(body: peers.NewPhone) -> NewPhone:
    return NewPhone(body.name, body.extension or None, body.display_name, body.enabled, body.calls_out, body.digest)
