"""Texts from the queue to the handset and back, on a real database, by the built-in carrier."""

import asyncio
from itertools import pairwise
from urllib.parse import parse_qs

import pytest
from mail_server import delivering

from callwright.base.errors import RequestError
from callwright.ports.carrier import InDoubt, NotNow, Receipt, ReceivedText, Refused, Taken
from callwright.services import accounts, sms, sms_carriers
from callwright.sms import keywords
from callwright.store import sms_sending
from callwright.store.accounts import AccountTexting
from callwright.store.scope import PLATFORM
from callwright.store.sms import Query
from callwright.store.sms_carriers import Texting
from callwright.testing.receiver import Answer, Receiver

pytestmark = pytest.mark.store

OURS, THEIRS = "2435678910", "12125550101"


async def _queue(db, world, to=THEIRS, body="Hello", **more):
    (row,) = await sms.queue(db, world.scope, sender=OURS, to=to, body=body, **more)
    return row


async def _until(db, world, message_id, done):
    """The message once `done` holds of it."""
    return await _poll(lambda: sms.get(db, world.scope, message_id.hex), done)


async def _poll(read, done, timeout_s=15.0):
    """What `read` gives, once `done` holds of it."""
    async with asyncio.timeout(timeout_s):
        while True:
            found = await read()
            if done(found):
                return found
            await asyncio.sleep(0.02)


async def _all(db, world):
    rows, _ = await sms.listed(db, world.scope, Query(limit=1000))
    return [(row.direction, row.theirs, row.body) for row in rows]


def _fields(post) -> dict[str, str]:
    return {name: value for name, (value,) in parse_qs(post.body.decode()).items()}


async def _notifies(db, world, **settings) -> None:
    await accounts.set_texting(db, world.scope, AccountTexting(**settings))


async def _tried(db, sms_id: int, count: int) -> list[tuple[str, int | None, str]]:
    """What came of the first try of each post about a text: URL, status and error."""
    async with asyncio.timeout(15):
        while True:
            rows = await db.pool.fetch(
                """
                SELECT b.url, t.status, t.error FROM callbacks b JOIN callback_attempts t ON t.callback_id = b.id
                WHERE b.sms_id = $1 AND t.number = 1
                """,
                sms_id,
            )
            if len(rows) >= count:
                return [tuple(row) for row in rows]
            await asyncio.sleep(0.02)


