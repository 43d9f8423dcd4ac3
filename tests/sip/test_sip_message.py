"""Messages as peers send them, whole, odd and broken: the torture tests' kinds (RFC 4475), and noise."""

import random

import pytest
from sip_bench import OFFER, PEER, Bench, invite, request

from callwright.base.errors import PeerError
from callwright.sip.message import Request, Response, parse

pytestmark = pytest.mark.pure

HEAD = (
    "OPTIONS sip:100@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK1\r\n"
    "From: <sip:200@192.0.2.7>;tag=a\r\nTo: <sip:100@192.0.2.1>\r\nCall-ID: c\r\nCSeq: 7 OPTIONS\r\n"
)


def _parse(text: str) -> Request:
    message = parse(text.encode("utf-8", "surrogateescape"))
    assert isinstance(message, Request)
    return message


class TestTolerated:
    def test_compact_names_folds_and_blanks(self) -> None:
        """RFC 4475 §3.1.1.1, in the small."""
        read = _parse(
            "OPTIONS sip:100@192.0.2.1;unknown SIP/2.0\r\n"
            "v:  SIP  / 2.0\r\n / UDP\r\n    192.0.2.7:5060;branch=z9hG4bK30239\r\n"
            'F  : "Quoted \\"string\\"" <sip:200@192.0.2.7> ; tag = a73kszlfl\r\n'
            "TO :\r\n sip:100@192.0.2.1 ;   tag    = 1918181833n\r\n"
            "i: 98asjd8\r\nCSEQ: 0009\r\n  OPTIONS\r\nl: 0\r\nNewFangled:   whatever\r\n\r\n"
        )
        assert (read.method, read.sequence, read.headers.get("call-id")) == ("OPTIONS", 9, "98asjd8")
        assert (read.from_tag, read.to_tag) == ("a73kszlfl", "1918181833n")
        assert read.via.branch == "z9hG4bK30239"

    @pytest.mark.parametrize("before", ["\r\n", "\r\n\r\n\r\n"])
    def test_empty_lines_before_the_message(self, before: str) -> None:
        assert _parse(before + HEAD + "\r\n").method == "OPTIONS"

    def test_bare_line_feeds(self) -> None:
        assert _parse((HEAD + "\r\n").replace("\r\n", "\n")).headers.get("call-id") == "c"

    def test_several_values_in_one_line_or_in_several(self) -> None:
        both = _parse(HEAD + "Require: a, b\r\nRequire: c\r\n\r\n")
        assert both.headers.all("require") == ["a", "b", "c"]

    def test_a_comma_within_quotes_or_angles_parts_nothing(self) -> None:
        route = '"Doe, Ann" <sip:p1.example;x=1,2;lr>, <sip:p2.example;lr>'
        read = _parse(HEAD + f"Record-Route: {route}\r\n\r\n")
        assert read.headers.all("record-route") == ['"Doe, Ann" <sip:p1.example;x=1,2;lr>', "<sip:p2.example;lr>"]

    def test_what_follows_the_content_length_is_not_the_body(self) -> None:
        """RFC 4475 §3.1.2.13: a datagram may have more."""
        assert _parse(HEAD + "Content-Length: 4\r\n\r\nbodyINVITE sip:x SIP/2.0\r\n").body == "body"

    def test_bytes_that_are_no_text_come_back_as_they_were(self) -> None:
        data = (HEAD + "Subject: ").encode() + b"\xff\xfe" + b"\r\nContent-Length: 0\r\n\r\n"
        assert b"\xff\xfe" in parse(data).serialize()

    def test_an_unknown_method_is_a_request_all_the_same(self) -> None:
        """RFC 4475 §3.1.1.2: any token is a method."""
        odd = "!interesting-Method0123456789_*+`.%indeed'~"
        assert _parse(HEAD.replace("OPTIONS", odd) + "\r\n").method == odd


