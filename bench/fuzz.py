"""Hostile input for what reads SIP, SDP, RTP and RTCP: nothing but `PeerError` comes out, in bounded time and memory.

Each input is a message of `tests/corpus`, or one that fits the state of a living agent (an answer to what it sent last, a request
within one of its calls), changed at random: bytes, pieces, tokens that parsers stumble over, two messages spliced. The same seed
gives the same inputs. What escapes is printed, and written to `--keep`, to become a file of the corpus.
"""

import argparse
import gc
import random
import resource
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Protocol

from callwright.base.errors import PeerError
from callwright.media import rtcp, rtp
from callwright.media.dtmf import KeyReceiver
from callwright.sip import challenge, ladder, registration, sdp
from callwright.sip.address import name_address, split_list, uri
from callwright.sip.agent import Agent
from callwright.sip.call import SipCall
from callwright.sip.events import Answered, Confirmed, Reoffered, SipEvent
from callwright.sip.framing import Framer
from callwright.sip.message import MESSAGE_BYTES_MAX, Request, Response, parse
from callwright.sip.refer import referral_of

CORPUS = Path(__file__).parent.parent / "tests" / "corpus"
INPUT_S_MAX = 0.5
"Processor time of one input; the slowest that is right takes a few milliseconds, and the garbage of a large process some more."

ROUND = 500
"Inputs of one agent: then it hangs up, its time passes, and nothing may be left of it."

US, PEER = ("192.0.2.1", 5060), ("192.0.2.7", 5060)
FORMATS = (sdp.Format("opus/48000/2", 111), sdp.Format("PCMA/8000", 8), sdp.PCMU)
SIDE = sdp.Side(US[0], 4000, FORMATS, (sdp.Crypto(1, sdp.SUITES[0], bytes(30)),))
TOKENS = [
    b"\r\n", b"\n", b"\r", b"\0", b";", b",", b'"', b"\\", b"<", b">", b":", b"@", b"=", b"%00", b"%", b" ", b"\t", b"[", b"]",
    b"\r\n ", b"\r\n\r\n", b"sip:", b"tel:", b"0", b"-1", b"4294967296", b"9" * 40, b"A" * 300, b";;;;", b"<" * 40, b'"' * 41,
    b"Replaces: a;to-tag=b;from-tag=c\r\n", b"Require: 100rel\r\n", b"RAck: 1 1 INVITE\r\n", b"Session-Expires: 90\r\n",
    b"Refer-To: <sip:a@192.0.2.7>\r\n", b"Event: refer\r\n", b"Content-Length: 0\r\n", b"\xff\xfe", "\u0661".encode(), b"1" * 5000,
    b"SIP/2.0/UDP ", b";branch=z9hG4bK", b";tag=", b"a=rtpmap:", b"m=audio ", b"c=IN IP4 ", b"multipart/mixed;boundary=b",
]  # fmt: skip


@dataclass
class Report:
    """What came of it."""

    inputs: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    "Inputs that raised `PeerError` where that is how they are refused."

    escapes: list[tuple[str, bytes, str]] = field(default_factory=list)
    "Target, input, traceback."

    slowest_s: float = 0.0
    grown_kib: int = 0