class TestSending:
    async def test_delivered_and_told(self, db, world, carrier, running):
        async with Receiver() as receiver, running():
            row = await _queue(db, world, result_url=receiver.url("/done"))
            assert (row.status, row.delivery) == ("queued", "")
            row = await _until(db, world, row.message_id, lambda row: row.delivery == "delivered")
            # The receipt may have come before the carrier's own answer was kept; then there is one post and not two.
            posts = await receiver.wait_for("/done")
            if "delivery_status" not in _fields(posts[0]):
                posts = await receiver.wait_for("/done", count=2)
        assert (row.status, row.cause) == ("sent", "") and row.responded_at is not None
        assert all(_fields(post)["sms_message_id"] == row.message_id.hex for post in posts)
        assert all(_fields(post)["status"] == "sent" for post in posts)
        assert all(post.headers["webhook-signature"].startswith("v1,") for post in posts)

    @pytest.mark.parametrize(
        ("to", "status", "delivery", "cause"),
        [
            ("12125550103", "sent", "undelivered", "switched off"),
            ("12125550104", "failure", "undelivered", "landline"),
            ("12125550105", "sent", "", ""),
        ],
    )
    async def test_what_else_becomes_of_texts(self, db, world, carrier, running, to, status, delivery, cause):
        async with running():
            row = await _queue(db, world, to=to)
            found = await _until(
                db, world, row.message_id, lambda row: (row.status, row.delivery) == (status, delivery)
            )
        assert cause in found.cause

    async def test_a_landline_is_told_to_the_account(self, db, world, carrier, running):
        with delivering() as mailbox:
            async with Receiver() as receiver, running(f"smtp://127.0.0.1:{mailbox.port}"):
                await _notifies(
                    db, world, notification_url=receiver.url("/note"), notification_email="ann@example.test"
                )
                row = await _queue(db, world, to="12125550104")
                (post,) = await receiver.wait_for("/note")
                made = await _tried(db, row.id, 2)
        assert post.body == b'{"status": "failure", "error": "To number: +12125550104, is not a mobile number"}'
        (mail,) = mailbox.mails
        assert (mail["To"], mail["Subject"]) == ("ann@example.test", "A text was refused")
        assert mail.get_payload().strip() == "To number: +12125550104, is not a mobile number"
        assert {(url[:6], status, error) for url, status, error in made} == {("http:/", 200, ""), ("mailto", 250, "")}

    async def test_a_number_that_is_a_landlines_by_its_plan_is_refused_unasked(self, db, world, carrier, running):
        async with Receiver() as receiver, running():
            await _notifies(db, world, notification_url=receiver.url("/note"))
            (row,) = await sms.queue(
                db, world.scope, sender=OURS, to="+44 20 7946 0018", body="Hello", result_url=receiver.url("/done")
            )
            (post,) = await receiver.wait_for("/note")
            (done,) = await receiver.wait_for("/done")
        assert (row.status, row.delivery) == (
            "failure",
            "undelivered",
        ) and row.cause == "not mobile: its numbering plan says so"
        assert post.body == b'{"status": "failure", "error": "To number: +442079460018, is not a mobile number"}'
        assert _fields(done) == {
            "sms_message_id": row.message_id.hex, "status": "failure", "delivery_status": "undelivered"
        }  # fmt: skip

    async def test_mail_without_a_server_is_tried_and_told(self, db, world, carrier, running):
        async with running():
            await _notifies(db, world, notification_email="ann@example.test")
            row = await _queue(db, world, to="12125550104")
            ((url, status, error),) = await _tried(db, row.id, 1)
        assert (url, status) == ("mailto:ann@example.test", None) and error.startswith("no mail server is set")

    async def test_a_long_text_is_several_messages(self, db, world, carrier, running):
        async with running():
            rows = await sms.queue(db, world.scope, sender=OURS, to=THEIRS, body="x" * 161)
            assert [(row.part, row.parts, len(row.body)) for row in rows] == [(1, 2, 160), (2, 2, 1)]
            assert len({row.message_id for row in rows}) == 2
            for row in rows:
                await _until(db, world, row.message_id, lambda row: row.delivery == "delivered")

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ({"to": ""}, "to is missing"),
            ({"to": "12"}, "to is missing"),
            ({"body": "  "}, "body is missing"),
            ({"body": "x" * 10_001}, "10000"),
            ({"body": "x" * 3201}, "at most 20"),
            ({"sender": "8005550111"}, "from is not an SMS number of this account"),
            ({"sender": "9995550111"}, "from is not"),
        ],
    )
    async def test_bad_input_names_the_field(self, db, world, carrier, change, told):
        with pytest.raises(RequestError, match=told):
            await sms.queue(db, world.scope, **({"sender": OURS, "to": THEIRS, "body": "x"} | change))
        assert await _all(db, world) == []

    async def test_another_accounts_number_sends_nothing(self, db, world, other, carrier):
        with pytest.raises(RequestError, match="from is not"):
            await sms.queue(db, other.scope, sender=OURS, to=THEIRS, body="x")

    async def test_a_private_text_is_sealed_until_its_carrier_has_it(self, db, world, carrier):
        secret = "your code is 4711"
        (row,) = await sms.queue(db, world.scope, sender=OURS, to=THEIRS, body=secret, private=True)
        assert row.body == "[private]"
        kept = await db.pool.fetchrow("SELECT m::text AS row, m.sealed FROM sms_messages m")
        assert secret not in kept["row"] and secret.encode() not in kept["sealed"]
        (text,) = await sms.claim(db, carrier.id, whole=False, limit=10)
        assert text.bodies == (secret,)
        await sms.answered(db, carrier.id, text, NotNow("slow down"))
        await db.pool.execute("UPDATE sms_carriers SET held_until = 0")
        await db.pool.execute("UPDATE sms_messages SET due_at = 0 WHERE status = 'queued'")
        (text,) = await sms.claim(db, carrier.id, whole=False, limit=10)
        assert text.bodies == (secret,), "it is there for another try"
        await sms.answered(db, carrier.id, text, Taken("c1"))
        assert await db.pool.fetchval("SELECT sealed FROM sms_messages") is None
        assert (await sms.get(db, world.scope, row.message_id.hex)).body == "[private]"

    @pytest.mark.parametrize("end", ["refused", "in doubt", "lapsed", "stopped"])
    async def test_nothing_sealed_stays_behind(self, db, world, carrier, end):
        if end == "stopped":
            await sms.told(db, carrier.id, ReceivedText("m1", OURS, THEIRS, "STOP"))
        (row,) = await sms.queue(db, world.scope, sender=OURS, to=THEIRS, body="x", private=True)
        for text in await sms.claim(db, carrier.id, whole=False, limit=10):
            match end:
                case "refused":
                    await sms.answered(db, carrier.id, text, Refused("no"))
                case "in doubt":
                    await sms.answered(db, carrier.id, text, InDoubt("link lost"))
                case "lapsed":
                    await db.pool.execute("UPDATE sms_messages SET due_at = 1 WHERE status = 'sending'")
                    await sms.lapse(db)
        found = await db.pool.fetchrow("SELECT status, sealed FROM sms_messages WHERE id = $1", row.id)
        assert found["sealed"] is None and found["status"] in ("failure", "sent")

    async def test_a_number_without_a_carrier(self, db, world, carrier):
        number_id = await db.pool.fetchval("SELECT id FROM numbers WHERE address = $1", OURS)
        await sms_carriers.set_texting(db, world.scope, number_id, Texting(None))
        row = await _queue(db, world)
        assert (row.status, row.delivery, row.cause) == ("failure", "undelivered", "the number has no carrier")


