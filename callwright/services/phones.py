"""Telephones: they register with a name and a secret, call the account's numbers, and are called.

A secret lies sealed in the database; it is shown once, when it is made.
"""

import re
import secrets
import time

from callwright.base.errors import NotFound, RequestError
from callwright.sip.address import Address, Transport
from callwright.sip.registration import Asking
from callwright.store import phones as store
from callwright.store.database import Database
from callwright.store.phones import BindingRow, KnownPhone, NewPhone, OutOfOrder, PhoneRow
from callwright.store.scope import PLATFORM, Scope

PHONES_MAX = 1_000
"Of one account: every engine knows them all by heart."

SECRET_MIN = 8
SECRET_MAX = 200
SECRET_BYTES = 15
"Of one that we make: 20 characters, which a person can type."

DISPLAY_NAME_MAX = 100
HIDDEN = "***"
"Stands for a secret that is kept as it is."

NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_EXTENSION = re.compile(r"[0-9]{2,6}")
_SEALED_FOR = "phone secret"


async def create(db: Database, scope: Scope, phone: NewPhone, secret: str = "") -> tuple[int, str]:
    """Its id and its secret, which is made where none is given."""
    _check(phone)
    secret = checked_secret(secret) if secret else secrets.token_urlsafe(SECRET_BYTES)
    try:
        phone_id = await store.insert(db, scope, phone, db.sealer.seal(secret.encode(), _SEALED_FOR), most=PHONES_MAX)
    except (store.UniqueViolation, store.NameTaken) as error:
        raise _taken(phone, error) from None
    if phone_id is None:
        raise RequestError(409, f"The account has {PHONES_MAX} phones, which is as many as there may be.")
    return phone_id, secret


async def update(db: Database, scope: Scope, phone_id: int, phone: NewPhone, secret: str = HIDDEN) -> None:
    """Raises `NotFound`."""
    _check(phone)
    sealed = None if secret in ("", HIDDEN) else db.sealer.seal(checked_secret(secret).encode(), _SEALED_FOR)
    try:
        found = await store.update(db, scope, phone_id, phone, sealed)
    except (store.UniqueViolation, store.NameTaken) as error:
        raise _taken(phone, error) from None
    if not found:
        raise NotFound("phone")


async def delete(db: Database, scope: Scope, phone_id: int) -> None:
    if not await store.delete(db, scope, phone_id):
        raise NotFound("phone")


async def listed(db: Database, scope: Scope, *, after: int = 0, limit: int = 100) -> list[PhoneRow]:
    return await store.listed(db, scope, after=after, limit=limit, now=time.time())


async def get(db: Database, scope: Scope, phone_id: int) -> PhoneRow:
    found = await store.get(db, scope, phone_id, time.time())
    if found is None:
        raise NotFound("phone")
    return found


async def bindings(db: Database, scope: Scope, phone_id: int) -> list[BindingRow]:
    """Where it is registered now, the best first."""
    return await store.bindings(db, scope, phone_id, time.time())


async def find(db: Database, scope: Scope, dialled: str) -> int | None:
    """A telephone of the scope's account, by its extension or its name; None where there is no such telephone."""
    return await store.called(db, scope, dialled)


async def called(db: Database, scope: Scope, dialled: str) -> list[BindingRow] | None:
    """Where it is; None where there is no such telephone."""
    phone_id = await find(db, scope, dialled)
    return None if phone_id is None else await bindings(db, scope, phone_id)


# -- the engine's side ------------------------------------------------------------------------------


async def known(db: Database) -> list[KnownPhone]:
    return await store.known(db, PLATFORM)


def secret_of(db: Database, phone: KnownPhone) -> str:
    """Raises `ProviderError` where the seal does not open."""
    return db.sealer.unseal(phone.sealed_secret, _SEALED_FOR).decode()


async def register(
    db: Database,
    phone: KnownPhone,
    asking: Asking,
    *,
    source: Address,
    transport: Transport,
    engine_id: int,
    user_agent: str,
    now: float,
) -> list[BindingRow] | None:
    """Do what a REGISTER asks. The bindings that there are then; None where the telephone has gone. Raises `OutOfOrder`."""
    return await store.register(
        db,
        PLATFORM,
        phone,
        asking,
        source=source,
        transport=transport,
        engine_id=engine_id,
        user_agent=user_agent,
        now=now,
    )


async def sweep(db: Database, now: float) -> None:
    """Forget bindings that have run out."""
    await store.forget_expired(db, PLATFORM, now)


def checked_secret(secret: str, field: str = "secret") -> str:
    if not SECRET_MIN <= len(secret) <= SECRET_MAX or not secret.isprintable() or secret == HIDDEN:
        raise RequestError(400, f"{field} must be {SECRET_MIN} to {SECRET_MAX} printable characters.", field=field)
    return secret


def _check(phone: NewPhone) -> None:
    for field, good, text in (
        (
            "name",
            NAME.fullmatch(phone.name) is not None,
            "must be 1 to 64 letters, digits, dots, dashes or underscores",
        ),
        (
            "extension",
            not phone.extension or _EXTENSION.fullmatch(phone.extension) is not None,
            "must be 2 to 6 digits",
        ),
        (
            "display_name",
            len(phone.display_name) <= DISPLAY_NAME_MAX and phone.display_name.isprintable(),
            f"must be at most {DISPLAY_NAME_MAX} printable characters",
        ),
    ):
        if not good:
            raise RequestError(400, f"{field} {text}.", field=field)


def _taken(phone: NewPhone, error: Exception) -> RequestError:
    if "extension" in str(getattr(error, "constraint_name", "")):
        return RequestError(409, f"The extension {phone.extension} is taken.", field="extension")
    return RequestError(409, f"The name {phone.name} is taken.", field="name")


__all__ = [
    "HIDDEN", "BindingRow", "KnownPhone", "NewPhone", "OutOfOrder", "PhoneRow", "bindings", "called", "checked_secret",
    "create", "delete", "find", "get", "known", "listed", "register", "secret_of", "sweep", "update",
]  # fmt: skip
