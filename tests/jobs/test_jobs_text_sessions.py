"""Applications that answer texts, on a real database: a text is a turn, and what it comes to is there whole or not at all."""

import asyncio
import time
import uuid
from contextlib import asynccontextmanager
from typing import ClassVar

import pytest

from callwright.base.errors import NotFound, RequestError
from callwright.conversation.text_turn import TRIES_MAX, TextTurn
from callwright.jobs.text_sessions import TextSessions
from callwright.services import deployments, sms, sms_carriers, text_sessions
from callwright.session.lines import lines
from callwright.session.transcript import transcript
from callwright.sms import keywords
from callwright.store.sms import Query
from callwright.store.sms_carriers import Texting
from callwright.store.text_sessions import CHANNEL
from callwright.testing.receiver import Answer, Receiver
from tests.canary import in_database

pytestmark = pytest.mark.store

OURS, THEIRS = "2435678910", "12125550131"
SURVEY = (
    {"type": "yes_no", "prompt": "Will you come?", "exits": {"yes": "m1", "no": "m2"}},
    {"type": "number", "prompt": "How many?"},
    {"type": "prompt", "prompt": "Noted: {{ first }} {{ m1 }}."},
)


async def _shown(db, world) -> list[tuple[str, str]]:
    """(outcome, transcript) of each session, the first one first."""
    found = []
    for row in reversed(await text_sessions.listed(db, world.scope, before=2**63 - 1, limit=100)):
        _, entries = await text_sessions.get(db, world.scope, row.session_id.hex)
        found.append((row.outcome, transcript(entries)))
    return found


async def test_a_conversation(db, world, answering, says, turn, heard):
    await answering(*SURVEY)
    for text in ("Hi", "perhaps", "Yes!", "2"):
        await says(text)
        assert await turn() == 1
    assert await heard() == [
        "Will you come?",
        "Sorry, that is not a valid choice.\nWill you come?",
        "How many?",
        "Noted: yes 2.",
    ]
    assert await _shown(db, world) == [
        (
            "exit",
            "texts   Hi\nhears   Will you come?\ntexts   perhaps\nhears   Sorry, that is not a valid choice.\n"
            "hears   Will you come?\ntexts   Yes!\nhears   How many?\ntexts   2\nhears   Noted: yes 2.\ncall ends\n",
        )
    ]
    rows, _ = await sms.listed(db, world.scope, Query(limit=100, direction="inbound"))
    assert [row.body for row in rows] == ["Hi", "perhaps", "Yes!", "2"]


async def test_the_next_text_after_the_end_begins_a_new_one(db, world, answering, says, turn, heard):
    await answering({"type": "prompt", "prompt": "You wrote {{ session.text }} to {{ session.connection.dnis }}."})
    for text in ("one", "two"):
        await says(text)
        await turn()
    assert await heard() == [f"You wrote one to {OURS}.", f"You wrote two to {OURS}."]
    assert [outcome for outcome, _ in await _shown(db, world)] == ["exit", "exit"]


async def test_texts_that_come_at_once_are_answered_in_turn(db, answering, says, turn, heard):
    await answering(*SURVEY)
    for text in ("Hi", "yes", "3"):
        await says(text)
    await says("Hello", sender="12125550132")
    assert await turn() == 2, "the first of each"
    assert [await turn() for _ in range(3)] == [1, 1, 0]
    assert await heard() == ["Will you come?", "How many?", "Noted: yes 3."]
    assert await heard("12125550132") == ["Will you come?"]


async def test_a_text_that_is_told_twice_is_answered_once(answering, says, turn, heard):
    await answering(*SURVEY)
    for _ in range(2):
        await says("Hi", id="m1")
        await turn()
    assert await heard() == ["Will you come?"]


