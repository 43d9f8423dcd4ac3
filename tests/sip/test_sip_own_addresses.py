"""One agent at several addresses of ours: each peer is told the one that it reaches, and all else is one agent's."""

import pytest
from sip_bench import ANSWER, PEER, Bench, invite, request, within

from callwright.sip.agent import Agent
from callwright.sip.message import Response

pytestmark = pytest.mark.pure

SIX = "2001:db8::1"
SOURCE = ("2001:db8::7", 5060)


def _heard(bench: Bench, agent: Agent, data: bytes, source: tuple[str, int]) -> Response:
    agent.receive(data, source)
    message = bench.sent[-1].message
    assert isinstance(message, Response)
    return message


def test_each_address_is_told_in_via_and_contact() -> None:
    bench = Bench()
    six = bench.agent.at(SIX)
    assert six is bench.agent.at(SIX) and bench.agent.everywhere == (bench.agent, six)
    options = request("OPTIONS").serialize()
    assert _heard(bench, six, options, SOURCE).headers.get("contact") == "<sip:[2001:db8::1]:5060>"
    assert _heard(bench, bench.agent, options, PEER).headers.get("contact") == "<sip:192.0.2.1:5060>"
    six.invite("sip:200@[2001:db8::7]", call_id="ours", caller="100", sdp=ANSWER, to=SOURCE, on_event=lambda _: None)
    sent = bench.request()
    assert sent.headers.get("via").startswith("SIP/2.0/UDP [2001:db8::1]:5060;")
    assert "<sip:100@[2001:db8::1]:5060>" in sent.headers.get("from")
    assert six.contact_of("we") == "<sip:we@[2001:db8::1]:5060>"


def test_calls_transactions_and_counts_are_one_agents() -> None:
    """A peer with two addresses may answer, and end a call, from the other one."""
    bench = Bench()
    six = bench.agent.at(SIX)
    dialled = bench.dial()
    answer = Response(486, "Busy Here")
    for name in ("via", "from", "to", "call-id", "cseq"):
        answer.headers.set(name, *bench.request().headers.all(name))
    six.receive(answer.serialize(), SOURCE)
    assert dialled.call.state == "ended"
    bench.receive(invite())
    owned = bench.incoming[-1]
    owned.call.answer(ANSWER)
    bench.receive(within(owned, "ACK", 1))
    assert bench.agent.calls == six.calls == 1
    six.receive(within(owned, "BYE").serialize(), SOURCE)
    assert owned.call.state == "ended" and bench.agent.calls == six.calls == 0


def test_why_nothing_can_be_sent_is_told_whichever_sent_it() -> None:
    bench = Bench(transport="tcp")
    six = bench.agent.at(SIX)
    told: list[object] = []
    six.invite("sip:200@[2001:db8::7]", call_id="ours", caller="100", sdp=ANSWER, to=SOURCE, on_event=told.append)
    bench.agent.unreachable(SOURCE, "Connection refused")
    assert "Connection refused" in str(told)


@pytest.mark.parametrize("known_before", [False, True])
def test_what_is_too_long_for_a_datagram_goes_from_the_same_address(known_before: bool) -> None:
    """Also to a peer that was heard before there were connections."""
    bench, sent = Bench(), []
    if known_before:
        bench.agent.at(SIX)
    bench.agent.longer = Agent(
        bench.agent.address, transmit=lambda data, _: sent.append(data), clock=lambda: bench.now,
        on_invite=lambda _: None, new_tag=lambda: "t", chance=lambda: 0.5, transport="tcp", beside=bench.agent,
    )  # fmt: skip
    bench.agent.at(SIX).invite(
        "sip:200@[2001:db8::7]", call_id="ours", caller="100", sdp=ANSWER, to=SOURCE, on_event=lambda _: None,
        extra=(("x-story", "s" * 900), ("x-more", "s" * 900)),
    )  # fmt: skip
    assert b"Via: SIP/2.0/TCP [2001:db8::1]:5060;" in sent[-1]
