"""Two agents over a wire that loses, doubles and reorders datagrams agree about every call, and keep nothing of it: calls that
either side ends, refuses, cancels, transfers, refreshes or holds at the same moment as the other.

`SEEDS=100` in the environment tries more than the floor has time for; a seed that fails is the test's name.
"""

import heapq
import os
import random
from itertools import count

import pytest
from sip_bench import ANSWER, OFFER

from callwright.sip.agent import Agent
from callwright.sip.call import SipCall
from callwright.sip.events import Answered, Confirmed, Ended, Referred, Rejected, Reoffered, SipEvent
from callwright.sip.refer import Referral

pytestmark = pytest.mark.pure

CALLS = 120
SEEDS = int(os.environ.get("SEEDS", "25"))
LOSS, TWICE, LATE_S = 0.15, 0.1, 0.4
INTENTS = (
    "caller ends",
    "called ends",
    "both end",
    "refused",
    "cancelled",
    "caller transfers",
    "called transfers",
    "both refresh",
    "both hold",
    "ringing is acknowledged",
)


class Pair:
    """Two telephones, and the datagrams under way between them."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.now = 0.0
        self.order = count()
        self.due: list[tuple[float, int, object]] = []
        self.ours, self.theirs = ("192.0.2.1", 5060), ("192.0.2.7", 5060)
        self.agents = {address: self._agent(address) for address in (self.ours, self.theirs)}
        self.heard: dict[str, list[SipEvent]] = {}
        self.told: dict[str, list[SipEvent]] = {}
        self.intended: dict[str, str] = {}
        self.glares = 0
        self.brief: set[bytes] = set()
        "Calls by way of a proxy that wants them refreshed after 45 s, and that by INVITE."

        self.wanted: dict[tuple[str, str], str] = {}
        self.asked: dict[tuple[str, str], str] = {}
        self.known: dict[tuple[str, str], str] = {}
        "What each side of a call wants the other to know of it, what it has asked, and what that one has agreed to."

    def _agent(self, address) -> Agent:
        tags = count(1)
        return Agent(
            address,
            transmit=lambda data, to: self._transmit(data, address, to),
            clock=lambda: self.now,
            on_invite=self._invited,
            new_tag=lambda: f"{address[0][-1]}x{next(tags)}",
            chance=self.rng.random,
        )

    def _transmit(self, data: bytes, source, to) -> None:
        self.glares += data.startswith(b"SIP/2.0 491")
        if any(b"Call-ID: %s\r\n" % call_id in data for call_id in self.brief):
            data = data.replace(b"Session-Expires: 1800", b"Session-Expires: 90").replace(b"UPDATE, ", b"")
        copies = 0 if self.rng.random() < LOSS else 1 + (self.rng.random() < TWICE)
        for _ in range(copies):
            self.after(self.rng.random() * LATE_S, lambda: self.agents[to].receive(data, source))

    def after(self, seconds: float, do) -> None:
        heapq.heappush(self.due, (self.now + seconds, next(self.order), do))

    def dial(self, call_id: str, intended: str, source, to, done=lambda event: None) -> None:
        """Begin a call and say how it shall go; the caller's part is here, the called side's in `_invited`."""
        self.intended[call_id] = intended
        if intended == "both refresh":
            self.brief.add(call_id.encode())
        self.heard[call_id] = []

        def on_event(event: SipEvent) -> None:
            self.heard[call_id].append(event)
            if isinstance(event, Answered | Rejected | Ended):
                done(event)
            if isinstance(event, Answered) and len([e for e in self.heard[call_id] if isinstance(e, Answered)]) == 1:
                self._on_answer(call, intended, "caller")
            self._owner(call, event)

        call = self.agents[source].invite(
            f"sip:100@{to[0]}",
            call_id=call_id,
            caller="200",
            sdp=OFFER,
            to=to,
            on_event=on_event,
            extra=(("require", "100rel"),) if intended == "ringing is acknowledged" else (),
        )
        call.on_refer = lambda referral: self._asked(call, referral, source, to)
        if intended == "cancelled":
            self.after(self.rng.random() * 4, call.hang_up)

    def _invited(self, call: SipCall) -> None:
        events = self.told.setdefault(call.call_id, [])
        intended = self.intended[call.call_id]
        place = self.theirs if call.remote == self.ours else self.ours

        def on_event(event: SipEvent) -> None:
            events.append(event)
            if isinstance(event, Confirmed) and len([e for e in events if isinstance(e, Confirmed)]) == 1:
                self._on_answer(call, intended, "called")
            self._owner(call, event)

        call.on_event = on_event
        call.on_refer = lambda referral: self._asked(call, referral, place, call.remote)
        if intended == "refused":
            self.after(0.5, lambda: call.reject(486))
            return
        call.ring()
        self.after(self.rng.random() * 4, lambda: call.answer(ANSWER))
        if intended in ("called ends", "both end"):
            self.after(8, call.hang_up)

    def _on_answer(self, call: SipCall, intended: str, side: str) -> None:
        if intended == f"{side} transfers":
            self.after(self.rng.random() * 2, lambda: call.refer("sip:300@192.0.2.9"))
        if intended == "both refresh" and side == "called":
            for _ in range(3):
                self.after(44.5 + self.rng.random(), lambda: self._hold(call, side))
        if side == "caller" and intended in ("caller ends", "both end", "ringing is acknowledged"):
            self.after(3, call.hang_up)
        if intended == "both hold":
            for _ in range(3):
                self.after(2 + self.rng.random(), lambda: self._hold(call, side))
        if side == "caller" and intended in ("both refresh", "both hold"):
            self.after(110 if intended == "both refresh" else 40, call.hang_up)

    def _hold(self, call: SipCall, side: str) -> None:
        which = call.call_id, side
        self.wanted[which] = f"{OFFER}a={self.rng.choice(('sendonly', 'inactive', 'sendrecv'))}\r\n"

        def answered(answer: str) -> None:
            assert answer
            self.known[which] = self.asked[which]

        def describe() -> str:
            if self.known.get(which) == self.wanted[which]:
                return ""
            self.asked[which] = self.wanted[which]
            return self.asked[which]

        call.reoffer(describe, answered)

    def _owner(self, call: SipCall, event: SipEvent) -> None:
        if isinstance(event, Reoffered):
            call.answer_reoffer(ANSWER if event.sdp else OFFER)
        if isinstance(event, Referred):
            call.hang_up()

    def _asked(self, call: SipCall, referral: Referral, source, to) -> int:
        told = [False]

        def done(event: SipEvent) -> None:
            if told[0]:
                return
            told[0] = True
            if isinstance(event, Answered):
                referral.tell(200, "OK", call.hang_up)
            else:
                referral.tell(event.status if isinstance(event, Rejected) else 487, "no", lambda: None)

        intended = self.rng.choice(("caller ends", "called ends", "refused", "cancelled"))
        self.dial(f"{call.call_id}-next", intended, source, to, done)
        return 202

    def run(self, until: float) -> None:
        while True:
            times = [agent.wire.timers.next_due for agent in self.agents.values()]
            if self.due:
                times.append(self.due[0][0])
            first = min((time for time in times if time is not None), default=None)
            if first is None or first > until:
                self.now = until
                return
            self.now = max(self.now, first)
            while self.due and self.due[0][0] <= self.now:
                heapq.heappop(self.due)[2]()
            for agent in self.agents.values():
                agent.wire.timers.run(self.now)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_both_sides_agree(seed: int) -> None:
    pair = Pair(seed)
    for number in range(CALLS):
        ends = [pair.ours, pair.theirs]
        pair.rng.shuffle(ends)
        call_id, intended = f"c{number}", pair.rng.choice(INTENTS)
        pair.after(
            number * 0.05, lambda call_id=call_id, intended=intended, ends=ends: pair.dial(call_id, intended, *ends)
        )
    pair.run(900)
    for agent in pair.agents.values():
        assert (agent.calls, len(agent.transactions), len(agent.wire.timers)) == (0, 0, 0)
    seen = dict.fromkeys((*INTENTS, "next"), 0)
    for call_id, intended in pair.intended.items():
        heard, told = pair.heard[call_id], pair.told.get(call_id, [])
        ends = [event for event in heard if isinstance(event, Ended | Rejected)]
        assert len(ends) <= 1 and (not ends or heard[-1] is ends[0]), (call_id, heard)
        assert sum(isinstance(event, Ended) for event in told) <= 1, (call_id, told)
        answered = any(isinstance(event, Answered) for event in heard)
        seen[intended] += 1
        seen["next"] += call_id.endswith("next")
        match intended:
            case "refused":
                assert not answered and ends == [Rejected(486, "Busy Here")], (call_id, heard)
            case "cancelled":
                # An answer may have come first: then the hang-up was a BYE.
                assert answered or ends == [Ended("local", "cancelled")], (call_id, heard)
            case "called ends":
                assert answered and ends == [Ended("remote", "BYE")], (call_id, heard)
            case "caller ends" | "ringing is acknowledged" | "both refresh" | "both hold":
                assert answered and not ends and told[-1] == Ended("remote", "BYE"), (call_id, intended, told)
                assert intended != "both refresh" or any(isinstance(event, Reoffered) for event in told), (
                    call_id,
                    told,
                )
                for which in ((call_id, "caller"), (call_id, "called")):
                    assert pair.known.get(which) == pair.wanted.get(which), (which, told)
            case "caller transfers" | "called transfers":
                asker = heard if intended == "caller transfers" else told
                (referred,) = [event for event in asker if isinstance(event, Referred)]
                there = pair.heard[f"{call_id}-next"]
                (status,) = {
                    200 if isinstance(event, Answered) else event.status if isinstance(event, Rejected) else 487
                    for event in there
                    if isinstance(event, Answered | Rejected | Ended)
                } - ({487} if any(isinstance(event, Answered) for event in there) else set())
                assert (referred.status, referred.tried) == (status, True), (call_id, asker, there)
    assert all(seen.values()) and pair.glares, f"a seed that shows nothing: {seen}, {pair.glares} glares"
