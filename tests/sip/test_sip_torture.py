"""Messages of the kinds that RFC 4475 collects, valid and invalid, written for this test: what comes of each, and that none opens
a call that should not be. The number is the RFC's section. What cannot be read is told so, where it shows whose it is."""

import pytest
from sip_bench import ANSWER, OFFER, PEER, Bench, answer

from callwright.sip.events import Answered, Rejected

pytestmark = pytest.mark.pure

VIA = "Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bKtorture"
LINES = {
    "via": VIA,
    "from": "From: <sip:200@192.0.2.7>;tag=peer",
    "to": "To: <sip:100@192.0.2.1>",
    "call-id": "Call-ID: torture",
    "cseq": "CSeq: 8 INVITE",
    "max-forwards": "Max-Forwards: 70",
    "contact": "Contact: <sip:200@192.0.2.7:5070>",
    "content-type": "Content-Type: application/sdp",
}


def message(
    first: str = "INVITE sip:100@192.0.2.1 SIP/2.0", body: str = OFFER, length: str = "", **lines: str
) -> bytes:
    """A request, or an answer; each line by its name, an empty one left out."""
    used = {name: line for name, line in (LINES | {k.replace("_", "-"): v for k, v in lines.items()}).items() if line}
    size = f"Content-Length: {length or len(body.encode())}"
    return "\r\n".join([first, *used.values(), *([size] if length != "none" else []), "", body]).encode()


def other(method: str, uri: str = "sip:100@192.0.2.1", **lines: str) -> bytes:
    return message(f"{method} {uri} SIP/2.0", "", **({"cseq": f"CSeq: 8 {method}", "content_type": ""} | lines))


TORTUOUS = (
    b"INVITE sip:100@192.0.2.1;unknownparam SIP/2.0\r\n"
    b"TO :\r\n sip:100@192.0.2.1 ;   newparam = newvalue ;secondparam ; q = 0.33\r\n"
    b'FROM   : "A \\\\\\"quoted\\" name"       <sip:200@192.0.2.7>\r\n  ;\r\n  tag = peer\r\n'
    b"MaX-fOrWaRdS: 0068\r\nCall-ID: torture\r\n"
    b"Content-Length   : %d\r\ncseq: 0009\r\n  INVITE\r\n"
    b"Via  : SIP  /   2.0\r\n /UDP\r\n    192.0.2.7:5060;branch=z9hG4bKfolded\r\ns :\r\n"
    b"NewFangledHeader:   newfangled value\r\n continued newfangled value\r\nUnknownHeaderWithUnusualValue: ;;,,;;,;\r\n"
    b"Content-Type: application/sdp\r\nRoute:\r\n <sip:192.0.2.1;lr;unknownwith=value;unknown-no-value>\r\n"
    b"v:  SIP  / 2.0  / TCP     192.0.2.30  ;\r\n  branch  =   z9hG4bK9ikj8  ,\r\n"
    b" SIP  /    2.0   / UDP  192.0.2.31   ; branch=\r\n z9hG4bK30\r\n"
    b'm:"Quoted string \\"\\"" <sip:200@192.0.2.7:5070> ; newparam =\r\n      newvalue ;\r\n  secondparam ; q = 0.33\r\n\r\n'
) % len(OFFER)

PARTS = (
    "--b\r\nContent-Type: text/plain\r\n\r\nHello\r\n--b\r\ncontent-type : application/sdp\r\n\r\n"
    f"{OFFER}\r\n--b\r\nContent-Type: application/octet-stream\r\n\r\n\0\1\r\n--b--\r\n"
)

