"""Outbound calls: queue, cancel, and say where they stand."""

import time

from callwright.base.errors import Forbidden, NotFound
from callwright.store import outbound as store
from callwright.store.database import Database
from callwright.store.deployments import DeploymentRow
from callwright.store.outbound import NewCall, OutboundRow
from callwright.store.scope import PLATFORM, Scope


async def queue_call(db: Database, scope: Scope, deployment: DeploymentRow, call: NewCall) -> int:
    """Queue one call for a deployment of one's own (`deployments.for_outbound`). Returns its id."""
    return await store.insert(db, scope, deployment, call, time.time())


async def cancel_pending(db: Database, scope: Scope, deployment: DeploymentRow) -> int:
    """Cancel every call of the deployment that is still queued, also one waiting for a retry. Returns how many."""
    return await store.cancel_pending(db, scope, deployment.id, time.time())


async def details(db: Database, scope: Scope, call_id: int) -> OutboundRow:
    """Where a call stands. Raises `NotFound`, then `Forbidden` where it is another user's."""
    found = await store.get(db, PLATFORM, call_id)
    if found is None:
        raise NotFound("outbound call")
    mine = found.account_id == scope.account_id and (scope.surface == "v1" or found.user_id == scope.user_id)
    if scope.surface != "platform" and not mine:
        raise Forbidden("view this outbound call")
    return found


async def listed(db: Database, scope: Scope, *, before: int, limit: int) -> list[int]:
    return await store.listed(db, scope, before=before, limit=limit)
