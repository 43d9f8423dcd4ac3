"""Calls through the agent: the races of their beginning and end, what proxies do to them, and unwelcome requests."""

import pytest
from sip_bench import ANSWER, OFFER, PEER, Bench, Owned, answer, invite, request, within

from callwright.base.errors import PeerError
from callwright.sip.call import UNANSWERED_S_MAX
from callwright.sip.events import Answered, Confirmed, Ended, KeyInfo, Rejected, Reoffered, Ringing

pytestmark = pytest.mark.pure


def _ringing() -> tuple[Bench, Owned]:
    bench = Bench()
    bench.receive(invite(branch="first"))
    return bench, bench.incoming[-1]


def _confirmed() -> tuple[Bench, Owned]:
    bench, owned = _ringing()
    owned.call.answer(ANSWER)
    bench.receive(within(owned, "ACK", 1))
    assert owned.events == [Confirmed("")]
    owned.events.clear()
    return bench, owned


def _dialled(**of_answer: str) -> tuple[Bench, Owned]:
    bench = Bench()
    owned = bench.dial()
    bench.receive(answer(bench.request(), 200, body=ANSWER, **of_answer))
    assert owned.events == [Answered(ANSWER)]
    owned.events.clear()
    return bench, owned


def _theirs(owned: Owned, bench: Bench, method: str, number: int = 1, **options: str):
    """A request of the peer's within a call that we dialled."""
    return request(method, call_id="ours", number=number, from_tag="theirs", to_tag=owned.call.tag, **options)


