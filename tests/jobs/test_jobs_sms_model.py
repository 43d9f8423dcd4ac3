"""Texts against a model: parts, answers of the carrier, receipts in any order, and senders that die, on a real database.

The model knows what a text's documentation says and nothing of how it is kept. After each step every message has to stand
where the model has it, and its result_url has to have been told of each change once.
"""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from callwright.ports.carrier import Answer, InDoubt, NotNow, Receipt, Refused, Taken
from callwright.services import accounts, numbers, sms, sms_carriers
from callwright.store.database import Database
from callwright.store.sealing import new_key
from callwright.store.sms_carriers import Texting
from callwright.store.sms_sending import ATTEMPTS_MAX, DueText

pytestmark = pytest.mark.store

OURS, THEIRS = "2435678910", "12125550101"
RISING = ["", "unconfirmed", "undelivered", "delivered"]


@dataclass
class Message:
    """What the model knows of one message."""

    status: str = "queued"
    delivery: str = ""
    asked: int = 0
    "How often the carrier was asked to send it."

    name: str = ""
    "The carrier's for it, once we were told."

    told: list[tuple[str, str]] = field(default_factory=list)
    "What its result_url has to have heard: status and delivery."

    def becomes(self, status: str, delivery: str) -> None:
        changed = (status, delivery) != (self.status, self.delivery)
        self.status, self.delivery = status, delivery
        if changed and status in ("sent", "failure"):
            self.told.append((status, delivery))


@dataclass
class Asked:
    """The carrier was asked, and has not answered yet."""

    text: DueText
    name: str
    "What the carrier calls it, whether or not we shall ever hear."


