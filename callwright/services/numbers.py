"""Numbers: addresses that callers dial, each with one owner."""

import re

from callwright.base import phone_numbers
from callwright.base.errors import NotFound, RequestError
from callwright.providers.http import is_http_url
from callwright.services import accounts, deployments
from callwright.store import deployments as store
from callwright.store.database import Database
from callwright.store.deployments import Choice, NumberRow
from callwright.store.scope import Scope

OPTIONS: dict[Choice, tuple[str, ...]] = {"asr": ("PocketSphinx",), "tts": ("eSpeak NG",)}
"What there is to recognise speech and to say texts; the first where a number has none of its own."

URL_MAX = 255
"As long as a start_url of DEV's."

_ADDRESS = re.compile(r"[A-Za-z0-9._-]{1,64}")


async def create(
    db: Database,
    scope: Scope,
    *,
    address: str,
    sms: bool = False,
    is_pci: bool = False,
    deployment_id: int | None = None,
) -> int:
    """A number of the scope's user. `address`: digits, or the user part of a SIP URI.

    `is_pci` puts it into the secure environment, where the account has one, else it raises `Forbidden`. Such a number
    takes no texts.
    """
    if not _ADDRESS.fullmatch(address):
        raise RequestError(
            400, "address must be 1 to 64 letters, digits, dots, dashes or underscores.", field="address"
        )
    if is_pci and sms:
        raise RequestError(400, "A number in the secure environment takes no SMS.", field="sms")
    if is_pci:
        await accounts.require_secure_environment(db, scope)
    if deployment_id is not None:
        await deployments.get(db, scope, deployment_id)
    try:
        return await store.insert_number(
            db, scope, address=address, sms=sms, is_pci=is_pci, deployment_id=deployment_id
        )
    except store.UniqueViolation:
        raise RequestError(409, f"The address {address} is taken.", field="address") from None


async def listed(db: Database, scope: Scope, *, after: int = 0, limit: int = 100) -> list[NumberRow]:
    return await store.listed_numbers(db, scope, after=after, limit=limit)


async def known_as(db: Database, scope: Scope, number: str) -> str:
    """A number as the scope's user added it, however a client writes it; as it came where there is no such number."""
    return await store.known_number(db, scope, phone_numbers.spellings(number)) or number


async def chosen(db: Database, scope: Scope, choice: Choice, number: str) -> str:
    """The recogniser, the synthesizer or the application's URL of a number. Raises `NotFound`."""
    found = await store.chosen(db, scope, choice, phone_numbers.spellings(number))
    if found is None:
        raise NotFound("number")
    return found or next(iter(OPTIONS.get(choice, ("",))))


async def choose(db: Database, scope: Scope, choice: Choice, number: str, value: str) -> None:
    """Raises `NotFound`, or `RequestError` for what cannot be chosen."""
    address = await store.known_number(db, scope, phone_numbers.spellings(number))
    if address is None:
        raise NotFound("number")
    if choice in OPTIONS and value not in OPTIONS[choice]:
        raise RequestError(400, f"{choice} must be one of: {', '.join(OPTIONS[choice])}", field=choice)
    if choice == "url" and (len(value) > URL_MAX or not is_http_url(value)):
        raise RequestError(400, f"url must be an http or https URL of at most {URL_MAX} characters", field="url")
    await store.choose(db, scope, choice, address, value)


async def point(db: Database, scope: Scope, number_id: int, deployment_id: int | None) -> None:
    """Lead the number to another deployment, or to none."""
    if deployment_id is not None:
        await deployments.get(db, scope, deployment_id)
    if not await store.point_number(db, scope, number_id, deployment_id):
        raise NotFound("number")


async def delete(db: Database, scope: Scope, number_id: int) -> None:
    if not await store.delete_number(db, scope, number_id):
        raise NotFound("number")