class TestEnds:
    POST_CALL: ClassVar = {"type": "rest", "method": "POST"}

    async def test_the_goodbye_does_not_wait_for_the_post_call_service(self, db, world, answering, says, heard, tools):
        held = asyncio.Event()

        async with Receiver(lambda _: Answer(after=held)) as receiver:
            post_call = {
                **self.POST_CALL,
                "url": receiver.url("/done"),
                "parameters": [{"name": "x", "value": "{{ first }}"}],
            }
            await answering(
                {"type": "number", "prompt": "How many?"}, {"type": "prompt", "prompt": "Bye."}, post_call=post_call
            )
            await says("Hi")
            await says("4")
            (first,) = await text_sessions.claim(db, limit=20)
            await TextTurn(db, tools, first).take()
            (second,) = await text_sessions.claim(db, limit=20)
            taking = asyncio.create_task(TextTurn(db, tools, second).take())
            (request,) = await receiver.wait_for("/done")
            assert await heard() == ["How many?", "Bye."], "while the service is asked"
            assert request.body == b"x=4"
            await says("Hello again")
            assert await text_sessions.claim(db, limit=20) == [], "a new one begins when this one is over"
            held.set()
            await taking
        assert (await _shown(db, world))[0] == (
            "exit",
            "texts   Hi\nhears   How many?\ntexts   4\nhears   Bye.\ncall ends\nservice 200 {}\n",
        )

    async def test_a_process_that_dies_after_the_goodbye(self, db, world, answering, says, heard, tools, turn):
        async with Receiver() as receiver:
            post_call = {**self.POST_CALL, "url": receiver.url("/done")}
            await answering({"type": "prompt", "prompt": "Bye."}, post_call=post_call)
            await says("Hi")
            (claimed,) = await text_sessions.claim(db, limit=20)
            dying = TextTurn(db, tools, claimed)
            dying._go_on = _dies_at(dying._go_on, 2)  # type: ignore[method-assign]
            with pytest.raises(_Died):
                await dying.take()
            assert await heard() == ["Bye."] and receiver.received == []
            await db.pool.execute("UPDATE text_turns SET due_at = 0")
            assert await turn() == 1
            await receiver.wait_for("/done")
        assert await heard() == ["Bye."], "it is not said again"
        assert [outcome for outcome, _ in await _shown(db, world)] == ["exit"]

    async def test_stop_ends_it_and_the_service_is_told(self, db, world, answering, says, turn, heard):
        async with Receiver() as receiver:
            await answering(*SURVEY, post_call={**self.POST_CALL, "url": receiver.url("/done")})
            await says("Hi")
            await turn()
            await says("stop")
            assert await turn() == 1
            await receiver.wait_for("/done")
        assert await heard() == ["Will you come?", keywords.STOPPED]
        ((outcome, told),) = await _shown(db, world)
        assert outcome == "hung_up" and "hangs up\nservice 200 {}\n" in told
        await says("Hello?")
        assert await turn() == 0, "somebody who has stopped texts begins nothing"

    async def test_nobody_answers(self, db, world, answering, says, turn, heard):
        await answering(*SURVEY, wait_s=60)
        await says("Hi")
        await turn()
        assert await text_sessions.expire(db) == 0
        await db.pool.execute("UPDATE text_sessions SET waits_until = 1")
        assert (await text_sessions.expire(db), await text_sessions.expire(db)) == (1, 0)
        assert await turn() == 1
        ((outcome, told),) = await _shown(db, world)
        assert (outcome, told) == ("hung_up", "texts   Hi\nhears   Will you come?\ncall ends\n")
        await says("Hi")
        await turn()
        assert await heard() == ["Will you come?", "Will you come?"]

    async def test_an_answer_at_the_last_moment(self, db, world, answering, says, turn, heard):
        await answering(*SURVEY)
        await says("Hi")
        await turn()
        await says("no")
        await db.pool.execute("UPDATE text_sessions SET waits_until = 1")
        await text_sessions.expire(db)
        assert [await turn() for _ in range(2)] == [1, 1]
        assert await heard() == ["Will you come?", "Noted: no ."]
        assert [outcome for outcome, _ in await _shown(db, world)] == ["exit"]

    async def test_an_answer_before_the_session_was_found_late(self, db, world, answering, says, turn, heard):
        await answering(*SURVEY)
        await says("Hi")
        await turn()
        await says("yes")
        await db.pool.execute("UPDATE text_sessions SET waits_until = 1")
        await text_sessions.expire(db)
        await turn()
        await turn()
        assert [outcome for outcome, _ in await _shown(db, world)] == [""], "it waits again"
        await says("7")
        await turn()
        assert (await heard())[-1] == "Noted: yes 7."

    async def test_old_ones_are_deleted(self, db, world, answering, says, turn):
        await answering({"type": "prompt", "prompt": "Bye."})
        await says("Hi")
        await turn()
        assert await text_sessions.delete_outlived(db) == 0
        await db.pool.execute("UPDATE text_sessions SET ended_at = ended_at - 6 * 86400")
        assert await _shown(db, world) == [], "nobody reads it any more"
        assert await text_sessions.delete_outlived(db) == 1
        assert await db.pool.fetchval("SELECT count(*) FROM text_events") == 0


