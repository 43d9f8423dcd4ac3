"""INVITEs of ours that go out again: challenged, or sent to other places."""

from collections.abc import Callable

import pytest
from sip_bench import ANSWER, PEER, Bench, Owned, answer, within

from callwright.sip.digest import Credentials
from callwright.sip.events import Answered, Ended, Rejected
from callwright.sip.invitation import INVITES_MAX
from callwright.sip.ways import Way

pytestmark = pytest.mark.pure

ASKED = 'Digest realm="a", nonce="n", qop="auth"'


def _dialled(**options) -> tuple[Bench, Owned]:
    bench = Bench()
    return bench, bench.dial(**{"credentials": Credentials("u", "p")} | options)


class TestChallenged:
    @pytest.mark.parametrize(
        ("status", "asks", "answers"),
        [(401, "www_authenticate", "authorization"), (407, "proxy_authenticate", "proxy-authorization")],
    )
    def test_the_invite_goes_again_with_the_next_cseq(self, status: int, asks: str, answers: str) -> None:
        """RFC 3261 §22.2: an ACK for the refusal, then the same INVITE, with a branch of its own."""
        bench, owned = _dialled()
        first = bench.request()
        assert bench.receive(answer(first, status, **{asks: ASKED})) == ["ACK", "INVITE"]
        second = bench.request()
        assert second.headers.get("cseq") == "2 INVITE" and second.via.branch != first.via.branch
        for same in ("call-id", "from", "to", "contact"):
            assert second.headers.get(same) == first.headers.get(same)
        assert bench.receive(answer(second, 200, body=ANSWER)) == ["ACK"]
        assert bench.request().headers.get(answers) == second.headers.get(answers)
        assert owned.events == [Answered(ANSWER)]
        owned.call.hang_up()
        assert bench.request(last="BYE").headers.get("cseq") == "3 BYE"

    def test_without_credentials_it_is_a_refusal(self) -> None:
        bench, owned = _dialled(credentials=None)
        assert bench.receive(answer(bench.request(), 407, proxy_authenticate=ASKED)) == ["ACK"]
        assert owned.events == [Rejected(407, "Whatever")]

    def test_a_wrong_password_is_told_once(self) -> None:
        bench, owned = _dialled()
        bench.receive(answer(bench.request(), 401, www_authenticate=ASKED))
        assert bench.receive(answer(bench.request(), 401, www_authenticate=ASKED)) == ["ACK"]
        assert owned.events == [Rejected(401, "Whatever")]
        bench.pass_s(40)
        assert bench.at_rest

    def test_a_call_that_was_given_up_is_not_tried_again(self) -> None:
        bench, owned = _dialled()
        invited = bench.request()
        bench.receive(answer(invited, 100))
        owned.call.cancel()
        assert bench.receive(answer(invited, 401, www_authenticate=ASKED)) == ["ACK"]
        assert owned.events == [Ended("local", "cancelled")]

    def test_cancel_means_the_invite_that_is_under_way(self) -> None:
        bench, owned = _dialled()
        bench.receive(answer(bench.request(), 401, www_authenticate=ASKED))
        again = bench.request()
        owned.call.cancel()
        assert bench.receive(answer(again, 180)) == ["CANCEL"], "not before this INVITE was answered"
        assert bench.request().via.branch == again.via.branch
        assert bench.request().headers.get("cseq") == "2 CANCEL"

    def test_a_bye_is_challenged(self) -> None:
        bench, owned = _dialled()
        bench.receive(answer(bench.request(), 200, body=ANSWER))
        owned.call.hang_up()
        assert bench.receive(answer(bench.request(), 407, proxy_authenticate=ASKED)) == ["BYE"]
        assert bench.request().headers.get("cseq") == "3 BYE"
        assert "Digest" in bench.request().headers.get("proxy-authorization")
        assert bench.receive(answer(bench.request(), 407, proxy_authenticate=ASKED)) == []
        bench.pass_s(40)
        assert bench.at_rest


