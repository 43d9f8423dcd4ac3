"""Where the requests of a dialog go whose peer is behind a NAT, and where a Contact elsewhere is believed all the same."""

import pytest
from sip_bench import ANSWER, OFFER, Bench, Owned, answer, invite, within

from callwright.sip.address import Address
from callwright.sip.reach import reach_of

pytestmark = pytest.mark.pure

OUTSIDE = ("203.0.113.5", 40_000)
"Where a NAT lets its telephone come from."


def _came(contact: str, via: str, source: Address = OUTSIDE, **headers: str) -> tuple[Bench, Owned]:
    """A call of a peer that names itself `via`; confirmed."""
    bench = Bench()
    via = f"SIP/2.0/UDP {via};branch=z9hG4bKfirst"
    bench.receive(invite(contact=f"<sip:200@{contact}>", via=via, **headers), source)
    owned = bench.incoming[-1]
    owned.call.answer(ANSWER)
    bench.receive(within(owned, "ACK", 1), source)
    return bench, owned


def _asked(bench: Bench, owned: Owned) -> list[tuple[str, Address]]:
    """Where a re-INVITE of ours, its ACK and our BYE go."""
    bench.sent.clear()
    wanted = [OFFER]
    owned.call.reoffer(lambda: wanted.pop() if wanted else "", lambda _: None)
    bench.receive(answer(bench.request(last="INVITE"), 200, body=ANSWER, contact=f"<{bench.request().uri}>"))
    owned.call.hang_up()
    return [(sent.what, sent.to) for sent in bench.sent]


def _all(to: Address) -> list[tuple[str, Address]]:
    return [("INVITE", to), ("ACK", to), ("BYE", to)]


class TestItCalls:
    @pytest.mark.parametrize(
        ("contact", "via", "to"),
        [
            # It knows nothing of its NAT.
            ("192.168.1.5:5060", "192.168.1.5:5060;rport", OUTSIDE),
            ("192.168.1.5", "192.168.1.5;rport", OUTSIDE),
            # Without rport it is answered, and asked, at the port of its Via (RFC 3261 §18.2.2).
            ("192.168.1.5:5060", "192.168.1.5:5060", (OUTSIDE[0], 5060)),
            # Its Via says where it is (STUN), and its Contact does not.
            ("192.168.1.5:5060", "203.0.113.5:40000;rport", OUTSIDE),
            ("100.64.7.7:5060", "203.0.113.5:40000;rport", OUTSIDE),
            # Both are wrong in the same way, whatever the address.
            ("198.51.100.4:5060", "198.51.100.4:5060;rport", OUTSIDE),
            # It knows where it comes out.
            ("203.0.113.5:40000", "192.168.1.5:5060;rport", OUTSIDE),
            ("203.0.113.5:5062", "192.168.1.5:5060;rport", ("203.0.113.5", 5062)),
            # A proxy that is not on the way any more, and a switch that is asked at another host of its own.
            ("198.51.100.9:5080", "203.0.113.5:40000;rport", ("198.51.100.9", 5080)),
            ("sbc.example.com", "203.0.113.5:40000;rport", OUTSIDE),
            ("010.0.0.5:5060", "203.0.113.5:40000;rport", OUTSIDE),
        ],
    )
    def test_to_where_it_came_from_or_to_its_contact(self, contact: str, via: str, to: Address) -> None:
        assert _asked(*_came(contact, via)) == _all(to)

    def test_a_private_contact_beside_a_private_source_is_believed(self) -> None:
        """A proxy and a telephone of one network, which is ours too."""
        assert _asked(*_came("10.0.0.7:5060", "10.0.0.1:5060;rport", ("10.0.0.1", 5060))) == _all(("10.0.0.7", 5060))

    def test_a_nat_within_a_private_network(self) -> None:
        source = ("10.0.0.20", 41_000)
        assert _asked(*_came("192.168.1.5:5060", "192.168.1.5:5060;rport", source)) == _all(source)

    def test_a_route_goes_before_and_one_from_behind_a_nat_does_not(self) -> None:
        proxy = {"record_route": "<sip:198.51.100.9;lr>"}
        assert _asked(*_came("192.168.1.5", "192.168.1.5;rport", **proxy)) == _all(("198.51.100.9", 5060))
        inside = {"record_route": "<sip:10.0.0.1;lr>"}
        bench, owned = _came("10.0.0.7", "10.0.0.1;rport", **inside)
        assert _asked(bench, owned) == _all(OUTSIDE)
        assert bench.request(last="BYE").headers.get("route") == "<sip:10.0.0.1;lr>"

    def test_the_newest_of_its_places_is_used(self) -> None:
        """A NAT that has forgotten it, and lets it come from another port."""
        bench, owned = _came("192.168.1.5:5060", "192.168.1.5:5060;rport")
        moved = ("203.0.113.6", 40_777)
        via = "SIP/2.0/UDP 192.168.1.5:5060;rport;branch=z9hG4bK"
        late = within(owned, "INFO", 9, via=via + "late", body="")
        assert bench.receive(late, moved) == ["200 INFO"]
        assert bench.receive(within(owned, "INFO", 8, via=via + "old"), ("203.0.113.99", 1)) == ["500 INFO"]
        assert _asked(bench, owned) == _all(moved)

    def test_the_request_uri_stays_what_it_calls_itself(self) -> None:
        bench, owned = _came("192.168.1.5:5060;ob", "192.168.1.5:5060;rport")
        owned.call.hang_up()
        assert bench.request(last="BYE").uri == "sip:200@192.168.1.5:5060;ob"