class _Died(BaseException):
    """The process is no more."""


def _dies_at(method, call):
    """The method, until it is called for this time."""
    count = 0

    async def dying(*arguments):
        nonlocal count
        count += 1
        if count == call:
            raise _Died
        return await method(*arguments)

    return dying


class TestFaults:
    async def test_a_process_that_dies_in_a_turn_leaves_it_to_the_next(self, db, answering, says, turn, heard, tools):
        await answering(*SURVEY)
        await says("Hi")
        (claimed,) = await text_sessions.claim(db, limit=20)
        dying = TextTurn(db, tools, claimed)
        dying._keep = _dies_at(dying._keep, 1)  # type: ignore[method-assign]
        with pytest.raises(_Died):
            await dying.take()
        assert await heard() == []
        assert await turn() == 0, "its lease still runs"
        await db.pool.execute("UPDATE text_turns SET due_at = 0")
        assert await turn() == 1
        assert await heard() == ["Will you come?"]

    async def test_a_process_that_was_only_slow_keeps_nothing(self, db, answering, says, turn, heard, tools):
        await answering(*SURVEY)
        await says("Hi")
        (slow,) = await text_sessions.claim(db, limit=20)
        await db.pool.execute("UPDATE text_turns SET due_at = 0")
        assert await turn() == 1
        await TextTurn(db, tools, slow).take()
        assert await heard() == ["Will you come?"]

    async def test_renewing_holds_a_turn(self, db, answering, says):
        await answering(*SURVEY)
        await says("Hi")
        (claimed,) = await text_sessions.claim(db, limit=20)
        await db.pool.execute("UPDATE text_turns SET due_at = 0")
        await text_sessions.renew(db, [claimed])
        assert await text_sessions.claim(db, limit=20) == []
        assert await text_sessions.next_due(db) > time.time()

    async def test_a_turn_that_kills_its_process_is_given_up(self, db, world, answering, says, turn, heard):
        await answering(*SURVEY)
        await says("Hi")
        await turn()
        await says("yes")
        await db.pool.execute("UPDATE text_turns SET tries = $1", TRIES_MAX)
        assert await turn() == 1
        ((outcome, _),) = await _shown(db, world)
        assert outcome == "error" and await heard() == ["Will you come?"]
        await says("Hi")
        await turn()
        assert len(await heard()) == 2, "and a new one can begin"

    async def test_a_checkpoint_that_cannot_be_read(self, db, world, answering, says, turn):
        await answering(*SURVEY)
        await says("Hi")
        await turn()
        await db.pool.execute("UPDATE text_sessions SET checkpoint = $1", b"x" * 40)
        await says("yes")
        assert await turn() == 1
        (row,) = await text_sessions.listed(db, world.scope, before=2**63 - 1, limit=10)
        assert row.outcome == "error" and "sealing key" in row.cause

    async def test_an_authors_mistake(self, db, world, answering, says, turn, heard):
        await answering({"type": "record", "prompt": "Speak."})
        await says("Hi")
        await turn()
        assert await heard() == ["We are sorry. An error has occurred. Goodbye."]
        (row,) = await text_sessions.listed(db, world.scope, before=2**63 - 1, limit=10)
        assert (row.outcome, row.cause) == (
            "error",
            "There is no voice in a conversation by text: nobody can leave a message",
        )
        _, entries = await text_sessions.get(db, world.scope, row.session_id.hex)
        assert any(line.level == "error" and "no voice" in line.line for line in lines(entries))

    async def test_a_reply_that_is_too_long_is_cut(self, db, world, answering, says, turn, heard):
        await answering({"type": "prompt", "prompt": [{"text": "x" * 2000}, {"text": "y" * 2000}]})
        await says("Hi")
        await turn()
        assert [len(body) for body in await heard()] == [160] * 20
        (row,) = await text_sessions.listed(db, world.scope, before=2**63 - 1, limit=10)
        _, entries = await text_sessions.get(db, world.scope, row.session_id.hex)
        assert any("was cut" in line.line for line in lines(entries))

    async def test_nothing_published_answers(self, db, world, answering, says, turn, heard):
        await answering(*SURVEY)
        (deployment_id,) = await db.pool.fetchrow("SELECT text_deployment_id FROM numbers WHERE address = $1", OURS)
        await says("Hi")
        await deployments.delete(db, world.scope, deployment_id)
        assert await turn() == 1
        assert await heard() == []
        await says("Hi")
        assert await turn() == 0, "the number leads nowhere any more"

    async def test_a_number_that_is_no_more(self, db, world, answering, says, turn):
        number_id = await answering(*SURVEY)
        await says("Hi")
        await db.pool.execute("DELETE FROM numbers WHERE id = $1", number_id)
        assert await turn() == 1
        assert await db.pool.fetchval("SELECT count(*) FROM text_turns") == 0


