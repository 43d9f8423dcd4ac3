"""REGISTER: telephones say where they are (RFC 3261 §10).

Their bindings lie in the database, so that every engine calls them; this one also remembers where those came from that it
has served, since a telephone that is registered is no stranger (`engine.door`).
"""

import asyncio
import logging
import secrets
import time

from callwright.services import phones
from callwright.sip.address import Address
from callwright.sip.agent import RETRY_AFTER_S, Agent
from callwright.sip.message import Request, Response
from callwright.sip.registration import Asking, contact_value
from callwright.sip.transaction import ServerTransaction
from callwright.store.database import FAILURES, Database
from callwright.store.phones import BindingRow, KnownPhone, OutOfOrder

log = logging.getLogger(__name__)

AT_ONCE_MAX = 100
"REGISTERs that wait for the database; 503 past it. They are of telephones that have proved who they are."

USER_AGENT_MAX = 100
SERVED_MAX = 20_000
"Places of registered telephones that are remembered."


class Registrar:
    """Stores what `door` lets through. `serve_in` first."""

    def __init__(self, db: Database, engine_id: int) -> None:
        self._db = db
        self._engine_id = engine_id
        self._tasks: asyncio.TaskGroup | None = None
        self._at_once = 0
        self._served: dict[Address, float] = {}
        "Where registered telephones are, and until when, by the monotonic clock."

        self.registered = 0
        "REGISTERs that were granted."

    def serve_in(self, tasks: asyncio.TaskGroup) -> None:
        self._tasks = tasks

    def serves(self, source: Address) -> bool:
        """Whether a telephone is registered from there, by this engine."""
        until = self._served.get(source)
        return until is not None and until > time.monotonic()

    def take(self, agent: Agent, request: Request, source: Address, phone: KnownPhone, asking: Asking) -> None:
        """Do what a REGISTER asks, and answer it. The same request, come again meanwhile, finds its transaction."""
        if self._tasks is None or self._at_once >= AT_ONCE_MAX or agent.transactions.full:
            agent.refuse(request, source, 503, retry_after=str(RETRY_AFTER_S))
            return
        transaction = agent.transactions.serve(request, source)
        self._at_once += 1
        task = self._tasks.create_task(self._store(agent, request, source, phone, asking, transaction))
        task.add_done_callback(self._over)

    def _over(self, _: "asyncio.Task[None]") -> None:
        self._at_once -= 1

    async def _store(
        self,
        agent: Agent,
        request: Request,
        source: Address,
        phone: KnownPhone,
        asking: Asking,
        transaction: ServerTransaction,
    ) -> None:
        try:
            bindings = await phones.register(
                self._db,
                phone,
                asking,
                source=source,
                transport=agent.transport,
                engine_id=self._engine_id,
                user_agent=_printable(request.headers.get("user-agent")),
                now=time.time(),
            )
        except OutOfOrder:
            answer = agent.response(request, 500, tag=secrets.token_hex(8))
        except FAILURES as error:
            log.warning("a REGISTER of phone %s waits for the database: %s", phone.name, error)
            answer = agent.response(request, 503, tag=secrets.token_hex(8))
            answer.headers.set("retry-after", str(RETRY_AFTER_S))
        else:
            answer = self._granted(agent, request, source, bindings)
        transaction.respond(answer)

    def _granted(self, agent: Agent, request: Request, source: Address, bindings: list[BindingRow] | None) -> Response:
        tag = secrets.token_hex(8)
        if bindings is None:
            return agent.response(request, 404, tag=tag)
        self._remember(source, bindings)
        self.registered += 1
        answer = agent.response(request, 200, tag=tag)
        now = time.time()
        if bindings:
            contacts = [contact_value(one.uri, max(1, round(one.expires_at - now)), one.quality) for one in bindings]
            answer.headers.set("contact", *contacts)
        if paths := request.headers.all("path"):
            # RFC 3327 §5.3: so that the telephone sees by whom it is reached.
            answer.headers.set("path", *paths)
        return answer

    def _remember(self, source: Address, bindings: list[BindingRow]) -> None:
        """Where this telephone is now; if it is there no more, it is a stranger again."""
        until = max((one.expires_at for one in bindings if one.source == source), default=0.0) - time.time()
        self._served.pop(source, None)
        if until > 0:
            self._served[source] = time.monotonic() + until
        while len(self._served) > SERVED_MAX:
            del self._served[next(iter(self._served))]


def _printable(text: str) -> str:
    return (
        "".join(char if char.isprintable() else "?" for char in text[:USER_AGENT_MAX])
        .encode("utf-8", "replace")
        .decode()
    )
