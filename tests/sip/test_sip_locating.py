"""The order of servers that DNS names, and an INVITE that goes to the next one: in whose time, and what of it is the same."""

import random
from collections import Counter

import pytest
from sip_bench import ANSWER, PEER, Bench, answer

from callwright.sip.calling import PATIENCE_S
from callwright.sip.events import Answered, Ended, Rejected
from callwright.sip.locating import Naptr, Srv, in_order, services

pytestmark = pytest.mark.pure
SECOND, THIRD = ("192.0.2.8", 5060), ("192.0.2.9", 5060)


def test_order_before_preference() -> None:
    records = [
        Naptr(2, 1, "S", "sip+d2u", "a"),
        Naptr(1, 9, "s", "SIPS+D2T", "b"),
        Naptr(1, 5, "s", "SIP+D2T", "c"),
        Naptr(0, 0, "", "SIP+D2U", "not terminal"),
        Naptr(0, 0, "a", "SIP+D2U", "an address"),
        Naptr(0, 0, "s", "SIP+D2W", "websocket"),
    ]
    assert services(records, ("udp", "tcp", "tls")) == [("tcp", "c"), ("tls", "b"), ("udp", "a")]
    assert services(records, ("tls",)) == [("tls", "b")]


def test_priority_before_weight_and_weight_by_chance() -> None:
    records = [Srv(1, 90, 1, "often"), Srv(1, 10, 1, "seldom"), Srv(1, 0, 1, "hardly"), Srv(0, 0, 1, "first")]
    rng = random.Random(1)
    seconds: Counter[str] = Counter()
    for _ in range(2000):
        ordered = [one.target for one in in_order(records, rng.random)]
        assert ordered[0] == "first" and sorted(ordered) == ["first", "hardly", "often", "seldom"]
        seconds[ordered[1]] += 1
    assert 1700 < seconds["often"] < 1900 and 120 < seconds["seldom"] < 280 and seconds["hardly"] < 20


def test_what_is_no_server() -> None:
    assert in_order([Srv(0, 0, 5060, "."), Srv(0, 0, 0, "a"), Srv(0, 0, 5060, "")], lambda: 0.5) == []


def _dialled(*ways) -> tuple[Bench, object]:
    bench = Bench()
    return bench, bench.dial(ways=[(bench.agent, way) for way in ways])


def test_one_that_is_mute_has_four_seconds() -> None:
    """RFC 3263 §4.3: the same request, but for its branch."""
    bench, owned = _dialled(SECOND)
    first = bench.request()
    assert [round(at, 1) for at, _ in bench.at(PATIENCE_S - 0.1)] == [0.5, 1.5, 3.5]
    assert {sent.to for sent in bench.sent} == {PEER}
    bench.pass_s(0.2)
    second = bench.request()
    assert bench.sent[-1].to == SECOND and second.via.branch != first.via.branch
    assert [second.headers.get(name) for name in ("call-id", "cseq", "from")] == [
        first.headers.get(name) for name in ("call-id", "cseq", "from")
    ]
    bench.receive(answer(second, 200, body=ANSWER), SECOND)
    assert owned.events == [Answered(ANSWER)]
    owned.call.hang_up()
    bench.receive(answer(bench.request(last="BYE"), 200))
    bench.pass_s(40)
    assert bench.at_rest


def test_one_that_rings_is_not_left() -> None:
    bench, owned = _dialled(SECOND)
    bench.receive(answer(bench.request(), 180))
    bench.pass_s(60)
    assert {sent.to for sent in bench.sent} == {PEER} and not any(isinstance(one, Rejected) for one in owned.events)


def test_all_of_them_are_mute() -> None:
    bench, owned = _dialled(SECOND, THIRD)
    bench.pass_s(2 * PATIENCE_S + 31)
    assert owned.events == []
    bench.pass_s(2)
    assert owned.events == [Rejected(408, "No answer", heard=False)] and bench.at_rest


def test_503_goes_on_and_is_acknowledged() -> None:
    bench, owned = _dialled(SECOND)
    assert bench.receive(answer(bench.request(), 503)) == ["ACK", "INVITE"]
    assert bench.sent[-1].to == SECOND
    assert bench.receive(answer(bench.request(), 503), SECOND) == ["ACK"]
    assert owned.events == [Rejected(503, "Whatever")]


def test_a_cancelled_call_goes_nowhere_else() -> None:
    bench, owned = _dialled(SECOND)
    owned.call.cancel()
    bench.pass_s(40)
    assert {sent.to for sent in bench.sent} == {PEER}
    assert owned.events == [Ended("local", "cancelled")] and bench.at_rest
