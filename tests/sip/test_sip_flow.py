"""The way that a registrar has to us: kept open by keep-alives, and watched."""

import pytest
from sip_bench import PEER, Bench

from callwright.sip.flow import KEEP_ALIVE_S_MAX, KEEP_ALIVE_S_MIN, Flow
from callwright.sip.framing import PING

pytestmark = pytest.mark.pure

OTHER = ("192.0.2.8", 5060)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_keep_alives_until_it_is_closed(transport: str) -> None:
    bench = Bench(transport=transport)
    flow = Flow(bench.agent, PEER)
    flow.keep(lambda: None)
    begun = bench.now
    bench.pass_s(120)
    assert {(sent.data, sent.to) for sent in bench.sent} == {(PING, PEER)}
    times = [sent.at for sent in bench.sent]
    pauses = [later - earlier for earlier, later in zip([begun, *times], times, strict=False)]
    assert len(pauses) == 4 and all(KEEP_ALIVE_S_MIN <= pause <= KEEP_ALIVE_S_MAX for pause in pauses)
    flow.close()
    flow.close()
    already = len(bench.sent)
    bench.pass_s(120)
    assert len(bench.sent) == already and bench.at_rest and not bench.agent.wire.watchers


def test_each_that_shares_a_connection_is_told_of_its_loss_and_nobody_else() -> None:
    bench, told = Bench(transport="tcp"), []
    flows = {name: Flow(bench.agent, to) for name, to in (("one", PEER), ("two", PEER), ("other", OTHER))}
    for name, flow in flows.items():
        flow.keep(lambda name=name: told.append(name))
    bench.agent.unreachable(PEER, "the connection was closed")
    assert sorted(told) == ["one", "two"]
    flows["one"].close()
    bench.agent.unreachable(PEER, "the connection was closed")
    assert sorted(told) == ["one", "two", "two"]


def test_who_is_told_may_close_and_keep_again() -> None:
    bench, told = Bench(transport="tcp"), []
    flow = Flow(bench.agent, PEER)

    def lost() -> None:
        told.append(1)
        flow.close()
        flow.keep(lost)

    flow.keep(lost)
    bench.agent.unreachable(PEER, "the connection was closed")
    assert told == [1]
    bench.pass_s(30)
    assert [sent.data for sent in bench.sent] == [PING]
