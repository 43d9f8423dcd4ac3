"""The built-in test phone: a SIP user agent with RTP of its own that answers, listens, presses keys, and says words.

What it does with a call is chosen by the number that was dialled, like a bank's test cards (`NUMBERS`). It presses the
next keys of its script, or says its next words, each time the far end has spoken and fallen silent. Everything it notices
is appended to a file of JSON lines, one `PhoneEvent` each, so that a person or a test can follow a call from
the called side.
"""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from callwright.base.errors import PeerError, ProviderError
from callwright.media.frames import SILENCE_FRAME, frames
from callwright.media.tones import tone
from callwright.ports.leg import Frames, LegEnded, PlayEnded, SpeechEnded, SpeechStarted
from callwright.ports.synthesizer import SpeechRequest, Synthesizer
from callwright.telephony.leg import SipLeg
from callwright.telephony.plane import MediaPlane
from callwright.telephony.sip_endpoint import Ended, SipCall, SipEndpoint, SipEvent

CALLS_MAX = 50
"Calls at once; a busy tone past it. It is a test phone, not a load generator."

CALL_S_MAX = 600.0
"The phone hangs up a call that lasts longer."

RING_S = 0.2
"How long it rings before it answers: enough to be seen as ringing."

RING_S_MAX = 120.0
"How long the phone that never answers goes on ringing."

SILENCE_S = 0.9
"Quiet that ends the far end's turn; longer than a pause between sentences."

_VOICE = frames(tone("ringback"))[:100]
"What stands for its voice: two seconds of a tone."

_OPENING = 9
"The mark of what it says first."

_PAUSE: Frames = (SILENCE_FRAME,) * 25
"Half a second, before it speaks and before it beeps."

EVENTS_BYTES_MAX = 4 << 20
"The event file starts anew past this size."


@dataclass(frozen=True, slots=True)
class Script:
    """What the phone does with a call."""

    does: str
    "In words, for the people who pick a number."

    keys: tuple[str, ...] = ()
    "Pressed one after the other, each when the far end has spoken and is silent."

    answers: bool = True
    rejects: int = 0
    "The SIP status that refuses the call; 0 to take it."

    hangs_up: bool = False
    "Hang up at the end of the far end's first turn."

    says: tuple[str, ...] = ()
    "Said one after the other, each when the far end has spoken and is silent."

    interrupts: bool = False
    "What it says, it says into what the far end says."

    speaks: Literal["", "in turn", "first"] = ""
    "Say something of two seconds after each turn of the far end; or at once, and hang up."

    greets: str = ""
    "Said at once."

    sounds: Literal["", "beep", "fax"] = ""
    "After that, at once where nothing is said."


NUMBERS: Mapping[str, Script] = {
    "12125550101": Script("answers and presses 1", keys=("1",)),
    "12125550102": Script("answers, presses 2 and then 15", keys=("2", "15")),
    "12125550103": Script("rings and never answers", answers=False),
    "12125550104": Script("is busy", rejects=486),
    "12125550105": Script("answers and says nothing"),
    "12125550106": Script("answers and hangs up after the first sentence", hangs_up=True),
    "12125550107": Script("answers, and speaks for two seconds after each sentence", speaks="in turn"),
    "12125550108": Script("answers, speaks for two seconds and hangs up", speaks="first"),
    "12125550109": Script("answers and presses 11242026", keys=("11242026",)),
    "12125550110": Script(
        'answers, and says "yes", then "sales", then "one two three four"', says=("yes", "sales", "one two three four")
    ),
    "12125550111": Script('answers, and says "yes" as soon as it hears anything', says=("yes",), interrupts=True),
    "12125550112": Script('answers, and says "what a nice day it is", then "no"', says=("what a nice day it is", "no")),
    "12125550113": Script("answers, says hello and presses 1", greets="Hello?", keys=("1",)),
    "12125550114": Script(
        "is an answering machine, with a greeting and a beep",
        greets="Hello, you have reached the answering machine of Ann Miller. Nobody is at home. Please leave a message.",
        sounds="beep",
    ),
    "12125550115": Script("is a fax machine", sounds="fax"),
}
PREFIX = "121255501"
"What the numbers begin with: the prefix of the trunk that leads to the phone."


@dataclass(frozen=True, slots=True)
class PhoneEvent:
    """One thing that the phone noticed."""

    at: float
    "UNIX seconds."

    call_id: str
    "The SIP Call-ID."

    event: str
    """`invited`, `answered`, `first audio`, `heard` (the far end's turn began), `turn over`, `pressed`, `said`, `opened` (it has
    said what it says first), `ended`."""

    detail: str = ""


