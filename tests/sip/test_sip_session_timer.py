"""Session timers (RFC 4028), on both sides, and what happens when both offer at once."""

import pytest
from sip_bench import ANSWER, OFFER, Bench, Owned, answer, invite, request, within

from callwright.sip.events import Answered, Ended, Rejected
from callwright.sip.session_timer import EXPIRES_S, GLARE_MAX

pytestmark = pytest.mark.pure

ALLOW = "INVITE, ACK, BYE, CANCEL, UPDATE"


def _taken(**headers: str) -> tuple[Bench, Owned]:
    """A call that came, answered; the time is that of the ACK."""
    bench = Bench()
    bench.receive(invite(**{"allow": ALLOW} | headers))
    owned = bench.incoming[-1]
    owned.call.answer(ANSWER)
    bench.receive(within(owned, "ACK", 1))
    owned.events.clear()
    return bench, owned


def _dialled(**headers: str) -> tuple[Bench, Owned]:
    bench = Bench()
    owned = bench.dial()
    bench.receive(answer(bench.request(), 200, body=ANSWER, **headers))
    owned.events.clear()
    return bench, owned


def _theirs(owned: Owned, method: str, number: int = 1, **options: str):
    return request(method, call_id="ours", number=number, from_tag="theirs", to_tag=owned.call.tag, **options)


