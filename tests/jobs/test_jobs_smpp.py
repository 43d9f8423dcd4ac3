"""Texts over SMPP, from the queue to the SMSC and back, on a real database."""

import asyncio
from collections import Counter
from contextlib import asynccontextmanager

import pytest

from callwright.jobs.sms import Texts
from callwright.providers.carriers import smpp_link
from callwright.providers.http import GuardedClient
from callwright.services import numbers, sms, sms_carriers
from callwright.sms import smpp
from callwright.sms.segments import split
from callwright.sms.smpp_texts import Part, encoded, header_of, parameters_of
from callwright.store import sms_parts
from callwright.store.sms import Query
from callwright.store.sms_carriers import Texting
from callwright.testing.receiver import Receiver
from callwright.testing.smsc import Reply, Smsc

pytestmark = pytest.mark.store

OURS, THEIRS = "2435678910", "12125550101"
LONG = "Schöne Grüße aus Köln. " * 20


@pytest.fixture
def quick(monkeypatch):
    """Links that are tried again at once."""
    monkeypatch.setattr(smpp_link, "BACK_OFF_S", 0.05)
    monkeypatch.setattr(smpp_link, "THROTTLE_S", 0.05)


@asynccontextmanager
async def leading_to(db, world, smsc, *, joined=False, **settings):
    """The id of an account with this SMSC, by which the number sends, and the job that serves it."""
    number_id = await numbers.create(db, world.scope, address=OURS, sms=True)
    carrier_id = await sms_carriers.create(
        db, world.scope, name="SMSC", type="smpp", settings=smsc.settings(**settings), texts_per_second=1000
    )
    await sms_carriers.set_texting(db, world.scope, number_id, Texting(carrier_id, texts_joined=joined))
    http = GuardedClient((), True)
    texts = Texts(db, http, "http://test")
    tasks = [asyncio.create_task(job) for job in (texts.run(), db.listen("callwright_sms", texts.wake))]
    try:
        yield carrier_id
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await http.aclose()


async def _queue(db, world, body="Hello", to=THEIRS, **more):
    return await sms.queue(db, world.scope, sender=OURS, to=to, body=body, **more)


async def _poll(read, done, timeout_s=20.0):
    async with asyncio.timeout(timeout_s):
        while True:
            if done(found := await read()):
                return found
            await asyncio.sleep(0.02)


async def _rows(db, world, direction="outbound"):
    rows, _ = await sms.listed(db, world.scope, Query(limit=1000, direction=direction))
    return rows


async def _came(db, world, smsc, count):
    """The bodies of what has come, once it is so many."""
    rows = await _poll(lambda: _rows(db, world, "inbound"), lambda rows: len(rows) >= count)
    return [row.body for row in rows]


class TestSending:
    async def test_delivered_part_by_part(self, db, world):
        async with Smsc() as smsc, leading_to(db, world, smsc, joined=True):
            await _queue(db, world, LONG)
            rows = await _poll(lambda: _rows(db, world), lambda rows: all(row.delivery == "delivered" for row in rows))
        assert len(rows) == 4 == len(smsc.submitted)
        assert [message.text[:6] for message in sorted(smsc.submitted, key=lambda one: one.text[:6])] == [
            header_of(Part(smsc.submitted[0].text[3], part, 4)) for part in (1, 2, 3, 4)
        ]

    async def test_throttled_texts_go_later(self, db, world, quick):
        tries = Counter()

        def reply(message):
            tries[message.text] += 1
            return Reply(smpp.RTHROTTLED if tries[message.text] < 3 else smpp.ROK)

        async with Smsc(reply) as smsc, leading_to(db, world, smsc):
            for number in range(5):
                await _queue(db, world, f"text {number}")
            await _poll(lambda: _rows(db, world), lambda rows: all(row.delivery == "delivered" for row in rows))
        assert set(tries.values()) == {3}

    async def test_no_more_are_under_way_than_the_window(self, db, world):
        async with Smsc(lambda _: Reply(silent=True)) as smsc, leading_to(db, world, smsc, window=3):
            for number in range(10):
                await _queue(db, world, f"text {number}")
            await smsc.until(lambda: len(smsc.submitted) == 3)
            counted = await db.pool.fetch("SELECT status, count(*) FROM sms_messages GROUP BY status ORDER BY status")
        assert [tuple(row) for row in counted] == [("queued", 7), ("sending", 3)], "nor claimed"

    async def test_an_answer_that_comes_while_it_stops_is_kept(self, db, world):
        held: list = []
        async with Smsc(lambda _: Reply(receipt="", held=held)) as smsc:
            async with leading_to(db, world, smsc):
                (row,) = await _queue(db, world)
                await smsc.until(lambda: len(held) == 1)
                answering = asyncio.get_running_loop().call_later(0.3, held[0])
            answering.cancel()
        found = await sms.get(db, world.scope, row.message_id.hex)
        assert (found.status, found.cause) == ("sent", "")

    async def test_an_smsc_that_is_gone_under_load(self, db, world, quick):
        """Nothing is lost, and nothing goes out twice: what may have gone is in doubt, and stays so."""
        async with Smsc() as smsc:
            port, submitted = smsc.port, smsc.submitted
            async with leading_to(db, world, smsc):
                for number in range(150):
                    await _queue(db, world, f"text {number}")
                await smsc.until(lambda: len(submitted) >= 30)
                await smsc.__aexit__(None, None, None)
                await _poll(lambda: _rows(db, world), lambda rows: not any(row.status == "sending" for row in rows))
                await _queue(db, world, "queued while it is away")
                async with Smsc(port=port) as again:
                    rows = await _poll(lambda: _rows(db, world), lambda rows: all(r.status == "sent" for r in rows))
                    await _poll(
                        lambda: _rows(db, world),
                        # Receipts of the first SMSC may be lost with it.
                        lambda rows: sum(r.delivery == "delivered" for r in rows) >= len(again.submitted),
                    )
        seen = Counter(message.text.decode() for message in (*submitted, *again.submitted))
        doubtful = {row.body for row in rows if row.delivery == "unconfirmed"}
        assert all(
            row.cause.startswith("in doubt: the link to the SMSC was lost") for row in rows if row.body in doubtful
        )
        assert max(seen.values()) == 1 and len(doubtful) <= 10, "no more than the window"
        assert {row.body for row in rows} == seen.keys() | doubtful and len(rows) == 151


