"""Two agents over a wire that loses, doubles and reorders datagrams agree about every call, and keep nothing of it."""

import heapq
import random
from itertools import count

import pytest
from sip_bench import ANSWER, OFFER

from callwright.sip.agent import Agent
from callwright.sip.call import SipCall
from callwright.sip.events import Answered, Ended, Rejected, SipEvent

pytestmark = pytest.mark.pure

CALLS = 120
LOSS, TWICE, LATE_S = 0.15, 0.1, 0.4


class Pair:
    """A caller and a called side, and the datagrams under way between them."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.now = 0.0
        self.order = count()
        self.due: list[tuple[float, int, object]] = []
        self.ours, self.theirs = ("192.0.2.1", 5060), ("192.0.2.7", 5060)
        self.caller = self._agent(self.ours, self._never)
        self.called = self._agent(self.theirs, self._invited)
        self.agents = {self.ours: self.caller, self.theirs: self.called}
        self.heard: dict[str, list[SipEvent]] = {}
        self.told: dict[str, list[SipEvent]] = {}
        self.intended: dict[str, str] = {}

    def _agent(self, address, on_invite) -> Agent:
        tags = count(1)
        return Agent(
            address,
            transmit=lambda data, to: self._transmit(data, address, to),
            clock=lambda: self.now,
            on_invite=on_invite,
            new_tag=lambda: f"{address[0][-1]}x{next(tags)}",
            chance=self.rng.random,
        )

    def _transmit(self, data: bytes, source, to) -> None:
        copies = 0 if self.rng.random() < LOSS else 1 + (self.rng.random() < TWICE)
        for _ in range(copies):
            self.after(self.rng.random() * LATE_S, lambda: self.agents[to].receive(data, source))

    def after(self, seconds: float, do) -> None:
        heapq.heappush(self.due, (self.now + seconds, next(self.order), do))

    @staticmethod
    def _never(_: SipCall) -> None:
        raise AssertionError("nobody calls the caller")

    def dial(self, number: int) -> None:
        """Begin a call and say how it shall go; the caller's part is here, the called side's in `_invited`."""
        call_id = f"c{number}"
        self.intended[call_id] = self.rng.choice(["caller ends", "called ends", "both end", "refused", "cancelled"])
        self.heard[call_id] = []

        def on_event(event: SipEvent) -> None:
            self.heard[call_id].append(event)
            if isinstance(event, Answered) and self.intended[call_id] in ("caller ends", "both end"):
                self.after(3, call.hang_up)

        call = self.caller.invite(
            "sip:100@192.0.2.7", call_id=call_id, caller="200", sdp=OFFER, to=self.theirs, on_event=on_event
        )
        if self.intended[call_id] == "cancelled":
            self.after(self.rng.random() * 4, call.hang_up)

    def _invited(self, call: SipCall) -> None:
        self.told.setdefault(call.call_id, [])
        call.on_event = self.told[call.call_id].append
        intended = self.intended[call.call_id]
        if intended == "refused":
            self.after(0.5, lambda: call.reject(486))
            return
        call.ring()
        self.after(self.rng.random() * 4, lambda: call.answer(ANSWER))
        if intended in ("called ends", "both end"):
            self.after(8, call.hang_up)

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


@pytest.mark.parametrize("seed", range(10))
def test_both_sides_agree(seed: int) -> None:
    pair = Pair(seed)
    for number in range(CALLS):
        pair.after(number * 0.05, lambda number=number: pair.dial(number))
    pair.run(600)
    assert (pair.caller.calls, pair.called.calls) == (0, 0)
    for agent in pair.agents.values():
        assert len(agent.transactions) == 0 and len(agent.wire.timers) == 0
    seen = {"answered": 0, "refused": 0, "cancelled": 0}
    for call_id, intended in pair.intended.items():
        heard, told = pair.heard[call_id], pair.told.get(call_id, [])
        ends = [event for event in heard if isinstance(event, Ended | Rejected)]
        assert len(ends) <= 1 and (not ends or heard[-1] is ends[0]), (call_id, heard)
        assert sum(isinstance(event, Ended) for event in told) <= 1, (call_id, told)
        answered = any(isinstance(event, Answered) for event in heard)
        match intended:
            case "refused":
                assert not answered and ends == [Rejected(486, "Busy Here")], (call_id, heard)
            case "cancelled":
                # An answer may have come first: then the hang-up was a BYE.
                assert answered or ends == [Ended("local", "cancelled")], (call_id, heard)
            case "called ends":
                assert answered and ends == [Ended("remote", "BYE")], (call_id, heard)
            case "caller ends":
                assert answered and not ends and told[-1] == Ended("remote", "BYE"), (call_id, told)
        seen["answered"] += answered
        seen["refused"] += intended == "refused"
        seen["cancelled"] += intended == "cancelled" and not answered
    assert all(seen.values()), f"a seed that shows nothing: {seen}"
