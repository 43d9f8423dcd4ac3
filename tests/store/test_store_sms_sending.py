"""Receipts find their texts by name, however many a carrier has called by one."""

import pytest

from callwright.ports.carrier import Receipt
from callwright.services import numbers, sms_carriers
from callwright.store import sms_sending
from callwright.store.scope import PLATFORM

pytestmark = pytest.mark.store

SENT = """
    INSERT INTO sms_messages (message_id, account_id, user_id, number_id, carrier_id, direction, ours, theirs, body, result_url,
        group_id, part, parts, encoding, reference, joined, status, delivery, cause, carrier_message_id, requested_at)
    SELECT gen_random_uuid(), $1, $2, $3, $4, 'outbound', '2435678910', '1212' || lpad(g::text, 7, '0'), 'x', '',
        gen_random_uuid(), 1, 1, 'gsm7', 0, false, 'sent', '', '', g::text, 0
    FROM generate_series(1, 5000) g
"""


async def test_receipts_read_no_other_texts(db, world):
    """And the statement is planned before any statistics are there, as on the day of the first campaign."""
    number = await numbers.create(db, world.scope, address="2435678910", sms=True)
    carrier = await sms_carriers.create(db, world.scope, name="loopback", type="loopback", settings={})
    told = [Receipt(str(n), "delivered", "") for n in range(100, 150)]
    async with db.transaction() as connection:
        await connection.execute(SENT, world.scope.account_id, world.scope.user_id, number, carrier)
        read = "SELECT idx_tup_fetch + seq_tup_read FROM pg_stat_xact_user_tables WHERE relname = 'sms_messages'"
        before = await connection.fetchval(read)
        changed = await sms_sending.receipts(connection, PLATFORM, carrier, told, 1.0)
        assert len(changed) == len(told) and all(one.delivery == "delivered" for one in changed)
        assert await connection.fetchval(read) - before <= 2 * len(told)