def run(inputs: int, seed: int) -> Report:
    """Try so many inputs."""
    report = Report()
    targets: dict[str, _Target] = {"sip": _Sip(random.Random(seed)), "sdp": _Sdp(), "rtp": _Rtp()}
    changes = {name: _Changes(random.Random(f"{seed} {name}"), _seeds(name)) for name in targets}
    names = random.Random(seed).choices(list(targets), weights=(6, 2, 2), k=1000)
    begun_kib = 0
    gc.freeze()
    for number in range(inputs):
        if number == min(inputs // 4, 50_000):
            # By then every cache is warm.
            begun_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        name = names[number % len(names)]
        target = targets[name]
        data = changes[name].make(target.fitting(changes[name].rng))
        report.inputs[name] += 1
        began = time.thread_time()
        try:
            target.take(data)
        except PeerError:
            report.refused[name] += 1
        except Exception:  # noqa: BLE001 - that is what is looked for
            report.escapes.append((name, data, traceback.format_exc()))
            targets["sip"] = _Sip(random.Random(number))
        took = time.thread_time() - began
        report.slowest_s = max(report.slowest_s, took)
        if took > INPUT_S_MAX:
            report.escapes.append((name, data, f"it took {took:.3f} s"))
    gc.unfreeze()
    report.grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - begun_kib
    return report


def _seeds(name: str) -> list[bytes]:
    files = sorted((CORPUS / name).iterdir())
    assert files, f"no corpus of {name}"
    return [bytes.fromhex(file.read_text()) if file.suffix == ".hex" else file.read_bytes() for file in files]


class _Target(Protocol):
    """Something that reads."""

    def fitting(self, rng: random.Random) -> bytes | None:
        """A good input that fits its state; None: any of the corpus."""
        ...

    def take(self, data: bytes) -> None: ...


class _Changes:
    """Makes inputs out of good ones."""

    def __init__(self, rng: random.Random, seeds: list[bytes]) -> None:
        self.rng, self._seeds = rng, seeds

    def make(self, fitting: bytes | None) -> bytes:
        rng = self.rng
        data = bytearray(fitting if fitting is not None else rng.choice(self._seeds))
        if rng.random() < (0.1 if fitting is None else 0.5):
            # As it is: so that the agent comes into every state.
            return bytes(data)
        for _ in range(1 + int(rng.expovariate(0.7))):
            self._change(data)
        return bytes(data[: MESSAGE_BYTES_MAX + 1000])

    def _change(self, data: bytearray) -> None:
        rng = self.rng
        at = rng.randrange(len(data) + 1)
        until = min(len(data), at + rng.choice((1, 1, 2, 4, 16, 64, 400)))
        match rng.randrange(8):
            case 0 if at < len(data):
                data[at] ^= 1 << rng.randrange(8)
            case 1 if at < len(data):
                data[at] = rng.randrange(256)
            case 2:
                del data[at:until]
            case 3:
                data[at:at] = data[at:until] * rng.choice((1, 1, 2, 50))
            case 4:
                data[at:at] = rng.choice(TOKENS)
            case 5:
                data[at:until] = rng.choice(TOKENS)
            case 6:
                other = rng.choice(self._seeds)
                data[at:] = other[rng.randrange(len(other) + 1) :]
            case _:
                lines = bytes(data).split(b"\r\n")
                rng.shuffle(lines)
                data[:] = b"\r\n".join(lines) if rng.random() < 0.2 else bytes(data[:at])


class _Sip:
    """A living agent with an owner that does what the product's does, and every reader of messages."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._now = 0.0
        self._tags = count(1)
        self._taken = 0
        self._sent: list[bytes] = []
        self._calls: list[SipCall] = []
        self._framer = Framer()
        self.agent = self._new()

    def _new(self) -> Agent:
        return Agent(
            US,
            transmit=lambda data, _: self._sent.append(data),
            clock=lambda: self._now,
            on_invite=self._invited,
            new_tag=lambda: f"t{next(self._tags)}",
            chance=self._rng.random,
            unanswered_max=50,
        )

    def _invited(self, call: SipCall) -> None:
        self._own(call)
        call.ring()
        if self._rng.random() < 0.7:
            with suppress(PeerError):
                call.answer(sdp.answer(sdp.parse(call.offer), SIDE) if call.offer else sdp.offer(SIDE))

    def _own(self, call: SipCall) -> None:
        def told(event: SipEvent) -> None:
            with suppress(PeerError):
                if isinstance(event, Answered | Confirmed) and event.sdp:
                    sdp.audio(sdp.parse(event.sdp), SIDE)
                elif isinstance(event, Reoffered):
                    call.answer_reoffer(sdp.answer(sdp.parse(event.sdp), SIDE) if event.sdp else sdp.offer(SIDE))
            if isinstance(event, Reoffered):
                call.reject_reoffer()

        def referred(referral) -> int:  # type: ignore[no-untyped-def]
            self._rng.random() < 0.5 and referral.tell(200, "OK", call.hang_up)
            return 202

        call.on_event, call.on_refer, call.on_replaced = told, referred, self._invited
        self._calls.append(call)

    def fitting(self, rng: random.Random) -> bytes | None:
        """A message that fits what goes on; None: one of the corpus."""
        live = [call for call in self._calls if call.state != "ended"]
        kind = rng.random()
        if kind < 0.2:
            return None
        if kind < 0.4 and self._sent:
            return _answer(self._sent[-rng.randint(1, min(4, len(self._sent)))], rng)
        if kind < 0.5:
            self._dial()
            return None
        if kind < 0.6 or not live:
            return _invite(f"theirs{next(self._tags)}", rng)
        return _within(rng.choice(live), rng)

    def _dial(self) -> None:
        call = self.agent.invite(
            "sip:100@192.0.2.7",
            call_id=f"c{next(self._tags)}",
            caller="200",
            sdp=sdp.offer(SIDE),
            to=PEER,
            on_event=lambda _: None,
        )
        self._own(call)

    def take(self, data: bytes) -> None:
        self._taken += 1
        self.agent.receive(data, PEER)
        if self._taken % 20 == 0:
            self._now += self._rng.random() * 3
            self.agent.wire.timers.run(self._now)
        if self._rng.random() < 0.03 and self._calls:
            call = self._rng.choice(self._calls)
            self._rng.choice((call.hang_up, call.cancel, lambda: call.refer("sip:300@192.0.2.9")))()
        if self._taken % ROUND == 0:
            self._rest()
        self._read(data)

    def _rest(self) -> None:
        self.agent.hang_up_all()
        for _ in range(100):
            self._now += 10
            self.agent.wire.timers.run(self._now)
        left = self.agent.calls, len(self.agent.transactions), len(self.agent.wire.timers)
        states = [call.state for call in self._calls if call.state != "ended"]
        assert left == (0, 0, 0), f"calls, transactions and timers that are left: {left} {states}"
        self._sent.clear()
        self._calls.clear()
        self.agent = self._new()

    def _read(self, data: bytes) -> None:
        ladder.redacted(data)
        try:
            self._framer.feed(data)
        except PeerError:
            self._framer = Framer()
        message = parse(data)
        message.serialize() if isinstance(message, Response) else None
        headers = message.headers
        for name in ("from", "to", "contact", "route", "refer-to"):
            for value in headers.all(name):
                with suppress(PeerError):
                    uri(name_address(value).uri)
                split_list(value)
        if isinstance(message, Request):
            for reading in _readings(message):
                with suppress(PeerError):
                    reading()
        with suppress(PeerError):
            sdp.audio(sdp.parse(message.body), SIDE)


def _readings(request: Request) -> Iterator[Callable[[], object]]:
    yield lambda: registration.read(request, PEER, reliable=False)
    yield lambda: challenge.proof_of(request)
    yield lambda: referral_of(request)


def _answer(sent: bytes, rng: random.Random) -> bytes | None:
    """To a request of the agent's; None where it sent none."""
    try:
        request = parse(sent)
    except PeerError:
        # What it could not read stands in its answer as it came.
        assert sent.startswith((b"SIP/2.0 400 ", b"SIP/2.0 505 ", b"SIP/2.0 513 ")), sent[:80]
        return None
    if not isinstance(request, Request) or request.method == "ACK":
        return None
    made = Response(rng.choice((100, 180, 183, 200, 200, 202, 302, 401, 407, 422, 486, 491, 503)), "So")
    for name in ("via", "from", "to", "call-id", "cseq"):
        made.headers.set(name, *request.headers.all(name))
    if not request.to_tag:
        made.headers.set("to", f"{request.headers.get('to')};tag=far{rng.randrange(3)}")
    made.headers.set("contact", "<sip:100@192.0.2.7:5070>")
    if made.status in (180, 183) and rng.random() < 0.5:
        made.headers.set("require", "100rel")
        made.headers.set("rseq", str(rng.randrange(1, 4)))
    if made.status in (401, 407):
        made.headers.set("www-authenticate", 'Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256')
    if rng.random() < 0.6:
        made.headers.set("content-type", "application/sdp")
        made.body = sdp.offer(SIDE)
    made.headers.set("session-expires", rng.choice(("90;refresher=uac", "90", "1800;refresher=uas")))
    return made.serialize()


def _invite(call_id: str, rng: random.Random) -> bytes:
    """A call of the peer's."""
    made = Request("INVITE", "sip:100@192.0.2.1", sequence=1)
    headers = made.headers
    headers.set("via", f"SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK{rng.randrange(10**9)};rport")
    headers.set("from", "<sip:200@192.0.2.7>;tag=far0")
    headers.set("to", "<sip:100@192.0.2.1>")
    headers.set("call-id", call_id)
    headers.set("cseq", "1 INVITE")
    headers.set("contact", "<sip:200@192.0.2.7:5070>")
    headers.set("supported", "timer, replaces")
    if rng.random() < 0.3:
        headers.set("require", "100rel")
    if rng.random() < 0.8:
        headers.set("content-type", "application/sdp")
        made.body = sdp.offer(SIDE)
    return made.serialize()


def _within(call: SipCall, rng: random.Random) -> bytes:
    """A request of the peer's within a call."""
    method = rng.choice(
        ("ACK", "BYE", "INVITE", "UPDATE", "INFO", "REFER", "NOTIFY", "PRACK", "OPTIONS", "CANCEL", "MESSAGE")
    )
    number = rng.choice((1, 2, rng.randrange(100)))
    if method == "ACK" and call.dialog is not None:
        number = max(call.dialog.invite_sequence, call.dialog.remote_sequence)
    made = Request(method, "sip:100@192.0.2.1", sequence=number)
    headers = made.headers
    headers.set("via", f"SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK{rng.randrange(10**9)};rport")
    tag = call.dialog.remote_tag if call.dialog is not None else "far0"
    headers.set("from", f"<sip:200@192.0.2.7>;tag={tag}")
    headers.set("to", f"<sip:100@192.0.2.1>;tag={call.tag}")
    headers.set("call-id", call.call_id)
    headers.set("cseq", f"{number} {method}")
    headers.set("contact", "<sip:200@192.0.2.7:5070>")
    body = {
        "INVITE": ("application/sdp", sdp.offer(SIDE)),
        "UPDATE": ("application/sdp", sdp.offer(SIDE)),
        "INFO": ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n"),
        "NOTIFY": ("message/sipfrag", "SIP/2.0 200 OK\r\n"),
    }.get(method)
    if body is not None and rng.random() < 0.8:
        headers.set("content-type", body[0])
        made.body = body[1]
    headers.set("refer-to", f"<sip:300@192.0.2.7?Replaces={call.call_id}%3Bto-tag%3D1%3Bfrom-tag%3D2>")
    headers.set("event", "refer")
    headers.set("subscription-state", "terminated;reason=noresource")
    headers.set("rack", f"1 {number} INVITE")
    headers.set("session-expires", "90;refresher=uac")
    return made.serialize()


class _Sdp:
    def fitting(self, _: random.Random) -> bytes | None:
        return None

    def take(self, data: bytes) -> None:
        session = sdp.parse(data.decode("utf-8", "surrogateescape"))
        sdp.audio(session, SIDE)
        sdp.parse(sdp.answer(session, SIDE))


class _Rtp:
    def __init__(self) -> None:
        self._keys = KeyReceiver()
        self._reception = rtp.Reception()
        self._clock = 0

    def fitting(self, _: random.Random) -> bytes | None:
        return None

    def take(self, data: bytes) -> None:
        self._clock += 160
        rtcp.parse(data)
        packet = rtp.parse(data)
        if packet is None:
            return
        self._reception.count(packet.sequence, packet.timestamp, packet.ssrc, self._clock)
        self._keys.receive(packet.payload, sequence=packet.sequence, timestamp=packet.timestamp, marker=packet.marker)
        assert self._reception.lost <= 1 << 32
        packet.pack()


def main() -> int:
    options = argparse.ArgumentParser(prog="./dev bench fuzz", description=(__doc__ or "").split("\n")[0])
    options.add_argument("--inputs", type=int, default=100_000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--keep", type=Path, help="a folder for the inputs that escape")
    asked = options.parse_args()
    began = time.monotonic()
    report = run(asked.inputs, asked.seed)
    for number, (name, data, told) in enumerate(report.escapes[:20]):
        print(f"-- {name}: {data[:300]!r}\n{told}")
        if asked.keep is not None:
            asked.keep.mkdir(parents=True, exist_ok=True)
            (asked.keep / f"{name}-{asked.seed}-{number}.hex").write_text(data.hex())
    print(
        f"{asked.inputs} inputs (seed {asked.seed}): {dict(report.inputs)}, refused {dict(report.refused)}\n"
        f"escapes {len(report.escapes)}, slowest {report.slowest_s * 1000:.1f} ms, grown {report.grown_kib} KiB,"
        f" {time.monotonic() - began:.0f} s"
    )
    return int(bool(report.escapes))
