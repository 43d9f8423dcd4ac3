"""One turn of a conversation by text: from a text that has come to the next one that is waited for, or to the end.

    begin, or take up --> go on --> waits: put away
                             |
                             +----> the application has hung up: what it said is sent --> the rest (post-call service) --> over

Nothing of a turn is kept before its end, where all of it is, in one transaction: the reply, the session as it waits, its
journal. Who dies before has only asked web services once more than needed: the turn is taken again from the same place. A
session that ends is kept in two steps, so that a goodbye does not wait for a post-call web service that is slow or down.
"""

import asyncio
import logging
import traceback
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

from callwright.base.errors import AuthorError, CallwrightError, RequestError
from callwright.conversation.applications import Applications
from callwright.conversation.world import World
from callwright.ports.evaluator import Evaluator, SessionScripts
from callwright.providers.http import GuardedClient
from callwright.providers.integrations.soap import Soap
from callwright.providers.mail.smtp import Mailer
from callwright.services import sms, text_sessions
from callwright.services.sms import Draft
from callwright.services.text_sessions import Came, Opened, TurnLost
from callwright.session import events
from callwright.session.checkpoint import KeptRun, decode, encode, take_up
from callwright.session.commands import Collect, Load, Log, SendText, WorldCommand
from callwright.session.events import HungUp, Started
from callwright.session.run import Entry, Limits, SessionInfo
from callwright.session.texting import Turn, answer
from callwright.sms.segments import PARTS_MAX, fitting
from callwright.store.database import FAILURES, Database
from callwright.store.scope import Scope
from callwright.store.sms import SmsNumber
from callwright.store.text_sessions import DueTurn, OpenSession
from callwright.voice.messages import Messages

log = logging.getLogger(__name__)

LIMITS = Limits(steps=10_000, seconds=90 * 86_400.0)
"Of one conversation: a loop that asks ends here, and somebody who has answered for three months begins anew."

TURN_S_MAX = 120.0
"From a text to its reply: two requests of a web service that uses up its minute."

REST_S_MAX = 600.0
"After the end: three tries of the post-call web service, and a mail."

TRIES_MAX = 20
"""Claims of one turn: if the process has died in each, it is the turn that does it. More than a machine that is switched off and
on again takes, for each death counts for all turns that were in hand."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What all conversations have of the world."""

    http: GuardedClient
    soap: Soap
    mailer: Mailer
    evaluator: Evaluator
    applications: Applications
    messages_dir: Path
    clock: Callable[[], float]