OPENS = {
    "3.1.1.1 folded, compact, blanks everywhere": TORTUOUS + OFFER.encode(),
    "3.1.1.3 escapes in every user part": message(
        "INVITE sip:%31%300@192.0.2.1 SIP/2.0", **{"from": "From: <sip:%e5%8f%a4@192.0.2.7>;tag=peer"}
    ),
    "3.1.1.5 a percent sign that escapes nothing": message(call_id="Call-ID: 100%torture", extra="X-%-Y: %Z%45"),
    "3.1.1.6 no blank before the bracket": message(**{"from": "From: caller<sip:200@192.0.2.7>;tag=peer"}),
    "3.1.1.7 long values": message(
        **{"from": f'From: "{"I have a user name of extreme proportions " * 20}" <sip:200@192.0.2.7:5060>;tag=peer'},
        extra=f"Unknown{'Long' * 20}: {'unknown ' * 30};param{'longer' * 30}",
    ),
    "3.1.1.8 bytes after the body": message()
    + b"INVITE sip:joe@example.com SIP/2.0\r\nv: SIP/2.0/UDP 192.0.2.15\r\n\r\n",
    "3.1.1.9 semicolons in a user part": message("INVITE sip:100;par=u%40example.net@192.0.2.1 SIP/2.0"),
    "3.1.1.10 transports of all kinds": message(
        via=VIA + ",SIP/2.0/SCTP t2.example.com;branch=z9hG4bK2\r\nVia: SIP/2.0/UNKNOWN t5.example.com;branch=z9hG4bK5"
    ),
    "3.1.1.11 a body of several parts": message(body=PARTS, content_type='Content-Type: multipart/mixed; boundary="b"'),
    "3.1.2.1 separators too many": message(contact="Contact: <sip:200@192.0.2.7:5070> ; ;;;p=1"),
    "3.1.2.12 a date of another time zone": message(extra="Date: Fri, 01 Jan 2010 16:00:00 EST"),
    "3.1.2.15 a display name that is no token": message(
        **{"from": "From: Bell, Alexander <sip:200@192.0.2.7>;tag=peer"}
    ),
    "3.2.1 a branch that says nothing": message(via="Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK"),
    "3.3.4 unknown schemes in other fields": message(
        to="To: isbn:2983792873", **{"from": "From: <http://a.example>;tag=peer"}
    ),
    "3.3.15 nothing that we send is accepted": message(accept="Accept: text/nobodyKnowsThis"),
    "3.4.1 as RFC 2543 wrote it": message(
        via="Via: SIP/2.0/UDP 192.0.2.7:5060", max_forwards="", contact=LINES["contact"]
    ),
}


@pytest.mark.parametrize("name", OPENS)
def test_it_is_a_call(name: str) -> None:
    bench = Bench()
    assert bench.receive(OPENS[name]) == ["100 INVITE"]
    (owned,) = bench.incoming
    assert owned.call.offer.strip() == OFFER.strip()
    owned.call.answer(ANSWER)
    assert bench.sent[-1].what == "200 INVITE" and bench.response().body == ANSWER
    assert bench.response().headers.all("via"), "the way back"


