"""Calls over a stream: nothing is repeated, everything goes on the connection that it came on, and one that fails is told."""

import pytest
from sip_bench import ANSWER, PEER, US, Bench, answer, invite, request, within

from callwright.sip.agent import Agent
from callwright.sip.events import Answered, Confirmed, Rejected
from callwright.sip.message import parse

pytestmark = pytest.mark.pure

SOURCE = ("192.0.2.7", 41_234)
"The far end of a connection that the peer opened: not where it listens."


def _by_tcp(message):
    message.headers.set("via", message.headers.get("via").replace("/UDP", "/TCP"))
    return message


def test_a_call_that_came_stays_on_its_connection() -> None:
    bench = Bench(transport="tcp")
    bench.receive(_by_tcp(invite()), SOURCE)
    owned = bench.incoming[-1]
    owned.call.answer(ANSWER)
    assert {sent.to for sent in bench.sent} == {SOURCE}
    assert bench.response(200).headers.get("contact") == "<sip:192.0.2.1:5060;transport=tcp>"
    bench.receive(_by_tcp(within(owned, "ACK", 1)), SOURCE)
    owned.call.hang_up()
    bye = bench.request(last="BYE")
    assert bench.sent[-1].to == SOURCE and bye.uri == "sip:200@192.0.2.7:5070"
    assert bye.headers.get("via").startswith("SIP/2.0/TCP 192.0.2.1:5060;") and "alias" in bye.via.parameters
    bench.receive(answer(bye, 200), SOURCE)
    bench.pass_s(40)
    assert bench.at_rest and owned.events == [Confirmed("")]


def test_nothing_is_repeated_but_a_2xx() -> None:
    """RFC 3261 §17.1.1.2; §13.3.1.4: a proxy on the way may have lost it."""
    bench = Bench(transport="tcp")
    bench.dial()
    assert bench.pass_s(31) == []
    bench.receive(_by_tcp(invite(call_id="one")), SOURCE)
    bench.incoming[-1].call.reject(486)
    bench.receive(_by_tcp(invite(call_id="two")), SOURCE)
    bench.incoming[-1].call.answer(ANSWER)
    assert set(bench.pass_s(5)) == {"200 INVITE"}


def test_a_refused_call_leaves_nothing_behind_at_once() -> None:
    bench = Bench(transport="tls")
    owned = bench.dial()
    assert "transport=tls" in bench.request().uri
    assert bench.receive(answer(bench.request(), 486)) == ["ACK"]
    assert owned.events == [Rejected(486, "Whatever")] and bench.at_rest


def test_a_connection_that_fails_is_told() -> None:
    bench = Bench(transport="tcp")
    owned = bench.dial()
    bench.agent.transactions.unreachable(("192.0.2.99", 5060))
    assert owned.events == []
    bench.agent.transactions.unreachable(PEER)
    assert owned.events == [Rejected(408, "No answer", heard=False)] and bench.at_rest


def test_what_rings_survives_its_connection() -> None:
    bench = Bench(transport="tcp")
    owned = bench.dial()
    bench.receive(answer(bench.request(), 180))
    bench.agent.transactions.unreachable(PEER)
    bench.receive(answer(bench.request(last="INVITE"), 200, body=ANSWER))
    assert owned.events[-1] == Answered(ANSWER)


def test_agents_of_two_transports_know_each_others_calls() -> None:
    """A peer may end by TCP what began over UDP: its BYE was too long for a datagram (RFC 3261 §18.1.1)."""
    bench = Bench()
    bench.receive(invite())
    owned = bench.incoming[-1]
    owned.call.answer(ANSWER)
    bench.receive(within(owned, "ACK", 1))
    sent: list[tuple[bytes, tuple[str, int]]] = []
    tcp = Agent(
        US, transmit=lambda *one: sent.append(one), clock=lambda: bench.now, on_invite=lambda _: None,
        new_tag=lambda: "t", chance=lambda: 0.5, transport="tcp", beside=bench.agent,
    )  # fmt: skip
    tcp.receive(_by_tcp(within(owned, "BYE")).serialize(), SOURCE)
    ((data, to),) = sent
    assert data.startswith(b"SIP/2.0 200") and to == SOURCE and owned.call.state == "ended" and tcp.calls == 0