class Texts(RuleBasedStateMachine):
    """What may happen to texts."""

    run: ClassVar[asyncio.Runner]
    db: ClassVar[Database]
    scope: ClassVar[Any]
    carrier_id: ClassVar[int]

    def __init__(self) -> None:
        super().__init__()
        self.messages: dict[int, Message] = {}
        self.asked: list[Asked] = []
        self.names: list[str] = []
        "Of messages that the carrier may have."

        self.receipts: dict[str, str] = {}
        "The best that was told of each."

    def teardown(self) -> None:
        self._do(self.db.pool.execute("TRUNCATE sms_messages, sms_receipts, callbacks CASCADE"))

    def _do(self, what: Any) -> Any:
        return self.run.run(what)

    # -- what happens --------------------------------------------------------------------------

    @rule(parts=st.integers(1, 3))
    def is_queued(self, parts: int) -> None:
        body = "x" * (160 * parts)
        queued = sms.queue(self.db, self.scope, sender=OURS, to=THEIRS, body=body, result_url="http://client.test/done")
        rows = self._do(queued)
        assert len(rows) == parts
        self.messages |= {row.id: Message() for row in rows}

    @rule(limit=st.integers(1, 4))
    def are_claimed(self, limit: int) -> None:
        waiting = [id for id, message in self.messages.items() if message.status == "queued"]
        due = self._do(sms.claim(self.db, self.carrier_id, whole=False, limit=limit))
        assert len(due) == min(limit, len(waiting))
        for text in due:
            (id,) = text.ids
            assert id in waiting, "it was not to be sent (again)"
            message = self.messages[id]
            message.status, message.asked = "sending", message.asked + 1
            self.asked.append(Asked(text, f"c{id}-{message.asked}"))
            self.names.append(self.asked[-1].name)

    @precondition(lambda self: self.asked)
    @rule(
        data=st.data(), kind=st.sampled_from(["taken", "taken", "taken", "refused", "landline", "not now", "in doubt"])
    )
    def is_answered(self, data: st.DataObject, kind: str) -> None:
        asked = self.asked.pop(data.draw(st.integers(0, len(self.asked) - 1)))
        answers: dict[str, Answer] = {
            "taken": Taken(asked.name),
            "refused": Refused("no"),
            "landline": Refused("no", not_mobile=True),
            "not now": NotNow("busy", wait_s=0.0),
            "in doubt": InDoubt("link lost"),
        }
        if kind in ("refused", "landline", "not now"):
            self.names.remove(asked.name)
            if asked.name in self.receipts:
                # A carrier that has told what became of a text has taken it.
                self.names.append(asked.name)
                kind = "taken"
        self._do(sms.answered(self.db, self.carrier_id, asked.text, answers[kind]))
        self._answered(self.messages[asked.text.ids[0]], asked.name, kind)

    def _answered(self, message: Message, name: str, kind: str) -> None:
        if kind == "taken":
            message.name = name
            best = max(message.delivery, self.receipts.get(name, ""), key=RISING.index)
            message.becomes("sent", best)
        elif message.status != "sending":
            return  # Its sender was given up: it is in doubt, and stays so.
        elif kind in ("refused", "landline"):
            message.becomes("failure", "undelivered")
        elif kind == "in doubt":
            message.becomes("sent", "unconfirmed")
        elif message.asked >= ATTEMPTS_MAX:
            message.becomes("failure", "undelivered")
        else:
            message.status = "queued"

    @precondition(lambda self: self.names)
    @rule(data=st.data(), delivery=st.sampled_from(RISING[1:]), times=st.integers(1, 2))
    def receipt_comes(self, data: st.DataObject, delivery: str, times: int) -> None:
        name = data.draw(st.sampled_from(self.names))
        for _ in range(times):
            assert self._do(sms.told(self.db, self.carrier_id, Receipt(name, delivery, "because")))
        self.receipts[name] = max(self.receipts.get(name, ""), delivery, key=RISING.index)
        for message in self.messages.values():
            if message.name == name:
                message.becomes("sent", max(message.delivery, delivery, key=RISING.index))

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), answers_late=st.booleans())
    def sender_dies(self, data: st.DataObject, answers_late: bool) -> None:
        """Or it is only slow: then the carrier's answer comes after the message was given up."""
        asked = data.draw(st.sampled_from(self.asked))
        if not answers_late:
            self.asked.remove(asked)
        (id,) = asked.text.ids
        self._do(self.db.pool.execute("UPDATE sms_messages SET due_at = 1 WHERE id = $1 AND status = 'sending'", id))
        self._do(sms.lapse(self.db))
        message = self.messages[id]
        if message.status == "sending":
            message.becomes("sent", "unconfirmed")

    # -- what holds ----------------------------------------------------------------------------

    @invariant()
    def everything_is_where_the_model_has_it(self) -> None:
        rows = self._do(self.db.pool.fetch("SELECT id, status, delivery, carrier_message_id FROM sms_messages"))
        kept = {row["id"]: (row["status"], row["delivery"], row["carrier_message_id"]) for row in rows}
        assert kept == {id: (one.status, one.delivery, one.name) for id, one in self.messages.items()}
        rows = self._do(self.db.pool.fetch("SELECT sms_id, fields FROM callbacks ORDER BY id"))
        told: dict[int, list[tuple[str, str]]] = {id: [] for id in self.messages}
        for row in rows:
            fields = json.loads(row["fields"])
            told[row["sms_id"]].append((fields["status"], fields.get("delivery_status", "")))
        assert told == {id: message.told for id, message in self.messages.items()}


async def _open(url: str) -> None:
    Texts.db = await Database.open(url, size=3, sealing_key=new_key())
    account = await accounts.create_account(Texts.db, name="ann", email="ann@example.test", password="Secret-123")
    Texts.scope = account.scope
    number_id = await numbers.create(Texts.db, account.scope, address=OURS, sms=True)
    Texts.carrier_id = await sms_carriers.create(
        Texts.db, account.scope, name="handset", type="loopback", settings={}, texts_per_second=1000
    )
    await sms_carriers.set_texting(Texts.db, account.scope, number_id, Texting(Texts.carrier_id))


def test_texts_do_what_the_model_says(database_url):
    with asyncio.Runner() as run:
        Texts.run = run
        run.run(_open(database_url))
        try:
            run_state_machine_as_test(
                Texts,
                settings=settings(
                    max_examples=15,
                    stateful_step_count=30,
                    deadline=None,
                    suppress_health_check=list(HealthCheck),
                    # To shrink an example takes many minutes of a database.
                    phases=[Phase.generate],
                ),
            )
        finally:
            run.run(Texts.db.close())