class TextTurn:
    """A turn that was claimed. `take` it once."""

    def __init__(self, db: Database, tools: Tools, turn: DueTurn) -> None:
        self._db, self._tools, self._turn = db, tools, turn
        self._came = Came()
        self._side = Turn()
        self._run: KeptRun | None = None
        self._session: OpenSession | Opened | int | None = None
        self._ended = False
        "The application has hung up, or the person has gone; that much is kept."

    async def take(self) -> None:
        """Raises one of `FAILURES` where the database does not answer: the turn is due again when its lease runs out."""
        scripts = self._tools.evaluator.session()
        try:
            number = await text_sessions.number(self._db, self._turn)
            if number is None:
                await text_sessions.drop(self._db, self._turn)
                return
            try:
                await self._take(number, scripts)
            except FAILURES:
                raise
            except TurnLost:
                log.warning("turn %d was taken by another process meanwhile", self._turn.id)
            except CallwrightError as error:
                await self._fail(number, str(error))
            except Exception as error:  # noqa: BLE001 - the containment point of one turn: the process lives
                await self._fail(number, self._run.told(error) if self._run else traceback.format_exc())
        finally:
            scripts.close()

    async def _take(self, number: SmsNumber, scripts: SessionScripts) -> None:
        turn = self._turn
        self._session = session = await text_sessions.waiting(self._db, turn)
        if session is None and turn.what == "text":
            self._session = await self._opened(number)
        expired = turn.what == "expired" and session is not None and session.waits_until is None
        if self._session is None or (turn.what == "expired" and not expired):
            # It has ended by itself, or somebody has answered at the last moment.
            await text_sessions.drop(self._db, turn)
            return
        if turn.tries > TRIES_MAX:
            raise AuthorError(f"The turn was given up: the process that took it ended {TRIES_MAX} times")
        self._run = run = await self._begun(self._session)
        world = self._world(run, number, scripts)
        await self._tell(run, world)
        await self._go_on(run, world, TURN_S_MAX)
        await self._keep(run, number)
        if run.outcome is None and self._ended:
            await self._go_on(run, world, REST_S_MAX)
            await self._keep(run, number)

    async def _opened(self, number: SmsNumber) -> Opened | None:
        route = await text_sessions.route(self._db, self._turn)
        if route is None:
            log.warning("number %d has nothing published that answers its texts", number.id)
            return None
        return Opened(route, uuid.uuid4(), self._tools.clock())

    async def _begun(self, session: OpenSession | Opened | int) -> KeptRun:
        """The run, waiting as it did; a new one has asked for its first command."""
        assert not isinstance(session, int)
        turn, journal = self._turn, self._came.entries.append
        if isinstance(session, OpenSession):
            loaded = await self._tools.applications.load(session.version_id)
            try:
                checkpoint = decode(text_sessions.checkpoint(self._db, session))
            except ValueError:
                raise AuthorError("The session was put away by another release, and cannot be taken up") from None
            return take_up(loaded.program, checkpoint, limits=LIMITS, journal=journal)
        assert session.route.version_id is not None
        loaded = await self._tools.applications.load(session.route.version_id)
        text = text_sessions.said(self._db, turn)
        info = SessionInfo(session.session_id.hex, turn.theirs, session.route.number, loaded.name, text=text)
        run = KeptRun(loaded.program, session=info, variables={}, limits=LIMITS, journal=journal)
        run.start(Started(session.started_at, text))
        return run

    async def _tell(self, run: KeptRun, world: World) -> None:
        """Give the session what has come for it."""
        turn, now = self._turn, self._tools.clock()
        if turn.what == "after" and run.began_again:
            raise AuthorError("The release has changed since the session ended: its post-call web service is not told")
        if isinstance(self._session, Opened) or turn.what == "after":
            self._ended = turn.what == "after"
            return
        if not isinstance(run.asked, Collect):
            # The release was changed, and it asks anew: the text answers a question that is no more.
            await self._go_on(run, world, TURN_S_MAX)
            if run.outcome is not None or not isinstance(run.asked, Collect):
                return
            if turn.what != "text":
                self._side = Turn()
        match turn.what:
            case "text" if not run.began_again:
                text = text_sessions.said(self._db, turn)
                self._came.shown = None if run.asked.private else text
                run.send(answer(run.asked, text, now))
            case "stop":
                run.send(HungUp(now))
            case "expired":
                run.send(HungUp(now, by="platform"))

    async def _go_on(self, run: KeptRun, world: World, seconds: float) -> None:
        """To the next text that is waited for, to the moment when the person has gone, or to the end."""
        deadline = asyncio.get_running_loop().time() + seconds
        while run.outcome is None:
            assert run.asked is not None
            if isinstance(run.asked, WorldCommand):
                if run.call.caller_gone and not self._ended:
                    return
                try:
                    async with asyncio.timeout_at(deadline):
                        event = await world.perform(run.asked)
                except TimeoutError:
                    run.refuse(AuthorError(f"What was asked for took longer than {seconds:g} s"))
                else:
                    run.send(event)
                continue
            try:
                answered = self._side.perform(run.asked, self._tools.clock())
            except AuthorError as error:
                run.refuse(error)
                continue
            if answered is None:
                return
            run.send(answered)

    async def _keep(self, run: KeptRun, number: SmsNumber) -> None:
        """Write what the turn has come to."""
        assert self._session is not None
        came, goes_on = self._came, False
        if run.outcome is None:
            goes_on = not isinstance(run.asked, Collect)
            came.checkpoint = encode(run.put_away())
            came.waits_s = None if goes_on else number.text_wait_s
            came.private = isinstance(run.asked, Collect) and run.asked.private
        else:
            came.outcome, came.cause = run.outcome.kind, run.outcome.message
        if self._side.body:
            came.texts.insert(0, self._reply(number))
        self._session = await text_sessions.write(self._db, self._turn, number, self._session, came, goes_on=goes_on)
        self._turn = replace(self._turn, what="after", sms_id=None, body=None)
        self._ended = goes_on
        # The journal goes on in the same list.
        came.entries.clear()
        self._side, self._came = Turn(), Came(entries=came.entries)

    def _reply(self, number: SmsNumber) -> Draft:
        segments, is_cut = fitting(self._side.body, concatenated=number.texts_joined)
        if is_cut:
            told = f"The reply is too long, and was cut: a text is at most {PARTS_MAX} messages"
            self._came.entries.append(Entry(self._tools.clock(), None, Log(told, "error")))
        return Draft(number, self._turn.theirs, segments, sealer=self._db.sealer if self._side.private else None)

    async def _fail(self, number: SmsNumber, cause: str) -> None:
        """The session ends with an error of which its log tells."""
        log.error("turn %d: %s", self._turn.id, cause)
        if self._session is None:
            await text_sessions.drop(self._db, self._turn)
            return
        told = Entry(self._tools.clock(), None, Log(cause.strip().splitlines()[-1], "error"))
        came = Came(outcome="error", cause=cause, entries=[*self._came.entries, told], shown=self._came.shown)
        await text_sessions.write(self._db, self._turn, number, self._session, came)

    def _world(self, run: KeptRun, number: SmsNumber, scripts: SessionScripts) -> World:
        tools = self._tools
        for script in run.scripts:
            scripts.remember(script)

        async def load(command: Load) -> events.Loaded | events.LoadFailed:
            return await tools.applications.other(number.account_id, command.application, command.version)

        messages = Messages(tools.messages_dir / f"text-{run.call.session.id}")
        return World(tools.http, tools.soap, tools.mailer, messages, scripts, load, self._text(number), tools.clock)

    def _text(self, number: SmsNumber) -> Callable[[SendText], Awaitable[str]]:
        """What the module SMS sends goes with the rest of the turn, and is not queued before."""
        scope = Scope(number.account_id, number.user_id, "v1")

        async def text(command: SendText) -> str:
            sent = await sms.draft(
                self._db, scope, sender=command.sender, to=command.to, body=command.body, private=command.private
            )
            self._came.texts.append(sent)
            cause = await sms.refused(self._db.pool, scope, sent)
            if cause:
                raise RequestError(400, sms.refusal(cause, sent.to) or cause)
            return sent.message_id.hex

        return text