class TestRedirected:
    def test_the_best_place_is_asked_first_and_the_next_where_it_refuses(self) -> None:
        bench, owned = _dialled()
        places = "<sip:b@198.51.100.2>;q=0.5|<sip:a@198.51.100.1:5080>;q=0.9"
        assert bench.receive(answer(bench.request(), 302, contact=places)) == ["ACK", "INVITE"]
        assert bench.request().uri == "sip:a@198.51.100.1:5080" and bench.sent[-1].to == ("198.51.100.1", 5080)
        assert bench.receive(answer(bench.request(), 486)) == ["ACK", "INVITE"]
        assert bench.request().uri == "sip:b@198.51.100.2"
        assert bench.receive(answer(bench.request(), 404)) == ["ACK"]
        assert owned.events == [Rejected(404, "Whatever")]

    def test_a_busy_everywhere_ends_it(self) -> None:
        bench, owned = _dialled()
        bench.receive(answer(bench.request(), 302, contact="<sip:a@198.51.100.1>|<sip:b@198.51.100.2>"))
        assert bench.receive(answer(bench.request(), 600)) == ["ACK"]
        assert owned.events == [Rejected(600, "Whatever")]

    def test_another_user_at_the_same_name_goes_by_the_same_peer(self) -> None:
        bench, _ = _dialled()
        bench.receive(answer(bench.request(), 302, contact="<sip:300@192.0.2.7>"))
        assert bench.request().uri == "sip:300@192.0.2.7" and bench.sent[-1].to == PEER

    def test_a_circle_ends(self) -> None:
        bench, owned = _dialled()
        bench.receive(answer(bench.request(), 302, contact="<sip:a@198.51.100.1>"))
        assert bench.receive(answer(bench.request(), 302, contact="<sip:200@192.0.2.7>")) == ["ACK"]
        assert owned.events == [Rejected(302, "Whatever")]

    def test_redirections_without_end(self) -> None:
        bench, owned = _dialled()
        for number in range(30):
            bench.receive(answer(bench.request(last="INVITE"), 302, contact=f"<sip:{number}@198.51.100.1>"))
        assert [sent.what for sent in bench.sent].count("INVITE") == INVITES_MAX
        assert owned.events == [Rejected(302, "Whatever")]

    @pytest.mark.parametrize(
        "contact", ["<sip:a@10.0.0.1>", "<sip:a@elsewhere.example>", "<mailto:a@b>", "<sip:a@198.51.100.1", "", "*"]
    )
    def test_a_place_that_is_not_asked(self, contact: str) -> None:
        bench, owned = _dialled(permits=lambda host: host != "10.0.0.1")
        assert bench.receive(answer(bench.request(), 302, contact=contact)) == ["ACK"]
        assert owned.events == [Rejected(302, "Whatever")]

    def test_places_are_looked_up_one_after_the_other(self) -> None:
        """Those that the look-up finds nothing at are passed over; none of them is told who we are."""
        looked: list[tuple[str, Callable[[list[Way]], None]]] = []

        def look_up(target: str, found: Callable[[list[Way]], None]) -> Callable[[], None]:
            looked.append((target, found))
            return lambda: None

        bench, owned = _dialled(look_up=look_up)
        places = "<sip:a@a.example>;q=0.9|<sip:b@b.example;transport=tcp>;q=0.8|<sip:c@198.51.100.3>;q=0.1"
        assert bench.receive(answer(bench.request(), 302, contact=places)) == ["ACK"]
        assert [target for target, _ in looked] == ["sip:a@a.example"]
        looked[0][1]([])
        assert looked[1][0] == "sip:b@b.example;transport=tcp"
        looked[1][1]([(bench.agent, ("198.51.100.1", 5060)), (bench.agent, ("198.51.100.2", 5060))])
        for host in (1, 2):
            assert bench.sent[-1].to == (f"198.51.100.{host}", 5060)
            assert bench.request().uri == looked[1][0] and bench.request().headers.get("cseq") == "2 INVITE"
            bench.receive(answer(bench.request(), 503))
        assert bench.sent[-1].to == ("198.51.100.3", 5060)
        assert bench.receive(answer(bench.request(), 407, proxy_authenticate=ASKED)) == ["ACK"]
        assert owned.events == [Rejected(407, "Whatever")]

    def test_a_look_up_of_a_call_that_is_given_up_is_stopped(self) -> None:
        stopped: list[str] = []
        bench, owned = _dialled(look_up=lambda target, _: lambda: stopped.append(target))
        bench.receive(answer(bench.request(), 302, contact="<sip:a@a.example>"))
        owned.call.cancel()
        assert owned.events == []
        bench.pass_s(0.01)
        assert owned.events == [Ended("local", "cancelled")] and stopped == ["sip:a@a.example"]
        bench.pass_s(40)
        assert bench.at_rest

    def test_who_we_are_is_for_the_trunk_alone(self) -> None:
        bench, owned = _dialled()
        bench.receive(answer(bench.request(), 407, proxy_authenticate=ASKED))
        bench.receive(answer(bench.request(), 302, contact="<sip:a@198.51.100.1>"))
        assert not bench.request().headers.get("proxy-authorization")
        bench.receive(answer(bench.request(), 407, proxy_authenticate=ASKED))
        assert owned.events == [Rejected(407, "Whatever")]


def test_a_peer_that_hangs_up_an_authorised_call() -> None:
    bench, owned = _dialled()
    bench.receive(answer(bench.request(), 401, www_authenticate=ASKED))
    bench.receive(answer(bench.request(), 200, body=ANSWER))
    assert bench.receive(within(owned, "BYE", from_tag="theirs")) == ["200 BYE"]
