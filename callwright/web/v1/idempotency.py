"""`Idempotency-Key`: a POST that is sent again is answered again, not carried out again.

Kept for a day for each account. The same key with another request is refused (422); while the first one still
runs, a second is told to wait (409).
"""

import hashlib
from collections.abc import Awaitable, Callable

from fastapi import Request
from pydantic import BaseModel
from starlette.responses import Response

from callwright.base.errors import RequestError
from callwright.services import idempotency
from callwright.store.database import Database
from callwright.store.scope import Scope

KEY_MAX = 200


async def once(
    request: Request, db: Database, scope: Scope, act: Callable[[], Awaitable[BaseModel]], *, status: int = 201
) -> Response:
    """Carry out `act`, or repeat what it answered to the same key before."""
    key = request.headers.get("idempotency-key", "")
    if not key:
        return _answer((await act()).model_dump_json(), status)
    if len(key) > KEY_MAX or not key.isprintable():
        raise RequestError(
            400, f"Idempotency-Key must be at most {KEY_MAX} printable characters.", field="Idempotency-Key"
        )
    sent = b"\0".join((request.method.encode(), request.url.path.encode(), await request.body()))
    before = await idempotency.begin(db, scope, key, hashlib.sha256(sent).digest())
    if before is not None:
        return _answer(before.body, before.status)
    try:
        body = (await act()).model_dump_json()
    except BaseException:
        # It did not happen, so the key is free for another try.
        await idempotency.forget(db, scope, key)
        raise
    await idempotency.finish(db, scope, key, status, body)
    return _answer(body, status)


def _answer(body: str, status: int) -> Response:
    return Response(body, status, media_type="application/json")
