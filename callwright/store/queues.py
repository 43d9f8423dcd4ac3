"""How much waits in the queues."""

from callwright.store.database import Database
from callwright.store.scope import Scope

COUNTED_MAX = 100_000
"More is not counted: whoever looks knows enough, and the count stays a matter of milliseconds."


async def waiting(db: Database, _: Scope) -> dict[str, int]:
    row = await db.pool.fetchrow(
        f"""
        SELECT
            (SELECT count(*) FROM (SELECT 1 FROM outbound_calls WHERE status = 'queued' LIMIT {COUNTED_MAX}) q) AS calls,
            (SELECT count(*) FROM (SELECT 1 FROM sms_messages WHERE status = 'queued' LIMIT {COUNTED_MAX}) q) AS texts,
            (SELECT count(*) FROM (SELECT 1 FROM callbacks WHERE state = 'pending' LIMIT {COUNTED_MAX}) q) AS posts
        """
    )
    return dict(row)
