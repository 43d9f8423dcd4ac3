"""Ways of a request within a call: the next one where the one before fails, and none that cannot lead anywhere."""

import pytest
from sip_bench import ANSWER, OFFER, PEER, US, Bench, Owned, Sent, answer, invite, within

from callwright.sip.address import Address
from callwright.sip.agent import Agent
from callwright.sip.call import SipCall
from callwright.sip.message import Request

pytestmark = pytest.mark.pure

LONG = OFFER + "a=x-long:" + "y" * 1400 + "\r\n"


class Both(Bench):
    """An agent of datagrams, and beside it one of connections, whose messages are `streamed`."""

    def __init__(self) -> None:
        super().__init__()
        self.streamed: list[Sent] = []
        self.agent.longer = Agent(
            US,
            transmit=lambda data, to: self.streamed.append(Sent(self.now, to, data)),
            clock=lambda: self.now,
            on_invite=lambda _: None,
            new_tag=self.agent.new_tag,
            chance=lambda: 0.5,
            transport="tcp",
            beside=self.agent,
        )

    def called(self, source: Address = PEER, via: str = "192.0.2.7:5060") -> Owned:
        """By a peer whose call is confirmed."""
        via = f"SIP/2.0/UDP {via};rport;branch=z9hG4bKfirst"
        self.receive(invite(via=via, contact=f"<sip:200@{via.split()[1].partition(';')[0]}>"), source)
        owned = self.incoming[-1]
        owned.call.answer(ANSWER)
        self.receive(within(owned, "ACK", 1), source)
        self.sent.clear()
        return owned


def _reoffer(call: SipCall) -> list[str]:
    wanted, told = [LONG], []
    call.reoffer(lambda: wanted.pop() if wanted else "", told.append)
    return told


def _request(sent: Sent) -> Request:
    assert isinstance(sent.message, Request)
    return sent.message


@pytest.mark.parametrize("fails", ["refused", "mute"])
def test_what_no_connection_takes_goes_as_a_datagram(fails: str) -> None:
    """With a number of its own, lest it came before; the call lives, and the next one is not tried by a connection again."""
    bench = Both()
    owned = bench.called()
    told = _reoffer(owned.call)
    (first,) = bench.streamed
    assert (first.to, bench.sent) == (("192.0.2.7", 5060), [])
    if fails == "refused":
        assert bench.agent.longer is not None
        bench.agent.longer.unreachable(first.to, "Connection refused")
    else:
        bench.pass_s(33)
    again = bench.request(last="INVITE")
    assert (_request(first).sequence, again.sequence) == (1, 2)
    assert again.via.branch != _request(first).via.branch and again.headers.get("via").startswith("SIP/2.0/UDP ")
    bench.receive(answer(again, 200, body=ANSWER))
    assert told == [ANSWER] and owned.call.state == "confirmed"
    _reoffer(owned.call)
    assert len(bench.streamed) == 1 and bench.sent[-1].what == "INVITE"


def test_nobody_connects_to_whom_a_nat_hides() -> None:
    bench = Both()
    source = ("203.0.113.5", 40_000)
    _reoffer(bench.called(source, "192.168.1.5:5060").call)
    assert not bench.streamed and [(sent.what, sent.to) for sent in bench.sent] == [("INVITE", source)]


def test_a_peer_that_has_no_other_way_has_gone() -> None:
    """Its connection breaks under what we ask, and where it says that it listens nobody is."""
    open_now = {PEER}
    bench = Bench(transport="tcp", connected=lambda to: to in open_now)
    via = "SIP/2.0/TCP 192.0.2.7:5070;branch=z9hG4bKfirst"
    bench.receive(invite(via=via, contact="<sip:200@192.0.2.7:5070;transport=tcp>"), PEER)
    owned = bench.incoming[-1]
    owned.call.answer(ANSWER)
    bench.receive(within(owned, "ACK", 1, via=via + "ack"), PEER)
    _reoffer(owned.call)
    assert bench.sent[-1].to == PEER
    open_now.clear()
    bench.agent.unreachable(PEER, "the connection was closed")
    listens = ("192.0.2.7", 5070)
    assert (bench.sent[-1].what, bench.sent[-1].to) == ("INVITE", listens) and owned.call.state == "confirmed"
    bench.agent.unreachable(listens, "Connection refused")
    assert owned.call.state == "ended" and "the far end has gone" in str(owned.events[-1])
    bench.pass_s(40)
    assert bench.at_rest


@pytest.mark.parametrize(
    ("contact", "by", "to"),
    [
        ("sip:200@192.0.2.9", "tcp", ("192.0.2.9", 5060)),
        ("sip:200@192.0.2.9;transport=tcp", "tcp", ("192.0.2.9", 5060)),
        ("sip:200@192.0.2.9:5080;transport=UDP", "udp", ("192.0.2.9", 5080)),
        ("sip:200@192.0.2.9;transport=sctp", "tcp", ("192.0.2.9", 5060)),
        # Its name is nobody's address, and the NAT hides the other: where the Via says that it listens.
        ("sip:200@pbx.example.com;transport=tcp", "tcp", ("192.0.2.7", 5070)),
        ("sip:200@10.0.0.9;transport=udp", "tcp", ("192.0.2.7", 5070)),
    ],
)
def test_without_its_connection_a_peer_is_where_its_contact_says(contact: str, by: str, to: Address) -> None:
    bench = Both()
    tcp = bench.agent.longer
    assert tcp is not None
    tcp.wire.connected = lambda _: False
    came: list[SipCall] = []
    tcp._admits = lambda *_: came.append
    source, via = ("192.0.2.7", 41_234), "SIP/2.0/TCP 192.0.2.7:5070;branch=z9hG4bKfirst"
    tcp.receive(invite(via=via, contact=f"<{contact}>").serialize(), source)
    (call,) = came
    call.answer(ANSWER)
    tcp.receive(within(Owned(call), "ACK", 1, via=via + "ack").serialize(), source)
    call.hang_up()
    sent = (bench.sent if by == "udp" else bench.streamed)[-1]
    assert (sent.what, sent.to) == ("BYE", to)