ANSWERED = {
    "3.1.1.2 a method of all characters that it may have": (
        message(
            "!interesting-Method0123456789_*+`.%indeed'~ sip:100@192.0.2.1 SIP/2.0",
            "",
            cseq="CSeq: 8 !interesting-Method0123456789_*+`.%indeed'~",
            content_type="",
        ),
        501,
    ),
    "3.1.1.5 a method with an escape is another method": (other("RE%47IST%45R"), 501),
    "3.1.1.4 NUL in a user part": (message("INVITE sip:null-%00-null@192.0.2.1 SIP/2.0"), 400),
    "3.1.1.4 NUL in a Contact": (message(contact="Contact: <sip:%00%00@192.0.2.7>"), 400),
    "3.1.2.11 headers in the Request-URI": (message("INVITE sip:100@192.0.2.1?Route=%3Csip:evil%3E SIP/2.0"), None),
    "3.1.2.14 blanks within an address": (message(to='To: "Watson" < sip:100 @192.0.2.1 >'), None),
    "3.1.2.6 a quote without its end, in a Contact": (message(contact='Contact: "Mr. Watson <sip:200@192.0.2.7>'), 400),
    "3.3.1 without a Contact": (message(contact=""), 400),
    "3.1.2.7 brackets around the Request-URI": (message("INVITE <sip:100@192.0.2.1> SIP/2.0"), 416),
    "3.3.2 an unknown scheme": (message("INVITE nobodyKnowsThisScheme:totallyopaquecontent SIP/2.0"), 416),
    "3.3.3 a scheme that is known elsewhere": (message("INVITE soap.beep://192.0.2.103:3002 SIP/2.0"), 416),
    "3.3.5 extensions that nobody has": (
        message(
            require="Require: nothingSupportsThis, nothingSupportsThisEither",
            proxy="Proxy-Require: noProxiesSupportThis",
        ),
        420,
    ),
    "3.3.6 a body of an unknown kind": (
        message(body="<audio/>", content_type="Content-Type: application/unknownformat"),
        415,
    ),
    "3.1.1.11 several parts without a description": (
        message(body=PARTS.replace("/sdp", "/other"), content_type="Content-Type: multipart/mixed;boundary=b"),
        415,
    ),
    "3.3.7 credentials of an unknown scheme": (
        other("REGISTER", auth="Authorization: NoOneKnows opaque-data=here"),
        405,
    ),
    "3.3.11 no hops left": (message(max_forwards="Max-Forwards: 0"), 483),
    "3.3.12 no hops left, asked of us": (other("OPTIONS", max_forwards="Max-Forwards: 0"), 200),
    "a hop count that is none": (other("OPTIONS", max_forwards="Max-Forwards: 300"), 200),
    "a tag that nobody gave": (message(to="To: <sip:100@192.0.2.1>;tag=nobody"), 481),
}


@pytest.mark.parametrize("name", ANSWERED)
def test_it_is_refused_or_answered(name: str) -> None:
    data, status = ANSWERED[name]
    bench = Bench()
    sent = [what.split()[0] for what in bench.receive(data)]
    if status is None:
        # Tolerated, or refused: never more than a call of the number that it names.
        assert sent in (["100"], ["400"], []) and all(owned.call.dialled == "100" for owned in bench.incoming)
        return
    assert sent == [str(status)] and not bench.incoming and bench.at_rest


