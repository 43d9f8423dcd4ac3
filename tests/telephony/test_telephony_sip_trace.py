"""Which messages of which calls are kept while the calls go on."""

import pytest

from callwright.telephony.sip_trace import BYTES_MAX, MESSAGES_MAX, UNKEPT_MAX, SipTrace

pytestmark = pytest.mark.pure

PEER = ("192.0.2.7", 5060)


def _invite(call_id: str, header: str = "Call-ID: ", end: str = "\r\n") -> bytes:
    return end.join(["INVITE sip:1@x SIP/2.0", f"{header}{call_id}", "CSeq: 1 INVITE", "", ""]).encode()


def _bye(call_id: str) -> bytes:
    return _invite(call_id).replace(b"INVITE", b"BYE")


def test_a_call_is_traced_from_its_invite_to_its_end():
    trace = SipTrace()
    trace.passed(_bye("a"), "udp", PEER, sent=False)
    for sent, data in ((True, _invite("a")), (False, _bye("b")), (False, _bye("a"))):
        trace.passed(data, "udp", PEER, sent=sent)
    trace.keep("a")
    trace.passed(_bye("a"), "udp", PEER, sent=True)
    assert [(one.sent, one.data) for one in trace.take("a")] == [
        (True, _invite("a")),
        (False, _bye("a")),
        (True, _bye("a")),
    ]
    assert trace.take("a") == [] and len(trace) == 0


def test_calls_that_take_each_others_place_are_one_trace():
    trace = SipTrace()
    for call_id in "abc":
        trace.passed(_invite(call_id), "udp", PEER, sent=True)
    trace.join("b", "a")
    assert len(trace) == 3, "nobody keeps the first one"
    trace.keep("a")
    trace.join("b", "a")
    trace.join("b", "a")
    trace.passed(_bye("b"), "udp", PEER, sent=False)
    trace.passed(_bye("a"), "udp", PEER, sent=False)
    assert [one.data for one in trace.take("a")] == [_invite("a"), _invite("b"), _bye("b"), _bye("a")]
    trace.join("c", "a")
    assert len(trace) == 1 and trace.take("b") == [], "what comes late is of nobody"


def test_a_call_that_another_leg_keeps_stays_with_that():
    trace = SipTrace()
    for call_id in "ab":
        trace.passed(_invite(call_id), "udp", PEER, sent=True)
        trace.keep(call_id)
    trace.join("b", "a")
    assert len(trace.take("a")) == 1 and len(trace.take("b")) == 1 and len(trace) == 0


@pytest.mark.parametrize("header", ["Call-ID: ", "i:", "i : ", "CALL-ID:", "call-id:\t"])
@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_however_the_peer_writes_it(header, end):
    trace = SipTrace()
    trace.passed(_invite("a@b", header, end), "tcp", PEER, sent=False)
    trace.keep("a@b")
    assert len(trace.take("a@b")) == 1


def test_it_is_bounded():
    trace = SipTrace()
    trace.passed(_invite("kept"), "udp", PEER, sent=False)
    trace.keep("kept")
    for number in range(UNKEPT_MAX + 10):
        trace.passed(_invite(f"flood {number}"), "udp", PEER, sent=False)
    assert len(trace) == UNKEPT_MAX + 1
    trace.keep("flood 0")
    assert trace.take("flood 0") == []
    for _ in range(MESSAGES_MAX + 10):
        trace.passed(_bye("kept"), "udp", PEER, sent=False)
    assert len(trace.take("kept")) == MESSAGES_MAX
    trace.keep("large")
    for _ in range(20):
        trace.passed(_bye("large") + bytes(16_000), "udp", PEER, sent=False)
    assert sum(len(one.data) for one in trace.take("large")) <= BYTES_MAX
    trace.keep("first")
    for number in range(20):
        trace.passed(_invite(f"next {number}") + bytes(16_000), "udp", PEER, sent=False)
        trace.join(f"next {number}", "first")
    assert 10 * 16_000 < sum(len(one.data) for one in trace.take("first")) <= BYTES_MAX
    left = len(trace)
    trace.passed(b"INVITE sip:1@x SIP/2.0\r\n\r\n", "udp", PEER, sent=False)
    assert len(trace) == left <= UNKEPT_MAX


def _response(status: int, sequence: str) -> bytes:
    return f"SIP/2.0 {status} Whatever\r\nVia: x\r\n{sequence}\r\nCall-ID: a\r\n\r\n".encode()


def test_responses_are_counted_by_method_and_class():
    trace = SipTrace()
    for sent, status, sequence in (
        (True, 200, "CSeq: 1 INVITE"),
        (True, 183, "CSeq: 4711 INVITE"),
        (True, 180, "CSeq: 1 INVITE"),
        (False, 401, "CSeq: 3 REGISTER"),
        (False, 603, "CSEQ :  9\tBYE "),
        (False, 200, "cseq:1 OPTIONS"),
    ):
        trace.passed(_response(status, sequence), "udp", PEER, sent=sent)
    assert trace.responses == {
        (True, "INVITE", "2xx"): 1,
        (True, "INVITE", "1xx"): 2,
        (False, "REGISTER", "4xx"): 1,
        (False, "BYE", "6xx"): 1,
        (False, "OPTIONS", "2xx"): 1,
    }
    assert (trace.sent, trace.received) == (3, 3)


@pytest.mark.parametrize("sequence", ["CSeq: 1 MADEUP", "CSeq: 1", "CSeq: INVITE", "CSeq:", "X: 1", "CSeq: 1 \xe4"])
def test_what_a_stranger_makes_up_is_one_series(sequence):
    trace = SipTrace()
    for end in range(3):
        trace.passed(_response(200, sequence + "Q" * end), "udp", PEER, sent=False)
    assert set(trace.responses) <= {(False, "other", "2xx"), (False, "INVITE", "2xx")}


def test_requests_and_rubbish_are_no_responses():
    trace = SipTrace()
    for data in (_invite("a"), b"SIP/2.0 ", b"SIP/2.0 0", b"SIP/2.0 999 x\r\nCSeq: 1 INVITE\r\n\r\n", b"\r\n\r\n", b""):
        trace.passed(data, "udp", PEER, sent=False)
    assert not trace.responses


def test_a_call_id_that_is_used_again_is_another_leg():
    """What was kept for the leg that it joined stays that leg's, whoever begins a call by the same name."""
    trace = SipTrace()
    trace.passed(_invite("a"), "udp", PEER, sent=True)
    trace.keep("a")
    trace.join("b", "a")
    trace.passed(_invite("b"), "udp", PEER, sent=False)
    assert trace.take("b") == []
    trace.keep("b")
    trace.passed(_bye("b"), "udp", PEER, sent=False)
    assert [one.data for one in trace.take("b")] == [_bye("b")]
    assert [one.data for one in trace.take("a")] == [_invite("a"), _invite("b")] and len(trace) == 0