class TestReceiving:
    async def test_a_text_is_kept_and_posted(self, db, world):
        async with Receiver() as receiver, Smsc() as smsc, leading_to(db, world, smsc):
            await db.pool.execute("UPDATE numbers SET text_url = $1 WHERE sms", receiver.url("/text"))
            await _bound(smsc)
            assert await smsc.text(THEIRS, f"1{OURS}", b"Hi") == smpp.ROK
            assert await _came(db, world, smsc, 1) == ["Hi"]
            (posted,) = await db.pool.fetch("SELECT url, fields->>'body' AS body FROM callbacks")
            assert (posted["url"], posted["body"]) == (receiver.url("/text"), "Hi")

    async def test_a_text_for_nobody(self, db, world):
        async with Smsc() as smsc, leading_to(db, world, smsc):
            await _bound(smsc)
            assert await smsc.text(THEIRS, "18005550111", b"Hi") == smpp.RX_P_APPN

    async def test_while_it_cannot_be_kept_it_is_to_be_told_again(self, db, world):
        async with Smsc() as smsc, leading_to(db, world, smsc):
            await _bound(smsc)
            await db.pool.execute("ALTER TABLE sms_consents RENAME TO away")
            assert await smsc.text(THEIRS, f"1{OURS}", b"STOP") == smpp.RX_T_APPN
            await db.pool.execute("ALTER TABLE away RENAME TO sms_consents")
            assert await _rows(db, world, "inbound") == []
            assert await smsc.text(THEIRS, f"1{OURS}", b"STOP") == smpp.ROK
            assert smsc.binds == 1, "the link is still the same"
        assert [row.body for row in await _rows(db, world, "inbound")] == ["STOP"]


async def _bound(smsc):
    await smsc.until(lambda: smsc.binds == 1)


class TestParts:
    """Texts that come in parts are one text."""

    @pytest.mark.parametrize("marked", ["udh", "sar"])
    async def test_joined_whatever_their_order(self, db, world, marked):
        parts = split(LONG, concatenated=True).parts
        async with Smsc() as smsc, leading_to(db, world, smsc):
            await _bound(smsc)
            for part in (3, 1, 1, 4, 2, 4):
                assert await _part(smsc, Part(9, part, 4), parts[part - 1], marked) == smpp.ROK
            assert await _came(db, world, smsc, 1) == [LONG]

    async def test_two_people_and_two_texts_at_once(self, db, world):
        async with Smsc() as smsc, leading_to(db, world, smsc):
            await _bound(smsc)
            await _part(smsc, Part(1, 1, 2), "a1 ")
            await _part(smsc, Part(1, 1, 2), "b1 ", sender="12125550102")
            await _part(smsc, Part(2, 1, 2), "c1 ")
            await _part(smsc, Part(2, 2, 2), "c2")
            await _part(smsc, Part(1, 2, 2), "b2", sender="12125550102")
            await _part(smsc, Part(1, 2, 2), "a2")
            assert await _came(db, world, smsc, 3) == ["c1 c2", "b1 b2", "a1 a2"]

    async def test_a_reference_that_comes_back(self, db, world):
        async with Smsc() as smsc, leading_to(db, world, smsc):
            await _bound(smsc)
            for body in ("first", "second"):
                await _part(smsc, Part(1, 1, 2), f"{body} ")
                await _part(smsc, Part(1, 2, 2), "end")
            # The whole of it again, because the acknowledgement was lost; and one that cuts another off.
            await _part(smsc, Part(1, 1, 2), "second ")
            await _part(smsc, Part(1, 2, 2), "end")
            await _part(smsc, Part(1, 1, 2), "third ")
            await _part(smsc, Part(1, 1, 2), "fourth ")
            await _part(smsc, Part(1, 2, 2), "end")
            assert await _came(db, world, smsc, 4) == ["first end", "second end", "third …", "fourth end"]

    async def test_a_part_that_never_comes(self, db, world):
        async with Smsc() as smsc, leading_to(db, world, smsc):
            await _bound(smsc)
            await _part(smsc, Part(1, 2, 4), "two")
            await db.pool.execute("UPDATE sms_parts SET at = at - $1::float8", sms_parts.WAIT_S + 1)
            assert await _came(db, world, smsc, 1) == ["…two…"]
            await db.pool.execute("UPDATE sms_parts SET at = at - $1::float8", sms_parts.WAIT_S + 1)
            await _poll(lambda: db.pool.fetchval("SELECT count(*) FROM sms_parts"), lambda count: count == 0)


async def _part(smsc, part, body, marked="udh", sender=THEIRS):
    coding, characters = encoded(body, split(body).encoding, "gsm7")
    if marked == "udh":
        return await smsc.text(sender, f"1{OURS}", header_of(part) + characters, esm_class=0x40, data_coding=coding)
    return await smsc.text(sender, f"1{OURS}", characters, data_coding=coding, tlvs=parameters_of(part))
