"""Servers that failed are tried last for a while."""

import pytest
from sip_bench import PEER, Bench, answer

from callwright.sip.events import Rejected
from callwright.sip.flow import Flow
from callwright.sip.locating import Place
from callwright.sip.outages import OUT_S, OUTAGES_MAX, RETRY_AFTER_S_MAX, TRIED_S, Outages
from callwright.sip.registering import Registering

pytestmark = pytest.mark.pure

ONE, TWO, THREE = (Place(("192.0.2.7", port), "udp") for port in (5060, 5061, 5062))
ALL = [ONE, TWO, THREE]
OTHER = ("192.0.2.8", 5060)


def test_last_for_a_while_and_then_tried_by_one_call() -> None:
    outages = Outages()
    assert outages.in_order(ALL, 0.0) == ALL
    outages.failed(ONE, 0.0)
    assert outages.in_order(ALL, OUT_S - 0.1) == [TWO, THREE, ONE]
    assert outages.in_order(ALL, OUT_S) == ALL, "one call tries it"
    assert outages.in_order(ALL, OUT_S) == [TWO, THREE, ONE], "the others do not"
    assert outages.in_order(ALL, OUT_S + TRIED_S) == ALL, "nothing came of that call: the next one does"
    outages.failed(ONE, 100.0)
    outages.serves(ONE)
    assert outages.in_order(ALL, 100.0) == ALL and not len(outages)


def test_by_another_transport_it_is_another_server() -> None:
    outages = Outages()
    outages.failed(Place(ONE.address, "tcp"), 0.0)
    assert outages.in_order(ALL, 0.0) == ALL


def test_where_all_have_failed_the_order_is_that_of_dns() -> None:
    outages = Outages()
    for place in ALL:
        outages.failed(place, 0.0)
    assert outages.in_order(ALL, 1.0) == ALL


def test_one_that_is_not_reached_by_a_call_waits_for_its_turn() -> None:
    """Its time is over, but another one comes before it: it is not tried, and still may be later."""
    outages = Outages()
    outages.failed(TWO, 0.0)
    assert outages.in_order(ALL, OUT_S) == [ONE, THREE, TWO]
    assert outages.in_order([TWO, THREE], OUT_S) == [TWO, THREE]


def test_as_long_as_it_says_within_reason() -> None:
    for said_s, out_s in ((7, 7), (86_400, RETRY_AFTER_S_MAX), (0, OUT_S)):
        outages = Outages()
        outages.failed(ONE, 0.0, said_s)
        assert outages.in_order(ALL, out_s - 0.1)[0] == TWO and outages.in_order(ALL, out_s)[0] == ONE


def test_so_many_are_remembered() -> None:
    outages = Outages()
    for port in range(OUTAGES_MAX + 10):
        outages.failed(Place(("192.0.2.7", port), "udp"), 0.0)
    outages.failed(Place(("192.0.2.7", 10), "udp"), 1.0)
    assert len(outages) == OUTAGES_MAX
    gone, kept = (Place(("192.0.2.7", port), "udp") for port in (9, 10))
    assert outages.in_order([kept, gone], 1.0) == [gone, kept]


class TestCalls:
    def _bench(self) -> tuple[Bench, Outages]:
        bench = Bench()
        return bench, bench.agent.wire.outages

    def test_silence(self) -> None:
        bench, outages = self._bench()
        bench.dial(ways=[(bench.agent, OTHER)])
        bench.pass_s(5)
        assert bench.sent[-1].to == OTHER and outages.in_order([ONE, TWO], bench.now) == [TWO, ONE]
        bench.receive(answer(bench.request(), 200, body="", contact="<sip:200@192.0.2.8>"), OTHER)
        assert len(outages) == 1

    def test_silence_where_there_is_no_other_one(self) -> None:
        bench, outages = self._bench()
        bench.dial()
        bench.pass_s(40)
        assert outages.in_order([ONE, TWO], bench.now)[0] == TWO

    @pytest.mark.parametrize(("headers", "out_s"), [({}, OUT_S), ({"retry_after": "120 (lunch);duration=5"}, 120)])
    def test_503(self, headers: dict[str, str], out_s: float) -> None:
        bench, outages = self._bench()
        owned = bench.dial()
        bench.receive(answer(bench.request(), 503, **headers))
        assert isinstance(owned.events[-1], Rejected)
        assert outages.in_order([ONE, TWO], bench.now + out_s - 1)[0] == TWO
        assert outages.in_order([ONE, TWO], bench.now + out_s)[0] == ONE

    @pytest.mark.parametrize("status", [180, 200, 404, 486, 500, 603])
    def test_any_other_answer_is_one_of_a_server_that_serves(self, status: int) -> None:
        bench, outages = self._bench()
        outages.failed(ONE, bench.now)
        bench.dial()
        bench.receive(answer(bench.request(), status, contact="<sip:200@192.0.2.7>"))
        assert not len(outages)

    def test_a_caller_who_hangs_up_before_anything_came_proves_nothing(self) -> None:
        bench, outages = self._bench()
        bench.dial().call.hang_up()
        bench.pass_s(1)
        assert not len(outages)


def test_registrars_too() -> None:
    for status, failed in ((503, True), (0, True), (200, False), (403, False)):
        bench, told = Bench(), []
        registering = Registering(
            registrar="sip:192.0.2.7", address="sip:ann@192.0.2.7", contact_user="token", call_id="x", identity=None
        )
        bench.agent.wire.outages.failed(ONE, bench.now - OUT_S)
        registering.ask(Flow(bench.agent, PEER), 60, told.append)
        if status:
            bench.receive(answer(bench.request(), status))
        bench.pass_s(40 if not status else 0)
        assert len(told) == 1
        order = bench.agent.wire.outages.in_order([ONE, TWO], bench.now)
        assert (order[0] == TWO) == failed, status
