"""A call between two legs of ours, without a message: each is the other's party.

It is what a leg needs of a `SipCall`, from the offer of the one to the end of either; the audio goes from the one media port to
the other. One side is as of a call that we began, the other as of a peer's; `answer` and `reject` of that one are told to the
first at once, all that follows in the next turn of the loop, so that neither is told of something while it still says its own.
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from callwright.sip.call import SipCall
from callwright.sip.events import Answered, Ended, Rejected, Reoffered, SipEvent
from callwright.sip.message import REASONS

if TYPE_CHECKING:
    from callwright.sip.agent import Agent
    from callwright.telephony.leg import SipLeg


class InnerCall(SipCall):
    """One side of it. Made by `pair`."""

    __slots__ = ("_answered", "account_id", "leg", "other")

    other: "InnerCall"
    account_id: int
    "At the word of whose party."

    leg: "SipLeg | None"
    "Whose party the other side is."

    _answered: Callable[[str], None] | None
    "Gets the answer to our own offer."

    @classmethod
    def pair(
        cls, agent: "Agent", *, call_id: str, offer: str, on_event: Callable[[SipEvent], None], account_id: int
    ) -> "tuple[InnerCall, InnerCall]":
        """The side that calls with this offer, and the one that is called; whoever is to take it `answer`s or `reject`s it."""
        calls, called = (
            cls(agent, call_id=call_id, caller="", dialled="", remote=agent.address, offer=offer) for _ in range(2)
        )
        calls.state, called.state = "calling", "invited"
        for one, other in ((calls, called), (called, calls)):
            one.other, one.account_id, one.leg, one._answered = other, account_id, None, None
        calls.on_event = on_event
        return calls, called

    def answer(self, sdp: str) -> None:
        if self.state == "invited" and self.other.state == "calling":
            self.state = self.other.state = "confirmed"
            self.description, self.other.description = sdp, self.offer
            self.other.on_event(Answered(sdp))

    def reject(self, status: int, reason: str = "") -> None:
        if self.state == "invited":
            self._over()
            self.other.end(Rejected(status, reason or REASONS.get(status, "")))

    def hang_up(self) -> None:
        if self.state != "ended":
            self._over()
            asyncio.get_running_loop().call_soon(self.other.end, Ended("remote", "hung up"))

    def reoffer(self, describe: Callable[[], str], answered: Callable[[str], None]) -> None:
        asyncio.get_running_loop().call_soon(self._offer, describe, answered)

    def _offer(self, describe: Callable[[], str], answered: Callable[[str], None]) -> None:
        description = describe() if self.state == self.other.state == "confirmed" else ""
        if description:
            self.description, self._answered = description, answered
            self.other.on_event(Reoffered(description))

    def answer_reoffer(self, sdp: str) -> None:
        self.description = sdp
        self._tell(sdp)

    def reject_reoffer(self, status: int = 488) -> None:
        self._tell("")

    def _tell(self, answer: str) -> None:
        told, self.other._answered = self.other._answered, None
        if told is not None:
            told(answer)

    def allows(self, method: str) -> bool:
        """The other side sends nobody in its place by our word: there is nothing that could be asked of it."""
        return False

    def supports(self, extension: str) -> bool:
        return False


def are_round(one: "SipLeg", other: "SipLeg") -> bool:
    """Whether who is joined with the one, over however many calls of ours, is the other: with each other they would be alone."""
    at, met = one, {other}
    while at not in met:
        met.add(at)
        beyond = at.joint.beyond(at) if at.joint is not None else None
        if beyond is None:
            return False
        if beyond is other:
            return True
        inner = beyond.inner
        if inner is None or inner.other.leg is None:
            return False
        at = inner.other.leg
    return True