def test_an_alias_is_told() -> None:
    told: list[tuple[tuple[str, int], int]] = []
    bench = Bench(transport="tcp", on_alias=lambda *one: told.append(one))
    asked = request("OPTIONS", via="SIP/2.0/TCP 192.0.2.7:5080;branch=z9hG4bKa;alias")
    bench.receive(asked, SOURCE)
    bench.receive(_by_tcp(request("OPTIONS")), SOURCE)
    assert told == [(SOURCE, 5080)]


class TestTooLongForADatagram:
    LONG = (("x-story", "s" * 900),)

    def _agents(self) -> tuple[Bench, list[bytes]]:
        bench, sent = Bench(), []
        bench.agent.longer = Agent(
            US, transmit=lambda data, _: sent.append(data), clock=lambda: bench.now, on_invite=lambda _: None,
            new_tag=lambda: "t", chance=lambda: 0.5, transport="tcp", beside=bench.agent,
        )  # fmt: skip
        return bench, sent

    def test_it_is_a_call_by_tcp(self) -> None:
        bench, sent = self._agents()
        owned = bench.dial(extra=self.LONG)
        assert bench.sent == [] and len(sent) == 1
        ok = answer(parse(sent[0]), 200, body=ANSWER)
        bench.agent.longer.receive(ok.serialize(), PEER)
        assert owned.events == [Answered(ANSWER)]
        owned.call.hang_up()
        assert bench.sent == [] and b"BYE" in sent[-1][:4]

    def test_nobody_takes_a_connection(self) -> None:
        bench, sent = self._agents()
        owned = bench.dial(extra=self.LONG)
        bench.agent.longer.transactions.unreachable(PEER)
        again = bench.request(last="INVITE")
        assert len(sent) == 1 and again.headers.get("via").startswith("SIP/2.0/UDP")
        assert "transport" not in again.headers.get("contact") and owned.events == []
        assert bench.receive(answer(again, 200, body=ANSWER)) == ["ACK"] and owned.events == [Answered(ANSWER)]

    def test_a_short_one_is_not(self) -> None:
        bench, sent = self._agents()
        bench.dial()
        assert [one.what for one in bench.sent] == ["INVITE"] and sent == []


@pytest.mark.parametrize("said", ["received=10.0.0.5", "received=10.0.0.5;rport", "received=127.0.0.1;rport=22"])
def test_where_a_request_came_from_is_not_its_senders_to_say(said: str) -> None:
    bench = Bench(transport="tcp")
    bench.receive(_by_tcp(invite(via=f"SIP/2.0/UDP {SOURCE[0]}:5070;branch=z9hG4bKfirst;{said}")), SOURCE)
    via = bench.response(100).via
    assert via.parameters["received"] == SOURCE[0] and via.parameters.get("rport") in (None, str(SOURCE[1]))


def test_a_proxy_behind_a_nat_is_reached_by_its_connection() -> None:
    """Its Record-Route names an address that is not ours to reach."""
    bench = Bench(transport="tcp")
    route = "<sip:192.168.1.2;transport=tcp;lr>"
    asked = invite(via="SIP/2.0/UDP 192.168.1.2:5060;branch=z9hG4bKfirst", record_route=route)
    bench.receive(_by_tcp(asked), ("203.0.113.5", 41_000))
    owned = bench.incoming[-1]
    owned.call.answer(ANSWER)
    bench.receive(_by_tcp(within(owned, "ACK", 1)), ("203.0.113.5", 41_000))
    owned.call.hang_up()
    assert bench.sent[-1].to == ("203.0.113.5", 41_000) and bench.request(last="BYE").headers.all("route") == [route]