class TestAnswers:
    """What each answer of a carrier does, without a carrier."""

    async def _claimed(self, db, world, carrier, **more):
        row = await _queue(db, world, **more)
        (text,) = await sms.claim(db, carrier.id, whole=False, limit=10)
        assert text.message_id == row.message_id.hex
        return text

    async def test_a_claimed_text_is_nobody_elses(self, db, world, carrier):
        await self._claimed(db, world, carrier)
        assert await sms.claim(db, carrier.id, whole=False, limit=10) == []

    async def test_not_now_goes_back_and_holds_the_carrier(self, db, world, carrier):
        text = await self._claimed(db, world, carrier)
        await sms.answered(db, carrier.id, text, NotNow("slow down", 30.0))
        row = await sms.get(db, world.scope, text.message_id)
        assert (row.status, row.cause) == ("queued", "slow down")
        await _queue(db, world)
        assert await sms.claim(db, carrier.id, whole=False, limit=10) == [], "the carrier is left alone"
        await db.pool.execute("UPDATE sms_carriers SET held_until = 0")
        await db.pool.execute("UPDATE sms_messages SET due_at = 0 WHERE status = 'queued'")
        again = await sms.claim(db, carrier.id, whole=False, limit=10)
        assert text.message_id in [one.message_id for one in again], "under the same id"

    async def test_not_now_is_not_for_ever(self, db, world, carrier):
        text = await self._claimed(db, world, carrier)
        await db.pool.execute("UPDATE sms_messages SET attempts = $1", sms_sending.ATTEMPTS_MAX)
        await sms.answered(db, carrier.id, text, NotNow("slow down"))
        assert (await sms.get(db, world.scope, text.message_id)).status == "failure"

    async def test_in_doubt_is_never_sent_again(self, db, world, carrier):
        text = await self._claimed(db, world, carrier)
        await sms.answered(db, carrier.id, text, InDoubt("link lost"))
        row = await sms.get(db, world.scope, text.message_id)
        assert (row.status, row.delivery, row.cause) == ("sent", "unconfirmed", "in doubt: link lost")
        assert await sms.claim(db, carrier.id, whole=False, limit=10) == []

    async def test_a_sender_that_died_leaves_it_in_doubt(self, db, world, carrier):
        text = await self._claimed(db, world, carrier)
        await sms.lapse(db)
        assert (await sms.get(db, world.scope, text.message_id)).status == "sending", "its lease still runs"
        await db.pool.execute("UPDATE sms_messages SET due_at = 1 WHERE status = 'sending'")
        await sms.lapse(db)
        row = await sms.get(db, world.scope, text.message_id)
        assert (row.status, row.delivery) == ("sent", "unconfirmed") and "in doubt" in row.cause
        # It was only slow: what the carrier said is kept, and its receipt finds the message.
        await sms.answered(db, carrier.id, text, Taken("c1"))
        await sms.told(db, carrier.id, Receipt("c1", "delivered"))
        assert (await sms.get(db, world.scope, text.message_id)).delivery == "delivered"

    async def test_refused(self, db, world, carrier):
        text = await self._claimed(db, world, carrier)
        await sms.answered(db, carrier.id, text, Refused("21610 blocked"))
        row = await sms.get(db, world.scope, text.message_id)
        assert (row.status, row.delivery, row.cause) == ("failure", "undelivered", "21610 blocked")

    async def test_a_receipt_before_the_answer(self, db, world, carrier):
        text = await self._claimed(db, world, carrier)
        await sms.told(db, carrier.id, Receipt("c1", "undelivered", "switched off"))
        await sms.answered(db, carrier.id, text, Taken("c1"))
        row = await sms.get(db, world.scope, text.message_id)
        assert (row.status, row.delivery, row.cause) == ("sent", "undelivered", "switched off")

    async def test_receipts_double_and_late(self, db, world, carrier):
        text = await self._claimed(db, world, carrier, result_url="http://test.invalid/x")
        await sms.answered(db, carrier.id, text, Taken("c1"))
        for delivery in ("unconfirmed", "undelivered", "delivered", "delivered", "undelivered"):
            await sms.told(db, carrier.id, Receipt("c1", delivery))
        assert (await sms.get(db, world.scope, text.message_id)).delivery == "delivered"
        posted = await db.pool.fetch("SELECT fields->>'delivery_status' AS told FROM callbacks ORDER BY id")
        assert [row["told"] for row in posted] == [None, "unconfirmed", "undelivered", "delivered"], "each change once"

    async def test_a_receipt_of_another_carrier_changes_nothing(self, db, world, carrier):
        text = await self._claimed(db, world, carrier)
        await sms.answered(db, carrier.id, text, Taken("c1"))
        await sms.told(db, carrier.id + 1, Receipt("c1", "delivered"))
        assert (await sms.get(db, world.scope, text.message_id)).delivery == ""

    async def test_joined_parts_go_whole_to_a_carrier_that_parts_them(self, db, world, carrier):
        number_id = await db.pool.fetchval("SELECT id FROM numbers WHERE address = $1", OURS)
        await sms_carriers.set_texting(db, world.scope, number_id, Texting(carrier.id, texts_joined=True))
        rows = await sms.queue(db, world.scope, sender=OURS, to=THEIRS, body="x" * 307)
        assert [len(row.body) for row in rows] == [153, 153, 1]
        (text,) = await sms.claim(db, carrier.id, whole=True, limit=1)
        assert "".join(text.bodies) == "x" * 307 and len(text.ids) == 3
        await sms.answered(db, carrier.id, text, Taken("c1"))
        await sms.told(db, carrier.id, Receipt("c1", "delivered"))
        for row in rows:
            assert (await sms.get(db, world.scope, row.message_id.hex)).delivery == "delivered"

    async def test_the_rate_of_a_carrier(self, db, world, carrier):
        await db.pool.execute(
            "UPDATE sms_carriers SET texts_per_second = 3, tokens = 3, tokens_at = extract(epoch FROM now())"
        )
        for _ in range(5):
            await _queue(db, world)
        assert len(await sms.claim(db, carrier.id, whole=False, limit=10)) == 3

    async def test_the_rate_of_a_number(self, db, world, carrier):
        number_id = await db.pool.fetchval("SELECT id FROM numbers WHERE address = $1", OURS)
        await sms_carriers.set_texting(db, world.scope, number_id, Texting(carrier.id, texts_per_second=0.5))
        await sms.queue(db, world.scope, sender=OURS, to=THEIRS, body="x" * 161)
        await _queue(db, world)
        rows = await db.pool.fetch("SELECT due_at FROM sms_messages ORDER BY id")
        due = [row["due_at"] for row in rows]
        assert [round(later - earlier, 3) for earlier, later in pairwise(due)] == [2.0, 2.0]
        assert len(await sms.claim(db, carrier.id, whole=False, limit=10)) == 1


