"""A client's Idempotency-Key, used once."""

from dataclasses import dataclass

from callwright.base.errors import RequestError
from callwright.store import idempotency as store
from callwright.store.database import Database
from callwright.store.scope import Scope


@dataclass(frozen=True, slots=True)
class Answered:
    """What the first request with this key was answered."""

    status: int
    body: str


async def begin(db: Database, scope: Scope, key: str, fingerprint: bytes) -> Answered | None:
    """None: the key is new, carry the request out. Raises `RequestError` 422 for another request, 409 while it runs."""
    kept = await store.begin(db, scope, key, fingerprint)
    if kept is None:
        return None
    if kept.fingerprint != fingerprint:
        raise RequestError(422, "This Idempotency-Key was used for another request.", field="Idempotency-Key")
    if kept.status is None or kept.body is None:
        raise RequestError(409, "The first request with this Idempotency-Key still runs.", field="Idempotency-Key")
    return Answered(kept.status, kept.body)


async def finish(db: Database, scope: Scope, key: str, status: int, body: str) -> None:
    await store.finish(db, scope, key, status, body)


async def forget(db: Database, scope: Scope, key: str) -> None:
    await store.forget(db, scope, key)
