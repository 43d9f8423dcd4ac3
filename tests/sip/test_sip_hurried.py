"""New calls that there is no time for are turned away, most of them without being read, and calls that are there go on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sip_bench import ANSWER, PEER, Bench, invite, request, within

from callwright.sip.events import Confirmed, Reoffered
from callwright.sip.message import Response, parse

pytestmark = pytest.mark.pure

USUAL = (
    b"INVITE sip:100@192.0.2.1 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bKone;rport\r\n"
    b"Via: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKbehind\r\n"
    b"Max-Forwards: 70\r\n"
    b'From: "Zo\xc3\xab" <sip:zoe@192.0.2.7>;tag=peer\r\n'
    b"To: <sip:100@192.0.2.1>\r\n"
    b"Call-ID: one@192.0.2.7\r\n"
    b"CSeq: 7 INVITE\r\n"
    b"Contact: <sip:zoe@192.0.2.7>\r\n"
    b"Content-Length: 0\r\n\r\n"
)


def _answer(bench: Bench) -> Response:
    message = parse(bench.sent[-1].data)
    assert isinstance(message, Response)
    return message


class TestTurnedAway:
    def test_the_answer_says_what_it_has_to(self) -> None:
        bench = Bench()
        assert bench.receive(USUAL, ("203.0.113.5", 40_000), busy=True) == ["503 INVITE"]
        answer = _answer(bench)
        assert answer.headers.all("via") == [
            "SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bKone;rport=40000;received=203.0.113.5",
            "SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKbehind",
        ]
        assert answer.headers.get("from") == '"Zoë" <sip:zoe@192.0.2.7>;tag=peer'
        assert answer.headers.get("to").startswith("<sip:100@192.0.2.1>;tag=")
        assert answer.headers.get("call-id") == "one@192.0.2.7"
        assert answer.headers.get("cseq") == "7 INVITE"
        assert answer.headers.get("retry-after") == "5"
        assert bench.sent[-1].to == ("203.0.113.5", 40_000)
        assert bench.agent.shed == 1 and bench.at_rest and not bench.incoming

    def test_a_repeat_gets_the_same_and_its_ack_nothing(self) -> None:
        bench = Bench()
        bench.receive(USUAL, busy=True)
        first = bench.sent[-1].data
        bench.receive(USUAL, busy=True)
        assert bench.sent[-1].data == first
        ack = USUAL.replace(b"INVITE", b"ACK").replace(
            b"To: <sip:100@192.0.2.1>", b"To: " + _answer(bench).headers.get("to").encode()
        )
        assert bench.receive(ack) == [] and bench.agent.dropped == 0

    @pytest.mark.parametrize(
        ("usual", "odd"),
        [
            (b"Call-ID:", b"i:"),
            (b"\r\nTo: ", b"\r\nTo:"),
            (b"From: ", b"From: \r\n "),
            (b"CSeq", b"cseq"),
            (b"\r\n", b"\n"),
            (b"z9hG4bKone", b"1"),
            (b"\r\nVia: SIP/2.0/UDP 198", b", SIP/2.0/UDP 198"),
            (b"To: <", b'To: "Vintage" <'),
            (b"\r\nTo: ", b"\r\nX-Note: a\r\n\tb\r\nTo: "),
            (b"\r\nVia: SIP/2.0/UDP 192.0.2.7", b"\r\nv: SIP/2.0/UDP 192.0.2.7"),
        ],
    )
    def test_what_is_not_written_as_usual_is_read_and_turned_away_as_well(self, usual: bytes, odd: bytes) -> None:
        bench = Bench()
        assert USUAL.count(usual) and bench.receive(USUAL.replace(usual, odd), busy=True) == ["503 INVITE"]
        assert _answer(bench).headers.get("retry-after") == "5"
        assert bench.agent.shed == 1 and bench.at_rest and not bench.incoming

    def test_who_is_told_nothing_is_not_told_this(self) -> None:
        bench = Bench(tells=lambda *_: False)
        assert bench.receive(USUAL, busy=True) == bench.receive(USUAL.replace(b"CSeq", b"cseq"), busy=True) == []
        assert bench.agent.shed == 0

    @pytest.mark.parametrize(
        ("whole", "part"),
        [(USUAL, b"To: <sip:100@192.0.2.1>\r\n"), (USUAL, b"CSeq: 7 INVITE\r\n"), (USUAL, b" SIP/2.0\r\n")],
    )
    def test_what_is_no_invite_is_not_answered_as_one(self, whole: bytes, part: bytes) -> None:
        bench = Bench()
        assert "503 INVITE" not in bench.receive(whole.replace(part, b"\r\n", 1), busy=True)

    @given(st.binary(max_size=400), st.integers(0, len(USUAL)), st.integers(0, 40))
    def test_nothing_that_comes_raises(self, noise: bytes, at: int, cut: int) -> None:
        bench = Bench()
        bench.receive(USUAL[:at] + noise + USUAL[at + cut :], busy=True)
        assert not bench.incoming


class TestThere:
    """Calls that are there go on."""

    def test_a_repeat_of_an_invite_that_is_served(self) -> None:
        bench = Bench()
        bench.receive(invite(branch="first"))
        assert bench.receive(invite(branch="first"), busy=True) == ["100 INVITE"]

    def test_an_offer_within_a_call(self) -> None:
        bench = Bench()
        bench.receive(invite(branch="first"))
        owned = bench.incoming[-1]
        owned.call.answer(ANSWER)
        bench.receive(within(owned, "ACK", 1))
        assert owned.events == [Confirmed("")]
        bench.receive(within(owned, "INVITE", 2, content_type="application/sdp", body=ANSWER), busy=True)
        assert isinstance(owned.events[-1], Reoffered)

    def test_a_cancel(self) -> None:
        bench = Bench()
        bench.receive(invite(branch="first"))
        assert bench.receive(request("CANCEL", branch="first"), busy=True) == ["200 CANCEL", "487 INVITE"]
        assert bench.sent[-1].to == PEER