class TestRefused:
    @pytest.mark.parametrize(
        ("wrong", "right"),
        [
            ("CSeq: 7 INVITE", "CSeq: 7 OPTIONS"),
            ("CSeq: 36893488147419103232 OPTIONS", "CSeq: 7 OPTIONS"),
            ("CSeq: -7 OPTIONS", "CSeq: 7 OPTIONS"),
            ("CSeq: ٧ OPTIONS", "CSeq: 7 OPTIONS"),
            ("CSeq: OPTIONS", "CSeq: 7 OPTIONS"),
            ("X: y", "CSeq: 7 OPTIONS"),
            ("X: y", "Call-ID: c"),
            ("Call-ID: c\r\nCall-ID: d", "Call-ID: c"),
            ("Call-ID:", "Call-ID: c"),
            ("Call-ID: \x07", "Call-ID: c"),
            ("Call-ID: " + "c" * 501, "Call-ID: c"),
            ("Content-Length: 5", "X-None"),
            ("Content-Length: -1", "X-None"),
            ("Content-Length: 99999999999999999999", "X-None"),
            ("no colon at all", "X-None"),
            (": a value without a name", "X-None"),
            ("X: a\rVia: smuggled", "X-None"),
            ("X: a\0b", "X-None"),
            ("OPTIONS  sip:100@192.0.2.1 SIP/2.0", "OPTIONS sip:100@192.0.2.1 SIP/2.0"),
            ("OPTIONS sip:100@192.0.2.1 SIP/7.0", "OPTIONS sip:100@192.0.2.1 SIP/2.0"),
            ("OPTIONS sip:a b@192.0.2.1 SIP/2.0", "OPTIONS sip:100@192.0.2.1 SIP/2.0"),
            ("OPT(IONS sip:100@192.0.2.1 SIP/2.0", "OPTIONS sip:100@192.0.2.1 SIP/2.0"),
            ("SIP/2.0 99 Low", "OPTIONS sip:100@192.0.2.1 SIP/2.0"),
            ("SIP/2.0 4294967301 High", "OPTIONS sip:100@192.0.2.1 SIP/2.0"),
        ],
    )
    def test_what_has_one_thing_wrong(self, wrong: str, right: str) -> None:
        text = HEAD + "X-None\r\n"
        assert right in text
        text = text.replace(right, wrong).replace("X-None\r\n", "") + "\r\nabc"
        with pytest.raises(PeerError):
            parse(text.encode("utf-8", "surrogateescape"))

    def test_too_long_or_with_too_many_lines(self) -> None:
        with pytest.raises(PeerError, match="bytes"):
            parse((HEAD + f"X: {'y' * 17_000}\r\n\r\n").encode())
        with pytest.raises(PeerError, match="header lines"):
            parse((HEAD + "X: y\r\n" * 100 + "\r\n").encode())

    def test_without_an_end_of_the_headers(self) -> None:
        with pytest.raises(PeerError, match="end"):
            parse(HEAD.encode())


def test_a_message_survives_being_written_and_read() -> None:
    written = invite(record_route="<sip:p1;lr>|<sip:p2;lr>", subject="hi")
    read = parse(written.serialize())
    assert isinstance(read, Request)
    assert (read.method, read.uri, read.body, read.sequence) == ("INVITE", written.uri, OFFER, 1)
    assert read.headers.values == written.headers.values


def test_a_reason_is_cut_and_printable() -> None:
    text = (HEAD + "\r\n").replace("OPTIONS sip:100@192.0.2.1 SIP/2.0", "SIP/2.0 486 Bu\x1b[2Jsy" + "!" * 300)
    read = parse(text.encode())
    assert isinstance(read, Response)
    assert read.reason.startswith("Bu?[2Jsy") and len(read.reason) == 200


def test_a_header_of_ours_cannot_be_broken_in_two() -> None:
    with pytest.raises(AssertionError):
        request("OPTIONS", subject="a\r\nVia: forged").serialize()


# -- noise: nothing raises, nothing stays -------------------------------------------------------


def _mutated(rng: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        at = rng.randrange(len(changed) or 1)
        match rng.randrange(5):
            case 0:
                changed[at : at + 1] = bytes([rng.randrange(256)])
            case 1:
                del changed[at : at + rng.randint(1, 40)]
            case 2:
                changed[at:at] = rng.choice(
                    [b"\r\n", b";", b'"', b"<", b">", b",", b":", b"\0", b"9" * 30, b"=", b"@", b"["]
                )
            case 3:
                piece = bytes(changed[at : at + rng.randint(1, 60)])
                changed[at:at] = piece
            case _:
                del changed[at:]
    return bytes(changed)


@pytest.mark.parametrize("seed", range(8))
def test_no_message_raises_and_only_an_invite_opens_a_call(seed: int) -> None:
    """1500 broken messages each, to an agent with a call in every state; then all of it ends by itself."""
    rng = random.Random(seed)
    bench = Bench()
    bench.dial()
    bench.receive(invite(call_id="ringing"))
    bench.receive(invite(call_id="answered"))
    bench.incoming[-1].call.answer(OFFER)
    answered = bench.incoming[-1].call
    seeds = [
        invite().serialize(),
        invite(record_route="<sip:192.0.2.9;lr>, <sip:192.0.2.10;lr>").serialize(),
        request("OPTIONS").serialize(),
        request("CANCEL", call_id="ringing").serialize(),
        request("INFO", call_id="answered", number=2, to_tag=answered.tag, body="Signal=5").serialize(),
        request("UPDATE", call_id="answered", number=3, to_tag=answered.tag, body=OFFER).serialize(),
        bench.sent[0].data.replace(b"INVITE sip:200@192.0.2.7 SIP/2.0", b"SIP/2.0 183 Progress"),
        bench.sent[0].data.replace(b"INVITE sip:200@192.0.2.7 SIP/2.0", b"SIP/2.0 200 OK"),
    ]
    for _ in range(1500):
        bench.receive(_mutated(rng, rng.choice(seeds)), PEER)
        for owned in bench.incoming[2:]:
            owned.call.reject(486)
        del bench.incoming[2:]
    for _ in range(10):
        bench.pass_s(100)
        bench.agent.hang_up_all()
    assert bench.at_rest


@pytest.mark.parametrize(
    "data", [b"", b"\r\n\r\n", b"\0" * 500, b"\xff" * 500, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b" " * 9000]
)
def test_what_is_no_sip_gets_no_answer(data: bytes) -> None:
    bench = Bench()
    assert bench.receive(data) == [] and bench.at_rest
