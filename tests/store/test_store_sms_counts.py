"""Lists of texts by counts: whatever has been counted so far, they are what they are without."""

import random
import time
from itertools import product

import pytest

from callwright.services import numbers, sms
from callwright.store import sms_counts
from callwright.store.scope import PLATFORM
from callwright.store.sms import Query

pytestmark = pytest.mark.store

OURS, ALSO_OURS, OTHERS = "2435678910", "2435678911", "2435678912"
DAY_S = 86_400


async def _fill(db, world, other, now):
    """Texts of four days, some in the same second, with those of a stranger in between."""
    ids = {
        address: (await numbers.create(db, owner.scope, address=address, sms=True), owner.scope)
        for address, owner in ((OURS, world), (ALSO_OURS, world), (OTHERS, other))
    }
    chance = random.Random(1)
    for _ in range(400):
        address = chance.choice([OURS, OURS, OURS, ALSO_OURS, OTHERS])
        number, scope = ids[address]
        theirs = chance.choice([f"1212555010{last}" for last in range(4)] + [f"1{ALSO_OURS}"])
        at = now - chance.choice([chance.randrange(4 * DAY_S), chance.randrange(4) * DAY_S + 30, chance.random() * 90])
        await db.pool.execute(
            """
            INSERT INTO sms_messages (message_id, account_id, user_id, number_id, direction, ours, theirs, body, result_url,
                group_id, part, parts, encoding, reference, joined, status, delivery, cause, carrier_message_id, requested_at)
            VALUES (gen_random_uuid(), $1, $2, $3, $4, $5, $6, 'x', '', gen_random_uuid(), 1, 1, '', 0, false, 'sent', '', '', '',
                $7)
            """,
            *(scope.account_id, scope.user_id, number, chance.choice(["inbound", "outbound"]), address, theirs, at),
        )


def _expected(rows, query):
    def has(row):
        sides = (row["ours"], row["theirs"])
        return (
            row["requested_at"] >= query.start
            and (query.end is None or row["requested_at"] < query.end)
            and (query.direction is None or row["direction"] == query.direction)
            and (not query.ours or row["ours"] in query.ours)
            and (not query.theirs or row["theirs"] in query.theirs)
            and (not query.either or any(side in query.either for side in sides))
            and (
                query.between is None
                or any(sides[0] in one and sides[1] in two for one, two in (query.between, query.between[::-1]))
            )
        )

    found = sorted(filter(has, rows), key=lambda row: (row["requested_at"], row["id"]), reverse=query.descending)
    return [row["id"] for row in found[query.offset : query.offset + query.limit]], len(found)


async def test_every_page_is_what_it_is_without_counts(db, world, other):
    now = time.time()
    await _fill(db, world, other, now)
    rows = await db.pool.fetch("SELECT * FROM sms_messages WHERE user_id = $1", world.scope.user_id)
    midnight = int(now - 2 * DAY_S) // DAY_S * DAY_S
    people = {
        "ours": [(OURS, f"1{OURS}")],
        "theirs": [("12125550101",)],
        "either": [("12125550101",), (f"1{OURS}", OURS), (f"1{ALSO_OURS}", ALSO_OURS)],
        "between": [((OURS,), ("12125550102",)), ((f"1{ALSO_OURS}", ALSO_OURS), (OURS,))],
    }
    whom = [{}] + [{name: value} for name, values in people.items() for value in values]
    ranges = [
        (0.0, None), (0.0, now - 100), (midnight, midnight + DAY_S), (midnight - 30, midnight + 90),
        (int(now) - 200, None), (int(now) - 5, int(now) - 3), (now + 10, None),
    ]  # fmt: skip
    chance = random.Random(2)
    for counted_at in (None, now - 1.5 * DAY_S, now - 130, now + 2 * sms_counts.LAG_S):
        while counted_at is not None:
            async with db.transaction() as connection:
                if not await sms_counts.roll_up(connection, PLATFORM, counted_at):
                    break
        every = [*product(ranges, whom, (None, "inbound", "outbound"), (False, True), (0, 7, 149, 10_000))]
        for (start, end), which, direction, descending, offset in chance.sample(every, 250):
            asked = Query(50, offset, descending, start, end, direction, **which)
            found, total = await sms.listed(db, world.scope, asked)
            assert ([row.id for row in found], total) == _expected(rows, asked), asked


async def test_counting_in_steps_comes_to_the_same(db, world, other):
    now = time.time()
    await _fill(db, world, other, now)
    await sms.count(db)
    at_once = await _counts(db)
    await db.pool.execute("TRUNCATE sms_counts")
    await db.pool.execute("UPDATE sms_counted SET until_at = 0")
    for at in (now - 3 * DAY_S, now - 3600, now - 3500, now - 60, time.time()):
        more = True
        while more:
            async with db.transaction() as connection:
                more = await sms_counts.roll_up(connection, PLATFORM, at)
    assert await _counts(db) == at_once and at_once
    total = sum(row["texts"] for row in at_once if row["ours"] == "" and row["width_s"] == 60)
    late = await db.pool.fetchval("SELECT count(*) FROM sms_messages, sms_counted WHERE requested_at >= until_at")
    assert total + late == 400


async def _counts(db):
    rows = await db.pool.fetch("SELECT * FROM sms_counts ORDER BY user_id, ours, direction, width_s, start_at")
    return [dict(row) for row in rows]