class TestWords:
    async def test_yes_is_an_answer_unless_somebody_has_stopped(self, db, world, answering, says, turn, heard):
        await answering(*SURVEY)
        await says("Hi")
        await turn()
        await says("YES")
        await turn()
        assert await heard() == ["Will you come?", "How many?"]
        await says("STOP")
        await turn()
        await says("yes")
        assert await turn() == 0
        assert (await heard())[-2:] == [keywords.STOPPED, keywords.STARTED]

    async def test_help_is_answered_by_the_platform(self, answering, says, turn, heard):
        await answering(*SURVEY)
        await says("help")
        assert await turn() == 0
        assert await heard() == [keywords.HELPED]


class TestPrivate:
    CANARY = "58203417"

    async def test_a_private_answer_is_nowhere(self, db, database_url, world, answering, says, turn, heard):
        pin = {"type": "digits", "private": True, "prompt": "Pin?", "digits_min": 8}
        await answering(
            pin, {"type": "digits", "prompt": "Right: {{ first }}?"}, {"type": "prompt", "prompt": "Bye {{ first }}."}
        )
        await says("Hi")
        # It may answer something private: what comes before it has not been taken yet.
        await says(self.CANARY)
        for count in range(2):
            assert await turn() == 1
            assert await in_database(database_url, [self.CANARY]) == [], count
        (asked,) = await db.pool.fetch("SELECT s.checkpoint, s.private FROM text_sessions s")
        assert asked["checkpoint"] is not None and not asked["private"]
        await says("1")
        await turn()
        assert await in_database(database_url, [self.CANARY]) == []
        assert await heard() == ["Pin?", "[private]", "[private]"]
        rows, _ = await sms.listed(db, world.scope, Query(limit=100, direction="inbound"))
        assert [row.body for row in rows] == ["Hi", "[private]", "1"]
        sent = [body for row in await sms.claim(db, rows[0].id and 1, whole=False, limit=50) for body in row.bodies]
        assert sent == ["Pin?", f"Right: {self.CANARY}?", f"Bye {self.CANARY}."]

    async def test_what_is_no_private_answer_is_shown_again(self, db, world, answering, says, turn):
        await answering(*SURVEY)
        await says("Hi")
        await says("yes")
        rows, _ = await sms.listed(db, world.scope, Query(limit=100, direction="inbound"))
        assert [row.body for row in rows] == ["Hi", "[private]"], "nobody knows yet what it answers"
        await turn()
        await turn()
        rows, _ = await sms.listed(db, world.scope, Query(limit=100, direction="inbound"))
        assert [row.body for row in rows] == ["Hi", "yes"]


