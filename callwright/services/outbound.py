"""Outbound calls: queue, cancel, and say where they stand."""

import time

from callwright.base.errors import Forbidden, NotFound
from callwright.base.values import Value
from callwright.store import outbound as store
from callwright.store.database import Database
from callwright.store.deployments import DeploymentRow
from callwright.store.outbound import NewCall, OutboundRow
from callwright.store.scope import PLATFORM, Scope, reaches


async def queue_call(db: Database, scope: Scope, deployment: DeploymentRow, call: NewCall) -> int:
    """Queue one call for a deployment of one's own (`deployments.for_outbound`). Returns its id.

    Raises `Forbidden` for `is_pci`: no account is granted a secure environment yet, and a call that was meant for it
    must not run outside of it.
    """
    if call.is_pci:
        raise Forbidden("use the secure environment")
    return await store.insert(db, scope, deployment, call, time.time())


async def cancel_pending(db: Database, scope: Scope, deployment: DeploymentRow) -> int:
    """Cancel every call of the deployment that is still queued, also one waiting for a retry. Returns how many."""
    return await store.cancel_pending(db, scope, deployment.id, time.time())


async def details(db: Database, scope: Scope, call_id: int) -> OutboundRow:
    """Where a call stands. Raises `NotFound`; through the Plum door, which documents it so, `Forbidden` where it is another
    user's."""
    found = await store.get(db, PLATFORM, call_id)
    if found is None:
        raise NotFound("outbound call")
    if not reaches(scope, found.account_id, found.user_id):
        raise Forbidden("view this outbound call") if scope.surface == "plum" else NotFound("outbound call")
    return found


async def listed(db: Database, scope: Scope, *, before: int, limit: int) -> list[int]:
    return await store.listed(db, scope, before=before, limit=limit)


async def metadata(db: Database, scope: Scope, call_id: int) -> dict[str, Value]:
    """The variables that a call was queued with."""
    return await store.metadata(db, scope, call_id)