class TestReceiving:
    async def _receive(self, db, carrier, body, id="m1", sender=THEIRS):
        return await sms.told(db, carrier.id, ReceivedText(id, OURS, sender, body))

    async def test_kept_once_and_posted_and_answered(self, db, world, carrier, running):
        answer = (
            b'<?xml version="1.0"?><reply><sms_message>Thanks &amp; bye</sms_message>'
            b'<sms_message to="12125550108, 2125550109">To others</sms_message></reply>'
        )
        async with Receiver(lambda _: Answer(200, answer)) as receiver, running():
            await db.pool.execute("UPDATE numbers SET text_url = $1 WHERE sms", receiver.url("/text"))
            assert await self._receive(db, carrier, "Hi there")
            assert await self._receive(db, carrier, "Hi there"), "told twice"
            (post,) = await receiver.wait_for("/text")
            fields = _fields(post)
            assert fields.keys() == {"sms_message_id", "to", "from", "body"}
            assert (fields["to"], fields["from"], fields["body"]) == ("12435678910", THEIRS, "Hi there")
            rows, total = await sms.listed(db, world.scope, Query(limit=10, direction="inbound"))
            assert total == 1 and rows[0].message_id.hex == fields["sms_message_id"] and rows[0].status == "received"
            await _poll(lambda: _all(db, world), lambda found: len(found) == 4)
        assert sorted(await _all(db, world)) == sorted(
            [
                ("inbound", THEIRS, "Hi there"),
                ("outbound", THEIRS, "Thanks & bye"),
                ("outbound", "12125550108", "To others"),
                ("outbound", "12125550109", "To others"),
            ]
        )
        assert len(receiver.received) == 1

    @pytest.mark.parametrize(
        ("answer", "told"),
        [
            (b"<reply><sms_message>", "not XML"),
            (b"<ok/>", "not <reply>"),
            (b"<reply><text>x</text></reply>", "not <sms_message>"),
            (b"<reply><sms_message/></reply>", "empty"),
            (b'<!DOCTYPE x [<!ENTITY a "b">]><reply>&a;</reply>', "declaration"),
            (b'<reply><sms_message from="9995550100">x</sms_message></reply>', "not an SMS number"),
            (b'<reply><sms_message to="12">x</sms_message></reply>', "to is missing or invalid"),
            (b"<reply/>", ""),
            (b"", ""),
        ],
    )
    async def test_an_answer_that_holds_no_texts(self, db, world, carrier, running, answer, told):
        async with Receiver(lambda _: Answer(200, answer)) as receiver, running():
            await db.pool.execute("UPDATE numbers SET text_url = $1 WHERE sms", receiver.url("/text"))
            await self._receive(db, carrier, "Hi")
            error = await _poll(
                lambda: db.pool.fetchval("SELECT error FROM callback_attempts"), lambda error: error is not None
            )
        assert told in error and (told or error == "")
        assert [direction for direction, _, _ in await _all(db, world)] == ["inbound"]

    async def test_a_number_that_is_not_of_the_carrier(self, db, world, carrier):
        assert not await sms.told(db, carrier.id, ReceivedText("m1", "8005550111", THEIRS, "Hi"))
        assert await _all(db, world) == []

    async def test_stop_start_help(self, db, world, carrier, running):
        async with Receiver() as receiver, running():
            await db.pool.execute("UPDATE numbers SET text_url = $1 WHERE sms", receiver.url("/text"))
            await self._receive(db, carrier, " stop ", "m1")
            blocked = await _queue(db, world, body="after stop")
            assert (blocked.status, blocked.delivery, blocked.cause) == ("failure", "undelivered", sms.UNSUBSCRIBED)
            assert (await _queue(db, world, to="12125550108", body="to another")).status == "queued"
            await self._receive(db, carrier, "HELP", "m2")
            await self._receive(db, carrier, "Start", "m3")
            assert (await _queue(db, world, body="after start")).status == "queued"
            sent = [body for direction, to, body in await _all(db, world) if direction == "outbound" and to == THEIRS]
            assert sent == [keywords.STOPPED, "after stop", keywords.HELPED, keywords.STARTED, "after start"]
            rows, _ = await sms.listed(db, world.scope, Query(limit=100, direction="outbound", theirs=(THEIRS,)))
            for row in rows:
                if row.cause != sms.UNSUBSCRIBED:
                    await _until(db, world, row.message_id, lambda row: row.delivery == "delivered")
            posts = await receiver.wait_for("/text", count=2)
        assert [_fields(post)["body"] for post in posts] == [" stop ", "Start"], "HELP is not handed on"
        kept = [one for _, one in await sms.consents(db, world.scope, theirs=THEIRS, after=0, limit=10)]
        assert [(one.stopped, one.word, one.ours) for one in kept] == [(True, "STOP", OURS), (False, "START", OURS)]

    async def test_refused_in_the_answer_where_a_client_wants_it(self, db, world, carrier):
        await self._receive(db, carrier, "STOP")
        with pytest.raises(RequestError, match="Attempt to send to unsubscribed recipient"):
            await _queue(db, world, refuse=True)

    @pytest.mark.parametrize(("whole_account", "status"), [(False, "queued"), (True, "failure")])
    async def test_whom_a_stop_concerns(self, db, world, carrier, whole_account, status):
        await db.pool.execute("UPDATE accounts SET sms_blocks_account = $1", whole_account)
        await db.pool.execute(
            "INSERT INTO numbers (account_id, user_id, address, sms, carrier_id) VALUES ($1, $2, '2435678911', true, $3)",
            world.scope.account_id,
            world.scope.user_id,
            carrier.id,
        )
        await self._receive(db, carrier, "STOP")
        (row,) = await sms.queue(db, world.scope, sender="2435678911", to=THEIRS, body="x")
        assert row.status == status

    async def test_the_handset_answers(self, db, world, carrier, running):
        async with running():
            await _queue(db, world, to="12125550102", body="Coming?")
            await _poll(lambda: _all(db, world), lambda found: ("inbound", "12125550102", "YES") in found)


async def test_one_process_at_a_time_serves_a_carrier(db, world, carrier, running):
    async with running(), running():
        rows = [await _queue(db, world, body=f"{number}") for number in range(40)]
        for row in rows:
            await _until(db, world, row.message_id, lambda row: row.delivery == "delivered")
        held = await db.pool.fetchval("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted")
        assert held == 1
    assert await db.pool.fetchval("SELECT max(attempts) FROM sms_messages") == 1
    assert await sms.next_due(db, carrier.id) is None
    assert await sms_sending.carrier(db, PLATFORM, carrier.id) is not None
