"""The calls of this engine, from the door to the end: a leg, a program, and the row and journal that stay.

A call is *admitted* before anything is done for it, which reserves all it will need; where that is not there,
callers are turned away and the queue waits. So no call that was let in fails for want of room.

`serve` is the one containment point of a call: whatever goes wrong in it ends that call and is logged with it;
the engine lives.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from callwright.base import log_fields
from callwright.base.config import Config
from callwright.base.errors import CallwrightError, RequestError
from callwright.base.values import Value
from callwright.conversation.applications import Applications, Loaded
from callwright.conversation.converse import converse
from callwright.conversation.texts import send_text
from callwright.conversation.world import World
from callwright.engine import metrics
from callwright.engine.clock import now
from callwright.engine.legs import Legs, Owner
from callwright.engine.session_ids import Channels
from callwright.engine.writer import Writer
from callwright.ports.evaluator import Evaluator
from callwright.ports.leg import Frames
from callwright.ports.recognizer import Recognizer
from callwright.providers.http import GuardedClient
from callwright.providers.integrations.soap import Soap
from callwright.providers.mail.smtp import Mailer
from callwright.services import recordings
from callwright.session import events
from callwright.session.commands import Load, Log, SendText
from callwright.session.prompts import Prompt
from callwright.session.run import Entry, Outcome, Run, SessionInfo
from callwright.store.calls import ClosedCall, OpenedCall
from callwright.store.database import Database
from callwright.store.deployments import Route
from callwright.store.scope import Scope
from callwright.telephony.leg import SipLeg
from callwright.voice.messages import Messages
from callwright.voice.performer import Performer
from callwright.voice.prompts import PromptShelf

if TYPE_CHECKING:
    from callwright.engine.transfers import Transfers

log = logging.getLogger(__name__)

MEDIA_CLOSE_S_MAX = 5.0
"How long the end of a call waits for its recording to be complete on disk."


@dataclass(frozen=True, slots=True)
class Admission:
    """Room for one call. `Calls.serve` uses it up; whoever does not come to that releases it."""

    channel: int
    call_id: int


@dataclass(frozen=True, slots=True)
class Party:
    """Who called whom."""

    direction: Literal["inbound", "outbound"]
    caller: str
    dialled: str
    sip_call_id: str
    outbound_call_id: int | None = None
    sip_headers: tuple[tuple[str, str], ...] = ()
    "Of a caller's INVITE."

    is_phone: bool = False
    "The caller is a telephone of the account."


class Calls:
    """Runs programs on legs."""

    def __init__(
        self,
        config: Config,
        *,
        engine_id: int,
        channels: Channels,
        writer: Writer,
        shelf: PromptShelf,
        http: GuardedClient,
        mailer: Mailer,
        evaluator: Evaluator,
        recognizer: Recognizer,
        applications: Applications,
        db: Database,
    ) -> None:
        self._engine_id = engine_id
        self._channels = channels
        self._writer = writer
        self._shelf = shelf
        self._http = http
        self._soap = Soap(http)
        self._mailer = mailer
        self._evaluator = evaluator
        self._recognizer = recognizer
        self._applications = applications
        self._db = db
        self._callee_s = config.callee_s
        self._messages = config.messages_dir
        self._secure_messages = config.secure_messages_dir
        self._recordings = Path(config.recordings_dir)
        self.legs: set[SipLeg] = set()
        "Legs of the calls that run."

        self.transfers: Transfers | None = None
        "Set before the first call: it needs what this has."

        self.seen: Legs | None = None
        "As well."

    @property
    def free(self) -> int:
        """Calls that could begin now."""
        return 0 if self._writer.full else self._channels.free

    def admit(self) -> Admission | None:
        """Room for a call that begins now or soon; None while there is none."""
        if self._writer.full:
            return None
        channel = self._channels.take(now())
        return None if channel is None else Admission(channel, self._writer.next_id())

    def release(self, admission: Admission) -> None:
        """The call does not come to anything."""
        self._channels.give_back(admission.channel)
        self._writer.give_back(admission.call_id)

    async def serve(
        self,
        admission: Admission,
        leg: SipLeg,
        route: Route,
        loaded: Loaded,
        party: Party,
        variables: Mapping[str, Value],
        *,
        keys_first: str = "",
    ) -> Outcome:
        """Run the version on the leg until both have ended. `keys_first` are pressed before it begins."""
        begun_at = now()
        session_id = self._channels.begin(admission.channel, begun_at)
        log_fields.session_id.set(session_id)
        call = _Journalled(self._writer, self._open(admission, route, party, session_id), kept=not route.is_pci)
        recording = Path(recordings.path_of(route.account_id, session_id, now()))
        messages = Messages((self._secure_messages if route.is_pci else self._messages) / str(call.id))
        scripts = self._evaluator.session()
        self.legs.add(leg)
        if party.direction == "inbound":
            assert self.seen is not None
            owner = Owner(route.account_id, route.user_id, "caller", call.id, secret=route.is_pci)
            self.seen.follow(leg, owner)
        run = Run(
            loaded.program,
            session=SessionInfo(
                session_id, party.caller, party.dialled, loaded.name, party.direction, party.sip_headers
            ),
            variables=variables,
            journal=call.journal,
        )
        try:
            if party.direction == "outbound" and self._callee_s:
                leg.classify(self._callee_s)
            if keys_first:
                leg.send_keys(keys_first)
            world = World(
                self._http, self._soap, self._mailer, messages, scripts, self._load(route), self._text(route), now
            )
            performer = self._performer(leg, route, party, call, recording, messages)
            outcome = await converse(run, performer, world, now)
        except CallwrightError as error:
            outcome = Outcome("error", str(error))
        except Exception as error:  # noqa: BLE001 - one call ends; the engine lives
            outcome = Outcome("error", run.told(error))
        finally:
            leg.hang_up()
            self.legs.discard(leg)
            await leg.closed(MEDIA_CLOSE_S_MAX)
            messages.remove()
            scripts.close()
            self._channels.give_back(admission.channel)
        # What went wrong may say what was said.
        message = "" if route.is_pci else outcome.message
        if outcome.kind == "error":
            log.error("call %s: %s", session_id, message or "an error in the secure environment")
        recorded = str(recording) if (self._recordings / recording).exists() else ""
        metrics.CALLS.labels(party.direction, outcome.kind).inc()
        metrics.CALL.observe(leg.ended_at - begun_at)
        self._writer.closed(ClosedCall(call.id, leg.ended_at, outcome.kind, message[:2000], recorded))
        return outcome

    def _load(self, route: Route) -> Callable[[Load], Awaitable[events.Loaded | events.LoadFailed]]:
        async def load(command: Load) -> events.Loaded | events.LoadFailed:
            return await self._applications.other(route.account_id, command.application, command.version)

        return load

    def _text(self, route: Route) -> Callable[[SendText], Awaitable[str]]:
        async def text(command: SendText) -> str:
            if route.is_pci:
                raise RequestError(403, "the secure environment sends no texts")
            return await send_text(self._db, Scope(route.account_id, route.user_id, "v1"), command)

        return text

    def _performer(
        self, leg: SipLeg, route: Route, party: Party, call: "_Journalled", recording: Path, messages: Messages
    ) -> Performer:
        assert self.transfers is not None
        self.transfers.follow(leg, route, dialled=party.direction == "outbound", is_phone=party.is_phone)

        async def prepare(prompt: Prompt) -> list[Frames]:
            if route.is_pci:
                prompt = replace(prompt, parts=tuple(replace(part, private=True) for part in prompt.parts))
            return await self._shelf.prepare(route.account_id, prompt, messages)

        def recording_path() -> str:
            path = self._recordings / recording
            path.parent.mkdir(parents=True, exist_ok=True)
            return str(path)

        return Performer(
            leg,
            prepare=prepare,
            report=call.problem,
            clock=now,
            recording_path=None if route.is_pci else recording_path,
            messages=messages,
            dial=self.transfers.of(route, party, call.id, leg, call.problem),
            recognizer=self._recognizer,
        )

    def _open(self, admission: Admission, route: Route, party: Party, session_id: str) -> int:
        outbound = party.direction == "outbound"
        self._writer.opened(
            OpenedCall(
                id=admission.call_id,
                account_id=route.account_id,
                user_id=route.user_id,
                application_id=route.application_id,
                deployment_id=route.deployment_id,
                version_id=route.version_id,
                outbound_call_id=party.outbound_call_id,
                engine_id=self._engine_id,
                session_id=session_id,
                sip_call_id=party.sip_call_id,
                direction=party.direction,
                # The literal that the compatible call list shows as the source of outbound calls.
                src="Outbound" if outbound else party.caller,
                dest=party.dialled,
                number=route.number,
                started_at=now(),
                is_pci=route.is_pci,
            )
        )
        return admission.call_id


class _Journalled:
    """The journal of one call. It is not `kept` of a call in the secure environment."""

    __slots__ = ("_kept", "_writer", "id")

    def __init__(self, writer: Writer, call_id: int, *, kept: bool) -> None:
        self._writer = writer
        self._kept = kept
        self.id = call_id

    def journal(self, entry: Entry) -> None:
        if self._kept:
            self._writer.entry(self.id, entry)

    def problem(self, text: str) -> None:
        self.journal(Entry(now(), None, Log(text, "error")))