class TestCalledSide:
    def test_from_invite_to_bye(self) -> None:
        bench, owned = _ringing()
        assert (owned.call.caller, owned.call.dialled, owned.call.offer) == ("200", "100", OFFER)
        owned.call.ring()
        owned.call.answer(ANSWER)
        assert [sent.what for sent in bench.sent] == ["100 INVITE", "180 INVITE", "200 INVITE"]
        assert bench.response(200).body == ANSWER
        bench.receive(within(owned, "ACK", 1))
        assert bench.receive(within(owned, "BYE")) == ["200 BYE"]
        assert owned.events == [Confirmed(""), Ended("remote", "BYE")]
        bench.pass_s(40)
        assert bench.at_rest

    def test_an_invite_without_an_offer_gets_one_and_brings_the_answer_in_the_ack(self) -> None:
        bench = Bench()
        bench.receive(invite(body=""))
        owned = bench.incoming[-1]
        owned.call.answer(OFFER)
        bench.receive(within(owned, "ACK", 1, body=ANSWER))
        assert owned.events == [Confirmed(ANSWER)]

    def test_cancel(self) -> None:
        bench, owned = _ringing()
        assert bench.receive(request("CANCEL", branch="first")) == ["200 CANCEL", "487 INVITE"]
        assert owned.events == [Ended("remote", "CANCEL")]
        owned.call.answer(ANSWER)
        assert bench.sent[-1].what == "487 INVITE", "too late to answer"
        assert bench.receive(request("ACK", branch="first", to_tag=owned.call.tag)) == []
        bench.pass_s(40)
        assert bench.at_rest

    def test_cancel_that_comes_after_the_answer_changes_nothing(self) -> None:
        bench, owned = _ringing()
        owned.call.answer(ANSWER)
        assert bench.receive(request("CANCEL", branch="first")) == ["200 CANCEL"]
        bench.receive(within(owned, "ACK", 1))
        assert owned.events == [Confirmed("")] and owned.call.state == "confirmed"

    def test_cancel_of_nothing(self) -> None:
        assert Bench().receive(request("CANCEL")) == ["481 CANCEL"]

    def test_cancel_that_comes_twice(self) -> None:
        bench, owned = _ringing()
        cancel = request("CANCEL", branch="first")
        bench.receive(cancel)
        assert bench.receive(cancel) == ["200 CANCEL"] and len(owned.events) == 1

    def test_bye_before_the_answer(self) -> None:
        """RFC 3261 §15: a caller may; the INVITE ends with 487."""
        bench, owned = _ringing()
        assert bench.receive(within(owned, "BYE")) == ["200 BYE", "487 INVITE"]
        assert owned.events == [Ended("remote", "BYE")]

    def test_bye_before_the_ack_that_was_lost(self) -> None:
        bench, owned = _ringing()
        owned.call.answer(ANSWER)
        assert bench.receive(within(owned, "BYE")) == ["200 BYE"]
        assert bench.pass_s(40) == [], "the 2xx is no longer repeated"
        assert owned.events == [Ended("remote", "BYE")] and bench.at_rest

    def test_the_2xx_is_repeated_until_the_ack_or_given_up_with_a_bye(self) -> None:
        bench, owned = _ringing()
        owned.call.answer(ANSWER)
        repeats = bench.at(31.9)
        assert [at for at, _ in repeats] == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
        assert {what for _, what in repeats} == {"200 INVITE"}
        assert bench.pass_s(0.2) == ["BYE"]
        assert owned.events == [Ended("failure", "no ACK came")]

    def test_hanging_up_before_the_ack_waits_for_it(self) -> None:
        """RFC 3261 §15: no BYE before the ACK came."""
        bench, owned = _ringing()
        owned.call.answer(ANSWER)
        owned.call.hang_up()
        assert bench.sent[-1].what == "200 INVITE"
        assert bench.receive(within(owned, "ACK", 1)) == ["BYE"]
        assert owned.events == []

    def test_nobody_answers_and_the_caller_is_kept_informed(self) -> None:
        """RFC 3261 §13.3.1.1: a provisional answer each minute, against impatient proxies."""
        bench, owned = _ringing()
        owned.call.ring()
        minutes = [60.0 * n for n in range(1, int(UNANSWERED_S_MAX // 60))]
        assert bench.at(UNANSWERED_S_MAX - 1) == [(at, "180 INVITE") for at in minutes]
        assert bench.pass_s(2) == ["480 INVITE", "480 INVITE"], "and again, for want of an ACK"
        assert owned.events == [Ended("failure", "nobody answered")]

    def test_reject(self) -> None:
        bench, owned = _ringing()
        owned.call.reject(486)
        assert bench.response().status == 486 and bench.response().to_tag == owned.call.tag
        assert owned.events == []
        bench.pass_s(40)
        assert bench.at_rest

    @pytest.mark.parametrize("then", ["ring", "hang_up", "cancel"])
    def test_what_no_longer_fits_does_nothing(self, then: str) -> None:
        bench, owned = _ringing()
        owned.call.reject(486)
        before = len(bench.sent)
        getattr(owned.call, then)()
        owned.call.answer(ANSWER)
        owned.call.reject(600)
        owned.call.answer_reoffer(ANSWER)
        assert len(bench.sent) == before


class TestWithinACall:
    def test_a_reoffer_is_answered_with_a_2xx_of_its_own(self) -> None:
        bench, owned = _confirmed()
        assert bench.receive(within(owned, "INVITE", body=OFFER)) == []
        assert owned.events == [Reoffered(OFFER)]
        owned.call.answer_reoffer(ANSWER)
        assert (bench.sent[-1].what, bench.response().body) == ("200 INVITE", ANSWER)
        assert bench.pass_s(1) == ["200 INVITE"]
        bench.receive(within(owned, "ACK", 2))
        assert bench.pass_s(40) == []
        assert owned.events == [Reoffered(OFFER)], "a Confirmed without SDP would tell nothing"

    def test_a_reoffer_without_an_offer_asks_for_ours(self) -> None:
        bench, owned = _confirmed()
        bench.receive(within(owned, "INVITE", body=""))
        owned.call.answer_reoffer(OFFER)
        bench.receive(within(owned, "ACK", 2, body=ANSWER))
        assert owned.events == [Reoffered(""), Confirmed(ANSWER)]

    def test_a_refused_reoffer_leaves_the_call_as_it_was(self) -> None:
        bench, owned = _confirmed()
        bench.receive(within(owned, "INVITE", body=OFFER, contact="<sip:200@198.51.100.9>"))
        owned.call.reject_reoffer()
        assert bench.response().status == 488
        owned.call.hang_up()
        assert bench.request(last="BYE").uri == "sip:200@192.0.2.7:5070"

    def test_an_accepted_reoffer_moves_the_target(self) -> None:
        bench, owned = _confirmed()
        bench.receive(within(owned, "INVITE", body=OFFER, contact="<sip:200@198.51.100.9>"))
        owned.call.answer_reoffer(ANSWER)
        bench.receive(within(owned, "ACK", 2))
        owned.call.hang_up()
        assert bench.request(last="BYE").uri == "sip:200@198.51.100.9"
        assert bench.sent[-1].to == ("198.51.100.9", 5060)

    def test_two_offers_at_once(self) -> None:
        """RFC 3261 §14.2: 500 with Retry-After while the one before is not answered."""
        bench, owned = _confirmed()
        bench.receive(within(owned, "INVITE", 2, body=OFFER))
        assert bench.receive(within(owned, "INVITE", 3, body=OFFER)) == ["500 INVITE"]
        assert 0 <= int(bench.response().headers.get("retry-after")) <= 10

    def test_an_offer_that_crosses_our_answer(self) -> None:
        """RFC 5407 §3.1.5: 491 until the ACK for ours has come."""
        bench, owned = _ringing()
        owned.call.answer(ANSWER)
        assert bench.receive(within(owned, "INVITE", body=OFFER)) == ["491 INVITE"]

    def test_update_refreshes_the_session(self) -> None:
        bench, owned = _confirmed()
        assert bench.receive(within(owned, "UPDATE", contact="<sip:200@192.0.2.70>")) == ["200 UPDATE"]
        owned.call.hang_up()
        assert bench.request(last="BYE").uri == "sip:200@192.0.2.70"

    @pytest.mark.parametrize(
        ("media_type", "body", "key"),
        [
            ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", "5"),
            ("application/dtmf-relay", "Signal= 11\r\n", "#"),
            ("application/dtmf", "*", "*"),
            ("application/dtmf-relay", "Signal=55", ""),
            ("", "", ""),
        ],
    )
    def test_a_key_by_info(self, media_type: str, body: str, key: str) -> None:
        bench, owned = _confirmed()
        assert bench.receive(within(owned, "INFO", body=body, content_type=media_type)) == ["200 INFO"]
        assert owned.events == ([KeyInfo(key)] if key else [])

    def test_a_request_that_is_out_of_order(self) -> None:
        bench, owned = _confirmed()
        bench.receive(within(owned, "INFO", 5))
        assert bench.receive(within(owned, "INFO", 4)) == ["500 INFO"]

    def test_a_body_that_is_no_sdp(self) -> None:
        bench, owned = _confirmed()
        assert bench.receive(within(owned, "INVITE", body="hi", content_type="text/plain")) == ["415 INVITE"]

    @pytest.mark.parametrize(("method", "told"), [("INFO", 200), ("REFER", 403)])
    def test_before_we_answer(self, method: str, told: int) -> None:
        """A caller that hears a menu in early media may press keys; there is nothing yet that could be transferred."""
        bench, owned = _ringing()
        owned.call.ring()
        options = {"body": "Signal=5", "content_type": "application/dtmf-relay"} if method == "INFO" else {}
        options |= {"refer_to": "<sip:x@192.0.2.9>"} if method == "REFER" else {}
        assert bench.receive(within(owned, method, **options)) == [f"{told} {method}"]
        assert owned.events == ([KeyInfo("5")] if method == "INFO" else [])

    @pytest.mark.parametrize("method", ["BYE", "INVITE", "INFO", "UPDATE"])
    def test_a_stranger_who_guesses_one_tag_gets_nothing(self, method: str) -> None:
        bench, owned = _confirmed()
        assert bench.receive(within(owned, method, from_tag="guessed")) == [f"481 {method}"]
        assert bench.receive(within(owned, method, to_tag="guessed")) == [f"481 {method}"]
        assert owned.events == [] and owned.call.state == "confirmed"

    def test_a_bye_that_crosses_ours(self) -> None:
        """Is answered as one that came first, until ours has its answer (RFC 5407 §3.2)."""
        bench, owned = _confirmed()
        owned.call.hang_up()
        assert bench.receive(within(owned, "BYE", from_tag="guessed")) == ["481 BYE"]
        assert bench.receive(within(owned, "INFO")) == ["481 INFO"]
        assert bench.receive(within(owned, "BYE")) == ["200 BYE"]
        bench.receive(answer(bench.request(last="BYE"), 481))
        assert bench.receive(within(owned, "BYE", number=9)) == ["481 BYE"]
        bench.pass_s(40)
        assert bench.at_rest

    def test_a_bye_without_a_call(self) -> None:
        bench = Bench()
        assert bench.receive(request("BYE", to_tag="gone")) == ["481 BYE"] and bench.at_rest

    def test_an_ack_without_a_call_is_never_answered(self) -> None:
        bench = Bench()
        assert bench.receive(request("ACK", to_tag="gone")) == [] and bench.receive(request("ACK")) == []


class TestCallingSide:
    def test_from_invite_to_bye(self) -> None:
        bench = Bench()
        owned = bench.dial()
        sent = bench.request()
        assert (sent.method, sent.uri, sent.body, sent.headers.get("call-id")) == (
            "INVITE",
            "sip:200@192.0.2.7",
            OFFER,
            "ours",
        )
        bench.receive(answer(sent, 180))
        bench.receive(answer(sent, 183, body=ANSWER))
        assert bench.receive(answer(sent, 200, body=ANSWER)) == ["ACK"]
        assert bench.request().uri == "sip:200@192.0.2.7:5070", "the ACK goes to the Contact"
        assert owned.events == [Ringing(180), Ringing(183, ANSWER), Answered(ANSWER)]
        owned.call.hang_up()
        assert bench.request().headers.get("cseq") == "2 BYE"
        bench.receive(answer(bench.request(), 200))
        bench.pass_s(40)
        assert bench.at_rest

    def test_the_peer_hangs_up(self) -> None:
        bench, owned = _dialled()
        assert bench.receive(_theirs(owned, bench, "BYE")) == ["200 BYE"]
        assert owned.events == [Ended("remote", "BYE")]

    @pytest.mark.parametrize("status", [302, 404, 486, 503, 603])
    def test_a_refusal(self, status: int) -> None:
        bench = Bench()
        owned = bench.dial()
        assert bench.receive(answer(bench.request(), status)) == ["ACK"]
        assert owned.events == [Rejected(status, "Whatever")]
        bench.pass_s(40)
        assert bench.at_rest

    @pytest.mark.parametrize(
        ("reason", "told"),
        [
            ('Q.850;cause=17;text="User busy"', "Whatever (Q.850 17)"),
            ("SIP;cause=600, q.850 ; cause=34", "Whatever (Q.850 34)"),
            ("SIP;cause=600", "Whatever"),
            ("Q.850;cause=17000", "Whatever"),
            ("", "Whatever"),
        ],
    )
    def test_what_the_telephone_network_said_is_told(self, reason: str, told: str) -> None:
        """RFC 3326."""
        bench = Bench()
        owned = bench.dial()
        bench.receive(answer(bench.request(), 486, reason=reason))
        assert owned.events == [Rejected(486, told)]

    def test_a_peer_that_is_not_there(self) -> None:
        bench = Bench()
        owned = bench.dial()
        bench.pass_s(33)
        assert owned.events == [Rejected(408, "No answer", heard=False)] and bench.at_rest

    def test_a_2xx_that_comes_again_gets_its_ack_again(self) -> None:
        bench = Bench()
        owned = bench.dial()
        ok = answer(bench.request(), 200, body=ANSWER)
        bench.receive(ok)
        first = bench.sent[-1].data
        assert bench.receive(ok) == ["ACK"] and bench.sent[-1].data == first
        assert owned.events == [Answered(ANSWER)]

    def test_the_2xx_of_another_branch_is_ended_at_once(self) -> None:
        """RFC 3261 §13.2.2.4: a forked INVITE; the first answer has the call."""
        bench = Bench()
        owned = bench.dial()
        sent = bench.request()
        bench.receive(answer(sent, 200, body=ANSWER, tag="one"))
        assert bench.receive(answer(sent, 200, body=ANSWER, tag="two")) == ["ACK", "BYE"]
        assert "tag=two" in bench.request(last="BYE").headers.get("to")
        assert owned.events == [Answered(ANSWER)] and owned.call.state == "confirmed"

    def test_record_routes_are_followed_back(self) -> None:
        """RFC 3261 §12.1.2: in reverse, and the first is the next hop."""
        routes = "<sip:192.0.2.20;lr>|<sip:192.0.2.21:5080;lr>"
        bench, owned = _dialled(record_route=routes)
        ack = bench.request()
        assert ack.headers.all("route") == ["<sip:192.0.2.21:5080;lr>", "<sip:192.0.2.20;lr>"]
        assert ack.uri == "sip:200@192.0.2.7:5070" and bench.sent[-1].to == ("192.0.2.21", 5080)
        owned.call.hang_up()
        assert bench.sent[-1].to == ("192.0.2.21", 5080)

    def test_a_strict_router_takes_the_request_uri(self) -> None:
        """RFC 3261 §12.2.1.1, for a peer of RFC 2543."""
        bench, _ = _dialled(record_route="<sip:192.0.2.20>")
        ack = bench.request()
        assert ack.uri == "sip:192.0.2.20"
        assert ack.headers.all("route") == ["<sip:200@192.0.2.7:5070>"]

    def test_header_fields_of_a_contact_are_nobodys_to_ask_for(self) -> None:
        """RFC 3261 §19.1.1: none of them stands in a Request-URI, nor in the request."""
        bench = Bench()
        owned = bench.dial()
        contact = "<sip:a?b@192.0.2.7:5070;x=1?Route=%3Csip:192.0.2.66%3E>"
        bench.receive(answer(bench.request(), 200, body=ANSWER, contact=contact))
        owned.call.hang_up()
        bye = bench.request(last="BYE")
        assert (bye.uri, bye.headers.all("route")) == ("sip:a?b@192.0.2.7:5070;x=1", [])

    def test_a_contact_that_is_a_name_is_reached_by_way_of_the_trunk(self) -> None:
        bench, _ = _dialled(contact="<sip:200@phone.example.com>")
        assert bench.request().uri == "sip:200@phone.example.com" and bench.sent[-1].to == PEER


class TestCancelling:
    def test_waits_until_the_peer_has_said_something(self) -> None:
        """RFC 3261 §9.1."""
        bench = Bench()
        owned = bench.dial()
        invited = bench.request()
        owned.call.cancel()
        assert [sent.what for sent in bench.sent] == ["INVITE"]
        assert bench.receive(answer(invited, 180)) == ["CANCEL"]
        cancel = bench.request()
        assert cancel.via.branch == invited.via.branch and cancel.headers.get("cseq") == "1 CANCEL"
        bench.receive(answer(cancel, 200))
        assert bench.receive(answer(invited, 487)) == ["ACK"]
        assert owned.events == [Ended("local", "cancelled")]

    def test_the_answer_crosses_it(self) -> None:
        bench = Bench()
        owned = bench.dial()
        invited = bench.request()
        bench.receive(answer(invited, 180))
        owned.call.cancel()
        assert bench.receive(answer(invited, 200, body=ANSWER)) == ["ACK", "BYE"]
        assert owned.events == [Ringing(180), Ended("local", "cancelled")]
        bench.receive(answer(bench.request(last="BYE"), 200))
        bench.pass_s(40)
        assert bench.at_rest

    def test_a_peer_that_never_says_a_word(self) -> None:
        bench = Bench()
        owned = bench.dial()
        owned.call.cancel()
        bench.pass_s(40)
        assert owned.events == [Ended("local", "cancelled")] and bench.at_rest

    def test_a_peer_that_ignores_the_cancel(self) -> None:
        bench = Bench()
        owned = bench.dial()
        bench.receive(answer(bench.request(), 180))
        owned.call.cancel()
        bench.pass_s(70)
        assert owned.events == [Ringing(180), Ended("local", "cancelled")] and bench.at_rest

    def test_a_peer_that_rings_for_ever(self) -> None:
        bench = Bench()
        owned = bench.dial()
        bench.receive(answer(bench.request(), 180))
        bench.pass_s(UNANSWERED_S_MAX + 70)
        assert owned.events[-1] == Ended("local", "nobody answered") and bench.at_rest


@pytest.mark.parametrize("wrong", [{"to": ("sip.example.com", 5060)}])
def test_a_call_needs_an_address(wrong) -> None:
    with pytest.raises(PeerError):
        Bench().dial(**wrong)


def test_no_uri_no_call() -> None:
    bench = Bench()
    with pytest.raises(PeerError):
        bench.agent.invite("not a uri", call_id="c", caller="1", sdp=OFFER, to=PEER, on_event=lambda _: None)
    assert bench.at_rest
