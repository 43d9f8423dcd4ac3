"""A SIP call and its media session as one leg, from the offer to the end of both.

Each tells what happens to it in the event loop's thread; the leg folds both into one stream of `LegEvent`s, in which `LegEnded`
comes exactly once and last, whoever ended it. Keys reach it in up to three ways, of which `key_infos` says which count.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

from callwright.base.errors import PeerError, ProviderError
from callwright.media.codec import Codec
from callwright.ports.leg import (
    Beeped,
    Callee,
    Frames,
    KeyPressed,
    Leg,
    LegEnded,
    LegEvent,
    PlayEnded,
    Slot,
    SpeechEnded,
    SpeechStarted,
)
from callwright.sip import sdp
from callwright.sip.address import Address, Transport, uri
from callwright.sip.events import Answered, Confirmed, Ended, KeyInfo, Referred, Rejected, Reoffered, Ringing, SipEvent
from callwright.sip.locating import Place
from callwright.telephony import hush
from callwright.telephony.dialled import NotAnswered, Waits
from callwright.telephony.handing_over import HandingOver
from callwright.telephony.inner_call import InnerCall
from callwright.telephony.joint import EarlyJoint, Joint
from callwright.telephony.key_infos import KeyInfos
from callwright.telephony.media_coding import Agreed
from callwright.telephony.media_events import NO_AUDIO, CalleeFound, NoAudio, RecordingEnded
from callwright.telephony.negotiation import Negotiation
from callwright.telephony.plane import Closed, FirstPacket, MediaEvent, MediaPlane, MediaSession, MediaStats
from callwright.telephony.sip_endpoint import Credentials, SipCall, SipEndpoint
from callwright.telephony.succession import Peer, Stations, Succession

log = logging.getLogger(__name__)

EVENTS_MAX = 1000
"Events that may wait for the program. Keys past it are dropped: nobody types a thousand keys ahead."


class SipLeg:
    """`ports.Leg` over SIP and RTP. Made by `incoming` or `outgoing`."""

    def __init__(self, plane: MediaPlane, host: str, codecs: Sequence[type[Codec]] = ()) -> None:
        self._events: deque[LegEvent] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._answer: asyncio.Future[NotAnswered | None] | None = None
        self._ended = False
        self._ended_at = 0.0
        self._ending = LegEnded("failure", "it never began")
        self._closed: asyncio.Future[MediaStats] = asyncio.get_running_loop().create_future()
        self._call: SipCall | None = None
        self._infos = KeyInfos()
        self._no_audio_s = plane.no_audio_s
        self._succession: Succession | None = None
        self._handing_over = HandingOver()
        self.name = ""
        "User part of who we are to the party."

        self.peer: Peer | None = None
        self._recordings: dict[str, asyncio.Future[str]] = {}
        "By path, with the error or an empty string."

        self.joint: Joint | None = None
        "With the leg that it is bridged with."

        self.callee: Callee | None = None
        self.heard_at: Callable[[], None] | None = None
        "Called once, when the far end's first audio packet arrives."

        self.on_successor: Callable[[str], None] = lambda _: None
        "Told of each call that is to take the place of the party's, by Call-ID, whether or not it comes to that."

        self.waiting_for_it: Waits[SipLeg] | None = None
        "Of a leg that we dialled."

        self._media: MediaSession = plane.open(self._on_media, host)
        self.hush = hush.Hush(self._media)
        self.negotiation = partial(Negotiation, host, self._media.port, codecs or plane.codecs, chooses=bool(codecs))
        "Makes one for somebody else in the party's place, with keys of its own."

        self.srtp = False
        "It is offered SRTP, and nothing else."

        self.described = self.negotiation()

    @classmethod
    def incoming(cls, call: SipCall, plane: MediaPlane, host: str, *, codecs: Sequence[type[Codec]] = ()) -> "SipLeg":
        """Answer a caller: negotiates the media and sends the 200. `host`: by which its audio reaches us; of its family are both
        sides. `codecs`: that are spoken then, best first; none: the plane's.

        Raises `PeerError` where the offer has no audio that we speak, `ProviderError` where no RTP port is free;
        the call is then still unanswered.
        """
        leg = cls(plane, host, codecs)
        try:
            description = leg._answer_to(sdp.parse(call.offer)) if call.offer else leg.described.offer()
        except PeerError:
            leg._media.close()
            raise
        leg._take(call)
        call.answer(description)
        return leg

    def _take(self, call: SipCall) -> None:
        self._call, self.name = call, call.dialled
        self.peer = Peer(call.remote[0], call.remote, call.agent.transport)
        call.on_event = self._on_sip

    @classmethod
    def outgoing(
        cls,
        endpoint: SipEndpoint,
        plane: MediaPlane,
        host: str,
        *,
        target: str,
        call_id: str,
        caller: str,
        to: tuple[str, int],
        extra: Sequence[tuple[str, str]] = (),
        credentials: Credentials | None = None,
        permits: Callable[[str], bool] = lambda _: True,
        transport: Transport = "udp",
        others: Sequence[Place] = (),
        srtp: bool = False,
        codecs: Sequence[type[Codec]] = (),
        authority: str = "",
    ) -> "SipLeg":
        """Dial `target`, a SIP URI, by way of the peer at `to`, with `extra` header fields. What comes of it: `answered`.

        `credentials`: for a peer that challenges. `permits`: whether it may send us on to this IP address. `others`:
        where else the peer is, should nobody be there. `srtp`: offer nothing else, by TLS alone. `codecs`: that are offered, best
        first; none: those of the plane. `authority`: in PEM, who alone may have signed the peer's certificate.

        Raises `PeerError` where these are no SIP URI and no IP address, `ProviderError` where no RTP port is free.
        """
        leg = cls(plane, host, codecs)
        leg._answer = asyncio.get_running_loop().create_future()
        leg.name, leg.srtp = caller, srtp
        try:
            if srtp and not (transport == "tls" and all(place.transport == "tls" for place in others)):
                raise PeerError("SRTP needs TLS: its keys are for nobody on the way")
            leg.peer = Peer(uri(target).host, to, transport, credentials, authority)
            leg._call = endpoint.invite(
                target,
                call_id=call_id,
                caller=caller,
                sdp=leg.described.offer(secure=srtp),
                to=to,
                on_event=leg._on_sip,
                extra=extra,
                credentials=credentials,
                permits=permits,
                transport=transport,
                others=others,
                authority=authority,
            )
        except (PeerError, ProviderError):
            leg._media.close()
            raise
        return leg

    async def answered(self, timeout_s: float) -> NotAnswered | None:
        """None once the far end answered. A far end that only rings is cancelled after `timeout_s`."""
        assert self._answer is not None, "only a leg that we dialled can be waited for"
        try:
            async with asyncio.timeout(timeout_s):
                return await asyncio.shield(self._answer)
        except TimeoutError:
            if self._answer.done():
                return self._answer.result()
            self.hang_up()
            return NotAnswered(408, "No answer")

    # -- transfers -----------------------------------------------------------------------------

    def follow(
        self,
        endpoint: SipEndpoint,
        permits: Callable[[str], bool],
        stations: Stations | None = None,
        *,
        account_id: int = 0,
    ) -> None:
        """From now on the party may send somebody else in its place (`succession`). `account_id`: whose leg it is."""
        assert self._call is not None and self.peer is not None
        self._succession = Succession(self, endpoint, self.peer, permits, stations, account_id)
        self._succession.watch(self._call)

    def adopt(self, call: SipCall, described: Negotiation, agreed: tuple[sdp.Audio, Agreed] | None) -> SipCall:
        """This call is the party's from now on, and what was agreed in it; None as long as it has said nothing. Returns the one
        before, to be hung up."""
        assert self._call is not None
        before, self._call = self._call, call
        hush.look(self)
        self.described, self._infos = described, KeyInfos()
        # The other end of a bridge is told of whoever has come, and not of both.
        joint, self.joint = self.joint, None
        if agreed is not None:
            self.connect(agreed)
        call.on_event, self.joint = self._on_sip, joint
        self._settle(None)  # where whom we dialled had not answered yet
        if joint is not None:
            joint.look()
        if self._succession is not None:
            self._succession.watch(call)
        before.on_event, before.on_refer, before.on_replaced = lambda _: None, None, None
        return before

    async def hand_over(self, destination: str, timeout_s: float, other: "SipLeg | None" = None) -> Referred:
        """Have the party call a number or a SIP URI in place of us; `other`: there to take the place of that leg. With a status
        of 200 to 299 it has done so. A `PeerError` where it cannot be asked."""
        replaced = other._call if other is not None else None
        return await self._handing_over.ask(self._call, destination, timeout_s, replaced)

    @property
    def inner(self) -> InnerCall | None:
        """Of a leg whose party is another leg of ours."""
        return self._call if isinstance(self._call, InnerCall) else None

    @property
    def replaceable(self) -> str:
        """The URI at which somebody else can take our place with the party; empty where it does not know how (RFC 3891)."""
        call = self._call
        if self._ended or call is None or call.dialog is None or not call.supports("replaces"):
            return ""
        return call.dialog.target

    # -- ports.Leg ---------------------------------------------------------------------------

    @property
    def ended(self) -> bool:
        return self._ended

    @property
    def ended_at(self) -> float:
        """UNIX seconds; of a leg that goes on, now. A program may go on for minutes when its call has ended."""
        return self._ended_at or time.time()

    async def event(self) -> LegEvent:
        while not self._events:
            waiter = self._waiter = asyncio.get_running_loop().create_future()
            try:
                await waiter
            finally:
                # Who was cancelled may come by here when somebody else waits already.
                if self._waiter is waiter:
                    self._waiter = None
        return self._events.popleft()

    def waiting(self) -> LegEvent | None:
        return self._events.popleft() if self._events else None

    def play(self, frames: Sequence[Frames], mark: int, *, again: bool = False) -> None:
        if not self._ended:
            self._media.play(frames, mark, again=again)

    def stop_playing(self) -> None:
        if not self._ended:
            self._media.stop_playing()

    def send_keys(self, keys: str) -> None:
        if self._ended:
            return
        if self.described.informed and self.described.event_payload_type is None:
            assert self._call is not None
            self._infos.send(self._call, keys)
        else:
            self._media.send_keys(keys)

    def start_recording(self, path: str, slot: Slot = "call") -> None:
        if not self._ended:
            self._recordings[path] = asyncio.get_running_loop().create_future()
            self._media.start_recording(path, slot)

    def stop_recording(self, slot: Slot = "call", cut_s: float = 0.0) -> None:
        if not self._ended:
            self._media.stop_recording(slot, cut_s)

    def mute_recordings(self, on: bool) -> None:
        hush.own(self, on)

    async def recorded(self, path: str, timeout_s: float) -> str:
        complete = self._recordings.get(path)
        if complete is None:
            return "it was never begun"
        try:
            async with asyncio.timeout(timeout_s):
                return await asyncio.shield(complete)
        except TimeoutError:
            return f"it was not complete within {timeout_s:g} s"

    def bridge(self, other: Leg | None) -> None:
        if not self._ended:
            assert other is None or isinstance(other, SipLeg)
            if self.joint is not None:
                self._media.bridge(None)
                self.joint.part()
            if other is not None and not other.ended:
                self._join(Joint(self, other), other)

    def overhear(self, other: "SipLeg") -> None:
        """Hear one that has not answered, in place of what is playing, until `bridge` or its end. Keys and holds go to it."""
        if not self._ended:
            self._media.stop_playing()
            self._join(EarlyJoint(self, other), other)

    def _join(self, joint: Joint, other: "SipLeg") -> None:
        self._media.bridge(other._media)
        joint.look()

    def reoffer(self, answered: Callable[[str], None]) -> None:
        """Tell the party what has changed of us (`Negotiation.changed`); `answered` gets its answer, empty where it refuses."""
        assert self._call is not None
        self._call.reoffer(self.described.changed, answered)

    def listen(self, silence_s: float, *, beeps: bool = False) -> None:
        if not self._ended:
            self._media.listen(silence_s, beeps=beeps)

    def classify(self, within_s: float) -> None:
        """Find out who has answered just now, in so long at most: `callee`."""
        if not self._ended:
            self._media.classify(within_s)

    def hear(self, silence_s: float, mark: int) -> None:
        if not self._ended:
            self._media.hear(silence_s, mark)

    def hang_up(self) -> None:
        self._leave(LegEnded("local", "hung up"))

    def _leave(self, why: LegEnded) -> None:
        if not self._ended and self._call is not None:
            self._call.hang_up()
            self.end(why)

    def when_closed(self, told: Callable[[MediaStats, LegEnded], None]) -> None:
        """Have this called once, when signalling and media are over."""
        self._closed.add_done_callback(lambda done: None if done.cancelled() else told(done.result(), self._ending))

    @property
    def was_answered(self) -> bool:
        """By us, or by the far end that we dialled."""
        return self._answer is None or (self._answer.done() and self._answer.result() is None)

    @property
    def call_id(self) -> str:
        """SIP's name of it."""
        assert self._call is not None
        return self._call.call_id

    @property
    def us(self) -> Address:
        """Our end of its signalling."""
        assert self._call is not None
        return self._call.agent.address

    async def closed(self, timeout_s: float) -> MediaStats | None:
        """The media's figures, once its recording is complete on disk; None where that takes too long."""
        try:
            async with asyncio.timeout(timeout_s):
                return await asyncio.shield(self._closed)
        except TimeoutError:
            return None

    # -- what the SIP call and the media session tell ------------------------------------------

    def _on_sip(self, event: SipEvent) -> None:
        match event:
            case Answered(sdp=description):
                assert self._call is not None
                self.described.answered_by(self._call.description)
                self._on_answered(description)
            case Rejected(status=status, reason=reason, heard=heard):
                self._settle(NotAnswered(status, reason, heard))
                self.end(LegEnded("failure", f"{status} {reason}"))
            case Ended(by=by, reason=reason):
                self._settle(NotAnswered(408, reason))
                ended = LegEnded(by, reason)
                if self._succession is None or not self._succession.keeps(ended):
                    self.end(ended)
            case Referred():
                self._handing_over.told(event)
            case Reoffered(sdp=description):
                self._on_reoffered(description)
            case KeyInfo(key=key):
                if self._infos.told(key, self.described, self._media):
                    self._pressed(KeyPressed(key))
            case Confirmed(sdp=description):
                # The program started with our 200 already; here comes the answer to an INVITE without an offer.
                if description and not self._ended:
                    self._on_answered(description)
            case Ringing(sdp=description):
                if self.waiting_for_it is not None:
                    self.waiting_for_it.rings(self, description)

    def _on_answered(self, description: str) -> None:
        try:
            self.connect(self.described.answers(sdp.parse(description)))
        except PeerError as error:
            self._settle(NotAnswered(488, str(error)))
            self._leave(LegEnded("failure", str(error)))
        else:
            self._settle(None)

    def _on_reoffered(self, description: str) -> None:
        assert self._call is not None
        try:
            # Where it asks for our offer, `Confirmed` brings its answer.
            answer = self._answer_to(sdp.parse(description)) if description else self.described.offer()
        except PeerError as error:
            log.info("call %s goes on as it was, its new description is refused: %s", self._call.call_id, error)
            self._call.reject_reoffer()
        else:
            self._call.answer_reoffer(answer)

    def _answer_to(self, offered: sdp.Session) -> str:
        answer = self.described.answer(offered)
        self.connect(self.described.answered())
        return answer

    def connect(self, both: tuple[sdp.Audio, Agreed]) -> None:
        """This was agreed on with the party."""
        audio, agreed = both
        self._media.connect(audio.host, audio.port, agreed)
        self._media.hold(audio.direction in ("sendonly", "inactive"))
        if self.joint is not None:
            self.joint.look()

    def _on_media(self, event: MediaEvent) -> None:
        match event:
            case KeyPressed(key=key):
                if self._infos.heard(key, self.described):
                    self._pressed(event)
            case CalleeFound(callee=callee):
                self.callee = Callee(callee.type, callee.cause, time.time())
            case PlayEnded() | SpeechStarted() | SpeechEnded() | Beeped():
                self._tell(event)
            case RecordingEnded(path=path, error=error):
                if (complete := self._recordings.get(path)) is not None and not complete.done():
                    complete.set_result(error)
            case FirstPacket():
                if self.heard_at is not None:
                    self.heard_at()
                if self.waiting_for_it is not None and not self.was_answered:
                    self.waiting_for_it.hears(self)
            case Closed(stats=stats):
                if not self._closed.done():
                    self._closed.set_result(stats)
                self._leave(LegEnded("failure", "the media plane closed the session"))
            case NoAudio() if self.was_answered:
                self._leave(LegEnded("failure", f"{NO_AUDIO} {self._no_audio_s:g} s"))

    def _settle(self, result: NotAnswered | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(result)

    def _pressed(self, key: KeyPressed) -> None:
        """Whom we dialled presses none that mean anything before it answers."""
        if (self.joint is None or not self.joint.takes(self, key.key)) and self.was_answered:
            self._tell(key)

    def _tell(self, event: LegEvent) -> None:
        if self._ended or len(self._events) >= EVENTS_MAX:
            return
        self._events.append(event)
        self._wake()

    def end(self, event: LegEnded) -> None:
        """The leg is over, whatever its signalling still does."""
        if self._ended:
            return
        self._ended = True
        self._ended_at, self._ending = time.time(), event
        if self.joint is not None:
            self.joint.left_by(self)
        if self._succession is not None:
            self._succession.over()
            self._succession = None
        self._handing_over.told(Referred(487, event.reason))
        self._media.close()
        self._events.append(event)
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