class TestItIsCalled:
    @pytest.mark.parametrize(
        ("target", "contact", "route", "to"),
        [
            # As it registered; sent to where that came from.
            ("192.168.1.5:5060", "192.168.1.5:5060", "", OUTSIDE),
            ("192.168.1.5:5060", "192.168.1.5:6060", "", OUTSIDE),
            ("198.51.100.4:5060", "198.51.100.4:5060", "", OUTSIDE),
            ("203.0.113.5:40000", "192.168.1.5:5060", "", OUTSIDE),
            ("trunk.example.com", "10.0.0.5:5060", "", OUTSIDE),
            ("trunk.example.com", "198.51.100.9:5080", "", ("198.51.100.9", 5080)),
            # By way of a proxy (Path) that is not on the way afterwards.
            ("198.51.100.4:5060", "198.51.100.4:5060", "<sip:203.0.113.5:40000;lr>", ("198.51.100.4", 5060)),
            ("192.168.1.5:5060", "192.168.1.5:5060", "<sip:203.0.113.5:40000;lr>", OUTSIDE),
        ],
    )
    def test_ack_and_all_else(self, target: str, contact: str, route: str, to: Address) -> None:
        bench = Bench()
        extra = (("route", route),) if route else ()
        call = bench.agent.invite(
            f"sip:200@{target}",
            call_id="ours",
            caller="100",
            sdp=OFFER,
            to=OUTSIDE,
            on_event=lambda _: None,
            extra=extra,
        )
        bench.receive(answer(bench.request(), 200, body=ANSWER, contact=f"<sip:200@{contact}>"), OUTSIDE)
        assert [(sent.what, sent.to) for sent in bench.sent[1:]] == [("ACK", to)]
        assert _asked(bench, Owned(call)) == _all(to)


@pytest.mark.parametrize(
    ("host", "reach"),
    [
        ("127.0.0.1", 0), ("0.0.0.0", 0), ("::1", 0), ("169.254.3.4", 1), ("fe80::1", 1), ("fe80::1%eth0", 1),
        ("10.255.0.1", 2), ("172.31.0.1", 2), ("192.168.0.1", 2), ("fd12::1", 2), ("100.127.0.1", 3), ("172.32.0.1", 4),
        ("100.128.0.1", 4), ("203.0.113.5", 4), ("2001:db8::1", 4),
    ],
)  # fmt: skip
def test_how_far_addresses_reach(host: str, reach: int) -> None:
    assert reach_of(host) == reach