UNREADABLE = {
    "3.1.2.2 a length beyond the end": (message(length="9999"), 400, "Content-Length Beyond The End"),
    "3.1.2.3 a negative length": (message(length="-999"), 400, "Bad Content-Length"),
    "3.1.2.4 numbers too large": (message(cseq="CSeq: 36893488147419103232 INVITE"), 400, "Bad CSeq"),
    "3.1.2.4 a length too large": (message(length="99999999999999999999999"), 400, "Bad Content-Length"),
    "3.1.2.6 a quote without its end": (message(to='To: "Mr. J. User <sip:j.user@example.com>'), 400, "Bad To"),
    "a quote without its end, in From": (
        message(**{"from": 'From: "Mr. J. User <sip:j.user@example.com>;tag=peer'}),
        400,
        "Bad From",
    ),
    "3.1.2.8 blanks in the Request-URI": (message("INVITE sip:100@192.0.2.1; lr SIP/2.0"), 400, "Bad Request-Line"),
    "3.1.2.9 blanks between the words of the first line": (
        message("INVITE  sip:100@192.0.2.1  SIP/2.0"),
        400,
        "Bad Request-Line",
    ),
    "3.1.2.10 a blank at the end of the first line": (
        message("INVITE sip:100@192.0.2.1 SIP/2.0 "),
        400,
        "Bad Request-Line",
    ),
    "3.1.2.16 another version": (
        other("OPTIONS").replace(b"SIP/2.0\r\n", b"SIP/7.0\r\n", 1),
        505,
        "Version Not Supported",
    ),
    "another version, with fields that we cannot read": (
        other("OPTIONS", length="Content-Length: many").replace(b"SIP/2.0\r\n", b"SIP/3.1\r\n", 1),
        505,
        "Version Not Supported",
    ),
    "3.1.2.17 another method in CSeq": (message(cseq="CSeq: 8 OPTIONS"), 400, "CSeq Of Another Method"),
    "3.1.2.18 unknown methods that differ": (
        other("NEWMETHOD", cseq="CSeq: 8 INVITE"),
        400,
        "CSeq Of Another Method",
    ),
    "3.3.8 From twice": (message(again="From: <sip:300@192.0.2.7>;tag=other"), 400, "More Than One From"),
    "3.3.8 To twice": (message(again="t: <sip:300@192.0.2.7>"), 400, "More Than One To"),
    "3.3.8 CSeq twice": (message(again="CSeq: 9 INVITE"), 400, "More Than One CSeq"),
    "3.3.8 Call-ID twice": (message(again="i: another"), 400, "More Than One Call-ID"),
    "3.3.9 two lengths": (message(again="Content-Length: 0"), 400, "More Than One Content-Length"),
    "a line without a name": (message(extra=": a value without a name"), 400, "Header Line Without A Name"),
    "a Call-ID that cannot be printed": (message(call_id="Call-ID: \u20ac"), 400, "Bad Call-ID"),
    "too many headers": (
        message(extra="\r\n".join(f"X-{number}: 1" for number in range(200))),
        400,
        "Too Many Header Lines",
    ),
    "too long": (message(extra="X-Story: " + "s" * 20_000), 513, "Message Too Large"),
    "too long a body": (message(body="s" * 20_000), 513, "Message Too Large"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_it_is_told_what_cannot_be_read(name: str) -> None:
    data, status, reason = UNREADABLE[name]
    bench = Bench()
    assert [what.split()[0] for what in bench.receive(data)] == [str(status)]
    assert not bench.incoming and bench.at_rest and (bench.agent.unreadable, bench.agent.dropped) == (1, 0)
    first = bench.sent[-1]
    answered = bench.sent[-1].data.decode("utf-8", "surrogateescape").split("\r\n")
    assert answered[0] == f"SIP/2.0 {status} {reason}" and first.to == PEER
    # What its sender knows it by comes back as it was sent; To has a tag, as every final answer (§8.2.6.2).
    sent = data.decode("utf-8", "surrogateescape").split("\r\n")
    for field in ("Via: ", "From: ", "Call-ID: ", "CSeq: "):
        assert next(line for line in sent if line.startswith(field)) in answered, field
    to = next(line for line in answered if line.startswith("To: "))
    assert to.startswith(next(line for line in sent if line.startswith("To: "))) and ";tag=" in to
    bench.receive(data)
    assert bench.sent[-1].data == first.data, "a repeat gets the same answer"


SILENT = {
    "3.3.1 without a Call-ID": message(call_id=""),
    "3.3.1 without From": message(**{"from": ""}),
    "3.3.1 without To": message(to=""),
    "3.3.1 without CSeq": message(cseq=""),
    "3.3.1 without Via": message(via=""),
    "a CSeq that is none": message(cseq="CSeq: 8"),
    "a Via that leads nowhere": message(via="Via: SIP/2.0/UDP 192.0.2.7:99999;branch=z9hG4bKtorture"),
    "NUL in a header": message(extra="X-Story: a\0b"),
    "a carriage return in a header": message(extra="X-Story: a\rFrom: b"),
    "headers without an end": message().partition(b"\r\n\r\n")[0],
    "cut off within a header": message()[:200],
    "ACK with two lengths, which has no answer": other("ACK", again="Content-Length: 0"),
    "ACK in CSeq alone": message(cseq="CSeq: 8 ACK"),
    "an answer in another version": message("SIP/7.0 200 OK", ""),
    "an answer with two lengths": message("SIP/2.0 200 OK", "", again="Content-Length: 0"),
    "another protocol": message("GET http://192.0.2.1/ HTTP/1.1", ""),
}


@pytest.mark.parametrize("name", SILENT)
def test_it_is_not_heard(name: str) -> None:
    bench = Bench()
    sent = bench.receive(SILENT[name])
    assert not bench.incoming and bench.at_rest
    assert sent == [] and (bench.agent.unreadable, bench.agent.dropped) == (0, 1)


def test_an_answer_goes_back_to_where_an_unreadable_request_came_from() -> None:
    """Past a NAT, by `rport`; and to nobody whom it names itself."""
    bench = Bench()
    asked = message(again="Content-Length: 0", via="Via: SIP/2.0/UDP 203.0.113.9:5060;branch=z9hG4bKtorture;rport")
    assert bench.receive(asked, ("192.0.2.66", 4242)) == ["400 INVITE"]
    assert bench.sent[-1].to == ("192.0.2.66", 4242)
    assert bench.response().via.parameters["received"] == "192.0.2.66"


def test_within_a_call_it_changes_nothing() -> None:
    bench = Bench()
    bench.receive(message())
    (owned,) = bench.incoming
    owned.call.answer(ANSWER)
    bench.receive(other("ACK", to=f"To: <sip:100@192.0.2.1>;tag={owned.call.tag}"))
    again = {"to": f"To: <sip:100@192.0.2.1>;tag={owned.call.tag}", "cseq": "CSeq: 9 BYE", "again": "Content-Length: 0"}
    assert bench.receive(other("BYE", **again)) == ["400 BYE"]
    assert owned.call.state == "confirmed" and bench.response().to_tag == owned.call.tag


def test_a_version_in_small_letters_is_the_same_version() -> None:
    bench = Bench()
    assert bench.receive(other("OPTIONS").replace(b" SIP/2.0\r\n", b" sip/2.0\r\n", 1)) == ["200 OPTIONS"]


def _answered_by(change) -> tuple[Bench, list[object], list[str]]:
    bench = Bench()
    owned = bench.dial()
    good = answer(bench.request(), 200, body=ANSWER).serialize()
    return bench, owned.events, bench.receive(change(good))


class TestAnswers:
    """To an INVITE of ours."""

    @pytest.mark.parametrize(
        "reason",
        ["= 2**3 * 5**2 \u043d\u043e \u0441\u0442\u043e \u0434\u0435\u0432\u044f\u043d\u043e\u0441\u0442\u043e", ""],
        ids=["3.1.1.12 unusual words", "3.1.1.13 no words"],
    )
    def test_any_reason_will_do(self, reason: str) -> None:
        _, events, sent = _answered_by(lambda good: good.replace(b"200 Whatever", f"200 {reason}".encode()))
        assert sent == ["ACK"] and events == [Answered(ANSWER)]

    def test_one_that_cannot_be_acknowledged_is_none(self) -> None:
        """The call is over at once: nothing else would ever end it."""
        bench, events, sent = _answered_by(
            lambda good: good.replace(b"To: <sip:200@192.0.2.7>;tag", b'To: "200 <sip:2>;tag')
        )
        (refused,) = events
        assert sent == [] and isinstance(refused, Rejected) and refused.status == 500
        bench.pass_s(40)
        assert bench.at_rest

    def test_words_of_a_refusal_can_be_printed(self) -> None:
        _, events, _ = _answered_by(lambda good: good.replace(b"200 Whatever", b"486 Busy\x07\xff"))
        (refused,) = events
        assert isinstance(refused, Rejected) and refused.reason.isprintable()

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (b"SIP/2.0 200 Whatever", b"SIP/2.0 4294967301 better not break the receiver"),
            (b"SIP/2.0 200 Whatever", b"SIP/2.0 700 Unknown"),
            (b"SIP/2.0 200 Whatever", b"SIP/2.0 099 Early"),
            (b"CSeq: 1 INVITE", b"CSeq: 9292394834772304023312 INVITE"),
            (b"CSeq: 1 INVITE", b"CSeq: 1 REGISTER"),
            (b"branch=z9hG4bK", b"branch=z9hG4bKnot"),
        ],
        ids=["3.1.2.19 a status too large", "no status", "no status yet", "3.1.2.5 a number too large", "of another method",
             "3.3.10 not ours"],
    )  # fmt: skip
    def test_what_is_none_changes_nothing(self, old: bytes, new: bytes) -> None:
        _, events, sent = _answered_by(lambda good: good.replace(old, new))
        assert sent == [] and events == []
