"""result_url posts: real HTTP, a real database, and an independent check of the signature."""

import asyncio
import time
from urllib.parse import parse_qsl

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from callwright.base import phone_numbers
from callwright.jobs.callbacks import Callbacks
from callwright.providers.http import GuardedClient
from callwright.providers.mail.smtp import Mailer
from callwright.services import callbacks, deployments, outbound
from callwright.store.outbound import NewCall
from callwright.testing.receiver import Answer, Receiver

pytestmark = pytest.mark.store


async def _canceled(db, world, url: str) -> int:
    """A call that is over, with its post due."""
    deployment = await deployments.get(db, world.scope, world.deployment_id)
    call = NewCall(phone_numbers.parse("2125550101"), {}, result_url=url)
    call_id = await outbound.queue_call(db, world.scope, deployment, call)
    await outbound.cancel_pending(db, world.scope, deployment)
    return call_id


async def _until(db, world, call_id: int, tries: int) -> list[callbacks.CallbackTry]:
    async with asyncio.timeout(15):
        while True:
            made = await callbacks.tries(db, world.scope, call_id)
            if len(made) >= tries:
                return made
            await asyncio.sleep(0.02)


class _Running:
    def __init__(self, db, *, loopback: bool = True) -> None:
        self._http = GuardedClient((), loopback)
        self.job = Callbacks(db, self._http, Mailer("", ""))

    async def __aenter__(self):
        self._task = asyncio.create_task(self.job.run())
        return self.job

    async def __aexit__(self, *_) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])
        await self._http.aclose()


async def test_posted_and_signed(db, world):
    async with Receiver() as receiver, _Running(db) as job:
        call_id = await _canceled(db, world, receiver.url("/done?x=1"))
        job.wake()
        (post,) = await receiver.wait_for("/done")
        (made,) = await _until(db, world, call_id, 1)
    assert post.method == "POST"
    assert post.headers["content-type"] == "application/x-www-form-urlencoded"
    fields = dict(parse_qsl(post.body.decode(), keep_blank_values=True))
    assert (fields["call_id"], fields["status"], fields["attempts"]) == (str(call_id), "canceled", "0")
    assert (fields["events[0][event]"], fields["events[1][event]"]) == ("queued", "canceled")
    assert (made.number, made.status, made.error) == (1, 200, "")
    secret = await db.pool.fetchval("SELECT webhook_secret FROM accounts WHERE id = $1", world.scope.account_id)
    webhook = Webhook(secret)
    webhook.verify(post.body, post.headers, json_parse=False)
    with pytest.raises(WebhookVerificationError):
        webhook.verify(post.body + b"&more=1", post.headers, json_parse=False)


async def test_json_where_the_account_wants_it(db, world):
    await db.pool.execute("UPDATE accounts SET result_url_json = true")
    async with Receiver() as receiver, _Running(db) as job:
        call_id = await _canceled(db, world, receiver.url("/done"))
        job.wake()
        (post,) = await receiver.wait_for("/done")
    assert post.headers["content-type"] == "application/json"
    assert post.body.startswith(b'{"call_id": %d, "max_attempts": "1"' % call_id)


async def test_a_failure_is_tried_three_times_and_each_is_kept(db, world):
    async with Receiver(lambda _: Answer(status=500)) as receiver, _Running(db) as job:
        call_id = await _canceled(db, world, receiver.url("/done"))
        for number in (1, 2, 3):
            job.wake()
            made = (await _until(db, world, call_id, number))[-1]
            assert (made.number, made.status) == (number, 500)
            row = await db.pool.fetchrow("SELECT state, due_at FROM callbacks WHERE outbound_call_id = $1", call_id)
            if number < 3:
                wait_s = callbacks.RETRIES_S[number - 1]
                assert row["state"] == "pending"
                assert row["due_at"] == pytest.approx(time.time() + wait_s, abs=5)
                await db.pool.execute("UPDATE callbacks SET due_at = 0")
            else:
                assert row["state"] == "failed"


async def test_redirects_end(db, world):
    def again(_):
        return Answer(status=302, headers=(("Location", "/done"),))

    async with Receiver(again) as receiver, _Running(db) as job:
        call_id = await _canceled(db, world, receiver.url("/done"))
        job.wake()
        (made,) = await _until(db, world, call_id, 1)
    assert (made.status, made.error) == (None, "more than 3 redirects")


@pytest.mark.parametrize(
    "url", ["http://10.0.0.1/", "http://169.254.169.254/latest", "http://[::ffff:10.0.0.1]/", "http://127.0.0.1:1/"]
)
async def test_private_addresses_are_not_reached(db, world, url):
    async with _Running(db, loopback=False) as job:
        call_id = await _canceled(db, world, url)
        job.wake()
        (made,) = await _until(db, world, call_id, 1)
    assert made.status is None
    assert "private address" in made.error
    assert "--allow-url" in made.error


async def test_a_receiver_that_hangs_holds_nobody_else(db, world, monkeypatch):
    monkeypatch.setattr("callwright.jobs.callbacks.TRY_S_MAX", 0.5)

    def answer(request):
        return Answer(hangs=request.path == "/slow")

    async with Receiver(answer) as receiver, _Running(db) as job:
        slow = await _canceled(db, world, receiver.url("/slow"))
        quick = await _canceled(db, world, receiver.url("/quick"))
        job.wake()
        await receiver.wait_for("/quick")
        (made,) = await _until(db, world, slow, 1)
        assert made.error == "no answer within 0.5 s"
        assert (await _until(db, world, quick, 1))[0].status == 200