class TestCalledSide:
    def test_who_asks_refreshes(self) -> None:
        bench, owned = _taken(supported="timer", session_expires="120")
        ok = bench.response(200)
        assert ok.headers.get("session-expires") == "120;refresher=uac" and ok.headers.get("require") == "timer"
        bench.pass_s(80)
        assert bench.receive(within(owned, "UPDATE", supported="timer", session_expires="120")) == ["200 UPDATE"]
        assert bench.response().headers.get("session-expires") == "120;refresher=uac"
        assert bench.pass_s(87) == [] and owned.events == []
        assert bench.pass_s(1.2) == ["BYE"], "a third of so short a time before its end"
        assert owned.events == [Ended("failure", "the session was not refreshed")]

    def test_a_long_one_is_given_up_32_s_before_its_end(self) -> None:
        bench, owned = _taken(supported="timer", session_expires="1800;refresher=uac")
        assert bench.pass_s(1767) == [] and bench.pass_s(1.2) == ["BYE"] and owned.events

    def test_we_refresh_where_we_are_asked_to(self) -> None:
        bench, owned = _taken(supported="timer", session_expires="120;refresher=uas")
        assert bench.response(200).headers.get("session-expires") == "120;refresher=uas"
        assert not bench.response(200).headers.get("require")
        assert bench.at(61) == [(60.0, "UPDATE"), (60.5, "UPDATE")], "and again, for want of an answer"
        told = bench.request()
        assert (told.headers.get("session-expires"), told.body) == ("120;refresher=uac", "")
        bench.receive(answer(told, 200, session_expires="120;refresher=uac"))
        assert bench.pass_s(58) == [] and bench.pass_s(2) == ["UPDATE"] and owned.events == []

    def test_a_proxy_asks_for_a_caller_that_knows_no_timers(self) -> None:
        bench, _ = _taken(supported="", session_expires="300")
        assert bench.response(200).headers.get("session-expires") == "300;refresher=uas"
        assert bench.pass_s(151) == ["UPDATE", "UPDATE"]

    @pytest.mark.parametrize(("least", "agreed"), [("", "1800"), ("90", "1800"), ("3600", "3600")])
    def test_we_ask_who_knows_timers_and_does_not(self, least: str, agreed: str) -> None:
        bench, owned = _taken(supported="timer", **{"min_se": least} if least else {})
        assert bench.response(200).headers.get("session-expires") == f"{agreed};refresher=uas"
        assert not bench.response(200).headers.get("require")
        assert bench.at(int(agreed) // 2 + 1)[0] == (int(agreed) / 2, "UPDATE")
        bench.receive(answer(bench.request(), 408))
        assert owned.events == [Ended("failure", "the far end has gone")]

    def test_nobody_asks(self) -> None:
        bench, owned = _taken()
        assert not bench.response(200).headers.get("session-expires")
        assert bench.pass_s(10_000) == [] and owned.call.state == "confirmed"

    def test_a_refresh_that_asks_no_more_ends_it(self) -> None:
        bench, owned = _taken(supported="timer", session_expires="120")
        bench.receive(within(owned, "UPDATE"))
        assert bench.pass_s(10_000) == []

    @pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
    def test_too_short(self, method: str) -> None:
        bench, owned = _taken()
        short = {"supported": "timer", "session_expires": "60"}
        assert bench.receive(within(owned, method, **short)) == [f"422 {method}"]
        assert bench.receive(invite(call_id="other", **short)) == ["422 INVITE"]
        assert bench.response().headers.get("min-se") == "90" and len(bench.incoming) == 1

    @pytest.mark.parametrize("asked", ["soon", "-5", "99999999999999"])
    def test_what_cannot_be_read_is_none(self, asked: str) -> None:
        bench, owned = _taken(session_expires=asked)
        assert not bench.response(200).headers.get("session-expires") and owned.call.state == "confirmed"


class TestCallingSide:
    def test_we_ask_for_half_an_hour(self) -> None:
        bench = Bench()
        bench.dial()
        asked = bench.request().headers
        assert (asked.get("session-expires"), asked.get("min-se")) == (str(EXPIRES_S), "90")
        assert asked.tokens("supported")[:2] == ["100rel", "timer"]

    def test_a_peer_that_knows_no_timers(self) -> None:
        bench, owned = _dialled()
        assert bench.pass_s(10_000) == [] and owned.call.state == "confirmed"

    def test_the_peer_wants_it_longer(self) -> None:
        bench = Bench()
        owned = bench.dial()
        assert bench.receive(answer(bench.request(), 422, min_se="3600")) == ["ACK", "INVITE"]
        assert bench.request().headers.get("session-expires") == bench.request().headers.get("min-se") == "3600"
        assert bench.receive(answer(bench.request(), 422, min_se="3600")) == ["ACK"]
        assert owned.events == [Rejected(422, "Whatever")]

    def test_we_refresh(self) -> None:
        bench, owned = _dialled(session_expires="1800;refresher=uac", allow=ALLOW)
        assert bench.at(900)[0] == (900.0, "UPDATE")
        bench.receive(answer(bench.request(), 200, session_expires="1800;refresher=uac"))
        assert bench.at(900)[0] == (900.0, "UPDATE") and owned.events == []

    def test_the_peer_refreshes(self) -> None:
        bench, owned = _dialled(session_expires="1800;refresher=uas")
        bench.pass_s(1000)
        refresh = _theirs(owned, "UPDATE", supported="timer", session_expires="1800;refresher=uac")
        assert bench.receive(refresh) == ["200 UPDATE"]
        assert bench.pass_s(1767) == [] and bench.pass_s(1.2) == ["BYE"]
        assert owned.events == [Ended("failure", "the session was not refreshed")]

    def test_by_a_re_invite_where_the_peer_takes_no_update(self) -> None:
        bench, owned = _dialled(session_expires="200;refresher=uac", allow="INVITE, ACK, BYE")
        assert bench.at(100)[0] == (100.0, "INVITE")
        again = bench.request()
        assert again.body == OFFER and again.to_tag == "theirs" and again.headers.get("cseq") == "2 INVITE"
        ok = answer(again, 200, body=ANSWER, session_expires="200;refresher=uac")
        assert bench.receive(ok) == ["ACK"] and bench.receive(ok) == ["ACK"]
        assert owned.events == [Answered(ANSWER)], "it may have moved its audio"
        assert bench.at(100)[0] == (100.0, "INVITE")

    def test_by_a_re_invite_where_the_peer_takes_no_update_after_all(self) -> None:
        bench, _ = _dialled(session_expires="200;refresher=uac", allow=ALLOW)
        bench.pass_s(100)
        assert bench.receive(answer(bench.request(), 405)) == ["INVITE"]

    @pytest.mark.parametrize("status", [408, 481])
    def test_a_far_end_that_does_not_know_the_call(self, status: int) -> None:
        bench, owned = _dialled(session_expires="200;refresher=uac", allow=ALLOW)
        bench.pass_s(100)
        assert bench.receive(answer(bench.request(), status)) == ["BYE"]
        assert owned.events == [Ended("failure", "the far end has gone")]

    def test_a_far_end_that_is_silent(self) -> None:
        bench, owned = _dialled(session_expires="200;refresher=uac", allow=ALLOW)
        bench.pass_s(133)
        assert owned.events == [Ended("failure", "the far end has gone")]
        bench.pass_s(40)
        assert bench.at_rest


class TestGlare:
    """RFC 3261 §14.1."""

    def test_ours_is_refused_and_goes_again_later(self) -> None:
        bench, owned = _dialled(session_expires="200;refresher=uac", allow="INVITE")
        bench.pass_s(100)
        assert bench.receive(answer(bench.request(), 491)) == ["ACK"]
        assert bench.at(4)[0] == (3.05, "INVITE"), "we made the Call-ID: 2.1 to 4 s"
        assert bench.receive(answer(bench.request(), 200, session_expires="200;refresher=uac")) == ["ACK"]
        assert owned.events == []

    def test_the_other_side_tries_again_sooner(self) -> None:
        bench, _ = _taken(supported="timer", session_expires="200;refresher=uas", allow="INVITE")
        bench.pass_s(100)
        assert bench.receive(answer(bench.request(), 491)) == ["ACK"]
        assert bench.at(2)[0] == (1.0, "INVITE")

    def test_theirs_is_refused_while_ours_is_under_way(self) -> None:
        bench, owned = _dialled(session_expires="200;refresher=uac", allow="INVITE")
        bench.pass_s(100)
        assert bench.receive(_theirs(owned, "INVITE", body=OFFER)) == ["491 INVITE"]
        assert bench.receive(_theirs(owned, "UPDATE", 2)) == ["200 UPDATE"], "which offers nothing"

    def test_ours_waits_while_theirs_is_under_way(self) -> None:
        bench, owned = _dialled(session_expires="200;refresher=uac", allow="INVITE")
        bench.pass_s(99)
        bench.receive(_theirs(owned, "INVITE", body=OFFER, supported="timer", session_expires="200;refresher=uas"))
        assert bench.pass_s(3) == []
        owned.call.answer_reoffer(ANSWER)
        assert bench.response().headers.get("session-expires") == "200;refresher=uas"

    def test_a_peer_that_is_never_done_has_the_session_run_out(self) -> None:
        bench, owned = _dialled(session_expires="200;refresher=uac", allow="INVITE")
        asked = 0
        while not owned.events:
            for what in bench.pass_s(0.25):
                if what == "INVITE":
                    asked += 1
                    bench.receive(answer(bench.request(last="INVITE"), 491))
        assert 1 < asked <= GLARE_MAX + 1
        assert owned.events == [Ended("failure", "the session was not refreshed")]


def test_nothing_is_left_of_a_call_that_ended_in_between() -> None:
    bench, owned = _dialled(session_expires="200;refresher=uac", allow="INVITE")
    bench.pass_s(100)
    owned.call.hang_up()
    ok = answer(bench.request(last="INVITE"), 200, body=ANSWER)
    assert bench.receive(ok) == ["ACK"]
    bench.receive(answer(bench.request(last="BYE"), 200))
    bench.pass_s(70)
    assert bench.at_rest and owned.events == []
