"""Accounts with carriers: who carries the texts of which numbers."""

import secrets
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from callwright.base.errors import NotFound, RequestError
from callwright.providers import carriers as _all  # noqa: F401 - registers them
from callwright.providers.carriers.account import REGISTRY
from callwright.providers.http import is_http_url
from callwright.services import deployments
from callwright.store import sms_carriers as store
from callwright.store.database import Database
from callwright.store.scope import Scope
from callwright.store.sms_carriers import OwnedCarrier, Texting

TEXTS_PER_SECOND_MAX = 1000.0
WAIT_S_MAX = 30 * 86_400.0
"Nobody remembers the question for longer."

HIDDEN = "***"
"Stands for a secret that is kept as it is."


async def create(
    db: Database, scope: Scope, *, name: str, type: str, settings: Mapping[str, Any], texts_per_second: float = 10.0
) -> int:
    """Returns its id. `settings`: the fields of its file in `providers/carriers`."""
    checked = _checked(type, settings)
    return await store.insert(
        db, scope, name=name, type=type, settings=checked, token=secrets.token_urlsafe(24),
        texts_per_second=texts_per_second,
    )  # fmt: skip


async def listed(db: Database, scope: Scope) -> list[OwnedCarrier]:
    """With its secrets, which no surface shows (`shown`)."""
    return await store.listed(db, scope)


async def get(db: Database, scope: Scope, carrier_id: int) -> OwnedCarrier:
    found = next((one for one in await listed(db, scope) if one.id == carrier_id), None)
    if found is None:
        raise NotFound("carrier")
    return found


async def update(
    db: Database,
    scope: Scope,
    carrier_id: int,
    *,
    name: str,
    settings: Mapping[str, Any],
    texts_per_second: float,
    enabled: bool,
) -> None:
    """A secret that is given as it is shown stays as it was."""
    known = await get(db, scope, carrier_id)
    merged = {field: known.settings.get(field) if value == HIDDEN else value for field, value in settings.items()}
    checked = _checked(known.type, merged)
    await store.update(
        db, scope, carrier_id, name=name, settings=checked, texts_per_second=texts_per_second, enabled=enabled
    )


def shown(carrier: OwnedCarrier) -> dict[str, Any]:
    """Its settings without its secrets."""
    hidden = REGISTRY[carrier.type].secrets
    return {name: HIDDEN if name in hidden else value for name, value in carrier.settings.items()}


async def set_texting(db: Database, scope: Scope, number_id: int, texting: Texting) -> None:
    """How the texts of a number go. Raises `NotFound` for a number that is not one for texts."""
    if texting.carrier_id is not None:
        await get(db, scope, texting.carrier_id)
    if texting.text_url and not is_http_url(texting.text_url):
        raise RequestError(400, "text_url is not a valid URL.", field="text_url")
    if texting.text_deployment_id is not None:
        if texting.text_url:
            raise RequestError(400, "text_url and text_deployment_id exclude one another.", field="text_deployment_id")
        await deployments.get(db, scope, texting.text_deployment_id)
    if not await store.set_texting(db, scope, number_id, texting):
        raise NotFound("number")


def _checked(type: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    kind = REGISTRY.get(type)
    if kind is None:
        raise RequestError(400, f"type must be one of {', '.join(sorted(REGISTRY))}.", field="type")
    try:
        checked: dict[str, Any] = kind.model_validate({**settings, "type": type}).model_dump(exclude={"type"})
    except ValidationError as error:
        # Never the input: it may be a secret.
        first = error.errors(include_input=False)[0]
        place = ".".join(str(step) for step in first["loc"]) or "settings"
        raise RequestError(400, f"{place}: {first['msg']}.", field=f"settings.{place}") from None
    return checked