class TestPhone:
    """The phone on one UDP port. `async with TestPhone(...)`; `serve` takes calls until it is cancelled."""

    __test__ = False

    def __init__(
        self,
        host: str,
        port: int,
        *,
        rtp_ports: tuple[int, int],
        tell: Callable[[PhoneEvent], None],
        calls_max: int = CALLS_MAX,
        call_s_max: float = CALL_S_MAX,
        voice: Synthesizer | None = None,
    ) -> None:
        """`voice` says the words of those scripts that have some."""
        self._host, self._port = host, port
        self._tell_event = tell
        self._voice = voice
        self._rtp_ports = rtp_ports
        self._calls_max, self._call_s_max = calls_max, call_s_max
        self._calls: asyncio.Queue[SipCall] = asyncio.Queue(calls_max)
        self._ended: set[str] = set()
        self._active = 0

    async def __aenter__(self) -> "TestPhone":
        self._plane = MediaPlane(self._host, *self._rtp_ports, asyncio.get_running_loop())
        self._plane.start()
        self._endpoint = await SipEndpoint.open(self._host, self._port, on_invite=self._on_invite)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._endpoint.close()
        self._plane.stop()

    @property
    def address(self) -> tuple[str, int]:
        return self._endpoint.address

    async def serve(self) -> None:
        async with asyncio.TaskGroup() as calls:
            while True:
                call = await self._calls.get()
                calls.create_task(self._take(call))

    def _on_invite(self, call: SipCall) -> None:
        script = NUMBERS.get(call.dialled)
        if script is None or self._active >= self._calls_max:
            call.reject(404 if script is None else 486)
            return
        self._tell(call, "invited", f"{call.caller} calls {call.dialled}")
        if script.rejects:
            call.reject(script.rejects)
            self._tell(call, "ended", f"refused with {script.rejects}")
            return

        def before_answer(event: SipEvent) -> None:
            if isinstance(event, Ended):
                self._ended.add(call.call_id)
                self._tell(call, "ended", event.reason)

        call.on_event = before_answer
        call.ring()
        self._active += 1
        self._calls.put_nowait(call)

    async def _take(self, call: SipCall) -> None:
        try:
            await self._run(call, NUMBERS[call.dialled])
        except TimeoutError:
            call.hang_up()
        except (PeerError, ProviderError) as error:
            call.reject(488)
            self._tell(call, "ended", str(error))
        finally:
            self._active -= 1
            self._ended.discard(call.call_id)

    async def _run(self, call: SipCall, script: Script) -> None:
        await asyncio.sleep(RING_S if script.answers else RING_S_MAX)
        if call.call_id in self._ended:
            return
        if not script.answers:
            call.reject(480)
            self._tell(call, "ended", "not answered")
            return
        words = await self._spoken(script)
        opening = await self._opening(script)
        leg = SipLeg.incoming(call, self._plane, self._host)
        leg.heard_at = lambda: self._tell(call, "first audio")
        leg.listen(SILENCE_S)
        self._tell(call, "answered")
        if opening:
            leg.play(opening, _OPENING)
        async with asyncio.timeout(self._call_s_max):
            await self._listen(call, leg, script, words)

    async def _spoken(self, script: Script) -> list[tuple[str, Frames]]:
        """The words of a script, ready to be said."""
        return [(words, await self._voiced(words)) for words in script.says]

    async def _opening(self, script: Script) -> list[Frames]:
        """What it says and sounds as soon as it has answered."""
        opening = [_PAUSE, await self._voiced(script.greets), _PAUSE] if script.greets else [_PAUSE]
        if script.sounds:
            opening.append(frames(tone(script.sounds)))
        return opening if len(opening) > 1 else []

    async def _voiced(self, words: str) -> Frames:
        if self._voice is None:
            raise ProviderError("this test phone was given no voice")
        return frames(await self._voice.synthesize(SpeechRequest(words)))

    async def _listen(self, call: SipCall, leg: SipLeg, script: Script, words: list[tuple[str, Frames]]) -> None:
        keys = list(script.keys)
        if script.speaks == "first":
            leg.play([_VOICE], 1)
        while True:
            match await leg.event():
                case SpeechStarted():
                    self._tell(call, "heard")
                    if words and script.interrupts:
                        self._say(call, leg, *words.pop(0))
                case SpeechEnded():
                    self._tell(call, "turn over")
                    if script.hangs_up:
                        leg.hang_up()
                    elif script.speaks == "in turn":
                        leg.play([_VOICE], 2)
                    elif words and not script.interrupts:
                        self._say(call, leg, *words.pop(0))
                    elif keys:
                        pressed = keys.pop(0)
                        leg.send_keys(pressed)
                        self._tell(call, "pressed", pressed)
                case PlayEnded(mark=mark) if mark == _OPENING:
                    self._tell(call, "opened", script.sounds)
                case PlayEnded() if script.speaks == "first":
                    leg.hang_up()
                case LegEnded(by=by, reason=reason):
                    self._tell(call, "ended", f"{by}: {reason}")
                    return

    def _say(self, call: SipCall, leg: SipLeg, words: str, audio: Frames) -> None:
        leg.play([audio], 3)
        self._tell(call, "said", words)

    def _tell(self, call: SipCall, event: str, detail: str = "") -> None:
        self._tell_event(PhoneEvent(time.time(), call.call_id, event, detail))


class EventFile:
    """Appends phone events to a file that others read while it grows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("a", buffering=1)

    def __call__(self, event: PhoneEvent) -> None:
        if self._file.tell() > EVENTS_BYTES_MAX:
            self._file.truncate(0)
        self._file.write(json.dumps(asdict(event)) + "\n")

    def close(self) -> None:
        self._file.close()