async def test_the_module_sms_in_a_conversation(db, world, answering, says, turn, heard):
    note = {"type": "sms", "sender": OURS, "to": "12125550133", "body": "{{ session.connection.ani }} wrote"}
    told = {"type": "prompt", "prompt": "{{ first }} {{ first$.reason }}"}
    await answering(note | {"exits": {"sent": "m1", "not_sent": "m1"}}, told)
    await says("Hi")
    await turn()
    await says("STOP", sender="12125550133")
    while await turn():
        pass
    await says("Hi")
    await turn()
    assert await heard() == ["true", f"false {sms.UNSUBSCRIBED}"]
    rows, _ = await sms.listed(db, world.scope, Query(limit=100, direction="outbound", theirs=("12125550133",)))
    assert [(row.body, row.status) for row in sorted(rows, key=lambda row: row.id)] == [
        (f"{THEIRS} wrote", "queued"),
        (keywords.STOPPED, "queued"),
        (f"{THEIRS} wrote", "failure"),
    ]


async def test_settings(db, world, other, carrier):
    number_id = await db.pool.fetchval("SELECT id FROM numbers WHERE address = $1", OURS)
    with pytest.raises(NotFound):
        await sms_carriers.set_texting(
            db, world.scope, number_id, Texting(carrier.id, text_deployment_id=other.deployment_id)
        )
    with pytest.raises(RequestError, match="exclude one another"):
        both = Texting(carrier.id, "http://test.invalid/x", text_deployment_id=world.deployment_id)
        await sms_carriers.set_texting(db, world.scope, number_id, both)


async def test_another_account_sees_nothing(db, world, other, answering, says, turn):
    await answering(*SURVEY)
    await says("Hi")
    await turn()
    (row,) = await text_sessions.listed(db, world.scope, before=2**63 - 1, limit=10)
    assert await text_sessions.listed(db, other.scope, before=2**63 - 1, limit=10) == []
    for scope, asked in ((other.scope, row.session_id.hex), (world.scope, "x"), (world.scope, uuid.uuid4().hex)):
        with pytest.raises(NotFound):
            await text_sessions.get(db, scope, asked)


@asynccontextmanager
async def _running(db, tools):
    job = TextSessions(db, tools)
    tasks = [asyncio.create_task(job.run()), asyncio.create_task(db.listen(CHANNEL, job.wake))]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def test_two_jobs_answer_many_people_once_each(db, world, answering, says, heard, tools):
    await answering(*SURVEY)
    people = [f"121255502{number:02}" for number in range(30)]
    async with _running(db, tools), _running(db, tools):
        for text in ("Hi", "yes", "2"):
            await asyncio.gather(*(says(text, sender=person) for person in people))
        async with asyncio.timeout(60):
            while await db.pool.fetchval("SELECT count(*) FROM text_turns"):  # noqa: ASYNC110 - other connections do it
                await asyncio.sleep(0.02)
    for person in people:
        assert await heard(person) == ["Will you come?", "How many?", "Noted: yes 2."]
